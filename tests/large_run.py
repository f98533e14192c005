"""A run directory of 200 problems x 1,000 candidates, made through the stages as an engine would.

Tokens, log-probabilities and programs are made up, and so are verdicts: nothing is executed. What
lies on disk afterwards is what a run of a model leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_runs import LANGUAGES, Said
from synthetic_run import made_up

from pipeline.config import RunConfig
from pipeline.records import Call, Candidate, EngineStep, Execution, Job, Problem, ProblemKey, Test
from pipeline.run import Run, Services
from pipeline.services import Completion, CompletionRequest
from pipeline.store import Store

PROBLEMS, N = 67, 1000  # three languages: 201 problems
TOKEN = 4  # characters a token, as of code about
ROWS = 512  # of a step


class Made:
    """A `Completer` that makes programs up: those of a problem recur, its first ones most."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._steps: list[EngineStep] = []

    def check(self, requests: Iterable[CompletionRequest]) -> None: ...

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for number, request in enumerate(requests):
            key = request.problem
            hardness = np.random.default_rng(int(key.task_id.split("/")[1])).beta(0.6, 1.1)
            rng = np.random.default_rng((self._seed, number))
            count = len(request.sample_indices)
            words = np.where(rng.random(count) < hardness, "passed", "wrong_answer")
            kinds = (1000 * rng.random(count) ** 2).astype(int)
            generated = 0
            for index, word, kind in zip(request.sample_indices, words, kinds, strict=True):
                text = f"    # verdict {word} {kind}\n{made_up(f'{number} {kind}')}"
                made = completion(key, index, text, len(request.prompt) // TOKEN, rng)
                generated += made.call.generated_tokens
                yield made
            steps = generated // ROWS + 1
            law = 2e-3 * steps + 4e-5 * generated
            self._steps.append(
                EngineStep("one", number, "decode", steps, generated, 150 * generated, "cpu",
                           law * float(rng.lognormal(0, 0.05)))
            )  # fmt: skip

    def identity(self) -> Mapping[str, Any]:
        return {"backend": "made", "seed": self._seed}

    def environment(self) -> Mapping[str, Any]:
        return {"device": "cpu"}

    def take_steps(self) -> Sequence[EngineStep]:
        steps, self._steps = self._steps, []
        return steps


def completion(
    key: ProblemKey, index: int, text: str, prompt: int, rng: np.random.Generator
) -> Completion:
    tokens = len(text) // TOKEN + 1
    logs = tuple((-rng.exponential(0.4, tokens)).astype(np.float32).tolist())
    call = Call(
        *key, index, "candidate", 0, (), "00", prompt, 0, tokens, 1, 6e6 * prompt, 6.5e6 * tokens
    )
    ends = tuple(min(TOKEN * (i + 1), len(text)) for i in range(tokens))
    ids = tuple(rng.integers(0, 32_000, tokens).tolist())
    return Completion(call, Candidate(*key, index, text, ids, ends, logs, logs, "stop", "\n\n"))


class Telling(Said):
    """Says what failed, as programs do."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            (made,) = super().run([job])
            if made.verdict != "passed":
                trace = f"Traceback: line {len(job.completion) % 17}\n" * 8
                object.__setattr__(made, "stderr", trace)
            yield made


def problems(path: Path, each: int) -> Path:
    """A file of `each` problems in each language."""
    rows = [
        {
            "task_id": f"Made/{number}",
            "language": language,
            "entry_point": f"solve_{number}",
            "prompt": f"def solve_{number}(values):\n    '''{'Sum the values. ' * 20}'''\n",
            "test": f"assert solve_{number}([1, {number}]) == {number + 1}\n" * 5,
        }
        for language in LANGUAGES
        for number in range(each)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def large_run(folder: Path, name: str, seed: int, each: int = PROBLEMS, n: int = N) -> Path:
    """The run directory `folder/name`, its ranking made, its report not."""
    config = RunConfig.model_validate(
        {
            "name": name,
            "benchmarks": [{"name": "jsonl", "path": str(problems(folder / "made.jsonl", each))}],
            "model": {"path": "tiny"},
            "sampling": {"n": n, "seed": seed},
            "execute": {"truncate": False, "retry_timeouts": 0},
            "report": {"k": [1, 10, 100]},
        }
    )

    def completer(_: RunConfig, __: Sequence[Problem], ___: Sequence[Test]) -> Made:
        return Made(seed)

    services = Services(completer, lambda _: Telling())
    with Store.create(folder / name, config) as store:
        Run(config, store, ("load", "sample", "execute", "rerank"), services)()
    return folder / name
