"""The stop automaton finds what a search of the text finds, at any token boundary."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.stopping import StopTables, earliest_stop

TOKENS = ["a", "b", "ab", "ba", "aab", "\n", "\nc", "c", "é", "bé", "", "€a"]
BYTES = [*(token.encode() for token in TOKENS), b"\xc3", b"\xa9", b"\xe2\x82", b"\xac"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("abc\né€", min_size=1, max_size=5), max_size=4),
    st.lists(st.integers(0, len(BYTES) - 1), max_size=20),
)
def test_automaton_stops_where_a_search_does(stops: list[str], ids: list[int]) -> None:
    tables = StopTables(BYTES, eos=(), device=torch.device("cpu"))
    tables.start(("zz",))  # another set's states lie before
    state = torch.tensor([tables.start(tuple(stops))])
    data = b""
    for token in ids:
        data += BYTES[token]
        state, ended = tables.step(state, torch.tensor([token]))
        assert bool(ended) == any(stop.encode() in data for stop in stops)


def test_a_table_seldom_moves() -> None:
    """Graphs hold its address; states of a set stay those they were."""
    tables = StopTables(BYTES, eos=(), device=torch.device("cpu"))
    first = tables.start(("ab",))
    at = {tables.table.data_ptr(): tables.table}  # kept, so that no other has its address
    for i in range(60):
        tables.start(("\n" * (i + 1),))
        at[tables.table.data_ptr()] = tables.table
    assert len(at) < 12
    _, ended = tables.step(
        torch.tensor([first, first]), torch.tensor([TOKENS.index("ab"), TOKENS.index("\n")])
    )
    assert ended.tolist() == [True, False]


def test_end_tokens_end() -> None:
    tables = StopTables(BYTES, eos=(2, 5), device=torch.device("cpu"))
    state = torch.full((len(BYTES),), tables.start(()))
    _, ended = tables.step(state, torch.arange(len(BYTES)))
    assert torch.nonzero(ended).flatten().tolist() == [2, 5]


def test_earliest_begins_first() -> None:
    assert earliest_stop("x = 1\nclass A\ndef f", ["\ndef", "\nclass"]) == "\nclass"
    assert earliest_stop("a\nclass", ["\nclass", "\n"]) == "\nclass"
    assert earliest_stop("abc", ["d"]) == ""
