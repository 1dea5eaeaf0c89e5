"""A query as the part of an address behind the question mark, and back.

A link carries what was typed: words, filters, the name of a library. It never carries a file, a list of tested
compounds or a molecule of a library. Whoever opens it did not write it, so every field is checked before it is used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.records import Phrase, PropertyRange, Query

VERSION = "1"
MAX_CHARS = 4_000  # of all fields together; browsers and proxies cut longer addresses
MAX_HITS = 1_000

#: What each field carries; those in REPEATED may stand more than once.
FIELDS: Mapping[str, str] = {
    "v": "version of the link",
    "q": "text of the query",
    "w": "weight of the text",
    "p": "one more phrase, as weight:text",
    "q2": "text of the second query beside it",
    "lib": "name of the library",
    "k": "number of hits",
    "r": "property range, as name:low:high",
    "s": "substructure as SMARTS",
    "like": "reference structure as SMILES",
    "x": "what is left out",
    "ok": "what the text seems to leave out but does not",
    "names": "0 where names in the text lift no molecule",
    "criteria": "0 where stated classes, amounts and roles lift no molecule",
    "rerank": "1 where the leading molecules are compared a second time, words with atoms",
}
REPEATED = frozenset({"p", "r", "x", "ok"})


@dataclass(frozen=True, slots=True)
class Permalink:
    """What a link asks.

    Attributes:
        query: The query with its filters.
        library: Name of the library, or "".
        second: Text of the query to set beside it, or "".
    """

    query: Query
    library: str
    second: str = ""


def fields_of(link: Permalink) -> dict[str, list[str]]:
    """Write a link as fields; what has its usual value is left out.

    Raises:
        InputError: If the query is too long for a link.
    """
    query, usual = link.query, Query("")
    fields = {
        "v": [VERSION],
        "q": [query.text],
        "w": [_spelt(query.weight)] if query.weight != usual.weight else [],
        "p": [f"{_spelt(phrase.weight)}:{phrase.text}" for phrase in query.phrases],
        "q2": [link.second],
        "lib": [link.library],
        "k": [str(query.k)] if query.k != usual.k else [],
        "r": [f"{bounds.name}:{_spelt(bounds.low)}:{_spelt(bounds.high)}" for bounds in query.ranges],
        "s": [query.smarts],
        "like": [query.reference],
        "x": list(query.without),
        "ok": list(query.allowed),
        "names": [] if query.exact_names else ["0"],
        "criteria": [] if query.criteria else ["0"],
        "rerank": ["1"] if query.rerank else [],
    }
    written = {name: [value for value in values if value] for name, values in fields.items()}
    written = {name: values for name, values in written.items() if values}
    if (length := _length(written)) > MAX_CHARS:
        raise InputError(
            f"This query is too long for a link: it has {length:,} characters, expected at most {MAX_CHARS:,}."
        )
    return written


def address(page: str, link: Permalink) -> str:
    """Write a link as a whole address.

    Args:
        page: Address of the page without a question mark.
        link: What it asks.

    Raises:
        InputError: If the query is too long for a link.
    """
    return f"{page.split('?')[0]}?{urlencode(fields_of(link), doseq=True)}"


def read_link(fields: Mapping[str, Sequence[str]]) -> Permalink:
    """Read the fields of an address.

    Args:
        fields: Each name with its values, as the browser sent them.

    Raises:
        InputError: If a field is unknown, repeated, too long or of another form; the sentence says which.
    """
    _check(fields)
    first = {name: values[0] for name, values in fields.items() if values}
    if first.get("v") != VERSION:
        raise _broken("v", first.get("v", "nothing"), VERSION)
    query = Query(
        text=first.get("q", ""),
        k=_hits(first.get("k", str(Query("").k))),
        ranges=tuple(_range(value) for value in fields.get("r", ())),
        smarts=first.get("s", ""),
        reference=first.get("like", ""),
        exact_names=_switch("names", first.get("names", "1")),
        weight=_weight("w", first.get("w", "1")),
        phrases=tuple(_phrase(value) for value in fields.get("p", ())),
        without=tuple(filter(None, fields.get("x", ()))),
        allowed=tuple(filter(None, fields.get("ok", ()))),
        criteria=_switch("criteria", first.get("criteria", "1")),
        rerank=_switch("rerank", first.get("rerank", "0")),
    )
    return Permalink(query, first.get("lib", ""), first.get("q2", ""))


def _check(fields: Mapping[str, Sequence[str]]) -> None:
    """Refuse what no link of this program holds, before any of it is read."""
    if (length := _length(fields)) > MAX_CHARS:
        raise InputError(
            f"The link is too long: it has {length:,} characters, expected at most {MAX_CHARS:,}; ask for another."
        )
    for name, values in fields.items():
        if name not in FIELDS:
            raise InputError(f"The link has the unknown field {name[:40]!r}: ask for another, or take that field out.")
        if len(values) > 1 and name not in REPEATED:
            raise _broken(name, f"{len(values)} values", "one")
        if not all(map(str.isprintable, values)):
            raise _broken(name, "a control character", "printable text")


def _length(fields: Mapping[str, Sequence[str]]) -> int:
    return sum(len(name) + len(value) + 2 for name, values in fields.items() for value in values)


def _switch(name: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise _broken(name, value, "0 or 1")
    return value == "1"


def _hits(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 6 and 1 <= int(value) <= MAX_HITS):
        raise _broken("k", value, f"a whole number from 1 to {MAX_HITS:,}")
    return int(value)


def _range(value: str) -> PropertyRange:
    name, *bounds = value.split(":")
    if name not in PROPERTIES or len(bounds) != 2:
        raise _broken("r", value, "a property with its bounds, such as logp:-1:3")
    low, high = (_number("r", bound) if bound else None for bound in bounds)
    return PropertyRange(name, low, high)


def _phrase(value: str) -> Phrase:
    weight, colon, text = value.partition(":")
    if not colon:
        raise _broken("p", value, "a weight and a text, such as 0.5:an ester")
    return Phrase(text, _weight("p", weight))


def _weight(name: str, value: str) -> float:
    weight = _number(name, value)
    if not 0 < weight <= 1:
        raise _broken(name, value, "a weight above 0 and at most 1")
    return weight


def _number(name: str, value: str) -> float:
    try:
        number = float(value) if len(value) < 30 else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _broken(name, value, "a number")
    return number


def _spelt(number: float | None) -> str:
    """Write a number so that it reads back as itself, without a needless fraction."""
    return "" if number is None else repr(float(number)).removesuffix(".0")


def _broken(name: str, got: str, expected: str) -> InputError:
    return InputError(
        f"The link cannot be used: its {FIELDS[name]} is {got[:60]!r}, expected {expected}; ask for another link, or "
        "type the query."
    )
