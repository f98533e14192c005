"""The mini benchmark: what its source gives, in the published shapes, in words of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks_data.mini import build, templates
from pipeline.benchmarks import load
from pipeline.benchmarks.truncation import truncate
from pipeline.config import BenchmarkConfig
from sandboxes import languages

LANGUAGES = ("python", "java", "javascript")


def words(text: str) -> list[str]:
    return re.sub(r"[^\w\s]", "", text.lower()).split()


def shingles(text: str, n: int = 13) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_what_the_source_gives(language: str) -> None:
    path = build.HERE / f"{language}.jsonl"
    assert path.read_text(encoding="utf-8") == build.text_of(language)


def test_at_least_24_problems_with_the_same_ids_in_three_languages() -> None:
    problems, tests = load(BenchmarkConfig(name="mini"))
    ids = {
        language: [p.task_id for p in problems if p.language == language] for language in LANGUAGES
    }
    assert len(ids["python"]) >= 24
    assert ids["python"] == ids["java"] == ids["javascript"]
    assert ids["python"][:2] == ["Mini/0", "Mini/1"]
    assert all(test.canonical_solution for test in tests)
    assert [test.key for test in tests] == [problem.key for problem in problems]


def test_functions_show_examples_and_hide_further_cases() -> None:
    problems, tests = load(BenchmarkConfig(name="mini", languages=("python",)))
    functions = [(p, t) for p, t in zip(problems, tests, strict=True) if p.entry_point != "problem"]
    assert len(functions) >= 14
    for problem, test in functions:
        assert len(problem.public_examples) == 2
        assert test.test.count("assert ") > len(problem.public_examples)


def test_word_problems_have_the_published_shape(published: Path) -> None:
    """Apart from the statement, a word problem's prompt is the published one, byte for byte."""
    for language in LANGUAGES:
        path = published / "multilingual_mathqa" / f"mathqa-test-{language}_v1.jsonl"
        with path.open(encoding="utf-8") as lines:
            row = json.loads(next(lines))
        statement = re.search(r"^[ *]*(.* n0 = .*)$", row["prompt"], re.MULTILINE)
        assert statement
        assert templates.word_prompt(language, statement[1].strip()) == row["prompt"]


def test_no_statement_shares_13_words_with_a_published_problem(published: Path) -> None:
    theirs: set[tuple[str, ...]] = set()
    for path in sorted(published.glob("*/*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                theirs |= shingles(json.loads(line)["prompt"])
    problems, _ = load(BenchmarkConfig(name="mini"))
    assert len(theirs) > 100_000
    assert not [p.key for p in problems if shingles(p.description + " " + p.prompt) & theirs]


def test_canonical_solutions_survive_truncation_whole() -> None:
    problems, tests = load(BenchmarkConfig(name="mini"))
    for problem, test in zip(problems, tests, strict=True):
        text = test.canonical_solution or ""
        language = languages.get(problem.language)
        cut = truncate(language.truncation, problem.prompt, text, language.stop)
        assert cut.kept == text.rstrip()
        assert cut.kind == ("none" if problem.language == "python" else "function_end")


def test_word_problems_are_solved_by_their_steps() -> None:
    assert build.solve([80.0, 25.0], ["n0 * n1", "t0 / 100.0", "n0 - t1"]) == 60.0
