"""The engine: a checkpoint, its tokenizer and a device, ready to complete requests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch

from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.arena import Arena, default_budget
from pipeline.engine.checkpoint import Checkpoint, open_checkpoint
from pipeline.engine.decoder import Decoder
from pipeline.engine.decoding import Runner
from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.kernel_plans import chip_for
from pipeline.engine.ledger import Flops, Timer
from pipeline.engine.lengths import limits
from pipeline.engine.planning import BlockTable, Rounding
from pipeline.engine.row_independence import check_heights, check_rows
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.engine.scoring import Scored, score
from pipeline.engine.sequences import Failure, Prompt, Sequence
from pipeline.engine.session import Session
from pipeline.engine.stopping import StopTables
from pipeline.engine.tokenizer import Tokenizer
from pipeline.records import ProblemKey, UserError

VERSION = "4"  # part of a sample's identity: raised when the same inputs give other tokens
TILE = 64  # rows of every matrix product in deterministic mode
DETERMINISTIC_THREADS = 1  # unless configured: what every machine has
# Prompt tokens a prefill pass, unless configured. On a GPU products of so many rows run at their
# full rate (`python -m pipeline.bench.prefill`), and decoding goes on after a tenth of a second,
# with 7B weights too.
PREFILL_CHUNK = {"cpu": 512, "cuda": 4096}

T = TypeVar("T")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Engine:
    """Completes requests with one model under one sampling configuration."""

    def __init__(
        self, model: ModelConfig, engine: EngineConfig, sampling: SamplingConfig,
        checkpoint: Checkpoint | None = None,
    ) -> None:  # fmt: skip
        """Checks the checkpoint in full; the weights are read at the first completion.

        checkpoint: one that is open already, in place of that of `model.path`.

        Raises UserError that names what is wrong with the checkpoint or the device.
        """
        self.model, self.config, self.sampling = model, engine, sampling
        self.device = _device(model.device)
        self.checkpoint = checkpoint or open_checkpoint(model.path, model.revision)
        architecture = self.checkpoint.architecture
        self.tokenizer = Tokenizer(self.checkpoint.path, architecture.vocab_size)
        for token in self.checkpoint.eos:
            if not 0 <= token < architecture.vocab_size:
                raise UserError(f"{self.checkpoint.path}: eos_token_id {token} is no id")
            self.tokenizer.bytes[token] = b""  # ends the text, is no part of it
        # Half of the cores unless configured: a product whose threads wait for cores that the
        # sandboxes are using is many times slower than one on a single thread.
        spare = max((os.cpu_count() or 1) // 2, 1)
        self.threads = engine.threads or (DETERMINISTIC_THREADS if engine.deterministic else spare)
        self.stops = StopTables(self.tokenizer.bytes, self.checkpoint.eos, self.device)
        self.flops = Flops(architecture)
        self.events, self.graphs = SchedulerEvents(), Graphs()
        self.timer = Timer(self.device, self.threads, self.events, self.graphs)
        # On a GPU the host looks at the flags of a step while the next one runs.
        self.lag = 1 if self.device.type == "cuda" else 0
        # Products of own keys are one block a step unless the shapes shall be fixed.
        wide = self.device.type == "cuda"
        self.rounding = (
            self._fixed_rounding()
            if engine.deterministic
            else Rounding(
                None, block=128 if wide else 64, own_block=16, decode_rows=32 if wide else 16
            )
        )
        self._decoder: Decoder | None = None
        self._idle: tuple[Runner, EngineConfig, SamplingConfig] | None = None

    @property
    def prefill_chunk(self) -> int:
        """Prompt tokens a prefill pass."""
        return self.config.prefill_chunk or PREFILL_CHUNK[self.device.type]

    @property
    def decoder(self) -> Decoder:
        """The model on its device; read the first time it is asked for."""
        if self._decoder is None:
            torch.set_num_threads(self.threads)
            if self.device.type == "cuda":
                torch.cuda.set_device(self.device)  # its stream is the one that events are put on
            self._decoder = self.checkpoint.decoder(
                DTYPES[self.model.dtype], self.device, self.checkpoint.architecture.context
            )
            if self.rounding.tile is not None:
                check_rows(self._decoder, self.rounding.tile)
            elif self.rounding.fixed:
                from kernels.fixed_shape.product import Product  # it needs Triton

                check_heights(self._decoder, Product())
        return self._decoder

    def _fixed_rounding(self) -> Rounding:
        """That of deterministic mode on this device."""
        if chip_for(self.device, self.config.page_size) is None:
            return Rounding(TILE)
        from pipeline.engine.fixed_kernels import ROUNDING  # it needs Triton

        return ROUNDING

    def prompt(
        self,
        problem: ProblemKey,
        text: str,
        sample_indices: tuple[int, ...],
        stop: tuple[str, ...] = (),
        purpose: str = "candidate",
        turn: int = 0,
        header_chars: int = 0,
    ) -> Prompt:
        """Tokenises a prompt as a whole.

        Raises UserError that names the problem where the model has no room for it.
        """
        ids = self.tokenizer.encode(text)
        if not ids:
            raise UserError(f"{problem}: its prompt has no tokens")
        context, new = self.checkpoint.architecture.context, self.sampling.max_new_tokens
        if len(ids) + new > context:
            raise UserError(
                f"{problem}: its prompt of {len(ids)} tokens and {new} new ones exceed the "
                f"model's {context} positions; lower sampling.max_new_tokens or leave it out"
            )
        header = 0
        if header_chars:
            # What every prompt with this header begins with, whatever follows the header.
            header = _common(ids, self.tokenizer.encode(text[:header_chars]))
        return Prompt(
            problem=problem,
            tokens=np.array(ids, np.int64),
            header_tokens=header,
            sample_indices=sample_indices,
            stop=stop,
            stop_state=self.stops.start(stop),
            purpose=purpose,
            turn=turn,
        )

    def sequences(
        self, prompts: Iterable[Prompt], fail: Callable[[Failure], None] | None = None
    ) -> Iterator[Sequence]:
        """Finished samples in the order in which they end. Pulls prompts as it has room.

        fail: told of samples that cannot be drawn; without it the first raises UserError.
        """
        max_new = self.sampling.max_new_tokens
        runner = self._runner()
        session = Session(
            prompts,
            runner,
            self.timer,
            max_rows=self.config.max_rows,
            max_new_tokens=max_new,
            prefill_chunk=self.prefill_chunk,
            seed=self.sampling.seed,
            limits=limits(self.sampling),
            device=self.device,
            lag=self.lag,
            fail=fail or _refuse,
            events=self.events,
        )
        return self._kept(runner, session.run())

    def scored(self, name: str, prompt: str, continuation: str) -> Scored | None:
        """Tokenises a text as a whole; the tokens that the prompt alone does not begin with are
        scored. None where the model has no room for it."""
        tokens = self.tokenizer.encode(prompt + continuation)
        if not tokens or len(tokens) > self.checkpoint.architecture.context:
            return None
        start = max(_common(tokens, self.tokenizer.encode(prompt)), 1)
        return Scored(name, np.array(tokens, np.int64), start)

    def scores(self, texts: Iterable[Scored]) -> Iterator[list[float]]:
        """The log-probability of each scored token, text by text in their order."""
        runner = self._runner()
        chunk = self.prefill_chunk
        work = score(texts, runner, runner.arena, runner.blocks, self.timer, chunk)
        return self._kept(runner, work)

    def _runner(self) -> Runner:
        """A runner over an empty arena."""
        idle, self._idle = self._idle, None
        if idle is not None and idle[1:] == (self.config, self.sampling):
            return idle[0]
        del idle  # its memory is wanted
        decoder = self.decoder
        self.arena = Arena(
            decoder.architecture, decoder.dtype, self.device, self.config.page_size, self._budget()
        )
        rows = Rows(self.config.max_rows, self.sampling.max_new_tokens, self.device)
        blocks = BlockTable(self.rounding.block)
        runner = Runner(
            decoder, self.arena, rows, self.rounding, self._sampler(), self.stops, blocks,
            self.graphs,
        )  # fmt: skip
        if self.device.type == "cuda":  # graphs hold its addresses
            self.arena.reserve(self.arena.capacity)
        return runner

    def _kept(self, runner: Runner, work: Iterator[T]) -> Iterator[T]:
        """`work`, after which a GPU's runner waits for the next, with its arena and graphs."""
        made_for = self.config, self.sampling
        try:
            yield from work
        finally:
            if self.device.type == "cuda":
                runner.clear()
                self._idle = runner, *made_for

    def _sampler(self) -> Sampler:
        known = torch.tensor(self.tokenizer.known)
        banned = None if bool(known.all()) else (~known).to(self.device)
        s = self.sampling
        return Sampler(s.temperature, s.top_k, s.top_p, s.min_p, banned)

    def _budget(self) -> int:
        gib = self.config.kv_memory_gib
        return int(gib * 2**30) if gib is not None else default_budget(self.device)

    def identity(self) -> dict[str, Any]:
        """What changes a sample; extent (n) and stop strings, which are the request's, left out."""
        s = self.sampling
        identity: dict[str, Any] = {
            "engine": VERSION,
            "weights": self.checkpoint.weights_hash(),
            "tokenizer": self.tokenizer.hash,
            "eos": list(self.checkpoint.eos),
            "dtype": self.model.dtype,
            "deterministic": self.config.deterministic,
            "temperature": s.temperature,
            "top_k": s.top_k,
            "top_p": s.top_p,
            "min_p": s.min_p,
            "max_new_tokens": s.max_new_tokens,
            "seed": s.seed,
        }
        if s.length_draw is not None:
            identity["length_draw"] = list(s.length_draw)
        if self.config.deterministic:
            identity["threads"] = self.threads
            identity["tile"] = self._fixed_shapes()
        return identity

    def _fixed_shapes(self) -> list[int | None]:
        """What fixes the rounding of a row."""
        if not self.rounding.fixed:
            return [self.rounding.tile, self.rounding.block, self.rounding.own_block]
        from pipeline.engine.fixed_kernels import shapes  # it needs Triton

        return shapes(DTYPES[self.model.dtype], self.checkpoint.architecture.head_dim)

    def environment(self) -> dict[str, Any]:
        """What it runs on and the layout of its batches."""
        cuda = self.device.type == "cuda"
        return {
            "device": torch.cuda.get_device_name(self.device) if cuda else "cpu",
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "threads": self.threads,
            "torch": torch.__version__,
            "cuda": torch.version.cuda if cuda else None,
            "numpy": np.__version__,
            "checkpoint": str(self.checkpoint.path),
            "family": self.checkpoint.architecture.family,
            "max_rows": self.config.max_rows,
            "page_size": self.config.page_size,
            "prefill_chunk": self.prefill_chunk,
            "tile": self.rounding.tile,
        }


def _refuse(failure: Failure) -> None:
    raise UserError(f"{failure.prompt.problem}: {failure.reason}")


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(
            f"model.device: {name!r} is no device; use auto, cpu, cuda or cuda:N"
        ) from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"model.device: {name!r} is not there; this machine has "
                        f"{torch.cuda.device_count()} CUDA devices")  # fmt: skip
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"model.device: {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and device.index is None:
        # Memory queries want an index where tensors do not.
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _common(a: list[int], b: list[int]) -> int:
    """Length of the longest common prefix."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
