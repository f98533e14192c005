"""`forkeval import`: other systems' samples as a run; every fault is told with its line."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import N, Said, make_run

from pipeline.assembly import SERVICES, completer
from pipeline.benchmarks import load
from pipeline.cli import main
from pipeline.config import BenchmarkConfig, RunConfig
from pipeline.run import Run, Services
from pipeline.store import Store

Capture = pytest.CaptureFixture[str]
MINI = load(BenchmarkConfig(name="mini", languages=("python",), limit=2))[0]
TWO = ("--benchmark", "mini", "--set", "benchmarks.0.limit=2")
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def line(task: int, text: str = "    return 1", **more: Any) -> dict[str, Any]:
    return {"task_id": f"Mini/{task}", "completion": text, **more}


def both(n: int = 1) -> list[dict[str, Any]]:
    return [line(task, f"    return {i}\n") for task in (0, 1) for i in range(n)]


def bring(*words: str | Path) -> int:
    return main(["import", *map(str, words)])


def fault(capsys: Capture, *words: str | Path) -> list[str]:
    capsys.readouterr()
    assert bring(*words) == 2
    return capsys.readouterr().err.removeprefix("forkeval: ").strip().splitlines()


def texts(run: Path) -> dict[tuple[str, str, int], str]:
    with Store.open(run, read_only=True) as store:
        rows = store.required("sample").records("candidates")
        return {(row.language, row.task_id, row.sample_index): row.text for row in rows}


def verdicts(run: Path) -> dict[tuple[str, str, int], str]:
    with Store.open(run, read_only=True) as store:
        rows = store.required("execute").records("verdicts")
        return {(row.language, row.task_id, row.sample_index): row.verdict for row in rows}


def sampled(folder: Path, wanted: list[list[str]]) -> Path:
    """A run of the two problems with these texts, as if some system had sampled them."""
    own = write(
        folder / "own.jsonl",
        *(line(task, text) for task, each in enumerate(wanted) for text in each),
    )
    config = RunConfig.model_validate(
        {
            "name": "own",
            "benchmarks": [{"name": "mini", "languages": ["python"], "limit": 2}],
            "backend": {"name": "recorded", "completions": [str(own)]},
            "sampling": {"n": len(wanted[0])},
        }
    )
    with Store.create(folder / "own", config) as store:
        Run(config, store, ("load", "sample"), SERVICES)()
    return folder / "own"


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n), min_size=2, max_size=2)
    ),
    st.sampled_from(["human-eval", "mxeval", "parquet"]),
    st.booleans(),
)
def test_what_is_exported_comes_back(wanted: list[list[str]], form: str, packed: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = sampled(folder, wanted)
        if form == "parquet":
            assert main(["export", str(run), "--format", form]) == 0
            file = run / "export" / "parquet" / "candidates.parquet"
        else:
            file = folder / ("s.jsonl.gz" if packed else "s.jsonl")
            assert main(["export", str(run), "--format", form, "--raw", "--out", str(file)]) == 0
        assert bring(file, *TWO, "--out", folder / "back") == 0
        assert texts(folder / "back") == texts(run)
        assert texts(run) == {
            ("python", f"Mini/{task}", i): text
            for task, each in enumerate(wanted)
            for i, text in enumerate(each)
        }


@pytest.mark.parametrize("text", ["", "a\r\nb\r\n", "\u2028é\U0001f600", "\r", "\x1e\x85"])
def test_awkward_texts_come_back_from_every_file(tmp_path: Path, text: str) -> None:
    run = sampled(tmp_path, [[text, "x"], ["", text]])
    for form in ("human-eval", "mxeval"):
        file = tmp_path / f"{form}.jsonl"
        assert main(["export", str(run), "--format", form, "--raw", "--out", str(file)]) == 0
        assert bring(file, *TWO, "--out", tmp_path / form) == 0
        assert texts(tmp_path / form) == texts(run)


@settings(deadline=None, max_examples=20)
@given(st.lists(TEXTS, min_size=2, max_size=2), st.booleans())
def test_solutions_of_evalplus_come_back(bodies: list[str], stripped: bool) -> None:
    """It strips the white space before a prompt; a row without a language is Python's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        problems = folder / "HumanEval.jsonl"
        prompts = ["\n\ndef f(a):\n", "def g():\n"]
        write(
            problems,
            *(
                {
                    "task_id": task,
                    "prompt": prompt,
                    "entry_point": "f",
                    "test": "",
                    "language": "python",
                }
                for task, prompt in zip(("HumanEval/0", "MBPP/2"), prompts, strict=True)
            ),
        )
        rows = [
            {"task_id": task, "solution": (prompt.lstrip() if stripped else prompt) + body}
            for task, prompt, body in zip(("HumanEval/0", "Mbpp/2"), prompts, bodies, strict=True)
        ]
        file = write(folder / "samples.jsonl", *rows)
        assert bring(file, "--benchmark", problems, "--out", folder / "run") == 0
        expected = dict(zip(("HumanEval/0", "MBPP/2"), bodies, strict=True))
        assert {key[1]: text for key, text in texts(folder / "run").items()} == expected
        out = folder / "again.jsonl"
        words = ("--format", "evalplus", "--raw", "--out", str(out))
        assert main(["export", str(folder / "run"), *words]) == 0
        whole = [
            {"task_id": row["task_id"], "solution": prompt + body}
            for row, prompt, body in zip(rows, prompts, bodies, strict=True)
        ]
        assert list(map(json.loads, out.read_text().splitlines())) == whole


def test_every_fault_of_every_file_is_told_with_its_line(tmp_path: Path, capsys: Capture) -> None:
    first = write(
        tmp_path / "a.jsonl",
        line(0),
        line(99),
        line(0, "a\0b"),
        line(1, "\ud800"),
        {"task_id": "Mini/1", "solution": "def other(): pass"},
    )
    second = tmp_path / "b.jsonl.gz"
    second.write_bytes(gzip.compress(b'{"task_id": "Mini/0",\n\n["x"]\n' + b"[" * 10**5 + b"\n"))
    told = fault(
        capsys, first, second, *TWO, "--set", "benchmarks.0.limit=", "--out", tmp_path / "r"
    )
    assert [text.split(": ", 1)[0] for text in told] == [
        *(f"{first}:{n}" for n in (2, 3, 4, 5)),
        *(f"{second}:{n}" for n in (1, 3, 4)),
    ]
    for text, wanted in zip(
        told,
        (
            "Mini/99: no such problem",
            "completion holds a NUL character (at 1)",
            "completion holds half a character (at 0)",
            "solution does not begin with the prompt of mini/python/Mini/1",
            "not JSON",
            "a JSON object is wanted",
            "cannot be read",
        ),
        strict=True,
    ):
        assert wanted in text
    assert not (tmp_path / "r").exists()


@settings(deadline=None, max_examples=50)
@given(st.binary() | st.binary().map(gzip.compress) | st.binary().map(b"PAR1".__add__))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        for suffix in (".jsonl", ".jsonl.gz"):
            file = Path(name) / f"a{suffix}"
            file.write_bytes(data)
            assert bring(file, *TWO, "--out", Path(name) / "run") == 2  # no such file is a sample's


def test_problems_without_samples_are_refused_or_left_out(tmp_path: Path, capsys: Capture) -> None:
    file = write(tmp_path / "a.jsonl", line(1, "x"), line(1, "y"))
    out = ("--out", tmp_path / "run")
    told = fault(capsys, file, *TWO, *out)
    assert told == [
        "1 (mini/python/Mini/0) of 2 problems have no sample: --partial makes a run of the others"
    ]
    assert bring(file, *TWO, *out, "--partial") == 0
    assert "1 problems have no sample and are not part of this run" in capsys.readouterr().err
    assert texts(tmp_path / "run") == {
        ("python", "Mini/1", 0): "x",
        ("python", "Mini/1", 1): "y",
    }


def test_unequal_numbers_of_samples_are_refused_or_cut(tmp_path: Path, capsys: Capture) -> None:
    file = write(tmp_path / "a.jsonl", *both(2), line(0, "third"))
    out = ("--out", tmp_path / "run")
    (told,) = fault(capsys, file, *TWO, *out)
    assert "--set sampling.n=2 takes the first 2 of each" in told
    (told,) = fault(capsys, file, *TWO, *out, "--set", "sampling.n=3")
    assert told.startswith("1 (mini/python/Mini/1) problems have fewer samples than sampling.n = 3")
    assert bring(file, *TWO, *out, "--set", "sampling.n=2") == 0
    assert len(texts(tmp_path / "run")) == 4


def test_an_import_goes_on_at_execute(tmp_path: Path, capsys: Capture) -> None:
    """What `forkeval resume RUN --from-stage execute` does, with an executor that runs nothing."""
    made = make_run(tmp_path, "first")
    assert main(["export", str(made), "--format", "parquet"]) == 0
    capsys.readouterr()
    file = made / "export" / "parquet" / "candidates.parquet"
    limit = ("--set", "benchmarks.0.limit=10", "--set", "execute.truncate=false")
    out = tmp_path / "second"
    assert bring(file, "--benchmark", "mini", *limit, "--out", out) == 0
    said = capsys.readouterr().out
    assert f"30 problems with {N} samples each" in said
    assert f"forkeval resume {out} --from-stage execute" in said
    with Store.open(out) as store:
        Run(
            store.config,
            store,
            ("execute", "rerank", "report"),
            Services(completer, lambda _: Said()),
        )()
    assert verdicts(out) == verdicts(made)
    assert (out / "report" / "report.html").exists()


def test_the_same_import_goes_on_and_another_is_refused(tmp_path: Path, capsys: Capture) -> None:
    file = write(tmp_path / "a.jsonl", *both())
    words = (file, *TWO, "--out", tmp_path / "run")
    assert bring(*words) == 0
    assert bring(*words) == 0
    assert len(texts(tmp_path / "run")) == 2
    (told,) = fault(capsys, *words, "--set", "sampling.seed=4")
    assert "holds another run: name another directory with --out" in told


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--benchmark", "humanevil"), "--benchmark humanevil: no such file or benchmark"),
        (("--benchmark", "mini", "--language", "perl"), "mini: has no perl: it offers java"),
        (("--benchmark", "mini", "--language", "cobol"), "unknown language cobol"),
        (("--benchmark", "mini", "--out", "a b"), "'a b' names no run"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path, capsys: Capture, words: tuple[str, ...], wanted: str
) -> None:
    file = write(tmp_path / "a.jsonl", *both())
    (told,) = fault(capsys, file, *words)
    assert wanted in told


def test_a_parquet_file_of_something_else_is_refused(tmp_path: Path, capsys: Capture) -> None:
    run = sampled(tmp_path, [["x"], ["y"]])
    assert main(["export", str(run), "--format", "parquet"]) == 0
    file = run / "export" / "parquet" / "problems.parquet"
    (told,) = fault(capsys, file, *TWO)
    assert "a table of completions is wanted" in told
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(file.read_bytes()[:100])
    (told,) = fault(capsys, cut, *TWO)
    assert "not a whole Parquet file" in told
