"""The prefix tree stores every common prefix once and gives everything back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.architecture import Architecture, Rope
from pipeline.engine.arena import Arena
from pipeline.engine.prefix_tree import PrefixTree

ONE = Architecture(
    family="llama", vocab_size=8, hidden=4, layers=1, heads=1, kv_heads=1, head_dim=2,
    intermediate=4, context=64, norm="rms", norm_eps=1e-6, mlp="gated", activation="silu",
    rope=Rope(1e4), qkv_bias=False, output_bias=False, mlp_bias=False, qk_norm=False, tied=True,
    windows=(None,),
)  # fmt: skip
TOKEN_BYTES = 2 * 2 * 4


def arena(page_size: int, pages: int) -> Arena:
    budget = TOKEN_BYTES * page_size * pages
    return Arena(ONE, torch.float32, torch.device("cpu"), page_size, budget)


def common(a: list[int], b: list[int]) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 1), min_size=1, max_size=12), st.integers(0, 3)),
        max_size=12,
    ),
    st.sampled_from([1, 3, 4]),
)
def test_common_prefixes_are_stored_once(
    steps: list[tuple[list[int], int]], page_size: int
) -> None:
    store = arena(page_size, 400)
    tree = PrefixTree(store)
    alive = []
    for tokens, leave in steps:
        missing = tree.missing_pages(np.array(tokens))
        before = store.available
        leaf = tree.insert(np.array(tokens))
        assert leaf is not None
        assert before - store.available == missing
        alive.append((tokens, leaf))
        if leave < len(alive) - 1:
            tree.release(alive.pop(leave)[1])
        for a, (left, one) in enumerate(alive):
            slots = one.path_slots()
            assert np.concatenate([s.tokens for s in one.path()]).tolist() == left
            assert len(set(slots.tolist())) == len(left)
            for right, other in alive[a + 1 :]:
                shared = common(left, right)
                theirs = other.path_slots()
                assert slots[:shared].tolist() == theirs[:shared].tolist()
                assert not set(slots[shared:].tolist()) & set(theirs[shared:].tolist())
    for _, leaf in alive:
        tree.release(leaf)
    tree.evict()
    assert store.available == store.capacity


def test_a_full_arena_refuses_and_takes_again_after_release() -> None:
    store = arena(4, 4)
    tree = PrefixTree(store)
    first = tree.insert(np.arange(12))
    assert first is not None
    assert tree.insert(np.arange(20, 32)) is None
    assert store.available == 1
    tree.release(first)
    assert tree.insert(np.arange(20, 32)) is not None


def test_pages_of_a_split_segment_stay_until_nobody_needs_them() -> None:
    store = arena(4, 16)
    tree = PrefixTree(store)
    first = tree.insert(np.array([1, 2, 3, 4, 5, 6]))
    second = tree.insert(np.array([1, 2, 3, 9]))
    assert first is not None
    assert second is not None
    tree.release(first)
    held = store.slots(np.arange(16))[: 16 * 4]
    assert set(second.path_slots().tolist()) <= set(held.tolist())
    assert store.available == 16 - 2  # the cut page stays with the common part
    tree.release(second)
    tree.evict()
    assert store.available == 16
