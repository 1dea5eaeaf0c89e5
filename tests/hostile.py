"""Structures that hang or exhaust RDKit, written as SMILES of graphs: real ones, found by trying."""

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import combinations


def complete(atoms: int) -> str:
    """Every atom bonded to every other: substructure search and drawing are exponential in it."""
    return written(atoms, combinations(range(atoms), 2))


def bipartite(atoms: int) -> str:
    """Two sets, each atom bonded to all of the other set: with 20 a side RDKit does not end its ring perception."""
    return written(2 * atoms, ((a, b) for a in range(0, 2 * atoms, 2) for b in range(1, 2 * atoms, 2)))


def torus(rows: int, columns: int) -> str:
    """A square net of carbon closed in both directions: it is read at once, but its features take long."""
    place = {}
    for row in range(rows):
        for column in range(columns) if row % 2 == 0 else reversed(range(columns)):
            place[row, column] = len(place)
    bonds = set()
    for (row, column), one in place.items():
        for other in (place[(row + 1) % rows, column], place[row, (column + 1) % columns]):
            bonds.add((min(one, other), max(one, other)))  # two rows or columns would give one bond twice
    return written(len(place), bonds, "C")


def written(atoms: int, bonds: Iterable[tuple[int, int]], atom: str = "*") -> str:
    """Write a graph whose atoms form a path in their order; every other bond is a ring closure."""
    free = list(range(1, atoms * atoms + 1))
    ends: dict[int, list[int]] = {}
    for one, other in sorted((min(bond), max(bond)) for bond in bonds if abs(bond[0] - bond[1]) != 1):
        ends.setdefault(one, []).append(other)
    open_at: dict[int, list[int]] = {}
    text = []
    for place in range(atoms):
        closed = sorted(open_at.pop(place, []))
        opened = []
        for other in ends.get(place, []):
            opened.append(heappop(free))
            open_at.setdefault(other, []).append(opened[-1])
        for number in closed:
            heappush(free, number)
        text.append(atom + "".join(map(_mark, [*closed, *opened])))
    return "".join(text)


def _mark(number: int) -> str:
    return str(number) if number < 10 else f"%{number}" if number < 100 else f"%({number})"
