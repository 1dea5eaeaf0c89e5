"""The pattern language of the class table: SMARTS joined by `and`, `or`, `not`, counts and a few named numbers.

A pattern is words between spaces. `or` parts alternatives, `and` parts the conditions of one alternative, `not` stands
before the condition it turns round; there are no brackets. A condition is one of

    [#6]S(=O)(=O)N                a SMARTS that occurs
    [CX3](=O)[OX2H1]{=2}          a SMARTS that occurs exactly (=), at least (>=) or at most (<=) that often
    rings>=1                      a number of PREDICATES compared with a constant
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molsearch.errors import InputError

MAX_COUNTED = 1_000  # matches counted of one SMARTS; polymers reach more, no row asks for more

_COUNT = re.compile(r"^(?P<smarts>.+)\{(?P<operator>>=|<=|=)(?P<number>\d+)\}$")
_COMPARE = re.compile(r"^(?P<name>[a-z_]+)(?P<operator>>=|<=|=)(?P<number>-?\d+)$")

# The ring oxygen of a furanose or pyranose: an anomeric carbon that bears O, N or S, and hydroxylated carbons after it.
_SUGAR_OXYGEN = (
    "[OX2r5,OX2r6;$(O1[CX4](~[O,N,S])[CX4]([O,N])[CX4][CX4][CX4]1),$(O1[CX4]([O,N,S])[CX4][CX4]([O,N])[CX4]([O,N])[CX4]1),"
    "$(O1[CX4]([O,N,S,c])[CX4]([O,N])[CX4]([O,N])[CX4]([O,N])[CX4]1),"
    "$(O1[CX4]([O,N,n,S])[CX4][CX4]([O,N])[CX4]1[CX4])]"
)
# The nitrogen of a peptide bond: it bears the carbon of one amino acid and the acyl group of another (alpha, beta or
# gamma, so that gamma-glutamyl and beta-alanyl count); a nitrogen in a beta-lactam ring is none.
_PEPTIDE_NITROGEN = (
    "[NX3;!r4;!$(N[#7,#8]);$(N[#6X4][CX3]=[OX1]);$(N[CX3](=[OX1])[#6X4][NX3,NX4+]),"
    "$(N[CX3](=[OX1])[CX4][CX4][NX3,NX4+]),$(N[CX3](=[OX1])[CX4][CX4][CX4]([NX3,NX4+])C(=O)[#7,#8])]"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        negated: `not` stands before it.
        query: The SMARTS, or None where a predicate is compared.
        chiral: Whether the SMARTS asks for stereochemistry.
        predicate: A name of PREDICATES, or "" where a SMARTS is matched.
        operator: "=", ">=" or "<="; "" where a SMARTS need only occur.
        number: The constant compared with.
    """

    negated: bool
    query: Chem.Mol | None
    chiral: bool = False
    predicate: str = ""
    operator: str = ""
    number: int = 0

    def holds(self, mol: Chem.Mol, numbers: dict[str, int]) -> bool:
        """Return whether the molecule fulfils the condition; `numbers` keeps the predicates already computed for it."""
        if self.query is None:
            if self.predicate not in numbers:
                numbers[self.predicate] = PREDICATES[self.predicate](mol)
            fulfilled = compare(numbers[self.predicate], self.operator, self.number)
        elif self.operator:
            matches = mol.GetSubstructMatches(self.query, useChirality=self.chiral, maxMatches=MAX_COUNTED)
            fulfilled = compare(len(matches), self.operator, self.number)
        else:
            fulfilled = mol.HasSubstructMatch(self.query, useChirality=self.chiral)
        return bool(fulfilled) != self.negated


@dataclass(frozen=True, slots=True)
class Pattern:
    """Alternatives, each a tuple of conditions that must all hold."""

    alternatives: tuple[tuple[Term, ...], ...]

    def holds(self, mol: Chem.Mol, numbers: dict[str, int]) -> bool:
        """Return whether one alternative holds."""
        for terms in self.alternatives:
            for term in terms:
                if not term.holds(mol, numbers):
                    break
            else:
                return True
        return False

    def atoms(self, mol: Chem.Mol) -> tuple[tuple[int, ...], ...]:
        """List the atoms of each place that the SMARTS of the fulfilled alternatives match, without repeats."""
        numbers: dict[str, int] = {}
        places: dict[tuple[int, ...], None] = {}
        for terms in self.alternatives:
            if all(term.holds(mol, numbers) for term in terms):
                for term in terms:
                    if term.query is not None and not term.negated:
                        matches = mol.GetSubstructMatches(term.query, useChirality=term.chiral, maxMatches=MAX_COUNTED)
                        places.update(dict.fromkeys(matches))
        return tuple(places)


def parse(text: str) -> Pattern:
    """Compile a pattern.

    Raises:
        InputError: A SMARTS does not parse, a predicate is unknown, or a condition is missing.
    """
    parts = re.split(r"\s+or\s+", text.strip())
    return Pattern(tuple(tuple(_term(word, text) for word in re.split(r"\s+and\s+", part)) for part in parts))


def _term(word: str, text: str) -> Term:
    negated = word.startswith("not ")
    word = word.removeprefix("not ").strip()
    compared = _COMPARE.match(word)
    if compared:
        name = compared["name"]
        if name not in PREDICATES:
            raise InputError(f"pattern {text!r} names the number {name!r}; known numbers are {', '.join(PREDICATES)}")
        return Term(negated, None, False, name, compared["operator"], int(compared["number"]))
    counted = _COUNT.match(word)
    smarts = counted["smarts"] if counted else word
    query = query_of(smarts) if smarts and " " not in smarts else None
    if query is None:
        raise InputError(f"pattern {text!r} holds {word!r}, which is no SMARTS: correct that row of the class table")
    chiral = any(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in query.GetAtoms())
    chiral = chiral or "/" in smarts or "\\" in smarts
    if counted:
        return Term(negated, query, chiral, "", counted["operator"], int(counted["number"]))
    return Term(negated, query, chiral)


def compare(value: int, operator: str, number: int) -> bool:
    """Compare a count with a constant; the operator is "=", ">=" or "<="."""
    if operator == "=":
        return value == number
    return value >= number if operator == ">=" else value <= number


def fused_rings(rings: Sequence[Sequence[int]], elements: Sequence[int]) -> dict[str, int]:
    """Count the rings of the largest system of rings that share a bond: of any, of all-carbon and of other systems.

    Args:
        rings: Atoms of each ring.
        elements: Atomic number of each atom.
    """
    systems: list[tuple[int, set[int]]] = []
    for ring in rings:
        count, atoms = 1, set(ring)
        apart = []
        for other_count, other_atoms in systems:
            if len(other_atoms & atoms) >= 2:
                count, atoms = count + other_count, atoms | other_atoms
            else:
                apart.append((other_count, other_atoms))
        systems = [*apart, (count, atoms)]
    largest = {"fused": 0, "carbofused": 0, "heterofused": 0}
    for count, atoms in systems:
        for name in ("fused", "carbofused" if all(elements[atom] == 6 for atom in atoms) else "heterofused"):
            largest[name] = max(largest[name], count)
    return largest


def _fused(name: str) -> Callable[[Chem.Mol], int]:
    def number(mol: Chem.Mol) -> int:
        return fused_rings(mol.GetRingInfo().AtomRings(), [atom.GetAtomicNum() for atom in mol.GetAtoms()])[name]

    return number


def _largest_ring(mol: Chem.Mol) -> int:
    return max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)


def _carbons(mol: Chem.Mol) -> int:
    return sum(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())


@cache
def query_of(smarts: str) -> Chem.Mol | None:
    """Compile a SMARTS of the table; the same text gives the same object, so an answer can be kept by it."""
    return Chem.MolFromSmarts(smarts)


def _counter(smarts: str) -> Callable[[Chem.Mol], int]:
    return lambda mol: len(mol.GetSubstructMatches(query_of(smarts) or Chem.Mol(), maxMatches=MAX_COUNTED))


# The numbers that are counts of one SMARTS.
COUNTED = {"sugar_rings": _SUGAR_OXYGEN, "peptide_bonds": _PEPTIDE_NITROGEN}

# Whole numbers of a molecule that SMARTS cannot state.
PREDICATES: dict[str, Callable[[Chem.Mol], int]] = {
    "carbons": _carbons,
    "charge": Chem.GetFormalCharge,
    "fragments": lambda mol: len(Chem.GetMolFrags(mol)),
    "isotopes": lambda mol: sum(atom.GetIsotope() > 0 for atom in mol.GetAtoms()),
    "stereocentres": lambda mol: sum(bool(atom.GetChiralTag()) for atom in mol.GetAtoms()),  # marked, not possible
    "rings": lambda mol: int(mol.GetRingInfo().NumRings()),
    "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "aromatic_carbocycles": rdMolDescriptors.CalcNumAromaticCarbocycles,
    "aromatic_heterocycles": rdMolDescriptors.CalcNumAromaticHeterocycles,
    "saturated_rings": rdMolDescriptors.CalcNumSaturatedRings,
    "saturated_carbocycles": rdMolDescriptors.CalcNumSaturatedCarbocycles,
    "saturated_heterocycles": rdMolDescriptors.CalcNumSaturatedHeterocycles,
    "aliphatic_rings": rdMolDescriptors.CalcNumAliphaticRings,
    "aliphatic_carbocycles": rdMolDescriptors.CalcNumAliphaticCarbocycles,
    "aliphatic_heterocycles": rdMolDescriptors.CalcNumAliphaticHeterocycles,
    "heterocycles": rdMolDescriptors.CalcNumHeterocycles,
    "carbocycles": lambda mol: int(mol.GetRingInfo().NumRings()) - rdMolDescriptors.CalcNumHeterocycles(mol),
    "amide_bonds": rdMolDescriptors.CalcNumAmideBonds,
    "largest_ring": _largest_ring,
    "spiro": rdMolDescriptors.CalcNumSpiroAtoms,
    "bridgeheads": rdMolDescriptors.CalcNumBridgeheadAtoms,
    "fused": _fused("fused"),
    "carbofused": _fused("carbofused"),
    "heterofused": _fused("heterofused"),
    **{name: _counter(smarts) for name, smarts in COUNTED.items()},
}
