"""Substructures: which molecules hold a SMARTS pattern, and what a molecule is without one of its atoms."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from rdkit import Chem

from molsearch.chem.features.graph import featurise, parse
from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple, is_simple_pattern
from molsearch.errors import InputError

MAX_SMARTS_CHARS = 2_000
BATCH = 256  # molecules matched at once in another process
SECONDS = 10.0  # of such a batch, and of a molecule alone
MASKING_SECONDS = 60.0  # of an intricate molecule without each of its atoms

# What a pattern can ask of a molecule beyond its written atoms and bonds: rings, conjugation, hybridisation. The keys
# were written by RDKit after clean-up, so valence and aromaticity hold already and need no second check.
_PERCEIVED = (
    Chem.SanitizeFlags.SANITIZE_SYMMRINGS
    | Chem.SanitizeFlags.SANITIZE_SETCONJUGATION
    | Chem.SanitizeFlags.SANITIZE_SETHYBRIDIZATION
)


def compile_smarts(smarts: str) -> Chem.Mol:
    """Compile a SMARTS pattern.

    Raises:
        InputError: If it is empty, too long or not SMARTS.
    """
    text = smarts.strip()
    if len(text) > MAX_SMARTS_CHARS:
        raise InputError(f"This SMARTS is too long: got {len(text)} characters, expected at most {MAX_SMARTS_CHARS}.")
    pattern = Chem.MolFromSmarts(text) if text else None
    if pattern is None or pattern.GetNumAtoms() == 0:
        raise InputError(f"This SMARTS cannot be read: got {text[:80]!r}, expected a pattern such as 'S(=O)(=O)N'.")
    return pattern


def matches(keys: Iterable[str], smarts: str) -> Iterator[bool]:
    """Yield, for each molecule key, whether the molecule holds the pattern.

    A plain pattern is matched with simple molecules here; the rest in a process that is ended when it takes too long.

    Args:
        keys: Isomeric SMILES after clean-up, as in ``Molecule.key``; trusted, so that a molecule costs half a parse.
        smarts: The pattern.

    Raises:
        InputError: If the pattern cannot be read, or takes longer than SECONDS with one molecule.
    """
    pattern = compile_smarts(smarts)
    return _matches(iter(keys), pattern, smarts.strip(), is_simple_pattern(smarts))


def _matches(keys: Iterator[str], pattern: Chem.Mol, smarts: str, easy: bool) -> Iterator[bool]:
    while batch := list(islice(keys, BATCH)):
        simple = [easy and is_simple(key) for key in batch]
        rest = iter(_matched_apart([key for key, here in zip(batch, simple, strict=True) if not here], smarts))
        for key, here in zip(batch, simple, strict=True):
            yield perceive(key).HasSubstructMatch(pattern) if here else next(rest)


def _matched_apart(keys: Sequence[str], smarts: str) -> list[bool]:
    try:
        return call(matched, list(keys), smarts, seconds=SECONDS) if keys else []
    except WorkerDied as death:
        if len(keys) > 1:  # halves, so that a few slow molecules are no reason to refuse the pattern
            half = len(keys) // 2
            return _matched_apart(keys[:half], smarts) + _matched_apart(keys[half:], smarts)
        raise InputError(
            f"This SMARTS takes too long: got {smarts[:80]!r}, which was not matched with {keys[0][:80]!r} in "
            f"{SECONDS:g} s; name the atoms more closely, or leave out large rings and '$(...)'."
        ) from death


def matched(keys: Sequence[str], smarts: str) -> list[bool]:
    """Tell whether each molecule holds a pattern, however long that takes; see ``matches``."""
    pattern = compile_smarts(smarts)
    return [perceive(key).HasSubstructMatch(pattern) for key in keys]


def perceive(key: str) -> Chem.Mol:
    """Parse a trusted key as far as a pattern needs it, in half the time of a full parse.

    Raises:
        InputError: If it cannot be read.
    """
    mol = Chem.MolFromSmiles(key, sanitize=False)
    if mol is None:
        raise InputError(f"This SMILES cannot be read: got {key[:80]!r}, expected a valid structure; correct it.")
    mol.UpdatePropertyCache(strict=False)
    Chem.SanitizeMol(mol, _PERCEIVED)
    return mol


# Queries of one session ask for the same molecules again and again; these take about 10 kB each.
@lru_cache(maxsize=4_096)
def perceived(key: str) -> Chem.Mol | None:
    """Parse a trusted key as ``perceive`` does, or give the molecule again that was; None where it cannot be read."""
    try:
        return perceive(key)
    except InputError:
        return None


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
        return call(masked, smiles, list(map(list, groups)), seconds=MASKING_SECONDS)
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
