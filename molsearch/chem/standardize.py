"""One record to one structure: named clean-up steps, and a key that tells structures apart.

By default only RDKit's ``MolStandardize.Cleanup`` is done, step by step, because captions speak of salts, charges,
tautomers, isotopes and stereochemistry. Everything that would merge structures is opt-in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from molsearch.chem.structures import diagnosis, excerpt, first_line, heavy_atoms_written, read_structure
from molsearch.errors import InputError
from molsearch.records import Entry, Kind, Molecule, Reason, Rejection

MAX_ATOMS = 1000

# Built once: RDKit parses its rule tables in every constructor, which is most of the cost of `Cleanup`.
_METALS = rdMolStandardize.MetalDisconnector()
_NORMALIZER = rdMolStandardize.Normalizer()
_REIONIZER = rdMolStandardize.Reionizer()
_LARGEST = rdMolStandardize.LargestFragmentChooser()
_UNCHARGER = rdMolStandardize.Uncharger()
_TAUTOMERS = rdMolStandardize.TautomerEnumerator()


@dataclass(frozen=True, slots=True)
class Step:
    """One named rule.

    Attributes:
        meaning: What it does, in a chemist's words.
        source: Where the rule comes from.
        text: What it does to the SMILES before parsing, if it acts there.
        molecule: What it does to the parsed molecule, if it acts there; never alters its argument.
    """

    meaning: str
    source: str
    text: Callable[[str], str] | None = None
    molecule: Callable[[Chem.Mol], Chem.Mol] | None = None


def _on_a_copy(change: Callable[[Chem.Mol], None]) -> Callable[[Chem.Mol], Chem.Mol]:
    """Make a step of an in-place method: ``Cleanup`` uses these, and they pick other mesomers than those that copy."""

    def step(mol: Chem.Mol) -> Chem.Mol:
        copy = Chem.Mol(mol)
        change(copy)
        return copy

    return step


def _assign_stereo(mol: Chem.Mol) -> Chem.Mol:
    copy = Chem.Mol(mol)
    Chem.AssignStereochemistry(copy, cleanIt=True, force=True)
    return copy


def _drop_isotopes(mol: Chem.Mol) -> Chem.Mol:
    copy = Chem.Mol(mol)
    for atom in copy.GetAtoms():
        atom.SetIsotope(0)
    return Chem.RemoveHs(copy)


def _drop_stereo(mol: Chem.Mol) -> Chem.Mol:
    copy = Chem.Mol(mol)
    Chem.RemoveStereochemistry(copy)
    return copy


_MOLVS = "RDKit MolStandardize.Cleanup, after MolVS"
STEPS: dict[str, Step] = {
    "single backslashes": Step(
        "turns the doubled backslashes of escaped SMILES back into single ones",
        "SMILES files written through a string literal",
        text=lambda text: text.replace("\\\\", "\\"),
    ),
    "remove hydrogens": Step("folds plain explicit hydrogens into their atoms", _MOLVS, molecule=Chem.RemoveHs),
    "disconnect metals": Step(
        "cuts covalent bonds between metals and N, O, F", _MOLVS, molecule=_on_a_copy(_METALS.DisconnectInPlace)
    ),
    "normalise groups": Step(
        "writes nitro, sulfoxide, azide and similar groups in one form",
        _MOLVS,
        molecule=_on_a_copy(_NORMALIZER.normalizeInPlace),
    ),
    "reionise": Step(
        "moves charges to the strongest acid of the molecule", _MOLVS, molecule=_on_a_copy(_REIONIZER.reionizeInPlace)
    ),
    "assign stereo": Step("drops stereo marks where there is no stereo centre", _MOLVS, molecule=_assign_stereo),
    "parent fragment": Step(
        "keeps only the largest organic fragment", "RDKit MolStandardize", molecule=_LARGEST.choose
    ),
    "uncharge": Step("adds or removes protons until neutral", "RDKit MolStandardize", molecule=_UNCHARGER.uncharge),
    "drop isotopes": Step(
        "makes every atom its natural isotope mixture", "RDKit MolStandardize", molecule=_drop_isotopes
    ),
    "drop stereo": Step("removes all stereochemistry", "RDKit", molecule=_drop_stereo),
    "canonical tautomer": Step("picks one tautomer (slow)", "RDKit MolStandardize", molecule=_TAUTOMERS.Canonicalize),
}
CLEANUP = (
    "single backslashes",
    "remove hydrogens",
    "disconnect metals",
    "normalise groups",
    "reionise",
    "assign stereo",
)

# An atom on which a Cleanup rule could act. The rules need a charge, a lone atom, a metal, an explicit hydrogen or an
# unusual valence (N, P over 3; S of valence 4), so a molecule without such an atom is left alone by all of them.
_UNUSUAL = Chem.MolFromSmarts(
    "[!$([+0;!D0;#6&v4,#7&v3,#8&v2,#9&v1,#17&v1,#35&v1,#53&v1,#16&v2,#16&v6&X4,#15&v5&X4,#14&v4])]"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A structure after its steps: the key, and the names of the steps that altered it."""

    key: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a structure has no key."""

    reason: Reason
    detail: str


def check_steps(steps: Sequence[str]) -> None:
    """Refuse names that are no step.

    Raises:
        InputError: A name is not a row of STEPS.
    """
    unknown = [name for name in steps if name not in STEPS]
    if unknown:
        raise InputError(f"Unknown clean-up step {unknown[0]!r}: choose among {', '.join(STEPS)}.")


def standardize(entry: Entry, steps: Sequence[str] = CLEANUP, max_atoms: int = MAX_ATOMS) -> Molecule | Rejection:
    """Clean one record up and give it its key.

    Args:
        entry: The record as read.
        steps: Names of STEPS, done in this order.
        max_atoms: A structure with more heavy atoms is rejected.

    Returns:
        A molecule with this one source, or the rejection that says why not.

    Raises:
        InputError: A step has no such name.
    """
    check_steps(steps)
    return conclude(entry, clean(entry.text, entry.kind, steps, max_atoms))


def conclude(entry: Entry, outcome: Cleaned | Fault) -> Molecule | Rejection:
    """Join a record with what became of its structure."""
    if isinstance(outcome, Fault):
        return Rejection(entry, outcome.reason, outcome.detail)
    return Molecule(outcome.key, entry.name, (entry,), outcome.changes)


def clean(text: str, kind: Kind, steps: Sequence[str] = CLEANUP, max_atoms: int = MAX_ATOMS) -> Cleaned | Fault:
    """Parse a structure, do the steps, and write its canonical isomeric SMILES.

    The key is parsed again before it is handed out, so that everything downstream can read it; where the steps leave
    something RDKit cannot read, they are not done.
    """
    if not text.strip():
        return Fault(Reason.EMPTY, "The record holds no structure.")
    if (atoms := heavy_atoms_written(text, kind)) > max_atoms:
        return Fault(Reason.TOO_LARGE, f"The structure has {atoms:,} heavy atoms; at most {max_atoms:,} are taken.")
    changes: list[str] = []
    for name in steps:
        act = STEPS[name].text
        if act and kind == "smiles" and act(text) != text:
            text = act(text)
            changes.append(name)
    mol = read_structure(text, kind)
    if mol is None:
        return Fault(Reason.UNREADABLE, diagnosis(text, kind))
    if mol.GetNumAtoms() == 0:
        return Fault(Reason.EMPTY, "The record holds a structure without atoms.")
    if mol.GetNumHeavyAtoms() > max_atoms:
        atoms = mol.GetNumHeavyAtoms()
        return Fault(Reason.TOO_LARGE, f"The structure has {atoms:,} heavy atoms; at most {max_atoms:,} are taken.")
    return _apply(mol, steps, changes, text.strip() if kind == "smiles" else "")


def _apply(mol: Chem.Mol, steps: Sequence[str], changes: list[str], written: str) -> Cleaned | Fault:
    usual = leaves_alone(mol)
    todo = [(name, act) for name in steps if (act := STEPS[name].molecule) and not (usual and name in CLEANUP)]
    try:
        before = Chem.MolToSmiles(mol)
        done = mol
        for _, act in todo:
            done = act(done)
        key = Chem.MolToSmiles(done) if todo else before
        if key != before and not _can_be_read(key):
            key = before  # rare: moving charges in a metallocene can break its rings; it stays as it was written
        if key != written and not _can_be_read(key):  # as it was written it has been read already
            return Fault(
                Reason.NOT_STANDARDISABLE, f"RDKit cannot read its own SMILES of the structure: {excerpt(key)}."
            )
        if key != before:
            changes = [*changes, *_altering(mol, before, todo)]
    except (ValueError, RuntimeError) as error:
        return Fault(Reason.NOT_STANDARDISABLE, f"The clean-up failed: {first_line(str(error))}.")
    return Cleaned(key, tuple(changes))


def _can_be_read(key: str) -> bool:
    return bool(key) and Chem.MolFromSmiles(key) is not None


def _altering(mol: Chem.Mol, smiles: str, todo: Sequence[tuple[str, Callable[[Chem.Mol], Chem.Mol]]]) -> list[str]:
    """Name the steps after which the SMILES differs; gone through again because few molecules change at all."""
    names = []
    for name, act in todo:
        mol = act(mol)
        now = Chem.MolToSmiles(mol)
        if now != smiles:
            names.append(name)
        smiles = now
    return names


def leaves_alone(mol: Chem.Mol) -> bool:
    """Return whether the clean-up is sure to change nothing (tested on whole libraries against RDKit's ``Cleanup``)."""
    return not mol.HasSubstructMatch(_UNUSUAL)
