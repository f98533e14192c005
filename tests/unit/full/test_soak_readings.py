"""What the soak counts as growth, and that its mix depends on the position alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sandboxes import languages
from tests.full.soak import GROWTH_MIB, Mix, Reading, State, growth


def readings(
    count: int, mib_a_block: float = 0.0, descriptors_a_block: float = 0.0
) -> list[Reading]:
    return [
        Reading(1, 250 * (i + 1), 100 + mib_a_block * i, int(20 + descriptors_a_block * i), 0, 6, 6)
        for i in range(count)
    ]


def test_what_stays_flat_is_no_fault() -> None:
    assert growth(readings(40)) == []


def test_memory_that_grows_with_every_block_is_found() -> None:
    found = growth(readings(40, mib_a_block=GROWTH_MIB / 10))
    assert len(found) == 1
    assert found[0].startswith("resident memory grew")


def test_descriptors_that_pile_up_are_found() -> None:
    found = growth(readings(40, descriptors_a_block=1.0))
    assert len(found) == 1
    assert found[0].startswith("open descriptors grew")


def test_threads_and_containers_that_stay_are_found() -> None:
    some = readings(8)
    some[3] = dataclasses.replace(some[3], threads=1, containers=7)
    assert growth(some) == [
        "1 threads left after 1000 executions",
        "7 containers, of which the pool knows 6, after 1000 executions",
    ]


def test_the_mix_goes_on_where_it_was() -> None:
    names = sorted(languages.load())
    one, other = Mix(names), Mix(names)
    assert [one[i] for i in range(300)][200:] == [other[i] for i in range(200, 300)]
    drawn = [one[i] for i in range(600)]
    assert {case.job.language for case in drawn} == set(names)
    assert sum(case.verdicts == ("passed",) for case in drawn) > 100


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(session=2, done=500, faults=["x"], readings=readings(2))
    state.verdicts["passed"] = 400
    state.save(tmp_path / "soak.json")
    assert State.load(tmp_path / "soak.json") == state
    assert State.load(tmp_path / "none.json") == State()
