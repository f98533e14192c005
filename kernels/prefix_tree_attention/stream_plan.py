"""The plan of the one-pass kernel: for each tile of rows the list of its keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.choice import Shape, Stream, power_of_two
from kernels.prefix_tree_attention.flat_tree import FlatTree, flat_tree, ranges
from kernels.prefix_tree_attention.options import Options
from kernels.prefix_tree_attention.tree import Branch, Ints, Segment, put
from kernels.prefix_tree_attention.triton_kernels.stream_part import own_entries, stream

ENTRY = 16  # keys an entry has at most; fewer where pages are smaller


class StreamPlan:
    """Entries of each tile (see `triton_kernels.stream_part`), own ones rewritten every step.

    A tile is `members` rows next to each other in the tree's order; a segment's entries name the
    members below it. `update` and `version`: as in `parts_plan.PartsPlan`.
    """

    def __init__(self, shape: Shape, choice: Stream, device: torch.device) -> None:
        """Raises ValueError where a step of the kernel is not whole entries."""
        self.shape, self.choice = shape, choice
        self.entry = min(ENTRY, shape.page)
        if choice.block % self.entry:
            raise ValueError(f"a block of {choice.block} keys is not whole entries of {self.entry}")
        self.tiles = -(-shape.rows // choice.members)
        # Own entries end where the shared ones begin.
        self.boundary = choice.members * (-(-shape.own_pages * shape.page // self.entry))
        self.version = 0
        self.members = torch.full(
            (self.tiles, choice.members), -1, dtype=torch.int32, device=device
        )  # [T, M] rows
        # [T, 3]: first entry in use, end of the entries in use, end of the own ones
        self.spans = torch.zeros((self.tiles, 3), dtype=torch.int32, device=device)
        self.entries = torch.zeros((self.tiles, 0), dtype=torch.int64, device=device)
        self.reserve(1)

    def reserve(self, shared: int) -> None:
        """Room for that many entries of shared segments in each tile."""
        if self.boundary + shared > self.entries.shape[1]:
            self.version += 1
            size = (self.tiles, self.boundary + shared)
            self.entries = torch.zeros(size, dtype=torch.int64, device=self.entries.device)

    def double(self) -> None:
        """Twice the room that there is."""
        self.reserve(2 * (self.entries.shape[1] - self.boundary))

    def update(self, segments: Sequence[Segment], branches: Sequence[Branch]) -> None:
        """Takes a new tree. Raises ValueError where it is none."""
        order = sorted(branches, key=lambda b: b.segments)
        tree = flat_tree(segments, order, self.shape.rows)
        rest = np.ones(self.shape.rows, bool)
        rest[tree.rows] = False
        width = self.choice.members
        members = np.full(self.tiles * width, -1, np.int32)
        members[: self.shape.rows] = np.concatenate([tree.rows, np.flatnonzero(rest)])
        tile, place, entry, counts = self._entries(tree)
        longest = int(counts.max(initial=0))
        self.reserve(longest)
        entries = np.zeros((self.tiles, longest), np.int64)
        entries[tile, place] = entry
        spans = np.full((self.tiles, 3), self.boundary, np.int32)
        spans[:, 1] += counts.astype(np.int32)
        put(self.members, members.reshape(self.tiles, width))
        put(self.spans, spans)
        put(self.entries[:, self.boundary : self.boundary + longest], entries)

    def _entries(self, tree: FlatTree) -> tuple[Ints, Ints, Ints, Ints]:
        """Of all entries the tile, the place in it and what it is; and how many each tile has."""
        width = self.choice.members
        # Of branches in order of their paths, those below one segment lie next to each other.
        used, at = np.unique(tree.segment, return_index=True)
        used = used[np.argsort(at)]
        used = used[tree.below[used] > 0]
        low = np.full(len(tree.start), len(tree.rows), np.int64)
        np.minimum.at(low, tree.segment, tree.first[tree.branch])
        low = low[used]  # [U] the first member below each segment, and the one behind the last
        high = low + tree.below[used]
        # A visit: a segment that members of a tile see.
        visits = (high - 1) // width - low // width + 1
        segment = np.repeat(np.arange(len(used)), visits)
        tile = ranges(low // width, visits)
        by_tile = np.argsort(tile, kind="stable")
        segment, tile = segment[by_tile], tile[by_tile]
        first = np.maximum(low[segment] - tile * width, 0)
        seeing = np.minimum(high[segment] - tile * width, width) - first
        length = tree.length[used][segment]
        each = -(-length // self.entry)  # [visits] entries
        counts = np.bincount(tile, each, self.tiles).astype(np.int64)
        # All entries before a visit, less those before its tile.
        start = np.cumsum(each) - each - (np.cumsum(counts) - counts)[tile]
        key = ranges(np.zeros_like(each), each) * self.entry
        keys = np.minimum(np.repeat(length, each) - key, self.entry)
        seen = np.repeat(first | (seeing << 8), each) | (keys << 16)
        entry = (np.repeat(tree.start[used][segment], each) + key) | (seen << 32)
        return np.repeat(tile, each), ranges(start, each), entry, counts

    def step(self, lengths: Tensor, pages: Tensor) -> None:
        """Writes the entries of the rows' own keys: once before a step's first layer."""
        width = self.choice.members
        own_entries[(self.tiles, width)](
            self.entries, self.spans, self.members, lengths, pages, self.entries.shape[1],
            pages.stride(0), MEMBERS=width, WIDTH=power_of_two(width), PAGE=self.shape.page,
            ENTRY=self.entry, AT_ONCE=32, num_warps=1,
        )  # fmt: skip

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, pages: Tensor, out: Tensor,
        options: Options,
    ) -> None:  # fmt: skip
        """See `decode.decode_attention`. Raises ValueError for a sliding window."""
        if options.window is not None:
            raise ValueError("a stream of keys has no sliding windows; choose `Parts`")
        s, c = self.shape, self.choice
        stream[(self.tiles * s.kv_heads,)](
            q, k, v, out, self.entries, self.spans, self.members, options.sinks_or(q),
            options.scale, options.cap, q.stride(0), out.stride(0), k.stride(0), k.stride(1),
            self.entries.shape[1], HEADS=s.heads, GROUPS=s.kv_heads, DIM=s.dim, WIDE=s.wide,
            MEMBERS=c.members, ENTRY=self.entry, BM=max(16, power_of_two(c.members * s.share)),
            # Triton gives half of the stages to the entries, which the keys' addresses come from.
            BN=c.block, STAGES=2 * c.stages + 1, SOFTCAP=options.softcap is not None,
            SINKS=options.sinks is not None, num_warps=c.warps,
        )  # fmt: skip
