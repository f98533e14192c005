"""What each verb of the command line does: parsed arguments in, exit code out (1: a check failed).

Heavy imports stay inside the verbs that need them, so that `--help` and errors come at once.
"""

from __future__ import annotations

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records import UserError
from pipeline.stages import STAGES

ACROSS = ("data", "truncation", "toolchain")  # what runs that are compared have in common
SCHEDULERS = ("cron", "systemd-service", "systemd-timer", "github", "slurm")
EXPORTS = ("human-eval", "mxeval", "evalplus", "parquet")

if TYPE_CHECKING:
    from pipeline.config import RunConfig
    from pipeline.stages import Stage


def run(arguments: Namespace) -> int:
    """Makes a run directory for a configuration, or goes on in the one that is there."""
    from pipeline import yaml_config

    config = yaml_config.load(arguments.config, arguments.overrides, warn)
    return go(config.directory / config.name, config, chosen_stages(arguments))


def resume(arguments: Namespace) -> int:
    """Goes on with the configuration that the directory holds, changed by the overrides."""
    return go(arguments.run, stored_config(arguments), chosen_stages(arguments))


def report(arguments: Namespace) -> int:
    """The ranking and the report again, from the rows that are there."""
    return go(arguments.run, stored_config(arguments), ("rerank", "report"))


def stored_config(arguments: Namespace) -> RunConfig:
    from pipeline import yaml_config
    from pipeline.store import Store

    with Store.open(arguments.run, read_only=True) as store:
        return yaml_config.override(store.config, arguments.overrides, warn)


def warn(text: str) -> None:
    print(f"forkeval: note: {text}", file=sys.stderr)


def chosen_stages(arguments: Namespace) -> tuple[Stage, ...]:
    if arguments.stage:
        return (arguments.stage,)
    if arguments.from_stage:
        return STAGES[STAGES.index(arguments.from_stage) :]
    return STAGES


def go(path: Path, config: RunConfig, stages: Sequence[Stage]) -> int:
    """Runs the stages in the directory and says last where the result is."""
    from pipeline.assembly import SERVICES
    from pipeline.run import Run
    from pipeline.store import Store

    check_unchanged(path, config, stages)
    with Store.create(path, config) as store:
        made = Run(config, store, stages, SERVICES)()
    print(made if made is not None else path)
    return 0


def check_unchanged(path: Path, config: RunConfig, stages: Sequence[Stage]) -> None:
    """Refuses to build on rows of a stage that is left out, when its keys have changed since."""
    from pipeline.store import UPSTREAM, Store, identity

    order = (*UPSTREAM, "report")
    first = "truncate" if stages[0] == "execute" else stages[0]  # executing truncates first
    earlier = order[: order.index(first)]
    if not earlier or not (path / "run.json").exists():
        return
    with Store.open(path, read_only=True) as store:
        for stage in earlier:
            whole = store.latest(stage)
            if whole is None:
                continue
            for part, record in store.latest_parts(stage).items():
                if not any(benchmark.holds(part) for benchmark in config.benchmarks):
                    continue
                # Compared with what made the rows: the last configuration may be of another
                # stage's run.
                services = {**whole.environment["meaning"], **record.environment["meaning"]}
                above = record.upstream[1] if record.upstream else None
                if identity(stage, config, services, part, above) != record.identity:
                    asked = "execute" if stage == "truncate" else stage
                    raise UserError(
                        f"{path}: keys of the {stage} stage have changed since it ran: "
                        f"use --from-stage {asked}, or set them back"
                    )


def status(arguments: Namespace) -> int:
    """What each stage has, of how much, and what the last report says."""
    from pipeline.reported import summary
    from pipeline.store import UPSTREAM, Store

    with Store.open(arguments.run, read_only=True) as store:
        config = store.config
        print(f"{arguments.run}: {config.name}, n = {config.sampling.n}")
        for stage in UPSTREAM:
            tables = store.current_parts(stage)
            if tables is None:
                print(f"  {stage:9} not run (or its rows belong to an earlier configuration)")
                continue
            rows = ", ".join(f"{count} {name}" for name, count in tables.tables().items())
            print(f"  {stage:9} {rows or 'no rows yet'}  [{tables.identity}]")
        page = arguments.run / "report" / "report.html"
        print(f"  {'report':9} {page if page.exists() else 'not written'}")
        for line in summary(page.with_name("metrics.json")):
            print(f"  {'':9} {line}")
    return 0


def show(arguments: Namespace) -> int:
    """One problem, its candidates and verdicts."""
    from pipeline.show import show as shown

    for line in shown(arguments.run, arguments.task, arguments.sample):
        print(line)
    return 0


def export(arguments: Namespace) -> int:
    """Writes the files and prints their paths."""
    from pipeline.exchange import parquet
    from pipeline.exchange.export import Asked
    from pipeline.exchange.export import export as exported

    asked = Asked(arguments.out, arguments.dataset, arguments.language)
    if arguments.format == "parquet":
        if arguments.raw or arguments.results:
            raise UserError("--raw, --results: go with sample files; Parquet holds both anyway")
        paths = parquet.export(arguments.run, asked, warn)
    else:
        paths = exported(
            arguments.run, arguments.format, asked, arguments.raw, arguments.results, warn
        )
    for path in paths:
        print(path)
    return 0


def import_samples(arguments: Namespace) -> int:
    """Makes the run and says how it goes on."""
    from pipeline.exchange.importing import Source
    from pipeline.exchange.importing import import_samples as imported

    source = Source(arguments.files, arguments.benchmarks, arguments.languages, arguments.partial)
    path, problems, n = imported(source, arguments.out, arguments.overrides, warn)
    print(f"{problems} problems with {n} samples each; they are judged by")
    print(f"forkeval resume {shlex.quote(str(path))} --from-stage execute")
    return 0


def compare(arguments: Namespace) -> int:
    """Every run against the first: a table in Markdown, and with --out the files."""
    from pipeline.compare import compare as compared
    from reports.comparison import markdown, write

    paths = (arguments.baseline, *arguments.others)
    document = compared(paths, arguments.across, arguments.out)
    print(markdown(document), end="")
    if arguments.out is not None:
        print(write(document, arguments.out))
    return 0


def plan(arguments: Namespace) -> int:
    """What n an interval needs, and what the run will cost."""
    from pipeline.plan import planned

    wanted = (arguments.width, tuple(arguments.k), arguments.n, arguments.problems)
    for line in planned(arguments.run, *wanted):
        print(line)
    return 0


def nightly(arguments: Namespace) -> int:
    """One night; the exit code says whether the gates hold."""
    from pipeline.assembly import SERVICES
    from pipeline.nightly.loading import load
    from pipeline.nightly.night import accept, night

    config = load(arguments.config, arguments.overrides, warn)
    if arguments.accept is not None:
        print(accept(config, arguments.accept))
        return 0
    if arguments.template is not None:
        from pipeline.nightly.scheduling import template

        print(template(arguments.template, arguments.config, config), end="")
        return 0
    return night(config, SERVICES)


def images(arguments: Namespace) -> int:
    """Builds, tests or lists the sandbox images."""
    from sandboxes import images as sandbox_images
    from sandboxes import self_test

    names = arguments.languages
    if arguments.action == "list":
        for image in sandbox_images.list():
            if not names or image.language in names:
                state = image.toolchain if image.built else "not built"
                print(f"{image.language:12} {state:20} {image.reference}  {image.digest[:19]}")
        return 0
    if arguments.action == "build":
        for image in sandbox_images.build(names or None):
            self_test.require(image.language)
            print(f"{image.language:12} {image.toolchain:20} {image.reference}")
        return 0
    outcomes = sandbox_images.test(names or None)
    for outcome in outcomes:
        state = "ok" if outcome.ok else f"FAILED, got {outcome.found}: {outcome.detail}"
        print(f"{outcome.language:12} {outcome.path:6} {outcome.expected:14} {state}")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def data(arguments: Namespace) -> int:
    """Lists, checks or fetches the benchmarks' files."""
    from pipeline.benchmarks import data_files, fetch

    if arguments.action == "list":
        print("\n".join(data_files.listing()))
        return 0
    if arguments.action == "fetch":
        for name, done in fetch.fetch(arguments.path, arguments.benchmarks):
            print(f"{name}: {done}")
        return 0
    checked = data_files.check(arguments.path, arguments.benchmarks)
    for file in checked:
        print(f"{file.state:8} {file.benchmark}: {file.file}  {file.detail}")
    return 0 if all(file.state == "ok" for file in checked) else 1


def weak(arguments: Namespace) -> int:
    """Runs the constant programs; what cannot be run is named and left out."""
    from pipeline.weak_tests import measure_all

    for line in measure_all(
        arguments.benchmarks,
        arguments.languages,
        arguments.path,
        arguments.out,
        arguments.workers,
    ):
        print(line, flush=True)
    return 0


def config_schema(arguments: Namespace) -> int:
    """The JSON schema of the YAML."""
    from pipeline.config_text import schema

    print(json.dumps(schema(), indent=2))
    return 0


def config_show(arguments: Namespace) -> int:
    """The configuration with every key, checked."""
    from pipeline import yaml_config
    from pipeline.config_text import dump

    print(dump(yaml_config.load(arguments.config, arguments.overrides, warn)), end="")
    return 0


def config_list(arguments: Namespace) -> int:
    """The first line of each named configuration: its name and what it does."""
    from pipeline import yaml_config

    for name in yaml_config.names():
        first = (yaml_config.CONFIGS / f"{name}.yaml").read_text().splitlines()[0]
        print(first.lstrip("# "))
    return 0


def doctor(arguments: Namespace) -> int:
    """What this machine has; 1 when something that the main job needs is missing."""
    from pipeline.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{finding.state:8} {finding.name:11} {finding.detail}")
        if finding.fix:
            print(f"{'':20} fix: {finding.fix}")
    return 1 if any(finding.state == "missing" for finding in findings) else 0


def bench_engine(arguments: Namespace) -> int:
    """Tables of the engine's speed, printed and written as JSON."""
    from pipeline.bench.engine_bench import bench_engine

    bench_engine(arguments)
    return 0
