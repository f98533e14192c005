"""Plain data as text that another process may send, without ever running what it says.

A message is a JSON array. A value in it is null, true, false, a number or a string as itself, or
``[i]``: node i of the message. A node is ``[kind, payload]``; nodes keep shared and cyclic
references, and a node that is immutable stands after the nodes it is made of. Both sides number
the nodes of a request alike, so that an answer can refer to them: what the callee changed in its
arguments is sent as new payloads of old nodes.

Nothing here calls a method of a value's own class other than of the types named here, and reading
makes objects of these types alone.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

MOST_BYTES = 32 << 20
MOST_DEPTH = 500  # of immutables inside each other, which Python hashes and frees by recursion
_SMALL = 1 << 63
_PLAIN = frozenset((type(None), bool, float, str))


class NotPlainError(Exception):
    """A value that cannot be sent."""


class TooMuchError(Exception):
    """Plain data, but more of it than is sent."""


class ForgedError(Exception):
    """A message that `Writer` never writes."""


class Items:
    """What an iterator had left: iterating it goes on from there."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = deque(items)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.items:
            raise StopIteration
        return self.items.popleft()


_FACTORIES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict,
              "set": set, "tuple": tuple}  # fmt: skip
_TYPES = _FACTORIES | {"bytes": bytes, "complex": complex, "frozenset": frozenset, "type": type,
                       "object": object, "NoneType": type(None)}  # fmt: skip
_CONSTANTS = {"Ellipsis": ..., "NotImplemented": NotImplemented}
_ITERATOR_MAKERS: tuple[Iterator[Any], ...] = (
    iter([]), iter(()), iter({}), iter(set()), iter(range(0)), iter(""), reversed([]),
    map(str, ()), zip(), filter(None, ()), enumerate(()), (None for _ in range(0)),
)  # fmt: skip
_ITERATORS = frozenset(type(iterator) for iterator in _ITERATOR_MAKERS)


class Writer:
    """Turns values into JSON values and nodes.

    known: objects that the other side has, in order. exact: whether a subclass of a plain type, or
    an iterator, is refused; else its contents are sent.
    """

    def __init__(self, known: Sequence[Any] = (), exact: bool = False) -> None:
        self._exact = exact
        self.kept = list(known)  # held, so that no other object gets an id of theirs
        self._index = {id(value): number for number, value in enumerate(self.kept)}
        self.nodes: list[Any] = []
        self._known = len(self.kept)

    def value(self, value: Any) -> Any:
        """The JSON value that stands for `value`. Raises NotPlainError."""
        kind = type(value)
        if kind in _PLAIN or (kind is int and -_SMALL < value < _SMALL):
            return value
        number = self._index.get(id(value))
        if number is None:
            number = self._add(value, kind)
        return [number]

    def values(self, values: Iterable[Any]) -> list[Any]:
        return [self.value(value) for value in values]

    def changes(self, known: Sequence[Any]) -> list[Any]:
        """``[number, payload]`` of every known object whose contents are no longer those of its
        node in `known`, the nodes of the message that it came with."""
        found = []
        for number, (name, before) in enumerate(known):
            if name in _EMPTY or name == "numpy.ndarray":
                now = self._writer(self.kept[number], type(self.kept[number]))[1](
                    self, self.kept[number]
                )
                if repr(now) != repr(before):
                    found.append([number, now])
        return found

    def _add(self, value: Any, kind: type) -> int:
        kind, write = self._writer(value, kind)
        if kind in MUTABLE:  # numbered before its contents: it may hold itself
            number = self._number(value, [kind.__name__, None])
            self.nodes[number - self._known][1] = write(self, value)
            return number
        payload = write(self, value)  # what it holds may have led back to it, through a list
        return self._number(value, [kind.__name__, payload])

    def _number(self, value: Any, node: list[Any]) -> int:
        number = self._known + len(self.nodes)
        self._index[id(value)] = number
        self.kept.append(value)
        self.nodes.append(node)
        return number

    def _writer(self, value: Any, kind: type) -> tuple[Any, Callable[[Writer, Any], Any]]:
        found = WRITERS.get(kind)
        if found is not None:
            return kind, found
        if kind in _ITERATORS and not self._exact:
            return Items, lambda writer, value: writer.values(value)
        module = sys.modules.get(kind.__module__)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in LIBRARY and getattr(module, kind.__qualname__, None) is kind:
            return _Named(name), LIBRARY[name][0]
        if kind.__module__ == "numpy" and kind is not getattr(module, "ndarray", None):
            return _Named("numpy.generic"), _write_numpy_scalar
        if kind is type and value in _TYPES.values():
            return type, lambda writer, value: value.__name__
        if value is ... or value is NotImplemented:
            return _Named("constant"), lambda writer, value: repr(value)
        if self._exact:
            raise NotPlainError(f"{name} is no plain data")
        # A subclass, sent as the type it is made from: by its contents, not by its own methods.
        for base in type.mro(kind)[1:-1]:
            if base in WRITERS:
                return base, WRITERS[base]
        raise NotPlainError(f"{name} is no plain data")


class _Named:
    """Stands in for a type that is not loaded; its name is that of the node."""

    def __init__(self, name: str) -> None:
        self.__name__ = name


def _pairs(writer: Writer, value: Any) -> list[Any]:
    flat = []
    for key, item in dict.items(value):
        flat += [writer.value(key), writer.value(item)]
    return flat


def _write_default(writer: Writer, value: Any) -> list[Any]:
    factory = value.default_factory
    if factory is not None and factory not in _FACTORIES.values():
        factory = None  # made by code, which does not travel: the entries do
    return [factory.__name__ if factory else None, *_pairs(writer, value)]


WRITERS: dict[Any, Callable[[Writer, Any], Any]] = {
    # subclasses before the types they are made from
    bool: lambda w, v: int(v),
    int: lambda w, v: hex(int.__index__(v)),
    float: lambda w, v: float.__float__(v),
    str: lambda w, v: str.__str__(v),
    bytes: lambda w, v: bytes.hex(v),
    bytearray: lambda w, v: bytearray.hex(v),
    complex: lambda w, v: [v.real, v.imag],
    list: lambda w, v: w.values(list.__iter__(v)),
    tuple: lambda w, v: w.values(tuple.__iter__(v)),
    set: lambda w, v: w.values(set.__iter__(v)),
    frozenset: lambda w, v: w.values(frozenset.__iter__(v)),
    range: lambda w, v: [hex(v.start), hex(v.stop), hex(v.step)],
    Counter: _pairs,
    OrderedDict: _pairs,
    defaultdict: _write_default,
    dict: _pairs,
    deque: lambda w, v: [v.maxlen, *w.values(deque.__iter__(v))],
    Items: lambda w, v: w.values(v.items),
    type({}.keys()): lambda w, v: w.values(v),
    type({}.values()): lambda w, v: w.values(v),
    type({}.items()): lambda w, v: [x for k, i in v for x in (w.value(k), w.value(i))],
}
MUTABLE = frozenset((bytearray, list, set, Counter, OrderedDict, defaultdict, dict, deque, Items))


def _write_numpy_scalar(writer: Writer, value: Any) -> list[Any]:
    import numpy

    if not isinstance(value, numpy.generic) or value.dtype.kind not in "biufcSU":
        raise NotPlainError(f"numpy.{type(value).__name__} is no plain data")
    return [value.dtype.str, value.tobytes().hex()]


def _write_array(writer: Writer, value: Any) -> list[Any]:
    if value.dtype.kind not in "biufcSU":
        raise NotPlainError(f"a numpy array of {value.dtype} is no plain data")
    return [value.dtype.str, list(value.shape), value.tobytes().hex()]


def _dtype(text: Any) -> Any:
    import numpy

    found = numpy.dtype(_of(str, text))
    if found.kind not in "biufcSU" or found.itemsize > 1 << 16:
        raise ForgedError("an odd dtype")
    return found


def _read_numpy_scalar(payload: Any) -> Any:
    import numpy

    kind, data = payload
    return numpy.frombuffer(bytes.fromhex(data), dtype=_dtype(kind), count=1)[0]


def _read_array(payload: Any) -> Any:
    import numpy

    kind, shape, data = payload
    return numpy.frombuffer(bytes.fromhex(data), dtype=_dtype(kind)).reshape(shape).copy()


def _read_offset(seconds: float | None) -> Any:
    import datetime

    return None if seconds is None else datetime.timezone(datetime.timedelta(seconds=seconds))


def _offset(value: Any) -> float | None:
    found = value.utcoffset()
    return None if found is None else float(found.total_seconds())


def _make(module: str, name: str, *arguments: Any, **named: Any) -> Any:
    import importlib

    return getattr(importlib.import_module(module), name)(*arguments, **named)


# Types of modules that are loaded only when a value of theirs comes: how to write and read one.
LIBRARY: dict[str, tuple[Callable[[Writer, Any], Any], Callable[[Any], Any]]] = {
    "decimal.Decimal": (
        lambda w, v: str(v),
        lambda p: _make("decimal", "Decimal", _of(str, p)),
    ),
    "fractions.Fraction": (
        lambda w, v: [hex(v.numerator), hex(v.denominator)],
        lambda p: _make("fractions", "Fraction", int(p[0], 16), int(p[1], 16)),
    ),
    "datetime.date": (
        lambda w, v: [v.year, v.month, v.day],
        lambda p: _make("datetime", "date", *p),
    ),
    "datetime.datetime": (
        lambda w, v: [_offset(v), v.fold, v.year, v.month, v.day, v.hour, v.minute, v.second,
                      v.microsecond],
        lambda p: _make("datetime", "datetime", *p[2:], tzinfo=_read_offset(p[0]), fold=p[1]),
    ),
    "datetime.time": (
        lambda w, v: [v.hour, v.minute, v.second, v.microsecond],
        lambda p: _make("datetime", "time", *p),
    ),
    "datetime.timedelta": (
        lambda w, v: [v.days, v.seconds, v.microseconds],
        lambda p: _make("datetime", "timedelta", *p),
    ),
    "numpy.generic": (_write_numpy_scalar, _read_numpy_scalar),
    "numpy.ndarray": (_write_array, _read_array),
}  # fmt: skip


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ForgedError(f"{type(value).__name__} where {kind.__name__} is due")
    return value


class Reader:
    """Makes the objects that a message's nodes stand for; `known`: those of earlier messages."""

    def __init__(self, nodes: Any, known: Sequence[Any] = ()) -> None:
        self.objects = list(known)
        self._depths = [0] * len(self.objects)
        first = len(self.objects)
        waiting = []
        for name, payload in _of(list, nodes):
            if name in _EMPTY:
                waiting.append((len(self.objects), payload))
                self.objects.append(_EMPTY[name]())
                self._depths.append(0)
            else:
                self.objects.append(None)
                self._depths.append(-1)  # not made yet
        for number, (name, payload) in enumerate(nodes, first):
            if name not in _EMPTY:
                self._depths[number] = self._depth(payload) if name in _HOLDERS else 1
                self.objects[number] = self._immutable(name, payload)
        for number, payload in waiting:
            self.fill(number, payload)

    def value(self, value: Any) -> Any:
        if type(value) is not list:
            return value if type(value) is not dict else _of(list, value)
        (number,) = value
        if type(number) is not int or not 0 <= number < len(self.objects):
            raise ForgedError("a reference to nothing")
        if self._depths[number] < 0:
            raise ForgedError("a reference to what is not made yet")
        return self.objects[number]

    def values(self, values: Any) -> list[Any]:
        return [self.value(value) if type(value) in _REFERENCES else value for value in values]

    def fill(self, number: int, payload: Any) -> None:
        """Gives a mutable object these contents, in place of what it had."""
        target = self.objects[number]
        if type(target).__module__ == "numpy":
            target[...] = _read_array(payload)
            return
        FILLERS[type(target)](self, target, payload)

    def _depth(self, payload: Any) -> int:
        deepest = 0
        for value in payload:
            if type(value) is list:
                self.value(value)
                deepest = max(deepest, self._depths[value[0]])
        if deepest >= MOST_DEPTH:
            raise ForgedError("values too deep inside each other")
        return deepest + 1

    def _immutable(self, name: Any, payload: Any) -> Any:
        if name == "tuple":
            return tuple(self.values(_of(list, payload)))
        if name == "frozenset":
            return frozenset(self.values(_of(list, payload)))
        if name == "int":
            return int(_of(str, payload), 16)
        if name == "bool":
            return bool(payload)
        if name in ("float", "str"):
            return _of(_TYPES[name], payload)
        if name == "bytes":
            return bytes.fromhex(payload)
        if name == "complex":
            return complex(*payload)
        if name == "range":
            return range(*(int(text, 16) for text in payload))
        if name == "type":
            return _TYPES[payload]
        if name == "constant":
            return _CONSTANTS[payload]
        if name == "dict_keys":
            return dict.fromkeys(self.values(payload)).keys()
        if name == "dict_values":
            return dict(enumerate(self.values(payload))).values()
        if name == "dict_items":
            return dict(self.pairs(payload)).items()
        return LIBRARY[name][1](payload)

    def pairs(self, flat: Any) -> Iterator[tuple[Any, Any]]:
        values = self.values(_of(list, flat))
        return zip(values[::2], values[1::2], strict=True)


_REFERENCES = frozenset((list, dict))
_HOLDERS = frozenset(("tuple", "frozenset", "dict_keys", "dict_values", "dict_items"))
_EMPTY: dict[Any, Callable[[], Any]] = {
    "bytearray": bytearray, "list": list, "set": set, "Counter": Counter,
    "OrderedDict": OrderedDict, "defaultdict": defaultdict, "dict": dict, "deque": deque,
    "Items": lambda: Items(()),
}  # fmt: skip


def _fill_dict(reader: Reader, target: Any, payload: Any) -> None:
    pairs = list(reader.pairs(payload))
    target.clear()
    for key, value in pairs:
        target[key] = value


def _fill_default(reader: Reader, target: Any, payload: Any) -> None:
    factory, *flat = payload
    target.default_factory = None if factory is None else _FACTORIES[factory]
    _fill_dict(reader, target, flat)


def _fill_set(reader: Reader, target: Any, payload: Any) -> None:
    values = reader.values(_of(list, payload))
    target.clear()
    target.update(values)


def _fill_list(reader: Reader, target: Any, payload: Any) -> None:
    target[:] = reader.values(_of(list, payload))


def _fill_bytes(reader: Reader, target: Any, payload: Any) -> None:
    target[:] = bytes.fromhex(payload)


def _fill_deque(reader: Reader, target: Any, payload: Any) -> None:
    most, *values = payload
    if most != target.maxlen:
        target.__init__((), None if most is None else _of(int, most))
    values = reader.values(values)
    target.clear()
    target.extend(values)


def _fill_items(reader: Reader, target: Any, payload: Any) -> None:
    target.items = deque(reader.values(_of(list, payload)))


FILLERS: dict[type, Callable[[Reader, Any, Any], None]] = {
    bytearray: _fill_bytes, list: _fill_list, set: _fill_set, Counter: _fill_dict,
    OrderedDict: _fill_dict, defaultdict: _fill_default, dict: _fill_dict, deque: _fill_deque,
    Items: _fill_items,
}  # fmt: skip

# The bare encoder takes a list and gives ASCII; a lone surrogate is an escape like any other.
_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


def dump(message: Any) -> bytes:
    """A message as bytes with their length in front. Raises TooMuchError."""
    data = _encode(message).encode("ascii")
    if len(data) > MOST_BYTES:
        raise TooMuchError(f"{len(data)} bytes are more than a call may take")
    return len(data).to_bytes(4, "big") + data


def load(data: bytes) -> Any:
    """Raises ForgedError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ForgedError("no JSON") from error
