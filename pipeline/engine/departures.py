"""The way from the device to the host: which rows have ended, and what they hold.

Copies are queued behind the step they belong to and read later, so that no step waits for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

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

    @property
    def here(self) -> bool:
        return self._event is None or self._event.query()  # type: ignore[no-untyped-call]  # as above

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


@dataclass(frozen=True, slots=True)
class _Leaving:
    owners: list[Owner]
    counts: Ints  # [n] tokens generated
    tensors: tuple[Arriving, ...]  # ended [n]; ids, raw, processed [n, longest]


class Departures:
    """Finished sequences, in the order in which they left their rows."""

    def __init__(self, rows: Rows, device: torch.device) -> None:
        self._rows, self._device = rows, device
        self._leaving: deque[_Leaving] = deque()

    def __bool__(self) -> bool:
        return bool(self._leaving)

    def send(self, rows: Ints, owners: list[Owner], counts: Ints) -> None:
        """Queues the copies of rows [n]; the rows may be used again at once."""
        at, longest = to_device(rows, self._device), int(counts.max())
        state = self._rows
        tensors = [state.ended[at]]
        tensors += [part[at, :longest] for part in (state.ids, state.raw, state.processed)]
        self._leaving.append(_Leaving(owners, counts, tuple(map(Arriving, tensors))))

    def arrived(self, wait: bool) -> Iterator[Sequence]:
        """Sequences that are on the host; with `wait`, all that were sent."""
        while self._leaving and (wait or self._leaving[0].tensors[-1].here):
            leaving = self._leaving.popleft()
            ended, ids, raw, processed = (part.wait().tolist() for part in leaving.tensors)
            for i, owner in enumerate(leaving.owners):
                generated = int(leaving.counts[i])
                kept = ended[i] or generated
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
