"""Terms looked for in free text, and the tab-separated tables of this folder that hold them, one rule a line.

The longest term at each place is found, in singular or plural, any letter case.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from molsearch.errors import InputError

Meaning = TypeVar("Meaning")

_GREEK = dict(zip("αβγδΔεκω", ("alpha", "beta", "gamma", "delta", "delta", "epsilon", "kappa", "omega"), strict=True))
_DASHES = dict.fromkeys("-‐‑‒–—−\u00a0\t\n", " ")
_ASCII_DASHES = str.maketrans({mark: space for mark, space in _DASHES.items() if mark.isascii()})
_WORD = re.compile(r"[a-z0-9]+")
# "non-steroid", "anti-", "pseudo-alkaloid": the word that follows is denied, not named.
_DENIED = re.compile(r"\b(?:non|anti|pseudo) $")
# British spellings beside the American ones in which the tables are written.
_BRITISH = (("sulf", "sulph"), ("estrogen", "oestrogen"))


class Terms(Generic[Meaning]):
    """Terms and what each of them means.

    Args:
        meanings: Each term, singular or plural, with its meaning; of two meanings the first counts.
    """

    def __init__(self, meanings: Iterable[tuple[str, Meaning]]) -> None:
        table: dict[str, Meaning] = {}
        for term, meaning in meanings:
            for form in _forms(plain(term)[0]):
                table.setdefault(form, meaning)
        grouped: dict[str, list[tuple[str, int, Meaning]]] = {}
        for phrase, meaning in sorted(table.items(), key=lambda item: -len(item[0])):
            if first := _WORD.search(phrase):
                grouped.setdefault(first.group(), []).append((phrase, first.start(), meaning))
        # For each first word the (phrase, number of characters before that word, meaning) that hold it, longest first.
        self._phrases = {word: tuple(phrases) for word, phrases in grouped.items()}

    def find(self, text: str) -> tuple[tuple[Meaning, int, int], ...]:
        """Find terms: (meaning, start, end) in text order, without overlap.

        Hyphens and spaces count alike and Greek letters read as their names.
        """
        written, offsets = plain(text)
        occurrences = []
        after = 0
        for word in _WORD.finditer(written):
            if word.start() < after or _DENIED.search(written, max(0, word.start() - 8), word.start()):
                continue
            for phrase, lead, meaning in self._phrases.get(word.group(), ()):
                start = word.start() - lead
                end = start + len(phrase)
                if start >= after and written.startswith(phrase, start) and not written[end : end + 1].isalnum():
                    occurrences.append((meaning, offsets[start], offsets[end]))
                    after = end
                    break
        return tuple(occurrences)


def plain(text: str) -> tuple[str, list[int] | range]:
    """Write a text as terms are compared, and list for each of its positions the position in the text."""
    if text.isascii():
        return text.lower().translate(_ASCII_DASHES), range(len(text) + 1)
    parts = [_GREEK.get(letter) or _DASHES.get(letter) or letter.lower() for letter in text]
    offsets = [i for i, part in enumerate(parts) for _ in part]
    return "".join(parts), [*offsets, len(text)]


def _forms(title: str) -> Iterator[str]:
    """Yield the title, its plural and its singular, and each as the British spell it."""
    for form in _numbers(title):
        yield form
        for american, british in _BRITISH:
            if american in form and british not in form:
                yield form.replace(american, british)


def _numbers(title: str) -> Iterator[str]:
    yield title
    if title.endswith("s") and not title.endswith(("ss", "is", "us")):
        yield title.removesuffix("s")
    elif title.endswith(("x", "ss")):
        yield title + "es"
    elif not title.endswith("s"):
        yield title + "s"


Rule = TypeVar("Rule")


def read_rules(path: Path, kind: str, rule: Callable[[Mapping[str, str]], Rule]) -> tuple[Rule, ...]:
    """Read a table.

    Args:
        path: The table.
        kind: What it holds, for the message: "class".
        rule: Makes a rule of a line, given by the names of its columns.

    Raises:
        InputError: If the file is missing or a line lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return tuple(rule(line) for line in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"the {kind} table {path} cannot be read ({error}): restore the file that came with it"
        ) from error


def parted(cell: str) -> tuple[str, ...]:
    """Split a cell that lists several things at its semicolons."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())
