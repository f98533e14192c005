"""Records survive the way to Parquet and back exactly."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_workload import EVERY_RECORD, candidate, config, record_strategy, unique

from pipeline.records import TABLES, Candidate, Execution
from pipeline.store import Store
from pipeline.store.shards import ShardError, decode, encode, keys, schema, to_records


@pytest.mark.parametrize("name", EVERY_RECORD)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_round_trip(name: str, data: st.DataObject) -> None:
    record = TABLES[name]
    rows = data.draw(st.lists(record_strategy(record), max_size=8))
    table = decode(record, encode(record, rows))
    assert list(to_records(record, table)) == rows
    assert list(keys(record, table)) == [tuple(getattr(r, k) for k in record.KEY) for r in rows]
    start = data.draw(st.integers(0, len(rows)))  # a slice shares its parent's buffers
    assert list(to_records(record, table.slice(start, 3))) == rows[start : start + 3]
    twice = pa.concat_tables([table, table.slice(start)])
    assert list(to_records(record, twice)) == rows + rows[start:]


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_round_trip_through_commits(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("run") / "run"
    rows = unique(
        data.draw(
            st.lists(st.one_of(*(record_strategy(TABLES[name]) for name in EVERY_RECORD)))
        )
    )  # fmt: skip
    with Store.create(path, config(), reserve_bytes=1) as store:
        tables = store.begin("sample", "5a5a", {})
        size = data.draw(st.integers(1, 9))
        for start in range(0, len(rows), size):
            tables.commit(rows[start : start + size])
    with Store.open(path, read_only=True) as store:
        tables = store.stage("sample", "5a5a")
        for name in EVERY_RECORD:
            expected = [row for row in rows if name == row.TABLE]
            assert list(tables.records(name)) == expected
            assert tables.table(name).num_rows == len(expected)
            assert tables.table(name).schema == schema(TABLES[name])


def test_log_probabilities_take_no_more_than_their_four_bytes() -> None:
    """A dictionary of distinct values would come on top of them, and of places in it."""
    drawn = np.random.default_rng(1).normal(size=(400, 100)).astype(np.float32)
    rows = [
        dataclasses.replace(candidate(i), logprobs=tuple(values.tolist()))
        for i, values in enumerate(drawn)
    ]
    none = [dataclasses.replace(row, logprobs=()) for row in rows]
    assert len(encode(Candidate, rows)) - len(encode(Candidate, none)) < drawn.nbytes


def test_measurements_may_be_nan() -> None:
    row = Execution(
        "p", "t", "i", "l", "isolated", "completed", 0, "python", "passed", None, "", "", "", "",
        0.1, 0.2, 0.3, math.nan,
    )  # fmt: skip
    (back,) = to_records(Execution, decode(Execution, encode(Execution, [row])))
    assert isinstance(back, Execution)
    assert math.isnan(back.m_peak_memory_bytes)
    assert back.exit_code is None


def test_types_are_compact() -> None:
    types = {field.name: field.type for field in schema(Candidate)}
    assert types["token_ids"].value_type == pa.int32()
    assert types["logprobs_raw"].value_type == pa.float32()
    assert not schema(Candidate).field("text").nullable
    assert schema(Execution).field("exit_code").nullable


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"logprobs": (0.1,)}, "candidates.logprobs: 0.1|candidates.logprobs: np.float64"),
        ({"logprobs_raw": (1e300,)}, "candidates.logprobs_raw"),
        ({"token_ids": (2**31,)}, "candidates.token_ids"),
        ({"sample_index": 2**63}, "candidates.sample_index"),
        ({"text": None}, "candidates.text: None in a column that has none"),
        ({"text": 5}, "candidates.text"),
        ({"token_ids": ("5x",)}, "candidates.token_ids"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(change: dict[str, object], column: str) -> None:
    row = dataclasses.replace(candidate(0), **change)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match=column):
        encode(Candidate, [row])


def test_bytes_of_another_table_are_refused() -> None:
    data = encode(Candidate, [candidate(0)])
    with pytest.raises(ShardError, match="another version"):
        decode(Execution, data)
    with pytest.raises(ShardError, match="damaged"):
        decode(Candidate, data[:-9])
