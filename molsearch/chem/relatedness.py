"""How two molecules are related, in a chemist's words: stereo twins, conjugate pairs, homologues, isomers, classes.

KINDS is asked from the closest relation to the farthest; the first that holds names the pair.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.Scaffolds import MurckoScaffold

from molsearch.chem.ontology.classes import classes_of
from molsearch.chem.standardize import Cleaned, clean
from molsearch.chem.structures import parse
from molsearch.errors import InputError

_SKELETON_CHARS = 14  # first block of an InChIKey
_LARGEST = rdMolStandardize.LargestFragmentChooser()
_UNCHARGER = rdMolStandardize.Uncharger()
# A methylene between two heavy atoms: what a member of a homologous series has more or fewer of.
_METHYLENE = Chem.MolFromSmarts("[CX4;H2;D2;+0]")
_MARK = "methylene"


@lru_cache(maxsize=4_000)
def _key(smiles: str) -> str:
    cleaned = clean(smiles, "smiles")
    return cleaned.key if isinstance(cleaned, Cleaned) else smiles


@lru_cache(maxsize=4_000)
def _flat(smiles: str) -> str:
    """Write a structure without stereo; isotopes and charges stay."""
    mol = Chem.Mol(parse(_key(smiles)))
    Chem.RemoveStereochemistry(mol)
    return str(Chem.MolToSmiles(mol))


@lru_cache(maxsize=4_000)
def _neutral(smiles: str) -> str:
    """Write the largest organic part without stereo, charges taken off by adding or removing protons."""
    mol = _UNCHARGER.uncharge(_LARGEST.choose(parse(_flat(smiles))))
    return str(Chem.MolToSmiles(mol))


@lru_cache(maxsize=4_000)
def skeleton(smiles: str) -> str:
    """Return the first block of the InChIKey, alike for tautomers and isotopologues; "" where there is none."""
    return inchikey(smiles)[:_SKELETON_CHARS]


def inchikey(smiles: str) -> str:
    """Return the standard InChIKey; "" where there is none, as for a structure that cannot be read."""
    try:
        return str(Chem.MolToInchiKey(parse(smiles)))
    except InputError:
        return ""


@lru_cache(maxsize=4_000)
def _formula(smiles: str) -> str:
    return str(rdMolDescriptors.CalcMolFormula(parse(smiles)))


@lru_cache(maxsize=4_000)
def _scaffold(smiles: str) -> str:
    """Write the Murcko scaffold without stereo; "" for a molecule without rings."""
    return str(Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(parse(_flat(smiles)))))


@lru_cache(maxsize=4_000)
def _without_methylenes(smiles: str) -> tuple[str, int]:
    """Write a structure without stereo with every CH2 between two atoms left out, and tell how many there were.

    Of a ring's methylenes those stay whose neighbours are joined already, so that a ring never closes on itself.
    """
    mol = Chem.RWMol(parse(_neutral(smiles)))
    methylenes = [mol.GetAtomWithIdx(match[0]) for match in mol.GetSubstructMatches(_METHYLENE)]
    for atom in methylenes:
        atom.SetBoolProp(_MARK, True)
    count = 0
    for _ in methylenes:
        middle = next(atom for atom in mol.GetAtoms() if atom.HasProp(_MARK))
        middle.ClearProp(_MARK)
        left, right = (atom.GetIdx() for atom in middle.GetNeighbors())
        if mol.GetBondBetweenAtoms(left, right) is None:
            mol.AddBond(left, right, Chem.BondType.SINGLE)
            mol.RemoveAtom(middle.GetIdx())
            count += 1
    return str(Chem.MolToSmiles(mol)), count


def _homologues(first: str, second: str) -> bool:
    (short, few), (long, many) = _without_methylenes(first), _without_methylenes(second)
    return short == long and few != many


def _same_scaffold(first: str, second: str) -> bool:
    scaffold = _scaffold(first)
    return bool(scaffold) and scaffold == _scaffold(second)


def _same_skeleton(first: str, second: str) -> bool:
    block = skeleton(first)
    return bool(block) and block == skeleton(second)


#: What two molecules are to each other, the closest relation first. Stereo is compared by the first two rows alone.
KINDS: Mapping[str, Callable[[str, str], bool]] = {
    "the same molecule twice": lambda a, b: _key(a) == _key(b),
    "stereo twin": lambda a, b: _flat(a) == _flat(b),
    "conjugate acid or base, or salt": lambda a, b: _neutral(a) == _neutral(b),
    "tautomer or isotopologue": _same_skeleton,
    "homologue": _homologues,
    "isomer of the same formula": lambda a, b: _formula(_neutral(a)) == _formula(_neutral(b)),
    "same scaffold, other substituents": _same_scaffold,
}
SAME_CLASSES, OTHER_CLASSES, NO_CLASS = "same named classes, other scaffold", "other class", "no class named"
ALL_KINDS = (*KINDS, SAME_CLASSES, OTHER_CLASSES, NO_CLASS)


def relatedness(truth: str, other: str, named: frozenset[str]) -> str:
    """Name how another molecule is related to the true one.

    Args:
        truth: SMILES of the molecule that a text describes.
        other: SMILES of the one that was taken for it.
        named: Classes that the text names; those that the true molecule does not belong to by our rules do not count.

    Returns:
        A row of KINDS; else whether the other molecule belongs to all classes named (SAME_CLASSES) or not
        (OTHER_CLASSES), or that no class was named (NO_CLASS).

    Raises:
        InputError: If a SMILES cannot be read.
    """
    for kind, holds in KINDS.items():
        if holds(truth, other):
            return kind
    meant = named.intersection(classes_of(parse(truth)))
    if not meant:
        return NO_CLASS
    return SAME_CLASSES if meant.issubset(classes_of(parse(other))) else OTHER_CLASSES
