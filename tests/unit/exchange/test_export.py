"""`forkeval export`: the files that other harnesses read, and nothing left out without a word."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_runs import PROBLEMS, N, make_run

from pipeline.cli import main
from pipeline.exchange.formats import EvalPlus, Mxeval
from pipeline.records import TABLES, Job, Problem
from pipeline.reranking import generated_tables
from pipeline.store import Store
from pipeline.store.shards import schema
from sandboxes import languages
from sandboxes.assembly import assemble

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), "base")


def lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in data.decode("ascii").splitlines()]


def recorded(run: Path, language: str) -> list[dict[str, Any]]:
    rows = map(json.loads, run.with_name("base.jsonl").read_text().splitlines())
    return [row for row in rows if row["language"] == language]


def export(capsys: Capture, *words: str | Path) -> tuple[int, list[Path], str]:
    capsys.readouterr()
    code = main(["export", *map(str, words)])
    said = capsys.readouterr()
    return code, [Path(line) for line in said.out.splitlines()], said.err.strip()


def problem(language: str, task_id: str, prompt: str = "HEADERprompt") -> Problem:
    return Problem("d", language, task_id, prompt, 6, "f", "", (), "base", "", "")


def test_human_eval_reads_python_in_order_and_the_rest_is_told(run: Path, capsys: Capture) -> None:
    code, paths, told = export(capsys, run, "--format", "human-eval")
    assert (code, paths) == (0, [run / "export" / "human-eval" / "mini.python.jsonl"])
    expected = [
        {"task_id": row["task_id"], "completion": row["completion"]}
        for row in recorded(run, "python")
    ]
    assert lines(paths[0]) == expected
    assert list(lines(paths[0])[0]) == ["task_id", "completion"]
    assert len(told.splitlines()) == 1
    for language in ("java", "javascript"):
        assert f"human-eval knows Python alone: {PROBLEMS} problems of mini/{language}" in told


def test_mxeval_has_a_file_for_each_language(run: Path, capsys: Capture, tmp_path: Path) -> None:
    code, paths, told = export(capsys, run, "--format", "mxeval", "--out", tmp_path)
    names = [f"mini.{language}.jsonl" for language in ("java", "javascript", "python")]
    assert (code, [path.name for path in paths], told) == (0, names, "")
    java, python = lines(paths[0]), lines(paths[2])
    assert java == [
        {"task_id": r["task_id"], "completion": r["completion"], "language": "java"}
        for r in recorded(run, "java")
    ]
    # Its join has no line break before the test; in Python the program here has one.
    completions = [row["completion"] + "\n" for row in recorded(run, "python")]
    assert [row["completion"] for row in python] == completions
    export(capsys, run, "--format", "mxeval", "--out", tmp_path, "--raw", "--language", "py")
    raw = [row["completion"] for row in lines(paths[2])]
    assert raw == [row["completion"] for row in recorded(run, "python")]


def test_evalplus_has_whole_programs_and_its_own_task_ids() -> None:
    form = EvalPlus()
    assert form.row(problem("python", "HumanEval/3"), "body") == {
        "task_id": "HumanEval/3",
        "solution": "promptbody",  # a few-shot header is not part of the program
    }
    assert form.row(problem("python", "MBPP/11"), "")["task_id"] == "Mbpp/11"
    assert form.refusal(problem("python", "MBPP/11")) == ""
    assert "task ids" in form.refusal(problem("python", "Mini/0"))
    assert "Python" in form.refusal(problem("java", "HumanEval/3"))


def test_mxeval_knows_the_languages_of_its_benchmarks() -> None:
    assert not [name for name in Mxeval.languages if Mxeval().refusal(problem(name, "T/0"))]
    assert Mxeval().refusal(problem("rust", "T/0")) == "mxeval does not know rust"


@pytest.mark.parametrize("language", ["python", "java", "javascript"])
def test_mxeval_joins_to_the_program_that_was_judged(language: str) -> None:
    """Its join is prompt + completion + test, and in Python a call of the test at the end."""
    found = problem(language, "T/0", "HEADERprompt {")
    job = Job(language, "prompt {", "body", "test", "program", "f", "p", "t")
    ours = assemble(job, languages.get(language), "exit_status").source.decode()
    row = Mxeval().row(found, Mxeval().judged(found, "body"))
    theirs = "prompt {" + row["completion"] + "test"
    assert ours == theirs + ("\ncheck(f)" if language == "python" else "")


def test_results_are_the_verdicts_as_the_harness_writes_them(
    run: Path, capsys: Capture, tmp_path: Path
) -> None:
    out = tmp_path / "samples.jsonl.gz"
    words = ("--format", "mxeval", "--language", "java", "--results", "--out", out)
    code, paths, _ = export(capsys, run, *words)
    assert (code, paths) == (0, [out, tmp_path / "samples.jsonl.gz_results.jsonl"])
    samples, results = lines(out), lines(paths[1])
    assert len(samples) == PROBLEMS * N
    words_of = {"passed": "passed", "timeout": "timed out", "wrong_answer": "failed: wrong_answer"}
    for sample, result in zip(samples, results, strict=True):
        verdict = sample["completion"].split("verdict ")[1].split()[0]
        assert result == {
            **sample,
            "result": words_of[verdict],
            "passed": verdict == "passed",
            "time_elapsed": 300.0,  # milliseconds
        }
    assert {result["passed"] for result in results} == {True, False}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--format", "evalplus"), "nothing to write: EvalPlus knows"),
        (("--format", "human-eval", "--language", "java"), "human-eval knows Python alone"),
        (("--format", "mxeval", "--language", "perl"), "--language perl: this run has mini/java"),
        (("--format", "mxeval", "--dataset", "x"), "--dataset x: this run has mini/java"),
        (("--format", "mxeval", "--out", "a.jsonl"), "reads one file for each of mini/java"),
        (("--format", "evalplus", "--results"), "tests of its own"),
        (("--format", "human-eval", "--results", "--raw"), "leave --raw out"),
        (("--format", "parquet", "--raw"), "Parquet holds both"),
        (("--format", "parquet", "--out", "a.parquet"), "name a directory"),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Path, capsys: Capture, words: tuple[str, ...], wanted: str
) -> None:
    code, paths, told = export(capsys, run, *words)
    assert (code, paths) == (2, [])
    assert wanted in told
    assert len(told.splitlines()) == 1


def test_a_run_that_is_not_judged_gives_raw_samples_alone(tmp_path: Path, capsys: Capture) -> None:
    sampled = make_run(tmp_path, "base", stages=("load", "sample"))
    wanted = PROBLEMS * N
    code, _, told = export(capsys, sampled, "--format", "human-eval", "--language", "python")
    assert code == 2
    assert f"{wanted} of {wanted} samples are not cut and judged yet: forkeval resume" in told
    code, paths, told = export(
        capsys, sampled, "--format", "human-eval", "--language", "python", "--raw"
    )
    assert (code, told, len(lines(paths[0]))) == (0, "", wanted)
    code, paths, told = export(capsys, sampled, "--format", "parquet")
    assert code == 0
    assert {path.stem for path in paths} >= {"problems", "calls", "candidates"}
    assert [f"the {stage} stage" in told for stage in ("truncate", "execute", "rerank")] == [
        True
    ] * 3


def test_parquet_holds_every_table_typed_as_the_records(
    run: Path, capsys: Capture, tmp_path: Path
) -> None:
    code, paths, told = export(capsys, run, "--format", "parquet", "--out", tmp_path)
    assert (code, told) == (0, "")
    tables = {path.stem: pq.read_table(path) for path in paths}
    assert tables.keys() >= {
        *("problems", "tests", "public_examples", "calls", "candidates", "programs"),
        *("executions", "verdicts", "rankings", "stage_times"),
    }
    for name, table in tables.items():
        assert table.schema.equals(schema(TABLES[name])), name
        keys = table.select(list(TABLES[name].KEY)).to_pylist()
        assert len({tuple(key.values()) for key in keys}) == len(keys), name
        described = json.loads(table.schema.metadata[b"forkeval"])
        assert (described["run"], described["table"], described["n"]) == ("base", name, N)
        assert described["stages"]["execute"]["images"]
    assert tables["candidates"].num_rows == tables["verdicts"].num_rows == 3 * PROBLEMS * N
    export(capsys, run, "--format", "parquet", "--out", tmp_path, "--language", "java")
    assert pq.read_table(tmp_path / "candidates.parquet")["language"].unique().to_pylist() == [
        "java"
    ]


def test_what_rankers_asked_lies_apart(tmp_path: Path, capsys: Capture) -> None:
    ranked = make_run(tmp_path, "base", rerank={"rankers": ["random", "public_examples"]})
    with Store.open(ranked) as store:
        sampled = store.required("sample")
        for part in sampled.parts:
            own = generated_tables(store, part, sampled)
            old = next(c for c in sampled.records("candidates") if c.key.problem.part == part)
            call = next(c for c in sampled.records("calls") if c.task_id == old.task_id)
            asked = {"language": part.language, "sample_index": N + 50}
            own.commit(
                [
                    dataclasses.replace(old, **asked),
                    dataclasses.replace(call, **asked, purpose="test_generation"),
                ]
            )
    code, paths, told = export(capsys, ranked, "--format", "parquet")
    assert (code, told) == (0, "")
    tables = {path.stem: pq.read_table(path) for path in paths}
    assert tables["ranking_calls"]["purpose"].unique().to_pylist() == ["test_generation"]
    assert tables["ranking_candidates"]["sample_index"].to_pylist() == [N + 50] * 3
    assert tables["candidates"].num_rows == 3 * PROBLEMS * N
    judged, ran = (tables[name]["test_hash"].to_pylist() for name in ("verdicts", "executions"))
    assert set(ran) == set(judged)
    assert not set(tables["ranking_executions"]["test_hash"].to_pylist()) & set(judged)
