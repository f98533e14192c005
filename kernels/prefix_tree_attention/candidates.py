"""The choices that are tried, and what a model of the chip says that each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kernels.prefix_tree_attention.choice import Choice, Parts, Stream, power_of_two
from kernels.prefix_tree_attention.workload import Workload

LONGEST_STREAM = 1024  # shared tokens a row: beyond, reading them again for each tile costs more
PLAIN_BYTES = 116 << 10  # what a program of a plain choice has of shared memory
LAUNCH_US = 2.5
OTHERS = 0.3  # of what the lesser of two overlapping kernels takes shows in the time


@dataclass(frozen=True, slots=True)
class Chip:
    """An NVIDIA GPU as the model sees it."""

    multiprocessors: int
    bytes_per_us: float  # read from memory
    operations_per_us: float  # of 16-bit matrix products
    hopper: bool
    shared_bytes: int  # shared memory that one program can have


def candidates(work: Workload, chip: Chip) -> Iterator[Choice]:
    """Choices worth a trial."""
    pairs = work.together * work.heads / work.kv_heads
    # Smaller tiles where those of a plain choice would not fit into shared memory.
    tight = chip.shared_bytes < PLAIN_BYTES
    plain = Parts(stages=2 if tight else 3) if work.dim <= 128 else Parts(block=32, stages=2)
    owns = [plain, replace(plain, own_block=64, own_warps=4)]
    for parts in owns if work.dim <= 128 else owns[:1]:
        for programs in (1, 2):
            if pairs <= 32:
                yield replace(parts, tile=16, programs=programs)
                yield replace(parts, tile=16, programs=4, least=256)
            if pairs > 16:
                for least in (128, 256, 512):
                    yield replace(parts, programs=programs, least=least)
                yield replace(parts, programs=programs, side_by_side=True)
        if chip.hopper and pairs >= 96 and work.dim in (64, 128):
            for share in (0.5, 0.66, 0.87, 1):
                for side_by_side in (True, False):
                    yield replace(
                        parts, tile=128, block=128, stages=2, programs=share, wide=True,
                        side_by_side=side_by_side,
                    )  # fmt: skip
    share = work.heads // work.kv_heads
    if work.prefix <= LONGEST_STREAM and work.dim <= 128 and not tight:
        for tile, block, stages in (
            (16, 64, 1), (16, 64, 2), (32, 64, 2), (64, 32, 2), (64, 32, 3), (64, 64, 2),
        ):  # fmt: skip
            if share <= tile <= 128 * share:
                yield Stream(tile // share, block, stages)


def modelled_us(choice: Choice, work: Workload, chip: Chip) -> float:
    """Microseconds that a choice takes, roughly: enough to rank them."""
    own = work.rows * work.own * work.token_bytes / chip.bytes_per_us / 0.9
    shared = work.stored * work.token_bytes / chip.bytes_per_us / 0.9
    queries = work.query_bytes / chip.bytes_per_us
    share = work.heads // work.kv_heads
    if isinstance(choice, Stream):
        tile = max(16, power_of_two(choice.members * share))
        filled = choice.members * share / tile
        # Own keys are multiplied with the queries of all members.
        tokens = work.prefix + work.own * choice.members
        products = work.operations(tokens) / filled / (0.4 * chip.operations_per_us)
        again = work.rows * work.prefix / choice.members * work.token_bytes
        read = own + max(shared, again / chip.bytes_per_us / 1.7)
        programs = work.rows / choice.members * work.kv_heads
        idle = max(2 * chip.multiprocessors / programs, 1)
        return LAUNCH_US + max(read, products) * float(idle**0.5) + 2 * queries
    rate = (0.8 if choice.wide else 0.55) * chip.operations_per_us
    if not choice.wide and choice.tile < 64:
        rate *= 0.4
    pairs = work.together * share
    filled = min(pairs / choice.tile, 1)
    # One program a multiprocessor does not hide its own waits.
    busy = min(choice.programs, 1) if choice.wide else min(0.6 + 0.2 * choice.programs, 1)
    multiplied = max(work.operations(work.prefix) / filled / rate / busy, shared)
    if not choice.side_by_side:
        return 2 * LAUNCH_US + multiplied + own + 5 * queries
    more, less = max(multiplied, own), min(multiplied, own)
    return 4 * LAUNCH_US + more + OTHERS * less + 7 * queries
