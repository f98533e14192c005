"""Ends what the main thread does when its time is over, as Ctrl-C would."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(BaseException):
    """The night's time is over. Not an Exception: whoever sweeps up faults is not to keep it."""


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raises OutOfTime inside the body after so many seconds; None for never.

    SIGUSR1, because SIGALRM and SIGINT belong to others; a signal, because a run waits in system
    calls and in threads.
    """
    if seconds is None:
        yield
        return
    over = threading.Event()

    def ring() -> None:
        if not over.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def stop(signum: int, frame: FrameType | None) -> None:
        if not over.is_set():
            over.set()
            raise OutOfTime

    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        over.set()
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGUSR1, before)
