"""Replaying: exactly the samples that were recorded, of exactly the problems that are meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.backends.recorded import RecordedCompleter, with_canonical
from pipeline.benchmarks import load
from pipeline.config import BackendConfig, BenchmarkConfig
from pipeline.records import Problem, Test, UserError
from pipeline.services import Completer, CompletionRequest

Loaded = tuple[list[Problem], list[Test]]


@pytest.fixture(scope="module")
def mini() -> Loaded:
    return load(BenchmarkConfig(name="mini", limit=2))


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def line(task: int, text: str = "x", **more: Any) -> dict[str, Any]:
    return {"task_id": f"Mini/{task}", "completion": text, **more}


def every(mini: Loaded, text: str = "x") -> list[dict[str, Any]]:
    return [line(int(p.task_id[-1]), text, language=p.language) for p in mini[0]]


def replay(mini: Loaded, *paths: Path, limited: bool = False) -> RecordedCompleter:
    config = BackendConfig(name="recorded", completions=paths)
    return RecordedCompleter(*mini, config, limited)


def requests(problems: list[Problem], *indices: int) -> list[CompletionRequest]:
    return [CompletionRequest(p.key, p.prompt, indices, ()) for p in problems]


def python(mini: Loaded) -> Loaded:
    return [p for p in mini[0] if p.language == "python"], mini[1]


def test_canonical_solutions_are_replayed(mini: Loaded) -> None:
    completer: Completer = RecordedCompleter(*mini, BackendConfig(name="recorded", canonical=True))
    done = list(completer.complete(requests(mini[0], 0)))
    solutions = {test.key: test.canonical_solution for test in mini[1]}
    assert len(done) == 6
    for completion in done:
        candidate, call = completion.candidate, completion.call
        assert candidate.text == solutions[candidate.key.problem]
        assert (candidate.token_ids, candidate.logprobs, candidate.logprobs_raw) == ((), (), ())
        assert (call.generated_tokens, call.prompt_tokens, call.stream) == (0, 0, "")
        assert call.sample_index == candidate.sample_index == 0
    assert completer.take_steps() == []


def test_problems_without_a_solution_are_refused_or_left_out(mini: Loaded) -> None:
    problems, tests = mini
    gone = [t for t in tests if t.key != problems[1].key]
    config = BackendConfig(name="recorded", canonical=True)
    with pytest.raises(UserError, match=f"no published solution of {problems[1].key}$"):
        RecordedCompleter(problems, gone, config)
    kept, kept_tests, left_out = with_canonical(problems, gone)
    assert left_out == [problems[1].key]
    assert [p.key for p in kept] == [t.key for t in kept_tests] == [t.key for t in gone]
    RecordedCompleter(kept, kept_tests, config)


def test_lines_of_one_problem_are_its_samples_in_order(mini: Loaded, tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", line(0, "a0"), line(1, "b0"), line(0, "a1"))
    second = write(tmp_path / "b.jsonl", line(1, "b1"), line(0, "a2", sample_index=5))
    completer = replay(python(mini), first, second)
    done = list(completer.complete(requests(python(mini)[0], 0, 1)))
    assert [c.candidate.text for c in done] == ["a0", "a1", "b0", "b1"]
    only = list(completer.complete(requests(python(mini)[0][:1], 5)))
    assert (only[0].candidate.text, only[0].candidate.sample_index) == ("a2", 5)


def test_asked_for_n_means_exactly_n(mini: Loaded, tmp_path: Path) -> None:
    completer = replay(mini, write(tmp_path / "a.jsonl", *every(mini)))
    started = completer.complete(requests(mini[0], 0, 1))
    told = r"mini/java/Mini/0: sample 1 is wanted, 1 recorded, and too few of 5 other problems"
    with pytest.raises(UserError, match=told):
        next(started)


def test_the_language_tells_problems_of_one_id_apart(mini: Loaded, tmp_path: Path) -> None:
    completer = replay(mini, write(tmp_path / "a.jsonl", *every(mini, "y")))
    assert len(list(completer.complete(requests(mini[0], 0)))) == 6
    bare = write(tmp_path / "b.jsonl", line(0), line(1, language="js"))
    with pytest.raises(UserError) as caught:
        replay(mini, bare)
    assert f"{bare}:1: Mini/0 names a problem in each of java, javascript, python: add" in str(
        caught.value
    )


def test_every_broken_line_is_told_at_once(mini: Loaded, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        line(0),
        line(9),
        {"task_id": "Mini/0"},
        line(0, sample_index=0),
        line(0, sample_index=-1),
        line(0, language="cobol"),
        line(1, dataset="other"),
        line(1, completion=None),
    )
    with path.open("a") as out:
        out.write("{\n")
    with pytest.raises(UserError) as caught:
        replay(python(mini), path)
    told = str(caught.value).splitlines()
    assert [x.removeprefix(f"{path}:").split(":")[0] for x in told] == list("23456789")
    for text, wanted in zip(
        told,
        (
            "Mini/9: no such problem",
            "lacks completion",
            "sample 0 of mini/python/Mini/0 was given before",
            "sample_index must be",
            "unknown language 'cobol'",
            "no such problem in this run (dataset other)",
            "must be strings, not null",
            "not JSON",
        ),
        strict=True,
    ):
        assert wanted in text


def test_a_limited_run_leaves_other_problems_aside(mini: Loaded, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", line(0), line(9), line(1), line(0, "x", language="java"))
    completer = replay(python(mini), path, limited=True)
    record = completer.environment()["recorded"]
    assert (record["left_aside"], record["problems"], record["samples"]) == (2, 2, 2)
    other = write(tmp_path / "b.jsonl", line(9))
    with pytest.raises(UserError, match="holds no completion of this run's problems"):
        replay(python(mini), other, limited=True)


def test_identity_is_the_content_not_the_place(mini: Loaded, tmp_path: Path) -> None:
    here, there = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write(here, line(0), line(1))
    write(there, line(0), line(1))
    same = replay(python(mini), here).identity()
    assert same == replay(python(mini), there).identity()
    assert json.dumps(same)
    write(there, line(0), line(1, "other"))
    assert same != replay(python(mini), there).identity()
    canonical = RecordedCompleter(*mini, BackendConfig(name="recorded", canonical=True))
    assert canonical.identity() != same


def test_published_completions_fit_the_published_problems(published: Path) -> None:
    problems, tests = load(BenchmarkConfig(name="mbxp", path=published))
    files = tuple(sorted((published / "mbxp" / "examples").glob("*.jsonl")))
    completer = RecordedCompleter(
        problems, tests, BackendConfig(name="recorded", completions=files)
    )
    assert len(list(completer.complete(requests(problems, 0)))) == len(problems) == 12_425
