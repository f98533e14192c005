"""The run's YAML, described once. Loading, with line numbers, is in `pipeline.yaml_config`.

Every field says in its description what it means and whether it is part of a stage's *identity* (it
changes what a row means) or of its *extent* (it only says how many rows are wanted); `identity` is
decided in `pipeline.store.identity` from the marks here, nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline import ranker_terms
from pipeline.config_section import BY_LANGUAGE, EXTENT, PLACE, Contradiction, Section, repeated
from pipeline.manifests import known_languages, manifests, offered
from pipeline.records import Part
from sandboxes import languages

# Words out of a list, to pydantic and to the JSON schema; the list is what is installed.
if TYPE_CHECKING:
    Language = str
    BenchmarkName = str
else:
    Language = Literal[known_languages()]
    BenchmarkName = Literal[tuple(offered())]


class BenchmarkConfig(Section):
    name: BenchmarkName = Field(
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
    prompt_form: Literal["base"] = Field(
        default="base",
        description="the prompt as published; a chat template is never inferred from a model",
    )

    @property
    def dataset(self) -> str:
        """The dataset that its rows name; that of a file is its name up to the first dot."""
        if self.name == "jsonl" and self.path is not None:
            return self.path.name.split(".")[0]
        return self.name

    def holds(self, part: Part) -> bool:
        """Whether these are rows of this benchmark, in a language that is wanted."""
        return part.dataset == self.dataset and part.language in (self.languages or [part.language])

    def contradictions(self) -> Iterator[Contradiction]:
        has = offered()[self.name]
        missing = [name for name in self.languages if name not in has]
        if missing:
            yield Contradiction(
                ("languages", "name"),
                f"{self.name} has no {' and no '.join(missing)}: it offers {', '.join(has)}",
            )
        yield from repeated("languages", self.languages)
        yield from repeated("task_ids", self.task_ids)
        if self.name == "jsonl" and self.path is None:
            yield Contradiction(("path", "name"), "jsonl needs a file: set path")
        if self.name == "mini" and self.path is not None:
            yield Contradiction(("path", "name"), "mini is bundled: remove path")
        if self.name != "jsonl" and self.test_kind != "program":
            yield Contradiction(
                ("test_kind", "name"), f"{self.name} states its own test kind: remove test_kind"
            )
        published = manifests().get(self.name)
        if self.header == "published" and not (published and published.headers):
            yield Contradiction(
                ("header", "name"),
                f"{self.name} was published without few-shot prompts: name a file instead",
            )
        if self.hub and not (published and published.hub):
            yield Contradiction(("hub", "name"), f"{self.name} is not on the hub: set hub to false")
        if self.hub and self.path is not None:
            yield Contradiction(
                ("hub", "path"), "data come from the hub or from path, not both: remove one"
            )


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
    prefill_chunk: int | None = Field(
        default=None, ge=1, description="prompt tokens a prefill pass; else by the device",
        json_schema_extra=PLACE,
    )  # fmt: skip
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
    length_draw: tuple[Annotated[int, Field(ge=1)], int] | None = Field(
        default=None,
        description="for benchmarks of speed: [shortest, longest]; every sample ends at a length "
        "drawn uniformly from these by seed, problem and sample index, if nothing ends it before",
    )
    stop: dict[Language, tuple[str, ...]] = Field(
        default_factory=dict,
        description="stop strings a language; a missing language takes its language.yaml's",
        json_schema_extra=BY_LANGUAGE,
    )
    seed: int = Field(default=0, ge=0, description="of every sample's random stream")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.length_draw is not None:
            shortest, longest = self.length_draw
            if not shortest <= longest <= self.max_new_tokens:
                yield Contradiction(
                    ("length_draw", "max_new_tokens"),
                    f"needs shortest <= longest <= max_new_tokens ({self.max_new_tokens})",
                )
        if self.temperature == 0:
            for name in ("top_k", "top_p", "min_p"):
                if getattr(self, name) is not None:
                    yield Contradiction(
                        (name, "temperature"),
                        f"temperature 0 is greedy, so {name} would do nothing: remove it",
                    )
            if self.n > 1:
                yield Contradiction(
                    ("n", "temperature"),
                    "temperature 0 gives the same text every time: set n to 1",
                )
        for language, stops in self.stop.items():
            for stop in stops:
                if not stop:
                    yield Contradiction(
                        (f"stop.{language}",), "an empty stop string would end every sample: remove"
                    )
                if any(escape in stop for escape in (r"\n", r"\t", r"\r")):
                    yield Contradiction(
                        (f"stop.{language}",),
                        f"'{stop}' holds a backslash and a letter, not a line break or tab: "
                        f'write "{stop}" in double quotes',
                    )


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

    def contradictions(self) -> Iterator[Contradiction]:
        if self.name == "recorded" and bool(self.completions) == self.canonical:
            yield Contradiction(
                ("name", "completions", "canonical"),
                "recorded needs `completions`, or `canonical: true`, and not both",
            )
        if self.name == "engine":
            for key in ("completions", "canonical"):
                if getattr(self, key):
                    yield Contradiction((key, "name"), f"{key} goes with `name: recorded`")


class LimitsConfig(Section):
    compile_seconds: float = Field(default=100.0, gt=0)
    cpu_seconds: float = Field(default=10.0, gt=0)
    wall_seconds: float = Field(default=30.0, gt=0)
    memory_mib: int = Field(default=1024, ge=32)
    pids: int = Field(default=128, ge=1)
    output_kib: int = Field(default=64, ge=1)
    output_limit_kib: int = Field(default=16384, ge=1)
    disk_mib: int = Field(default=64, ge=1)

    def contradictions(self) -> Iterator[Contradiction]:
        if self.wall_seconds < self.cpu_seconds:
            yield Contradiction(
                ("wall_seconds", "cpu_seconds"),
                f"must be at least cpu_seconds ({self.cpu_seconds:g}), with room for waiting",
            )
        if self.output_limit_kib < self.output_kib:
            yield Contradiction(
                ("output_limit_kib", "output_kib"),
                f"must be at least output_kib ({self.output_kib}), which is kept of it",
            )


class ExecuteConfig(Section):
    limits: LimitsConfig = LimitsConfig()
    workers: int | None = Field(
        default=None, ge=1, description="sandboxes at once; else the cores", json_schema_extra=PLACE
    )
    evidence: Literal["exit_status", "completed", "isolated"] = Field(
        default="completed", description="what a pass rests on; see docs/security.md"
    )
    retry_timeouts: int = Field(default=1, ge=0, le=5, description="each alone on an idle pool")
    docker_host: str | None = Field(
        default=None, description="else DOCKER_HOST, else local", json_schema_extra=PLACE
    )
    runtime: str | None = Field(default=None, description="e.g. runsc", json_schema_extra=PLACE)
    rules: dict[Language, str] = Field(
        default_factory=dict,
        description="languages judged by another rule than their own: its name in language.yaml",
        json_schema_extra=BY_LANGUAGE,
    )
    truncate: bool = Field(
        default=True, description="cut completions to the function; false judges them as they are"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        for name, rule in self.rules.items():
            known = languages.load()[name].rules if name in languages.load() else {}
            if rule not in known:
                has = f"it has {', '.join(known)}" if known else "it has none: remove this"
                yield Contradiction((f"rules.{name}",), f"{name} has no rule {rule!r}; {has}")


class RerankConfig(Section):
    rankers: tuple[Annotated[str, AfterValidator(ranker_terms.checked)], ...] = Field(
        default=("random", "mean_logprob", "sum_logprob"),
        description="orders to compare, see docs/rankers.md: names, `lexicographic(A, B)` or "
        "`weighted(0.5 * A, 0.5 * B)`; recorded completions without one here get random alone",
    )
    logprobs: Literal["raw", "processed"] = Field(
        default="raw", description="of the model, or after temperature and filters"
    )

    test_samples: int = Field(default=10, ge=1, description="samples of generated tests a problem")
    generated_inputs: bool = Field(
        default=False,
        description="compare programs on the calls of generated tests where a prompt has no "
        "public input",
    )

    def contradictions(self) -> Iterator[Contradiction]:
        yield from repeated("rankers", self.rankers)


class Prices(Section):
    """Money a unit; 0 leaves a unit out of the bill."""

    version: str = Field(
        default="", description="of this price table, such as a date; bills name it"
    )
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
    bootstrap: int = Field(
        default=2000, ge=100, description="resamples of a difference between runs"
    )
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=0, ge=0, description="of resamples and random orders")
    prices: Prices = Prices()

    def contradictions(self) -> Iterator[Contradiction]:
        yield from repeated("k", self.k)
        if not self.k:
            yield Contradiction(("k",), "name at least one k, such as [1, 10]")


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
    def _rankers_of_recorded(self) -> Self:
        """Recorded completions carry no log-probabilities: unless named, only random ranks them."""
        if self.backend.name == "recorded" and "rankers" not in self.rerank.model_fields_set:
            rerank = self.rerank.model_copy(update={"rankers": ("random",)})
            self.__dict__["rerank"] = rerank  # frozen for everyone else
        return self

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.benchmarks:
            yield Contradiction(("benchmarks",), "name at least one benchmark")
        seen = set()
        for index, benchmark in enumerate(self.benchmarks):
            source = (benchmark.name, benchmark.path if benchmark.name == "jsonl" else None)
            if source in seen:
                yield Contradiction(
                    (f"benchmarks.{index}.name",), f"{benchmark.name} is there already: join them"
                )
            seen.add(source)
        by_logprob = [
            ranker
            for ranker in self.rerank.rankers
            if set(ranker_terms.rankers(ranker_terms.parse(ranker))) & set(ranker_terms.BY_LOGPROB)
        ]
        explicit = "rankers" in self.rerank.model_fields_set
        if self.backend.name == "recorded" and by_logprob and explicit:
            yield Contradiction(
                ("rerank.rankers", "backend.name"),
                f"recorded completions have no log-probabilities: remove {', '.join(by_logprob)}",
            )
        sampling = [
            ranker
            for ranker in self.rerank.rankers
            if set(ranker_terms.rankers(ranker_terms.parse(ranker))) & set(ranker_terms.BY_SAMPLING)
        ]
        if self.backend.name == "recorded" and self.rerank.generated_inputs:
            yield Contradiction(
                ("rerank.generated_inputs", "backend.name"),
                "recorded completions come without a model to ask: set it to false",
            )
        if self.backend.name == "recorded" and sampling:
            yield Contradiction(
                ("rerank.rankers", "backend.name"),
                f"recorded completions come without a model to ask: remove {', '.join(sampling)}",
            )
        if self.backend.canonical:
            for index, benchmark in enumerate(self.benchmarks):
                lacking = {"humaneval", "mathqa_x"} & {benchmark.name}
                others = [name for name in benchmark.languages if name != "python"]
                if lacking and others:
                    yield Contradiction(
                        (f"benchmarks.{index}.languages", "backend.canonical"),
                        f"{benchmark.name} has canonical solutions in python only: remove "
                        f"{', '.join(others)}",
                    )

    def cautions(self) -> Iterator[Contradiction]:
        """What is allowed and yet hardly meant; a loader shows these as warnings."""
        if self.backend.name == "engine" and min(self.report.k) > self.sampling.n:
            yield Contradiction(
                ("report.k", "sampling.n"),
                f"every k is above sampling.n ({self.sampling.n}), so no pass@k can be reported",
            )
        if self.backend.name == "recorded":
            plain = RunConfig()
            for name in ("model", "engine"):
                if getattr(self, name) != getattr(plain, name):
                    yield Contradiction(
                        (name, "backend.name"), "does nothing: recorded completions use no model"
                    )
