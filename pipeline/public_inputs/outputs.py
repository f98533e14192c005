"""From a problem to the job that observes its programs, and from what was printed to values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.public_inputs.calls import ABSENT, Call
from pipeline.public_inputs.inputs import public_inputs
from pipeline.public_inputs.observers import languages, observer
from pipeline.public_inputs.values import Elements, Pairs, Unreadable, Value, canonical
from pipeline.records import Problem, UserError, digest

VERSION = "1"  # part of what a ranking means: raised when the same programs give other outputs
FAILED = "!"  # stands for the value of a call that gave none


@dataclass(frozen=True, slots=True)
class Observation:
    """The calls that a problem's programs are observed on, and the test text that makes them."""

    calls: tuple[Call, ...]
    test: str
    marker: str
    language: str

    @property
    def expected(self) -> tuple[str | None, ...]:
        """The documented value of each call, as `outputs` gives values; None for none."""
        return tuple(
            None if call.expected is ABSENT else settled(call.expected, self.language)
            for call in self.calls
        )

    def outputs(self, printed: str) -> tuple[str, ...]:
        """What each call gave: equal texts for equal values, FAILED where it gave none.

        printed: what the program wrote, on standard output and standard error.
        """
        found = [FAILED] * len(self.calls)
        for line in printed.splitlines():
            mark, _, rest = line.partition(" ")
            number, _, text = rest.partition(" ")
            if mark == self.marker and number.isdigit() and int(number) < len(found):
                found[int(number)] = FAILED if text == FAILED else self._value(text)
        return tuple(found)

    def _value(self, text: str) -> str:
        try:
            made = json.loads(text)
            return settled(from_go(made) if self.language == "go" else plain(made), self.language)
        except (ValueError, RecursionError):
            return text  # more than is kept of the output: still equal where it is the same


def check_languages(wanted: Sequence[str]) -> None:
    """Raises UserError that names the languages whose programs cannot be observed."""
    lacking = sorted(set(wanted) - set(languages()))
    if lacking:
        raise UserError(
            f"rerank.rankers: programs in {', '.join(lacking)} cannot be observed on public inputs "
            f"yet ({', '.join(languages())} can): leave out the rankers that execute"
        )


def observation(problem: Problem, made: Sequence[Call] | None = None) -> Observation | None:
    """How a problem's programs are observed; None where there is no call to observe.

    made: the calls; None for the problem's public inputs. Those that the language's types cannot
    express are left out.
    """
    writer = observer(problem.language)
    calls = []
    for call in public_inputs(problem) if made is None else made:
        try:
            writer.test(problem, [call], "")
        except Unreadable:
            continue
        calls.append(call)
    if not calls:
        return None
    # No program knows it without reading its own source; a ranking is worth no more.
    marker = "out" + digest(problem.language, problem.prompt, repr(calls))[:16]
    return Observation(tuple(calls), writer.test(problem, calls, marker), marker, problem.language)


def plain(found: object) -> Value:
    """The value that an observer wrote as JSON."""
    match found:
        case list():
            return [plain(item) for item in found]
        case {"t": list() as items}:
            return tuple(plain(item) for item in items)
        case {"s": list() as items}:
            return Elements(tuple(plain(item) for item in items))
        case {"m": list() as items}:
            return Pairs(tuple((plain(key), plain(value)) for key, value in items))
        case {"o": str() as text}:
            return f"object {text}"
    return found


def from_go(found: object) -> Value:
    """The value that Go's own package wrote as JSON: an object is a map."""
    match found:
        case list():
            return [from_go(item) for item in found]
        case dict():
            return Pairs(tuple((key, from_go(value)) for key, value in found.items()))
    return found


def settled(value: Value, language: str) -> str:
    """The canonical text of a value as the language knows it.

    Only Python tells tuples from lists; objects have text keys in JavaScript and in Go's JSON; PHP
    has one kind of array and Perl one kind of scalar.
    """
    return canonical(_settled(value, language))


def _settled(value: Value, language: str) -> Value:
    match value:
        case Pairs(()) if language == "php":
            return []
        case Pairs(items):
            return Pairs(tuple((_key(k, language), _settled(v, language)) for k, v in items))
        case Elements(items) if language in ("php", "perl", "go"):
            return [_settled(item, language) for item in items]
        case Elements(items):
            return Elements(tuple(_settled(item, language) for item in items))
        case tuple() if language == "python":
            return tuple(_settled(item, language) for item in value)
        case list() | tuple():
            return [_settled(item, language) for item in value]
        case bool() if language == "perl":
            return 1 if value else ""
        case str() if language == "perl":
            return _number(value)
    return value


def _key(key: Value, language: str) -> Value:
    if language in ("javascript", "typescript", "go"):
        return key if isinstance(key, str) else canonical(_settled(key, language))
    if language == "php" and isinstance(key, str):
        return int(key) if key.isdigit() and key == str(int(key)) else key
    return _settled(key, language)


def _number(text: str) -> Value:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text) if text.strip() == text and text[-1:].isdigit() else text
    except ValueError:
        return text
