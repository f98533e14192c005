"""Does the tiny model read the words? Three runs on published MathQA-X, and their comparison.

``prepare`` writes what the three runs need: (a) ``model``: the model on the published problems,
Python all, Java and JavaScript a seeded subset; (b) ``random``: random expressions over each
prompt's numbers, replayed; (c) ``shuffled``: the model on the problems with their words shuffled.
Each is then an ordinary ``forkeval run DIR/NAME.yaml``. ``compare`` reads the three reports.

The model reads the words when its pass@1 is at least 3 times, and its pass@10 at least 2 times,
those of both controls, with disjoint 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks_data.tiny_model import controls

ARMS = ("model", "random", "shuffled")
SUBSET = {"java": 300, "javascript": 300}  # of 1,883; Python runs whole
LANGUAGES = ("python", "java", "javascript")
SEED = 20261122
RATIO = {1: 3.0, 10: 2.0}

CONFIG = """\
# {arm}: written by python -m benchmarks_data.tiny_model.acceptance prepare
name: {arm}
directory: {directory}
benchmarks: {benchmarks}
backend: {backend}
engine: {{deterministic: false, max_rows: {rows}}}
sampling: {{n: {n}, temperature: {temperature}, max_new_tokens: 256, seed: 0}}
rerank: {{rankers: {rankers}}}
store: {{rows_per_shard: 20000, seconds_per_shard: 60}}
report: {{k: [1, 10, 100]}}
"""


def prepare(data: Path, out: Path, n: int, temperature: float, rows: int) -> None:
    """Writes the problem files, the random completions and the three configurations.

    data: the directory of the published files. Raises ValueError for a broken file.
    """
    out.mkdir(parents=True, exist_ok=True)
    plain, shuffled, completions = [], [], []
    for language in LANGUAGES:
        source = data / "multilingual_mathqa" / f"mathqa-test-{language}_v1.jsonl"
        problems = list(chosen(source, language))
        ids = [problem["task_id"] for problem in problems]
        entry: dict[str, Any] = {"name": "mathqa_x", "languages": [language], "path": str(data)}
        if language in SUBSET:
            entry["task_ids"] = ids
        plain.append(entry)
        path = out / f"shuffled_{language}.jsonl"
        controls.write_records(path, controls.shuffled(iter(problems), SEED))
        shuffled.append({"name": "jsonl", "languages": [language], "path": str(path)})
        path = out / f"random_{language}.jsonl"
        controls.write_records(path, controls.random_completions(iter(problems), n, SEED))
        completions.append(str(path))
    replay = {"name": "recorded", "completions": completions}
    every = ["random", "mean_logprob", "sum_logprob"]
    for arm, benchmarks, backend, rankers in (
        ("model", plain, {"name": "engine"}, every),
        ("random", plain, replay, ["random"]),
        ("shuffled", shuffled, {"name": "engine"}, every),
    ):
        text = CONFIG.format(
            arm=arm,
            directory=json.dumps(str(out / "runs")),
            benchmarks=json.dumps(benchmarks),
            backend=json.dumps(backend),
            rankers=json.dumps(rankers),
            n=n,
            temperature=temperature,
            rows=rows,
        )
        (out / f"{arm}.yaml").write_text(text)


def chosen(source: Path, language: str) -> Iterator[dict[str, Any]]:
    """The problems of one language that take part."""
    problems = controls.read_problems(source)
    if language in SUBSET:
        return controls.subset(problems, SUBSET[language], SEED)
    return problems


Estimate = dict[str, float]  # value, low, high: fractions


def measured(metrics: Path) -> dict[str, dict[str, Estimate]]:
    """pass@k by language of one run, from its metrics.json."""
    found = json.loads(metrics.read_text())
    return {
        scope["language"]: {
            row["metric"]: {name: row[name] for name in ("value", "low", "high")}
            for row in scope["metrics"]
        }
        for scope in found["scopes"]
        if scope["kind"] == "language"
    }


def compare(out: Path) -> dict[str, Any]:
    """Every arm's pass@k, the ratios, and whether each requirement holds.

    Raises FileNotFoundError where a run has no report yet.
    """
    arms = {arm: measured(out / "runs" / arm / "report" / "metrics.json") for arm in ARMS}
    checks = []
    for language in arms["model"]:
        for k, least in RATIO.items():
            ours = arms["model"][language][f"pass@{k}"]
            for control in ("random", "shuffled"):
                theirs = arms[control][language][f"pass@{k}"]
                ratio = ours["value"] / theirs["value"] if theirs["value"] else float("inf")
                checks.append(
                    {
                        "language": language,
                        "metric": f"pass@{k}",
                        "control": control,
                        "ratio": ratio,
                        "required": least,
                        "disjoint": ours["low"] > theirs["high"],
                        "holds": ratio >= least and ours["low"] > theirs["high"],
                    }
                )
    environment = json.loads((out / "runs" / "model" / "report" / "metrics.json").read_text())
    return {"arms": arms, "checks": checks, "environment": environment["environment"]}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The comparison as Markdown tables, in percent."""
    metrics = ("pass@1", "pass@10", "pass@100")
    yield "| language | arm | " + " | ".join(metrics) + " |"
    yield "|---|---|" + "---|" * len(metrics)
    for language in result["arms"]["model"]:
        for arm in ARMS:
            cells = [
                f"{100 * e['value']:.2f} [{100 * e['low']:.2f}, {100 * e['high']:.2f}]"
                for e in (result["arms"][arm][language][metric] for metric in metrics)
            ]
            yield f"| {language} | {arm} | " + " | ".join(cells) + " |"
    yield ""
    yield "| language | metric | against | ratio | required | intervals disjoint | holds |"
    yield "|---|---|---|---|---|---|---|"
    for check in result["checks"]:
        yield (
            f"| {check['language']} | {check['metric']} | {check['control']} | "
            f"{check['ratio']:.2f} | {check['required']} | {check['disjoint']} | {check['holds']} |"
        )


def main() -> int:
    """Command line; exit code 1 when a requirement does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks_data.tiny_model.acceptance")
    verbs = parser.add_subparsers(dest="verb", required=True)
    preparing = verbs.add_parser("prepare", help="write the inputs and configurations of the runs")
    preparing.add_argument("--data", type=Path, required=True, help="the published files")
    preparing.add_argument("--out", type=Path, required=True)
    preparing.add_argument("--n", type=int, default=100)
    preparing.add_argument("--temperature", type=float, default=0.8)
    preparing.add_argument("--rows", type=int, default=4096, help="engine.max_rows")
    comparing = verbs.add_parser("compare", help="compare the three reports")
    comparing.add_argument("--out", type=Path, required=True)
    comparing.add_argument("--json", type=Path, help="write the result there, too")
    arguments = parser.parse_args()
    if arguments.verb == "prepare":
        out = arguments.out.resolve()
        data = arguments.data.resolve()
        prepare(data, out, arguments.n, arguments.temperature, arguments.rows)
        return 0
    result = compare(arguments.out)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(lines(result)))
    return 0 if all(check["holds"] for check in result["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
