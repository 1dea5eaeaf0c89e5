"""What the encoders read: molecules as arrays, and what the numbers in them mean. Needs no RDKit.

The sizes and the order of the names here are stored in trained models.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Sizes of the categorical columns; a value beyond its column's range takes the last code.
ATOM_COLUMNS = {
    "element": 120,
    "degree": 8,
    "charge": 9,
    "hydrogens": 6,
    "hybridisation": 8,
    "aromatic": 2,
    "cip": 4,
    "ring_size": 8,
    "isotope": 32,
    "radical": 4,
}
BOND_COLUMNS = {"order": 6, "stereo": 4, "conjugated": 2, "ring": 2}

RADII = 4  # Morgan radii 0..3, so at most four environments centred on an atom
MORGAN_SIZE = 16_384
PAIR_SIZE = 4_096
CLASS_SIZE = 1_024  # row numbers of chemical classes from here on have no slot
FRAGMENT_SIZE = MORGAN_SIZE + PAIR_SIZE + CLASS_SIZE
CLASS_OFFSET = MORGAN_SIZE + PAIR_SIZE

# How a structure named in a text stands to the molecule that the text describes.
RELATIONS = ("other", "part", "parent", "near")
# How a named structure is told apart by what it is, and by how much of a molecule it is (query/parts.py).
PART_SIZES = (4, 8, 12, 16)  # heavy atoms from which a part counts as larger
PART_SHARES = (0.5, 0.9)  # of a molecule's heavy atoms, from which a part counts as more of it
PART_KINDS = len(RELATIONS) * 2 * (len(PART_SIZES) + 1)
# Not held, or a small, a large or nearly the whole part of the molecule; the same again with other stereochemistry.
PART_OUTCOMES = 1 + 2 * (1 + len(PART_SHARES))
CONFIGURATION = PART_KINDS  # row of the odds of stereodescriptors (query/stereo.py): outcome 1 if held, else 0


@dataclass(frozen=True, slots=True)
class MolGraph:
    """One molecule as arrays, or many laid end to end.

    Attributes:
        atoms: (A, F) categorical codes, columns of ATOM_COLUMNS.
        environments: (A, RADII) Morgan environment of each radius centred on the atom, -1 where it adds nothing new.
        bonds: (E, G) categorical codes, columns of BOND_COLUMNS; every bond stands twice, once a direction.
        edges: (2, E) atom numbers, source above target.
        fragments: (M,) hashed fragment numbers: Morgan, then atom pairs, then chemical classes.
        counts: (M,) how often each fragment occurs.
    """

    atoms: Ints
    environments: Ints
    bonds: Ints
    edges: Ints
    fragments: Ints
    counts: Ints


def offsets(lengths: Sequence[int] | Ints) -> Ints:
    """Return where each of many parts begins when they are laid end to end, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def spans(starts: Ints, lengths: Ints) -> Ints:
    """Return the row numbers of many ranges laid end to end, without a Python loop."""
    first = np.repeat(starts - offsets(lengths)[:-1], lengths)
    return first + np.arange(len(first))


def _end_to_end(graphs: Sequence[MolGraph]) -> MolGraph:
    return MolGraph(
        atoms=np.concatenate([graph.atoms for graph in graphs]),
        environments=np.concatenate([graph.environments for graph in graphs]),
        bonds=np.concatenate([graph.bonds for graph in graphs]),
        edges=np.concatenate([graph.edges for graph in graphs], 1),
        fragments=np.concatenate([graph.fragments for graph in graphs]),
        counts=np.concatenate([graph.counts for graph in graphs]),
    )


@dataclass(frozen=True, slots=True)
class GraphStore:
    """Many graphs end to end, with the offsets that tell them apart; taking a batch is a few array copies."""

    graph: MolGraph
    atom_offsets: Ints  # (N + 1,)
    edge_offsets: Ints  # (N + 1,)
    fragment_offsets: Ints  # (N + 1,)

    @classmethod
    def of(cls, graphs: Sequence[MolGraph]) -> Self:
        """Lay graphs end to end; ``edges`` stay local to their own molecule."""
        return cls(
            _end_to_end(graphs),
            offsets([len(graph.atoms) for graph in graphs]),
            offsets([graph.edges.shape[1] for graph in graphs]),
            offsets([len(graph.fragments) for graph in graphs]),
        )

    @classmethod
    def joined(cls, stores: Sequence["GraphStore"]) -> Self:
        """Lay stores end to end."""
        return cls(
            _end_to_end([store.graph for store in stores]),
            offsets(np.concatenate([np.diff(store.atom_offsets) for store in stores])),
            offsets(np.concatenate([np.diff(store.edge_offsets) for store in stores])),
            offsets(np.concatenate([np.diff(store.fragment_offsets) for store in stores])),
        )

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    def class_bits(self) -> npt.NDArray[np.uint8]:
        """Chemical classes of each molecule, one bit a row of the class table, (N, CLASS_SIZE / 8)."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.fragment_offsets))
        held = self.graph.fragments >= CLASS_OFFSET
        member = np.zeros((len(self), CLASS_SIZE), np.bool_)
        member[owners[held], self.graph.fragments[held] - CLASS_OFFSET] = True
        return np.packbits(member, axis=1)

    def sizes(self) -> Ints:
        """Atoms of each molecule, (N,)."""
        return np.diff(self.atom_offsets)

    def take(self, rows: Sequence[int] | Ints) -> "GraphStore":
        """Copy out the chosen molecules, in that order."""
        chosen = np.asarray(rows, np.int64)
        atom_counts = np.diff(self.atom_offsets)[chosen]
        edge_counts = np.diff(self.edge_offsets)[chosen]
        fragment_counts = np.diff(self.fragment_offsets)[chosen]
        atoms = spans(self.atom_offsets[chosen], atom_counts)
        edges = spans(self.edge_offsets[chosen], edge_counts)
        fragments = spans(self.fragment_offsets[chosen], fragment_counts)
        graph = self.graph
        return GraphStore(
            MolGraph(
                atoms=graph.atoms[atoms],
                environments=graph.environments[atoms],
                bonds=graph.bonds[edges],
                edges=graph.edges[:, edges],
                fragments=graph.fragments[fragments],
                counts=graph.counts[fragments],
            ),
            offsets(atom_counts),
            offsets(edge_counts),
            offsets(fragment_counts),
        )

    def global_edges(self) -> Ints:
        """Edges with atom numbers counted over the whole store, (2, E)."""
        shift = np.repeat(self.atom_offsets[:-1], np.diff(self.edge_offsets))
        return self.graph.edges + shift[None]


def pack_classes(held: Sequence[Collection[int]]) -> npt.NDArray[np.uint8]:
    """Pack the rows of the class table that each of N molecules belongs to, as ``GraphStore.class_bits`` does."""
    member = np.zeros((len(held), CLASS_SIZE), np.bool_)
    for line, rows in zip(member, held, strict=True):
        line[list(rows)] = True
    return np.packbits(member, axis=1)


def with_class(flags: npt.NDArray[np.uint8], row: int) -> npt.NDArray[np.bool_]:
    """Return which molecules belong to the class of a row number, (N,); none do to one the flags have no bit for.

    Args:
        flags: (N, F), see ``GraphStore.class_bits``.
        row: Of the class table.
    """
    if row // 8 >= flags.shape[1]:
        return np.zeros(len(flags), np.bool_)
    # Bits are packed with the first row of the table in the highest place of the first byte.
    bits: npt.NDArray[np.bool_] = (flags[:, row // 8] >> (7 - row % 8) & 1).astype(np.bool_)
    return bits
