"""No training statement shares 13 words in a row with a published or bundled problem."""

import itertools
import json
from pathlib import Path

import pytest

from benchmarks_data.tiny_model.train.contamination import (
    Published,
    normalise,
    read_runs,
    run_hashes,
    runs,
)
from benchmarks_data.tiny_model.train.data import TextStream
from benchmarks_data.tiny_model.train.functions import FunctionStream
from benchmarks_data.tiny_model.train.problems import ProblemStream

MINI = Path(__file__).parents[3] / "benchmarks_data" / "mini"
THIRTEEN = "a b c d e f g h i j k l m"


def plant(directory: Path, text: str) -> Path:
    (directory / "published.jsonl").write_text(json.dumps({"prompt": text}) + "\n")
    return directory


def test_thirteen_words_collide_and_twelve_do_not(tmp_path: Path) -> None:
    found = Published.read_problems(plant(tmp_path, f"x y {THIRTEEN} z"))
    assert found.shares_run(f"other {THIRTEEN} words")
    assert found.shares_run(f"other {THIRTEEN.upper().replace(' ', ' , ')} !")
    assert not found.shares_run(f"other {THIRTEEN[:-2]} words that differ here")


def test_rolling_hashes_tell_runs_apart_as_the_words_do() -> None:
    texts = [p.statement for p in itertools.islice(ProblemStream("hashes"), 400)]
    words = set().union(*(runs(t) for t in texts))
    hashes = set().union(*(set(run_hashes(t)) for t in texts))
    assert len(words) == len(hashes) > 1000


def test_a_planted_collision_is_dropped_and_counted(tmp_path: Path) -> None:
    clean = list(itertools.islice(ProblemStream("plant"), 200))
    victim = next(p for p in clean if len(normalise(p.statement)) > 20)
    found = Published.read_problems(plant(tmp_path, victim.statement))
    stream = ProblemStream("plant", found)
    kept = list(itertools.islice(stream, 200))
    assert victim in clean
    assert victim not in kept
    assert stream.dropped[victim.family] >= 1


def test_an_empty_directory_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no JSONL"):
        Published.read_problems(tmp_path)


def test_saved_hashes_are_the_same(tmp_path: Path) -> None:
    found = Published.read_problems(plant(tmp_path, f"{THIRTEEN} n o p"))
    found.save(tmp_path / "h.npy")
    again = Published.load(tmp_path / "h.npy")
    assert len(again) == len(found) == 4
    assert again.shares_run(THIRTEEN)


def test_what_training_draws_shares_no_run(published: Path) -> None:
    """The training stream with the filter on, checked by comparing the words themselves."""
    mini = sorted(MINI.glob("*.jsonl"))
    assert mini
    filtered = Published.read_problems(published, mini)
    words = read_runs(published, mini)
    stream = TextStream("contamination", filtered)
    for problem in itertools.islice(stream.problems, 6000):
        assert words.isdisjoint(runs(problem.statement)), problem
    for task in itertools.islice(FunctionStream("contamination", filtered), 1000):
        assert words.isdisjoint(runs(task.statement)), task
    assert sum(stream.problems.dropped.values()) > 0  # the filter has something to do
