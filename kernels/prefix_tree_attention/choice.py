"""Which kernels, tiles and splits a step uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """What a step's kernels are compiled and chosen for."""

    rows: int
    heads: int
    kv_heads: int
    dim: int
    page: int  # keys a page of own keys, a power of two
    own_pages: int  # pages a row has at most

    def __post_init__(self) -> None:
        """Raises ValueError on heads or pages that no kernel can handle."""
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads over {self.kv_heads} KV heads")
        if self.page & (self.page - 1):
            raise ValueError(f"a page of {self.page} keys: not a power of two")

    @property
    def share(self) -> int:
        """Query heads a KV head."""
        return self.heads // self.kv_heads

    @property
    def wide(self) -> int:
        """The head dimension as tiles have it: a power of two."""
        return max(power_of_two(self.dim), 16)


@dataclass(frozen=True, slots=True)
class Parts:
    """Shared and own keys by two kernels: each segment's keys are read once for many rows."""

    tile: int = 64  # (row, head) pairs an item of the shared part
    block: int = 64  # keys a step of the shared part
    stages: int = 3  # steps whose keys are on their way, those being used counted in
    warps: int = 4
    programs: float = 2  # of the shared part for each multiprocessor, at most
    least: int = 128  # keys below which an item is not cut
    # Keys of an item, cut by position whatever the tree looks like (`fixed_work.cuts`), so that a
    # row's rounding depends on its own path alone; None: cut for balance.
    chunk: int | None = None
    own_block: int = 32  # keys a step of the own part
    own_stages: int = 2  # steps whose keys are on their way
    own_warps: int = 2
    own_split: int = 1 << 30  # own keys a program has at most; a multiple of own_block
    side_by_side: bool = False  # shared and own part on two streams, then the merge
    wide: bool = False  # the shared part by `shared_wide` where it can; then tile is 128
    wide_registers: int = 240  # of a thread of a multiplying warpgroup
    most_registers: int | None = None  # of any thread, to leave room for the own part


@dataclass(frozen=True, slots=True)
class Stream:
    """One kernel: a tile of rows against all their keys, shared and own, in one pass.

    No partials and no merge; each segment is read again, mostly from a cache, for every tile below
    it, and own keys are multiplied with the whole tile's queries.
    """

    members: int  # rows a tile, at most 128
    block: int = 64  # keys a step, a multiple of an entry's
    stages: int = 2  # steps whose keys are on their way
    warps: int = 4


Choice = Parts | Stream


def power_of_two(n: int) -> int:
    """The least power of two that is not below n."""
    return 1 << (n - 1).bit_length()
