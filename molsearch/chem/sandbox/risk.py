"""Which structures and patterns RDKit is sure to be done with at once, judged by their text alone.

Perceiving rings, matching patterns, drawing and embedding are exponential in the worst case, and RDKit's C++ cannot
be interrupted. What is simple is worked on where it is asked for; what is not goes to a process that can be ended
(``sandbox.call``, the cleaning pool, the feature pool). Of the 33,010 molecules of ChEBI-20 98 in 100 are simple.
"""

import re
from collections.abc import Sequence

from molsearch.records import Kind

MOST_CHARS = 1_000  # of a simple structure
MOST_ATOMS = 120  # heavy ones, with room above every usual drug
MOST_RINGS = 10
MOST_SMARTS_ATOMS = 12  # of a plain pattern, about

# Each of these is linear in the text, whatever the text.
_BRACKET = re.compile(r"\[[^\[\]]*\]")
_CLOSURE = re.compile(r"%\(\d+\)|%\d\d|\d")
_LETTER = re.compile(r"Cl|Br|[A-Za-z*]")
_COUNTS = re.compile(r"^ *(\d{1,3}) *(\d{1,3}).* V2000\s*$", re.MULTILINE)


def is_simple(text: str, kind: Kind = "smiles") -> bool:
    """Return whether a structure is small and has few rings; True promises that nothing asked of it takes long."""
    if kind == "molblock":
        counts = _COUNTS.search(text[:MOST_CHARS])
        if not counts:
            return False
        atoms, bonds = map(int, counts.groups())
        return atoms <= 2 * MOST_ATOMS and bonds - atoms < MOST_RINGS  # hydrogens may be written
    if len(text) > MOST_CHARS or text.startswith("InChI="):
        return False
    bare, brackets = _BRACKET.subn("", text)
    closures = len(_CLOSURE.findall(bare))
    return closures <= 2 * MOST_RINGS and brackets + len(_LETTER.findall(bare)) <= MOST_ATOMS


def simple_and_risky(smiles: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places of the simple structures, and of the others, ascending."""
    simple: list[int] = []
    risky: list[int] = []
    for place, text in enumerate(smiles):
        (simple if is_simple(text) else risky).append(place)
    return simple, risky


def is_simple_pattern(smarts: str) -> bool:
    """Return whether a pattern is short and without recursion, so that it is matched with a simple molecule at once."""
    bare, brackets = _BRACKET.subn("", smarts)
    return "$" not in smarts and brackets + len(_LETTER.findall(bare)) + bare.count("~") // 2 <= MOST_SMARTS_ATOMS
