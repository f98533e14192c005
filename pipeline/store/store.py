"""A run's directory. The store alone knows the layout on disk.

::

    run.json                      format of the directory
    run.lock                      who writes to it
    config-0001.yaml ...          the resolved configuration, one file a change
    environment/<stage>-0001.json what a stage ran on and under which identity, one file a change
    environment/<stage>.<dataset>.<language>-0001.json   the same of one part of its rows
    commits/, tables/             see `pipeline.store.tables`
    report/                       what the report stage makes, whole at each time
    export/                       what `forkeval export` writes, unless told to write elsewhere

Paths inside are relative to the directory, so it can be moved to another machine and go on there.
"""

from __future__ import annotations

import glob
import json
import shlex
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from pipeline.config import RunConfig
from pipeline.config_text import dump
from pipeline.records import Part, UserError
from pipeline.store.disk import TEMPORARY, Disk, explained, full_disk, is_full
from pipeline.store.lock import LOCK, RunLock
from pipeline.store.parted import PartedTables
from pipeline.store.tables import COMMITS, StageTables
from pipeline.store.writer import Writer

FORMAT = 2
MARKER = "run.json"
RESERVE = ".reserve"
SHARED = "shared"  # identity of rows that every identity may use: executions, by their content key
_DISK = Disk()


@dataclass(frozen=True, slots=True)
class StageRecord:
    """The last environment record of a stage: which rows are current, and what made them."""

    stage: str
    identity: str
    upstream: tuple[str, str] | None  # stage and identity of the rows that it read
    environment: Mapping[str, Any]

    @property
    def place(self) -> tuple[str, str]:
        """What `Store.stage` is asked for."""
        return self.stage, self.identity


class Store:
    """A run directory, open for writing (one process at a time) or for reading.

    A context manager; leaving it releases the lock. Stages get `StageTables` and `Writer`, and see
    no paths.
    """

    def __init__(
        self, path: Path, writable: bool, disk: Disk = _DISK, reserve_bytes: int = 16 << 20
    ) -> None:
        """Use `create` or `open`."""
        self.path = path
        self._disk = disk
        self._writable = writable
        self._config: RunConfig | None = None
        self._opening = threading.Lock()  # guards `_stages`
        self._changed = threading.Condition()  # of all tables: who follows several needs one
        self._stages: dict[tuple[str, str], StageTables] = {}
        self._lock = RunLock(path) if writable else None
        try:
            if writable:
                self._prepare(reserve_bytes)
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(
        cls, path: Path, config: RunConfig, disk: Disk = _DISK, reserve_bytes: int = 16 << 20
    ) -> Store:
        """Opens the run at `path` for writing, made where it is missing, with `config` from now on.

        Args:
            path: the run directory; where it is a run already, that run goes on.
            config: saved as the latest configuration where it differs from the last one saved.
            disk: the file system.
            reserve_bytes: room kept on the disk, so that rows computed when it runs full still fit.

        Raises:
            UserError: another process is writing there, `path` holds something else, or the disk
                is full.
        """
        with explained(path, "make the run directory"):
            disk.make_directory(path)
        store = cls(path, True, disk, reserve_bytes)
        try:
            store._save_config(config)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(
        cls,
        path: Path,
        read_only: bool = False,
        disk: Disk = _DISK,
        reserve_bytes: int = 16 << 20,
    ) -> Store:
        """Opens an existing run.

        Args:
            path: the run directory.
            read_only: takes no lock and changes nothing; sees what is committed when it looks.
            disk: the file system.
            reserve_bytes: as in `create`.

        Raises:
            UserError: `path` is no run, or (unless read_only) another process is writing to it.
        """
        if not (path / MARKER).is_file():
            raise UserError(f"{path}: not a run directory (it has no {MARKER})")
        _check_format(path)
        return cls(path, not read_only, disk, reserve_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the lock and the reserve; a second call does nothing."""
        with self._opening:
            for tables in self._stages.values():
                tables.close()
        self._writable = False
        if self._lock is not None:
            try:
                self._free_reserve()
            finally:
                self._lock.release()
                self._lock = None

    # ---- configuration ---------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The configuration of the latest invocation."""
        if self._config is None:
            self._config = self._read_config()
        return self._config

    def _read_config(self) -> RunConfig:
        found = self._numbered(self.path, "config", "yaml")
        if not found:
            raise UserError(f"{self.path}: has no configuration yet: use `forkeval run` on it")
        try:
            return RunConfig.model_validate(yaml.safe_load(found[-1].read_text()))
        except (ValueError, yaml.YAMLError) as error:
            said = " ".join(str(error).split())  # on one line
            raise UserError(
                f"{found[-1]}: written by another version of forkeval, or edited: {said}"
            ) from error

    def _save_config(self, config: RunConfig) -> None:
        self._config = config
        self._append(self.path, "config", "yaml", dump(config))

    # ---- stages ----------------------------------------------------------------------------------

    def begin(
        self,
        stage: str,
        identity: str,
        environment: Mapping[str, Any],
        upstream: StageTables | None = None,
    ) -> StageTables:
        """Makes `identity` the current one of `stage`, and gives its tables.

        Rows of other identities stay aside, untouched.

        Args:
            stage: its name.
            identity: from `pipeline.store.identity`.
            environment: versions, devices, hashes (JSON values); saved where it changed.
            upstream: the tables that the stage reads.
        """
        tables = self.stage(stage, identity)
        record = {
            "stage": stage,
            "identity": identity,
            "upstream": [upstream.stage, upstream.identity] if upstream else None,
            "environment": dict(environment),
        }
        folder = self.path / "environment"
        with explained(self.path, "write"):
            self._disk.make_directory(folder)
        self._append(folder, stage, "json", json.dumps(record, indent=1, ensure_ascii=False))
        return tables

    def latest(self, stage: str) -> StageRecord | None:
        """The last record that `begin` made of `stage`; None where it never began."""
        found = self._numbered(self.path / "environment", stage, "json")
        if not found:
            return None
        try:
            read = json.loads(found[-1].read_bytes())
            upstream = tuple(read["upstream"]) if read["upstream"] else None
            return StageRecord(read["stage"], read["identity"], upstream, read["environment"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{found[-1]}: damaged ({error}): restore the file") from error

    def current(self, stage: str) -> StageTables | None:
        """The tables that `stage` wrote last, if they follow from what its upstream wrote last.

        None where the stage never began, or where an earlier stage has changed since. Needs neither
        model nor Docker, so a run goes on where the earlier stages cannot run.
        """
        record = self.latest(stage)
        if record is None:
            return None
        if record.upstream is not None:
            above = self.current(record.upstream[0])
            if above is None or above.identity != record.upstream[1]:
                return None
        return self.stage(stage, record.identity)

    def begin_parts(
        self,
        stage: str,
        identity: str,
        environment: Mapping[str, Any],
        parts: Mapping[Part, tuple[str, Mapping[str, Any]]],
        upstream: PartedTables | None = None,
    ) -> PartedTables:
        """As `begin`, for a stage whose rows have identities by part.

        Args:
            stage: its name.
            identity: of what all parts have in common.
            environment: as `begin` has it.
            parts: the parts at hand: identity, and what is recorded to tell it from another.
            upstream: the tables that the stage reads; they hold these parts.
        """
        whole = self.begin(stage, identity, environment)
        begun = {
            part: self.begin(
                part_name(stage, part),
                own,
                {"common": identity, "meaning": dict(meaning)},
                upstream.parts[part] if upstream else None,
            )
            for part, (own, meaning) in parts.items()
        }
        return PartedTables(whole, begun, self._changed)

    def latest_parts(self, stage: str) -> dict[Part, StageRecord]:
        """The last records of the parts of `stage` that have in common what its last record says.

        Others are of an earlier model, say, and belong to no report of the present one.
        """
        whole = self.latest(stage)
        records = {part: self.latest(part_name(stage, part)) for part in self._parts(stage)}
        return {
            part: record
            for part, record in records.items()
            if whole and record and record.environment["common"] == whole.identity
        }

    def current_parts(self, stage: str) -> PartedTables | None:
        """As `current`: the parts of `stage` that follow from what is there; None without any."""
        whole = self.latest(stage)
        found = {p: self.current(part_name(stage, p)) for p in self.latest_parts(stage)}
        parts = {part: tables for part, tables in found.items() if tables is not None}
        if whole is None or not parts:
            return None
        return PartedTables(self.stage(stage, whole.identity), parts, self._changed)

    def required(self, stage: str, wanted: Iterable[Part] = ()) -> PartedTables:
        """As `current_parts`; raises UserError that says which stage to run for what is wanted."""
        tables = self.current_parts(stage)
        if tables is None or not set(wanted) <= tables.parts.keys():
            asked = "execute" if stage == "truncate" else stage  # executing truncates first
            raise UserError(
                f"{self.path}: the {asked} stage has not run on the rows that are there now: "
                f"forkeval resume {shlex.quote(str(self.path))} --from-stage {asked}"
            )
        return tables

    def stage(self, stage: str, identity: str) -> StageTables:
        """The tables of `stage` under `identity`: one object each, shared by all who ask."""
        with self._opening:
            if (stage, identity) not in self._stages:
                self._stages[stage, identity] = StageTables(
                    self.path,
                    stage,
                    identity,
                    self._disk,
                    self._writable,
                    self._free_reserve,
                    self._changed,
                )
            return self._stages[stage, identity]

    def shared(self, stage: str) -> StageTables:
        """Rows of `stage` whose keys say all that they mean, so that any identity may use them."""
        return self.stage(stage, SHARED)

    def _parts(self, stage: str) -> list[Part]:
        """Every part that `stage` ever began."""
        files = (self.path / "environment").glob(f"{stage}.*-0001.json")
        return [Part(*path.name.rsplit("-", 1)[0].split(".")[1:]) for path in sorted(files)]

    def stages(self) -> list[StageTables]:
        """Every stage and identity that has rows."""
        folders = sorted(p.name for p in (self.path / COMMITS).glob("*-*"))
        return [self.stage(*name.rsplit("-", 1)) for name in folders]

    def writer(self, tables: StageTables | PartedTables) -> Writer:
        """A buffered writer of `tables`, with the sizes of the run's configuration."""
        store = self.config.store
        return Writer(tables, store.rows_per_shard, store.seconds_per_shard)

    # ---- inside ----------------------------------------------------------------------------------

    def _prepare(self, reserve_bytes: int) -> None:
        """Marks a new directory, clears what an ended process left, takes the reserve."""
        if (self.path / MARKER).is_file():
            _check_format(self.path)
        else:
            own = {LOCK, RESERVE, MARKER + TEMPORARY}
            foreign = sorted(p.name for p in self.path.iterdir() if p.name not in own)
            if foreign:
                raise UserError(
                    f"{self.path}: holds other files ({foreign[0]}, ...): name an empty directory"
                )
            with explained(self.path, "write"):
                note = json.dumps({"format": FORMAT})
                self._disk.replace(self.path / MARKER, note.encode())
        with explained(self.path, "remove unfinished files"):
            for folder in (self.path, self.path / "environment"):
                for path in folder.glob(f"*{TEMPORARY}"):
                    self._disk.unlink(path)
        try:
            self._disk.allocate(self.path / RESERVE, reserve_bytes)
        except OSError as error:
            if is_full(error):
                raise full_disk(self.path, lost=False) from error
            # A file system that cannot allocate ahead: rows since the last shard are at risk then.

    def _free_reserve(self) -> bool:
        """Gives the reserved room back to the disk; False where there was none (any more)."""
        with suppress(OSError):
            self._disk.unlink(self.path / RESERVE)
            return True
        return False

    def _numbered(self, folder: Path, name: str, suffix: str) -> list[Path]:
        return sorted(folder.glob(f"{glob.escape(name)}-[0-9][0-9][0-9][0-9].{suffix}"))

    def _append(self, folder: Path, name: str, suffix: str, text: str) -> None:
        """Saves `text` as the next numbered file unless the last one holds the same."""
        found = self._numbered(folder, name, suffix)
        if found and found[-1].read_text() == text:
            return
        number = int(found[-1].stem.rsplit("-", 1)[1]) + 1 if found else 1
        with explained(self.path, "write"):
            self._disk.replace(folder / f"{name}-{number:04d}.{suffix}", text.encode())


def part_name(stage: str, part: Part) -> str:
    """The name under which a stage's part is recorded and kept."""
    return f"{stage}.{part.dataset}.{part.language}"


def _check_format(path: Path) -> None:
    try:
        found = json.loads((path / MARKER).read_bytes())["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path / MARKER}: damaged ({error}): restore the file") from error
    if found != FORMAT:
        raise UserError(
            f"{path}: written in format {found}, this forkeval reads {FORMAT}: "
            "use the version that wrote it"
        )
