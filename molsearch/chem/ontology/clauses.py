"""SMARTS taken apart into clauses: what a molecule must show, piece by piece, to match at all.

A clause is a path of one to three atoms, a ring, or a pair of rings that share a bond. What the type of an atom does
not decide (`$(...)`, chirality) is stripped, so a clause asks for less than the query does, never for more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem

Bond = tuple[str, bool]  # SMARTS of a bond, and whether it must be in a ring
Shape = tuple[int, ...]  # number of atoms, then the sizes of the rings
Way = tuple[tuple[int, ...], tuple[int, ...]]  # one order of the atoms and the bonds of a path, ring or pair
BondOf = Mapping[tuple[int, int], int]  # two neighbours in either order -> their bond

LARGEST_RING = 7
ANY = "*"

# What an AtomType decides; an atom that asks for anything else may match any.
_DECIDED = re.compile(
    r"(?:\*|#\d+|se|as|[A-Z][a-z]?|[cnosp]|a|H\d*|D\d+|X\d+|R\d*|r\d+|r\{\d*-\d*\}|\+\d*|-\d*|\d+\*|[!&,;\[\]])*"
)
_BOND = re.compile(r"[-=#:~@!,;&]*")


@dataclass(frozen=True, slots=True)
class Clause:
    """One piece of a query.

    Attributes:
        shape: Its number of atoms and, where it is a ring or a pair of rings, their sizes.
        atoms: SMARTS of the atoms in order.
        bonds: Bonds between them in order; the bond that a pair of rings shares comes last.
    """

    shape: Shape
    atoms: tuple[str, ...]
    bonds: tuple[Bond, ...]


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a query asks for.

    Attributes:
        clauses: Its pieces.
        decided: Whether a molecule that shows them matches for certain.
        atoms: Fewest atoms of a match.
        ring_bonds: Fewest bonds in rings.
        rings: Fewest independent rings.
    """

    clauses: frozenset[Clause]
    decided: bool
    atoms: int
    ring_bonds: int
    rings: int


def requirements_of(query: Chem.Mol) -> Requirements:
    """Take a query apart; chirality is left out, so a chiral query is not ``decided``."""
    rings = [tuple(cycle) for cycle in Chem.GetSSSR(Chem.Mol(query))]
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in query.GetBonds()]
    bond_of = both_ways(enumerate(ends))
    in_rings = {bond for cycle in rings for bond in ring_bonds(cycle, bond_of)}
    written = [atom.GetSmarts() for atom in query.GetAtoms()]
    atoms = [_stripped(smarts) for smarts in written]
    orders = [bond.GetSmarts() for bond in query.GetBonds()]  # type: ignore[call-arg]  # RDKit's stub is wrong
    known = [_BOND.fullmatch(order) is not None for order in orders]
    bonds = [(order if known[row] else "~", row in in_rings) for row, order in enumerate(orders)]
    pieces = [*_paths(len(atoms), ends), *_ring_pieces(rings, bond_of)]
    within = [clause for smarts in written for clause in _within(smarts)]
    clauses = frozenset(within) | frozenset(
        Clause(shape, *min((tuple(atoms[a] for a in way[0]), tuple(bonds[b] for b in way[1])) for way in ways))
        for shape, ways in pieces
    )
    whole = any((len(clause.atoms), len(clause.bonds)) == (len(atoms), len(bonds)) for clause in clauses)
    independent = len(bonds) - len(atoms) + len(Chem.GetMolFrags(query))
    return Requirements(clauses, whole and all(known) and atoms == written, len(atoms), len(in_rings), independent)


def both_ways(ends: Iterator[tuple[int, tuple[int, int]]]) -> dict[tuple[int, int], int]:
    """Map two neighbours, in either order, to their bond."""
    bond_of = {}
    for bond, (begin, end) in ends:
        bond_of[begin, end] = bond_of[end, begin] = bond
    return bond_of


def ring_bonds(cycle: Sequence[int], bond_of: BondOf) -> tuple[int, ...]:
    """List the bonds of a ring in the order of its atoms, the one that closes it last."""
    return tuple(bond_of[pair] for pair in zip(cycle, (*cycle[1:], cycle[0]), strict=True))


def ways_of_ring(cycle: Sequence[int], bond_of: BondOf) -> Iterator[Way]:
    """Walk round a ring from each of its atoms, both ways round."""
    for turned in (tuple(cycle), tuple(reversed(cycle))):
        bonds = ring_bonds(turned, bond_of)
        for start in range(len(cycle)):
            yield turned[start:] + turned[:start], bonds[start:] + bonds[:start]


def ways_of_pair(
    first: Sequence[int], second: Sequence[int], shared: tuple[int, int], bond_of: BondOf
) -> Iterator[Way]:
    """Walk round two rings that share one bond: the smaller first, or either where they are of one size."""
    for smaller, larger in ((first, second), (second, first)):
        if len(smaller) > len(larger):
            continue
        for start, end in (shared, shared[::-1]):
            rim = (*_around(smaller, start, end), *_around(larger, end, start)[1:-1])
            yield rim, (*ring_bonds(rim, bond_of), bond_of[shared])


def pair_shape(first: Sequence[int], second: Sequence[int]) -> Shape:
    """Return the shape of two rings that share one bond."""
    return (len(first) + len(second) - 2, *sorted((len(first), len(second))))


def _around(cycle: Sequence[int], start: int, end: int) -> tuple[int, ...]:
    """Walk a ring from one of two neighbours to the other, the long way."""
    place = cycle.index(start)
    turned = (*cycle[place:], *cycle[:place])
    return turned if turned[-1] == end else (turned[0], *reversed(turned[1:]))


def _paths(atoms: int, ends: Sequence[tuple[int, int]]) -> Iterator[tuple[Shape, list[Way]]]:
    arms: list[list[tuple[int, int]]] = [[] for _ in range(atoms)]
    for bond, (begin, end) in enumerate(ends):
        arms[begin].append((bond, end))
        arms[end].append((bond, begin))
    for centre, around in enumerate(arms):
        if not around:
            yield (1,), [((centre,), ())]
        for number, (bond, other) in enumerate(around):
            if len(around) == len(arms[other]) == 1:
                yield (2,), [((centre, other), (bond,)), ((other, centre), (bond,))]
            for bond2, other2 in around[:number]:
                yield (3,), [((other, centre, other2), (bond, bond2)), ((other2, centre, other), (bond2, bond))]


def _ring_pieces(rings: Sequence[tuple[int, ...]], bond_of: BondOf) -> Iterator[tuple[Shape, list[Way]]]:
    small = [cycle for cycle in rings if len(cycle) <= LARGEST_RING]
    for number, cycle in enumerate(small):
        yield (len(cycle), len(cycle)), list(ways_of_ring(cycle, bond_of))
        for other in small[:number]:
            shared = set(ring_bonds(cycle, bond_of)) & set(ring_bonds(other, bond_of))
            if len(shared) == 1:
                pair = next(pair for pair, bond in bond_of.items() if bond in shared)
                yield pair_shape(cycle, other), list(ways_of_pair(cycle, other, pair, bond_of))


def _within(smarts: str) -> Iterator[Clause]:
    """Yield the clauses of each `$(...)` that an atom's SMARTS asks for whatever else holds."""
    text = smarts[1:-1] if smarts.startswith("[") else ""
    for part in _parted(text, ";"):
        if len(_parted(part, ",")) == 1:
            for primitive in _parted(part, "&"):
                if primitive.startswith("$(") and (query := Chem.MolFromSmarts(primitive[2:-1])) is not None:
                    yield from requirements_of(query).clauses


def _parted(text: str, separator: str) -> list[str]:
    """Split a text at a separator where that stands in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _stripped(smarts: str) -> str:
    """Weaken an atom's SMARTS to what an AtomType decides: `$(...)`, denied or not, and chirality then always hold."""
    while (start := smarts.find("$(")) >= 0:
        smarts = smarts[:start].rstrip("!") + ANY + smarts[_after_bracket(smarts, start + 2) :]
    smarts = smarts.replace("@", "")
    return smarts if _DECIDED.fullmatch(smarts) and smarts != "[]" else ANY


def _after_bracket(smarts: str, place: int) -> int:
    """Find the position after the bracket that was opened before ``place``."""
    depth = 1
    while depth:
        depth += (smarts[place] == "(") - (smarts[place] == ")")
        place += 1
    return place
