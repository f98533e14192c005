"""The backend that replays: other systems' completions from files, or canonical solutions.

No tokens and no log-probabilities are known of replayed text, so rankers that rest on them are
undefined there, and the ledger counts no tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.backends.recorded_files import after_prompt, rows, text_fault
from pipeline.benchmarks.rows import Faults, language_of, read_bytes
from pipeline.config import BackendConfig
from pipeline.records import (
    Call,
    Candidate,
    EngineStep,
    Problem,
    ProblemKey,
    Test,
    UserError,
)
from pipeline.services import Completion, CompletionRequest

Samples = dict[int, str]  # sample index to text
SHOWN = 5  # problems named in an error about many


def with_canonical(
    problems: Sequence[Problem], tests: Sequence[Test]
) -> tuple[list[Problem], list[Test], list[ProblemKey]]:
    """What canonical solutions can be replayed for, and the problems that have none.

    Some published files lack solutions of some problems. A run that replays solutions is of the
    problems that have one; the others are to be reported as left out, not as failed.
    """
    solved = {test.key for test in tests if test.canonical_solution is not None}
    left_out = [problem.key for problem in problems if problem.key not in solved]
    return (
        [problem for problem in problems if problem.key in solved],
        [test for test in tests if test.key in solved],
        left_out,
    )


class RecordedCompleter:
    """A `Completer` whose samples were made before.

    Args:
        problems: those that may be asked for.
        tests: their tests, for canonical solutions.
        config: which files, or `canonical`.
        limited: whether `problems` are only some of their benchmarks (`limit`, `task_ids`,
            `languages`). If so, recorded samples of others are left aside and counted; if not, a
            line of an unknown problem is refused, since it is a misspelt or foreign one.

    A file of completions is JSON Lines, plain or .gz, or Parquet: `task_id`, `completion` (or
    `solution`, prompt and completion together), and, where they are needed to tell problems apart,
    `language` and `dataset`; `sample_index` orders a problem's samples, which otherwise count up in
    the order of the lines. EvalPlus's task ids are understood.

    Raises UserError that lists every broken line, unknown problem and repeated sample of all files,
    and for problems without a canonical solution (`with_canonical` leaves those out).
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        tests: Sequence[Test],
        config: BackendConfig,
        limited: bool = False,
    ) -> None:
        self._source = "canonical" if config.canonical else "completions"
        self._samples: dict[ProblemKey, Samples] = {}
        self._hashes: dict[str, str] = {}
        self._aside = 0
        if config.canonical:
            self._take_canonical(problems, tests)
        else:
            self._prompts = {p.key: p.prompt[p.header_chars :] for p in problems}
            index = _Index(self._prompts)
            told: list[str] = []
            for path in config.completions:
                try:
                    self._hashes[str(path)] = self._read(path, index, limited)
                except UserError as fault:
                    told.append(str(fault))
            if told:
                raise UserError("\n".join(told))

    def recorded(self) -> Mapping[ProblemKey, int]:
        """How many samples each problem has, counted from index 0 on without a gap."""
        return {
            key: next(i for i in range(len(samples) + 1) if i not in samples)
            for key, samples in self._samples.items()
        }

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        """Raises UserError where a sample that is wanted was not recorded: n means exactly n."""
        lacking = [
            request
            for request in requests
            if not self._samples.get(request.problem, {}).keys() >= set(request.sample_indices)
        ]
        if lacking:
            first = lacking[0]
            have = len(self._samples.get(first.problem, {}))
            more = f", and too few of {len(lacking) - 1} other problems" if lacking[1:] else ""
            raise UserError(
                f"{first.problem}: sample {max(first.sample_indices)} is wanted, {have} recorded"
                f"{more}: lower sampling.n, or limit the benchmark to what was recorded"
            )

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        """Yields the samples in the order they are asked for; raises what `check` raises."""
        wanted = list(requests)
        self.check(wanted)
        for request in wanted:
            samples = self._samples[request.problem]
            for index in request.sample_indices:
                yield _completion(request, index, samples[index])

    def identity(self) -> Mapping[str, Any]:
        """What was replayed: the files' content in their order, wherever they lie.

        Canonical solutions belong to the problems' files, whose hashes the load stage holds.
        """
        return {
            "backend": "recorded",
            "source": self._source,
            "files": list(self._hashes.values()),
        }

    def environment(self) -> Mapping[str, Any]:
        """Files with their SHA-256, or how many canonical solutions there were."""
        return {
            "recorded": {
                "source": self._source,
                "problems": len(self._samples),
                "samples": sum(map(len, self._samples.values())),
                "left_aside": self._aside,
                "files": dict(self._hashes),
            }
        }

    def take_steps(self) -> list[EngineStep]:
        """None: nothing was computed."""
        return []

    def _take_canonical(self, problems: Sequence[Problem], tests: Sequence[Test]) -> None:
        wanted = {problem.key for problem in problems}
        for test in tests:
            if test.key in wanted and test.canonical_solution is not None:
                self._samples[test.key] = {0: test.canonical_solution}
        without = sorted(wanted - self._samples.keys())
        if without:
            names = ", ".join(map(str, without[:SHOWN]))
            more = f" and {len(without) - SHOWN} more" if len(without) > SHOWN else ""
            raise UserError(f"canonical: no published solution of {names}{more}")

    def _read(self, path: Path, index: _Index, limited: bool) -> str:
        data = read_bytes(path)
        faults = Faults(str(path))
        taken = aside = 0
        for number, row in rows(data, path, faults):
            if reason := _row_fault(row):
                faults.add(number, reason)
                continue
            keys = index.keys(row)
            if len(keys) > 1:
                faults.add(number, _ambiguous(row, keys))
            elif not keys and limited:
                aside += 1
            elif not keys:
                faults.add(number, f"{row['task_id']}: no such problem in this run{_named(row)}")
            elif reason := self._add(keys[0], row):
                faults.add(number, reason)
            else:
                taken += 1
        faults.check()
        if not taken:
            raise UserError(f"{path}: holds no completion of this run's problems ({aside} others)")
        self._aside += aside
        return hashlib.sha256(data).hexdigest()

    def _add(self, key: ProblemKey, row: Mapping[str, Any]) -> str:
        """Takes one sample; what is wrong with it, or ""."""
        text = row.get("completion")
        if text is None:
            text = after_prompt(self._prompts[key], row["solution"])
        if text is None:
            return (
                f"solution does not begin with the prompt of {key}: forkeval judges prompt and "
                "completion together"
            )
        samples = self._samples.setdefault(key, {})
        at = row.get("sample_index", len(samples))
        if at in samples:
            return f"sample {at} of {key} was given before"
        samples[at] = text
        return ""


class _Index:
    """Finds the problems that a recorded line may mean."""

    def __init__(self, problems: Iterable[ProblemKey]) -> None:
        self._of: dict[str, list[ProblemKey]] = {}
        for key in problems:
            self._of.setdefault(key.task_id, []).append(key)

    def keys(self, row: Mapping[str, Any]) -> list[ProblemKey]:
        """Problems of the id that the line's `language` and `dataset` do not exclude."""
        language = language_of(row["language"]) if row.get("language") else None
        if language is None and "solution" in row:
            language = "python"  # EvalPlus knows no other
        dataset = row.get("dataset")
        task = row["task_id"]
        if task not in self._of and task.startswith("Mbpp/"):  # EvalPlus's name of MBPP/11
            task = task.replace("Mbpp", "MBPP", 1)
        return [
            key
            for key in self._of.get(task, ())
            if (language is None or key.language == language)
            and (dataset is None or key.dataset == dataset)
        ]


def _row_fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a line's fields, or ""."""
    told = "solution" if "solution" in row and "completion" not in row else "completion"
    missing = [name for name in ("task_id", told) if name not in row]
    if missing:
        return f"lacks {', '.join(missing)}"
    for name in ("task_id", told, "language", "dataset"):
        if row.get(name) is not None and not isinstance(row[name], str):
            return f"{name} must be a string"
    if row["task_id"] is None or row[told] is None:
        return f"task_id and {told} must be strings, not null"
    if reason := text_fault(told, row[told]):
        return reason
    if row.get("language") and language_of(row["language"]) is None:
        return f"unknown language {row['language']!r}"
    index = row.get("sample_index", 0)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        return f"sample_index must be a whole number from 0 on, not {index!r}"
    return ""


def _ambiguous(row: Mapping[str, Any], keys: Sequence[ProblemKey]) -> str:
    field = "language" if len({key.language for key in keys}) > 1 else "dataset"
    options = ", ".join(sorted({getattr(key, field) for key in keys}))
    return f"{row['task_id']} names a problem in each of {options}: add `{field}`"


def _named(row: Mapping[str, Any]) -> str:
    told = [f"{name} {row[name]}" for name in ("language", "dataset") if row.get(name)]
    return f" ({', '.join(told)})" if told else ""


def _completion(request: CompletionRequest, index: int, text: str) -> Completion:
    key = request.problem
    call = Call(
        dataset=key.dataset,
        language=key.language,
        task_id=key.task_id,
        sample_index=index,
        purpose=request.purpose,
        turn=request.turn,
        parents=(),
        stream="",
        prompt_tokens=0,
        header_tokens=0,
        generated_tokens=0,
        discarded_tokens=0,
        prompt_flops=0.0,
        generated_flops=0.0,
    )
    candidate = Candidate(
        dataset=key.dataset,
        language=key.language,
        task_id=key.task_id,
        sample_index=index,
        text=text,
        token_ids=(),
        token_ends=(),
        logprobs_raw=(),
        logprobs=(),
        finish_reason="eos",
        stop="",
    )
    return Completion(call, candidate)
