"""The records that pass between stages, and the errors that reach the user.

A record is a frozen dataclass; a table is a set of records with one key. `sandboxes` and `reports`
import this module and nothing else of ours, so it stays free of every other dependency.

Columns whose names start with ``m_`` are *measurements* (seconds, bytes, joules). Two runs of one
configuration agree in every other column.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple


class UserError(Exception):
    """A fault that the user can mend; one line that names the key, file or task and the fix."""


class Part(NamedTuple):
    """A dataset in one language: what a stage's rows may mean apart from those of any other."""

    dataset: str
    language: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.language}"


class ProblemKey(NamedTuple):
    """What identifies a problem: ``MathQA/0`` names one in each of three languages."""

    dataset: str
    language: str
    task_id: str

    @property
    def part(self) -> Part:
        return Part(self.dataset, self.language)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.language}/{self.task_id}"


class CandidateKey(NamedTuple):
    """A problem and the index of the sample drawn for it (0, 1, ...)."""

    dataset: str
    language: str
    task_id: str
    sample_index: int

    @property
    def problem(self) -> ProblemKey:
        return ProblemKey(self.dataset, self.language, self.task_id)


TestKind = Literal["program", "calls", "stdin"]
FinishReason = Literal["stop", "eos", "length", "failed"]  # failed: could not be drawn to its end
Evidence = Literal["exit_status", "completed", "isolated"]
Verdict = Literal[
    "passed",
    "wrong_answer",
    "runtime_error",
    "compile_error",
    "timeout",
    "out_of_memory",
    "output_limit",
    "incomplete",
    "forged",
    "infrastructure_error",
]
EVIDENCE: tuple[Evidence, ...] = Evidence.__args__  # type: ignore[attr-defined]  # likewise
VERDICTS: tuple[Verdict, ...] = Verdict.__args__  # type: ignore[attr-defined]  # typing offers no typed accessor


TruncationEnd = Literal["function", "outermost", "margin", "stop"]
TRUNCATION_ENDS: tuple[TruncationEnd, ...] = TruncationEnd.__args__  # type: ignore[attr-defined]  # typing offers no typed accessor


def digest(*parts: str | bytes) -> str:
    """SHA-256 (hex) of the parts, each preceded by its length, so that no two lists collide."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """Base of every record. ``TABLE`` names its table, ``KEY`` the columns that identify a row."""

    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Problem(Record):
    """What a model, a ranker or a strategy may see of a problem."""

    TABLE: ClassVar[str] = "problems"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id")

    dataset: str
    language: str
    task_id: str
    prompt: str  # byte-exact as published (few-shot header included when one is configured)
    header_chars: int  # leading characters of `prompt` that are the few-shot header; 0 without one
    entry_point: str
    description: str
    public_examples: tuple[str, ...]  # the prompt's own docstring examples, as written there
    prompt_form: Literal["base", "chat"]
    source_sha256: str  # of the published file that the problem came from
    overlay: str  # version of the defect overlay that changed this row; "" for none

    @property
    def key(self) -> ProblemKey:
        return ProblemKey(self.dataset, self.language, self.task_id)


@dataclass(frozen=True, slots=True)
class Test(Record):
    """The hidden half of a problem; the execute stage alone opens this table."""

    __test__: ClassVar[bool] = False  # pytest: not a test class
    TABLE: ClassVar[str] = "tests"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id")

    dataset: str
    language: str
    task_id: str
    kind: TestKind
    test: str  # program text appended to the candidate; for `calls` and `stdin` a JSON document
    entry_point: str
    canonical_solution: str | None  # as published; None where the file has none

    @property
    def key(self) -> ProblemKey:
        return ProblemKey(self.dataset, self.language, self.task_id)

    @property
    def test_hash(self) -> str:
        return digest(self.kind, self.test, self.entry_point)


@dataclass(frozen=True, slots=True)
class PublicExamples(Record):
    """What a prompt's own examples give away; counted when problem and test are both at hand."""

    TABLE: ClassVar[str] = "public_examples"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id")

    dataset: str
    language: str
    task_id: str
    examples: int  # documented in the prompt
    inputs: int  # of those, calls on plain values: what a ranker can run; 1 for `f()` without any
    equal_tests: int  # of those, cases of the hidden test too: same arguments, same value

    @property
    def key(self) -> ProblemKey:
        return ProblemKey(self.dataset, self.language, self.task_id)


@dataclass(frozen=True, slots=True)
class Call(Record):
    """One completion request, the unit of the ledger."""

    TABLE: ClassVar[str] = "calls"
    KEY: ClassVar[tuple[str, ...]] = (
        "dataset",
        "language",
        "task_id",
        "sample_index",
        "purpose",
        "turn",
    )

    dataset: str
    language: str
    task_id: str
    sample_index: int
    purpose: str  # "candidate" | "test_generation" | "review" | ...
    turn: int
    parents: tuple[str, ...]  # keys of the calls whose tokens this one continues
    stream: str  # hex key of the Philox stream; "" for recorded completions
    prompt_tokens: int  # tokens of the whole prompt: what an API would bill for this call alone
    header_tokens: int  # leading prompt tokens shared with other problems of the run (stored once)
    generated_tokens: int  # sampled, the stop or EOS token and everything thrown away included
    discarded_tokens: int  # of those, sampled but not in the candidate's text (after the stop, EOS)
    prompt_flops: float  # analytic, of a prefill of the whole prompt alone
    generated_flops: float  # analytic, of the generated tokens at their context lengths


@dataclass(frozen=True, slots=True)
class Candidate(Record):
    """One completion, raw. Truncation happens later and leaves its own record (`Program`)."""

    TABLE: ClassVar[str] = "candidates"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "sample_index")

    dataset: str
    language: str
    task_id: str
    sample_index: int
    text: str  # decoded from `token_ids` without special tokens; the stop string is NOT cut here
    token_ids: tuple[int, ...]  # every generated id, EOS included; () for recorded completions
    token_ends: tuple[int, ...]  # characters of `text` that are complete after each token
    logprobs_raw: tuple[float, ...]  # natural log, of the model's own distribution; nan-free
    logprobs: tuple[float, ...]  # after temperature and filters: what the sampler drew from
    finish_reason: FinishReason
    stop: str  # the stop string that ended it; "" otherwise

    @property
    def key(self) -> CandidateKey:
        return CandidateKey(self.dataset, self.language, self.task_id, self.sample_index)


@dataclass(frozen=True, slots=True)
class Review(Record):
    """How likely a problem's description is, given one candidate's program."""

    TABLE: ClassVar[str] = "reviews"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "sample_index")

    dataset: str
    language: str
    task_id: str
    sample_index: int  # the first sample with the program
    logprob: float  # natural log, summed over the description's tokens; nan where it has no room


@dataclass(frozen=True, slots=True)
class EngineStep(Record):
    """Device time of a stretch of engine work of one kind: what a cost model is fitted to."""

    TABLE: ClassVar[str] = "engine_steps"
    KEY: ClassVar[tuple[str, ...]] = ("session", "index")

    session: str  # one per process that sampled
    index: int
    kind: Literal["prefill", "decode"]
    steps: int  # forward passes in this stretch
    rows: int  # sum over the steps of the tokens that entered the model
    kv_tokens: (
        int  # sum over the steps of distinct cached tokens read (a shared segment once a step)
    )
    device: str
    m_seconds: float  # device seconds (CUDA events; wall clock of the model's work on a CPU)


@dataclass(frozen=True, slots=True)
class DeviceEnergy(Record):
    """Energy that a device drew while an engine worked; no row where the device does not count."""

    TABLE: ClassVar[str] = "device_energy"
    KEY: ClassVar[tuple[str, ...]] = ("session", "index")

    session: str  # as in the `EngineStep` rows of the same work
    index: int
    device: str
    m_seconds: float  # wall time between the two readings
    m_joules: float  # of the whole device, by its own counter


@dataclass(frozen=True, slots=True)
class EngineEvents(Record):
    """What an engine had to do beside drawing, in one stretch of work; no row where it was nothing.

    A stretch that was interrupted has none.
    """

    TABLE: ClassVar[str] = "engine_events"
    KEY: ClassVar[tuple[str, ...]] = ("session", "index")

    session: str  # as in the `EngineStep` rows of the same work
    index: int
    plans: int  # of what the rows of a step attend to
    parked_rows: int  # samples whose keys went to the host until there was room again
    closed_prompts: int  # prompts whose keys were given up and computed again
    heights_refused: int  # numbers of rows that gave no more tokens a second than fewer did
    graphs_ahead: int  # CUDA graphs captured before the first sample
    graphs_late: int  # and while samples were drawn
    m_graphs_seconds: float  # wall time of those captured before


@dataclass(frozen=True, slots=True)
class Program(Record):
    """A candidate after truncation and assembly: what is compiled and run."""

    TABLE: ClassVar[str] = "programs"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "sample_index")

    dataset: str
    language: str
    task_id: str
    sample_index: int
    completion: str  # the kept part of the raw text
    program_hash: str  # of (language, prompt, completion); equal programs run once
    kept_tokens: int  # generated tokens that lie wholly or partly in `completion`
    truncation: str  # version of the rule, e.g. "python-margin-2"
    cut: Literal["stop", "function_end", "none", "unterminated"]  # how the end was found

    @property
    def key(self) -> CandidateKey:
        return CandidateKey(self.dataset, self.language, self.task_id, self.sample_index)


@dataclass(frozen=True, slots=True)
class TruncationRule:
    """How the end of the function that a prompt began is found in a completion.

    grammar: a tree-sitter grammar, whose package is ``tree_sitter_<grammar>``; "" with `stop`. end:

    - ``function``: with what closes the innermost construct that the prompt left open.
    - ``outermost``: with what closes all that the prompt left open.
    - ``margin``: where a statement begins at the margin (Python).
    - ``stop``: nowhere but at a stop string.
    """

    grammar: str = ""
    end: TruncationEnd = "stop"

    def __post_init__(self) -> None:
        if self.end not in TRUNCATION_ENDS:
            raise UserError(f"end: must be one of {', '.join(TRUNCATION_ENDS)}, not {self.end!r}")
        if bool(self.grammar) != (self.end != "stop"):
            raise UserError("grammar: every `end` but `stop` needs one, and `stop` has none")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one execution may use. Seconds, MiB, processes; output is capped per stream."""

    compile_seconds: float = 100.0  # wall
    cpu_seconds: float = 10.0  # of the job's processes together, run phase
    wall_seconds: float = 30.0  # run phase; more than `cpu_seconds`, for waiting under load
    memory_mib: int = 1024
    pids: int = 128
    output_kib: int = 64  # kept of stdout and of stderr each
    output_limit_kib: int = 16384  # written in all; beyond it the job is ended: output_limit
    disk_mib: int = 64

    def hash(self) -> str:
        return digest(repr(dataclasses.astuple(self)))[:16]


@dataclass(frozen=True, slots=True)
class Job:
    """One program and its test, as handed to an `Executor`."""

    language: str
    prompt: str
    completion: str
    test: str
    kind: TestKind
    entry_point: str
    program_hash: str
    test_hash: str
    attempt: int = 0
    evidence: Evidence = "completed"


@dataclass(frozen=True, slots=True)
class Execution(Record):
    """The outcome of one job, reusable wherever the same key recurs."""

    TABLE: ClassVar[str] = "executions"
    KEY: ClassVar[tuple[str, ...]] = (
        "program_hash",
        "test_hash",
        "image_digest",
        "limits_hash",
        "asked_evidence",
        "attempt",
    )

    program_hash: str
    test_hash: str
    image_digest: str
    limits_hash: str
    asked_evidence: Evidence  # what the run asked for
    evidence: Evidence  # what the verdict rests on: `completed` where no more could be had
    attempt: int  # 0, then 1 for a timeout retried alone, ...
    language: str
    verdict: Verdict
    exit_code: int | None  # None when it was killed or never started
    detail: str  # one line: what decided the verdict
    stdout: str  # capped, undecodable bytes replaced
    stderr: str
    toolchain: str  # e.g. "python 3.11.2"
    m_compile_seconds: float
    m_cpu_seconds: float
    m_wall_seconds: float
    m_peak_memory_bytes: float  # nan where it could not be read


@dataclass(frozen=True, slots=True)
class Reused(Record):
    """The mark of an execution that was copied from an earlier run, which paid for it."""

    TABLE: ClassVar[str] = "reused"
    KEY: ClassVar[tuple[str, ...]] = Execution.KEY

    program_hash: str
    test_hash: str
    image_digest: str
    limits_hash: str
    asked_evidence: Evidence
    attempt: int


@dataclass(frozen=True, slots=True)
class VerdictRow(Record):
    """The join of a candidate and its last execution."""

    TABLE: ClassVar[str] = "verdicts"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "sample_index")

    dataset: str
    language: str
    task_id: str
    sample_index: int
    program_hash: str
    test_hash: str
    verdict: Verdict
    evidence: Evidence
    attempts: int  # executions of this program that were needed (timeouts are retried alone)
    first_verdict: Verdict  # differs from `verdict` where a retry changed it


@dataclass(frozen=True, slots=True)
class Ranking(Record):
    """A ranker's score of one candidate (higher is better; equal scores are ties)."""

    TABLE: ClassVar[str] = "rankings"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "ranker", "sample_index")

    dataset: str
    language: str
    task_id: str
    ranker: str
    sample_index: int
    score: float
    duplicate_of: int  # smallest sample_index with the same program; itself when it is the first


@dataclass(frozen=True, slots=True)
class Agreement(Record):
    """What a ranker that counts agreeing samples knows of one program, so that the report can rank
    a part of the samples: by weight * samples of the part in the cluster, then by `then`."""

    TABLE: ClassVar[str] = "agreements"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "task_id", "ranker", "sample_index")

    dataset: str
    language: str
    task_id: str
    ranker: str
    sample_index: int  # the first sample with the program
    cluster: int  # equal within a problem for programs that agree; -1 for one that never agrees
    weight: int
    then: float


@dataclass(frozen=True, slots=True)
class RankingCost(Record):
    """What a ranker used for one part of a run, each thing once; the sampling itself is not in it.

    Rankers that use the same executions each carry their cost: what one would cost alone.
    """

    TABLE: ClassVar[str] = "ranking_costs"
    KEY: ClassVar[tuple[str, ...]] = ("dataset", "language", "ranker")

    dataset: str
    language: str
    ranker: str
    executions: int
    prompt_tokens: int
    generated_tokens: int
    flops: float
    m_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class StageTime(Record):
    """Wall time that one invocation spent in one stage (stages overlap, so they do not add up)."""

    TABLE: ClassVar[str] = "stage_times"
    KEY: ClassVar[tuple[str, ...]] = ("stage", "session")

    stage: str
    session: str  # one an invocation
    m_wall_seconds: float


def part_of(row: Record) -> Part | None:
    """The part that a row belongs to; None for a row of none."""
    if "dataset" not in row.KEY:
        return None
    return Part(getattr(row, "dataset"), getattr(row, "language"))  # noqa: B009  # not every record has them


TABLES: dict[str, type[Record]] = {
    record.TABLE: record
    for record in (
        Problem,
        Test,
        PublicExamples,
        Call,
        Candidate,
        Review,
        EngineStep,
        DeviceEnergy,
        EngineEvents,
        Program,
        Execution,
        Reused,
        VerdictRow,
        Ranking,
        RankingCost,
        Agreement,
        StageTime,
    )
}
