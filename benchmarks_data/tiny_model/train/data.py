"""From seeded problem streams to batches of token ids, in parallel processes.

Rows of similar length share a batch, so that causal attention needs no mask and little is padded.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .contamination import Published
from .functions import FunctionStream
from .problems import ProblemStream
from .programs import UnsupportedError
from .tokenization import BOS_ID, EOS_ID, PAD_ID, load_tokenizer

BUCKETS = (96, 128, 160, 224, 384)
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares of what is trained on; the rest of the problems are Python."""

    functions: float = 0.12
    java: float = 0.22
    javascript: float = 0.22


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded ids [rows, length] (uint16), prompt lengths and whole lengths [rows]."""

    ids: NDArray[np.uint16]
    prompts: NDArray[np.int32]
    lengths: NDArray[np.int32]


class TextStream:
    """An endless, seeded stream of ``(prompt, completion)`` texts, both kinds mixed."""

    def __init__(
        self,
        seed: int | str,
        published: Published | None = None,
        mixture: Mixture = Mixture(),  # frozen
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.problems = ProblemStream(seed, published, without=without)
        self.functions = FunctionStream(seed, published)
        self.languages: Counter[str] = Counter()
        self._random = Random(f"texts/{seed}")
        self._mixture = mixture

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        mixture = self._mixture
        if self._random.random() < mixture.functions:
            task = next(self.functions)
            self.languages[f"function/{task.language}"] += 1
            return task.prompt, task.completion
        draw = self._random.random()
        language = "python"
        if draw < mixture.java:
            language = "java"
        elif draw < mixture.java + mixture.javascript:
            language = "javascript"
        problem = next(self.problems)
        try:
            completion = problem.completion(language)
        except UnsupportedError:
            language, completion = "python", problem.completion("python")
        self.languages[f"problem/{language}"] += 1
        return problem.prompt(language), completion


def encode(
    tokenizer: Tokenizer, texts: list[tuple[str, str]]
) -> Iterator[tuple[list[int], list[int]]]:
    """Ids of each prompt (with BOS) and completion (with EOS), tokenised apart as in sampling."""
    prompts = tokenizer.encode_batch_fast([p for p, _ in texts], add_special_tokens=False)
    completions = tokenizer.encode_batch_fast([c for _, c in texts], add_special_tokens=False)
    for prompt, completion in zip(prompts, completions, strict=True):
        yield [BOS_ID, *prompt.ids], [*completion.ids, EOS_ID]


def batches(stream: TextStream, tokenizer: Tokenizer, tokens: int) -> Iterator[Batch]:
    """Batches of about ``tokens`` ids; a text longer than the last bucket is left out."""
    waiting: dict[int, list[tuple[list[int], list[int]]]] = {b: [] for b in BUCKETS}
    while True:
        for pair in encode(tokenizer, [next(stream) for _ in range(_CHUNK)]):
            length = len(pair[0]) + len(pair[1])
            bucket = next((b for b in BUCKETS if length <= b), None)
            if bucket is None:
                continue
            waiting[bucket].append(pair)
            if len(waiting[bucket]) == tokens // bucket:
                yield _pack(waiting[bucket], bucket)
                waiting[bucket] = []


def _pack(pairs: list[tuple[list[int], list[int]]], width: int) -> Batch:
    ids = np.full((len(pairs), width), PAD_ID, dtype=np.uint16)
    for row, (prompt, completion) in enumerate(pairs):
        ids[row, : len(prompt)] = prompt
        ids[row, len(prompt) : len(prompt) + len(completion)] = completion
    prompts = np.array([len(p) for p, _ in pairs], dtype=np.int32)
    return Batch(ids, prompts, prompts + np.array([len(c) for _, c in pairs], dtype=np.int32))


@dataclass(frozen=True, slots=True)
class Source:
    """What a worker needs to make its own part of the data."""

    seed: int
    tokenizer: Path
    published: Path
    tokens: int
    mixture: Mixture
    without: frozenset[str]


def _work(source: Source, worker: int, out: Queue[Any], stop: Event) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    stream = TextStream(
        f"{source.seed}/{worker}",
        Published.load(source.published),
        source.mixture,
        source.without,
    )
    for made, batch in enumerate(batches(stream, load_tokenizer(source.tokenizer), source.tokens)):
        statistics = None
        if made % 8 == 0:
            statistics = {
                "drawn": dict(stream.problems.drawn),
                "dropped": dict(stream.problems.dropped),
                "retried": dict(stream.problems.retried),
                "functions": dict(stream.functions.drawn),
                "functions_dropped": dict(stream.functions.dropped),
                "texts": dict(stream.languages),
            }
        while not stop.is_set():
            try:
                out.put((worker, statistics, batch), timeout=0.5)
                break
            except queue.Full:
                continue
        if stop.is_set():
            out.cancel_join_thread()
            return


class Loader:
    """Batches from several processes, with what they have counted so far."""

    def __init__(self, source: Source, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Any] = context.Queue(maxsize=4 * workers)
        self._stop = context.Event()
        self._statistics: dict[int, dict[str, dict[str, int]]] = {}
        self._processes = [
            context.Process(target=_work, args=(source, i, self._queue, self._stop), daemon=True)
            for i in range(workers)
        ]
        for process in self._processes:
            process.start()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            worker, statistics, batch = self._queue.get(timeout=300)
            if statistics is not None:
                self._statistics[worker] = statistics
            yield batch

    def statistics(self) -> dict[str, dict[str, int]]:
        """Counts over all workers, by kind and family."""
        total: dict[str, Counter[str]] = {}
        for one in self._statistics.values():
            for kind, counts in one.items():
                total.setdefault(kind, Counter()).update(counts)
        return {kind: dict(sorted(counts.items())) for kind, counts in total.items()}

    def close(self) -> None:
        """Stop the workers."""
        self._stop.set()
        for process in self._processes:
            process.join(timeout=3)
            if process.is_alive():
                process.terminate()
