"""A candidate as a reviewer sees it: its code without comments, then the task in words."""

from __future__ import annotations

import re
import zlib

from pipeline.records import Problem

VERSION = "1"  # part of what a review means: raised when its text changes
COMPRESSED = 0.25  # text that zlib makes smaller than this share of itself repeats itself
NAME = "f"

_HASH = ("python", "ruby", "perl")
_STRING = r"\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_COMMENT = {
    True: re.compile(rf"({_STRING})|#[^\n]*"),
    False: re.compile(rf"({_STRING})|//[^\n]*|/\*(?s:.*?)\*/"),
}
_PYTHON_DOCUMENTATION = re.compile(r"[ \t]*(\"\"\"|''')(.*?)\1[ \t]*\n?", re.DOTALL)
_BLOCK = re.compile(r"[ \t]*/\*(.*?)\*/[ \t]*\n?", re.DOTALL)
_LINES = re.compile(r"(?:^[ \t]*(?:///?|#+)[^\n]*\n?)+", re.MULTILINE)
_NOTHING = re.compile(r"(?:pass|return(?:\s+(?:none|null|nil|undef|undefined))?)?\s*;?", re.I)


def review(problem: Problem, completion: str) -> tuple[str, str]:
    """What comes before the task's description, and the description: log p(second | first).

    Source: Zhang et al. 2022 (arXiv 2211.16490), section 3 and its appendix on prompts.
    """
    own = problem.prompt[problem.header_chars :]
    words, code = documentation(own, problem.language)
    text = without_comments(code + completion, problem.language)
    text = re.sub(rf"\b{re.escape(problem.entry_point)}\b", NAME, text).strip()
    mark = "#" if problem.language in _HASH else "//"
    asked = f"{text}\n\n{mark} Write a docstring for the above function\n"
    if problem.language == "python":
        return asked, f'"""\n{words}\n"""'
    return asked, "\n".join(f"{mark} {line}".rstrip() for line in words.splitlines())


def documentation(prompt: str, language: str) -> tuple[str, str]:
    """The words of a prompt's last comment, and the prompt without it."""
    if language == "python":
        found = list(_PYTHON_DOCUMENTATION.finditer(prompt))
        text = found[-1][2] if found else ""
    else:
        found = list(_BLOCK.finditer(prompt)) or list(_LINES.finditer(prompt))
        text = (found[-1][1] if found[-1].re is _BLOCK else found[-1][0]) if found else ""
    lines = [re.sub(r"^\s*(?:///?|#+|\*+)?\s?", "", line).rstrip() for line in text.splitlines()]
    words = "\n".join(line for line in lines if line)
    rest = prompt[: found[-1].start()] + prompt[found[-1].end() :] if found else prompt
    return words, rest


def without_comments(code: str, language: str) -> str:
    """Without comments, and without the lines that held nothing else."""
    comment = _COMMENT[language in _HASH]
    kept = []
    for line in comment.sub(lambda found: found[1] or "\0", code).splitlines():
        bare = line.replace("\0", "").rstrip()
        if bare or "\0" not in line:
            kept.append(bare)
    return "\n".join(kept)


def degenerate(completion: str, language: str) -> bool:
    """Nothing, `pass`, a bare return, or text that repeats itself: likely, and never right."""
    body = without_comments(completion, language).strip()
    if language == "ruby":
        body = re.sub(r"\bend\b\s*$", "", body)
    elif language != "python":
        body = body.rstrip("} \n\t")
    if _NOTHING.fullmatch(body.strip()):
        return True
    data = completion.encode("utf-8", "replace")
    return len(zlib.compress(data)) <= COMPRESSED * len(data)
