"""Log-probabilities of given tokens: one prefill a text, nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from pipeline.engine.arena import Arena
from pipeline.engine.decoding import Runner
from pipeline.engine.ledger import Timer
from pipeline.engine.planning import BlockTable, Ints, RowsOfPath, to_device
from pipeline.records import UserError


@dataclass(frozen=True, slots=True)
class Scored:
    """A text's tokens, of which those from `start` on (at least 1) are scored."""

    name: str  # for messages
    tokens: Ints  # [T]
    start: int


@dataclass(frozen=True, slots=True)
class _Placed:
    text: Scored
    pages: Ints
    slots: Ints  # [T]
    blocks: Ints


def score(
    texts: Iterable[Scored],
    runner: Runner,
    arena: Arena,
    blocks: BlockTable,
    timer: Timer,
    chunk: int,
) -> Iterator[list[float]]:
    """Natural log-probabilities of each text's scored tokens, in the model's own distribution.

    Texts go through the model together, about `chunk` tokens in a pass, each attending to itself.
    Raises UserError where a text needs more than the cache holds.
    """
    waiting: list[Scored] = []
    for text in texts:
        if waiting and sum(len(t.tokens) for t in waiting) + len(text.tokens) > chunk:
            yield from _pass(waiting, runner, arena, blocks, timer)
            waiting = []
        waiting.append(text)
    if waiting:
        yield from _pass(waiting, runner, arena, blocks, timer)
    timer.close()


def _pass(
    texts: list[Scored], runner: Runner, arena: Arena, blocks: BlockTable, timer: Timer
) -> list[list[float]]:
    placed = [_place(text, arena, blocks) for text in texts]
    try:
        return _log_probabilities(placed, runner, blocks.block, timer)
    finally:
        for one in placed:
            blocks.remove(one.blocks)
            arena.give_back(one.pages)


def _place(text: Scored, arena: Arena, blocks: BlockTable) -> _Placed:
    pages = arena.take_extent(arena.pages_for(len(text.tokens)))
    if pages is None:
        raise UserError(
            f"{text.name}: its {len(text.tokens)} tokens need more than the KV cache holds; "
            "raise engine.kv_memory_gib"
        )
    slots = arena.slots(pages)[: len(text.tokens)]
    return _Placed(text, pages, slots, blocks.add(slots))


def _log_probabilities(
    placed: list[_Placed], runner: Runner, block: int, timer: Timer
) -> list[list[float]]:
    paths: list[RowsOfPath] = []
    before: list[Ints] = []  # of each text, the rows whose logits tell the scored tokens
    base = 0
    for one in placed:
        length = len(one.text.tokens)
        for at in range(0, length, block):  # rows of one block attend to the same blocks
            rows = np.arange(at, min(at + block, length), dtype=np.int64) + base
            paths.append(RowsOfPath(rows, one.blocks[: at // block + 1]))
        before.append(np.arange(one.text.start - 1, length - 1, dtype=np.int64) + base)
        base += length
    tokens = np.concatenate([one.text.tokens for one in placed])
    positions = np.concatenate([np.arange(len(p.text.tokens), dtype=np.int64) for p in placed])
    slots = np.concatenate([one.slots for one in placed])
    work = partial(runner.prefill, tokens, positions, slots, paths, np.concatenate(before))
    logits = timer.measure("prefill", base, base, work)  # [scored, V]
    if not len(logits):
        return [[] for _ in placed]
    wanted = to_device(tokens[np.concatenate(before) + 1], logits.device)
    with torch.inference_mode():
        found = logits.gather(-1, wanted[:, None]).squeeze(1) - logits.logsumexp(-1)
    values = iter(found.tolist())
    return [[next(values) for _ in rows] for rows in before]
