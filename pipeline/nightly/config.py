"""The YAML of a nightly evaluation, described once; `pipeline.yaml_config` reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from pipeline.config import (
    BenchmarkConfig,
    EngineConfig,
    ExecuteConfig,
    ModelConfig,
    ReportConfig,
    RerankConfig,
    RunConfig,
    SamplingConfig,
    StoreConfig,
)
from pipeline.config_section import Contradiction, Section
from pipeline.manifests import offered

NAME = r"^[A-Za-z0-9._-]+$"
METRIC = r"^(pass@[1-9][0-9]*|infrastructure_errors|truncation|tokens_per_second)$"
INFRASTRUCTURE_LIMIT = 0.005  # where no gate sets another
LAST_NUMBER = r"(\d+)(?!.*\d)"

Axis = Literal["model", "benchmark", "language", "sampling"]
AXES: tuple[Axis, ...] = ("model", "benchmark", "language", "sampling")


class NightModel(ModelConfig):
    """A model of the matrix: a checkpoint, a watched folder of checkpoints, or recorded samples."""

    name: str = Field(pattern=NAME, description="what the model is called in the history")
    checkpoints: Path | None = Field(
        default=None,
        description="a directory or a glob that is watched: every checkpoint directory in it (or "
        "JSONL file of completions) is a model, evaluated once",
    )
    step: str = Field(
        default=LAST_NUMBER,
        description="regular expression whose first group is the training step in a checkpoint's "
        "name; else the last number",
    )
    settle_seconds: float = Field(
        default=60.0, ge=0, description="a checkpoint written to since then is left for later"
    )
    completions: tuple[Path, ...] = Field(
        default=(), description="JSONL files of recorded completions in place of a model"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        given = [
            name
            for name in ("path", "checkpoints", "completions")
            if name in self.model_fields_set and getattr(self, name)
        ]
        if len(given) > 1:
            yield Contradiction((given[1], given[0]), f"{' and '.join(given)}: name one of them")
        try:
            groups = re.compile(self.step).groups
        except re.error as error:
            yield Contradiction(("step",), f"not a regular expression: {error}")
        else:
            if groups < 1:
                yield Contradiction(("step",), r"needs a group around the number, as in step-(\d+)")


class NightSampling(SamplingConfig):
    name: str = Field(pattern=NAME, description="what the sampling is called in the history")


class Common(Section):
    """What all cells have in common: sections of a run's YAML."""

    engine: EngineConfig = EngineConfig()
    execute: ExecuteConfig = ExecuteConfig()
    rerank: RerankConfig = RerankConfig()
    report: ReportConfig = ReportConfig()
    store: StoreConfig = StoreConfig()


class LimitsOfNight(Section):
    hours: float | None = Field(
        default=None, gt=0, description="of work in one night; a cell under way goes on next night"
    )
    money: float | None = Field(
        default=None, gt=0, description="in the currency of run.report.prices"
    )


class BaselineConfig(Section):
    rule: Literal["last_accepted", "run", "median"] = Field(
        default="last_accepted",
        description="the last accepted night of a cell; a fixed run; or of the last accepted "
        "nights the one in the middle",
    )
    run: Path | None = Field(default=None, description="rule run: its directory")
    last: int = Field(default=7, ge=1, description="nights that a median is taken of")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.rule == "run" and self.run is None:
            yield Contradiction(("rule", "run"), "rule run needs `run`, the directory of a run")
        if self.rule != "run" and self.run is not None:
            yield Contradiction(("run", "rule"), "goes with `rule: run`")


class GateConfig(Section):
    metric: str = Field(
        default="pass@1",
        pattern=METRIC,
        description="pass@K, infrastructure_errors, truncation or tokens_per_second",
    )
    cells: str = Field(
        default="*",
        description="which cells: neighbouring parts of model/benchmark/language/sampling, each a "
        "name or a glob, as in mbxp/java",
    )
    fall: Literal["noise"] | None = Field(
        default=None, description="pass@K may not fall below the baseline by more than noise"
    )
    below: float | None = Field(
        default=None, gt=0, le=1, description="a share that must stay below this"
    )
    of_baseline: float | None = Field(
        default=None, gt=0, description="at least this part of the baseline's median"
    )

    @property
    def rule(self) -> Literal["fall", "below", "of_baseline"]:
        if self.metric.startswith("pass@"):
            return "fall"
        return "of_baseline" if self.metric == "tokens_per_second" else "below"

    @property
    def k(self) -> int:
        return int(self.metric.removeprefix("pass@"))

    def contradictions(self) -> Iterator[Contradiction]:
        example = {"fall": "noise", "below": "0.02", "of_baseline": "0.8"}
        if getattr(self, self.rule) is None:
            yield Contradiction(
                (self.rule, "metric"), f"{self.metric} needs `{self.rule}: {example[self.rule]}`"
            )
        for other in example:
            if other != self.rule and getattr(self, other) is not None:
                yield Contradiction(
                    (other, "metric"), f"is not for {self.metric}: use `{self.rule}`"
                )


class FlakyConfig(Section):
    programs: int = Field(default=20, ge=0, description="executed again every night; 0 for none")
    seed: int = Field(default=0, ge=0, description="of the choice of programs")
    nights: int = Field(
        default=30, ge=1, description="a problem is out of the gates for so many nights"
    )


class KeepConfig(Section):
    """Run directories are kept that any of the two rules keeps, and those of baselines."""

    nights: int = Field(default=14, ge=1, description="run directories of the last nights")
    days: float = Field(default=30.0, ge=0, description="and of nights younger than this")


class NightConfig(Section):
    name: str = Field(default="nightly", pattern=NAME, description="names the directory")
    directory: Path = Field(
        default=Path("nights"), description="where the history, the runs and the site lie"
    )
    models: tuple[NightModel, ...] = (NightModel(name="tiny"),)
    benchmarks: tuple[BenchmarkConfig, ...] = (BenchmarkConfig(name="mini"),)
    samplings: tuple[NightSampling, ...] = (NightSampling(name="default"),)
    run: Common = Common()
    order: tuple[Axis, ...] = Field(
        default=AXES, description="in which the cells are evaluated; the first changes last"
    )
    limits: LimitsOfNight = LimitsOfNight()
    baseline: BaselineConfig = BaselineConfig()
    gates: tuple[GateConfig, ...] = ()
    flaky: FlakyConfig = FlakyConfig()
    keep: KeepConfig = KeepConfig()
    webhook: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="address that gets the summary of every night as JSON"
    )

    def infrastructure_limit(self, name: tuple[str, ...]) -> float:
        """Share of infrastructure errors from which on a cell says nothing about its model."""
        limits = [
            gate.below
            for gate in self.gates
            if gate.metric == "infrastructure_errors" and gate.below and matches(gate.cells, name)
        ]
        return min(limits, default=INFRASTRUCTURE_LIMIT)

    @property
    def place(self) -> Path:
        return self.directory / self.name

    def run_config(
        self,
        model: NightModel,
        benchmark: BenchmarkConfig,
        language: str,
        sampling: NightSampling,
        checkpoint: Path | None = None,
    ) -> RunConfig:
        """The configuration of a cell's run; raises ValidationError as RunConfig does."""
        recorded = (checkpoint,) if checkpoint is not None and checkpoint.is_file() else ()
        files = [str(path) for path in (recorded or model.completions)]
        data: dict[str, Any] = self.run.model_dump(mode="json", exclude_unset=True)
        data["benchmarks"] = [
            benchmark.model_dump(mode="json", exclude_unset=True) | {"languages": [language]}
        ]
        data["sampling"] = sampling.model_dump(mode="json", exclude_unset=True, exclude={"name"})
        if files:
            data["backend"] = {"name": "recorded", "completions": files}
        else:
            kept = {"path", "revision", "dtype", "device"}
            data["model"] = model.model_dump(mode="json", exclude_unset=True, include=kept)
            if checkpoint is not None:
                data["model"]["path"] = str(checkpoint)
        return RunConfig.model_validate(data)

    def contradictions(self) -> Iterator[Contradiction]:
        for name in ("models", "benchmarks", "samplings"):
            items = getattr(self, name)
            if not items:
                yield Contradiction((name,), "name at least one")
            seen = set()
            for i, item in enumerate(items):
                called = item.dataset if isinstance(item, BenchmarkConfig) else item.name
                if called in seen:
                    yield Contradiction((f"{name}.{i}.name",), f"{called} is there already")
                seen.add(called)
        if sorted(self.order) != sorted(AXES):
            yield Contradiction(("order",), f"must name each of {', '.join(AXES)} once")
        if self.limits.money is not None:
            prices = self.run.report.prices.model_dump(exclude={"currency", "version"})
            if not any(prices.values()):
                yield Contradiction(
                    ("limits.money", "run.report.prices"), "needs prices: set run.report.prices"
                )
        yield from self._cells()
        yield from self._gates()

    def _cells(self) -> Iterator[Contradiction]:
        """What a cell's run would refuse, named at the model or the sampling that it comes from."""
        said = set()
        models, samplings = list(enumerate(self.models)), list(enumerate(self.samplings))
        for (i, model), benchmark, (j, sampling) in product(models, self.benchmarks, samplings):
            try:
                self.run_config(model, benchmark, languages_of(benchmark)[0], sampling)
            except ValidationError as error:
                for detail in error.errors():
                    message = str(detail.get("ctx", {}).get("error", detail["msg"]))
                    if message not in said:
                        said.add(message)
                        yield Contradiction((f"models.{i}", f"samplings.{j}"), message)

    def _gates(self) -> Iterator[Contradiction]:
        names = [
            (model.name, benchmark.dataset, language, sampling.name)
            for model, benchmark, sampling in product(self.models, self.benchmarks, self.samplings)
            for language in languages_of(benchmark)
        ]
        for i, gate in enumerate(self.gates):
            if not any(matches(gate.cells, name) for name in names):
                shown = ", ".join("/".join(name) for name in names[:4])
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                yield Contradiction(
                    (f"gates.{i}.cells",),
                    f"{gate.cells} is no cell of this matrix; it has {shown}{more}",
                )
            if gate.metric.startswith("pass@"):
                least = min((sampling.n for sampling in self.samplings), default=gate.k)
                if gate.k > least:
                    yield Contradiction(
                        (f"gates.{i}.metric",), f"{gate.metric} needs n >= {gate.k}, not {least}"
                    )


def languages_of(benchmark: BenchmarkConfig) -> tuple[str, ...]:
    return benchmark.languages or tuple(offered()[benchmark.name])


def matches(pattern: str, name: tuple[str, ...]) -> bool:
    """Whether neighbouring parts of a cell's name are those of the pattern.

    `tiny@100`, a checkpoint, is also found as `tiny`.
    """
    wanted = pattern.strip("/").split("/")

    def same(part: str, word: str) -> bool:
        return fnmatchcase(part, word) or fnmatchcase(part.partition("@")[0], word)

    starts = range(len(name) - len(wanted) + 1)
    return any(all(map(same, name[at : at + len(wanted)], wanted)) for at in starts)
