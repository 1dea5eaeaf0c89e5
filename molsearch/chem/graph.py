"""Molecules to arrays: atoms, bonds, Morgan environments and counted fragments.

Stereochemistry, charge and isotopes are all visible, because captions speak of them: a stereo-blind graph cannot
put more than 89.4 % of the ChEBI-20 pool at rank 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.chem.classes import MAX_ROWS, class_vector
from molsearch.errors import InputError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

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
CLASS_SIZE = MAX_ROWS
FRAGMENT_SIZE = MORGAN_SIZE + PAIR_SIZE + CLASS_SIZE
CLASS_OFFSET = MORGAN_SIZE + PAIR_SIZE

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
_CIP = {"R": 1, "S": 2}
_STEREO = {
    Chem.BondStereo.STEREOE: 1,
    Chem.BondStereo.STEREOTRANS: 1,
    Chem.BondStereo.STEREOZ: 2,
    Chem.BondStereo.STEREOCIS: 2,
    Chem.BondStereo.STEREOANY: 3,
}
_ORDER = {
    Chem.BondType.SINGLE: 0,
    Chem.BondType.DOUBLE: 1,
    Chem.BondType.TRIPLE: 2,
    Chem.BondType.AROMATIC: 3,
    Chem.BondType.DATIVE: 4,
}
_HYBRIDISATION = {
    Chem.HybridizationType.S: 1,
    Chem.HybridizationType.SP: 2,
    Chem.HybridizationType.SP2: 3,
    Chem.HybridizationType.SP3: 4,
    Chem.HybridizationType.SP3D: 5,
    Chem.HybridizationType.SP3D2: 6,
}


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


def parse(smiles: str) -> Chem.Mol:
    """Parse a SMILES.

    Raises:
        InputError: If RDKit cannot read it or it holds no atom.
    """
    mol = Chem.MolFromSmiles(smiles) or _without_valence_check(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"This SMILES cannot be read: got {smiles[:80]!r}, expected a valid structure; correct it.")
    return mol


def _without_valence_check(smiles: str) -> Chem.Mol | None:
    """Read complexes and boranes whose valences RDKit does not know."""
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return None
    mol.UpdatePropertyCache(strict=False)
    checks = Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_PROPERTIES
    if Chem.SanitizeMol(mol, checks, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def readable(smiles: str) -> bool:
    """Tell whether ``featurise`` can read a SMILES."""
    try:
        return bool(parse(smiles))
    except InputError:
        return False


def canonical(smiles: str) -> str:
    """Write the isomeric canonical SMILES of a structure, without any clean-up."""
    return str(Chem.MolToSmiles(parse(smiles)))


def _ring_code(atom: Chem.Atom, rings: Chem.RingInfo) -> int:
    size = rings.MinAtomRingSize(atom.GetIdx())
    return 0 if size == 0 else min(size, 9) - 2


def _atom_codes(atom: Chem.Atom, rings: Chem.RingInfo) -> tuple[int, ...]:
    isotope = atom.GetIsotope()
    cip = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
    tagged = atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    return (
        min(atom.GetAtomicNum(), 119),
        min(atom.GetDegree(), 7),
        min(max(atom.GetFormalCharge(), -4), 4) + 4,
        min(atom.GetTotalNumHs(), 5),
        _HYBRIDISATION.get(atom.GetHybridization(), 0),
        int(atom.GetIsAromatic()),
        _CIP.get(cip, 3 if tagged else 0),
        _ring_code(atom, rings),
        0 if isotope == 0 else isotope % 31 + 1,
        min(atom.GetNumRadicalElectrons(), 3),
    )


def _bond_codes(bond: Chem.Bond) -> tuple[int, ...]:
    return (
        _ORDER.get(bond.GetBondType(), 5),
        _STEREO.get(bond.GetStereo(), 0),
        int(bond.GetIsConjugated()),
        int(bond.IsInRing()),
    )


def featurise(smiles: str) -> MolGraph:
    """Turn a SMILES into the arrays that the molecule encoders read.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    mol = parse(smiles)
    atom_count = mol.GetNumAtoms()
    rings = mol.GetRingInfo()
    atoms = np.array([_atom_codes(atom, rings) for atom in mol.GetAtoms()], np.int64)
    edges, bonds = [], []
    for bond in mol.GetBonds():
        codes = _bond_codes(bond)
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        edges += [(begin, end), (end, begin)]
        bonds += [codes, codes]
    output = Fingerprints.AdditionalOutput()
    output.AllocateAtomToBits()
    morgan = _MORGAN.GetCountFingerprint(mol, additionalOutput=output).GetNonzeroElements()
    environments = np.full((atom_count, RADII), -1, np.int64)
    for row, bits in enumerate(output.GetAtomToBits()):
        environments[row, : len(bits)] = bits[:RADII]
    pairs = _PAIRS.GetCountFingerprint(mol).GetNonzeroElements() if atom_count > 1 else {}
    classes = [CLASS_OFFSET + row for row in class_vector(mol)]
    return MolGraph(
        atoms=atoms,
        environments=environments,
        bonds=np.array(bonds, np.int64).reshape(-1, len(BOND_COLUMNS)),
        edges=np.array(edges, np.int64).reshape(-1, 2).T.copy(),
        fragments=np.array([*morgan, *(MORGAN_SIZE + number for number in pairs), *classes], np.int64),
        counts=np.array([*morgan.values(), *pairs.values(), *[1] * len(classes)], np.int64),
    )


def _offsets(lengths: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _spans(starts: Ints, lengths: Ints) -> Ints:
    """Row numbers of many slices laid end to end, without a Python loop."""
    first = np.repeat(starts - _offsets(lengths)[:-1], lengths)
    return first + np.arange(len(first))


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
        whole = MolGraph(
            atoms=np.concatenate([graph.atoms for graph in graphs]),
            environments=np.concatenate([graph.environments for graph in graphs]),
            bonds=np.concatenate([graph.bonds for graph in graphs]),
            edges=np.concatenate([graph.edges for graph in graphs], 1),
            fragments=np.concatenate([graph.fragments for graph in graphs]),
            counts=np.concatenate([graph.counts for graph in graphs]),
        )
        return cls(
            whole,
            _offsets([len(graph.atoms) for graph in graphs]),
            _offsets([graph.edges.shape[1] for graph in graphs]),
            _offsets([len(graph.fragments) for graph in graphs]),
        )

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    def sizes(self) -> Ints:
        """Atoms of each molecule, (N,)."""
        return np.diff(self.atom_offsets)

    def take(self, rows: Sequence[int] | Ints) -> "GraphStore":
        """Copy out the chosen molecules, in that order."""
        chosen = np.asarray(rows, np.int64)
        atom_counts = np.diff(self.atom_offsets)[chosen]
        edge_counts = np.diff(self.edge_offsets)[chosen]
        fragment_counts = np.diff(self.fragment_offsets)[chosen]
        atoms = _spans(self.atom_offsets[chosen], atom_counts)
        edges = _spans(self.edge_offsets[chosen], edge_counts)
        fragments = _spans(self.fragment_offsets[chosen], fragment_counts)
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
            _offsets(atom_counts),
            _offsets(edge_counts),
            _offsets(fragment_counts),
        )

    def global_edges(self) -> Ints:
        """Edges with atom numbers counted over the whole store, (2, E)."""
        shift = np.repeat(self.atom_offsets[:-1], np.diff(self.edge_offsets))
        return self.graph.edges + shift[None]
