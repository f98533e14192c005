"""Disks that fail, are killed or lose power at a chosen operation."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pipeline.store.disk import Disk

NEEDS_ROOM = ("create", "write", "mkdir", "sync", "rename")


class CountingDisk(Disk):
    """Counts the operations and calls `fault` before the one with number `at` (from 0)."""

    def __init__(self, at: int = -1, fault: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.at = at
        self.fault = fault
        self.log: list[str] = []

    def step(self, name: str) -> None:
        self.log.append(name)
        self.count += 1
        if self.count - 1 == self.at:
            self.fault()

    def create(self, path: Path) -> int:
        self.step("create")
        return super().create(path)

    def write(self, descriptor: int, data: memoryview) -> int:
        self.step("write")
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.step("sync")
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self.step("rename")
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self.step("unlink")
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        self.step("mkdir")
        super().mkdir(path)


class KilledDisk(CountingDisk):
    """The process ends at operation `at`; a write is half done by then."""

    def __init__(self, at: int) -> None:
        super().__init__(at, lambda: os._exit(9))

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.count == self.at:
            os.write(descriptor, data[: len(data) // 2])
        return super().write(descriptor, data)


class PowerlessDisk(CountingDisk):
    """The power goes at operation `at`: everything that was not synced is gone.

    The worst that POSIX allows: data of a file count once the file is synced; a name (new, renamed,
    of a directory) counts once its directory is synced.
    """

    def __init__(self, at: int) -> None:
        super().__init__(at, self._cut)
        self._pending: list[tuple[Path, Callable[[], None]]] = []  # by directory, oldest first
        self._unsynced: dict[int, Path] = {}  # by inode, which a rename keeps

    def create(self, path: Path) -> int:
        new = not path.exists()
        descriptor = super().create(path)
        self._unsynced[os.fstat(descriptor).st_ino] = path
        if new:
            self._pending.append((path.parent, lambda: path.unlink(missing_ok=True)))
        return descriptor

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self._unsynced.pop(os.fstat(descriptor).st_ino, None)

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        inode = target.stat().st_ino
        if inode in self._unsynced:
            self._unsynced[inode] = target

        def undo() -> None:
            with suppress(FileNotFoundError):
                os.rename(target, source)

        self._pending.append((target.parent, undo))

    def mkdir(self, path: Path) -> None:
        if not path.exists():
            self._pending.append((path.parent, lambda: shutil.rmtree(path, ignore_errors=True)))
        super().mkdir(path)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self._pending = [entry for entry in self._pending if entry[0] != path]

    def _cut(self) -> None:
        for path in self._unsynced.values():
            with suppress(FileNotFoundError):
                os.truncate(path, 0)
        for _, undo in reversed(self._pending):
            undo()
        os._exit(9)


class FullDisk(CountingDisk):
    """Has no room from operation `at` on, for `times` operations that need some."""

    def __init__(self, at: int, times: float) -> None:
        super().__init__()
        self.full_at = at
        self.left = times

    def step(self, name: str) -> None:
        super().step(name)
        if name in NEEDS_ROOM and self.count > self.full_at and self.left > 0:
            self.left -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class ShortDisk(Disk):
    """Writes at most 7 bytes at a time."""

    def write(self, descriptor: int, data: memoryview) -> int:
        return super().write(descriptor, data[:7])
