"""Truncation: laws that hold for any text, and the cases that cut programs wrongly elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.benchmarks.truncation import kept_tokens, program_of, truncate, version
from pipeline.records import Candidate, Problem, TruncationRule, UserError, digest
from sandboxes import languages
from tests.unit.benchmarks.functions import BODIES, PROMPTS, RULES

PYTHON_STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n@", "\n```")
PIECES = (
    "    return x\n",
    "\treturn x\n",
    "    x = (1,\n2)\n",
    '    """a\nclass\n"""\n',
    "    # } {\n",
    "# top\n",
    "def g():\n    pass\n",
    "class G:\n    pass\n",
    "if x:\n    pass\n",
    "@g\n",
    "print(f(1))\n",
    "x = 1\n",
    "```\n",
    "    if (x) {\n",
    "    }\n",
    "}\n",
    "};\n",
    "    return '}' + `${x}}` + /}/;\n",
    "        // }\n",
    '    String s = "}";\n',
    "class G {}\n",
    "end\n",
    "  x.each do |y| puts y end\n",
    "?>\n",
    "    $x =~ m/}{2}/;\n",
    "object G { def g = { } }\n",
    "#{",
    "<<~A\n",
    "é\ud83d\ude00",
    "'",
    '"""',
    "(",
    "\n\n",
    " ",
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(max_size=60),
)
STOPS = st.one_of(
    st.just(PYTHON_STOP), st.just(()), st.lists(st.text(min_size=1, max_size=3), max_size=3)
)


@given(language=st.sampled_from(sorted(PROMPTS)), text=TEXTS, stop=STOPS)
@settings(max_examples=1500, deadline=None)
@example(language="javascript", text="  return '\n}\n", stop=())
@example(language="python", text="    return 1\n\n\nx = (\n", stop=())
@example(language="java", text="return 1; } }\n}\n}", stop=("}",))
def test_laws(language: str, text: str, stop: tuple[str, ...]) -> None:
    prompt = PROMPTS[language]
    rule = RULES[language]
    cut = truncate(rule, prompt, text, stop)
    assert text.startswith(cut.kept), "a prefix"
    assert cut.kept == cut.kept.rstrip(" \t\r\n\f\v"), "without trailing white space"
    assert not any(s in cut.kept for s in stop), "no stop string is left"
    again = truncate(rule, prompt, cut.kept, stop)
    assert again.kept == cut.kept, "its own truncation"
    if language == "none":
        first = min((text.find(s) for s in stop if s in text), default=len(text))
        assert cut.kept == text[:first].rstrip(" \t\r\n\f\v"), "the earliest stop, and only it"
    if cut.kind == "stop":
        assert any(s in text for s in stop)
    if cut.kind == "none" and not stop:
        assert cut.kept == text.rstrip(" \t\r\n\f\v"), "nothing ended it, nothing is lost"


@pytest.mark.parametrize(
    ("language", "body"), [(name, body) for name, found in BODIES.items() for body in found]
)
@given(tail=TEXTS)
@settings(max_examples=40, deadline=None)
def test_what_follows_a_sound_function_is_dropped(language: str, body: str, tail: str) -> None:
    """Whatever a model writes after the function, the function alone is judged."""
    after = "\ny = " if language == "python" else "\n"
    cut = truncate(RULES[language], PROMPTS[language], body + after + tail, ())
    assert cut[:2] == (body, "function_end")


@pytest.mark.parametrize("language", sorted(BODIES))
def test_a_sound_function_stays_whole(language: str) -> None:
    ended = "none" if language == "python" else "function_end"
    for body in BODIES[language]:
        cut = truncate(RULES[language], PROMPTS[language], body, ())
        assert cut[:2] == (body, ended)


def test_these_rules_are_those_of_the_folders() -> None:
    for name in RULES.keys() & languages.load().keys():
        assert languages.get(name).truncation == RULES[name]


def test_the_stop_strings_of_a_folder_cut_no_sound_function() -> None:
    for name in BODIES.keys() & languages.load().keys():
        for body in BODIES[name]:
            kept = truncate(RULES[name], PROMPTS[name], body, languages.get(name).stop).kept
            assert kept == body


def test_csharp_and_scala_leave_what_surrounds_the_function_to_the_test() -> None:
    for language in ("csharp", "scala"):
        body = BODIES[language][0]
        assert truncate(RULES[language], PROMPTS[language], body + "\n}\n}\n", ()).kept == body


@pytest.mark.parametrize("stop", PYTHON_STOP)
def test_every_usual_stop_ends_python(stop: str) -> None:
    cut = truncate(RULES["python"], PROMPTS["python"], f"    return x\n{stop} rest", PYTHON_STOP)
    assert cut == ("    return x", "stop", "python-margin-2")


def test_a_stop_in_the_prompt_does_not_count() -> None:
    prompt = "def g():\n    pass\n\ndef f(x):\n"
    assert (
        truncate(RULES["python"], prompt, "    return g()\n", ("\ndef",)).kept == "    return g()"
    )


def test_the_earliest_end_wins() -> None:
    text = "    return x\ny = 1\ndef g(): pass\n"
    assert truncate(RULES["python"], PROMPTS["python"], text, ("\ndef",))[:2] == (
        "    return x",
        "function_end",
    )
    text = "    return x\ndef g(): pass\ny = 1\n"
    assert truncate(RULES["python"], PROMPTS["python"], text, ("\ndef",))[:2] == (
        "    return x",
        "stop",
    )


@pytest.mark.parametrize(
    "body",
    [
        "    def inner(y):\n        return y\n    return inner(x)",
        "    @staticmethod\n    def g():\n        pass\n    return g",
        '    s = """\nclass A\n"""\n    return s',
        "    x = [\n1,\n]\n    return x",
        "# a comment at the margin\n    return x",
        "    a = 1; b = 2\n\n\n    return a",
        "    x = 1 + \\\n2\n    return x",
        "    x = 1 \\\n+ 2\n    return x",
        "    if x:\n        return 1\n    else:\n        return 2",
    ],
)
def test_python_bodies_stay_whole_without_stops(body: str) -> None:
    assert truncate(RULES["python"], PROMPTS["python"], body + "\nf(1)\n", ()).kept == body


def test_tab_indentation() -> None:
    prompt = 'def f(x):\n\t"""Does."""\n'
    body = "\tfor i in x:\n\t\tx = i\n\treturn x"
    assert truncate(RULES["python"], prompt, body + "\nf(1)", ())[:2] == (body, "function_end")


def test_a_wrong_indentation_is_left_to_the_language() -> None:
    """Cutting it off could make a wrong program run: the language shall say what is wrong."""
    text = "\treturn x\n  return 1"
    prompt = 'def f(x):\n    """Does."""\n'
    assert truncate(RULES["python"], prompt, text, ()).kept == text


def test_an_open_bracket_is_an_extraction_failure() -> None:
    assert truncate(RULES["python"], PROMPTS["python"], "    return (x", ()).kind == "unterminated"
    assert (
        truncate(RULES["java"], PROMPTS["java"], "        return x;\n    }\n", ()).kind
        == "unterminated"
    )
    assert (
        truncate(RULES["javascript"], PROMPTS["javascript"], "  return {x", ()).kind
        == "unterminated"
    )


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("java", "        return x\n    }\n}"),
        ("javascript", "  return x +;\n}"),
        ("typescript", "  return array { case 'a' => { return '}'; } };\n}"),
        ("kotlin", "    for (i = 0; i < 1; i++) {\n    }\n    return []\n}"),
        ("csharp", "\n            for (int i = 0; i &lt; 1; i++) { }\n        }"),
        ("go", "\tfor _, v := range x {\n\t\tv.replace(/[0-9]/g)\n\t}\n}"),
        ("perl", "    for my $i (1; $i < 2; $i++) {\n    }\n    return 1;\n}"),
        ("scala", "        for (i <- 1; i < 2; i++) {\n        }\n    }"),
        ("swift", "    for (var i = 0; i < 1; i++) {\n    }\n}"),
        ("cpp", "    for (i = 0; i &lt; 1; i++) {\n    }\n}"),
        ("php", "    return $x +;\n}"),
        ("ruby", "\n  for i in 0..x\n    if i\n      x += 1\n  end\n  return x\n\nend"),
    ],
)
def test_a_function_with_an_error_ends_at_its_brace_too(language: str, body: str) -> None:
    for after in ("", "\n\n", "\n// and then\n"):
        cut = truncate(RULES[language], PROMPTS[language], body + after, ())
        assert cut[:2] == (body, "function_end")


@pytest.mark.parametrize("after", [".A", "(1)", "`x`", " + 1", "\n}", "/*", "'", "${"])
def test_what_could_go_on_after_the_brace_does_not(after: str) -> None:
    text = "  return x;\n}" + after
    assert truncate(RULES["javascript"], PROMPTS["javascript"], text, ()).kept == "  return x;\n}"


def test_a_signature_without_its_brace() -> None:
    text = "\n{\n  return x;\n}\nf(1);"
    assert truncate(RULES["javascript"], "function f(x)", text, ()).kept == "\n{\n  return x;\n}"


def test_a_function_expression_keeps_its_semicolon() -> None:
    prompt = "const f = function (x) {\n"
    assert (
        truncate(RULES["javascript"], prompt, "  return x;\n};\nf(1);\n", ()).kept
        == "  return x;\n};"
    )


@pytest.mark.parametrize("rule", ["python", "java", "javascript"])
def test_a_whole_program_after_a_comment_stays_whole(rule: str) -> None:
    """Tests of the kind `stdin` have prompts that open nothing."""
    prompt, text = {
        "python": ("# Read a number.\n", "import sys\ndef f():\n    pass\nf()\nprint(1)"),
        "java": ("// Read a number.\n", "class Main {\n}\nclass B {\n}"),
        "javascript": ("// Read a number.\n", "function f() {\n}\nf();"),
    }[rule]
    assert truncate(RULES[rule], prompt, text, ())[:2] == (text, "none")


def test_an_unknown_rule_says_what_to_install() -> None:
    with pytest.raises(UserError, match="pip install tree-sitter-elvish"):
        truncate(TruncationRule("elvish", "function"), "", "", ())
    with pytest.raises(UserError, match="empty stop string"):
        truncate(RULES["none"], "", "x", ("",))


def test_versions_name_the_rule() -> None:
    assert version(RULES["java"]) == "java-outermost-2"
    assert version(RULES["none"]) == "stop-2"
    assert truncate(RULES["java"], PROMPTS["java"], "", ()).version == "java-outermost-2"


@given(
    tokens=st.lists(st.text(max_size=3), max_size=8),
    parts=st.integers(min_value=0, max_value=3),
    kept=st.integers(min_value=0, max_value=30),
)
def test_kept_tokens_cover_the_kept_text(tokens: list[str], parts: int, kept: int) -> None:
    """The kept tokens hold the kept text, one fewer does not; `parts` hold half a character."""
    pieces = [x for x in tokens if x]
    text = "".join(pieces)
    ends, at = [0] * parts, 0
    for piece in pieces:
        at += len(piece)
        ends.append(at)
    ends.append(at)  # an end-of-sequence token adds no character
    cut = text[:kept]
    count = kept_tokens(ends, cut)
    covered = ends[count - 1] if count else 0
    assert covered >= len(cut)
    if cut:
        assert (ends[count - 2] if count > 1 else 0) < len(cut)
    else:
        assert count == 0


def problem(header: str) -> Problem:
    return Problem(
        dataset="d",
        language="python",
        task_id="t",
        prompt=header + PROMPTS["python"],
        header_chars=len(header),
        entry_point="f",
        description="",
        public_examples=(),
        prompt_form="base",
        source_sha256="",
        overlay="",
    )


def candidate(text: str) -> Candidate:
    ends = tuple(range(1, len(text) + 1))
    return Candidate(
        "d", "python", "t", 3, text, ends, (*ends[:-1], len(text)), (), (), "length", ""
    )


def test_the_header_is_no_part_of_the_program() -> None:
    text = "    return x\ndef g"
    with_header = program_of(problem("def h():\n"), candidate(text), RULES["python"], PYTHON_STOP)
    bare = program_of(problem(""), candidate(text), RULES["python"], PYTHON_STOP)
    assert with_header == bare
    assert bare.program_hash == digest("python", PROMPTS["python"], "    return x")
    assert (bare.completion, bare.cut, bare.kept_tokens) == ("    return x", "stop", 12)
    assert bare.sample_index == 3


def test_truncation_can_be_turned_off() -> None:
    text = "    return x\n\ndef g():\n    pass\n"
    whole = program_of(problem(""), candidate(text), RULES["python"], PYTHON_STOP, cut=False)
    assert (whole.completion, whole.cut, whole.kept_tokens) == (text, "none", len(text))
