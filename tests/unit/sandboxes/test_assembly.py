"""How programs are put together, and where their test begins."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Job, UserError
from sandboxes import languages
from sandboxes.assembly import assemble, same_output

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


def _job(language: str, prompt: str, completion: str, test: str, kind: str = "program") -> Job:
    return Job(language, prompt, completion, test, kind, "f", "p", "t")  # type: ignore[arg-type]  # parametrised


@given(prompt=TEXT, completion=TEXT, test=TEXT)
def test_python_joins_as_the_reference_does(prompt: str, completion: str, test: str) -> None:
    found = assemble(_job("python", prompt, completion, test), languages.get("python"))
    whole = prompt + completion + "\n" + test + "\n" + "check(f)"
    assert found.source == whole.encode()


@given(prompt=TEXT, completion=TEXT, test=TEXT, language=st.sampled_from(["java", "javascript"]))
def test_other_languages_join_byte_for_byte(
    prompt: str, completion: str, test: str, language: str
) -> None:
    found = assemble(_job(language, prompt, completion, test), languages.get(language))
    assert found.source == (prompt + completion + test).encode()


def test_braces_in_a_program_are_not_placeholders() -> None:
    job = _job("python", "{test}", "{completion}{prompt}", "{entry_point}")
    found = assemble(job, languages.get("python"))
    assert found.source == b"{test}{completion}{prompt}\n{entry_point}\ncheck(f)"


def test_the_line_that_the_test_starts_on() -> None:
    found = assemble(_job("python", "a\nb\n", "c\n", "T"), languages.get("python"))
    assert found.source.split(b"\n")[found.test_line - 1] == b"T"
    found = assemble(_job("java", "a\nb\n", "c\n", "T"), languages.get("java"))
    assert found.source.split(b"\n")[found.test_line - 1] == b"T"


def test_a_test_stands_between_the_lines_that_its_launcher_waits_for() -> None:
    ruby = languages.get("ruby")
    found = assemble(_job("ruby", "a\n", "b", "T"), ruby)
    assert found.source == b"a\nb\nForkeval.at_start\nT\nForkeval.at_end\n"
    test = json.dumps({"cases": [{"input": "1", "output": "2"}]})
    assert assemble(_job("ruby", "a\n", "b", test, "stdin"), ruby).source == b"a\nb"
    test = json.dumps({"calls": [{"args": [1], "expected": 2}]})
    counted = dataclasses.replace(languages.get("python"), start="start()", end="end()")
    found = assemble(_job("python", "a\n", "b", test, "calls"), counted)
    assert found.source == b"a\nb\n\nstart()\nassert f(*[1]) == 2, 0\n\nend()\n"


def test_typescript_marks_where_its_test_begins() -> None:
    typescript = languages.get("typescript")
    program = _job("typescript", "a\n", "b", "T")
    assert assemble(program, typescript).source == b"a\nb\nvoid 0; // the test\nT\n\n"
    alone = assemble(program, typescript, "isolated")
    assert alone.source == b"a\nb\nvoid 0; // the test\nexport {};\n"
    assert alone.judge == {"prompt": b"a\n", "test": b"\nT", "entry": b"f"}


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    found = assemble(_job("java", "a", "\ud800", "b"), languages.get("java"))
    assert found.source == b"a?b"


def test_calls_are_written_in_the_language() -> None:
    test = json.dumps({"calls": [{"args": [1, [True, None]], "expected": {"a": "'"}}]})
    found = assemble(_job("python", "p\n", "c", test, "calls"), languages.get("python"))
    assert found.source == b"""p\nc\nassert f(*[1, [True, None]]) == {'a': "'"}, 0\n"""
    assert found.test_line == 3
    found = assemble(_job("javascript", "", "c", test, "calls"), languages.get("javascript"))
    assert b'f(...[1, [true, null]]), {"a": "\'"}' in found.source


def test_stdin_cases_are_runs_of_the_program_alone() -> None:
    test = json.dumps({"cases": [{"input": "1\n", "output": "2"}, {"input": "", "output": ""}]})
    found = assemble(_job("java", "p", "c", test, "stdin"), languages.get("java"))
    assert found.source == b"pc"
    assert [(case.stdin, case.expected) for case in found.cases] == [(b"1\n", "2"), (b"", "")]


@pytest.mark.parametrize("test", ["", "[]", "{}", '{"cases": []}', '{"cases": 1}'])
def test_a_malformed_document_is_named(test: str) -> None:
    with pytest.raises(UserError, match="cases"):
        assemble(_job("python", "", "", test, "stdin"), languages.get("python"))


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("5\n", "5", True),
        ("a  \nb\n\n", "a\nb", True),
        ("a\nb", "a b", False),
        ("a", " a", False),
        ("", "\n", True),
        ("a\n\nb", "a\nb", False),
    ],
)
def test_outputs_are_compared_line_by_line(expected: str, found: str, same: bool) -> None:
    assert same_output(expected, found) is same
