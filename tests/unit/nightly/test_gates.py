"""Gates, baselines, the exit code and what a night leaves for a CI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from made_nights import START, Nights
from made_runs import Said, make_run

from pipeline.cli import main
from pipeline.history import CellRow, Counts, GateRow, Measured
from pipeline.nightly.baseline import rule_of
from pipeline.nightly.config import NightConfig
from pipeline.nightly.gates import judge, paired
from pipeline.records import Execution, Job, UserError

PASS = {"metric": "pass@1", "cells": "mini", "fall": "noise"}
INFRASTRUCTURE = {"metric": "infrastructure_errors", "below": 0.005}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path, gates=[PASS, INFRASTRUCTURE])


def gates(nights: Nights, number: int, metric: str = "pass@1") -> list[GateRow]:
    with nights.history() as history:
        return [gate for gate in history.gates(number) if gate.metric == metric]


def test_a_fall_fails_the_night_until_it_is_accepted(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nights.run(0.7, seed=1) == 0
    assert {gate.said for gate in gates(nights, 1)} == {"no baseline yet: this night is the first"}
    told = "night 1: all judged gates hold, 2 not judged; 2 of 2 cells evaluated"
    assert told in capsys.readouterr().out
    assert nights.run(0.7, seed=2) == 0
    assert {gate.state for gate in gates(nights, 2)} == {"held"}
    assert "night 2: all gates hold; 2 of 2 cells evaluated" in capsys.readouterr().out
    for number in (3, 4):  # the failed night is no baseline for the next
        assert nights.run(0.3, seed=number) == 1
        for gate in gates(nights, number):
            assert gate.state == "failed"
            assert re.search(r"% of night 2, -\d+\.\d points \[-.*\], 10 problems, p", gate.said)
    out = capsys.readouterr().out
    assert "night 4: 2 of 4 gates failed; 2 of 2 cells evaluated" in out
    assert "FAILED replayed/mini/java/t0.8: pass@1 falls by no more than noise: " in out

    assert main(["nightly", str(nights.yaml), "--accept", "4"]) == 0
    assert "2 cells are the baseline from now on" in capsys.readouterr().out
    assert nights.run(0.3, seed=5) == 0
    assert "of night 4" in gates(nights, 5)[0].said
    assert main(["nightly", str(nights.yaml), "--accept", "9"]) == 2
    assert "there is no finished night 9; the last is 5" in capsys.readouterr().err


class Failing(Said):
    """Sandboxes that give up on every third program."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for i, execution in enumerate(super().run(jobs)):
            yield replace(execution, verdict="infrastructure_error") if i % 3 == 0 else execution


def test_infrastructure_errors_are_not_called_a_regression(nights: Nights) -> None:
    nights.run(0.7)
    # Both at once: what passes has fallen, and nobody can say so from such a night.
    assert nights.run(0.2, executor=Failing) == 1
    for gate in gates(nights, 2):
        assert gate.state == "not_judged"
        assert gate.said.startswith("infrastructure failure, no regression: ")
    assert {gate.state for gate in gates(nights, 2, "infrastructure_errors")} == {"failed"}
    junit = ET.parse(nights.place / "latest" / "junit.xml").getroot()
    assert {case.get("type") for case in junit.iter("failure")} == {"infrastructure_errors"}
    assert {case.get("type") for case in junit.iter("error")} == {"infrastructure"}

    nights.write(gates=[PASS])
    assert nights.run(0.7, executor=Failing) == 2  # nor without a gate on them
    assert nights.run(0.7) == 0  # in new runs: the next night owes nothing to the broken one
    assert "of night 1" in gates(nights, 4)[0].said


def test_a_fixed_run_is_the_baseline_of_its_parts(nights: Nights, tmp_path: Path) -> None:
    fixed = make_run(tmp_path, "fixed", 0.7, seed=7)
    nights.write(gates=[PASS], baseline={"rule": "run", "run": str(fixed)})
    assert nights.run(0.7) == 0
    assert {gate.state for gate in gates(nights, 1)} == {"held"}
    assert nights.run(0.3) == 1
    assert f"of {fixed}, " in gates(nights, 2)[0].said
    nights.write(gates=[PASS], baseline={"rule": "run", "run": str(tmp_path / "gone")})
    with pytest.raises(UserError) as said:
        nights.run(0.7)
    assert "\n" not in str(said.value)
    assert str(tmp_path / "gone") in str(said.value)
    with nights.history() as history:
        assert history.last_night() == 2  # refused before the night began


def test_a_median_is_a_night_in_the_middle(nights: Nights) -> None:
    nights.write(gates=[], baseline={"rule": "median", "last": 3})
    for number, chance in enumerate((0.1, 0.9, 0.5, 0.6), start=1):
        nights.run(chance, seed=number)
    nights.write(gates=[PASS], baseline={"rule": "median", "last": 3})
    assert nights.run(0.6) == 0
    assert "of night 4" in gates(nights, 5)[0].said  # 0.5, 0.6, 0.9; the first is too old
    nights.write(gates=[PASS], baseline={"rule": "last_accepted"})
    nights.run(0.6)
    assert "of night 5" in gates(nights, 6)[0].said


def test_another_toolchain_is_named(nights: Nights) -> None:
    nights.run(0.7)
    nights.run(0.7, executor=lambda: Said("two"))
    assert "of another toolchain" in gates(nights, 2)[0].said


# ---- figures of a history that is made by hand ---------------------------------------------------


def recorded(
    nights: Nights, figures: list[dict[str, float]], gate: dict[str, Any]
) -> tuple[GateRow, int]:
    """What a gate says of the last of several nights, of one cell, with these figures."""
    nights.place.mkdir(parents=True, exist_ok=True)
    config = NightConfig.model_validate({"gates": [gate], "samplings": [{"name": "s", "n": 20}]})
    with nights.history() as history:
        for own in figures:
            number = history.begin(START)
            row = CellRow(number, "tiny/mini/python/s", "", None, 0, "planned", "", "r", 0, False)
            history.plan([row])
            counts = Counts(["a", "b"], [1000, 1000], [500, 500])
            plain = {name: (value, None, None) for name, value in own.items()}
            history.record(row, Measured(1000, counts, plain, {}), 1.0)
            found = judge(config, history, number, rule_of(config.baseline, history), ())
            history.judge(number, found, [(row.series, "")])
        return found[0], number


@pytest.mark.parametrize(("share", "state"), [(0.019, "held"), (0.021, "held"), (0.04, "failed")])
def test_truncation_fails_where_it_is_above_by_more_than_noise(
    nights: Nights, share: float, state: str
) -> None:
    gate, _ = recorded(nights, [{"truncation": share}], {"metric": "truncation", "below": 0.02})
    assert gate.state == state


def test_speed_is_held_against_the_median(nights: Nights) -> None:
    rule = {"metric": "tokens_per_second", "of_baseline": 0.8}
    speeds = [{"tokens_per_second": x} for x in (100.0, 1000.0, 110.0)]
    first, _ = recorded(nights, speeds[:1], rule)
    assert first.said == "no baseline yet: this night is the first"
    gate, _ = recorded(nights, [*speeds[1:], {"tokens_per_second": 89.0}], rule)
    assert (gate.state, gate.baseline) == ("held", 110.0)  # of 100, 1,000 and 110
    gate, _ = recorded(nights, [{"tokens_per_second": 79.0}], rule)  # of 100, 1,000, 110 and 89
    assert (gate.state, gate.said) == ("failed", "79, 75% of the median 105; 80% is asked")


def test_pairs_are_of_problems_judged_in_full_and_not_in_quarantine() -> None:
    first = Counts(["a", "b", "c", "d"], [4, 4, 4, 4], [1, 2, 3, 4])
    second = Counts(["b", "c", "d", "e"], [4, 3, 4, 4], [2, 3, 0, 4])
    pair = paired(first, second, {"d"})
    assert [list(side) for side in pair.passed] == [[2], [2]]
    assert (pair.n, pair.quarantined, pair.unjudged) == ((4, 4), 1, 1)


# ---- output --------------------------------------------------------------------------------------


def test_junit_and_markdown_say_what_the_exit_code_says(nights: Nights) -> None:
    nights.run(0.7, seed=1)
    assert nights.run(0.3, seed=2) == 1
    latest = nights.place / "latest"
    doc = json.loads((latest / "summary.json").read_text())
    assert (doc["outcome"], doc["exit_code"], doc["tests"]) == ("failed", 1, 2)
    suite = ET.parse(latest / "junit.xml").getroot()[0]
    assert suite.tag == "testsuite"
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "0", "skipped": "0",
    }  # fmt: skip
    text = (latest / "summary.md").read_text()
    assert text.startswith("# made, night 2: 2 of 4 gates failed; 2 of 2 cells evaluated")
    assert text.count("| FAILED |") == 2
    assert "replayed/mini/python/t0.8" in text


class Receiver(BaseHTTPRequestHandler):
    got: list[Any]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None: ...  # noqa: A002  # theirs


def test_the_webhook_gets_the_summary_and_its_failure_is_a_note(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    Receiver.got = []
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/hook"
        nights.write(webhook=address)
        assert nights.run() == 0
        thread.join(10)
    assert Receiver.got == [json.loads((nights.place / "latest" / "summary.json").read_text())]
    assert nights.run() == 0
    assert f"note: webhook {address}: " in capsys.readouterr().err


def test_a_gate_on_an_unknown_cell_is_one_line(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    nights.write(gates=[{**PASS, "cells": "mini/perl"}])
    assert main(["nightly", str(nights.yaml)]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "mini/perl is no cell of this matrix; it has replayed/mini/python/t0.8" in said
