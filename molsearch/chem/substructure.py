"""Substructures: which molecules hold a SMARTS pattern."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from rdkit import Chem

from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple, is_simple_pattern
from molsearch.errors import InputError

MAX_SMARTS_CHARS = 2_000
BATCH = 256  # molecules matched at once in another process
SECONDS = 10.0  # of such a batch, and of a molecule alone

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
    """Return whether each molecule holds a pattern, however long that takes; see ``matches``."""
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
    """Parse a trusted key as ``perceive`` does, or return the molecule that was; None where it cannot be read."""
    try:
        return perceive(key)
    except InputError:
        return None
