"""Small pieces of HTML. Everything that was not written here is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

DASH = "\N{EN DASH}"
_SUPERSCRIPT = str.maketrans(
    "0123456789-", "\u2070\xb9\xb2\xb3\u2074\u2075\u2076\u2077\u2078\u2079\u207b"
)


class Markup(str):
    """Text that is HTML already; everything else is escaped where it is put in."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell: its content, whether it is a number, what it sorts by."""

    content: object
    number: bool = False
    sort: float | str | None = None
    id: str = ""  # what a link to this row names


def html(content: object) -> Markup:
    """The content as markup."""
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def join(parts: Sequence[object]) -> Markup:
    return Markup("".join(html(part) for part in parts))


def tag(name: str, content: object, **attributes: str) -> Markup:
    """An element; an attribute's leading underscores and inner ones are for Python's sake."""
    written = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{html(content)}</{name}>")


def anchor(item: Mapping[str, Any]) -> str:
    """The id of a problem on a report page: dataset/language/task id, as `forkeval show` names it.

    A link to it is `report.html#` and this, quoted. Ids hold no white space.
    """
    return "/".join("_".join(item[name].split()) for name in ("dataset", "language", "task_id"))


def many(count: int, thing: str) -> str:
    """1 night, 2 nights."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def number(value: float | None, digits: int = 1) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 1) -> str:
    """A number with a typographer's minus."""
    return number(value, digits).replace("-", "\N{MINUS SIGN}")


def percent(value: float | None, digits: int = 1) -> str:
    return DASH if value is None else f"{100 * value:.{digits}f}"


def share(part: int, total: int) -> float | None:
    """part / total; None of nothing."""
    return part / total if total else None


def amount(value: float | None, unit: str) -> str:
    """A figure of the ledger, as exactly as its unit deserves."""
    if value is None:
        return DASH
    if unit == "FLOP":
        mantissa, power = f"{value:.2e}".split("e")
        return f"{mantissa} \N{MULTIPLICATION SIGN} 10{str(int(power)).translate(_SUPERSCRIPT)}"
    if unit == "tokens":
        return f"{value:,.0f}"
    return f"{value:,.2f}" if value >= 1 else f"{value:.3g}"


def interval(low: float | None, high: float | None) -> Markup:
    """An interval in percent; nothing where there is none."""
    if low is None or high is None:
        return Markup("")
    return tag("span", f"[{percent(low)}, {percent(high)}]", _class="ci")


def estimate(row: dict[str, Any]) -> Markup:
    """A value in percent with its interval; the reason on hover where it is undefined."""
    if row["value"] is None:
        return tag("span", DASH, title=row["reason"])
    return join([percent(row["value"]), " ", interval(row["low"], row["high"])])


def table(
    caption: str,
    head: Sequence[str | Cell],
    rows: Sequence[Sequence[object]],
    *,
    sortable: bool = False,
    tall: bool = False,
    sums: Sequence[int] = (),
) -> Markup:
    """A table in a box that scrolls by itself; the first cell of a row is its heading."""
    top = join(
        [
            tag("th", c.content, scope="col", _class="num")
            if isinstance(c, Cell)
            else tag("th", c, scope="col")
            for c in head
        ]
    )
    body = []
    for i, row in enumerate(rows):
        cells = []
        for j, item in enumerate(row):
            cell = item if isinstance(item, Cell) else Cell(item)
            extra = {"_class": "num"} if cell.number else {}
            if cell.sort is not None:
                extra["data_value"] = str(cell.sort)
            if cell.id:
                extra["id"] = cell.id
            if j == 0:
                cells.append(tag("th", cell.content, scope="row", **extra))
            else:
                cells.append(tag("td", cell.content, **extra))
        extra = {"_class": "sum"} if i in sums else {}
        body.append(tag("tr", join(cells), **extra))
    content = join(
        [
            tag("caption", caption),
            tag("thead", tag("tr", top)),
            tag("tbody", join(body)),
        ]
    )
    css = {"_class": "sortable"} if sortable else {}
    box = "scroll tall" if tall else "scroll"
    return tag(
        "div",
        tag("table", content, **css),
        _class=box,
        tabindex="0",
        role="region",
        aria_label=caption,
    )
