"""A handful of candidates worth reading: the first that passes, the likeliest that fails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import VERDICTS
from reports.data import ReportInput
from reports.tally import Placer, Tally

PER_LANGUAGE = 2
TEXT = 6000  # characters of a prompt or completion that are shown
OUTPUT = 800


def examples(source: ReportInput, tally: Tally, place: Placer) -> list[dict[str, Any]]:
    """Problems of each language that were solved by some samples and failed by others.

    Preferred are those whose likeliest program fails: there a ranker went wrong.
    """
    scores = likelihood(source, place, tally)
    chosen: list[int] = []
    for dataset, language in dict.fromkeys(zip(tally.dataset, tally.language, strict=True)):
        rows = [
            i
            for i in range(tally.problems)
            if (tally.dataset[i], tally.language[i]) == (dataset, language)
            and tally.judged[i].any()
        ]
        chosen += sorted(rows, key=lambda i: interest(tally, scores, i))[:PER_LANGUAGE]
    return [example(source, tally, scores, i) for i in chosen]


def likelihood(source: ReportInput, place: Placer, tally: Tally) -> np.ndarray[Any, Any]:
    """[P, n] score by mean log-probability where that ranker ran, else -inf."""
    out = np.full(tally.verdict.size, -math.inf)
    if source.rankings.num_rows:
        rows = source.rankings.filter(pc.equal(source.rankings["ranker"], "mean_logprob"))
        if rows.num_rows:
            picked, cell = place.cells(rows)
            out[cell] = np.nan_to_num(rows["score"].to_numpy()[picked], nan=-math.inf)
    return out.reshape(tally.verdict.shape)


def interest(tally: Tally, scores: np.ndarray[Any, Any], row: int) -> tuple[int, int]:
    """Sort key: mixed problems whose likeliest program fails, mixed ones, solved ones, the rest."""
    passed, judged = tally.passed[row], tally.judged[row]
    mixed = bool(passed.any() and (judged & ~passed).any())
    best = int(np.argmax(np.where(judged, scores[row], -math.inf)))
    rank = 0 if mixed and not passed[best] else 1 if mixed else 2 if passed.any() else 3
    return rank, row


def example(
    source: ReportInput, tally: Tally, scores: np.ndarray[Any, Any], row: int
) -> dict[str, Any]:
    """The problem's prompt with its first passing and its likeliest failing candidate."""
    passed, failed = tally.passed[row], tally.judged[row] & ~tally.passed[row]
    picks: list[tuple[str, int]] = []
    if passed.any():
        picks.append(("first that passes", int(np.argmax(passed))))
    if failed.any():
        likely = np.where(failed, scores[row], -math.inf)
        known = bool(np.isfinite(likely).any())
        index = int(np.argmax(likely)) if known else int(np.argmax(failed))
        picks.append(("likeliest that fails" if known else "first that fails", index))
    problem = source.problems.slice(row, 1).to_pylist()[0]
    prompt = problem["prompt"][problem["header_chars"] :]
    return {
        "dataset": tally.dataset[row],
        "language": tally.language[row],
        "task_id": tally.task_id[row],
        "n": int(tally.n[row]),
        "c": int(tally.c[row]),
        "prompt": clip(prompt, TEXT),
        "candidates": [candidate(source, tally, scores, row, index, why) for why, index in picks],
    }


def candidate(
    source: ReportInput,
    tally: Tally,
    scores: np.ndarray[Any, Any],
    row: int,
    index: int,
    why: str,
) -> dict[str, Any]:
    key = (tally.dataset[row], tally.language[row], tally.task_id[row], index)
    program = one(source.programs, key)
    verdict = one(source.verdicts, key)
    runs = source.executions
    if runs.num_rows:
        same = pc.and_(
            pc.equal(runs["program_hash"], verdict["program_hash"]),
            pc.equal(runs["test_hash"], verdict["test_hash"]),
        )
        runs = runs.filter(same).sort_by("attempt")
    last = runs.slice(runs.num_rows - 1, 1).to_pylist()[0] if runs.num_rows else {}
    score = float(scores[row, index])
    same_program = tally.program[row] == tally.program[row, index]
    return {
        "why": why,
        "sample_index": index,
        "drawn": int((same_program & tally.present[row]).sum()),
        "completion": clip(program["completion"], TEXT),
        "verdict": VERDICTS[tally.verdict[row, index]],
        "mean_logprob": score if math.isfinite(score) else None,
        "detail": last.get("detail", ""),
        "stderr": clip(last.get("stderr", ""), OUTPUT),
    }


def one(table: pa.Table, key: tuple[str, str, str, int]) -> dict[str, Any]:
    """The row of a candidate."""
    names = ("dataset", "language", "task_id", "sample_index")
    mask = pc.equal(table[names[0]], key[0])
    for name, value in zip(names[1:], key[1:], strict=True):
        mask = pc.and_(mask, pc.equal(table[name], value))
    found = table.filter(mask).slice(0, 1).to_pylist()
    return dict(found[0])


def clip(text: str, limit: int) -> str:
    """The beginning, saying how much is left out."""
    return text if len(text) <= limit else f"{text[:limit]}\n... {len(text) - limit:,} more"
