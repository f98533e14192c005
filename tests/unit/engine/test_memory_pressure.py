"""Pages run out midway: rows are parked and go on, and every sample is what it would have been."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.engine.arena import _RESERVED, TRASH, Arena, KVLayer
from pipeline.engine.decoding import Tile
from pipeline.engine.graphs_ahead import Asked, Graphs
from pipeline.engine.ledger import Timer
from pipeline.engine.pace import MEASURED
from pipeline.engine.planning import BlockTable, Ints, RowsOfPath
from pipeline.engine.prefill import Chunk
from pipeline.engine.rows import Rows
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.engine.sequences import Failure, Prompt, Sequence
from pipeline.engine.session import Session
from pipeline.records import EngineEvents, ProblemKey
from tests.unit.engine.checkpoints import CORPUS
from tests.unit.engine.conftest import Checkpoints
from tests.unit.engine.helpers import completer, request
from tests.unit.engine.test_scheduler import by_key

CPU = torch.device("cpu")
MOST = 24


class Memory(Arena):
    """An arena of one layer whose keys are single numbers: what was stored where."""

    def __init__(self, page_size: int, capacity: int) -> None:
        self.page_size, self.capacity, self.token_bytes = page_size, capacity, 8
        self.layers = [KVLayer(*(torch.zeros((1, _RESERVED, 1)) for _ in "kv"))]
        self._free = np.zeros(0, bool)
        self._used = self.peak_pages = 0
        self.peak_bytes, self.tainted = 0, False


class Echo:
    """A runner without a model. It stores what a token is and where, and reads everything back
    in each step: a page that two own, or that was lost on its way, shows at once."""

    def __init__(self, arena: Arena, rows: int) -> None:
        self.arena, self.rows, self.blocks = arena, Rows(rows, MOST, CPU), BlockTable(4)
        self._places: list[Ints] = []

    free_rows, heights = 4.0, (1, 2, 3, 6, 12)

    def height(self, rows: int) -> int:
        return -(-rows // 3) * 3

    def prepare(self, rows: int, asked: Several[Asked]) -> None:
        assert 0 < rows <= self.rows.padding
        assert asked

    def refresh(self, tile: Tile) -> None:
        pass

    def prefill(self, chunks: Several[Chunk]) -> Tensor:
        layer, logits = self.arena.layers[0], []
        for chunk in chunks:
            layer.k[0, chunk.stored, 0] = torch.from_numpy(chunk.tokens).float()
            stop = chunk.start + len(chunk.tokens)
            logits += [torch.tensor([1.0 * stop])] * len(chunk.wanted)
        return torch.stack(logits) if logits else torch.empty(0)

    def tiles(self, paths: Several[RowsOfPath]) -> list[Tile]:
        host = np.concatenate([path.rows for path in paths])
        self._places = []
        for path in paths:
            slots = np.concatenate([np.arange(start, start + n) for start, n in path.runs])
            self._places += [slots] * len(path.rows)
        return [Tile(host, torch.from_numpy(host.copy()), None, 0, None)]

    def first(self, rows: Tensor, logits: Tensor) -> Tensor:
        return self._draw(rows)

    def decode(self, tile: Tile, longest: int) -> Tensor:
        state, k = self.rows, self.arena.layers[0].k[0, :, 0]
        for place, row in enumerate(tile.rows.tolist()):
            if row == state.padding:
                k[TRASH] = -1
                continue
            count = int(state.count[row])
            own = state.slots[row, :count]
            k[own[-1]] = state.token[row].float()
            assert torch.equal(k[own], state.ids[row, :count].float())
            prompt = state.stop[row]  # its first token; the others count up
            prefix = k[self._places[place]]
            assert len(prefix) == state.prompt[row]
            assert torch.equal(prefix, prompt + torch.arange(len(prefix)).float())
        live = tile.rows[tile.rows != state.padding]
        ended = torch.zeros(len(tile.host), dtype=torch.bool)
        ended[tile.rows != state.padding] = self._draw(live)
        return ended

    def _draw(self, rows: Tensor) -> Tensor:
        state = self.rows
        count = state.count[rows]
        state.token[rows] = (state.stream[rows, 0] + 31 * count) % 1009
        state.ids[rows, count] = state.token[rows]
        state.count[rows] = count + 1
        now = (count + 1 >= state.limit[rows]) & (state.ended[rows] == 0)
        state.ended[rows] = torch.where(now, count + 1, state.ended[rows])
        return state.ended[rows] > 0


@dataclass(frozen=True)
class Ends:
    """Samples' lengths."""

    lengths: dict[tuple[str, int], int]

    def of(self, problem: ProblemKey, sample_index: int) -> int:
        return self.lengths[problem.task_id, sample_index]


@st.composite
def loads(draw: st.DrawFn) -> tuple[list[tuple[int, list[int]]], int, int, int, int, int]:
    """Prompts (tokens, lengths of samples), rows, page size, spare pages, chunk, lag."""
    lengths = st.lists(st.integers(1, MOST), min_size=1, max_size=8)
    prompts = draw(st.lists(st.tuples(st.integers(1, 40), lengths), min_size=1, max_size=7))
    rows, page = draw(st.integers(1, 12)), draw(st.sampled_from([1, 4, 8]))
    return (
        prompts, rows, page, draw(st.integers(0, 12)), draw(st.integers(1, 50)),
        draw(st.integers(0, 3)),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(loads())
def test_any_load_ends_and_no_page_is_lost(
    load: tuple[list[tuple[int, list[int]]], int, int, int, int, int],
) -> None:
    prompts, rows, page, spare, chunk, lag = load
    least = max(-(-n // page) for n, _ in prompts) + -(-(MOST - 1) // page)
    arena = Memory(page, least + spare)
    lengths = {(str(i), j): n for i, (_, ns) in enumerate(prompts) for j, n in enumerate(ns)}
    first = {i: i % 3 for i in range(len(prompts))}  # some prompts begin alike
    waiting = [
        Prompt(
            ProblemKey("d", "python", str(i)), first[i] + np.arange(n, dtype=np.int64), 0,
            tuple(range(len(ns))), (), first[i], "candidate", 0,
        )
        for i, (n, ns) in enumerate(prompts)
    ]  # fmt: skip
    failures: list[Failure] = []
    events = SchedulerEvents()
    runner: Any = Echo(arena, rows)  # has what a session asks of a Runner
    session = Session(
        waiting, runner, Timer(CPU, 1, events, Graphs()), max_rows=rows, max_new_tokens=MOST,
        prefill_chunk=chunk, seed=0, limits=Ends(lengths), device=CPU, lag=lag,
        fail=failures.append, events=events,
    )  # fmt: skip
    done: dict[tuple[str, int], Sequence] = {}
    for sequence in session.run():
        key = sequence.prompt.problem.task_id, sequence.sample_index
        assert key not in done
        done[key] = sequence
    assert {key: len(sequence.ids) for key, sequence in done.items()} == lengths
    for sequence in done.values():
        expected = (sequence.stream[0] + 31 * np.arange(len(sequence.ids))) % 1009
        assert sequence.ids == expected.tolist()
    session._prompts.evict()
    assert arena.available == arena.capacity
    assert not failures


class Watched(Echo):
    """Notes how many rows each step has."""

    def __init__(self, arena: Arena, rows: int) -> None:
        super().__init__(arena, rows)
        self.seen: list[int] = []

    def decode(self, tile: Tile, longest: int) -> Tensor:
        self.seen.append(int((tile.rows != self.rows.padding).sum()))
        return super().decode(tile, longest)


@pytest.mark.parametrize(("samples", "first"), [(12, 12), (24, 12), (25, 6)])
def test_only_a_run_of_more_than_two_waves_begins_with_few_rows(samples: int, first: int) -> None:
    prompt = Prompt(
        ProblemKey("d", "python", "0"), np.arange(5, dtype=np.int64), 0, tuple(range(samples)), (),
        0, "candidate", 0,
    )  # fmt: skip
    runner, events = Watched(Memory(4, 200), 12), SchedulerEvents()
    typed: Any = runner
    session = Session(
        [prompt], typed, Timer(CPU, 1, events, Graphs()), max_rows=12, max_new_tokens=MOST,
        prefill_chunk=50, seed=0, limits=Ends({("0", i): MOST for i in range(samples)}),
        device=CPU, lag=0, fail=lambda failure: None, events=events,
    )  # fmt: skip
    assert len(list(session.run())) == samples
    assert runner.seen[: MEASURED + 1] == [first] * (MEASURED + 1)
    assert MEASURED + 1 < MOST - 1  # nobody had ended by then


def parked(made: EngineCompleter) -> int:
    """Rows that were parked since the last call, as a run would record it."""
    return sum(row.parked_rows for row in made.take_steps() if isinstance(row, EngineEvents))


def test_at_98_percent_of_the_pages_rows_are_parked_and_tokens_stay(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = checkpoint("llama")
    requests = [request(str(i), CORPUS[i : i + 60 + 9 * i], 8) for i in range(5)]
    options: dict[str, Any] = {"sampling": {"max_new_tokens": 48}, "max_rows": 40, "page_size": 8}
    roomy = completer(folder, **options)
    expected = by_key(list(roomy.complete(requests)))
    assert parked(roomy) == 0
    tight = completer(folder, **options)
    pages = roomy.engine.arena.peak_pages // 3
    budget = pages * 8 * roomy.engine.arena.token_bytes
    monkeypatch.setattr(tight.engine, "_budget", lambda: budget)
    # Hopes for short samples, so that too many are admitted.
    monkeypatch.setattr("pipeline.engine.demand.Demand.tokens", lambda self, running: 4)
    assert by_key(list(tight.complete(requests))) == expected
    assert tight.engine.arena.peak_pages >= 0.98 * tight.engine.arena.capacity
    assert parked(tight) > 0


def test_own_pages_follow_the_formula(checkpoint: Checkpoints) -> None:
    """1,024 samples of one prompt use its pages and their own, and nothing else."""
    folder, _ = checkpoint("llama")
    engine = completer(
        folder, deterministic=False, max_rows=1024, sampling={"max_new_tokens": 40}, page_size=8
    )
    done = list(engine.complete([request("a", CORPUS * 3, 1024)]))
    lengths: Ints = np.array([c.call.generated_tokens for c in done])
    arena = engine.engine.arena
    own = max(arena.pages_for(t) * int((lengths > t).sum()) for t in range(1, 40))
    formula = arena.pages_for(done[0].call.prompt_tokens) + own
    assert formula <= arena.peak_pages <= 1.03 * formula
