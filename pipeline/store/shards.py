"""Records to Parquet bytes and back. Knows no paths.

A table's schema follows from its record's annotations: tuples become lists, ``X | None`` a nullable
column, ``tuple[float, ...]`` float32 (log-probabilities come from float32; a value that float32
does not hold exactly is refused), ``tuple[int, ...]`` int32, every other float float64.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.records import TABLES, Record

_SCALARS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_ITEMS = {str: pa.string(), int: pa.int32(), float: pa.float32()}


class ShardError(ValueError):
    """The bytes are not a shard of this table."""


def schema(record: type[Record]) -> pa.Schema:
    """The Arrow schema of `record`'s table, columns in the order of its fields."""
    return _schema(record.TABLE)


@cache
def _schema(table: str) -> pa.Schema:
    record = TABLES[table]
    hints = typing.get_type_hints(record)
    return pa.schema([_column(f.name, hints[f.name]) for f in dataclasses.fields(record)])


def _column(name: str, annotation: Any) -> pa.Field:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (a for a in typing.get_args(annotation) if a is not type(None))
        return _column(name, inner).with_nullable(True)
    if origin is Literal:
        return pa.field(name, pa.string(), nullable=False)
    if origin is tuple:
        item = _ITEMS[typing.get_args(annotation)[0]]
        return pa.field(name, pa.list_(pa.field("item", item, nullable=False)), nullable=False)
    return pa.field(name, _SCALARS[annotation], nullable=False)


def encode(record: type[Record], rows: Sequence[Record]) -> bytes:
    """Parquet bytes (zstd) of `rows`, all of type `record`.

    Raises:
        ValueError: a value that the column's type does not hold exactly; names the column.
    """
    columns = []
    for field in schema(record):
        values = [getattr(row, field.name) for row in rows]
        try:
            array = _array(field, values)
        except (ValueError, TypeError, OverflowError) as error:  # Arrow's errors are ValueErrors
            raise ValueError(f"{record.TABLE}.{field.name}: {error}") from error
        if array.null_count and not field.nullable:
            raise ValueError(f"{record.TABLE}.{field.name}: None in a column that has none")
        columns.append(array)
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays(columns, schema=schema(record))
    repeating = [path for field in table.schema for path in _repeating(field)]
    pq.write_table(table, sink, compression="zstd", use_dictionary=repeating)
    return bytes(sink.getvalue())


def _repeating(field: pa.Field) -> list[str]:
    """The Parquet path of a column whose values repeat, so that a dictionary of them is worth its
    room. Log-probabilities are nearly all distinct: with one they take more room and time."""
    if not pa.types.is_list(field.type):
        return [field.name]
    return [] if pa.types.is_floating(field.type.value_type) else [f"{field.name}.list.element"]


def _array(field: pa.Field, values: list[Any]) -> pa.Array:
    if not pa.types.is_list(field.type) or field.type.value_type == pa.string():
        return pa.array(values, type=field.type)
    lengths = np.fromiter((len(v) for v in values), dtype=np.int64, count=len(values))
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    wide = np.int64 if field.type.value_type == pa.int32() else np.float64
    exact = np.fromiter(chain.from_iterable(values), dtype=wide, count=int(lengths.sum()))
    with np.errstate(over="ignore"):
        narrow = exact.astype(field.type.value_type.to_pandas_dtype())
    equal = np.equal(exact, narrow) | (np.isnan(exact) & np.isnan(narrow))
    if not equal.all():
        raise ValueError(
            f"{exact[~equal][0]!r} is not exact in {field.type.value_type}: round it first"
        )
    return pa.ListArray.from_arrays(offsets, pa.array(narrow), type=field.type)


def decode(record: type[Record], data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The table in `data`, or the named columns of it.

    Raises:
        ShardError: `data` is damaged, or has other columns than `record`.
    """
    # Arrow's threads may let go of the bytes after `read` has returned. Bytes that Python owns
    # would need the interpreter for that, and abort the process if it is on its way out.
    owned = pa.allocate_buffer(len(data))
    memoryview(owned).cast("B")[:] = data
    try:
        file = pq.ParquetFile(pa.BufferReader(owned))
        if not file.schema_arrow.equals(schema(record)):
            raise ShardError("its columns are those of another version of forkeval")
        return file.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise ShardError(f"damaged: {error}") from error


def to_records(record: type[Record], table: pa.Table) -> Iterator[Record]:
    """The rows of `table` (all columns of `record`) as records, in order."""
    if table.num_rows == 0:
        return iter(())
    return map(record, *(values(table.column(name)) for name in schema(record).names))


def values(column: pa.ChunkedArray) -> list[Any]:
    """The column as Python values, lists as tuples. Some 20 times faster than `to_pylist`."""
    if not pa.types.is_list(column.type):
        return typing.cast("list[Any]", column.to_pylist())
    found: list[Any] = []
    for chunk in column.chunks:
        offsets = chunk.offsets.to_pylist()
        flat = chunk.values  # not sliced by the chunk's offset, as `offsets` count from its start
        items = flat.to_pylist() if flat.type == pa.string() else flat.to_numpy().tolist()
        found.extend(tuple(items[a:b]) for a, b in pairwise(offsets))
    return found


def keys(record: type[Record], table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The key of each row of `table`. Equal strings are one object: a run has many keys."""
    one: dict[Any, Any] = {}
    columns = (
        [one.setdefault(value, value) for value in table.column(name).to_pylist()]
        for name in record.KEY
    )
    return zip(*columns, strict=True)


def key_of(row: Record) -> tuple[Any, ...]:
    """The key of a record: the values of its KEY columns."""
    return tuple(getattr(row, name) for name in row.KEY)
