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
from pipeline.engine.planning import BlockTable, Ints, to_device
from pipeline.engine.prefill import Chunk
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
        return _log_probabilities(placed, runner, timer)
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


def _log_probabilities(placed: list[_Placed], runner: Runner, timer: Timer) -> list[list[float]]:
    chunks = [
        Chunk(
            one.text.tokens,
            0,
            one.slots,
            one.slots,
            one.blocks,
            np.arange(one.text.start - 1, len(one.text.tokens) - 1),
        )
        for one in placed
    ]
    rows = sum(len(chunk.tokens) for chunk in chunks)
    work = partial(runner.prefill, chunks)
    logits, _ = timer.measure("prefill", rows, rows, work)  # [scored, V]
    if not len(logits):
        return [[] for _ in placed]
    following = np.concatenate([one.text.tokens[one.text.start :] for one in placed])
    with torch.inference_mode():
        at = to_device(following, logits.device)[:, None]
        found = logits.gather(-1, at).squeeze(1) - logits.logsumexp(-1)
    values = iter(found.tolist())
    return [[next(values) for _ in chunk.wanted] for chunk in chunks]
