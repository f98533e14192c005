"""Rows of benchmark files as they are published: JSON Lines, plain or gzip-compressed.

Every fault of a file is found in one reading and told at once, with its line and the reason.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.manifests import known_languages
from pipeline.records import UserError, digest

ALIASES = {
    "c#": "csharp",
    "c++": "cpp",
    "cs": "csharp",
    "golang": "go",
    "js": "javascript",
    "kt": "kotlin",
    "pl": "perl",
    "py": "python",
    "rb": "ruby",
    "ts": "typescript",
}
REQUIRED = ("task_id", "prompt", "entry_point", "test")
SHOWN_FAULTS = 20  # of one file; the rest are counted


@dataclass(frozen=True, slots=True)
class Row:
    """One published row. Texts are byte-exact; a canonical solution may be absent."""

    language: str
    task_id: str
    prompt: str
    entry_point: str
    test: str
    canonical_solution: str | None
    description: str

    def content(self) -> str:
        """Digest of what the row means; packaging and description leave it alone."""
        solution = self.canonical_solution
        return digest(
            self.language,
            self.task_id,
            self.prompt,
            self.entry_point,
            self.test,
            "" if solution is None else "=" + solution,
        )


@dataclass(frozen=True, slots=True)
class RowSet:
    """The rows of one file or of one split of the hub, in their published order.

    source: what a person would call it. sha256: of the file as it lies on disk (of the
    uncompressed content for ``.gz``, which depends on no compressor).
    """

    dataset: str
    source: str
    sha256: str
    rows: tuple[Row, ...]

    def content(self) -> str:
        """Digest of all rows in order; equal however the rows were packaged."""
        return digest(*(row.content() for row in self.rows))


class Faults:
    """Collects what is wrong with one file and raises it as one error."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[str] = []

    def add(self, line: int, reason: str) -> None:
        self._found.append(f"{self._source}:{line}: {reason}")

    def check(self) -> None:
        """Raises UserError with every fault, if there are any."""
        if not self._found:
            return
        more = len(self._found) - SHOWN_FAULTS
        tail = [f"... and {more} more broken lines"] if more > 0 else []
        raise UserError("\n".join([*self._found[:SHOWN_FAULTS], *tail]))


def language_of(name: str) -> str | None:
    """Our name of a language as files write it (`C++`, `js`); None when it is unknown."""
    lower = name.strip().lower()
    known = ALIASES.get(lower, lower)
    return known if known in known_languages() else None


def read_bytes(path: Path) -> bytes:
    """Content of a file, uncompressed when its name ends in ``.gz``."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error}): fetch it again") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def objects(data: bytes, faults: Faults) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line numbers and JSON objects; blank lines are skipped, broken ones become faults."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            faults.add(number, f"not UTF-8 (byte {error.start})")
        except json.JSONDecodeError as error:
            faults.add(number, f"not JSON: {error.msg} (column {error.colno})")
        except (RecursionError, ValueError) as error:  # nested, or a number, beyond all measure
            faults.add(number, f"cannot be read: {error}")
        else:
            if isinstance(found, dict):
                yield number, found
            else:
                faults.add(number, f"a JSON object is wanted, not {_kind(found)}")


def read_jsonl(
    path: Path, dataset: str, *, language: str | None = None, default: str | None = None
) -> RowSet:
    """Reads one file.

    Args:
        language: the only one that rows may have; also that of rows without the field.
        default: the language of rows without the field, where others may have another. Without
            both, every row must name its language.

    Raises UserError that lists every broken line: no JSON, a missing or mistyped field, an unknown
    language, a key that occurred before.
    """
    data = read_bytes(path)
    faults = Faults(str(path))
    rows = check_rows(objects(data, faults), faults, language=language, default=default)
    if not rows:
        raise UserError(f"{path}: holds no problem")
    return RowSet(dataset, str(path), hashlib.sha256(data).hexdigest(), rows)


def check_rows(
    numbered: Iterable[tuple[int, Mapping[str, Any]]],
    faults: Faults,
    *,
    language: str | None = None,
    default: str | None = None,
) -> tuple[Row, ...]:
    """Checked rows of any source; raises every fault at once, those found before included.

    language, default: as `read_jsonl` has them.
    """
    rows: list[Row] = []
    first: dict[tuple[str, str], int] = {}
    for number, found in numbered:
        reasons = list(_field_faults(found))
        named, reason = _row_language(found, language, default)
        if reason:
            reasons.append(reason)
        if reasons:
            faults.add(number, "; ".join(reasons))
            continue
        key = (named, found["task_id"])
        if key in first:
            faults.add(number, f"{key[1]} ({named}) was on line {first[key]} already")
            continue
        first[key] = number
        rows.append(
            Row(
                language=named,
                task_id=found["task_id"],
                prompt=found["prompt"],
                entry_point=found["entry_point"],
                test=found["test"],
                canonical_solution=found.get("canonical_solution"),
                description=found.get("description") or "",
            )
        )
    faults.check()
    return tuple(rows)


def _field_faults(found: Mapping[str, Any]) -> Iterator[str]:
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        yield f"lacks {', '.join(missing)}"
    for name in (*REQUIRED, "language", "canonical_solution", "description"):
        optional = name not in REQUIRED
        value = found.get(name)
        if name in found and not isinstance(value, str) and not (optional and value is None):
            yield f"{name} must be a string, not {_kind(value)}"
    if found.get("task_id") == "":
        yield "task_id is empty"


def _row_language(
    found: Mapping[str, Any], only: str | None, default: str | None
) -> tuple[str, str]:
    """The row's language and what is wrong with it (one of them empty)."""
    written = found.get("language")
    if written is None:
        given = only or default
        return (given, "") if given else ("", "lacks language: name it in the row or `languages`")
    if not isinstance(written, str):
        return "", ""  # told as a mistyped field already
    named = language_of(written)
    if named is None:
        return "", f"unknown language {written!r}: one of {', '.join(known_languages())}"
    if only and named != only:
        return "", f"language is {named}, the file's is {only}"
    return named, ""


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number"}
    names |= {str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
