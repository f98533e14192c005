"""What work costs: analytic FLOPs of each token, and measured time of each stretch of steps."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeVar

import torch

from pipeline.engine.architecture import Architecture
from pipeline.engine.decoder import weight_shapes
from pipeline.engine.energy import EnergyMeter, counter
from pipeline.engine.event_meter import EventMeter
from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.kernel_plans import LEAST_PAGE, chip_for
from pipeline.engine.laps import Lap, timed
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.records import DeviceEnergy, EngineEvents, EngineStep

STRETCH = 64  # forward passes a stretch
T = TypeVar("T")
Kind = Literal["prefill", "decode"]


class Flops:
    """Floating-point operations of a forward pass; a multiply-add counts as two.

    Of one token at context length c (keys it attends to, itself included):
    2 x (weights of all matrix products) + sum over layers of 4 x heads x head_dim x min(c, window).
    Source: Kaplan et al., arXiv 2001.08361, section 2.1 (C = 2N + 2 n_layer n_ctx d_attn), with the
    product of the probabilities and the values counted as well (Hoffmann et al., arXiv 2203.15556,
    appendix F). Embedding look-up, norms, rotary embedding, softmax and sampling are left out.
    """

    def __init__(self, architecture: Architecture) -> None:
        self._a = architecture
        self._windows = Counter(architecture.windows)

    @cached_property
    def _layers(self) -> int:
        """Weights of the layers' matrix products."""
        shapes = weight_shapes(self._a)
        return sum(s[0] * s[1] for n, s in shapes.items() if n.startswith("layers") and len(s) == 2)

    @property
    def _output(self) -> int:
        return self._a.vocab_size * self._a.hidden

    def _attention(self, first: int, last: int) -> int:
        """Attention of tokens whose contexts are first, first + 1, ..., last keys."""
        total = 0
        for window, layers in self._windows.items():
            limit = last if window is None else window
            growing = max(min(last, limit) - first + 1, 0)
            keys = growing * (first + first + growing - 1) // 2
            keys += (last - first + 1 - growing) * limit
            total += 4 * layers * self._a.heads * self._a.head_dim * keys
        return total

    def prompt(self, tokens: int) -> float:
        """A prefill of the whole prompt alone, with the logits of its last token."""
        return float(2 * self._layers * tokens + 2 * self._output + self._attention(1, tokens))

    def scored(self, tokens: int, scored: int) -> float:
        """A prefill of a text with the logits before each of its scored tokens."""
        return self.prompt(tokens) + 2.0 * self._output * max(scored - 1, 0)

    def generated(self, prompt_tokens: int, tokens: int) -> float:
        """The forward passes that `tokens` generated tokens took after a prompt: one fewer.

        The first token is drawn from the prompt's logits, and the last is never fed back.
        """
        passes = tokens - 1
        if passes <= 0:
            return 0.0
        attention = self._attention(prompt_tokens + 1, prompt_tokens + passes)
        return float(2 * (self._layers + self._output) * passes + attention)


@dataclass(slots=True)
class _Stretch:
    kind: Kind
    rows: int = 0
    kv_tokens: int = 0
    laps: list[Lap] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return len(self.laps)

    @property
    def finished(self) -> bool:
        return not self.laps or self.laps[-1].ended


class Timer:
    """Device time by stretches of up to 64 steps of a kind; never waits for the device.

    events, graphs: counted elsewhere; what a stretch of work added is written down at its end.
    """

    def __init__(
        self, device: torch.device, threads: int, events: SchedulerEvents, graphs: Graphs
    ) -> None:
        self._cuda = device.type == "cuda"
        if self._cuda:
            self._device = f"{device} {torch.cuda.get_device_name(device)}"
        else:
            self._device = f"cpu, {threads} threads"
        self._compilations = _compilations(device)
        self._session = uuid.uuid4().hex
        self._index = 0
        self._open: dict[Kind, _Stretch] = {}
        self._closed: list[_Stretch] = []
        self._energy = EnergyMeter(self._session, self._device, counter(device))
        self._events = EventMeter(self._session, events, graphs)

    def measure(
        self, kind: Kind, rows: int, kv_tokens: int, work: Callable[[], T]
    ) -> tuple[T, Lap]:
        """Runs `work`, one forward pass of `rows` tokens that reads `kv_tokens` distinct keys.

        Returns what it returns, and its time. A prefill in which kernels were compiled runs once
        more, since the device had stood still meanwhile: it stores the same keys again.
        """
        self._energy.start()
        stretch = self._open.setdefault(kind, _Stretch(kind))
        before = self._compilations()
        result, lap = timed(work, self._cuda)
        if kind == "prefill" and self._compilations() != before:
            result, lap = timed(work, self._cuda)
        stretch.laps.append(lap)
        stretch.rows += rows
        stretch.kv_tokens += kv_tokens
        if stretch.steps >= STRETCH:
            self._closed.append(self._open.pop(kind))
        return result, lap

    def close(self) -> None:
        """Ends the stretches under way, so that `take` returns them too."""
        self._closed.extend(self._open.values())
        self._open.clear()
        self._energy.stop()
        self._events.stop()

    def take(self) -> list[EngineStep | DeviceEnergy | EngineEvents]:
        """Stretches that have ended since the last call and whose time is known, energy, events."""
        done = [s for s in self._closed if s.finished]
        self._closed = [s for s in self._closed if not any(s is d for d in done)]
        steps = (self._record(stretch) for stretch in done)
        return [*steps, *self._energy.take(), *self._events.take()]

    def _record(self, stretch: _Stretch) -> EngineStep:
        self._index += 1
        return EngineStep(
            session=self._session,
            index=self._index - 1,
            kind=stretch.kind,
            steps=stretch.steps,
            rows=stretch.rows,
            kv_tokens=stretch.kv_tokens,
            device=self._device,
            m_seconds=sum((lap.seconds for lap in stretch.laps), 0.0),
        )


def _compilations(device: torch.device) -> Callable[[], int]:
    if chip_for(device, LEAST_PAGE) is None:
        return lambda: 0
    from kernels.compilations import compilations  # it needs Triton

    return compilations
