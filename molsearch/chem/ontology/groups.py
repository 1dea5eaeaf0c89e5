"""Groups, rings and substitution patterns that no library stores: looked for in the molecules when a query names them.

The table stands beside this file as `groups.tsv`, one group a line: name, terms (any letter case), abbreviations
(formulas and abbreviations, whose letter case counts: "COOH", "tBu"), the class of the class table within which alone
it occurs, a pattern (the language of `patterns`), a molecule that shows it and one that does not. Unlike a class a
group has no number, is no feature of any encoder and costs nothing until it is asked for, so rows may come and go.
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
class Group:
    """One group.

    Attributes:
        name: Its name.
        terms: What else it is called, singular.
        abbreviations: How it is abbreviated.
        within: Name of a class that every molecule with the group belongs to, or "".
        pattern: What the structure must show, in the language of `patterns`.
        example: SMILES of a molecule that shows it.
        counterexample: SMILES of a near miss.
    """

    name: str
    terms: tuple[str, ...]
    abbreviations: tuple[str, ...]
    within: str
    pattern: str
    example: str
    counterexample: str


def read_groups(path: Path) -> tuple[Group, ...]:
    """Read a group table.

    Raises:
        InputError: The file is missing or a line lacks a column.
    """
    return read_rules(path, "group", _group)


def _group(line: Mapping[str, str]) -> Group:
    return Group(
        name=line["name"],
        terms=parted(line["terms"]),
        abbreviations=parted(line["abbreviations"]),
        within=line["within"],
        pattern=line["pattern"],
        example=line["example"],
        counterexample=line["counterexample"],
    )


GROUPS: tuple[Group, ...] = read_groups(TABLE)
_BY_NAME = {group.name: group for group in GROUPS}


def group_named(name: str) -> Group:
    """Look up a group by its name.

    Raises:
        InputError: No group has that name.
    """
    if name not in _BY_NAME:
        raise InputError(f"no group is named {name!r}: use a name of the group table, or find_groups for free text")
    return _BY_NAME[name]


def find_groups(text: str) -> tuple[tuple[str, int, int], ...]:
    """Find groups by their terms and abbreviations: (name, start, end) in text order, the longest at each place.

    Args:
        text: Any text.
    """
    abbreviated = [(_abbreviations()[match.group()], *match.span()) for match in _abbreviation_pattern().finditer(text)]
    kept: list[tuple[str, int, int]] = []
    for mention in sorted([*abbreviated, *_terms().find(text)], key=lambda mention: mention[1] - mention[2]):
        if not any(start < mention[2] and mention[1] < end for _, start, end in kept):
            kept.append(mention)
    return tuple(sorted(kept, key=lambda mention: mention[1]))


def rows_within(group: Group) -> tuple[int, ...]:
    """List the row numbers of the classes that hold every molecule with the group."""
    return (class_named(group.within).row,) if group.within else ()


@lru_cache(maxsize=1)
def _terms() -> Terms[str]:
    return Terms((term, group.name) for group in GROUPS for term in (group.name, *group.terms))


@lru_cache(maxsize=1)
def _abbreviations() -> dict[str, str]:
    return {abbreviation: group.name for group in GROUPS for abbreviation in group.abbreviations}


@lru_cache(maxsize=1)
def _abbreviation_pattern() -> re.Pattern[str]:
    """Compile what matches any abbreviation that stands alone, the longest first."""
    abbreviations = "|".join(map(re.escape, sorted(_abbreviations(), key=len, reverse=True)))
    return re.compile(rf"(?<![A-Za-z0-9=#\[\](])(?:{abbreviations})(?![A-Za-z0-9=#\[(])")
