"""Where a completion ends: the function that the prompt began, and not a character more.

The raw completion stays in its record; this step has a version and runs again alone. A completion
ends at the earliest of

- the first stop string, scanned on the completion only and literally: a sampler stops there too,
  whatever the string stands in, so a replayed text and a sampled one are cut alike;
- the end of what the prompt left open, found by parsing prompt and completion together, as the
  language's `truncation` says: where the next statement begins at the margin (Python), or with what
  closes the function, or all that the prompt opened (`pipeline.records.TruncationRule`).

Trailing white space is dropped, so that samples that differ in nothing else are one program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pipeline.benchmarks.parsing import PARSING
from pipeline.benchmarks.syntax import WHITE_SPACE
from pipeline.records import Candidate, Problem, Program, TruncationRule, UserError, digest

RULE_VERSION = 2

CutKind = Literal["stop", "function_end", "none", "unterminated"]


class Cut(NamedTuple):
    """What truncation keeps of a completion.

    kept: a prefix of the completion. kind: `stop` or `function_end`, what ended it; `none`, it
    ends by itself or the prompt opened nothing; `unterminated`, the function's end was not found
    (counted as an extraction failure). version: of the rule, e.g. ``python-margin-2``.
    """

    kept: str
    kind: CutKind
    version: str


def version(rule: TruncationRule) -> str:
    """The version of a rule as programs record it."""
    return "-".join(filter(None, (rule.grammar, rule.end, str(RULE_VERSION))))


def truncate(rule: TruncationRule, prompt: str, text: str, stop: Sequence[str]) -> Cut:
    """Cuts a completion to the function that its prompt began.

    Args:
        rule: the language's `truncation`.
        prompt: what precedes the completion in the program, without a few-shot header.
        text: the raw completion.
        stop: stop strings; empty ones are refused.

    The result is a prefix of `text` without trailing white space, holds no stop string, and is its
    own truncation. Raises UserError where the rule's grammar is not installed.
    """
    kept, kind = _cut(rule, prompt, text, stop)
    # A parse of the shorter text may recover from its errors in another way: go on until nothing
    # changes, so that truncating twice is truncating once.
    while kept != text:
        text = kept
        kept, again = _cut(rule, prompt, text, stop)
        kind = kind if kept == text else again
    return Cut(kept, kind, version(rule))


def _cut(rule: TruncationRule, prompt: str, text: str, stop: Sequence[str]) -> tuple[str, CutKind]:
    if "" in stop:
        raise UserError("stop: an empty stop string would cut everything; remove it")
    stopped = min((i for i in map(text.find, stop) if i >= 0), default=len(text))
    end, kind = PARSING.function_end(rule, prompt, text)
    if end is not None and end <= stopped:
        return text[:end].rstrip(WHITE_SPACE), kind
    return text[:stopped].rstrip(WHITE_SPACE), "stop" if stopped < len(text) else kind


def kept_tokens(token_ends: Sequence[int], kept: str) -> int:
    """How many generated tokens lie wholly or partly in the kept text.

    token_ends: characters of the raw text that are complete after each token. A token that holds
    a part of a character's bytes lies in that character.
    """
    starts = (0, *token_ends[:-1]) if token_ends else ()
    return sum(1 for start in starts if start < len(kept))


def program_of(
    problem: Problem,
    candidate: Candidate,
    rule: TruncationRule,
    stop: Sequence[str],
    cut: bool = True,
) -> Program:
    """The program that a candidate is judged as.

    Its hash is of the language, the prompt without the few-shot header (which is never run) and
    the kept completion. cut: False keeps the raw text whole (`execute.truncate: false`).
    """
    prompt = problem.prompt[problem.header_chars :]
    made = truncate(rule, prompt, candidate.text, stop) if cut else Cut(candidate.text, "none", "")
    return Program(
        dataset=candidate.dataset,
        language=candidate.language,
        task_id=candidate.task_id,
        sample_index=candidate.sample_index,
        completion=made.kept,
        program_hash=digest(candidate.language, prompt, made.kept),
        kept_tokens=kept_tokens(candidate.token_ends, made.kept),
        truncation=made.version,
        cut=made.kind,
    )
