"""Places in the steps under way: a row that ends leaves an idle one, which a successor takes.

Plans of what rows attend to are by place. A place whose row has ended is padding's until another
sample of the same prompt takes it, or until so much idles that a new plan pays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from kernels.prefix_tree_attention.tree import put
from pipeline.engine.decoding import Runner, Tile
from pipeline.engine.planning import Ints, RowsOfPath
from pipeline.engine.sequences import Group

PLAN = 0.25  # steps that the host's work for a new plan takes, about


class Seats:
    """The tiles of the current plan and who sits where."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._padding = runner.rows.padding
        self._tile: Ints = np.full(self._padding, -1, np.int64)  # [S] tile of each row, -1: none
        self._place: Ints = np.zeros(self._padding, np.int64)  # [S]
        self._idle: dict[Group, list[tuple[int, int]]] = defaultdict(list)
        self._changed: set[int] = set()
        self._total = 0  # places
        self._empty = 0  # idle places, those of dropped prompts included
        self._wasted = 0.0  # steps
        self.tiles: list[Tile] = []

    def idle(self, group: Group) -> int:
        """Places that rows of a prompt could take."""
        return len(self._idle[group]) if group in self._idle else 0

    def count_step(self, waiting: int) -> None:
        """Notes what part of the step to come is wasted. waiting: rows that could run, had they
        places."""
        # Fewer places make a step shorter only where it is of a lower height then, and as far as it
        # is not the reading of the weights.
        height, lower = map(self._runner.height, (self._total, self._total - self._empty))
        idle = (height - lower) / max(height + self._runner.free_rows, 1)
        self._wasted += max(idle, waiting / max(self._total, 1))

    @property
    def due(self) -> bool:
        """Whether a new plan pays: what idled since the last one has cost as much as a plan does.

        Whoever waits like this never pays more than twice what the best plan of all would have
        (the ski-rental rule). It counts steps, not seconds, so that runs repeat.
        """
        return not self.tiles or self._wasted >= PLAN

    def sit(self, rows: Sequence[int], group: Group) -> list[int]:
        """Rows of a prompt take its idle places; returns those that found none."""
        places = self._idle.get(group, [])
        left = list(rows)
        while left and places:
            row = left.pop(0)
            tile, place = places.pop()
            self._put(tile, place, row)
            self._tile[row], self._place[row] = tile, place
            self._empty -= 1
        return left

    def leave(self, rows: Ints, groups: Sequence[Group]) -> None:
        """Rows [n] of groups [n] give up their places, those that have one."""
        for row, group in zip(rows.tolist(), groups, strict=True):
            tile = int(self._tile[row])
            if tile >= 0:
                place = int(self._place[row])
                self._put(tile, place, self._padding)
                self._idle[group].append((tile, place))
                self._tile[row] = -1
                self._empty += 1

    def drop(self, group: Group) -> None:
        """A prompt's keys are gone: nobody takes its places any more."""
        self._idle.pop(group, None)

    def plan(self, paths: Sequence[tuple[Group, Ints]]) -> None:
        """A new plan for these rows alone."""
        self._idle.clear()
        self._changed.clear()
        self._wasted, self._empty = 0.0, 0
        self._tile[:] = -1
        self.tiles = self._runner.tiles(
            [
                RowsOfPath(
                    rows,
                    group.blocks,
                    group.runs,
                )
                for group, rows in paths
            ]
        )
        for index, tile in enumerate(self.tiles):
            self._tile[tile.host] = index
            self._place[tile.host] = np.arange(len(tile.host))
        self._total = sum(len(tile.host) for tile in self.tiles)

    def settle(self) -> list[Tile]:
        """The tiles with somebody in them, their rows on the device brought up to date."""
        for index in self._changed:
            put(self.tiles[index].rows, self.tiles[index].host)
        self._changed.clear()
        return [tile for tile in self.tiles if (tile.host != self._padding).any()]

    def _put(self, tile: int, place: int, row: int) -> None:
        self.tiles[tile].host[place] = row
        self._changed.add(tile)
