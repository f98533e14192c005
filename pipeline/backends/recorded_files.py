"""Files of completions: forkeval's own, and those of human-eval, mxeval, EvalPlus and Parquet.

Whatever the file, a row is a mapping with `task_id`, `completion` (or EvalPlus's `solution`, the
whole program) and, where they are told, `language`, `dataset` and `sample_index`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.benchmarks.rows import Faults, language_of, objects, read_bytes
from pipeline.records import UserError

PARQUET = b"PAR1"  # the first bytes of every such file
TEXTS = ("text", "completion")  # of candidates as sampled, of programs as cut


def rows(data: bytes, source: Path, faults: Faults) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Numbers (of lines, or of a table's rows, from 1 on) and rows; broken lines become faults."""
    if data.startswith(PARQUET):
        return _parquet(data, source)
    return objects(data, faults)


def text_fault(name: str, text: str) -> str:
    """Why a text can be no program's, or ""."""
    if (at := text.find("\0")) >= 0:
        return f"{name} holds a NUL character (at {at}), which no source file may"
    half = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    return "" if half is None else f"{name} holds half a character (at {half}): it is no text"


def after_prompt(prompt: str, solution: str) -> str | None:
    """The completion in a whole program; None where the program does not begin with the prompt.

    EvalPlus strips the white space before a prompt, so that may be missing.
    """
    for start in (prompt, prompt.lstrip()):
        if solution.startswith(start):
            return solution[len(start) :]
    return None


def languages_named(paths: Iterable[Path]) -> tuple[set[str], bool]:
    """The known languages that rows name, and whether some row names none."""
    named: set[str] = set()
    unnamed = False
    for path in paths:
        for _, row in rows(read_bytes(path), path, Faults(str(path))):
            language = row.get("language")
            if language is None:
                unnamed = True
            elif isinstance(language, str) and (known := language_of(language)):
                named.add(known)
    return named, unnamed


def _parquet(data: bytes, source: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        has = file.schema_arrow.names
        text = next((name for name in TEXTS if name in has), None)
        if text is None or "task_id" not in has:
            raise UserError(
                f"{source}: a table of completions is wanted, with task_id and one of "
                f"{', '.join(TEXTS)} (of a run: candidates.parquet); it has {', '.join(has)}"
            )
        keys = [n for n in ("dataset", "language", "task_id", "sample_index") if n in has]
        found = file.read(columns=[*keys, text]).rename_columns([*keys, "completion"])
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source}: not a whole Parquet file ({error})") from error
    return enumerate(found.to_pylist(), start=1)
