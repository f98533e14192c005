"""Every operation of the store on the file system, so that tests can fail or kill at each of them.

A file appears under its name only whole and durable: it is written under a temporary name, synced,
renamed, and its directory is synced.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.records import UserError

TEMPORARY = ".tmp"  # suffix of files that are being written

_FULL = {errno.ENOSPC, errno.EDQUOT}


class Disk:
    """The file system. Tests subclass it and override the primitives below the line."""

    def replace(self, path: Path, data: bytes) -> None:
        """Makes `path` hold `data`, whole or not at all, and returns once that is durable.

        Raises:
            OSError: as the file system does; nothing of `data` is visible under `path` then.
        """
        temporary = path.with_name(path.name + TEMPORARY)
        try:
            descriptor = self.create(temporary)
            try:
                view = memoryview(data)
                while view:  # a write may be short, e.g. just before the disk is full
                    view = view[self.write(descriptor, view) :]
                self.sync(descriptor)
            finally:
                os.close(descriptor)
            self.rename(temporary, path)
        except OSError:
            with suppress(OSError):
                self.unlink(temporary)
            raise
        self.sync_directory(path.parent)

    def make_directory(self, path: Path) -> None:
        """Makes `path` and its missing parents, durably."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for directory in reversed(missing):
            self.mkdir(directory)
            self.sync_directory(directory.parent)

    def allocate(self, path: Path, size: int) -> None:
        """Makes `path` occupy `size` bytes of the disk.

        Raises:
            OSError: where there is no room; `path` is removed then.
        """
        descriptor = self.create(path)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError:
            with suppress(OSError):
                self.unlink(path)
            raise
        finally:
            os.close(descriptor)

    # ---- primitives ------------------------------------------------------------------------------

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        with suppress(FileExistsError):  # another process may make the same parent
            os.mkdir(path)

    def sync_directory(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)


def is_full(error: OSError) -> bool:
    """Whether `error` says that the disk, or the user's quota on it, is used up."""
    return error.errno in _FULL


def full_disk(directory: Path, lost: bool) -> UserError:
    """The message for a full disk. `lost`: rows computed since the last shard found no room."""
    kept = (
        "what was stored stays, and only the rows since the last shard are computed again"
        if lost
        else "nothing computed is lost"
    )
    return UserError(
        f"{directory}: the disk is full: free some space there (or move the run directory to "
        f"another disk) and run the same command again: {kept}"
    )


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turns an OSError into a UserError that names `path` and what could not be done."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full_disk(path, lost=True) from error
        raise UserError(f"{path}: cannot {doing}: {error.strerror or error}") from error
