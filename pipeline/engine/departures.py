"""The way from the device to the host: which rows have ended, and what they hold.

Copies are queued behind the step they belong to and read later, so that no step waits for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.engine.arena import Pages
from pipeline.engine.laps import Timed
from pipeline.engine.planning import Ints, to_device
from pipeline.engine.rows import Rows
from pipeline.engine.sequences import Owner, Sequence


class Arriving:
    """A tensor on its way to the host."""

    def __init__(self, tensor: Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._tensor = tensor
        if tensor.device.type == "cuda":
            self._tensor = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._tensor.copy_(tensor, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has no types
            self._event.record()

    def wait(self) -> Tensor:
        if self._event is not None:
            self._event.synchronize()
        return self._tensor


@dataclass(frozen=True, slots=True)
class Flags:
    """Which rows had ended after a step."""

    rows: Ints  # [n]
    generations: Ints  # [n] tells a row's sequence from its successor
    step: int  # decode steps launched before it was taken
    ended: Arriving  # [n] bool
    timed: Timed | None  # the decode step, where it was one


@dataclass(frozen=True, slots=True)
class _Leaving:
    step: int  # decode steps launched before
    owners: list[Owner]
    pages: Pages  # of the rows' own keys
    counts: Ints  # [n] tokens generated
    tensors: tuple[Arriving, ...]  # ended [n]; ids, raw, processed [n, longest]


class Departures:
    """Finished sequences, in the order in which they left their rows."""

    def __init__(self, rows: Rows, device: torch.device) -> None:
        self._rows, self._device = rows, device
        self._leaving: deque[_Leaving] = deque()

    def __bool__(self) -> bool:
        return bool(self._leaving)

    def send(self, rows: Ints, owners: list[Owner], counts: Ints, pages: Pages, step: int) -> None:
        """Queues the copies of rows [n]; the rows may be used again at once, their pages when they
        have arrived: only then is it known that what lies there is finite."""
        at, longest = to_device(rows, self._device), int(counts.max())
        state = self._rows
        tensors = [state.ended[at]]
        tensors += [part[at, :longest] for part in (state.ids, state.raw, state.processed)]
        for owner in owners:
            owner.group.departing += 1
        self._leaving.append(_Leaving(step, owners, pages, counts, tuple(map(Arriving, tensors))))

    def arrived(self, upto: int) -> Iterator[tuple[list[Sequence], Pages]]:
        """Sequences sent up to a step, and their pages. By steps and not by what is there, so that
        what memory is free does not depend on timing."""
        while self._leaving and self._leaving[0].step <= upto:
            leaving = self._leaving.popleft()
            yield list(self._sequences(leaving)), leaving.pages

    def _sequences(self, leaving: _Leaving) -> Iterator[Sequence]:
        ended, ids, raw, processed = (part.wait().tolist() for part in leaving.tensors)
        for i, owner in enumerate(leaving.owners):
            generated = int(leaving.counts[i])
            kept = ended[i] or generated
            owner.group.departing -= 1
            yield Sequence(
                prompt=owner.group.prompt,
                sample_index=owner.sample_index,
                stream=owner.stream,
                generated=generated,
                ids=ids[i][:kept],
                raw=raw[i][:kept],
                processed=processed[i][:kept],
                ended=bool(ended[i]),
            )
