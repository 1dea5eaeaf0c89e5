"""Many SMARTS against one molecule: which cannot match, and which must, is told from clauses before any search."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.clauses import (
    LARGEST_RING,
    Bond,
    BondOf,
    Clause,
    Shape,
    Way,
    both_ways,
    demands_of,
    pair_shape,
    ring_bonds,
    ways_of_pair,
    ways_of_ring,
)
from molsearch.chem.traits import Traits

Bools = npt.NDArray[np.bool_]
Site = tuple[object, ...]
Piece = tuple[Shape, Iterable[Way]]
Masks = dict[tuple[Shape, int], int]  # shape of a clause and a place in it (2i: atom i, 2i + 1: bond i) -> clauses

MOST_SITES = 50_000  # surroundings of an atom, rings and pairs of rings that a screen remembers


class Screen:
    """A fixed list of queries."""

    def __init__(self, queries: Sequence[Chem.Mol]) -> None:
        """Take the queries apart."""
        demands = [demands_of(query) for query in queries]
        numbers: dict[Clause, int] = {}
        needs = [[numbers.setdefault(clause, len(numbers)) for clause in one.clauses] for one in demands]
        self._needs = np.array([number for need in needs for number in need], np.int64)
        self._starts = np.cumsum([0, *map(len, needs)])[:-1]
        self._least = np.array([(one.atoms, one.ring_bonds, one.rings) for one in demands], np.int64).T.copy()  # (3, Q)
        self._decided: Bools = np.array([one.decided for one in demands], bool)
        self._bytes = (len(numbers) + 7) // 8
        # By the size of a ring: the clauses and the queries about a ring of that size or above.
        largest = [max((max(clause.shape[1:], default=0) for clause in one.clauses), default=0) for one in demands]
        self._queries_from = [np.array(largest) >= max(size, 1) for size in range(LARGEST_RING + 2)]
        self._clauses_from = [
            sum(1 << number for clause, number in numbers.items() if max(clause.shape[1:], default=0) >= max(size, 1))
            for size in range(LARGEST_RING + 2)
        ]
        self._places: dict[str | Bond, Masks] = defaultdict(dict)  # for each part, where it stands
        for clause, number in numbers.items():
            standing: list[tuple[int, str | Bond]] = [(2 * i, atom) for i, atom in enumerate(clause.atoms)]
            for place, part in (*standing, *((2 * i + 1, bond) for i, bond in enumerate(clause.bonds))):
                key = (clause.shape, place)
                self._places[part][key] = self._places[part].get(key, 0) | 1 << number
        self._shapes = {clause.shape for clause in numbers}
        self._atoms = {
            part: Chem.MolFromSmarts(part).GetAtomWithIdx(0) for part in self._places if isinstance(part, str)
        }
        self._bonds = {
            part: Chem.MolFromSmarts(f"*{part[0]}*").GetBondWithIdx(0)
            for part in self._places
            if isinstance(part, tuple)
        }
        self._masks: dict[int, Masks] = {}
        self._sites: dict[Site, int] = {}

    def sift(self, mol: Chem.Mol, read: Traits) -> tuple[Bools, Bools]:
        """Tell which queries the molecule may match, and of which of these it is certain that it does, (Q,) each."""
        if any(kind.element == 1 for kind in read.atoms):  # SMARTS counts them as H, a Kind does not
            return np.ones(len(self._decided), bool), np.zeros(len(self._decided), bool)
        atoms, bonds = len(read.atoms), len(read.bonds)
        independent = bonds - atoms + len(Chem.GetMolFrags(mol))
        shared = _shared_bonds(read.bond_rings)
        listed = _listed(read, shared, independent)
        present = self._present(mol, read, shared) | self._clauses_from[listed + 1]
        bits = np.unpackbits(np.frombuffer(present.to_bytes(self._bytes, "little"), np.uint8), bitorder="little")
        possible: Bools = np.logical_and.reduceat(bits.view(bool)[self._needs], self._starts)
        for size, least in zip((atoms, read.ring_bonds, independent), self._least, strict=True):
            possible &= least <= size
        return possible, possible & self._decided & ~self._queries_from[listed + 1]

    def _present(self, mol: Chem.Mol, read: Traits, shared: Mapping[tuple[int, int], list[int]]) -> int:
        """Clauses that the molecule shows, one bit each."""
        numbers = [kind.number for kind in read.atoms]
        orders = [kind.number for kind in read.bonds]
        arms: list[list[tuple[int, int]]] = [[] for _ in numbers]
        for order, (begin, end) in zip(orders, read.ends, strict=True):
            arms[begin].append((order, numbers[end]))
            arms[end].append((order, numbers[begin]))
        sites: dict[Site, Callable[[], Iterator[Piece]]] = {
            (number, *sorted(around)): partial(_star, atom, read)
            for atom, (number, around) in enumerate(zip(numbers, arms, strict=True))
        }
        if read.rings:
            bond_of = both_ways((bond, read.ends[bond]) for ring in read.bond_rings for bond in ring)
            for cycle in read.rings:
                if len(cycle) <= LARGEST_RING:
                    site: Site = (-1, *[numbers[a] for a in cycle], *[orders[b] for b in ring_bonds(cycle, bond_of)])
                    sites[site] = partial(_ring, cycle, bond_of)
            for (one, other), bonds in shared.items():
                first, second = read.rings[one], read.rings[other]
                if len(bonds) == 1 and max(len(first), len(second)) <= LARGEST_RING:
                    ways = list(ways_of_pair(first, second, read.ends[bonds[0]], bond_of))
                    if len(set(ways[0][0])) < len(ways[0][0]):
                        continue  # they meet once more: no query's pair does
                    site = (-2, len(first), *[numbers[a] for a in ways[0][0]], *[orders[b] for b in ways[0][1]])
                    sites[site] = partial(_pair, first, second, ways)
        present = 0
        for site, pieces in sites.items():
            mask = self._sites.get(site)
            present |= self._remember(site, mol, read, pieces()) if mask is None else mask
        return present

    def _remember(self, site: Site, mol: Chem.Mol, read: Traits, pieces: Iterator[Piece]) -> int:
        """Work out which clauses a place in the molecule shows, and keep it for every place like it."""
        found = 0
        for shape, ways in pieces:
            for atoms, bonds in ways if shape in self._shapes else ():
                mask = -1
                for place, atom in enumerate(atoms):
                    mask &= self._of_atom(mol, read, atom).get((shape, 2 * place), 0)
                for place, bond in enumerate(bonds):
                    mask &= self._of_bond(mol, read, bond).get((shape, 2 * place + 1), 0)
                found |= mask
        if len(self._sites) >= MOST_SITES:
            self._sites.clear()
        self._sites[site] = found
        return found

    def _of_atom(self, mol: Chem.Mol, read: Traits, row: int) -> Masks:
        """Clauses in which an atom of this kind can stand, by place."""
        number = read.atoms[row].number
        if (masks := self._masks.get(number)) is None:
            atom = mol.GetAtomWithIdx(row)
            masks = self._masks[number] = self._merged(part for part, query in self._atoms.items() if query.Match(atom))
        return masks

    def _of_bond(self, mol: Chem.Mol, read: Traits, row: int) -> Masks:
        """Clauses in which a bond of this kind can stand, by place."""
        number = read.bonds[row].number
        if (masks := self._masks.get(number)) is None:
            bond, ring = mol.GetBondWithIdx(row), mol.GetBondWithIdx(row).IsInRing()
            fits = (part for part, query in self._bonds.items() if (ring or not part[1]) and query.Match(bond))
            masks = self._masks[number] = self._merged(fits)
        return masks

    def _merged(self, parts: Iterable[str | Bond]) -> Masks:
        merged: Masks = {}
        for part in parts:
            for place, clauses in self._places[part].items():
                merged[place] = merged.get(place, 0) | clauses
        return merged


def _star(atom: int, read: Traits) -> Iterator[Piece]:
    """An atom, its bonds, and the paths through it."""
    yield (1,), [((atom,), ())]
    arms = [(bond, sum(ends) - atom) for bond, ends in enumerate(read.ends) if atom in ends]
    for number, (bond, other) in enumerate(arms):
        yield (2,), [((atom, other), (bond,)), ((other, atom), (bond,))]
        for bond2, other2 in arms[:number]:
            yield (3,), [((other, atom, other2), (bond, bond2)), ((other2, atom, other), (bond2, bond))]


def _ring(cycle: Sequence[int], bond_of: BondOf) -> Iterator[Piece]:
    yield (len(cycle), len(cycle)), ways_of_ring(cycle, bond_of)


def _pair(first: Sequence[int], second: Sequence[int], ways: Iterable[Way]) -> Iterator[Piece]:
    yield pair_shape(first, second), ways


def _shared_bonds(rings: Sequence[Sequence[int]]) -> dict[tuple[int, int], list[int]]:
    """For each two rings, by number, that share bonds: those bonds."""
    owners: dict[int, list[int]] = {}
    shared: dict[tuple[int, int], list[int]] = {}
    for number, ring in enumerate(rings):
        for bond in ring:
            for owner in owners.setdefault(bond, []):
                shared.setdefault((owner, number), []).append(bond)
            owners[bond].append(number)
    return shared


def _listed(read: Traits, shared: Mapping[tuple[int, int], Sequence[int]], independent: int) -> int:
    """Largest size, up to LARGEST_RING, at which every cycle of the molecule is one of the rings that RDKit lists.

    RDKit lists a basis: any other cycle is the sum, bond by bond modulo 2, of m >= 2 listed rings, so it has at least
    the bonds of the m smallest less twice the bonds that m rings can share.
    """
    if len(read.rings) != independent or any(len(bonds) > 1 for bonds in shared.values()):
        return 0
    smallest, bonds = LARGEST_RING + 1, 0
    for m, size in enumerate(sorted(map(len, read.rings)), 1):
        bonds += size
        if m > 1 and shared:  # rings that share no bond do not add up to one cycle
            smallest = min(smallest, bonds - 2 * min(m * (m - 1) // 2, len(shared)))
    return max(smallest - 1, 0)
