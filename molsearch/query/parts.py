"""Structures that a text names, looked for in molecules: does the molecule hold the part, and how much of it is that?

A part is matched without stereochemistry and isotopes; where its name states stereochemistry, molecules that agree
with that too are kept apart. A wildcard, where a substituent is attached, matches any atom.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.batch.arrays import PART_SHARES, PART_SIZES, RELATIONS
from molsearch.chem.structures import parse
from molsearch.chem.substructure import perceived
from molsearch.query.names import Mention

MAX_PARTS = 8
HELD = 1 + len(PART_SHARES)  # ways to hold a part
_LEAST_ATOMS, _MOST_ATOMS = 2, 60  # a part of one atom says little, matching a very large one may take seconds
_WILDCARDS = Chem.AdjustQueryParameters.NoAdjustments()
setattr(_WILDCARDS, "makeDummiesQueries", True)  # noqa: B010 the stubs call it a constant
_ALONE = Chem.AdjustQueryParameters.NoAdjustments()
setattr(_ALONE, "makeDummiesQueries", True)  # noqa: B010
setattr(_ALONE, "adjustDegree", True)  # noqa: B010
setattr(_ALONE, "adjustDegreeFlags", Chem.AdjustQueryWhichFlags.ADJUST_IGNOREDUMMIES)  # noqa: B010
_LARGEST_MOLECULE = 150  # heavy atoms; larger ones are not looked at


@dataclass(frozen=True, slots=True)
class Part:
    """A named structure, ready to be looked for.

    Attributes:
        smiles: The structure, wildcards where it is attached.
        query: What is matched.
        atoms: Its heavy atoms.
        stereo: Whether its name states stereochemistry.
        kind: From 0 below PART_KINDS: how it stands to the molecule described, whether it is a substituent, its size.
        start: Where its name begins in the text.
        end: Where its name ends.
    """

    smiles: str
    query: Chem.Mol
    atoms: int
    stereo: bool
    kind: int
    start: int
    end: int


def parts_of(mentions: Iterable[Mention]) -> list[Part]:
    """Make the first MAX_PARTS distinct structures of a text ready; one named twice keeps its closest relation."""
    closest: dict[str, Mention] = {}
    for mention in mentions:
        before = closest.get(mention.smiles)
        if before is None or RELATIONS.index(mention.relation) > RELATIONS.index(before.relation):
            closest[mention.smiles] = mention
    parts = (_part(mention) for mention in list(closest.values())[:MAX_PARTS])
    return [part for part in parts if part is not None]


def outcomes(parts: Sequence[Part], keys: Sequence[str]) -> npt.NDArray[np.int8]:
    """Look for parts in molecules.

    Args:
        parts: P parts.
        keys: N isomeric SMILES after clean-up.

    Returns:
        (P, N): 0 for not held, then from a small part of the molecule to nearly all of it; and the same again, from
        HELD on, where the molecule holds the part with other stereochemistry than its name states.
    """
    table = np.zeros((len(parts), len(keys)), np.int8)
    for column, key in enumerate(keys):
        mol = perceived(key)
        if mol is None:
            continue
        atoms = mol.GetNumHeavyAtoms()
        for line, part in enumerate(parts):
            if part.atoms <= atoms <= _LARGEST_MOLECULE and mol.HasSubstructMatch(part.query):
                table[line, column] = 1 + np.searchsorted(PART_SHARES, part.atoms / atoms, side="right")
                if part.stereo and not _with_stereochemistry(key).HasSubstructMatch(part.query, useChirality=True):
                    table[line, column] += HELD
    return table


@lru_cache(maxsize=4_096)
def _with_stereochemistry(key: str) -> Chem.Mol:
    """Parse a key that can be read as far as stereochemistry needs it, which takes twice as long."""
    return parse(key)


def _part(mention: Mention) -> Part | None:
    query, atoms = query_of_part(mention.smiles)
    if query is None or not _LEAST_ATOMS <= atoms <= _MOST_ATOMS:
        return None
    radical = "*" in mention.smiles
    size = int(np.searchsorted(PART_SIZES, atoms, side="right"))
    kind = (RELATIONS.index(mention.relation) * 2 + radical) * (len(PART_SIZES) + 1) + size
    return Part(mention.smiles, query, atoms, _states_stereochemistry(mention.smiles), kind, mention.start, mention.end)


@lru_cache(maxsize=4_096)
def _states_stereochemistry(smiles: str) -> bool:
    """Return whether a structure that can be read has a stereocentre or double bond whose configuration is given."""
    centres = Chem.FindPotentialStereo(Chem.MolFromSmiles(smiles))
    return any(centre.specified == Chem.StereoSpecified.Specified for centre in centres)


@lru_cache(maxsize=4_096)
def query_of_part(smiles: str, whole: bool = False) -> tuple[Chem.Mol | None, int]:
    """Make a named structure ready to be looked for, and count its heavy atoms; None where it cannot be read.

    Args:
        smiles: The structure, wildcards where it is attached.
        whole: Whether nothing else may be attached to it.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return None, 0
    # Of several pieces the largest: pieces apart may be matched in more ways than can be counted.
    mol = max(Chem.GetMolFrags(mol, asMols=True), key=lambda piece: piece.GetNumHeavyAtoms(), default=mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    mol = Chem.RemoveHs(mol)
    atoms = sum(atom.GetAtomicNum() > 1 for atom in mol.GetAtoms())
    return Chem.AdjustQueryProperties(mol, _ALONE if whole else _WILDCARDS), atoms
