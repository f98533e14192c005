"""One invocation: sampling and execution overlap, and an interruption keeps what has ended."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import check_unchanged
from pipeline.config import RunConfig
from pipeline.records import Call, Candidate, EngineStep, Execution, Job, UserError, Verdict
from pipeline.run import Run, Services
from pipeline.services import Completion, CompletionRequest
from pipeline.stages import Stage
from pipeline.store import Store
from sandboxes import languages

PROBLEMS, N = 3, 4
STAGES: tuple[Stage, ...] = ("load", "sample", "execute")
CONFIG = RunConfig.model_validate(
    {
        "benchmarks": [{"name": "mini", "languages": ["python"], "limit": PROBLEMS}],
        "sampling": {"n": N},
        "store": {"rows_per_shard": 2, "seconds_per_shard": 0.05},
    }
)


class Writing:
    """A completer of different programs; `after` is called with the count before each."""

    def __init__(self, after: Callable[[int], None] = lambda count: None) -> None:
        self.after = after

    def check(self, requests: Iterable[CompletionRequest]) -> None: ...

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        count = 0
        for request in requests:
            for index in request.sample_indices:
                self.after(count)
                count += 1
                key = (*request.problem, index)
                text = f"    return {index}\n"
                yield Completion(
                    Call(*key, "candidate", 0, (), "", 1, 0, 1, 0, 0.0, 0.0),
                    Candidate(*key, text, (1,), (len(text),), (0.0,), (0.0,), "eos", ""),
                )

    def identity(self) -> dict[str, Any]:
        return {}

    def environment(self) -> dict[str, Any]:
        return {}

    def take_steps(self) -> list[EngineStep]:
        return []


class Judging:
    """An executor that gives one verdict to all."""

    def __init__(self, verdict: Verdict = "passed") -> None:
        self.verdict = verdict
        self.started = threading.Event()
        self.jobs: list[Job] = []
        self.closed = False

    def prepare(self, languages: Iterable[str]) -> None: ...

    def image_digest(self, language: str) -> str:
        return f"sha256:{language}"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        return {}

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            self.jobs.append(job)
            self.started.set()
            if job.attempt:
                time.sleep(0.2)  # as a time-out that is run again takes its time
            yield Execution(
                job.program_hash, job.test_hash, f"sha256:{job.language}", "limits", job.evidence,
                job.evidence, job.attempt, job.language, self.verdict, 0, "", "", "", "",
                0.0, 0.0, 0.0, 0.0,
            )  # fmt: skip

    def close(self) -> None:
        self.closed = True


def invoke(
    path: Path,
    completer: Writing,
    executor: Judging,
    *stages: Stage,
    config: RunConfig = CONFIG,
) -> None:
    services = Services(lambda config, problems, tests: completer, lambda config: executor)
    with Store.create(path, config) as store:
        Run(config, store, stages or STAGES, services)()


def rows(path: Path, stage: str, table: str) -> int:
    with Store.open(path, read_only=True) as store:
        tables = store.shared(stage) if table == "executions" else store.current_parts(stage)
        return tables.table(table).num_rows if tables else 0


def test_execution_starts_while_sampling_still_runs(tmp_path: Path) -> None:
    executor = Judging()

    def wait(count: int) -> None:
        if count == PROBLEMS * N - 1:
            assert executor.started.wait(30), "no program ran before the last was sampled"

    invoke(tmp_path / "run", Writing(wait), executor)
    assert rows(tmp_path / "run", "execute", "verdicts") == PROBLEMS * N
    assert executor.closed


def interrupt(executor: Judging) -> Callable[[int], None]:
    def after(count: int) -> None:
        if count == 6:
            assert executor.started.wait(30)
            raise KeyboardInterrupt

    return after


def test_an_interruption_keeps_what_has_ended(tmp_path: Path) -> None:
    run, executor = tmp_path / "run", Judging()
    with pytest.raises(KeyboardInterrupt):
        invoke(run, Writing(interrupt(executor)), executor)
    assert executor.closed
    assert rows(run, "sample", "candidates") == 6
    ended = {job.program_hash for job in executor.jobs}
    assert rows(run, "execute", "executions") == len(ended) > 0
    again = Judging()
    invoke(run, Writing(), again)
    assert rows(run, "execute", "verdicts") == PROBLEMS * N
    assert not ended & {job.program_hash for job in again.jobs}


def test_an_interruption_does_not_wait_for_retries(tmp_path: Path) -> None:
    invoke(tmp_path / "run", Writing(), Judging(), "load", "sample")
    retried = threading.Event()

    class Slow(Judging):
        def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
            for execution in super().run(jobs):
                if execution.attempt:
                    retried.set()
                yield execution

    executor = Slow("timeout")
    # Stands for Ctrl-C, which the main thread notices while it waits for the background.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.judging.Judging.finish", lambda self: interrupted(retried))
        with pytest.raises(KeyboardInterrupt):
            invoke(tmp_path / "run", Writing(), executor, "execute")
    assert sum(job.attempt > 0 for job in executor.jobs) <= 2


def interrupted(when: threading.Event) -> None:
    assert when.wait(30)
    raise KeyboardInterrupt


def test_a_fault_of_the_background_is_told_and_no_sample_is_lost(tmp_path: Path) -> None:
    class Broken(Judging):
        def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
            next(iter(jobs))
            self.started.set()
            raise UserError("Docker stopped")
            yield

    executor, drawn = Broken(), []

    def draw(count: int) -> None:
        if count == PROBLEMS * N - 1:
            assert executor.started.wait(30)
            time.sleep(0.2)
        drawn.append(count)

    with pytest.raises(UserError, match="Docker stopped"):
        invoke(tmp_path / "run", Writing(draw), executor)
    assert rows(tmp_path / "run", "sample", "candidates") == len(drawn)


def drawn(path: Path, config: RunConfig, *stages: Stage, **model: Any) -> Counter[str]:
    """Runs, and says how many samples were drawn of each part."""
    counts: Counter[str] = Counter()

    class Counting(Writing):
        def identity(self) -> dict[str, Any]:
            return model

        def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
            for completion in super().complete(requests):
                counts[str(completion.candidate.key.problem.part)] += 1
                yield completion

    invoke(path, Counting(), Judging(), *stages, config=config)
    return counts


def both(**sections: dict[str, Any]) -> RunConfig:
    """`CONFIG` in two languages, with other changes."""
    config = changed(**sections)
    mini = config.benchmarks[0].model_copy(update={"languages": ("python", "java")})
    return config.model_copy(update={"benchmarks": (mini,)})


def test_another_language_or_benchmark_keeps_the_rows_that_are_there(tmp_path: Path) -> None:
    run, rows_of = tmp_path / "run", PROBLEMS * N
    assert drawn(run, CONFIG) == {"mini/python": rows_of}
    before = committed(run)
    assert drawn(run, both()) == {"mini/java": rows_of}
    own = {"task_id": "Own/0", "prompt": "def f():\n", "entry_point": "f", "test": "f()"}
    (tmp_path / "own.jsonl").write_text(json.dumps(own | {"language": "python"}) + "\n")
    third = {"name": "jsonl", "path": tmp_path / "own.jsonl"}
    config = RunConfig.model_validate(
        both().model_dump() | {"benchmarks": [*both().model_dump()["benchmarks"], third]}
    )
    assert drawn(run, config, *STAGES, "rerank") == {"own/python": N}
    assert before.items() <= committed(run).items(), "what was stored stays as it is"
    assert rows(run, "execute", "verdicts") == 2 * rows_of + N
    ranked = rows(run, "rerank", "rankings")
    assert drawn(run, CONFIG, *STAGES, "rerank") == {}, "nor does one language less"
    assert drawn(run, config, *STAGES, "rerank") == {}
    assert rows(run, "rerank", "rankings") == ranked


def test_an_installed_language_more_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    drawn(run, CONFIG)
    before = committed(run)
    shutil.copytree(languages.FOLDER, tmp_path / "languages")
    shutil.copytree(tmp_path / "languages" / "java", tmp_path / "languages" / "elvish")
    monkeypatch.setattr(languages, "FOLDER", tmp_path / "languages")
    languages.load.cache_clear()
    try:
        assert "elvish" in languages.load()
        assert drawn(run, CONFIG) == {}
    finally:
        monkeypatch.undo()
        languages.load.cache_clear()
    assert committed(run) == before


def test_stop_strings_renew_the_rows_of_their_language_alone(tmp_path: Path) -> None:
    run, rows_of = tmp_path / "run", PROBLEMS * N
    drawn(run, both())
    other = both(sampling={"stop": {"java": ["\n#"]}})
    assert drawn(run, other) == {"mini/java": rows_of}
    assert rows(run, "sample", "candidates") == 2 * rows_of
    assert rows(run, "execute", "verdicts") == 2 * rows_of
    assert drawn(run, both()) == {}, "the rows of before are there still"
    assert drawn(run, both(sampling={"seed": 3})) == {
        "mini/java": rows_of,
        "mini/python": rows_of,
    }


def test_an_image_renews_the_verdicts_of_its_language_alone(tmp_path: Path) -> None:
    class Rebuilt(Judging):
        def image_digest(self, language: str) -> str:
            return f"sha256:{language}" + ("2" if language == "java" else "")

        def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
            for execution in super().run(jobs):
                image = self.image_digest(execution.language)
                yield dataclasses.replace(execution, image_digest=image)

    drawn(tmp_path / "run", both())
    executor = Rebuilt()
    invoke(tmp_path / "run", Writing(), executor, config=both())
    assert {job.language for job in executor.jobs} == {"java"}


@pytest.mark.parametrize("language", ["java", "python"])
def test_parts_that_another_model_drew_are_not_taken_up(tmp_path: Path, language: str) -> None:
    """Neither stage nor configuration says so: a model's weights are known to its run alone."""
    run = tmp_path / "run"
    drawn(run, both(), weights="a")
    one = both().benchmarks[0].model_copy(update={"languages": (language,)})
    drawn(run, both().model_copy(update={"benchmarks": (one,)}), weights="b")
    with pytest.raises(UserError, match=r"the sample stage has not run .*--from-stage sample"):
        drawn(run, both(), "execute")
    assert drawn(run, both(), weights="a") == {}


def test_a_part_that_was_not_loaded_or_drawn_is_named(tmp_path: Path) -> None:
    run = tmp_path / "run"
    drawn(run, CONFIG)
    with pytest.raises(UserError, match="mini/java has not been loaded: use --from-stage load"):
        drawn(run, both(), "execute")
    drawn(run, both(), "load")
    with pytest.raises(UserError, match=r"the sample stage has not run .*--from-stage sample"):
        drawn(run, both(), "execute")


def committed(run: Path) -> dict[str, bytes]:
    """What each commit stored, by hash; not the times, which every invocation adds to."""
    manifests = run.glob("commits/*/*.json")
    kept = (path for path in manifests if not path.parent.name.startswith("times"))
    return {str(path.relative_to(run)): path.read_bytes() for path in kept}


def changed(**sections: dict[str, Any]) -> RunConfig:
    whole = CONFIG.model_dump()
    return RunConfig.model_validate(whole | {k: whole[k] | v for k, v in sections.items()})


@pytest.mark.parametrize(
    ("section", "value", "stages", "named"),
    [
        ("sampling", {"temperature": 0.5}, ("execute",), "sample stage.*--from-stage sample"),
        ("execute", {"truncate": False}, ("rerank",), "truncate stage.*--from-stage execute"),
        ("execute", {"retry_timeouts": 3}, ("report",), "execute stage.*--from-stage execute"),
    ],
)
def test_rows_of_other_keys_are_refused_though_another_stage_ran_since(
    section: str, value: dict[str, Any], stages: tuple[Stage, ...], named: str, tmp_path: Path
) -> None:
    run, config = tmp_path / "run", changed(**{section: value})
    invoke(run, Writing(), Judging())
    check_unchanged(run, CONFIG, stages)
    invoke(run, Writing(), Judging(), "load", config=config)  # saves the configuration
    with pytest.raises(UserError, match=named):
        check_unchanged(run, config, stages)
    check_unchanged(run, changed(sampling={"n": 9}, store={"rows_per_shard": 7}), stages)


RANKED = changed(rerank={"rankers": ["mbr_exec", "public_examples"]})


def test_rankers_run_without_the_hidden_tests(tmp_path: Path) -> None:
    """The rows of tests are gone from the disk, and what a ranker has run holds none of them."""
    run = tmp_path / "run"
    invoke(run, Writing(), Judging(), config=RANKED)
    with Store.open(run, read_only=True) as store:
        hidden = [test.test for test in store.required("load").records("tests")]
    shutil.rmtree(run / "tables" / "tests")
    executor = Judging()
    invoke(run, Writing(), executor, "rerank", config=RANKED)
    assert rows(run, "rerank", "rankings") == 2 * PROBLEMS * N
    assert executor.jobs
    assert executor.closed
    assert not any(test in job.test for job in executor.jobs for test in hidden)


def test_rankers_run_nothing_twice_also_after_a_kill(tmp_path: Path) -> None:
    run = tmp_path / "run"
    invoke(run, Writing(), Judging(), config=RANKED)

    class Killed(Judging):
        def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
            for execution in super().run(jobs):
                if len(self.jobs) == 6:
                    raise KeyboardInterrupt
                yield execution

    killed, again = Killed(), Judging()
    with pytest.raises(KeyboardInterrupt):
        invoke(run, Writing(), killed, "rerank", config=RANKED)
    assert rows(run, "rerank", "rankings") == 0
    invoke(run, Writing(), again, "rerank", config=RANKED)
    ended = {job.program_hash for job in killed.jobs[:5]}
    distinct = PROBLEMS * N
    assert {job.program_hash for job in again.jobs}.isdisjoint(ended)
    assert len(ended) + len(again.jobs) == distinct
    with Store.open(run, read_only=True) as store:
        costs = store.required("rerank").table("ranking_costs").to_pylist()
    assert [(c["ranker"], c["executions"]) for c in costs] == [
        ("mbr_exec", distinct),
        ("public_examples", distinct),
    ]
    nothing = Judging()
    invoke(run, Writing(), nothing, "rerank", config=RANKED)
    assert not nothing.jobs


def test_another_image_ranks_again(tmp_path: Path) -> None:
    class Rebuilt(Judging):
        def image_digest(self, language: str) -> str:
            return "sha256:other"

        def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
            for execution in super().run(jobs):
                yield dataclasses.replace(execution, image_digest="sha256:other")

    run, executor = tmp_path / "run", Rebuilt()
    invoke(run, Writing(), Judging(), *STAGES, "rerank", config=RANKED)
    invoke(run, Writing(), executor, "rerank", config=RANKED)
    assert len(executor.jobs) == PROBLEMS * N


def test_a_language_that_no_ranker_can_observe_is_told_before_sampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.public_inputs.outputs.languages", lambda: ("java",))
    run = tmp_path / "run"
    with pytest.raises(UserError, match="programs in python cannot be observed"):
        invoke(run, Writing(), Judging(), *STAGES, "rerank", config=RANKED)
    assert rows(run, "sample", "candidates") == 0


def test_generated_tests_are_sampled_once_billed_and_kept(tmp_path: Path) -> None:
    config = changed(rerank={"rankers": ["codet", "random"], "test_samples": 2})

    class Asked(Writing):
        def __init__(self, stop_after: int = 1000) -> None:
            super().__init__()
            self.asked: list[tuple[str, int]] = []
            self.stop_after = stop_after

        def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
            for request in requests:
                for completion in super().complete([request]):
                    if request.purpose != "candidate":
                        if len(self.asked) == self.stop_after:
                            raise KeyboardInterrupt
                        key = completion.candidate.key
                        self.asked.append((key.task_id, key.sample_index))
                    call = dataclasses.replace(completion.call, purpose=request.purpose)
                    text = ") == 1\n" if request.purpose != "candidate" else None
                    candidate = completion.candidate
                    if text is not None:
                        candidate = dataclasses.replace(candidate, text=text)
                    yield Completion(call, candidate)

    run, first, second = tmp_path / "run", Asked(stop_after=4), Asked()
    with pytest.raises(KeyboardInterrupt):
        invoke(run, first, Judging(), *STAGES, "rerank", config=config)
    invoke(run, second, Judging(), "rerank", config=config)
    assert len(first.asked) == 4
    assert sorted(first.asked + second.asked) == sorted(
        (f"Mini/{task}", index) for task in range(PROBLEMS) for index in range(2)
    )
    assert rows(run, "sample", "candidates") == PROBLEMS * N, "they are no candidates"
    with Store.open(run, read_only=True) as store:
        costs = {
            c["ranker"]: c for c in store.required("rerank").table("ranking_costs").to_pylist()
        }
    assert costs["random"]["generated_tokens"] == costs["random"]["executions"] == 0
    assert costs["codet"]["generated_tokens"] == PROBLEMS * 2
    third = Asked()
    invoke(run, third, Judging(), "rerank", config=config)
    assert not third.asked
