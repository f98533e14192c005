"""The run's YAML, described once. Loading, with line numbers, is in `yaml_config`.

Every field says in its description what it means and whether it is part of a stage's *identity* (it
changes what a row means) or of its *extent* (it only says how many rows are wanted); `identity` is
decided in `pipeline.store.identity` from the marks here, nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal[
    "python",
    "java",
    "javascript",
    "typescript",
    "kotlin",
    "ruby",
    "php",
    "cpp",
    "csharp",
    "go",
    "perl",
    "scala",
    "swift",
]

EXTENT: dict[str, Any] = {"forkeval": "extent"}  # how many rows are wanted
PLACE: dict[str, Any] = {"forkeval": "place"}  # where and how fast; never what a row means


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchmarkConfig(Section):
    name: Literal["mini", "humaneval", "mbxp", "mathqa_x", "jsonl"] = Field(
        description="which benchmark; `jsonl` is any file with the same fields"
    )
    languages: tuple[Language, ...] = Field(
        default=(), description="languages to load; empty for all", json_schema_extra=EXTENT
    )
    path: Path | None = Field(
        default=None,
        description="directory (or, for jsonl, file) of the published data; else FORKEVAL_DATA",
        json_schema_extra=PLACE,
    )
    hub: bool = Field(
        default=False, description="load from the hub at the manifest's pinned revision"
    )
    limit: int | None = Field(
        default=None, ge=1, description="first problems of each language", json_schema_extra=EXTENT
    )
    task_ids: tuple[str, ...] = Field(
        default=(), description="only these problems; empty for all", json_schema_extra=EXTENT
    )
    header: Path | Literal["published"] | None = Field(
        default=None, description="few-shot header put before every prompt: a file, or `published`"
    )
    test_kind: Literal["program", "calls", "stdin"] = Field(
        default="program", description="for jsonl: how the test field is run"
    )
    overlay: bool = Field(default=False, description="apply the known-defects overlay")
    prompt_form: Literal["base", "chat"] = Field(default="base", description="never inferred")


class ModelConfig(Section):
    path: str = Field(
        default="tiny",
        description="`tiny` (bundled), a checkpoint directory, or a hub id",
        json_schema_extra=PLACE,
    )
    revision: str | None = Field(default=None, description="hub revision")
    dtype: Literal["float32", "bfloat16", "float16"] = Field(default="float32")
    device: str = Field(
        default="auto", description="auto, cpu, cuda, cuda:N", json_schema_extra=PLACE
    )


class EngineConfig(Section):
    deterministic: bool = Field(
        default=True, description="tokens independent of batch, order and resume point"
    )
    max_rows: int = Field(
        default=64, ge=1, description="sequences decoded at once", json_schema_extra=PLACE
    )
    page_size: int = Field(
        default=16, ge=1, description="tokens a page of own KV", json_schema_extra=PLACE
    )
    prefill_chunk: int = Field(
        default=512, ge=1, description="prompt tokens a prefill pass", json_schema_extra=PLACE
    )
    kv_memory_gib: float | None = Field(
        default=None, gt=0, description="cap of the KV cache; else from free memory",
        json_schema_extra=PLACE,
    )  # fmt: skip
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads of the model", json_schema_extra=PLACE
    )


class SamplingConfig(Section):
    n: int = Field(default=20, ge=1, description="samples a problem", json_schema_extra=EXTENT)
    temperature: float = Field(default=0.8, ge=0, description="0 is greedy")
    top_k: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    min_p: float | None = Field(default=None, gt=0, lt=1)
    max_new_tokens: int = Field(default=256, ge=1)
    stop: dict[Language, tuple[str, ...]] = Field(
        default_factory=dict,
        description="stop strings a language; a missing language takes its language.yaml's",
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _greedy_is_one(self) -> SamplingConfig:
        if self.temperature == 0:
            filters = [k for k in ("top_k", "top_p", "min_p") if getattr(self, k) is not None]
            if filters:
                raise ValueError(
                    f"temperature 0 is greedy, so {', '.join(filters)} would do nothing: remove"
                )
            if self.n > 1:
                raise ValueError("temperature 0 gives the same text every time: set n to 1")
        return self


class BackendConfig(Section):
    name: Literal["engine", "recorded"] = Field(default="engine")
    completions: tuple[Path, ...] = Field(
        default=(),
        description="recorded: JSONL files of completions (task_id, language, completion)",
        json_schema_extra=PLACE,
    )
    canonical: bool = Field(
        default=False, description="recorded: replay the benchmark's canonical solutions"
    )

    @model_validator(mode="after")
    def _recorded_has_source(self) -> BackendConfig:
        if self.name == "recorded" and bool(self.completions) == self.canonical:
            raise ValueError("recorded needs `completions`, or `canonical: true`, and not both")
        if self.name == "engine" and (self.completions or self.canonical):
            raise ValueError("`completions` and `canonical` go with `name: recorded`")
        return self


class LimitsConfig(Section):
    compile_seconds: float = Field(default=100.0, gt=0)
    cpu_seconds: float = Field(default=10.0, gt=0)
    wall_seconds: float = Field(default=30.0, gt=0)
    memory_mib: int = Field(default=1024, ge=32)
    pids: int = Field(default=128, ge=1)
    output_kib: int = Field(default=64, ge=1)
    output_limit_kib: int = Field(default=16384, ge=1)
    disk_mib: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _wall_has_room(self) -> LimitsConfig:
        if self.wall_seconds < self.cpu_seconds:
            raise ValueError("wall_seconds must be at least cpu_seconds")
        return self


class ExecuteConfig(Section):
    limits: LimitsConfig = LimitsConfig()
    workers: int | None = Field(
        default=None, ge=1, description="sandboxes at once; else the cores", json_schema_extra=PLACE
    )
    evidence: Literal["completed"] = Field(default="completed", description="what a pass rests on")
    retry_timeouts: int = Field(default=1, ge=0, le=5, description="each alone on an idle pool")
    docker_host: str | None = Field(
        default=None, description="else DOCKER_HOST, else local", json_schema_extra=PLACE
    )
    runtime: str | None = Field(default=None, description="e.g. runsc", json_schema_extra=PLACE)
    truncate: bool = Field(
        default=True, description="cut completions to the function; false judges them as they are"
    )


RankerName = Literal["random", "mean_logprob", "sum_logprob"]


class RerankConfig(Section):
    rankers: tuple[RankerName, ...] = Field(
        default=("random", "mean_logprob", "sum_logprob"), json_schema_extra=EXTENT
    )
    logprobs: Literal["raw", "processed"] = "raw"


class Prices(Section):
    """Money a unit; 0 leaves a unit out of the bill."""

    currency: str = "USD"
    per_million_prompt_tokens: float = Field(default=0.0, ge=0)
    per_million_generated_tokens: float = Field(default=0.0, ge=0)
    per_device_hour: float = Field(default=0.0, ge=0)
    per_sandbox_cpu_hour: float = Field(default=0.0, ge=0)


class ReportConfig(Section):
    k: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(1, 10, 100), description="those above n are left out, with a note",
        json_schema_extra=EXTENT,
    )  # fmt: skip
    bootstrap: int = Field(default=2000, ge=100, description="resamples over problems")
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    prices: Prices = Prices()


class StoreConfig(Section):
    """How often rows reach the disk: what a kill can cost."""

    rows_per_shard: int = Field(
        default=1000, ge=1, description="rows of one table in a shard", json_schema_extra=PLACE
    )
    seconds_per_shard: float = Field(
        default=20.0, gt=0, description="longest that a row waits for its shard",
        json_schema_extra=PLACE,
    )  # fmt: skip


class RunConfig(Section):
    name: str = Field(
        default="run", pattern=r"^[A-Za-z0-9._-]+$", description="names the run directory",
        json_schema_extra=PLACE,
    )  # fmt: skip
    directory: Path = Field(
        default=Path("runs"), description="where run directories are made", json_schema_extra=PLACE
    )
    benchmarks: tuple[BenchmarkConfig, ...] = (BenchmarkConfig(name="mini"),)
    backend: BackendConfig = BackendConfig()
    model: ModelConfig = ModelConfig()
    engine: EngineConfig = EngineConfig()
    sampling: SamplingConfig = SamplingConfig()
    execute: ExecuteConfig = ExecuteConfig()
    rerank: RerankConfig = RerankConfig()
    report: ReportConfig = ReportConfig()
    store: StoreConfig = StoreConfig()

    @model_validator(mode="after")
    def _benchmarks_differ(self) -> RunConfig:
        if not self.benchmarks:
            raise ValueError("benchmarks: name at least one")
        return self
