"""Does the tiny model read the words? Three arms on published MathQA-X, and their comparison.

``prepare`` writes what the runs need: (a) ``model``: the model on the published problems, Python
all, Java and JavaScript a seeded subset; (b) ``random``: random expressions over each prompt's
numbers, replayed; (c) ``shuffled``: the model on the problems with their words shuffled. Each arm
and language is then an ordinary ``forkeval run DIR/ARM-LANGUAGE.yaml``; ``compare`` reads the
reports that there are.

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
# Written by python -m benchmarks_data.tiny_model.acceptance prepare
name: {arm}-{language}
directory: {directory}
benchmarks: [{benchmark}]
backend: {backend}
engine: {{deterministic: false, max_rows: {rows}, prefill_chunk: 8192}}
sampling: {{n: {n}, temperature: {temperature}, max_new_tokens: 256, seed: 0}}
store: {{rows_per_shard: 20000, seconds_per_shard: 60}}
report: {{k: [1, 10, 100]}}
"""


def prepare(data: Path, out: Path, n: int, temperature: float, rows: int) -> None:
    """Writes the problem files, the random completions and the three configurations.

    data: the directory of the published files. Raises ValueError for a broken file.
    """
    out.mkdir(parents=True, exist_ok=True)
    engine = {"name": "engine"}
    for language in LANGUAGES:
        source = data / "multilingual_mathqa" / f"mathqa-test-{language}_v1.jsonl"
        problems = list(chosen(source, language))
        published: dict[str, Any] = {"name": "mathqa_x", "languages": [language], "path": str(data)}
        if language in SUBSET:
            published["task_ids"] = [problem["task_id"] for problem in problems]
        mixed = out / f"shuffled_{language}.jsonl"
        controls.write_records(mixed, controls.shuffled(iter(problems), SEED))
        drawn = out / f"random_{language}.jsonl"
        controls.write_records(drawn, controls.random_completions(iter(problems), n, SEED))
        for arm, benchmark, backend in (
            ("model", published, engine),
            ("random", published, {"name": "recorded", "completions": [str(drawn)]}),
            ("shuffled", {"name": "jsonl", "languages": [language], "path": str(mixed)}, engine),
        ):
            text = CONFIG.format(
                arm=arm,
                language=language,
                directory=json.dumps(str(out / "runs")),
                benchmark=json.dumps(benchmark),
                backend=json.dumps(backend),
                n=n,
                temperature=temperature,
                rows=rows,
            )
            (out / f"{arm}-{language}.yaml").write_text(text)


def chosen(source: Path, language: str) -> Iterator[dict[str, Any]]:
    """The problems of one language that take part."""
    problems = controls.read_problems(source)
    if language in SUBSET:
        return controls.subset(problems, SUBSET[language], SEED)
    return problems


Estimate = dict[str, float]  # value, low, high: fractions


def measured(metrics: Path) -> dict[str, Estimate]:
    """pass@k of one run, from its metrics.json."""
    found = json.loads(metrics.read_text())
    scope = next(scope for scope in found["scopes"] if scope["kind"] == "language")
    return {
        row["metric"]: {name: row[name] for name in ("value", "low", "high")}
        for row in scope["metrics"]
    }


def ran_on(environment: dict[str, Any]) -> dict[str, Any]:
    """What of a run's environment a reader of the comparison needs."""
    sampled, executed = environment["sample"], environment["execute"]
    return {
        "weights": sampled["meaning"]["weights"],
        "sample": {name: sampled[name] for name in ("device", "torch", "cuda", "max_rows")},
        "execute": {
            name: {"toolchain": image["toolchain"], "digest": image["digest"]}
            for name, image in executed["images"].items()
        },
        "execute_processor": f"{executed['machine']['cores']} x {executed['machine']['processor']}",
    }


def compare(out: Path, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """pass@k of every language whose three arms have a report, the ratios, and what holds.

    before: an earlier comparison, which the languages that are not in `out` are taken from.
    Raises ValueError where no language is complete, or other weights made the earlier one.
    """
    results: dict[str, dict[str, dict[str, Estimate]]] = {}
    environment: dict[str, Any] = {}
    for language in LANGUAGES:
        files = {arm: out / "runs" / f"{arm}-{language}/report/metrics.json" for arm in ARMS}
        if all(path.exists() for path in files.values()):
            results[language] = {arm: measured(path) for arm, path in files.items()}
            environment[language] = ran_on(json.loads(files["model"].read_text())["environment"])
        elif before and language in before["results"]:
            results[language] = before["results"][language]
            environment[language] = before["environment"][language]
    if not results:
        raise ValueError(f"{out}: no language has all of {', '.join(ARMS)}: run them first")
    if len({machine["weights"] for machine in environment.values()}) > 1:
        raise ValueError(f"{out}: the languages ran on different weights: run all of them again")
    return {"results": results, "checks": checks(results), "environment": environment}


def checks(results: dict[str, dict[str, dict[str, Estimate]]]) -> list[dict[str, Any]]:
    """Each requirement, and whether it holds."""
    found = []
    for language, arms in results.items():
        for k, least in RATIO.items():
            ours = arms["model"][f"pass@{k}"]
            for control in ("random", "shuffled"):
                theirs = arms[control][f"pass@{k}"]
                ratio = ours["value"] / theirs["value"] if theirs["value"] else float("inf")
                disjoint = ours["low"] > theirs["high"]
                found.append(
                    {
                        "language": language,
                        "metric": f"pass@{k}",
                        "control": control,
                        "ratio": ratio,
                        "required": least,
                        "disjoint": disjoint,
                        "holds": ratio >= least and disjoint,
                    }
                )
    return found


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The comparison as Markdown tables, in percent."""
    metrics = ("pass@1", "pass@10", "pass@100")
    yield "| language | arm | " + " | ".join(metrics) + " |"
    yield "|---|---|" + "---|" * len(metrics)
    for language, arms in result["results"].items():
        for arm in ARMS:
            cells = [
                f"{100 * e['value']:.2f} [{100 * e['low']:.2f}, {100 * e['high']:.2f}]"
                for e in (arms[arm][metric] for metric in metrics)
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
    comparing.add_argument(
        "--json",
        type=Path,
        help="write the result there, too; languages that did not run keep what it says",
    )
    arguments = parser.parse_args()
    if arguments.verb == "prepare":
        out = arguments.out.resolve()
        data = arguments.data.resolve()
        prepare(data, out, arguments.n, arguments.temperature, arguments.rows)
        return 0
    known = arguments.json and arguments.json.exists()
    result = compare(arguments.out, json.loads(arguments.json.read_text()) if known else None)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(lines(result)))
    return 0 if all(check["holds"] for check in result["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
