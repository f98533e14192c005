"""Helpers that a grammar file's variable line may use, and how a drawn value is printed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
FRACTIONS = {2: "half", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}


class Rejected(Exception):  # a signal, not a fault
    """``need(False)``: these values make no sensible problem."""


def namespace(random: Random, word: Callable[[str], str]) -> dict[str, object]:
    """The names visible to a variable line, all drawing from ``random``.

    ``R(a, b)`` whole number; ``R(a, b, s)`` multiple of s; ``D(a, b, k)`` decimal with k places;
    ``N(a, b)`` whole, now and then with one decimal; ``pick(...)`` one of its arguments;
    ``lex(w)`` a lexicon word; ``others(w, n)`` n different ones; ``need(c)`` draws again unless c.
    """

    def whole(low: int, high: int, step: int = 1) -> int:
        # Ranges overlap now and then, so that a number's size does not give away what it is.
        if high >= 30 and random.random() < 0.25:
            value: int = round(low * (max(500, 3 * high) / max(low, 1)) ** random.random())
            return max(low, value - value % step) if low > 0 else low
        return random.randrange(-(-low // step) * step, high + 1, step)

    def decimal(low: float, high: float, places: int = 1) -> float:
        scale = int(10**places)
        return random.randrange(round(low * scale), round(high * scale) + 1) / scale

    def natural(low: int, high: int) -> int | float:
        return decimal(low, high) if random.random() < 0.12 else whole(low, high)

    def money(low: int = 20, high: int = 20000) -> int:
        """Log-uniform, rounded to a round figure as exercises like them."""
        value: float = low * (high / low) ** random.random()
        step = random.choice([1, 5, 10, 10, 50, 100])
        return max(low, round(value / step) * step) if value > 3 * step else round(value)

    def rate() -> int | float:
        kind = random.random()
        if kind < 0.7:
            return random.randint(2, 25)
        if kind < 0.85:
            return random.choice([5, 10, 15, 20, 25, 30, 40])
        return random.choice([2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 12.5, 6.25, 8.25])

    def percent() -> int | float:
        kind = random.random()
        if kind < 0.6:
            return random.randrange(5, 100, 5)
        return random.randint(1, 99) if kind < 0.95 else decimal(1, 99)

    def others(name: str, count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            new = word(name)
            if new not in found:
                found.append(new)
        return found

    def need(condition: bool) -> None:
        if not condition:
            raise Rejected

    return {
        "__builtins__": {},
        "R": whole,
        "D": decimal,
        "N": natural,
        "money": money,
        "rate": rate,
        "percent": percent,
        "pick": lambda *options: random.choice(options),
        "lex": word,
        "others": others,
        "need": need,
        "shuffled": lambda *options: random.sample(options, len(options)),
        "chance": lambda p: random.random() < p,
        "round": round,
        "int": int,
        "min": min,
        "max": max,
        "abs": abs,
    }


def print_slot(
    name: str, form: str, values: dict[str, object], random: Random
) -> str | tuple[str, object]:
    """A variable in a template: ``(name, digits)`` if printed as a number, else its words.

    Forms: none (digits), ``w`` (three), ``o`` (third, as an ordinal), ``x`` (twice, three times),
    ``f`` (half, third: one part of so many).
    """
    value = values[name]
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is neither text nor a number")
    if form == "w":
        return WORDS[int(value)]
    if form == "o":
        return ORDINALS[int(value)]
    if form == "f":
        return FRACTIONS[int(value)]
    if form == "x":
        return {2: "twice", 3: random.choice(["thrice", "three times", "3 times"])}.get(
            int(value), f"{WORDS[int(value)]} times"
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and value >= 1000 and random.random() < 0.2:
        return (name, f"{value:,}")
    return (name, repr(value))
