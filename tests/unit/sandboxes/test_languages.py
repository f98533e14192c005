"""language.yaml: what is shipped is whole, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import Limits, TruncationRule, UserError
from sandboxes import languages

MINIMAL = """
debian: bookworm
file: main.x
run: [x, "{source}"]
version: [x, --version]
reference: x main.x
assemble: "{prompt}{completion}{test}"
truncation: x
self_test: ""
self_tests: [{verdict: passed, completion: ""}]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "language.yaml"
    path.write_text(text)
    return path


def test_shipped_languages_have_the_self_tests_that_scoring_asks_for() -> None:
    found = languages.load()
    assert {"python", "java", "javascript"} <= set(found)
    for language in found.values():
        verdicts = {test.verdict for test in language.self_tests}
        assert {"passed", "wrong_answer", "compile_error", "timeout", "out_of_memory"} <= verdicts
        assert language.self_tests[0].verdict == "passed"  # run again after the hostile ones
        assert (language.folder / "Dockerfile").read_text().startswith("ARG BASE\n")


def test_stop_strings_are_newlines_and_not_backslashes() -> None:
    stop = languages.get("python").stop
    assert set(stop) == {"\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n@", "\n```"}


def test_a_minimal_folder_is_a_language(tmp_path: Path) -> None:
    language = languages.parse(_write(tmp_path, MINIMAL))
    assert language.name == tmp_path.name
    assert language.limits_under(Limits()) == Limits()
    assert language.truncation == TruncationRule("x", "function")


def test_a_language_has_limits_of_its_own(tmp_path: Path) -> None:
    text = MINIMAL + "limits: {memory_mib: 2048}\n"
    found = languages.parse(_write(tmp_path, text)).limits_under(Limits(pids=7))
    assert (found.memory_mib, found.pids) == (2048, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "compil: [x]\n", r"language\.yaml: unknown key 'compil'; known are .*compile"),
        (MINIMAL + "warm: {runs: [x]}\n", r"language\.yaml: warm: unknown key 'runs'"),
        (MINIMAL + "warm: [x]\n", r"language\.yaml: warm: expected a mapping, found list"),
        (MINIMAL + "limits: {memory: 1}\n", r"limits: unknown key 'memory'"),
        (
            MINIMAL.replace("truncation: x", "truncation: {grammar: x, end: brace}"),
            r"truncation: end: must be one of function, .*, not 'brace'",
        ),
        (MINIMAL.replace("truncation: x", "truncation: {grammar: x}"), r"truncation: grammar: "),
        (MINIMAL + "wrong_answer: ['(']\n", r"pattern '\(': "),
        (MINIMAL + "out_of_memory_signal: {signal: 6, stderr: '('}\n", r"pattern '\(': "),
        (
            MINIMAL + "wrong_answer_signal: {signal: 4, stderr: failed}\n",
            r"wrong_answer_signal: the pattern has no group \(\?P<line>",
        ),
        (MINIMAL + "fast: {link: [x]}\n", r"language\.yaml: fast: unknown key 'link'"),
        (MINIMAL.replace("passed", "fine"), r"self_tests: unknown verdict 'fine'"),
        (MINIMAL.replace("file: main.x", ""), r"language\.yaml: .*missing 1 required.*'file'"),
        ("- a\n", r"language\.yaml: expected a mapping of keys"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        languages.parse(_write(tmp_path, text))


def test_a_language_has_a_warm_path_of_its_own_or_none(tmp_path: Path) -> None:
    def warm(text: str) -> bool:
        return languages.parse(_write(tmp_path, MINIMAL + text)).has_warm_path

    assert not warm("")
    assert warm("warm: {run: [x]}\n")
    assert warm("fast: {compile: [x]}\n")


def test_a_rule_replaces_keys(tmp_path: Path) -> None:
    text = MINIMAL + "warm: {run: [warm]}\nrules: {strict: {compile: [check], warm: {}}}\n"
    language = languages.parse(_write(tmp_path, text))
    strict = language.under("strict")
    assert (strict.compile, strict.warm, strict.rule) == (("check",), languages.Warm(), "strict")
    assert (strict.run, strict.name) == (language.run, language.name)
    assert language.under("") is language
    with pytest.raises(UserError, match="has no rule 'lax': it has strict"):
        language.under("lax")


def test_a_rule_with_a_mistake_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rules\.strict: unknown key 'compiel'"):
        languages.parse(_write(tmp_path, MINIMAL + "rules: {strict: {compiel: [check]}}\n"))
    with pytest.raises(UserError, match="rules: expected a mapping of names"):
        languages.parse(_write(tmp_path, MINIMAL + "rules: [strict]\n"))


def test_executions_grow_stale_with_what_they_depend_on_alone(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return languages.parse(_write(tmp_path, text)).execution_digest()

    known = digest(MINIMAL)
    assert digest(MINIMAL + 'stop: ["\\n"]\nlimits: {memory_mib: 2048}\n') == known
    assert digest(MINIMAL.replace("completion: ", "completion: x")) == known
    assert digest(MINIMAL + "wrong_answer: ['^E: ']\n") != known
    assert digest(MINIMAL + "environment: {A: b}\n") != known
    assert digest(MINIMAL.replace("run: [x,", "run: [y,")) != known
