"""A run directory: commits, identities, histories, damage, moving."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from store_workload import call, candidate, config, content, program, unlisted

from pipeline.config import SamplingConfig
from pipeline.records import UserError
from pipeline.store import Store


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two commits of candidates and calls."""
    path = tmp_path / "run"
    with Store.create(path, config()) as store:
        tables = store.begin("sample", "5a5a", {"device": "cpu"})
        tables.commit([*(candidate(i) for i in range(3)), *(call(i) for i in range(3))])
        tables.commit([candidate(3), call(3)])
    return path


def test_a_commit_spans_tables(run: Path) -> None:
    with Store.open(run, read_only=True) as store:
        tables = store.stage("sample", "5a5a")
        assert tables.tables() == {"calls": 4, "candidates": 4}
        assert list(tables.records("candidates")) == [candidate(i) for i in range(4)]
        assert tables.keys("calls") == {(*candidate(i).key, "candidate", 0) for i in range(4)}
        texts = tables.table("candidates", ["text"])
        assert texts.column_names == ["text"]
        assert texts.num_rows == 4
        assert tables.table("programs").num_rows == 0
        assert tables.table("programs", ["cut"]).column_names == ["cut"]
        assert tables.keys("programs") == set()


@pytest.mark.parametrize("reopened", [False, True])
def test_a_key_counts_once(run: Path, reopened: bool) -> None:
    with Store.open(run) as store:
        tables = store.stage("sample", "5a5a")
        if not reopened:
            tables.commit([candidate(4)])
        again = candidate(2) if reopened else candidate(4)
        with pytest.raises(ValueError, match=r"candidates: key .* is there already"):
            tables.commit([call(7), again])
        with pytest.raises(ValueError, match="is there already"):
            tables.commit([candidate(8), candidate(8)])
        assert tables.tables()["calls"] == 4, "a refused commit adds to no table"
        tables.commit([call(7), candidate(7)])
    assert unlisted(run) == []


def test_nothing_is_no_commit(run: Path) -> None:
    before = sorted(run.rglob("*"))
    with Store.open(run) as store:
        store.stage("sample", "5a5a").commit([])
    assert sorted(run.rglob("*")) == before


def test_rows_of_another_identity_stay_aside(run: Path) -> None:
    with Store.open(run) as store:
        old = store.current("sample")
        assert old is not None
        new = store.begin("sample", "beef", {}, None)
        assert new.keys("candidates") == set()
        new.commit([candidate(0)])
        assert store.current("sample") is new
        back = store.begin("sample", "5a5a", {"device": "cpu"})
        assert back is old
        assert back.tables()["candidates"] == 4
        assert [tables.identity for tables in store.stages()] == ["5a5a", "beef"]


def test_a_stage_is_current_while_its_upstream_is(run: Path) -> None:
    with Store.open(run) as store:
        sampled = store.current("sample")
        assert store.current("truncate") is None
        assert store.latest("truncate") is None
        truncated = store.begin("truncate", "7272", {"rule": "python-1"}, sampled)
        truncated.commit([program(candidate(0))])
        judged = store.begin("execute", "e0e0", {}, truncated)
        assert store.current("execute") is judged
        store.begin("sample", "beef", {})
        assert store.current("truncate") is None
        assert store.current("execute") is None
        latest = store.latest("truncate")
        assert latest is not None
        assert latest.environment == {"rule": "python-1"}
        assert latest.upstream == ("sample", "5a5a")
        store.begin("sample", "5a5a", {})
        assert store.current("execute") is judged


def test_histories_grow_only_with_changes(run: Path) -> None:
    with Store.create(run, config()) as store:
        store.begin("sample", "5a5a", {"device": "cpu"})
    assert len(list(run.glob("config-*.yaml"))) == 1
    assert len(list(run.glob("environment/sample-*.json"))) == 1
    more = config().model_copy(update={"sampling": SamplingConfig(n=7)})
    with Store.create(run, more) as store:
        store.begin("sample", "5a5a", {"device": "cuda"})
        assert store.config == more
    assert len(list(run.glob("config-*.yaml"))) == 2
    assert len(list(run.glob("environment/sample-*.json"))) == 2
    with Store.open(run, read_only=True) as store:
        assert store.config == more
        latest = store.latest("sample")
        assert latest is not None
        assert latest.environment == {"device": "cuda"}


def test_a_moved_directory_goes_on(run: Path, tmp_path: Path) -> None:
    before = content(run)
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(run, moved)  # as another machine gets it: other inodes and times
    shutil.rmtree(run)
    assert content(moved) == before
    with Store.open(moved) as store:
        tables = store.current("sample")
        assert tables is not None
        assert (*candidate(3).key,) in tables.keys("candidates")
        tables.commit([candidate(4)])
    assert len(content(moved)["candidates"]) == 5
    assert str(run) not in "".join(p.read_text() for p in moved.glob("*/*/*.json"))


def test_readers_change_nothing(run: Path) -> None:
    orphan = run / "tables/candidates/sample-5a5a/000009.parquet"
    orphan.write_bytes(b"left by a writer that still runs")
    with Store.open(run, read_only=True) as store:
        assert store.stage("sample", "5a5a").tables()["candidates"] == 4
        with pytest.raises(ValueError, match="read-only"):
            store.stage("sample", "5a5a").commit([candidate(9)])
    assert orphan.exists()
    with Store.open(run) as store:
        tables = store.stage("sample", "5a5a")
        assert not orphan.exists()
    with pytest.raises(ValueError, match="closed"):
        tables.commit([candidate(9)])


@pytest.mark.parametrize("damage", ["cut", "edited", "gone", "other"])
def test_a_damaged_shard_is_named(run: Path, damage: str) -> None:
    shard = run / "tables/candidates/sample-5a5a/000001.parquet"
    data = shard.read_bytes()
    if damage == "gone":
        shard.unlink()
    elif damage == "other":
        shutil.copy(run / "tables/candidates/sample-5a5a/000002.parquet", shard)
    else:
        shard.write_bytes(data[:-20] if damage == "cut" else data[:50] + b"?" + data[51:])
    with Store.open(run, read_only=True) as store:
        for read in ("table", "keys"):
            with pytest.raises(UserError, match=r"000001\.parquet") as caught:
                getattr(store.stage("sample", "5a5a"), read)("candidates")
            assert str(shard) in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["commits/sample-5a5a/000001.json", "environment/sample-0001.json", "run.json"]
)
def test_a_damaged_file_is_named(run: Path, name: str) -> None:
    (run / name).write_text('{"shards": [{')
    with pytest.raises(UserError) as caught, Store.open(run, read_only=True) as store:
        store.current("sample")
    assert str(run / name) in str(caught.value)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match=r"holds other files \(thesis.tex"):
        Store.create(tmp_path, config())
    for read_only in (True, False):
        with pytest.raises(UserError, match="not a run directory"):
            Store.open(tmp_path, read_only=read_only)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the run directory"):
        Store.create(tmp_path / "file" / "run", config())


def test_a_later_format_is_refused(run: Path) -> None:
    (run / "run.json").write_text('{"format": 3}')
    with pytest.raises(UserError, match="written in format 3, this forkeval reads 2"):
        Store.open(run)


def test_an_edited_configuration_is_named(run: Path) -> None:
    (run / "config-0001.yaml").write_text("sampling: {n: many}\n")
    with pytest.raises(UserError, match=r"config-0001\.yaml"), Store.open(run) as store:
        _ = store.config
