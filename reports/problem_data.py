"""What a reader may open of each problem: its prompt, and its programs with their output.

The texts of a large run do not fit in a page, so that a limit is shared out (`shares`) and programs
are left out by a stated rule (`KEPT`).
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.records import VERDICTS
from reports.data import ReportInput
from reports.examples import clip, likelihood
from reports.tally import Placer, Tally

LIMIT = 10_500_000  # bytes of all problems together, as written in the page
PROMPT = 20_000  # characters of a prompt
CODE = 6_000  # characters of a program
TAIL = 800  # characters at the end of an output stream
KEPT = (
    "The text of a page is limited. Where a problem's programs do not fit, those stay that were "
    "drawn most often, and the commonest of each verdict; the others are counted."
)


def problem_data(source: ReportInput, tally: Tally, place: Placer) -> list[str]:
    """One line a problem, in the order of their table: base64 of gzip of a JSON object.

    `prompt`; `groups`: a list of distinct programs (`code`, `verdict`, `samples`: indices in
    ascending order, `score`: mean log-probability or null, `detail`, `stdout`, `stderr`); `left`:
    verdict to [programs, samples] without text. All lines together have at most LIMIT characters,
    unless the prompts alone exceed it.
    """
    groups = grouped(source, tally, place)
    prompts = [
        clip(text[header:], PROMPT)
        for text, header in zip(
            source.problems["prompt"].to_pylist(),
            source.problems["header_chars"].to_pylist(),
            strict=True,
        )
    ]
    whole = [pack(prompt, found, len(found)) for prompt, found in zip(prompts, groups, strict=True)]
    limits = shares([len(line) for line in whole], LIMIT)
    return [
        line if len(line) <= limit else fit(prompt, found, len(line), limit)
        for line, limit, prompt, found in zip(whole, limits, prompts, groups, strict=True)
    ]


def shares(sizes: list[int], limit: int) -> list[int]:
    """What each may take: all that it needs, or an equal part of what smaller ones leave."""
    found = [0] * len(sizes)
    left = limit
    for done, i in enumerate(sorted(range(len(sizes)), key=lambda i: sizes[i])):
        found[i] = min(sizes[i], left // (len(sizes) - done))
        left -= found[i]
    return found


def fit(prompt: str, groups: list[dict[str, Any]], size: int, limit: int) -> str:
    """The line with as many groups as the limit allows, within a twentieth."""
    keep = len(groups) * limit // size
    while True:
        line = pack(prompt, groups, keep)
        if len(line) <= limit or keep == 0:
            return line
        keep = keep * 19 // 20


def pack(prompt: str, groups: list[dict[str, Any]], keep: int) -> str:
    """The line with the first `keep` groups. Similar texts side by side compress better."""
    left: dict[str, list[int]] = {}
    for group in groups[keep:]:
        counts = left.setdefault(group["verdict"], [0, 0])
        counts[0] += 1
        counts[1] += len(group["samples"])
    shown = sorted(groups[:keep], key=lambda group: str(group["code"]))
    content = json.dumps({"prompt": prompt, "groups": shown, "left": left}, separators=(",", ":"))
    return base64.b64encode(gzip.compress(content.encode(), 6, mtime=0)).decode()


def grouped(source: ReportInput, tally: Tally, place: Placer) -> list[list[dict[str, Any]]]:
    """Each problem's distinct programs, the most worth keeping first."""
    samples = [samples_by_program(tally, i) for i in range(tally.problems)]
    n = tally.verdict.shape[1]
    cells = np.array([i * n + m[0] for i, found in enumerate(samples) for m in found], np.int64)
    codes = texts(source.programs, place, cells, tally.verdict.size, "completion")
    outputs = execution_texts(source, place, cells, tally.verdict.size)
    scores = likelihood(source, place, tally)
    answer = []
    at = 0
    for i, found in enumerate(samples):
        rows = []
        for members in found:
            score = float(scores[i, members].max())
            rows.append(
                {
                    "verdict": VERDICTS[tally.verdict[i, members[0]]],
                    "samples": members,
                    "score": round(score, 4) if math.isfinite(score) else None,
                    "code": clip(codes[at], CODE),
                    **{name: column[at] for name, column in outputs.items() if column[at]},
                }
            )
            at += 1
        answer.append(in_order(rows))
    return answer


def samples_by_program(tally: Tally, row: int) -> list[list[int]]:
    """The sample indices of each distinct program of a problem."""
    found: dict[int, list[int]] = {}
    for index in np.flatnonzero(tally.present[row] & (tally.program[row] >= 0)).tolist():
        found.setdefault(int(tally.program[row, index]), []).append(index)
    return list(found.values())


def in_order(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The commonest of each verdict, then by how often drawn, then by the first sample."""
    common = sorted(groups, key=lambda group: (-len(group["samples"]), group["samples"][0]))
    first = {group["verdict"]: group["samples"][0] for group in reversed(common)}
    return sorted(common, key=lambda group: first[group["verdict"]] != group["samples"][0])


def texts(table: Any, place: Placer, cells: Any, size: int, column: str) -> list[str]:
    """A column's text at cells of [P, n], each of which has a row."""
    return [
        text or "" for text in table[column].take(rows_at(table, place, cells, size)).to_pylist()
    ]


def rows_at(table: Any, place: Placer, cells: Any, size: int) -> Any:
    rows, where = place.cells(table)
    at = np.full(size, -1, np.int64)
    at[where] = rows
    return at[cells]


def execution_texts(
    source: ReportInput, place: Placer, cells: Any, size: int
) -> dict[str, list[str]]:
    """By column: what the last execution of the program in each cell said; "" where none ran."""
    runs = source.executions
    names = [name for name in ("detail", "stdout", "stderr") if name in runs.column_names]
    if not runs.num_rows or not len(cells):
        return {}
    verdicts = source.verdicts.take(rows_at(source.verdicts, place, cells, size))
    runs = runs.sort_by([("attempt", "descending")])  # the first that is found is the last that ran
    found = pc.index_in(pair(verdicts), value_set=pair(runs).combine_chunks())
    answer = {}
    for name in names:
        column = runs[name].take(found).to_pylist()
        answer[name] = [tail(text or "") for text in column]
    return answer


def pair(table: Any) -> Any:
    return pc.binary_join_element_wise(table["program_hash"], table["test_hash"], "/")


def tail(text: str) -> str:
    """The end, which says why a program ended."""
    return text if len(text) <= TAIL else f"{len(text) - TAIL:,} more ...\n{text[-TAIL:]}"
