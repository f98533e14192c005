"""What goes into the scheduler and what comes out of it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from torch import Tensor

from pipeline.engine.own_pages import Offloaded
from pipeline.engine.planning import Ints
from pipeline.engine.prefix_tree import Segment
from pipeline.records import ProblemKey

Stream = tuple[int, int, int, int]  # of `philox.stream`


@dataclass(frozen=True, slots=True)
class Prompt:
    """Samples wanted of one prompt; `Engine.prompt` makes it and checks it against the model."""

    problem: ProblemKey
    tokens: Ints  # [prompt]
    header_tokens: int  # leading tokens that are the run's few-shot header
    sample_indices: tuple[int, ...]
    stop: tuple[str, ...]
    stop_state: int  # initial state of the automaton of `stop`
    purpose: str
    turn: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """One finished sample, as it left the device."""

    prompt: Prompt
    sample_index: int
    stream: Stream
    generated: int  # tokens drawn, those after the end included
    ids: list[int]  # up to the end of the sequence
    raw: list[float]
    processed: list[float]
    ended: bool  # by EOS or a stop string

    @property
    def failed(self) -> bool:
        """The last token comes from logits that were not finite."""
        return math.isnan(self.raw[-1])


@dataclass(frozen=True, slots=True)
class Failure:
    """Samples that cannot be drawn, and why."""

    prompt: Prompt
    sample_indices: tuple[int, ...]
    reason: str


@dataclass(slots=True, eq=False)
class Group:
    """A prompt in flight and its samples. Slots and blocks hold while the prompt is open."""

    number: int  # in order of arrival
    prompt: Prompt
    leaf: Segment
    slots: Ints  # [prompt] slot of each token
    blocks: Ints  # ids of its blocks, root first
    pending: deque[int]  # samples that have no row yet
    active: set[int] = field(default_factory=set)  # rows being decoded
    parked: dict[int, Offloaded] = field(default_factory=dict)  # rows whose keys the host has
    departing: int = 0  # samples on their way to the host
    logits: Tensor | None = None  # [V] of the last prompt token, once it is prefilled

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The prompt's path as (first slot, tokens), root first."""
        return tuple((int(s.slots[0]), len(s.slots)) for s in self.leaf.path())

    @property
    def waiting(self) -> int:
        """Samples that no step works on."""
        return len(self.pending) + len(self.parked)


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens of one prompt in a prefill pass: positions from start to stop."""

    group: Group
    start: int
    stop: int
    slots: Ints  # [stop - start] where their keys are stored


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose sequence a row holds."""

    group: Group
    sample_index: int
    stream: Stream
