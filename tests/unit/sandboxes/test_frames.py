"""Docker's frames, however they arrive."""

from __future__ import annotations

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sandboxes.frames import Frames

OUTPUT = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8)


@given(OUTPUT, st.lists(st.integers(0, 400), max_size=12))
def test_any_cut_gives_the_same_streams(output: list[tuple[int, bytes]], cuts: list[int]) -> None:
    sent = b"".join(struct.pack(">BxxxI", number, len(text)) + text for number, text in output)
    frames, found = Frames(), {1: bytearray(), 2: bytearray()}
    at = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    for start, end in pairwise(at):
        frames.take(sent[start:end], found[1], found[2])
    for number, said in found.items():
        assert said == b"".join(text for stream, text in output if stream == number)
