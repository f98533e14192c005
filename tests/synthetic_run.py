"""A seeded run made up of plausible tables: three languages, 24 problems, n = 40.

Device times follow a known law with noise, counted by a loop over single steps that shares no code
with the report's schedule.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.rankers import rank
from pipeline.records import VERDICTS, digest
from reports.data import Rates, ReportInput, Settings, WeakTests

LANGUAGES = {"python": ("MBPP", 1.0), "java": ("MBJP", 0.7), "javascript": ("MBJSP", 0.85)}
STEP, ROW, KV = 2.0e-3, 4.0e-5, 2.0e-7  # seconds: the law that device times follow
PRICES = Rates(
    per_million_prompt_tokens=0.2, per_million_generated_tokens=0.8, per_sandbox_cpu_hour=0.05
)
WRONG = ("wrong_answer", "runtime_error", "compile_error", "timeout")
KEY = ("dataset", "language", "task_id")
RANKERS = ("mean_logprob", "random", "sum_logprob")
EXECUTING = "self_consistency"
HOSTILE = "</pre></script><script>window.pwned = 1</script><img src=x onerror=alert(1)> & \"'"


def synthetic_run(
    seed: int = 0,
    problems: int = 24,
    n: int = 40,
    *,
    k: tuple[int, ...] = (1, 10, 100),
    logprobs: bool = True,
    noise: float = 0.05,
    header: int = 0,
    max_rows: int = 64,
    stretch: int = 20,
    bootstrap: int = 500,
    prices: Rates = PRICES,
    bodies: int = 0,
) -> ReportInput:
    """bodies: different programs of several lines a problem, the first drawn most; 0 for one line
    that says whether it is right."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("problems", "calls", "candidates", "programs", "verdicts")
    }
    executions: dict[tuple[str, str], dict[str, Any]] = {}
    schedule: list[tuple[int, int]] = []  # problem number, decode steps
    own_prompts: list[int] = []
    ability = rng.beta(0.6, 1.1, size=problems)
    for language, (prefix, strength) in LANGUAGES.items():
        for number in range(problems):
            key = {"dataset": "mbxp", "language": language, "task_id": f"{prefix}/{number + 2}"}
            hostile = HOSTILE if number == 0 else ""
            prompt = f"def solve_{number}(values):\n    '''Sum <{number}> values. {hostile}'''\n"
            rows["problems"].append({**key, "prompt": prompt, "header_chars": 0})
            own = int(rng.integers(60, 240))
            own_prompts.append(own)
            chance = ability[number] * strength
            for index in range(n):
                right = bool(rng.random() < chance)
                variant = int(rng.geometric(0.5 if right else 0.2))
                completion = (
                    f"    return {'sum' if right else 'len'}(values) + {variant} * 0  # {hostile}\n"
                )
                if bodies:
                    completion = made_up(f"{number} {int(bodies * rng.random() ** 2)}") + completion
                kept = 8 + variant + (0 if right else 6)
                length = rng.random() < 0.02
                generated = 128 if length else kept + 1 + int(rng.integers(0, 12))
                scale = 0.4 * (0.85 if right else 1.0) * rng.lognormal(0.0, 0.35)
                logs = -rng.exponential(scale, size=generated) if logprobs else np.empty(0)
                program = digest(language, prompt, completion)
                test = digest("test", *key.values())
                verdict = "passed" if right else WRONG[int(digest(program)[:6], 16) % 4]
                flaky = verdict == "wrong_answer" and int(program[:2], 16) < 8
                executions.setdefault(
                    (program, test),
                    {
                        "program_hash": program,
                        "test_hash": test,
                        "attempt": 0,
                        "language": language,
                        "verdict": verdict,
                        "detail": f"{verdict}: line 3 {hostile}",
                        "stderr": f"Traceback: {hostile}" if not right else "",
                        "m_cpu_seconds": float(rng.gamma(4.0, 0.02)),
                        "reused": False,
                    },
                )
                cell = {**key, "sample_index": index}
                rows["calls"].append(
                    {
                        **cell,
                        "prompt_tokens": header + own,
                        "header_tokens": header,
                        "generated_tokens": generated,
                        "discarded_tokens": 1,
                        "prompt_flops": 6.0e6 * (header + own),
                        "generated_flops": 6.5e6 * generated,
                    }
                )
                rows["candidates"].append(
                    {
                        **cell,
                        "text": completion,
                        "logprobs_raw": logs.tolist(),
                        "logprobs": (logs * 1.1).tolist(),
                        "finish_reason": "length" if length else "stop",
                    }
                )
                rows["programs"].append(
                    {
                        **cell,
                        "completion": completion,
                        "program_hash": program,
                        "kept_tokens": kept,
                        "cut": "unterminated" if length else "function_end",
                    }
                )
                rows["verdicts"].append(
                    {
                        **cell,
                        "program_hash": program,
                        "test_hash": test,
                        "verdict": verdict,
                        "evidence": "isolated" if language == "python" else "completed",
                        "first_verdict": "timeout" if flaky else verdict,
                    }
                )
                schedule.append((len(own_prompts) - 1, generated - 1))
    tables = {name: pa.Table.from_pylist(content) for name, content in rows.items()}
    tables["candidates"] = typed(tables["candidates"])
    ranked = [rank(name, tables["candidates"], tables["programs"])[0] for name in RANKERS]
    # Stands for one that executes; its scores do not matter here.
    executing = ranked[0].set_column(3, "ranker", pa.array([EXECUTING] * ranked[0].num_rows))
    assert set(WRONG) <= set(VERDICTS)
    return ReportInput(
        name="synthetic",
        n=n,
        **tables,
        engine_steps=engine_steps(schedule, own_prompts, header, max_rows, stretch, noise, rng),
        executions=pa.Table.from_pylist(list(executions.values())),
        rankings=pa.concat_tables([*ranked, executing]),
        public_examples=pa.Table.from_pylist(
            [
                {**{name: row[name] for name in KEY}, "examples": 3, "inputs": 2, "equal_tests": 1}
                for row in rows["problems"]
            ]
        ),
        ranking_costs=pa.Table.from_pylist(
            [cost(language, name) for language in LANGUAGES for name in (*RANKERS, EXECUTING)]
        ),
        ranking_calls=ranking_calls(rows["problems"]),
        ranking_steps=pa.table(
            {
                "session": ["two"],
                "kind": ["prefill"],
                "m_seconds": [0.125],
                "purpose": ["test_generation"],
            }
        ),
        ranking_energy=pa.table(
            {"session": ["two"], "m_joules": [25.0], "purpose": ["test_generation"]}
        ),
        ranking_executions=pa.table(
            {"m_cpu_seconds": [0.5, 0.25, float("nan")], "reused": [False] * 3}
        ),
        alone=frozenset(RANKERS),
        settings=Settings(k=k, bootstrap=bootstrap, prices=prices),
        weak_tests=weak_tests(rows["problems"]),
        max_rows=max_rows,
        wall_seconds={"sample": 41.2, "execute": 63.9},
        environment={
            "sample": {"model": "tiny", "weights_sha256": "3f" * 32, "device": "cpu", "torch": "2"},
            "execute": {"images": {"python": "sha256:" + "ab" * 32}, "docker": "20.10"},
        },
        config={"sampling": {"n": n, "temperature": 0.8}, "note": HOSTILE},
        commands=("forkeval run quickstart",),
    )


def made_up(seed: str) -> str:
    """Five to fifteen lines that look like a program's."""
    draw = random.Random(seed)
    names = ("total", "left", "right", "count", "found", "best", "index", "item", "key", "seen")
    shapes = (
        "    {} = {}",
        "    for {} in range({}, len(values)):",
        "        if {} > {}:",
        "            {} += values[{}]",
        "        {}.append(str({}) + 'x')",
        "    while {} < {} // 2:",
        "        return {} or {}",
        "    # keep {} below {}",
    )
    lines = []
    for _ in range(draw.randrange(5, 15)):
        right = draw.choice((draw.choice(names), str(draw.randrange(100))))
        lines.append(draw.choice(shapes).format(draw.choice(names), right))
    return "\n".join(lines) + "\n"


def ranking_calls(problems: list[dict[str, Any]]) -> pa.Table:
    """Two generated tests of the first problem; reviews of two programs of the second."""
    tests = {"purpose": "test_generation", "prompt_tokens": 30, "generated_tokens": 7}
    reviews = {"purpose": "review", "prompt_tokens": 50, "generated_tokens": 0}
    return pa.Table.from_pylist(
        [
            {
                **{name: problems[at][name] for name in KEY},
                "sample_index": index,
                **call,
                "header_tokens": 0,
                "discarded_tokens": int(call["generated_tokens"] > 0),
                "prompt_flops": 6.0e6 * int(str(call["prompt_tokens"])),
                "generated_flops": 6.5e6 * int(str(call["generated_tokens"])),
            }
            for at, call in ((0, tests), (1, reviews))
            for index in range(2)
        ]
    )


def cost(language: str, ranker: str) -> dict[str, Any]:
    executions = 7 if ranker == EXECUTING else 0
    return {
        "dataset": "mbxp",
        "language": language,
        "ranker": ranker,
        "executions": executions,
        "prompt_tokens": 0,
        "generated_tokens": 0,
        "flops": 0.0,
        "m_cpu_seconds": 0.25 * executions,
    }


def weak_tests(problems: list[dict[str, Any]]) -> WeakTests:
    """Constants pass the tests of the first two of every five; JavaScript's have not been tried."""
    found = {}
    for index, problem in enumerate(problems):
        names = {0: ("always_true", "zero"), 1: ("first_argument",)}.get(index % 5, ())
        if problem["language"] != "javascript":
            found[problem["dataset"], problem["language"], problem["task_id"]] = names
    return WeakTests(found)


def typed(candidates: pa.Table) -> pa.Table:
    """Log-probabilities as the store writes them, also where every list is empty."""
    for name in ("logprobs_raw", "logprobs"):
        at = candidates.schema.get_field_index(name)
        candidates = candidates.set_column(at, name, candidates[name].cast(pa.list_(pa.float32())))
    return candidates


def engine_steps(
    schedule: list[tuple[int, int]],
    own_prompts: list[int],
    header: int,
    max_rows: int,
    stretch: int,
    noise: float,
    rng: np.random.Generator,
) -> pa.Table:
    """Decoding step by step with the law's times, in stretches; a prefill stretch a problem."""
    out: list[dict[str, Any]] = []

    def record(kind: str, steps: int, rows: int, kv: int) -> None:
        seconds = (STEP * steps + ROW * rows + KV * kv) * rng.lognormal(0.0, noise)
        out.append(
            {
                "session": "one",
                "index": len(out),
                "kind": kind,
                "steps": steps,
                "rows": rows,
                "kv_tokens": kv,
                "device": "cpu",
                "m_seconds": seconds,
            }
        )

    for own in own_prompts:
        record("prefill", 1, own, own)
    live: list[list[int]] = []  # problem, steps left, own tokens
    queue = [list(item) for item in reversed(schedule)]
    total = np.zeros(3, np.int64)
    while live or queue:
        while queue and len(live) < max_rows:
            problem, left = queue.pop()
            if left:
                live.append([problem, left, 0])
        for item in live:
            item[1] -= 1
            item[2] += 1
        languages = {problem // (len(own_prompts) // len(LANGUAGES)) for problem, _, _ in live}
        shared = sum(own_prompts[problem] for problem in {item[0] for item in live})
        kv = sum(item[2] for item in live) + shared + header * len(languages)
        total += (1, len(live), kv)
        live = [item for item in live if item[1] > 0]
        if total[0] == stretch:
            record("decode", *(int(x) for x in total))
            total[:] = 0
    if total[0]:
        record("decode", *(int(x) for x in total))
    return pa.Table.from_pylist(out)


def without(source: ReportInput, table: str, **equal: Any) -> ReportInput:
    """The run with the rows of one table left out whose columns have these values."""
    rows = [
        row
        for row in getattr(source, table).to_pylist()
        if any(row[name] != value for name, value in equal.items())
    ]
    return dataclasses.replace(
        source, **{table: pa.Table.from_pylist(rows, schema=getattr(source, table).schema)}
    )
