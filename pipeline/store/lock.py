"""One writer a run directory."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path

from pipeline.records import UserError

LOCK = "run.lock"


class RunLock:
    """An exclusive lock on a run directory, held until `release` or the end of the process.

    The kernel drops it with the process (flock), so the file of a dead process is no obstacle. The
    file itself stays: removing it would let two processes lock two files of one name.
    """

    def __init__(self, directory: Path) -> None:
        """Takes the lock.

        Raises:
            UserError: another process holds it (named by pid and host), or the file system has no
                locks.
        """
        path = directory / LOCK
        self._descriptor: int | None = None
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise UserError(
                f"{directory} is in use by {holder}: wait for it to end, or end it"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise UserError(
                f"{directory}: this file system has no locks ({error.strerror}): "
                "put the run directory on a local disk"
            ) from error
        self._descriptor = descriptor
        # A forked child would otherwise keep the lock alive after this process is gone.
        os.register_at_fork(after_in_child=self._close)
        note = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode()
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note, 0)
        except OSError:  # a full disk: the lock holds all the same, its note says less
            os.ftruncate(descriptor, 0)

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Who wrote the lock file, in words."""
    try:
        note = json.loads(os.pread(descriptor, 4096, 0))
        host = "" if note["host"] == socket.gethostname() else f" on {note['host']}"
        return f"process {note['pid']}{host}"
    except (OSError, ValueError, KeyError, TypeError):  # not written yet, or the disk was full
        return "another process"
