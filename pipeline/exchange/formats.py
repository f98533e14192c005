"""What other harnesses read: one JSON object a sample, and what they write as its result.

Field names, orders and joins are those of the harnesses' own readers (docs/export.md names the
files): none of them has a sample index, a problem's lines are its samples in their order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.records import Problem, Verdict

Row = dict[str, Any]


class Format(Protocol):
    """One harness's sample file."""

    name: str
    gzip: bool  # whether its reader takes .gz
    no_results: str  # why it has no verdicts of a run; "" where it has

    def refusal(self, problem: Problem) -> str:
        """Why the format cannot hold samples of a problem; "" where it can."""

    def judged(self, problem: Problem, completion: str) -> str:
        """A cut completion so that the harness's join gives the program that was judged here."""

    def row(self, problem: Problem, completion: str) -> Row: ...

    def result(self, verdict: Verdict, seconds: float | None) -> Row:
        """The fields that the harness adds to a sample once it is judged."""


class HumanEval:
    """openai/human-eval: Python, `completion` without the prompt."""

    name = "human-eval"
    gzip = True
    no_results = ""

    def refusal(self, problem: Problem) -> str:
        return "" if problem.language == "python" else "human-eval knows Python alone"

    def judged(self, problem: Problem, completion: str) -> str:
        return completion

    def row(self, problem: Problem, completion: str) -> Row:
        return {"task_id": problem.task_id, "completion": completion}

    def result(self, verdict: Verdict, seconds: float | None) -> Row:
        return {"result": result_text(verdict), "passed": verdict == "passed"}


class Mxeval:
    """amazon-science/mxeval: human-eval's fields and a language."""

    name = "mxeval"
    gzip = True
    no_results = ""
    languages = (
        *("cpp", "csharp", "go", "java", "javascript", "kotlin", "perl", "php", "python"),
        *("ruby", "scala", "swift", "typescript"),
    )

    def refusal(self, problem: Problem) -> str:
        known = problem.language in self.languages
        return "" if known else f"mxeval does not know {problem.language}"

    def judged(self, problem: Problem, completion: str) -> str:
        # It joins Python as it joins the others, with no line break before the test; human-eval and
        # forkeval put one there, and cutting takes the completion's own.
        return completion + "\n" if problem.language == "python" else completion

    def row(self, problem: Problem, completion: str) -> Row:
        return {
            "task_id": problem.task_id,
            "completion": completion,
            "language": problem.language,
        }

    def result(self, verdict: Verdict, seconds: float | None) -> Row:
        return {
            "result": result_text(verdict),
            "passed": verdict == "passed",
            "time_elapsed": None if seconds is None else 1000 * seconds,
        }


class EvalPlus:
    """evalplus/evalplus: whole programs, of HumanEval and MBPP in Python."""

    name = "evalplus"
    gzip = False
    no_results = "EvalPlus judges by tests of its own, which this run has not run"

    def refusal(self, problem: Problem) -> str:
        if problem.language != "python":
            return "EvalPlus knows Python alone"
        known = task_id_of(problem.task_id) is not None
        return "" if known else "EvalPlus knows the task ids HumanEval/N and Mbpp/N alone"

    def judged(self, problem: Problem, completion: str) -> str:
        return completion

    def row(self, problem: Problem, completion: str) -> Row:
        # The few-shot header is for the model; no harness runs it.
        prompt = problem.prompt[problem.header_chars :]
        return {"task_id": task_id_of(problem.task_id), "solution": prompt + completion}

    def result(self, verdict: Verdict, seconds: float | None) -> Row:
        raise ValueError(self.no_results)


FORMATS: Mapping[str, Format] = {made.name: made for made in (HumanEval(), Mxeval(), EvalPlus())}


def task_id_of(task_id: str) -> str | None:
    """EvalPlus's name of a problem (`Mbpp/11` of MBPP/11); None where it has none."""
    found = re.fullmatch(r"(HumanEval|MBPP|Mbpp)/(\d+)", task_id)
    if found is None:
        return None
    return f"{'HumanEval' if found[1] == 'HumanEval' else 'Mbpp'}/{found[2]}"


def result_text(verdict: Verdict) -> str:
    """The harnesses' own words where they have some: `passed`, `timed out`, `failed: ...`."""
    return {"passed": "passed", "timeout": "timed out"}.get(verdict, f"failed: {verdict}")
