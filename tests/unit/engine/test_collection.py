"""The collector is back as it was, however the work ends."""

from __future__ import annotations

import gc
import weakref

import pytest

from pipeline.engine.collection import rarely_collected


class Knot:
    """An object that only the cyclic collector frees."""

    def __init__(self) -> None:
        self.self = self


def test_old_objects_are_left_alone_meanwhile_and_freed_afterwards() -> None:
    before = gc.get_threshold()
    old = weakref.ref(Knot())
    with rarely_collected():
        assert gc.get_threshold() != before
        new = weakref.ref(Knot())
        gc.collect()
        assert new() is None
        assert old() is not None
    assert gc.get_threshold() == before
    gc.collect()
    assert old() is None


def test_a_fault_leaves_nothing_frozen() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="fault"), rarely_collected():
        raise ValueError("fault")
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
