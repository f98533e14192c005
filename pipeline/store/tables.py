"""The tables that one stage wrote under one identity: committed shards, read and added to.

On disk (`Store` roots both folders in the run directory)::

    commits/<stage>-<identity>/000001.json           names the shards of one commit and their hashes
    tables/<table>/<stage>-<identity>/000001.parquet

A commit adds rows to one or more tables at once: its shards are written first, each whole, then its
manifest. A shard counts only when a manifest names it, so a kill leaves either all rows of a commit
or none. Committed files are never written again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.records import TABLES, Record, UserError
from pipeline.store import shards
from pipeline.store.disk import TEMPORARY, Disk, explained, full_disk, is_full

COMMITS = "commits"
TABLE_FOLDERS = "tables"


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of one commit."""

    table: str
    sequence: int
    rows: int
    bytes: int
    sha256: str


class StageTables:
    """Rows of one stage and identity. Made by `Store`; safe to use from several threads.

    ``commit`` and ``writer`` need a store opened for writing. Readers see the shards committed up
    to the moment of the call.
    """

    def __init__(
        self,
        root: Path,
        stage: str,
        identity: str,
        disk: Disk,
        writable: bool,
        free_reserve: Callable[[], bool],
        changed: threading.Condition,
    ) -> None:
        self.stage = stage
        self.identity = identity
        self.root = root
        self._disk = disk
        self._writable = writable
        self._free_reserve = free_reserve
        self._changed = changed  # guards the three below
        self._shards: dict[str, list[Shard]] = {}
        self._sequence = 0
        self.finished = False
        self._committing = threading.Lock()  # one commit at a time; guards `_keys`
        self._keys: dict[str, set[tuple[Any, ...]]] = {}
        self._torn = False  # a commit ended half way: what is on the disk is not known
        self._load()

    # ---- reading ---------------------------------------------------------------------------------

    def tables(self) -> dict[str, int]:
        """Rows of each table that has any."""
        with self._changed:
            return {t: sum(s.rows for s in found) for t, found in sorted(self._shards.items())}

    def shards(self, name: str) -> tuple[Shard, ...]:
        """The committed shards of table `name`, in the order of their commits."""
        with self._changed:
            return tuple(self._shards.get(name, ()))

    def path(self, shard: Shard) -> Path:
        """Where `shard` lies, for messages and checks."""
        folder = self.root / TABLE_FOLDERS / shard.table / self._folder
        return folder / f"{shard.sequence:06d}.parquet"

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of table `name`, or the named columns of them; every key occurs once.

        Raises:
            UserError: a shard is missing or damaged (named).
        """
        record = TABLES[name]
        parts = [self._read(shard, columns) for shard in self.shards(name)]
        if parts:
            return pa.concat_tables(parts)
        empty = shards.schema(record).empty_table()
        return empty if columns is None else empty.select(list(columns))

    def records(self, name: str) -> Iterator[Any]:
        """The rows of table `name` as records, read a shard at a time."""
        for shard in self.shards(name):
            yield from self.rows(shard)

    def keys(self, name: str) -> set[tuple[Any, ...]]:
        """The keys of table `name`: what need not be done again."""
        with self._committing:
            if self._torn:
                self._load()
            return set(self._known(name))

    def rows(self, shard: Shard) -> Iterator[Any]:
        """The records of one shard."""
        return shards.to_records(TABLES[shard.table], self._read(shard))

    def finish(self) -> None:
        """Says that no more rows will come, so that those who follow stop waiting."""
        with self._changed:
            self.finished = True
            self._changed.notify_all()

    # ---- writing ---------------------------------------------------------------------------------

    def commit(self, rows: Iterable[Record]) -> None:
        """Adds `rows`, of one or more tables, all or none of them, durably.

        Raises:
            ValueError: a key occurs twice or is there already, or a value does not fit its column.
            UserError: the disk is full or fails; names the directory and the fix. Where the text
                says that nothing is lost, the rows were stored with the last of the reserve.
        """
        if self.add(rows):
            raise full_disk(self.root, lost=False)

    def add(self, rows: Iterable[Record]) -> bool:
        """As `commit`; returns whether the reserve was needed instead of raising that."""
        groups: dict[str, list[Record]] = {}
        for row in rows:
            groups.setdefault(row.TABLE, []).append(row)
        if not groups:
            return False
        with self._committing:
            if not self._writable:
                raise ValueError("the store is closed, or was opened read-only")
            if self._torn:
                self._load()
            fresh = {name: self._fresh(name, group) for name, group in groups.items()}
            encoded = {
                name: (shards.encode(TABLES[name], group), len(group))
                for name, group in groups.items()
            }
            self._torn = True  # until the end of this block, whatever ends it (Ctrl-C, a full disk)
            from_reserve = self._store(encoded, fresh)
            self._torn = False
        return from_reserve

    def close(self) -> None:
        """Waits for a commit under way and refuses further ones; followers end."""
        with self._committing:
            self._writable = False
        self.finish()

    def _store(
        self, encoded: dict[str, tuple[bytes, int]], fresh: dict[str, set[tuple[Any, ...]]]
    ) -> bool:
        """Writes and publishes one commit; returns whether it took the reserve to do so."""
        from_reserve = False
        with explained(self.root, "write"):
            try:
                added = self._write(encoded)
            except OSError as error:
                if not (is_full(error) and self._free_reserve()):
                    raise
                from_reserve = True
                added = self._write(encoded)
        for name, found in fresh.items():
            self._known(name).update(found)
        with self._changed:
            self._sequence += 1
            for shard in added:
                self._shards.setdefault(shard.table, []).append(shard)
            self._changed.notify_all()
        return from_reserve

    def _fresh(self, name: str, group: Sequence[Record]) -> set[tuple[Any, ...]]:
        """The keys of `group`, none of which may be there already or occur twice."""
        known, found = self._known(name), set[tuple[Any, ...]]()
        for row in group:
            key = shards.key_of(row)
            if key in known or key in found:
                raise ValueError(f"{name}: key {key} is there already")
            found.add(key)
        return found

    def _write(self, encoded: dict[str, tuple[bytes, int]]) -> list[Shard]:
        """Writes one commit's shards, then its manifest."""
        added = []
        for name, (data, rows) in encoded.items():
            sha256 = hashlib.sha256(data).hexdigest()
            shard = Shard(name, self._sequence + 1, rows, len(data), sha256)
            self._disk.make_directory(self.path(shard).parent)
            self._disk.replace(self.path(shard), data)
            added.append(shard)
        manifest = json.dumps({"shards": [asdict(shard) for shard in added]}, indent=1)
        commits = self.root / COMMITS / self._folder
        self._disk.make_directory(commits)
        self._disk.replace(commits / f"{self._sequence + 1:06d}.json", manifest.encode())
        return added

    # ---- inside ----------------------------------------------------------------------------------

    @property
    def _folder(self) -> str:
        return f"{self.stage}-{self.identity}"

    def _load(self) -> None:
        """Reads the manifests and, when writable, removes what was left half done."""
        commits = self.root / COMMITS / self._folder
        found: dict[str, list[Shard]] = {}
        sequence = 0
        for path in sorted(commits.glob("*.json")):
            try:
                listed = [Shard(**s) for s in json.loads(path.read_bytes())["shards"]]
                sequence = int(path.stem)
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise UserError(f"{path}: damaged manifest ({error}): restore the file") from error
            for shard in listed:
                found.setdefault(shard.table, []).append(shard)
        if self._writable:
            kept = {self.path(shard) for listed in found.values() for shard in listed}
            with explained(self.root, "remove unfinished files"):
                for path in commits.glob(f"*{TEMPORARY}"):
                    self._disk.unlink(path)
                for path in self.root.glob(f"{TABLE_FOLDERS}/*/{self._folder}/*"):
                    if path not in kept:
                        self._disk.unlink(path)
        self._keys = {}
        self._torn = False
        with self._changed:
            self._shards, self._sequence = found, sequence
            self._changed.notify_all()

    def _read(self, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
        path = self.path(shard)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}): the shard belongs to this run; "
                "restore it from a copy"
            ) from error
        try:
            if len(data) != shard.bytes or hashlib.sha256(data).hexdigest() != shard.sha256:
                raise shards.ShardError("its content changed after it was written")
            return shards.decode(TABLES[shard.table], data, columns)
        except shards.ShardError as error:
            raise UserError(f"{path}: {error}: restore it from a copy of the run") from error

    def _known(self, name: str) -> set[tuple[Any, ...]]:
        """The keys of a table, read once. The caller holds `_committing`."""
        if name not in self._keys:
            record = TABLES[name]
            self._keys[name] = {
                key
                for shard in self.shards(name)
                for key in shards.keys(record, self._read(shard, record.KEY))
            }
        return self._keys[name]
