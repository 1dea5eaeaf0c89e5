"""One plausible 3D shape of a molecule, for looking at: ETKDG embedding and a short MMFF94 relaxation.

Source: Riniker & Landrum, J. Chem. Inf. Model. 2015, 55, 2562 (ETKDG); RDKit implements version 3.
"""

from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple
from molsearch.errors import InputError

MAX_HEAVY_ATOMS = 200  # beyond this an embedding takes longer than a person waits
GAP_A = 3.0  # free space between the fragments of a salt, in ångström
_RELAXATION_STEPS = 200
_OVERTIME_S = 10.0  # beside the two tries of embedding


def conformer(smiles: str, seed: int = 42, timeout_s: int = 10) -> str:
    """Embed a molecule in space, hydrogens included.

    Args:
        smiles: The molecule.
        seed: Start of the random embedding; the same seed gives the same shape.
        timeout_s: Seconds after which the embedding gives up.

    Returns:
        A molblock with coordinates in ångström and no title (so it holds no text from a file).

    Raises:
        InputError: If the SMILES cannot be read, the molecule is too large or no shape was found.
    """
    if is_simple(smiles):
        return shaped(smiles, seed, timeout_s)
    try:
        return call(shaped, smiles, seed, timeout_s, seconds=2.0 * timeout_s + _OVERTIME_S)
    except WorkerDied as death:
        raise InputError("No 3D shape: this structure is too intricate to embed. Use its drawing.") from death


def shaped(smiles: str, seed: int, timeout_s: int) -> str:
    """Embed a molecule in space, however long reading and relaxing it take; see ``conformer``."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"No 3D shape: {smiles[:80]!r} is not a SMILES that RDKit reads. Check the structure.")
    if mol.GetNumHeavyAtoms() > MAX_HEAVY_ATOMS:
        raise InputError(
            f"No 3D shape: the molecule has {mol.GetNumHeavyAtoms()} heavy atoms and at most {MAX_HEAVY_ATOMS} "
            "can be embedded while you wait. Use its drawing."
        )
    mol = Chem.AddHs(mol)
    try:
        embedded = _embed(mol, seed, timeout_s)
    except (RuntimeError, ValueError):  # bounds that contradict one another, as in a cage of wildcards
        embedded = False
    if not embedded:
        raise InputError("No 3D shape: RDKit found no geometry for this structure. Use its drawing.")
    _part_fragments(mol)
    mol.SetProp("_Name", "")
    return str(Chem.MolToMolBlock(mol))


def _embed(mol: Chem.Mol, seed: int, timeout_s: int) -> bool:
    """Embed in place; a second try starts from random coordinates, which strained rings need."""
    parameters: Any = rdDistGeom.ETKDGv3()  # its type stubs misname the fields' types
    parameters.randomSeed = seed
    parameters.timeout = timeout_s
    for random_start in (False, True):
        parameters.useRandomCoords = random_start
        if rdDistGeom.EmbedMolecule(mol, parameters) == 0:
            if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
                rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=_RELAXATION_STEPS)
            return True
    return False


def _part_fragments(mol: Chem.Mol) -> None:
    """Set the fragments side by side along x: RDKit embeds each of them around the origin."""
    fragments = Chem.GetMolFrags(mol)
    if len(fragments) < 2:
        return
    shape = mol.GetConformer()
    edge = 0.0
    for atoms in fragments:
        xs = [shape.GetAtomPosition(atom).x for atom in atoms]
        shift = edge - min(xs)
        for atom in atoms:
            at = shape.GetAtomPosition(atom)
            at.x += shift
            shape.SetAtomPosition(atom, at)
        edge += max(xs) - min(xs) + GAP_A
