"""`forkeval compare` on run directories: what it says, refuses and writes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from made_runs import PROBLEMS, N, make_run

from pipeline.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, another draw of the same chances, and one that is much worse."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder, "base", 0.6, seed=1)
    make_run(folder, "again", 0.6, seed=2)
    make_run(folder, "worse", 0.25, seed=3)
    return folder


def compare(*words: str | Path) -> int:
    return main(["compare", *map(str, words)])


def document(out: Path, *words: str | Path) -> dict[str, Any]:
    assert compare(*words, "--out", out) == 0
    return dict(json.loads((out / "compare.json").read_text()))


def fault(capsys: Capture, *words: str | Path) -> str:
    capsys.readouterr()  # progress of the runs that were made
    assert compare(*words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.strip()


def whole(item: dict[str, Any]) -> dict[str, Any]:
    return next(dict(scope) for scope in item["scopes"] if scope["whole"])


def test_a_fall_is_told_and_a_draw_is_called_noise(runs: Path, capsys: Capture) -> None:
    assert compare(runs / "base", runs / "worse", runs / "again") == 0
    worse, again = capsys.readouterr().out.split("# again against base")
    assert worse.startswith("# worse against base")
    assert re.search(r"- pass@1 goes from \S+ % to \S+ % \(.* points, .* to .*\): worse, p", worse)
    assert "inside the noise" in again
    assert ": worse, p" not in again
    assert ": better, p" not in again


def test_numbers_are_those_of_the_reports(runs: Path, tmp_path: Path) -> None:
    doc = document(tmp_path, runs / "base", runs / "worse")
    reports = [
        json.loads((runs / name / "report" / "metrics.json").read_text())
        for name in ("base", "worse")
    ]
    for scope in doc["against"][0]["scopes"]:
        for side, report in zip(("first", "second"), reports, strict=True):
            theirs = next(item for item in report["scopes"] if item["name"] == scope["name"])
            for row in theirs["metrics"]:
                own = next(m for m in scope["metrics"] if m["metric"] == row["metric"])
                assert own[side] == pytest.approx(row["value"])
            assert scope["verdicts"][side] == theirs["verdicts"]["verdicts"]
    costs = {row["name"]: row for row in doc["against"][0]["costs"]}
    assert costs["sandbox CPU seconds"]["first"] == pytest.approx(0.25 * 3 * PROBLEMS * N)
    assert costs["device seconds"]["first"] is None


def test_scopes_are_languages_and_all(runs: Path, tmp_path: Path) -> None:
    doc = document(tmp_path, runs / "base", runs / "worse")
    names = [scope["name"] for scope in doc["against"][0]["scopes"]]
    assert names == ["mini java", "mini javascript", "mini python", "mini all problems"]
    assert [row["metric"] for row in whole(doc["against"][0])["metrics"]] == ["pass@1", "pass@4"]
    assert any("pass@100 is left out" in note for note in doc["against"][0]["notes"])


def test_a_run_against_itself_is_all_zeros_with_p_1(runs: Path, tmp_path: Path) -> None:
    doc = document(tmp_path, runs / "base", runs / "base")
    (item,) = doc["against"]
    for scope in item["scopes"]:
        for row in scope["metrics"]:
            assert row["difference"] == row["low"] == row["high"] == 0.0
            assert row["p"] == row["p_adjusted"] == 1.0
            assert row["outcome"] == "noise"
        assert scope["verdicts"]["paired_by"] == "candidate"
        diagonal = sum(scope["verdicts"]["matrix"][v][v] for v in scope["verdicts"]["first"])
        assert diagonal == pytest.approx(1.0)
    assert item["per_problem"] == []
    assert item["settings"] == []
    assert all(row["change"] in (0.0, None) for row in item["costs"])


def test_swapping_the_runs_turns_the_signs(runs: Path, tmp_path: Path) -> None:
    there = document(tmp_path / "there", runs / "base", runs / "worse")["against"][0]
    back = document(tmp_path / "back", runs / "worse", runs / "base")["against"][0]
    for one, other in zip(there["scopes"], back["scopes"], strict=True):
        for a, b in zip(one["metrics"], other["metrics"], strict=True):
            assert b["difference"] == pytest.approx(-a["difference"])
            assert b["low"] == pytest.approx(-a["high"])
            assert b["sampling_low"] == pytest.approx(-a["sampling_high"])
            assert b["p_adjusted"] == a["p_adjusted"]
        assert one["won_and_lost"]["won"] == other["won_and_lost"]["lost"]


def test_problems_that_one_run_lacks_are_named_and_not_used(runs: Path, tmp_path: Path) -> None:
    few = [{"name": "mini", "languages": ("python",), "limit": PROBLEMS - 2}]
    make_run(tmp_path, "few", benchmarks=few)
    (item,) = document(tmp_path / "out", runs / "base", tmp_path / "few")["against"]
    assert item["problems"] == PROBLEMS - 2
    assert len(item["only_first"]) == 2 * PROBLEMS + 2
    assert item["only_second"] == []
    assert f"{2 * PROBLEMS + 2} problems that only the first run has" in " ".join(item["notes"])
    assert [scope["name"] for scope in item["scopes"]] == ["mini python"]
    costs = next(row for row in item["costs"] if row["name"] == "sandbox CPU seconds")
    assert costs["first"] == pytest.approx(0.25 * 3 * PROBLEMS * N)  # of the whole runs
    assert costs["second"] == pytest.approx(0.25 * (PROBLEMS - 2) * N)
    assert costs["change"] == pytest.approx(0.0)


def test_links_lead_to_the_problems_on_the_report_pages(runs: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "deep" / "out", runs / "base", runs / "worse")
    page = (tmp_path / "deep" / "out" / "compare.html").read_text()
    links = [link for link in re.findall(r'href="([^"]+)"', page) if "report.html" in link]
    assert len(links) == 2 * len(doc["against"][0]["per_problem"]) > 20
    for link in links:
        file, fragment = unquote(link).split("#")
        text = (tmp_path / "deep" / "out" / file).read_text()
        assert f'id="{fragment}"' in text
    assert "report.html" in (tmp_path / "deep" / "out" / "compare.md").read_text()


def test_runs_judged_by_other_toolchains_are_refused_unless_told(
    runs: Path, tmp_path: Path, capsys: Capture
) -> None:
    make_run(tmp_path, "newer", 0.6, seed=1, image="two")
    said = fault(capsys, runs / "base", tmp_path / "newer")
    first, *lines = said.splitlines()
    assert first.endswith(
        "differ in toolchain: use --across toolchain to compare them all the same"
    )
    assert lines == [
        f"  toolchain: mini/{name}: image: {name} one sha256:one-{name} "
        f"against {name} two sha256:two-{name}"
        for name in ("java", "javascript", "python")
    ]
    (item,) = document(
        tmp_path / "out", runs / "base", tmp_path / "newer", "--across", "toolchain"
    )["against"]
    assert len(item["allowed"]) == 3
    # The same completions, so candidates are paired one by one.
    assert whole(item)["verdicts"]["same_programs"] == 3 * PROBLEMS * N
    assert whole(item)["verdicts"]["same_programs_judged_otherwise"] == 0


def test_every_difference_in_what_is_held_still_has_its_line(
    runs: Path, tmp_path: Path, capsys: Capture
) -> None:
    changed = {"truncate": True, "retry_timeouts": 2, "evidence": "isolated"}
    make_run(tmp_path, "changed", 0.6, seed=1, execute=changed)
    said = fault(capsys, runs / "base", tmp_path / "changed", "--across", "data")
    assert "differ in truncation and toolchain: use --across truncation,toolchain" in said
    for name in ("java", "javascript", "python"):
        assert f"  truncation: mini/{name}: execute.truncate: false against true" in said
        assert f"  toolchain: mini/{name}: execute.retry_timeouts: 0 against 2" in said
        assert f"  toolchain: mini/{name}: execute.evidence: completed against isolated" in said
    assert compare(runs / "base", tmp_path / "changed", "--across", "truncation,toolchain") == 0


def test_other_problems_under_the_same_names_are_other_data(
    tmp_path: Path, capsys: Capture
) -> None:
    for name, prompt in (("old", "Add."), ("new", "Add two numbers.")):
        row = {
            "task_id": "Own/1",
            "language": "python",
            "prompt": f'def add(a, b):\n    """{prompt}"""\n',
            "entry_point": "add",
            "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
        }
        (tmp_path / f"{name}-data").mkdir()
        (tmp_path / f"{name}-data" / "own.jsonl").write_text(json.dumps(row) + "\n")
        text = "    # verdict passed\n"
        line = {"task_id": "Own/1", "completion": text}
        (tmp_path / f"{name}-own.jsonl").write_text(2 * (json.dumps(line) + "\n"))
        make_run(
            tmp_path,
            name,
            benchmarks=[
                {"name": "jsonl", "path": str(tmp_path / f"{name}-data" / "own.jsonl")},
            ],
            backend={"name": "recorded", "completions": [str(tmp_path / f"{name}-own.jsonl")]},
            sampling={"n": 2},
        )
    said = fault(capsys, tmp_path / "old", tmp_path / "new")
    assert "differ in data: use --across data" in said
    assert re.search(r"data: own/python: source jsonl: \w+ against \w+", said)
    assert re.search(
        r"data: own/python: prompts of 1 problems differ, first Own/1: \w+ against \w+", said
    )
    assert compare(tmp_path / "old", tmp_path / "new", "--across", "data") == 0


def test_settings_that_differ_are_listed_and_refuse_nothing(runs: Path, tmp_path: Path) -> None:
    (item,) = document(tmp_path, runs / "base", runs / "worse")["against"]
    keys = {change["what"] for change in item["settings"]}
    assert "backend.completions" in keys
    assert "completer.files" in keys


def test_runs_of_one_name_are_told_apart_by_their_paths(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "base", tmp_path / "copy")
    doc = document(tmp_path / "out", runs / "base", tmp_path / "copy")
    assert [run["label"] for run in doc["runs"]] == [str(runs / "base"), str(tmp_path / "copy")]


def test_faults_are_one_line_each(runs: Path, tmp_path: Path, capsys: Capture) -> None:
    base = runs / "base"
    nothing = tmp_path / "nothing"
    assert "not a run directory" in fault(capsys, base, nothing)

    other = tmp_path / "other"
    shutil.copytree(base, other)
    (other / "run.json").write_text('{"format": 1}')
    assert "written in format 1, this forkeval reads" in fault(capsys, base, other)

    (other / "run.json").write_text((base / "run.json").read_text())
    config = yaml.safe_load((other / "config-0001.yaml").read_text())
    (other / "config-0001.yaml").write_text(yaml.safe_dump(config | {"future": 1}))
    said = fault(capsys, base, other)
    assert "written by another version of forkeval, or edited" in said
    assert "\n" not in said

    make_run(tmp_path, "half", stages=("load", "sample"))
    said = fault(capsys, base, tmp_path / "half")
    assert "the execute stage has not run" in said
    assert "\n" not in said

    make_run(tmp_path, "unjudged", stages=("load", "sample", "execute"))
    assert "the rerank stage has not run" in fault(capsys, base, tmp_path / "unjudged")

    for name, language in (("py", "python"), ("js", "javascript")):
        own = [{"name": "mini", "languages": (language,), "limit": 2}]
        make_run(tmp_path, name, benchmarks=own)
    said = fault(capsys, tmp_path / "py", tmp_path / "js")
    assert said == (
        "forkeval: py and js have no problem in common: mini/python against mini/javascript"
    )


def test_across_names_what_there_is(runs: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        compare(runs / "base", runs / "again", "--across", "model")
    assert ended.value.code == 2
    assert "'model' is none of data, truncation, toolchain" in capsys.readouterr().err
