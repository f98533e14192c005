"""Python's cyclic garbage collector, kept from stopping the thread that launches steps."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE = 20_000, 20  # objects, and collections of those, after which one comes


@contextmanager
def rarely_collected() -> Iterator[None]:
    """What is there already (a tokenizer's tables, torch's modules) is not looked at, and what is
    new seldom. Of 15 s of samples, collections took 0.46 s, 0.13 s each that went over everything;
    every capture of a CUDA graph begins with such a one."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
