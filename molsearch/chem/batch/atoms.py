"""One reading of a molecule's atoms and bonds, shared by everything that is computed from them one by one.

A call into RDKit costs more than what it answers, so every atom and bond is asked once, and a kind of atom or bond
that was met before is recognised by what it answered.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np
from rdkit import Chem

# Element, degree, charge, hydrogens, hybridisation, aromatic, CIP code, ring size, isotope, radical electrons, rings,
# valence.
AtomKey = tuple[int, int, int, int, Chem.HybridizationType, bool, int, int, int, int, int, int]
# Type, stereo of a double bond, conjugated, in a ring, aromatic.
BondKey = tuple[Chem.BondType, Chem.BondStereo | None, bool, bool, bool]
Key = TypeVar("Key", AtomKey, BondKey)

MOST_KINDS = 50_000  # kinds remembered; a library has hundreds

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
_DOUBLE = Chem.BondType.DOUBLE
_HYBRIDISATION = {
    Chem.HybridizationType.S: 1,
    Chem.HybridizationType.SP: 2,
    Chem.HybridizationType.SP2: 3,
    Chem.HybridizationType.SP3: 4,
    Chem.HybridizationType.SP3D: 5,
    Chem.HybridizationType.SP3D2: 6,
}


@dataclass(frozen=True, slots=True)
class AtomType:
    """Atoms, or bonds, that answer alike.

    Attributes:
        number: Number of its kind, never used again; kinds that differ in the CIP code alone share it.
        codes: One row of ``MolGraph.atoms`` or ``MolGraph.bonds``, as bytes of int64.
        element: Atomic number; 0 of a bond.
        isotope: Whether the atom's isotope is given.
        tagged: Whether the atom is marked as a stereocentre.
        hydrogens: Hydrogens on the atom that are not written as atoms.
        valence: Its bond orders and hydrogens together.
    """

    number: int
    codes: bytes
    element: int = 0
    isotope: bool = False
    tagged: bool = False
    hydrogens: int = 0
    valence: int = 0


@dataclass(frozen=True, slots=True)
class AtomTypes:
    """Types of the atoms and bonds of one molecule, and its rings.

    Attributes:
        atoms: AtomType of each atom.
        bonds: AtomType of each bond.
        ends: Begin and end atom of each bond.
        rings: Atoms of each ring of the smallest set, in order.
        bond_rings: Bonds of each.
        ring_bonds: How many bonds are in a ring.
        fragments: Unconnected parts.
    """

    atoms: list[AtomType]
    bonds: list[AtomType]
    ends: list[tuple[int, int]]
    rings: tuple[tuple[int, ...], ...]
    bond_rings: tuple[tuple[int, ...], ...]
    ring_bonds: int
    fragments: int

    def hydrogens(self) -> list[int]:
        """Hydrogens on each atom that are not atoms themselves."""
        return [kind.hydrogens for kind in self.atoms]


_numbers = count()
_atom_kinds: dict[AtomKey, AtomType] = {}
_atom_numbers: dict[AtomKey, int] = {}  # by a key whose CIP code tells no more than whether there is one
_bond_kinds: dict[BondKey, AtomType] = {}
_usual_atoms: dict[tuple[str, tuple[int, ...]], AtomType] = {}  # by how an atom is written and what is around it
_usual_bonds: dict[tuple[float, bool, bool], AtomType] = {}  # by order, conjugation and ring, where these tell all
_aromatic_bonds: set[int] = set()  # numbers of the kinds of bond that are aromatic

_WRITTEN = re.compile(r"\[[^\]]*\]|Br|Cl|[BCNOPSFIbcnops*]")
_HALOGENS = ("F", "Cl", "Br", "I")
_PLAIN = re.compile(r"[A-Za-z0-9@+\-\[\]()=#%:./\\*]+")  # SMILES without dative, quadruple or unspecified bonds


def atom_types(mol: Chem.Mol, smiles: str = "") -> AtomTypes:
    """Read a sanitised molecule once.

    Args:
        mol: The molecule.
        smiles: What it was parsed from, if that is known: most atoms are then recognised by how they are written and by
            their bonds, without a call into RDKit.
    """
    sizes, memberships = [0] * mol.GetNumAtoms(), [0] * mol.GetNumAtoms()
    rings, bond_rings = mol.GetRingInfo().AtomRings(), mol.GetRingInfo().BondRings()
    for ring in rings:
        size = len(ring)
        for atom in ring:
            memberships[atom] += 1
            if not 0 < sizes[atom] <= size:
                sizes[atom] = size
    in_rings = {bond for ring in bond_rings for bond in ring}
    written = _WRITTEN.findall(smiles) if _PLAIN.fullmatch(smiles) else ()
    atoms = None
    if len(written) == len(sizes):  # no hydrogen that RDKit took off
        bonds, ends = _recognised_bonds(mol, in_rings, "/" in smiles or "\\" in smiles)
        atoms = _recognised_atoms(mol, written, _surroundings(bonds, ends, sizes, memberships))
    else:
        bonds, ends = _read_bonds(mol, in_rings)
    if atoms is None:
        # By number, as RDKit's own iterators over atoms and bonds are far slower.
        parts = zip(map(mol.GetAtomWithIdx, range(len(sizes))), sizes, memberships, strict=True)
        atoms = [_atom_kind(*part) for part in parts]
    fragments = 1 if smiles and "." not in smiles else len(Chem.GetMolFrags(mol))
    return AtomTypes(atoms, bonds, ends, rings, bond_rings, len(in_rings), fragments)


def _read_bonds(mol: Chem.Mol, in_rings: Set[int]) -> tuple[list[AtomType], list[tuple[int, int]]]:
    bonds, ends = [], []
    for row in range(mol.GetNumBonds()):
        bond = mol.GetBondWithIdx(row)
        bonds.append(_bond_kind(bond, row in in_rings))
        ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    return bonds, ends


def _recognised_bonds(mol: Chem.Mol, in_rings: Set[int], stereo: bool) -> tuple[list[AtomType], list[tuple[int, int]]]:
    """Read bonds whose order tells their type, with fewer calls; ``stereo`` if double bonds may have a side."""
    bonds, ends = [], []
    for row in range(mol.GetNumBonds()):
        bond = mol.GetBondWithIdx(row)
        order = bond.GetBondTypeAsDouble()
        key = (order, bond.GetIsConjugated(), row in in_rings)
        kind = None if stereo and order == 2 else _usual_bonds.get(key)
        if kind is None:
            kind = _bond_kind(bond, row in in_rings)
            if not (stereo and order == 2):
                _usual_bonds[key] = kind
                if order == 1.5:
                    _aromatic_bonds.add(kind.number)
        bonds.append(kind)
        ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    return bonds, ends


def _surroundings(
    bonds: Sequence[AtomType], ends: Sequence[tuple[int, int]], sizes: Sequence[int], memberships: Sequence[int]
) -> list[tuple[int, ...]]:
    """For each atom the size of its smallest ring, how many rings it is in, and the kinds of its bonds, sorted."""
    arms: list[list[int]] = [[] for _ in sizes]
    for kind, (begin, end) in zip(bonds, ends, strict=True):
        arms[begin].append(kind.number)
        arms[end].append(kind.number)
    return [(size, count, *sorted(arm)) for size, count, arm in zip(sizes, memberships, arms, strict=True)]


def _recognised_atoms(
    mol: Chem.Mol, written: Sequence[str], around: Sequence[tuple[int, ...]]
) -> list[AtomType] | None:
    """Recognise atoms by what follows from how they are written and from their bonds: all but the CIP code.

    An atom in brackets states its hydrogens and its charge; another has what its valence leaves open. None where RDKit
    has put charges on atoms that were written without (nitro groups, azides and perchlorates with too many bonds).
    """
    atoms = []
    new: dict[tuple[str, tuple[int, ...]], AtomType] = {}
    for row, place in enumerate(zip(written, around, strict=True)):
        kind = _usual_atoms.get(place)
        if kind is None:
            name, (size, count, *bonds) = place
            atom = mol.GetAtomWithIdx(row)
            charged = "+" in name or "-" in name
            if charged != (atom.GetFormalCharge() != 0) or (name in _HALOGENS and len(bonds) > 1):
                return None
            kind = _atom_kind(atom, size, count)
            # An aromatic nitrogen written in capitals may or may not bear a hydrogen.
            if "@" not in name and not (name[0].isupper() and _aromatic_bonds.intersection(bonds)):
                new[place] = kind
        atoms.append(kind)
    if len(_usual_atoms) >= MOST_KINDS:
        _usual_atoms.clear()
    _usual_atoms.update(new)
    return atoms


def _atom_kind(atom: Chem.Atom, ring_size: int, memberships: int) -> AtomType:
    tag = atom.GetChiralTag()
    key = (
        atom.GetAtomicNum(),
        atom.GetDegree(),
        atom.GetFormalCharge(),
        atom.GetTotalNumHs(),
        atom.GetHybridization(),
        atom.GetIsAromatic(),
        # RDKit names R or S only where an atom is tagged.
        (_CIP.get(atom.GetProp("_CIPCode"), 3) if atom.HasProp("_CIPCode") else 3) if tag else 0,
        ring_size,
        atom.GetIsotope(),
        atom.GetNumRadicalElectrons(),
        memberships,
        atom.GetTotalValence(),
    )
    return _atom_kinds.get(key) or _new_atom(key)


def _new_atom(key: AtomKey) -> AtomType:
    element, degree, charge, hydrogens, hybridisation, aromatic, cip, ring, isotope, radical, _, valence = key
    tag = cip > 0
    codes = (
        min(element, 119),
        min(degree, 7),
        min(max(charge, -4), 4) + 4,
        min(hydrogens, 5),
        _HYBRIDISATION.get(hybridisation, 0),
        int(aromatic),
        cip,
        0 if ring == 0 else min(ring, 9) - 2,
        0 if isotope == 0 else isotope % 31 + 1,
        min(radical, 3),
    )
    flat = (*key[:6], int(tag), *key[7:])
    if len(_atom_numbers) >= MOST_KINDS:
        _atom_numbers.clear()
    number = _atom_numbers.get(flat)
    if number is None:
        number = _atom_numbers[flat] = next(_numbers)
    row = np.array(codes, np.int64).tobytes()
    return _remember(_atom_kinds, key, AtomType(number, row, element, isotope > 0, tag, hydrogens, valence))


def _bond_kind(bond: Chem.Bond, in_ring: bool) -> AtomType:
    order = bond.GetBondType()
    stereo = bond.GetStereo() if order == _DOUBLE else None  # no other bond has cis and trans
    key = (order, stereo, bond.GetIsConjugated(), in_ring, bond.GetIsAromatic())
    return _bond_kinds.get(key) or _new_bond(key)


def _new_bond(key: BondKey) -> AtomType:
    order, stereo, conjugated, ring, _ = key
    codes = (_ORDER.get(order, 5), _STEREO.get(stereo, 0) if stereo else 0, int(conjugated), int(ring))
    return _remember(_bond_kinds, key, AtomType(next(_numbers), np.array(codes, np.int64).tobytes()))


def _remember(kinds: dict[Key, AtomType], key: Key, kind: AtomType) -> AtomType:
    if len(kinds) >= MOST_KINDS:
        kinds.clear()
    return kinds.setdefault(key, kind)
