"""Builds the two services from a configuration: the one place that knows every backend."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config import RunConfig
from pipeline.records import Limits, Problem, Test
from pipeline.run import Services
from pipeline.services import Completer, Executor


def completer(config: RunConfig, problems: Sequence[Problem], tests: Sequence[Test]) -> Completer:
    """Who completes prompts. Canonical solutions, which tests hold, reach `recorded` alone."""
    if config.backend.name == "recorded":
        from pipeline.backends.recorded import RecordedCompleter

        limited = any(b.limit or b.task_ids or b.languages for b in config.benchmarks)
        return RecordedCompleter(problems, tests, config.backend, limited)
    from pipeline.backends.engine_backend import EngineCompleter

    return EngineCompleter(config.model, config.engine, config.sampling)


def executor(config: RunConfig) -> Executor:
    """The Docker sandboxes."""
    from sandboxes.pool import DockerExecutor

    execute = config.execute
    return DockerExecutor(
        limits=Limits(**execute.limits.model_dump()),
        workers=execute.workers,
        docker_host=execute.docker_host,
        runtime=execute.runtime,
        rules=dict(execute.rules.items()),
    )


SERVICES = Services(completer, executor)
