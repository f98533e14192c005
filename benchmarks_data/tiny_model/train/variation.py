"""Rewordings that keep a statement's meaning but move its parts.

They act on marked text, in which a variable's number reads ``\\x00name\\x01digits\\x02``, before
numbers are counted. Because a relation's numbers then come in any order, only the words around a
number (unit, preposition, clause) tell what it is: a model cannot go by position.
"""

from __future__ import annotations

import re
from random import Random

_FULL_STOP = re.compile(r"(?<!\brs)(?<!\bre)(?<!\bmr)(?<!\bsq)(?<!\bcm)(?<!\bsec)(?<!\b\w) \. ")
_MARK = r"\x00[^\x02]*\x02"
_PREPOSITION = r"(?:at|in|for|on|with|by|from|to|after)"
_STOP = (
    r"(?:at|in|for|on|with|by|from|to|after|of|and|or|is|are|was|were|has|have|if|when|who|which|"
    r"that|then|find|what|how|he|she|it|they|as|than|will|does|did|can|while|but)"
)
_WORD = rf"(?!{_STOP} )[^\x00\x02 ,.?:]+"
_LAST_WORD = rf"(?!{_STOP}(?: |$))[^\x00\x02 ,.?:]+"
_CHUNK = rf"{_PREPOSITION} (?:{_WORD} (?:\. )?){{0,4}}{_MARK}(?: {_LAST_WORD}){{0,4}}"
_RUN = re.compile(rf"(?<= ){_CHUNK}(?: {_CHUNK})+(?= [,.?]|$)")
_ONE_CHUNK = re.compile(_CHUNK)
_FINAL_CHUNK = re.compile(
    rf" (?P<chunk>(?:at|in|for|on|with|after) (?:{_WORD} (?:\. )?){{0,4}}{_MARK}"
    rf"(?: {_LAST_WORD}){{0,4}})$"
)
_IF_CLAUSE = re.compile(r"^(if|when) (?P<given>.*) , (?:then )?(?P<asked>[^,]*)$")
_QUESTION = re.compile(
    r"^(?:find|what|how|calculate|determine|compute|work out|in how|in what|at what|after how|"
    r"for how|then ,? ?find)\b"
)

DISTRACTIONS = (
    "{who} is {n} years old",
    "it is day {n} of the month",
    "there are {n} other people in the room",
    "this is question {n} of the test",
    "{who} also has {n} coins",
    "the shop is {n} minutes away",
    "{n} tickets were sold yesterday",
    "the office is on floor {n}",
)


def _permute_chunks(sentence: str, random: Random) -> str:
    """``on rs 500 at 4 % for 3 years`` in any order of its phrases."""

    def permuted(match: re.Match[str]) -> str:
        chunks = _ONE_CHUNK.findall(match[0])
        if " ".join(chunks) != match[0]:
            return match[0]
        random.shuffle(chunks)
        return " ".join(chunks)

    return _RUN.sub(permuted, sentence)


def _front(sentence: str, random: Random) -> str:
    """The last phrase first: ``in 8 sec a train crosses a pole``."""
    found = _FINAL_CHUNK.search(sentence)
    if found is None or sentence.startswith(("if ", "when ")) or " and " in sentence:
        return sentence
    comma = random.choice([" ,", " ,", ""])
    return f"{found['chunk']}{comma} {sentence[: found.start()]}"


def _split(text: str) -> tuple[list[str], str]:
    """Declarative sentences and the question, without their end marks."""
    body = re.sub(r"[ ?.]+$", "", text)
    *declared, asked = _FULL_STOP.split(body)
    return [d.strip() for d in declared], asked.strip()


def mark(name: str, digits: str) -> str:
    """A variable's number in marked text."""
    return f"\x00{name}\x01{digits}\x02"


def unmarked(text: str) -> str:
    """Marked text with plain digits."""
    return re.sub(r"\x00[^\x01]*\x01([^\x02]*)\x02", r"\1", text)


def small_talk(random: Random, who: str) -> str:
    """A sentence with a number that matters to no question."""
    return random.choice(DISTRACTIONS).format(who=who, n=random.randint(2, 60))


def decoy(text: str, random: Random, who: str) -> str:
    """Another problem's question, reported rather than asked."""
    _, asked = _split(text)
    opening = random.choice(["{} asks :", "{} wants to know :", "another question was :"])
    return f"{opening.format(who)} {unmarked(asked)}"


def facts(text: str, random: Random) -> list[str]:
    """What a marked problem states before it asks, at most two sentences, as plain text."""
    declared, _ = _split(text)
    declared = [s for s in declared if not s.startswith(("if ", "when ", "then "))][:2]
    if len(declared) == 2 and random.random() < 0.5:
        declared = declared[:1]
    return [unmarked(s) for s in declared]


def vary(text: str, random: Random, distraction: list[str]) -> str:
    """One rewording of marked ``text`` with the sentences of ``distraction`` put in somewhere."""
    declared, asked = _split(text)
    declared = [_permute_chunks(s, random) if random.random() < 0.6 else s for s in declared]
    asked = _permute_chunks(asked, random) if random.random() < 0.6 else asked
    declared = [_front(s, random) if random.random() < 0.25 else s for s in declared]
    if random.random() < 0.12:
        asked = _front(asked, random)
    if len(declared) > 1 and random.random() < 0.1:
        random.shuffle(declared)
    if distraction:
        # Not between a problem's own sentences, which may refer to each other.
        declared = random.choice(
            [distraction + declared, distraction + declared, declared + distraction]
        )
    clause = _IF_CLAUSE.match(asked) if not declared else None
    if clause and _QUESTION.match(clause["asked"]) and random.random() < 0.4:
        joiner = random.choice([" if ", " if ", " when ", " , if ", " ? given that "])
        asked = f"{clause['asked']}{joiner}{clause['given']}"
    elif declared and _QUESTION.match(asked) and random.random() < 0.25:
        given = random.choice([" and ", " , ", " . ", " and "]).join(declared)
        joiner = random.choice([" if ", " if ", " when ", " , given that ", " ? ", " , if "])
        return f"{asked}{joiner}{given} {random.choice(['?', '?', '.'])}"
    elif declared and not distraction and random.random() < 0.2:
        last = declared.pop()
        joiner = random.choice([" , ", " , ", " and "])
        opening = random.choice(["if ", "if ", "when ", ""])
        declared.append(f"{opening}{last}{joiner}{asked}")
        asked = declared.pop()
    end = random.choice(["?", "?", "?", "?", "?", "?", ".", "", ":"])
    return " . ".join([*declared, f"{asked} {end}"]).strip()
