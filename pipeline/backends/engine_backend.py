"""The engine as a `Completer`: sequences become candidates and ledger entries."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.engine import Engine
from pipeline.engine.scoring import Scored
from pipeline.engine.sequences import Failure, Prompt, Sequence
from pipeline.engine.stopping import earliest_stop
from pipeline.records import (
    Call,
    Candidate,
    DeviceEnergy,
    EngineEvents,
    EngineStep,
    FinishReason,
    UserError,
)
from pipeline.services import Completion, CompletionRequest, Score, ScoreRequest

SHOWN = 5  # prompts named in an error about many


class EngineCompleter:
    """Completes prompts with the sampling engine of this project."""

    def __init__(self, model: ModelConfig, engine: EngineConfig, sampling: SamplingConfig) -> None:
        """Raises UserError that names what is wrong with the checkpoint or the device."""
        self.engine = Engine(model, engine, sampling)
        self._eos = frozenset(self.engine.checkpoint.eos)

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        """Tokenises prompts until the model has room for one; raises UserError where for none."""
        faults = []
        for request in requests:
            try:
                self._prompt(request)
            except UserError as fault:
                faults.append(str(fault))
            else:
                return
        if faults:
            more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            raise UserError("; ".join(faults[:SHOWN]) + more)

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        """As `Completer.complete`. Raises UserError where the GPU's memory runs out."""
        unfit: deque[Completion] = deque()

        def prompts() -> Iterator[Prompt]:
            for request in requests:
                if request.sample_indices:
                    try:
                        yield self._prompt(request)
                    except UserError as fault:
                        unfit.extend(
                            _failed(request, i, str(fault)) for i in request.sample_indices
                        )

        def cannot(failure: Failure) -> None:
            prompt = failure.prompt
            unfit.extend(
                _failed(prompt, i, f"{prompt.problem}: {failure.reason}")
                for i in failure.sample_indices
            )

        try:
            for sequence in self.engine.sequences(prompts(), cannot):
                yield from _taken(unfit)
                yield self._completion(sequence)
            yield from _taken(unfit)
        except torch.OutOfMemoryError as fault:
            raise UserError(
                "the GPU ran out of memory: lower engine.max_rows or engine.prefill_chunk, or cap "
                f"the cache with engine.kv_memory_gib ({str(fault).splitlines()[0]})"
            ) from fault

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        """As `Scorer.score`."""
        asked: deque[tuple[ScoreRequest, Scored]] = deque()
        unfit: deque[ScoreRequest] = deque()

        def texts() -> Iterator[Scored]:
            for request in requests:
                text = self.engine.scored(
                    str(request.candidate.problem), request.prompt, request.continuation
                )
                if text is None:
                    unfit.append(request)
                else:
                    asked.append((request, text))
                    yield text

        for logprobs in self.engine.scores(texts()):
            request, text = asked.popleft()
            tokens, scored = len(text.tokens), len(logprobs)
            yield self._score(request, tokens, scored, math.fsum(logprobs))
        for request in unfit:
            yield self._score(request, 0, 0, math.nan)

    def _score(self, request: ScoreRequest, tokens: int, scored: int, logprob: float) -> Score:
        call = Call(
            *request.candidate,
            purpose=request.purpose,
            turn=0,
            parents=(),
            stream="",
            prompt_tokens=tokens,
            header_tokens=0,
            generated_tokens=0,
            discarded_tokens=0,
            prompt_flops=self.engine.flops.scored(tokens, scored) if tokens else 0.0,
            generated_flops=0.0,
        )
        return Score(request.candidate, call, logprob)

    def _prompt(self, request: CompletionRequest) -> Prompt:
        return self.engine.prompt(
            request.problem,
            request.prompt,
            request.sample_indices,
            request.stop,
            request.purpose,
            request.turn,
            request.header_chars,
        )

    def _completion(self, sequence: Sequence) -> Completion:
        prompt, engine = sequence.prompt, self.engine
        kept = len(sequence.ids) - sequence.failed
        ids = sequence.ids[:kept]
        text, ends = engine.tokenizer.decode(ids)
        reason: FinishReason = "length"
        stop = ""
        if sequence.failed:
            reason = "failed"
        elif sequence.ended and sequence.ids[-1] in self._eos:
            reason = "eos"
        elif sequence.ended:
            stop = earliest_stop(text, prompt.stop)
            reason = "stop" if stop else "length"  # of `sampling.length_draw`
        problem = prompt.problem
        call = Call(
            *problem,
            sample_index=sequence.sample_index,
            purpose=prompt.purpose,
            turn=prompt.turn,
            parents=(),
            stream="".join(f"{word:08x}" for word in sequence.stream),
            prompt_tokens=len(prompt.tokens),
            header_tokens=prompt.header_tokens,
            generated_tokens=sequence.generated,
            discarded_tokens=sequence.generated - kept,
            prompt_flops=engine.flops.prompt(len(prompt.tokens)),
            generated_flops=engine.flops.generated(len(prompt.tokens), sequence.generated),
        )
        candidate = Candidate(
            *problem,
            sample_index=sequence.sample_index,
            text=text,
            token_ids=tuple(ids),
            token_ends=ends,
            logprobs_raw=tuple(sequence.raw[:kept]),
            logprobs=tuple(sequence.processed[:kept]),
            finish_reason=reason,
            stop=stop,
        )
        fault = f"{problem}: the model's logits are not finite after {kept} tokens of sample "
        return Completion(
            call, candidate, f"{fault}{sequence.sample_index}" if sequence.failed else ""
        )

    def identity(self) -> Mapping[str, Any]:
        return self.engine.identity()

    def environment(self) -> Mapping[str, Any]:
        return self.engine.environment()

    def take_steps(self) -> list[EngineStep | DeviceEnergy | EngineEvents]:
        return self.engine.timer.take()


def _failed(request: CompletionRequest | Prompt, sample_index: int, fault: str) -> Completion:
    """A sample of which nothing could be drawn."""
    tokens = len(request.tokens) if isinstance(request, Prompt) else 0
    call = Call(
        *request.problem,
        sample_index=sample_index,
        purpose=request.purpose,
        turn=request.turn,
        parents=(),
        stream="",
        prompt_tokens=tokens,
        header_tokens=0,
        generated_tokens=0,
        discarded_tokens=0,
        prompt_flops=0.0,
        generated_flops=0.0,
    )
    candidate = Candidate(
        *request.problem,
        sample_index=sample_index,
        text="",
        token_ids=(),
        token_ends=(),
        logprobs_raw=(),
        logprobs=(),
        finish_reason="failed",
        stop="",
    )
    return Completion(call, candidate, fault)


def _taken(waiting: deque[Completion]) -> Iterator[Completion]:
    while waiting:
        yield waiting.popleft()
