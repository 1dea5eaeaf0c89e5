"""Groups, rings and substitution patterns that no library stores: looked for in the molecules when a query names them.

The table stands beside this file as `groups.tsv`, one motif a line: name, terms (any letter case), signs (formulas and
abbreviations, whose letter case counts: "COOH", "tBu"), the class of the class table within which alone it occurs, a
pattern (the language of `patterns`), a molecule that shows it and one that does not. Unlike a class a motif has no
number, is no feature of any encoder and costs nothing until it is asked for, so rows may come and go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from molsearch.chem.ontology.classes import class_named
from molsearch.chem.ontology.terms import Terms, parted, read_rules
from molsearch.errors import InputError

TABLE = Path(__file__).with_name("groups.tsv")


@dataclass(frozen=True, slots=True)
class Motif:
    """One motif.

    Attributes:
        name: Its name.
        terms: What else it is called, singular.
        signs: How it is abbreviated.
        within: Name of a class that every molecule with the motif belongs to, or "".
        pattern: What the structure must show, in the language of `patterns`.
        example: SMILES of a molecule that shows it.
        counterexample: SMILES of a near miss.
    """

    name: str
    terms: tuple[str, ...]
    signs: tuple[str, ...]
    within: str
    pattern: str
    example: str
    counterexample: str


def read_motifs(path: Path) -> tuple[Motif, ...]:
    """Read a motif table.

    Raises:
        InputError: The file is missing or a line lacks a column.
    """
    return read_rules(path, "motif", _motif)


def _motif(line: Mapping[str, str]) -> Motif:
    return Motif(
        name=line["name"],
        terms=parted(line["terms"]),
        signs=parted(line["signs"]),
        within=line["within"],
        pattern=line["pattern"],
        example=line["example"],
        counterexample=line["counterexample"],
    )


MOTIFS: tuple[Motif, ...] = read_motifs(TABLE)
_BY_NAME = {motif.name: motif for motif in MOTIFS}


def motif_named(name: str) -> Motif:
    """Look up a motif by its name.

    Raises:
        InputError: No motif has that name.
    """
    if name not in _BY_NAME:
        raise InputError(f"no motif is named {name!r}: use a name of the motif table, or find_motifs for free text")
    return _BY_NAME[name]


def find_motifs(text: str) -> tuple[tuple[str, int, int], ...]:
    """Find motifs by their terms and signs: (name, start, end) in text order, the longest at each place.

    Args:
        text: Any text.
    """
    found = [(_signs()[sign.group()], *sign.span()) for sign in _written().finditer(text)]
    kept: list[tuple[str, int, int]] = []
    for one in sorted([*found, *_terms().find(text)], key=lambda one: one[1] - one[2]):
        if not any(start < one[2] and one[1] < end for _, start, end in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: one[1]))


def rows_within(motif: Motif) -> tuple[int, ...]:
    """Row numbers of the classes that hold every molecule with the motif."""
    return (class_named(motif.within).row,) if motif.within else ()


@lru_cache(maxsize=1)
def _terms() -> Terms[str]:
    return Terms((term, motif.name) for motif in MOTIFS for term in (motif.name, *motif.terms))


@lru_cache(maxsize=1)
def _signs() -> dict[str, str]:
    return {sign: motif.name for motif in MOTIFS for sign in motif.signs}


@lru_cache(maxsize=1)
def _written() -> re.Pattern[str]:
    """Any sign that stands alone, the longest first."""
    signs = "|".join(re.escape(sign) for sign in sorted(_signs(), key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9=#\[\](])(?:{signs})(?![A-Za-z0-9=#\[(])")
