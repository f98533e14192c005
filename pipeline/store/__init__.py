"""Runs on disk: typed tables in durable shards, identities, one writer at a time."""

from pipeline.store.identity import UPSTREAM, identity
from pipeline.store.store import Store
from pipeline.store.tables import StageTables
from pipeline.store.writer import Writer

__all__ = ["UPSTREAM", "StageTables", "Store", "Writer", "identity"]
