"""Loading problems from files: faults are told all at once, bytes stay as they are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.benchmarks import load, sources
from pipeline.config import BenchmarkConfig
from pipeline.records import UserError


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "task_id": f"Own/{number}",
        "language": "python",
        "prompt": f"def f{number}():\n\t'''é\r\n'''\n",
        "entry_point": f"f{number}",
        "test": "def check(candidate):\n    assert candidate() is None\n",
        "canonical_solution": "\treturn None\n",
        "description": "does nothing",
    }
    fields.update(changes)
    return {name: value for name, value in fields.items() if value != "absent"}


def write(path: Path, *rows: object) -> Path:
    lines = [x if isinstance(x, str) else json.dumps(x) for x in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def own(path: Path, **keys: Any) -> BenchmarkConfig:
    return BenchmarkConfig(name="jsonl", path=path, **keys)


def test_bytes_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "own.v2.jsonl", row(0), row(1, canonical_solution=None))
    problems, tests = load(own(path))
    assert problems[0].prompt == "def f0():\n\t'''é\r\n'''\n"
    assert problems[0].dataset == "own"
    assert problems[0].header_chars == 0
    assert tests[0].canonical_solution == "\treturn None\n"
    assert tests[1].canonical_solution is None
    assert [problem.key for problem in problems] == [test.key for test in tests]


def test_gzip_gives_the_same_problems(tmp_path: Path) -> None:
    plain = write(tmp_path / "own.jsonl", row(0), row(1))
    (tmp_path / "z").mkdir()
    packed = tmp_path / "z" / "own.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert load(own(packed)) == load(own(plain))
    hashes = {problem.source_sha256 for path in (plain, packed) for problem in load(own(path))[0]}
    assert len(hashes) == 1


def test_half_a_gzip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row()).encode())[:-12])
    with pytest.raises(UserError, match=r"own\.jsonl\.gz: not a whole gzip file"):
        load(own(path))


def test_every_broken_line_is_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "own.jsonl",
        row(0),
        '{"task_id": "Own/1", ',
        row(2, prompt=7, language="cobol"),
        row(3, test="absent", entry_point="absent"),
        "",
        row(0),
        "[1]",
        row(4, language="absent"),
        row(5, canonical_solution=["x"]),
    )
    with pytest.raises(UserError) as caught:
        load(own(path))
    told = str(caught.value).splitlines()
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in told] == list("2346789")
    assert "not JSON" in told[0]
    assert "prompt must be a string, not a number" in told[1]
    assert "unknown language 'cobol'" in told[1]
    assert "lacks entry_point, test" in told[2]
    assert "Own/0 (python) was on line 1 already" in told[3]
    assert "a JSON object is wanted, not a list" in told[4]
    assert "lacks language" in told[5]
    assert "canonical_solution must be a string, not a list" in told[6]


def test_bytes_that_are_not_text_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(json.dumps(row()).encode() + b"\n{\xff}\n")
    with pytest.raises(UserError, match=r"own\.jsonl:2: not UTF-8 \(byte 1\)"):
        load(own(path))


def test_languages_are_known_by_their_usual_names(tmp_path: Path) -> None:
    names = {
        "C++": "cpp",
        "js": "javascript",
        "C#": "csharp",
        "Go": "go",
        "TypeScript": "typescript",
    }
    path = write(tmp_path / "own.jsonl", *(row(i, language=x) for i, x in enumerate(names)))
    assert [problem.language for problem in load(own(path))[0]] == list(names.values())


def test_one_id_in_several_languages_is_several_problems(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row(), row(language="java"), row(1, language="java"))
    assert len(load(own(path))[0]) == 3
    assert [p.task_id for p in load(own(path, languages=("java",)))[0]] == ["Own/0", "Own/1"]
    assert len(load(own(path, limit=1))[0]) == 2


def test_rows_without_a_language_take_the_configured_one(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row(language="absent"), row(1, language="java"))
    problems, _ = load(own(path, languages=("python",)))
    assert [problem.key.task_id for problem in problems] == ["Own/0"]


def test_task_ids_are_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", *(row(i) for i in range(12)))
    problems, _ = load(own(path, task_ids=("Own/11", "Own/3"), limit=1))
    assert [problem.task_id for problem in problems] == ["Own/3"]
    with pytest.raises(UserError, match=r"no problem Own/1l; did you mean Own/1"):
        load(own(path, task_ids=("Own/1l",)))


def test_the_kind_of_the_test_is_the_configurations(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row())
    assert load(own(path))[1][0].kind == "program"
    assert load(own(path, test_kind="stdin"))[1][0].kind == "stdin"


def test_the_header_comes_first_and_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row())
    header = tmp_path / "few.txt"
    header.write_bytes("# é\r\n\n".encode())
    bare, with_header = own(path), own(path, header=header)
    problem = load(with_header)[0][0]
    assert problem.prompt == "# é\r\n\n" + load(bare)[0][0].prompt
    assert problem.prompt[problem.header_chars :] == load(bare)[0][0].prompt
    assert sources(with_header, "python", "a") != sources(bare, "python", "a")


def test_one_header_file_serves_one_language(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row(), row(language="java"))
    header = write(tmp_path / "few.txt", "x")
    with pytest.raises(UserError, match="would precede prompts in python, java"):
        load(own(path, header=header))
    assert len(load(own(path, header=header, languages=("java",)))[0]) == 1


def test_sources_do_not_depend_on_how_much_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", row(), row(1))
    few = own(path, limit=1, task_ids=("Own/0",))
    assert sources(own(path), "python", "a") == sources(few, "python", "a") == {"jsonl": "a"}
    assert load(few)[0][0].source_sha256 == load(own(path))[0][0].source_sha256
    moved = write(tmp_path / "b.jsonl", row(), row(1)).rename(tmp_path / "own2.jsonl")
    assert load(own(moved))[0][0].source_sha256 == load(own(path))[0][0].source_sha256


def test_sources_of_a_language_are_its_own() -> None:
    python, java = (
        sources(BenchmarkConfig(name="mbxp", header="published", overlay=True), name, "unused")
        for name in ("python", "java")
    )
    assert set(python) == set(java) == {"mbxp", "header", "overlay"}
    assert not set(python.values()) & set(java.values())
    assert "unused" not in python.values()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (BenchmarkConfig(name="jsonl", path=Path("/nowhere.jsonl")), "is not a file"),
        (BenchmarkConfig(name="mbxp", path=Path("/nowhere")), "path is /nowhere, which is not"),
        (BenchmarkConfig(name="humaneval"), "set FORKEVAL_DATA, or `path`"),
    ],
)
def test_what_is_missing_is_told_with_the_fix(
    config: BenchmarkConfig, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORKEVAL_DATA", raising=False)
    with pytest.raises(UserError, match=told):
        load(config)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", "")
    with pytest.raises(UserError, match="holds no problem"):
        load(own(path))


def test_a_directory_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no file of it in {tmp_path}"):
        load(BenchmarkConfig(name="mathqa_x", path=tmp_path))
