"""Messages between pool and runner: what is written is read back, what is broken is noticed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Limits
from sandboxes.protocol import Answer, ProtocolError, Request, message, read_message, words

TAGS = st.sampled_from([bytes([c]) for c in b"soetFBCR"])


def _reader(data: bytes):  # type: ignore[no-untyped-def]  # a closure over a stream
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) < size:
            raise ProtocolError("the stream ended")
        return found

    return read


@given(st.dictionaries(TAGS, st.binary(max_size=300)))
def test_round_trip(fields: dict[bytes, bytes]) -> None:
    assert read_message(_reader(message(fields.items()))) == fields


@given(st.dictionaries(TAGS, st.binary(max_size=50), min_size=1), st.data())
def test_a_stream_that_ends_early_is_an_error(
    fields: dict[bytes, bytes], data: st.DataObject
) -> None:
    whole = message(fields.items())
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ProtocolError):
        read_message(_reader(whole[:cut]))


@given(st.binary(max_size=200))
def test_noise_is_an_error_or_not_an_answer(noise: bytes) -> None:
    with pytest.raises(ProtocolError):
        Answer.decode(read_message(_reader(noise)))


def test_a_request() -> None:
    request = Request(
        file="main.py", source=b"x\0y", compile=(), run=("python3", "a b"), warm_compile=(),
        warm_run=(), stdin=b"in", nonce="n", limits=Limits(cpu_seconds=1.5), fresh=True,
    )  # fmt: skip
    fields = read_message(_reader(request.encode()))
    assert fields == {
        b"L": b"100000000 30000000 1500000 65536 16777216 128",
        b"F": b"main.py\0x\0y",
        b"R": b"python3\0a b\0",
        b"N": b"n",
        b"I": b"in",
        b"X": b"",
    }


def test_words_end_in_nul() -> None:
    assert words(("a", "b c")) == b"a\0b c\0"
