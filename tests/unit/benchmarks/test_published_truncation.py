"""What truncation takes from the published solutions and completions, in every language."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.benchmarks import load
from pipeline.benchmarks.truncation import truncate
from pipeline.config import BenchmarkConfig
from pipeline.manifests import manifests
from pipeline.records import Problem
from sandboxes import languages
from tests.unit.benchmarks.functions import RULES

# Solutions that close PHP after the function, with what a model wrote behind it.
PHP_CLOSED = {
    175, 196, 215, 217, 220, 247, 315, 317, 328, 347, 386, 390, 459, 490, 512, 519, 526, 771, 819,
    834, 843, 894, 906, 941, 965,
}  # fmt: skip


@pytest.fixture(scope="module")
def here(published: Path) -> Path:
    return published


def loaded(here: Path, name: str, language: str) -> tuple[list[Problem], dict[str, str]]:
    """A benchmark's problems in one language, and their canonical solutions by task id."""
    keys = {"name": name, "path": here, "languages": (language,)}
    problems, tests = load(BenchmarkConfig.model_validate(keys))
    texts = {t.task_id: t.canonical_solution for t in tests if t.canonical_solution is not None}
    return problems, texts


def survivors(
    problems: list[Problem], texts: dict[str, str], stop: tuple[str, ...] = ()
) -> tuple[dict[str, str], Counter[str]]:
    """What truncation takes from each text (where it does), and how the texts end."""
    lost: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for problem in problems:
        if problem.task_id in texts:
            text = texts[problem.task_id]
            cut = truncate(RULES[problem.language], problem.prompt, text, stop)
            kinds[cut.kind] += 1
            if cut.kept != text.rstrip():
                lost[problem.task_id] = text[len(cut.kept) :]
    return lost, kinds


@pytest.mark.parametrize("name", ["humaneval", "mathqa_x"])
def test_python_solutions_survive_whole(here: Path, name: str) -> None:
    problems, texts = loaded(here, name, "python")
    lost, kinds = survivors(problems, texts, languages.get("python").stop)
    assert not lost
    assert kinds == {"none": len(problems)}


def test_the_mbpp_solutions_that_the_usual_stops_cut(here: Path) -> None:
    """Helpers after the function go, as under every harness with these stop strings."""
    lost, _ = survivors(*loaded(here, "mbxp", "python"), languages.get("python").stop)
    starts = {task: text.lstrip().split(" ")[0][:4] for task, text in lost.items()}
    assert starts == {"MBPP/64": "#sub", "MBPP/223": "def", "MBPP/717": "def", "MBPP/940": "def"}


@pytest.mark.parametrize(
    ("language", "ended", "unterminated"),
    [
        ("java", 874, 0),
        ("javascript", 938, 0),
        ("kotlin", 796, 0),
        ("ruby", 784, 0),
        ("php", 950, 0),
        ("cpp", 773, 0),
        ("csharp", 725, 0),
        ("typescript", 540, 427),  # its file holds what a model wrote, as far as it came
    ],
)
def test_solutions_in_other_languages_survive_whole(
    here: Path, language: str, ended: int, unterminated: int
) -> None:
    lost, kinds = survivors(*loaded(here, "mbxp", language))
    assert set(lost) == ({f"MBPHP/{n}" for n in PHP_CLOSED} if language == "php" else set())
    assert all(text.lstrip().startswith("?>") for text in lost.values())
    assert (kinds["function_end"], kinds["unterminated"]) == (ended, unterminated)
    assert kinds.total() == ended + unterminated


def completions(here: Path, name: str, language: str) -> dict[str, str]:
    """The published completions by task id."""
    known = manifests()[name]
    path = here / known.folder / known.completions[language].file
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return {row["task_id"]: row["completion"] for row in rows}


@pytest.mark.parametrize(
    ("name", "language", "unterminated", "cut"),
    [
        ("mathqa_x", "python", 0, set()),
        ("mathqa_x", "java", 25, set()),
        ("mathqa_x", "javascript", 76, set()),
        ("mbxp", "python", 0, {"MBPP/64", "MBPP/493"}),
        ("mbxp", "java", 8, set()),
        ("mbxp", "javascript", 6, set()),
        ("mbxp", "typescript", 69, {"MBTSP/175"}),  # a statement after the function
        ("mbxp", "kotlin", 19, set()),
        ("mbxp", "ruby", 0, set()),
        ("mbxp", "php", 30, {"MBPHP/175"}),  # as above
        ("mbxp", "cpp", 28, set()),
        ("mbxp", "csharp", 39, set()),
        ("mbxp", "go", 90, set()),
        ("mbxp", "perl", 116, {"MBPLP/208"}),  # neither parses: a brace in what is no string
        ("mbxp", "scala", 150, set()),
        ("mbxp", "swift", 32, {"MBSWP/563"}),
    ],
)
def test_published_completions_survive_whole(
    here: Path, name: str, language: str, unterminated: int, cut: set[str]
) -> None:
    """Those that end before their function does are where the model ran out, or broke off."""
    problems, _ = loaded(here, name, language)
    texts = completions(here, name, language)
    stop = languages.get("python").stop if language == "python" else ()
    lost, kinds = survivors(problems, texts, stop)
    assert len(texts) == len(problems)
    assert set(lost) == cut
    assert kinds["unterminated"] == unterminated


@pytest.mark.parametrize("language", sorted(RULES.keys() & languages.load().keys()))
def test_stop_strings_cut_no_function_that_is_whole(here: Path, language: str) -> None:
    """One that a sound function may hold would cut some of ten thousand of them."""
    rule, stop = RULES[language], languages.get(language).stop
    problems, solutions = loaded(here, "mbxp", language)
    cut = set()
    for texts in (solutions, completions(here, "mbxp", language)):
        for problem in problems:
            text = texts.get(problem.task_id, "")
            whole = truncate(rule, problem.prompt, text, ())
            stopped = truncate(rule, problem.prompt, text, stop)
            if whole.kind != "unterminated" and stopped.kept != whole.kept:
                cut.add(problem.task_id)
    # Of these, the one in Python has a comment at the margin before the next function.
    assert cut <= {"MBPP/64"}
