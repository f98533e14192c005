"""The examples in a prompt's own documentation: public inputs, which a ranker may use.

They are written as in an interactive session: a call behind a prompt mark, then the value, up to an
empty line, the next call or the end of the comment. Some languages' files mark the value too.
"""

from __future__ import annotations

import re

# What lines of documentation begin with in the published languages. In Python `#` starts a comment
# in code, and examples are in docstrings.
_LEADER = re.compile(r"^[ \t]*(?:///?|/\*\*?|\*(?!/)|#+)[ \t]?")
_PYTHON_LEADER = re.compile(r"^[ \t]*")
_END = re.compile(r"\s*(?:\*/|</\w+>)\s*$")
_PYTHON_END = re.compile(r"\s*(?:\"\"\"|''')\s*$")
_MARK = re.compile(r"^[ \t]*(?:>>>|(?:php|irb)?[ \t]*>)[ \t]*(?=\S)")
_PYTHON_MARK = re.compile(r"^>>>[ \t]+\S")
_NAME = re.compile(r"[^\w]*([\w.]+)\s*\(")


def public_examples(prompt: str, language: str) -> tuple[str, ...]:
    """Every documented call with its value, one string each, as written.

    The leaders of comment lines are taken off, the prompt marks and line ends are kept:
    ``>>> f(1)\\n2``. prompt: without a few-shot header.
    """
    python = language == "python"
    leader, end = (_PYTHON_LEADER, _PYTHON_END) if python else (_LEADER, _END)
    mark = _PYTHON_MARK if python else _MARK
    found: list[list[str]] = []
    inside = False  # whether the line may belong to the example before it
    for line in prompt.splitlines():
        text, documentation = leader.subn("", line, count=1)
        text, ended = end.subn("", text.rstrip(), count=1)
        if not text or not documentation:
            inside = False
        elif mark.match(text):
            if inside and not python and _is_value(text, found[-1]):
                found[-1].append(text)
            else:
                found.append([text])
            inside = True
        elif inside:
            found[-1].append(text)
        inside = inside and not ended
    return tuple("\n".join(lines) for lines in found)


def _is_value(text: str, example: list[str]) -> bool:
    """Whether a marked line is the value of the call before it: it does not call that again."""
    name, called = _NAME.match(text), _NAME.match(example[0])
    return len(example) == 1 and (not name or not called or name[1] != called[1])
