"""The five stages, one module each: load, sample, execute, rerank, report.

A stage goes from records to records. It is handed what it reads as plain collections, where its
rows go as a function, and the services it needs; where rows lie on disk is the store's business.
"""

from __future__ import annotations

from typing import Literal, get_args

Stage = Literal["load", "sample", "execute", "rerank", "report"]
STAGES: tuple[Stage, ...] = get_args(Stage)  # in the order in which they run
