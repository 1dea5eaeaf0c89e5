"""Cells of tables that go out: what a spreadsheet would run as a formula, made text, and read back as it was.

The rule for CSV and TSV, written and read: where a spreadsheet may see a cell begin (at the start of the text, and
behind a semicolon, tab or line break inside it, which separate cells in some countries' settings) and what follows
would make it a formula, an apostrophe goes in front. Text that has apostrophes there already gets one more, so taking
one away again gives back every text exactly. Plain numbers keep their sign and get none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from molsearch.records import Entry, Molecule

Value = str | float | int
Rows = Iterable[tuple[Molecule, Mapping[str, Value]]]

_SIGN = r"[=+\-@＝＋－＠]"
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?"
_START = re.compile(rf"'*(?:[\t\r]|\s*{_SIGN})")
_HARMLESS = re.compile(rf"'*\s*{_NUMBER}\s*")
_INNER = re.compile(rf"(?<=[;\t\r\n])(?P<marks>'*)(?=[ ]*{_SIGN})(?![ ]*{_NUMBER}[ ]*(?:[;\t\r\n]|\Z))")


def inert(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; see the rule above."""
    inner = _INNER.sub(r"\g<marks>'", cell)
    return "'" + inner if _is_formula(inner) else inner


def verbatim(cell: str) -> str:
    """Undo ``inert``: ``verbatim(inert(cell)) == cell`` for every text."""
    inner = cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell
    return _INNER.sub(lambda match: match["marks"][1:], inner)


def _is_formula(cell: str) -> bool:
    return _START.match(cell) is not None and _HARMLESS.fullmatch(cell) is None


def unique(own: Sequence[str], original: Sequence[str]) -> list[str]:
    """Name every column differently: an original one called like another gets " (original)" behind it."""
    taken: dict[str, None] = {}
    for name in (*own, *original):
        while name in taken:
            name += " (original)"
        taken[name] = None
    return list(taken)


def shown(value: Value | None) -> str:
    """Write a value as text; a missing one is empty."""
    return "" if value is None else value if isinstance(value, str) else str(plain(value))


def plain(value: Value) -> Value:
    """Make numpy scalars plain Python values."""
    if isinstance(value, str):
        return value
    return int(value) if hasattr(value, "__index__") else float(value)


def tags_of(entry: Entry) -> Mapping[str, str]:
    """Return the original columns, less the one that held the molblock itself."""
    return {name: value for name, value in entry.properties.items() if "M  END" not in value or value not in entry.text}


def writable(text: str) -> str:
    """Replace lone surrogates, which undecodable bytes leave and no file format takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
