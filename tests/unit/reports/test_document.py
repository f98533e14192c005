"""metrics.json of whole runs: recounted by hand from the rows, and what is left undefined."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from synthetic_run import engine_steps, synthetic_run, without

from pipeline.records import UserError
from reports import Rates, ReportInput, render
from reports.document import document, jsonable
from reports.markdown import markdown
from reports.passk import pass_at_k
from reports.tally import numbers


@pytest.fixture(scope="module")
def run() -> ReportInput:
    return synthetic_run(header=30)


@pytest.fixture(scope="module")
def doc(run: ReportInput) -> dict[str, Any]:
    return dict(jsonable(document(run)))


def scope(doc: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(item) for item in doc["scopes"] if item["name"] == name)


def metric(item: dict[str, Any], name: str, part: str = "metrics") -> dict[str, Any]:
    return next(dict(row) for row in item[part] if row["metric"] == name)


def entry(doc: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(line) for line in doc["ledger"] if line["name"] == name)


def test_pass_at_k_is_the_mean_over_problems(run: ReportInput, doc: dict[str, Any]) -> None:
    passed: dict[tuple[str, str], int] = defaultdict(int)
    for row in run.verdicts.to_pylist():
        passed[row["language"], row["task_id"]] += row["verdict"] == "passed"
    for k in (1, 10):
        for language in ("python", "java", "javascript"):
            c = [count for (own, _), count in passed.items() if own == language]
            found = metric(scope(doc, f"mbxp {language}"), f"pass@{k}")
            assert found["value"] == pytest.approx(pass_at_k(40, c, k).mean(), abs=1e-12)
            assert found["low"] < found["value"] < found["high"]
        everything = metric(scope(doc, "mbxp all problems"), f"pass@{k}")
        assert everything["value"] == pytest.approx(
            pass_at_k(40, list(passed.values()), k).mean(), abs=1e-12
        )


def test_ranking_takes_the_best_distinct_program(run: ReportInput, doc: dict[str, Any]) -> None:
    verdict = {
        (row["language"], row["task_id"], row["sample_index"]): row["verdict"]
        for row in run.verdicts.to_pylist()
    }
    best: dict[tuple[str, str], tuple[float, int]] = {}
    for row in run.rankings.to_pylist():
        key = row["language"], row["task_id"]
        if row["ranker"] == "mean_logprob" and row["sample_index"] == row["duplicate_of"]:
            best[key] = max(best.get(key, (-np.inf, 0)), (row["score"], row["sample_index"]))
    right = [verdict[*key, index] == "passed" for key, (_, index) in best.items()]
    found = metric(scope(doc, "mbxp all problems"), "mean_logprob pass@1", "ranking")
    assert found["value"] == pytest.approx(np.mean(right))


def test_random_ranking_is_the_share_of_distinct_programs(
    run: ReportInput, doc: dict[str, Any]
) -> None:
    programs: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for row in run.verdicts.to_pylist():
        own = programs[row["language"], row["task_id"]]
        own[row["program_hash"]] = row["verdict"] == "passed"
    expected = np.mean([np.mean(list(own.values())) for own in programs.values()])
    found = metric(scope(doc, "mbxp all problems"), "random pass@1", "ranking")
    assert found["value"] == pytest.approx(expected)


def test_each_ranker_has_its_cost_and_what_they_share_is_paid_once(doc: dict[str, Any]) -> None:
    spent = {one["ranker"]: (one["executions"], one["cpu_seconds"]) for one in doc["ranking_costs"]}
    assert spent["random"] == (0, 0.0)
    assert spent["self_consistency"] == (21, 5.25)
    assert entry(doc, "sandbox CPU seconds, ranking")["value"] == 0.75
    assert "21 executions, 5.25 CPU s" in markdown(doc)
    assert entry(doc, "prompt tokens, test generation")["value"] == 60
    assert entry(doc, "generated tokens, test generation")["value"] == 14
    assert entry(doc, "device seconds, ranking")["value"] == 0.125


def test_every_call_stands_under_its_purpose(run: ReportInput, doc: dict[str, Any]) -> None:
    lines = {line["purpose"]: line for line in doc["purposes"]}
    assert list(lines) == ["candidate", "review", "test_generation", "observation", "all"]
    tests = lines["test_generation"]
    assert (tests["calls"], tests["prompt_tokens_billed"], tests["generated_tokens"]) == (2, 60, 14)
    assert tests["prompt_tokens_shared"] == 30  # one prompt, sampled twice
    assert tests["discarded_tokens"] == 2
    assert tests["flops_billed"] - tests["flops_shared"] == pytest.approx(6.0e6 * 30)
    assert (tests["device_seconds"], tests["joules"]) == (0.125, 25.0)
    assert tests["money"] == pytest.approx(60 * 0.2e-6 + 14 * 0.8e-6)
    review = lines["review"]
    assert review["prompt_tokens_shared"] == review["prompt_tokens_billed"] == 100
    assert review["joules"] is None
    assert review["device_seconds"] is None  # no step was recorded for it
    assert lines["observation"]["sandbox_cpu_seconds"] == 0.75
    for name in ("calls", "prompt_tokens_billed", "generated_tokens", "money"):
        parts = (line[name] for purpose, line in lines.items() if purpose != "all")
        assert lines["all"][name] == pytest.approx(sum(parts))
    candidate = lines["candidate"]
    assert candidate["prompt_tokens_billed"] == entry(doc, "prompt tokens, billed")["value"]
    assert candidate["money"] == pytest.approx(entry(doc, "money")["value"])
    assert candidate["joules"] is None
    assert "never estimated" in markdown(doc)


def test_joules_are_absent_unless_every_session_was_counted(run: ReportInput) -> None:
    def joules(energy: list[dict[str, Any]], steps: pa.Table) -> float:
        source = dataclasses.replace(
            run, device_energy=pa.Table.from_pylist(energy), engine_steps=steps
        )
        return float(document(source)["purposes"][0]["joules"])

    counted = [{"session": "one", "m_joules": 7.0}, {"session": "one", "m_joules": 5.0}]
    assert joules(counted, run.engine_steps) == 12.0
    other = run.engine_steps.slice(0, 1).to_pylist()[0] | {"session": "uncounted"}
    both = pa.concat_tables([run.engine_steps, pa.Table.from_pylist([other])])
    assert math.isnan(joules(counted, both))


def test_a_bill_names_its_price_table(run: ReportInput, doc: dict[str, Any]) -> None:
    def named(**changes: Any) -> str:
        prices = dataclasses.replace(run.settings.prices, **changes)
        settings = dataclasses.replace(run.settings, prices=prices)
        return str(document(dataclasses.replace(run, settings=settings))["price_table"])

    assert doc["price_table"] in entry(doc, "money")["note"]
    assert named(version="2026-11") == "prices 2026-11"
    assert named(per_device_hour=1.0) != doc["price_table"] == named()


def test_examples_that_are_hidden_tests_are_counted(doc: dict[str, Any]) -> None:
    facts = scope(doc, "mbxp java")["public_examples"]
    assert (facts["problems"], facts["documented"], facts["observable"]) == (24, 24, 24)
    assert (facts["examples"], facts["inputs"], facts["equal_tests"]) == (72, 48, 24)
    everything = scope(doc, "mbxp all problems")["public_examples"]
    assert (everything["examples"], everything["equal_tests"]) == (216, 72)
    said = "72 of the 216 examples documented in the prompts are hidden tests too"
    assert said in markdown(doc)


def test_a_run_that_was_loaded_before_examples_were_counted_says_nothing(run: ReportInput) -> None:
    bare = jsonable(document(dataclasses.replace(run, public_examples=pa.table({}))))
    assert scope(bare, "mbxp java")["public_examples"] is None
    assert "hidden tests too" not in markdown(bare)


def test_common_problems_are_those_of_every_language(run: ReportInput) -> None:
    smaller = dataclasses.replace(
        run, problems=without(run, "problems", language="java", task_id="MBJP/5").problems
    )
    found = document(smaller)
    assert scope(found, "mbxp all problems")["problems"] == 71
    common = scope(found, "mbxp common problems")
    assert common["problems"] == 69
    kept = [item for item in found["per_problem"] if not item["task_id"].endswith("/5")]
    value = np.mean([item["c"] / item["n"] for item in kept])
    assert metric(common, "pass@1")["value"] == pytest.approx(value)


def test_numbers_join_languages_and_give_way_where_ambiguous() -> None:
    assert numbers(["d"] * 3, ["a", "b", "c"], ["MBJP/3", "MBJSP/3", "MBPP/3"]) == ["3"] * 3
    assert numbers(["d"] * 2, ["a", "a"], ["x/3", "y/3"]) == ["x/3", "y/3"]
    assert numbers(["d"], ["a"], ["no number"]) == ["no number"]
    assert numbers(["h"], ["a"], ["HumanEval_24_truncate"]) == ["24"]


def test_the_ledger_adds_up(run: ReportInput, doc: dict[str, Any]) -> None:
    calls = run.calls.to_pylist()
    assert entry(doc, "prompt tokens, billed")["value"] == sum(r["prompt_tokens"] for r in calls)
    own = {(r["language"], r["task_id"]): r["prompt_tokens"] - 30 for r in calls}
    shared = sum(own.values()) + 3 * 30  # each prompt once, each language's header once
    assert entry(doc, "prompt tokens, shared prefix")["value"] == pytest.approx(shared)
    generated = sum(r["generated_tokens"] for r in calls)
    kept = sum(r["kept_tokens"] for r in run.programs.to_pylist())
    assert entry(doc, "generated tokens")["value"] == generated
    assert entry(doc, "generated tokens, after the stop")["value"] == len(calls)
    cut = entry(doc, "generated tokens, truncated away")["value"]
    assert cut == generated - len(calls) - kept
    flops = sum(r["prompt_flops"] + r["generated_flops"] for r in calls)
    assert entry(doc, "FLOPs, billed")["value"] == pytest.approx(flops)
    cpu = {r["program_hash"]: r["m_cpu_seconds"] for r in run.executions.to_pylist()}
    assert entry(doc, "sandbox CPU seconds")["value"] == pytest.approx(sum(cpu.values()))
    plain = sum(cpu[r["program_hash"]] for r in run.verdicts.to_pylist())
    found = entry(doc, "sandbox CPU seconds without deduplication")["value"]
    assert found == pytest.approx(plain)
    steps = run.engine_steps.to_pylist()
    assert entry(doc, "device seconds")["value"] == pytest.approx(
        sum(r["m_seconds"] for r in steps)
    )
    bill = (
        sum(r["prompt_tokens"] for r in calls) * 0.2e-6
        + generated * 0.8e-6
        + sum(cpu.values()) * 0.05 / 3600
    )
    assert entry(doc, "money")["value"] == pytest.approx(bill)
    assert all(line["source"] for line in doc["ledger"])


def test_curves_cost_prefix_and_own_tokens(run: ReportInput, doc: dict[str, Any]) -> None:
    curve = scope(doc, "mbxp all problems")["curve"]
    calls = run.calls.to_pylist()
    own = sum(r["generated_tokens"] for r in calls) / len(calls)
    prefix = entry(doc, "prompt tokens, shared prefix")["value"] / 72
    prompt = sum(r["prompt_tokens"] for r in calls) / len(calls)
    for k, shared, billed in zip(
        curve["k"], curve["cost"]["tokens_shared"], curve["cost"]["tokens_billed"], strict=True
    ):
        assert shared == pytest.approx(prefix + k * own)
        assert billed == pytest.approx(k * (prompt + own))
    total = entry(doc, "money")["value"] / 72
    assert curve["cost"]["money"][-1] == pytest.approx(total)  # at k = n the whole bill
    spent = entry(doc, "sandbox CPU seconds")["value"] / 72
    assert curve["cost"]["sandbox_seconds"][-1] == pytest.approx(spent)


def test_device_time_is_measured_at_n_and_modelled_elsewhere(
    run: ReportInput, doc: dict[str, Any]
) -> None:
    device = doc["device_seconds"]
    assert device["k"][-1] == 40
    assert device["sources"] == ["fitted"] * (len(device["k"]) - 1) + ["measured"]
    total = entry(doc, "device seconds")["value"] / 72
    assert device["seconds"][-1] == pytest.approx(total)
    assert device["seconds"] == sorted(device["seconds"])
    assert abs(device["model"]["error_at_n"]) < 0.05
    assert device["model"]["held_out_mape"] < 0.1


def test_predicted_device_time_is_what_fewer_samples_would_have_taken() -> None:
    exact = synthetic_run(header=30, noise=0.0)
    device = document(exact)["device_seconds"]
    assert device["model"]["held_out_mape"] < 1e-6
    k = device["k"][len(device["k"]) // 2]
    problems = [(r["language"], r["task_id"]) for r in exact.problems.to_pylist()]
    calls = [r for r in exact.calls.to_pylist() if r["sample_index"] < k]
    prompts = {(r["language"], r["task_id"]): r["prompt_tokens"] - 30 for r in calls}
    steps = engine_steps(  # step by step, under the law that the times were made by
        [(problems.index((r["language"], r["task_id"])), r["generated_tokens"] - 1) for r in calls],
        [prompts[key] for key in problems],
        header=30,
        max_rows=64,
        stretch=20,
        noise=0.0,
        rng=np.random.default_rng(0),
    )
    truth = sum(r["m_seconds"] for r in steps.to_pylist()) / 72
    assert device["seconds"][device["k"].index(k)] == pytest.approx(truth, rel=1e-6)


def test_no_device_curve_from_noise_or_from_a_schedule_that_is_not_the_engines(
    run: ReportInput,
) -> None:
    noisy = document(synthetic_run(noise=1.0))["device_seconds"]
    assert noisy["k"] == [40]
    assert "misses held-out" in noisy["reason"]
    other = document(dataclasses.replace(run, max_rows=4))["device_seconds"]
    assert other["k"] == [40]
    assert "miss the measured decode time" in other["reason"]


def test_the_time_of_more_samples_is_not_taken_for_the_time_of_these(run: ReportInput) -> None:
    """As when n was lowered after a run: the steps timed all 40 samples."""
    device = document(dataclasses.replace(run, n=10))["device_seconds"]
    assert device["k"] == []
    assert "not the time of k = 10" in device["reason"]


def test_k_above_n_is_left_out_with_a_note(doc: dict[str, Any]) -> None:
    assert [row["metric"] for row in doc["scopes"][0]["metrics"]] == ["pass@1", "pass@10"]
    assert doc["notes"] == ["pass@100 is left out: it is undefined for n = 40 < k = 100."]
    assert not doc["alarms"]


def test_missing_samples_leave_pass_at_n_undefined_and_raise_an_alarm(run: ReportInput) -> None:
    short = without(run, "verdicts", language="java", task_id="MBJP/4", sample_index=3)
    found = jsonable(
        document(dataclasses.replace(short, settings=dataclasses.replace(run.settings, k=(1, 40))))
    )
    java, python = scope(found, "mbxp java"), scope(found, "mbxp python")
    assert metric(java, "pass@40")["value"] is None
    assert "java MBJP/4 has n = 39" in metric(java, "pass@40")["reason"]
    assert metric(python, "pass@40")["value"] is not None
    assert metric(java, "pass@1")["value"] is not None
    assert "1 of 2,880 samples have no verdict" in found["alarms"][0]


def test_an_infrastructure_error_is_no_failed_candidate(run: ReportInput) -> None:
    rows = run.verdicts.to_pylist()
    row = next(r for r in rows if r["language"] == "python" and r["verdict"] == "wrong_answer")
    row["verdict"] = row["first_verdict"] = "infrastructure_error"
    found = document(dataclasses.replace(run, verdicts=pa.Table.from_pylist(rows)))
    item = next(p for p in found["per_problem"] if p["task_id"] == row["task_id"])
    assert item["n"] == 39
    assert any("infrastructure error" in alarm for alarm in found["alarms"])


def test_truncation_above_five_percent_raises_an_alarm(run: ReportInput) -> None:
    rows = run.candidates.to_pylist()
    for row in rows:
        if row["language"] == "java" and row["sample_index"] < 4:
            row["finish_reason"] = "length"
    cut = run.programs.to_pylist()
    for row in cut:
        if row["language"] == "java" and row["sample_index"] < 4:
            row["cut"] = "unterminated"
    found = document(
        dataclasses.replace(
            run,
            candidates=pa.Table.from_pylist(rows, schema=run.candidates.schema),
            programs=pa.Table.from_pylist(cut),
        )
    )
    assert scope(found, "mbxp java")["verdicts"]["truncation_rate"] > 0.1
    assert [alarm.split(":")[0] for alarm in found["alarms"]] == ["mbxp java"] * 2


def test_recorded_completions_have_no_log_probability_ranking_and_no_device_time() -> None:
    source = synthetic_run(logprobs=False, prices=Rates())
    calls = source.calls
    for name in ("prompt_tokens", "generated_tokens", "discarded_tokens"):
        at = calls.schema.get_field_index(name)
        calls = calls.set_column(at, name, pa.array([0] * calls.num_rows))
    for name in ("prompt_flops", "generated_flops"):
        at = calls.schema.get_field_index(name)
        calls = calls.set_column(at, name, pa.array([0.0] * calls.num_rows))
    recorded = dataclasses.replace(
        source, calls=calls, engine_steps=source.engine_steps.slice(0, 0)
    )
    found = jsonable(document(recorded))
    item = scope(found, "mbxp python")
    assert metric(item, "mean_logprob pass@1", "ranking")["value"] is None
    assert "log-probabilities" in metric(item, "mean_logprob pass@1", "ranking")["reason"]
    assert metric(item, "random pass@1", "ranking")["value"] is not None
    assert set(item["curve"]["cost"]["tokens_billed"]) == {None}
    assert entry(found, "device seconds")["value"] is None
    assert entry(found, "money")["value"] is None
    assert "recorded elsewhere" in found["device_seconds"]["reason"]


def test_rows_in_any_order_give_the_same_numbers(run: ReportInput, doc: dict[str, Any]) -> None:
    rng = np.random.default_rng(9)

    def shuffled(table: pa.Table) -> pa.Table:
        return table.take(rng.permutation(table.num_rows))

    names = ("calls", "candidates", "programs", "executions", "verdicts", "rankings")
    other = dataclasses.replace(run, **{name: shuffled(getattr(run, name)) for name in names})
    found = jsonable(document(other))
    for name in ("scopes", "per_problem", "equal_budget", "examples", "ledger"):
        assert found[name] == doc[name]


def test_samples_beyond_n_are_left_aside(run: ReportInput) -> None:
    found = document(dataclasses.replace(run, n=10))
    assert found["samples"] == 720
    assert all(item["n"] == 10 for item in found["per_problem"])


def test_metrics_json_is_strict_json_with_full_precision(run: ReportInput, tmp_path: Path) -> None:
    render(run, tmp_path / "deep" / "report")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    text = (tmp_path / "deep" / "report" / "metrics.json").read_text()
    read = json.loads(text, parse_constant=refuse)
    exact = document(run)
    value = metric(scope(exact, "mbxp java"), "pass@10")["value"]
    assert metric(scope(read, "mbxp java"), "pass@10")["value"] == value
    assert read["schema"] == "forkeval.metrics/1"


def test_a_run_without_problems_is_refused(run: ReportInput, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no problems"):
        render(dataclasses.replace(run, problems=run.problems.slice(0, 0)), tmp_path)


def test_two_intervals_stand_side_by_side_and_are_named(doc: dict[str, Any]) -> None:
    assert set(doc["intervals"]) == {"over problems", "sampling noise"}
    for item in doc["scopes"]:
        for drawn_anew, noise in zip(item["metrics"], item["sampling_noise"], strict=True):
            assert noise["metric"] == drawn_anew["metric"]
            assert noise["value"] == pytest.approx(drawn_anew["value"])
            assert noise["high"] - noise["low"] < drawn_anew["high"] - drawn_anew["low"]


def test_sampling_noise_of_too_few_samples_has_a_reason() -> None:
    item = document(synthetic_run(problems=2, n=12, k=(1, 10), bootstrap=100))["scopes"][0]
    assert [row["reason"] for row in item["sampling_noise"]] == [
        "",
        "needs n >= 2 k = 20 judged samples, not 12",
    ]
