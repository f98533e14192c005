"""Reads ``fixed_functions.txt``: functions that are written out rather than composed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from .function_families import Function, lines

# Types that say more than the signature does: the signature's type, and how to draw one.
_DRAWN_TYPES: dict[str, tuple[str, Callable[[Random], object] | None]] = {
    "pos": ("int", lambda r: r.randint(1, 24)),
    "small": ("int", lambda r: r.randint(0, 7)),
    "letter": ("str", lambda r: r.choice("aeiorstln")),
    "word": (
        "str",
        lambda r: r.choice(["ab", "moon", "code", "river", "ho", "pen", "stone", "data", "xy"]),
    ),
    "text": (
        "str",
        lambda r: " ".join(
            r.sample(
                [
                    "a",
                    "red",
                    "green",
                    "apple",
                    "house",
                    "on",
                    "the",
                    "hill",
                    "by",
                    "river",
                    "sun",
                    "moon",
                ],
                r.randint(2, 4),
            )
        ),
    ),
    "threes": ("ints", lambda r: [r.randint(0, 20) for _ in range(3)]),
}


@dataclass(frozen=True, slots=True)
class FixedFamily:
    """One function with its interchangeable names and wordings."""

    family: str
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    parameters: tuple[tuple[tuple[str, ...], str], ...]
    returns: str
    bodies: dict[str, tuple[str, ...]]

    def draw(self, random: Random) -> Function:
        """The function under one of its names, with one wording."""
        names = [random.choice(options) for options, _ in self.parameters]
        kinds = [kind for _, kind in self.parameters]

        def body(language: str) -> str:
            return lines(
                *(
                    re.sub(r"@(\d)", lambda m: names[int(m[1])], row)
                    for row in self.bodies[language]
                )
            )

        ranges = {}
        for name, kind in zip(names, kinds, strict=True):
            drawer = _DRAWN_TYPES[kind][1] if kind in _DRAWN_TYPES else None
            if drawer is not None:
                ranges[name] = drawer
        description = re.sub(
            r"\{([^{}]*)\}",
            lambda m: random.choice(m[1].split("|")),
            random.choice(self.descriptions),
        )
        return Function(
            self.family,
            random.choice(self.names),
            re.sub(r"\s+([,;])", r"\1", " ".join(description.split())),
            tuple(
                (name, _DRAWN_TYPES[kind][0] if kind in _DRAWN_TYPES else kind)
                for name, kind in zip(names, kinds, strict=True)
            ),
            self.returns,
            body("py"),
            body("java"),
            body("js"),
            ranges,
        )


@lru_cache(maxsize=1)
def load() -> tuple[FixedFamily, ...]:
    """All families of the file."""
    text = (Path(__file__).parent / "fixed_functions.txt").read_text(encoding="utf-8")
    families = []
    for block in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        family, names, descriptions, parameters, returns, *rows = block.rstrip().split("\n")
        bodies: dict[str, list[str]] = {"py": [], "java": [], "js": []}
        for row in rows:
            language, _, code = row.partition(" ")
            bodies[language].append(code)
        families.append(
            FixedFamily(
                family,
                tuple(names.split()),
                tuple(d.strip() for d in re.split(r"; (?![^{}]*\})", descriptions)),
                tuple(
                    (tuple(p.partition(":")[0].split("|")), p.partition(":")[2])
                    for p in parameters.split()
                ),
                returns,
                {language: tuple(code) for language, code in bodies.items()},
            )
        )
    return tuple(families)
