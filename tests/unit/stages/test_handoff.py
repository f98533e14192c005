"""What is handed to another thread arrives there, in order, whatever happens."""

from __future__ import annotations

import threading

import pytest

from pipeline.handoff import Handoff


def test_items_are_taken_in_order_while_the_caller_goes_on() -> None:
    taken: list[int] = []
    gate = threading.Event()

    def take(item: int) -> None:
        assert gate.wait(20)
        taken.append(item)

    with Handoff(take, 8) as handoff:
        for item in range(5):
            handoff.put(item)
        assert taken == []
        gate.set()
    assert taken == list(range(5))


def test_the_caller_waits_while_too_much_lies_there() -> None:
    gate, third = threading.Event(), threading.Event()

    def produce() -> None:
        with Handoff(lambda item: gate.wait(20), 1) as handoff:
            for item in range(4):
                if item == 3:
                    third.set()
                handoff.put(item)

    thread = threading.Thread(target=produce)
    thread.start()
    assert not third.wait(0.3)  # one is being taken, one waits, one is being put
    gate.set()
    thread.join(20)
    assert third.is_set()


def test_an_error_reaches_the_caller_and_later_items_are_offered_still() -> None:
    offered: list[int] = []
    failed = threading.Event()

    def take(item: int) -> None:
        offered.append(item)
        if item == 0:
            failed.set()
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"), Handoff(take, 8) as handoff:  # noqa: PT012
        handoff.put(0)
        assert failed.wait(20)
        for item in range(1, 100):
            handoff.put(item)
    assert offered == list(range(len(offered)))
    assert len(offered) > 1


def test_an_error_of_the_last_item_is_raised_at_the_end() -> None:
    def take(item: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"), Handoff(take, 8) as handoff:
        handoff.put(0)


def test_what_was_put_is_taken_when_the_caller_is_interrupted() -> None:
    taken: list[int] = []
    with pytest.raises(KeyboardInterrupt), Handoff(taken.append, 8) as handoff:  # noqa: PT012
        for item in range(5):
            handoff.put(item)
        raise KeyboardInterrupt
    assert taken == list(range(5))
