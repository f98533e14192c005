"""Runs the constant programs of a benchmark: `forkeval data weak`.

Resumable: each execution is appended to a file beside the findings as it ends, and what is there
for the same image is not run again. A benchmark and language whose findings are of the same
programs, tests and toolchain are left as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.benchmarks import constants as constant_programs
from pipeline.benchmarks import load, weak
from pipeline.benchmarks.weak import HASH, Findings
from pipeline.config import BenchmarkConfig
from pipeline.manifests import offered
from pipeline.progress import Progress
from pipeline.records import Evidence, Execution, Job, Limits, Problem, Test, UserError, digest
from pipeline.services import Executor
from sandboxes.languages import Constants

EVIDENCE: Evidence = "completed"
BENCHMARKS = ("mini", "humaneval", "mbxp", "mathqa_x")

Key = tuple[str, str]  # program hash, test hash


def measure(
    config: BenchmarkConfig,
    constants: Constants,
    executor: Executor,
    toolchain: str,
    directory: Path,
) -> Findings:
    """The findings of one benchmark in the one language that `config` names, kept in `directory`.

    Raises UserError for data that is missing, and where sandboxes failed: the next call goes on.
    """
    problems, tests = load(config)
    (language,) = {problem.language for problem in problems}
    path = directory / f"{config.name}-{language}.json"
    texts = {
        name: tuple(constants.body.replace("{value}", form) for form in forms)
        for name, forms in constants.values.items()
    }
    hashes = tuple(test.test_hash[:HASH] for test in tests)
    if path.exists():
        known = weak.parse(path.read_text(), str(path))
        if (known.constants, known.tests, known.toolchain) == (texts, hashes, toolchain):
            return known
    jobs = _jobs(constants, problems, tests)
    verdicts = _run(executor, jobs, language, path)
    passed: dict[str, list[str]] = {}
    for name in texts:
        for key in jobs:
            if verdicts[key] == "passed" and name in jobs[key].names:
                passed.setdefault(key[1], [])
                passed[key[1]] += [name] if name not in passed[key[1]] else []
    tasks = {test.test_hash: test.task_id for test in tests if test.test_hash in passed}
    found = Findings(
        benchmark=config.name,
        language=language,
        toolchain=toolchain,
        image=executor.image_digest(language),
        evidence=EVIDENCE,
        constants=texts,
        tests=hashes,
        weak={test[:HASH]: tuple(passed[test]) for test in tasks},
        tasks={test[:HASH]: task for test, task in tasks.items()},
    )
    found.write(directory)
    _log(path).unlink(missing_ok=True)
    return found


def measure_all(
    benchmarks: Sequence[str],
    names: Sequence[str],
    data: Path | None,
    directory: Path | None,
    workers: int | None,
) -> Iterator[str]:
    """A line for each benchmark and language as it is done; for no names, all of them.

    A language that a benchmark does not offer is passed over; one whose image is not built is named
    as not run, or an error where it was asked for.
    """
    from sandboxes import images, languages
    from sandboxes.pool import DockerExecutor

    for name in (*benchmarks,):
        if name not in BENCHMARKS:
            raise UserError(f"{name}: no benchmark; there are {', '.join(BENCHMARKS)}")
    chosen = [languages.get(name) for name in names or languages.load()]
    built = {image.language: image for image in images.list()}
    for language in chosen:
        theirs = [b for b in benchmarks or BENCHMARKS if language.name in offered()[b]]
        constants, image = language.constants, built[language.name]
        if constants is None or not image.built:
            fix = (
                f"run `forkeval images build {language.name}`"
                if constants
                else f"give {language.folder}/language.yaml the key `constants`"
            )
            if names:
                raise UserError(f"{language.name}: constant programs cannot be run: {fix}")
            yield f"{language.name}: not run: {fix}"
            continue
        with DockerExecutor(Limits(), workers) as executor:
            for benchmark in theirs:
                config = BenchmarkConfig.model_validate(
                    {
                        "name": benchmark,
                        "languages": [language.name],
                        "path": None if benchmark == "mini" else data,
                    }
                )
                found = measure(
                    config, constants, executor, image.toolchain, directory or weak.folder()
                )
                yield (
                    f"{benchmark} {language.name}: constants pass {len(found.weak)} of"
                    f" {len(found.tests)} tests"
                )


class _Wanted:
    """A job, and the constants that it is a form of."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.names: set[str] = set()


def _jobs(
    constants: Constants, problems: Sequence[Problem], tests: Sequence[Test]
) -> Mapping[Key, _Wanted]:
    """Every distinct program and test; two forms may be one program (the first argument, say)."""
    by_key = {test.key: test for test in tests}
    found: dict[Key, _Wanted] = {}
    for problem in problems:
        test = by_key[problem.key]
        prompt = problem.prompt[problem.header_chars :]
        for name, completion in constant_programs.completions(constants, problem):
            job = Job(
                language=problem.language,
                prompt=prompt,
                completion=completion,
                test=test.test,
                kind=test.kind,
                entry_point=test.entry_point,
                program_hash=digest(problem.language, prompt, completion),
                test_hash=test.test_hash,
                evidence=EVIDENCE,
            )
            found.setdefault((job.program_hash, job.test_hash), _Wanted(job)).names.add(name)
    return found


def _log(path: Path) -> Path:
    return path.with_suffix(".part.jsonl")


def _run(
    executor: Executor, jobs: Mapping[Key, _Wanted], language: str, path: Path
) -> Mapping[Key, str]:
    """The verdict of every job, from the log of a call that was stopped or from the sandboxes."""
    executor.prepare([language])
    image = executor.image_digest(language)
    log = _log(path)
    log.parent.mkdir(parents=True, exist_ok=True)
    verdicts = {key: verdict for key, verdict in _logged(log, image).items() if key in jobs}
    left = [wanted.job for key, wanted in jobs.items() if key not in verdicts]
    label = path.stem
    with (
        Progress(label, len(jobs), "program", done=len(jobs) - len(left)) as bar,
        log.open("a") as out,
    ):
        for done in executor.run(left):
            bar.advance()
            if done.verdict != "infrastructure_error":  # says nothing of the program: run again
                verdicts[done.program_hash, done.test_hash] = done.verdict
                out.write(_line(done))
                out.flush()
    if missing := len(jobs) - len(verdicts):
        raise UserError(
            f"{label}: the sandboxes failed on {missing} of {len(jobs)} programs: run the same"
            " command again"
        )
    return verdicts


def _line(done: Execution) -> str:
    row = [done.image_digest, done.program_hash, done.test_hash, done.verdict]
    return json.dumps(row) + "\n"


def _logged(log: Path, image: str) -> dict[Key, str]:
    """What a call that was stopped has left; its last line may be cut off."""
    found: dict[Key, str] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            made_in, program, test, verdict = json.loads(line)
        except ValueError:
            continue
        if made_in == image:
            found[program, test] = verdict
    return found
