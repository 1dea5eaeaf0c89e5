"""Structures that a text names, looked for in molecules: does the molecule hold the part, and how much of it is that?

A part is matched without stereochemistry and isotopes. A wildcard, where a substituent is attached, matches any atom.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase

from molsearch.chem.arrays import PART_SHARES, PART_SIZES, RELATIONS
from molsearch.chem.names import Mention
from molsearch.chem.substructure import perceive
from molsearch.errors import InputError

MAX_PARTS = 8
_LEAST_ATOMS, _MOST_ATOMS = 2, 60  # a part of one atom tells little, matching a very large one may take seconds
_WILDCARDS = Chem.AdjustQueryParameters.NoAdjustments()
setattr(_WILDCARDS, "makeDummiesQueries", True)  # noqa: B010 the stubs call it a constant
_LARGEST_MOLECULE = 150  # heavy atoms; larger ones are not looked at


@dataclass(frozen=True, slots=True)
class Part:
    """A named structure, ready to be looked for.

    Attributes:
        query: What is matched.
        atoms: Its heavy atoms.
        kind: From 0 below PART_KINDS: how it stands to the molecule described, whether it is a substituent, its size.
        start: Where its name begins in the text.
        end: Where its name ends.
    """

    query: Chem.Mol
    atoms: int
    kind: int
    start: int
    end: int


def parts_of(mentions: Iterable[Mention]) -> list[Part]:
    """Make the first MAX_PARTS distinct structures of a text ready; one named twice keeps its closest relation."""
    closest: dict[str, Mention] = {}
    for one in mentions:
        before = closest.get(one.smiles)
        if before is None or RELATIONS.index(one.relation) > RELATIONS.index(before.relation):
            closest[one.smiles] = one
    parts = (_part(one) for one in list(closest.values())[:MAX_PARTS])
    return [one for one in parts if one is not None]


def outcomes(parts: Sequence[Part], keys: Sequence[str]) -> npt.NDArray[np.int8]:
    """Look for parts in molecules.

    Args:
        parts: P parts.
        keys: N isomeric SMILES after clean-up.

    Returns:
        (P, N) from 0, not held, to PART_OUTCOMES - 1, nearly the whole molecule.
    """
    found = np.zeros((len(parts), len(keys)), np.int8)
    for column, key in enumerate(keys):
        mol = _molecule(key)
        if mol is None:
            continue
        atoms = mol.GetNumHeavyAtoms()
        for line, part in enumerate(parts):
            if part.atoms <= atoms <= _LARGEST_MOLECULE and mol.HasSubstructMatch(part.query):
                found[line, column] = 1 + np.searchsorted(PART_SHARES, part.atoms / atoms, side="right")
    return found


@lru_cache(maxsize=4_096)
def _molecule(key: str) -> Chem.Mol | None:
    try:
        return perceive(key)
    except InputError:
        return None


def _part(mention: Mention) -> Part | None:
    query, atoms = _query(mention.smiles)
    if query is None or not _LEAST_ATOMS <= atoms <= _MOST_ATOMS:
        return None
    radical = "*" in mention.smiles
    size = int(np.searchsorted(PART_SIZES, atoms, side="right"))
    kind = (RELATIONS.index(mention.relation) * 2 + radical) * (len(PART_SIZES) + 1) + size
    return Part(query, atoms, kind, mention.start, mention.end)


@lru_cache(maxsize=4_096)
def _query(smiles: str) -> tuple[Chem.Mol | None, int]:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return None, 0
        # Of several pieces the largest: pieces apart may be matched in more ways than can be counted.
        mol = max(Chem.GetMolFrags(mol, asMols=True), key=lambda piece: piece.GetNumHeavyAtoms(), default=mol)
        for atom in mol.GetAtoms():
            atom.SetIsotope(0)
        mol = Chem.RemoveHs(mol)
    atoms = sum(atom.GetAtomicNum() > 1 for atom in mol.GetAtoms())
    return Chem.AdjustQueryProperties(mol, _WILDCARDS), atoms
