"""A molecule without some of its atoms: they become wildcards, and the rest stays as it is."""

from collections.abc import Iterable, Sequence

from rdkit import Chem

from molsearch.chem.features.graph import featurise
from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple
from molsearch.chem.structures import parse
from molsearch.errors import InputError

SECONDS = 60.0  # of an intricate molecule without each of its atoms


def without_each_atom(smiles: str) -> list[str]:
    """Write the molecule once for each of its atoms, with that atom made a wildcard; see ``without_atoms``.

    Returns:
        (A,) SMILES in the atom order of ``smiles``.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    return without_atoms(smiles, [(atom,) for atom in range(len(featurise(smiles).atoms))])


def without_atoms(smiles: str, groups: Iterable[Sequence[int]]) -> list[str]:
    """Write the molecule once for each group of atoms, with the atoms of the group made wildcards.

    A wildcard keeps its bonds and loses element, charge, isotope, hydrogens and stereo, so the rest of the molecule
    stays one piece.

    Args:
        smiles: The molecule.
        groups: Atom numbers in the order of ``smiles``, from 0.

    Raises:
        InputError: If the SMILES cannot be read, or is too intricate to be taken apart.
    """
    if is_simple(smiles):
        return masked(smiles, list(groups))
    try:
        return call(masked, smiles, list(map(list, groups)), seconds=SECONDS)
    except WorkerDied as death:
        raise InputError(f"This structure is too intricate to be taken apart: got {smiles[:80]!r}.") from death


def masked(smiles: str, groups: Sequence[Sequence[int]]) -> list[str]:
    """Write the molecule once for each group of atoms, however long that takes; see ``without_atoms``."""
    aromatic = parse(smiles)
    kekule = Chem.RWMol(aromatic)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    # The aromatic form changes least, but RDKit finds no Kekulé form for some fused rings with a wildcard.
    forms = ((_without(aromatic, atoms), _without(kekule, atoms)) for atoms in groups)
    return [first if Chem.MolFromSmiles(first) is not None else second for first, second in forms]


def _without(mol: Chem.Mol, numbers: Sequence[int]) -> str:
    masked = Chem.RWMol(mol)
    for number in numbers:
        atom = masked.GetAtomWithIdx(number)
        atom.SetAtomicNum(0)
        atom.SetFormalCharge(0)
        atom.SetIsotope(0)
        atom.SetNumRadicalElectrons(0)
        atom.SetNumExplicitHs(0)
        atom.SetNoImplicit(True)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return str(Chem.MolToSmiles(masked))
