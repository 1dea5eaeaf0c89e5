"""Chemical classes as chemists name them, each tied to the structures it covers.

The table stands beside this file as `classes.tsv`, one class a line: row number, name, synonyms, narrower terms,
parent, pattern (the language of `patterns`), a molecule that belongs to it, one that does not, and a note, which is
"approximate" where SMARTS cannot say all that the name says. A class holds for a molecule when its pattern and its
parent both hold, so a pattern need only say what the parent does not. Row numbers are stored in trained models: a new
class takes the next free number wherever it stands, and a number is never used again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import QED

from molsearch.chem.batch.arrays import CLASS_SIZE
from molsearch.chem.batch.molbatch import Bools, MolBatch
from molsearch.chem.ontology.patterns import Pattern, parse
from molsearch.chem.ontology.ruleset import RuleSet
from molsearch.chem.ontology.terms import Terms, parted, read_rules
from molsearch.errors import InputError

TABLE = Path(__file__).with_name("classes.tsv")
MAX_ROWS = CLASS_SIZE  # models keep one slot for each row number below this


@dataclass(frozen=True, slots=True)
class ChemicalClass:
    """One class of molecules.

    Attributes:
        row: Number of the class, from 0, below MAX_ROWS; fixed for good.
        name: Its name, singular where chemists use the singular ("sulfonamide"), plural where ChEBI does ("pyridines").
        synonyms: Other names of the same class, singular.
        narrower: Names of kinds within the class that have no row of their own: they imply the class, it does not imply
            them.
        parent: Name of the class that holds every member of this one, or "".
        pattern: What the structure must show, in the language of `patterns`.
        example: SMILES of a member.
        counterexample: SMILES of a near miss.
        note: "" or what the pattern leaves out.
    """

    row: int
    name: str
    synonyms: tuple[str, ...]
    narrower: tuple[str, ...]
    parent: str
    pattern: str
    example: str
    counterexample: str
    note: str


def read_table(path: Path) -> tuple[ChemicalClass, ...]:
    """Read a class table.

    Raises:
        InputError: The file is missing or a line lacks a column.
    """
    return read_rules(path, "class", _class)


def _class(line: Mapping[str, str]) -> ChemicalClass:
    return ChemicalClass(
        row=int(line["row"]),
        name=line["name"],
        synonyms=parted(line["synonyms"]),
        narrower=parted(line["narrower"]),
        parent=line["parent"],
        pattern=line["pattern"],
        example=line["example"],
        counterexample=line["counterexample"],
        note=line["note"] or "",
    )


CLASSES: tuple[ChemicalClass, ...] = read_table(TABLE)
_BY_NAME = {chemical.name: chemical for chemical in CLASSES}


def class_named(name: str) -> ChemicalClass:
    """Look up a class by its name.

    Raises:
        InputError: No class has that name.
    """
    if name not in _BY_NAME:
        raise InputError(
            f"no chemical class is named {name!r}: use a name of the class table, or find_classes for free text"
        )
    return _BY_NAME[name]


class _Membership:
    """Classes of one molecule one at a time, each decided once, parents before their children."""

    def __init__(self, mol: Chem.Mol) -> None:
        self._mol = mol
        self._numbers: dict[str, int] = {}
        self._known: dict[str, bool] = {"": True}

    def holds(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            pattern, parent = _rules()[name]
            known = self.holds(parent) and pattern.holds(self._mol, self._numbers)
            self._known[name] = known
        return known


@lru_cache(maxsize=1)
def _rules() -> dict[str, tuple[Pattern, str]]:
    """Compile the pattern of each class, beside its parent; made once, on first use."""
    return {chemical.name: (parse(chemical.pattern), chemical.parent) for chemical in CLASSES}


@lru_cache(maxsize=1)
def _rule_set() -> tuple[RuleSet, npt.NDArray[np.int64]]:
    """Compile all rules together; return the row numbers of their classes in the same order too, parents first."""
    ordered: dict[str, int] = {}
    for chemical in CLASSES:
        lineage = [chemical]
        while lineage[-1].parent:
            lineage.append(_BY_NAME[lineage[-1].parent])
        for ancestor in reversed(lineage):
            ordered.setdefault(ancestor.name, len(ordered))
    rules = [(_rules()[name][0], ordered.get(_BY_NAME[name].parent, -1)) for name in ordered]
    return RuleSet(rules, QED.StructuralAlerts), np.array([_BY_NAME[name].row for name in ordered])


def classes_and_alerts(molbatch: MolBatch) -> tuple[Bools, Bools]:
    """Find the classes of molecules, (N, MAX_ROWS) by row number, and in the same pass QED's alerts, (N, alerts)."""
    rules, rows = _rule_set()
    members, alerts = rules.members(molbatch)
    classes = np.zeros((len(molbatch.mols), MAX_ROWS), bool)
    classes[:, rows] = members
    return classes, alerts


def class_vector(mol: Chem.Mol) -> tuple[int, ...]:
    """List the row numbers of the classes that the molecule belongs to, ascending."""
    classes, _ = classes_and_alerts(MolBatch.of([mol]))
    return tuple(np.flatnonzero(classes[0]).tolist())


def classes_of(mol: Chem.Mol) -> tuple[str, ...]:
    """List the names of the classes that the molecule belongs to, in the order of the table."""
    rows = set(class_vector(mol))
    return tuple(chemical.name for chemical in CLASSES if chemical.row in rows)


def belongs(mol: Chem.Mol, name: str) -> bool:
    """Return whether the molecule is a member of the class; cheaper than `classes_of` for one class.

    Raises:
        InputError: No class has that name.
    """
    return _Membership(mol).holds(class_named(name).name)


def matches(mol: Chem.Mol, name: str) -> tuple[tuple[int, ...], ...]:
    """List the atoms of each place in the molecule that makes it a member of the class, for highlighting.

    Returns:
        Tuples of atom indices; empty where the molecule is no member or where no SMARTS decides (charge, ring count).

    Raises:
        InputError: No class has that name.
    """
    member = _Membership(mol)
    if not member.holds(class_named(name).name):
        return ()
    pattern, parent = _rules()[name]
    return pattern.atoms(mol) or (matches(mol, parent) if parent else ())


def find_classes(text: str, *, exact: bool = False) -> tuple[tuple[str, int, int], ...]:
    """Find class names and synonyms in free text: the longest at each place, in singular or plural, any letter case.

    Hyphens and spaces count alike and Greek letters read as their names. Negation is not understood ("without a
    lactone" finds the lactone), only a prefix such as "non-" is.

    Args:
        text: Any text.
        exact: Leave out the narrower terms, which name only a part of the class: right for an exclusion, where "without
            a corticosteroid" must not drop every 21-hydroxy steroid.

    Returns:
        (class name, start, end) in text order, without overlap.
    """
    return _terms(exact).find(text)


@lru_cache(maxsize=2)
def _terms(exact: bool) -> Terms[str]:
    """Collect all titles of the classes; made once, on first use."""
    return Terms(
        (title, chemical.name)
        for chemical in CLASSES
        for title in (chemical.name, *chemical.synonyms, *(() if exact else chemical.narrower))
    )
