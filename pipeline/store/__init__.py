"""Runs on disk: typed tables in durable shards, identities, one writer at a time."""

from pipeline.store.identity import UPSTREAM, identity
from pipeline.store.parted import PartedTables
from pipeline.store.store import Store, part_name
from pipeline.store.tables import StageTables
from pipeline.store.writer import Writer

__all__ = [
    "UPSTREAM",
    "PartedTables",
    "StageTables",
    "Store",
    "Writer",
    "identity",
    "part_name",
]
