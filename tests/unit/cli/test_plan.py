"""`forkeval plan` on run directories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_runs import make_run

from pipeline.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    prices = {"version": "2026-11", "per_sandbox_cpu_hour": 3600.0}
    return make_run(folder, "pilot", 0.5, report={"k": [1, 4], "prices": prices})


def plan(capsys: Capture, *words: str | Path) -> str:
    capsys.readouterr()
    assert main(["plan", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_it_says_what_n_is_needed_and_what_it_costs(run: Path, capsys: Capture) -> None:
    said = plan(capsys, run, "--width", "8")
    assert said.startswith(f"{run}: 30 problems, n = 8\n")
    found = re.findall(r"same problems: n = (\d+) \((\d+\.\d) points\)", said)
    assert len(found) == 2  # of pass@1 and pass@4
    assert all(float(width) <= 8.0 for _, width in found)
    assert "problems drawn anew: no n gives it" in said
    assert re.search(r"; \d+ problems would, with n = 8", said)
    for n, _ in found:
        assert f"n = {n} of 30 problems, on this machine:" in said
    assert "prices 2026-11" in said
    wider = plan(capsys, run, "--width", "20", "--k", "1")
    (small,) = re.findall(r"same problems: n = (\d+)", wider)
    assert int(small) < int(found[0][0])
    assert "pass@4" not in wider


def test_a_cost_alone(run: Path, capsys: Capture) -> None:
    said = plan(capsys, run, "--n", "16", "--problems", "300")
    assert "n = 16 of 300 problems" in said
    # 8 samples of 30 problems took 0.25 s each, where no two programs were alike.
    (money,) = re.findall(r"  money +([\d,.]+) USD", said)
    assert float(money.replace(",", "")) == pytest.approx(0.25 * 16 * 300, rel=0.02)


def test_faults_are_one_line_each(run: Path, tmp_path: Path, capsys: Capture) -> None:
    single = make_run(tmp_path, "single", 0.5, sampling={"n": 1})
    for words, said in (
        ([run, "--width", "0"], "--width: points between 0 and 100, not 0"),
        ([run, "--k", "0"], "--k, --n and --problems: whole numbers from 1 on"),
        ([single], "a plan needs two judged samples of each problem"),
        ([tmp_path / "none"], "none"),
    ):
        capsys.readouterr()
        assert main(["plan", *map(str, words)]) == 2
        fault = capsys.readouterr().err.strip()
        assert said in fault
        assert "\n" not in fault
