"""Where in a molecule a class, a group or a named part sits, how often, and what is attached to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

from molsearch.chem.ontology.classes import belongs, class_named, matches
from molsearch.chem.ontology.groups import group_named, rows_within
from molsearch.chem.ontology.patterns import MAX_COUNTED, PREDICATES, Pattern, Term, parse
from molsearch.query.parts import query_of_part

Place = frozenset[int]  # atoms of one occurrence
_NOTHING = Chem.MolFromSmarts("[#0]")  # found in no molecule of a library
_MOST_PLACES = 60  # looked at for links; polymers hold more, and pairs of places are compared

# Rings are counted as rings, not by the atoms that make a molecule a member of the class.
_COUNTED_AS = {
    "heteroaromatic compound": "heteroaromatic ring",
    "heterocyclic compound": "heterocyclic ring",
    "saturated heterocycle": "saturated hetero cycle",
    "saturated carbocycle": "saturated carbocyclic ring",
    "aromatic compound": "aromatic ring",
    "carboxamide": "amide group",
    "amide": "amide group",
}
# Classes that whatever contains a part belongs to if the part does: they ask for elements, rings and aromatic atoms.
_KEPT_BY_GROWTH = (
    *("organofluorine compound", "organochlorine compound", "organobromine compound", "organoiodine compound"),
    *("organosulfur compound", "organonitrogen compound", "organooxygen compound", "organophosphorus compound"),
    *("organoboron compound", "organosilicon compound", "cyclic compound", "heterocyclic compound", "oxacycle"),
    *("organonitrogen heterocyclic compound", "organosulfur heterocyclic compound", "heteroaromatic compound"),
    *("aromatic compound", "benzenes", "naphthalenes"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Something that sits in a molecule.

    Attributes:
        kind: "class", "group" or "part".
        name: Name of the class or group, or SMILES of the part, wildcards where it is attached.
    """

    kind: str
    name: str

    @property
    def rows(self) -> tuple[int, ...]:
        """List the row numbers of classes that every molecule with it belongs to."""
        if self.kind == "class":
            return (class_named(self.name).row,)
        return rows_within(group_named(self.name)) if self.kind == "group" else _rows_of_part(self.name)

    def occurs_in(self, mol: Chem.Mol) -> bool:
        """Return whether the molecule holds it."""
        if self.kind == "class":
            return belongs(mol, self.name)
        if self.kind == "group":
            return _pattern(group_named(self.name).pattern).holds(mol, {})
        return bool(mol.HasSubstructMatch(_query(self.name)))

    def places(self, mol: Chem.Mol) -> list[Place]:
        """List where it sits, each place once; wildcards are left out."""
        occurrences: Sequence[tuple[int, ...]]
        if self.kind == "class" and self.name in _COUNTED_AS:
            return Target("group", _COUNTED_AS[self.name]).places(mol)
        if self.kind == "class":
            occurrences = matches(mol, self.name)
        elif self.kind == "group" and (term := _numbered(_pattern(group_named(self.name).pattern))):
            occurrences = _rings(mol, term.predicate)
        elif self.kind == "group":
            occurrences = _pattern(group_named(self.name).pattern).atoms(mol)
        else:
            query = _query(self.name)
            own = [atom.GetIdx() for atom in query.GetAtoms() if atom.GetAtomicNum()]
            matched = mol.GetSubstructMatches(query, maxMatches=MAX_COUNTED)
            occurrences = [tuple(match[atom] for atom in own) for match in matched]
        return list(dict.fromkeys(map(frozenset, occurrences)))[:_MOST_PLACES]

    def is_whole_in(self, mol: Chem.Mol) -> bool:
        """Return whether it stands as it was named: "4-chlorophenyl" with no further substituent on the ring."""
        if self.kind != "part" or "*" not in self.name:
            return self.occurs_in(mol)
        return bool(mol.HasSubstructMatch(query_of_part(self.name, whole=True)[0] or _NOTHING))

    def count(self, mol: Chem.Mol) -> int:
        """Count it: groups by their own heteroatoms, so that a tertiary amine is one amine."""
        if self.kind == "class" and self.name in _COUNTED_AS:
            return Target("group", _COUNTED_AS[self.name]).count(mol)
        if self.kind == "group" and (term := _numbered(_pattern(group_named(self.name).pattern))):
            return int(PREDICATES[term.predicate](mol))
        if not self.occurs_in(mol):
            return 0
        taken: set[int] = set()
        count = 0
        for place in self.places(mol):
            own = {atom for atom in place if mol.GetAtomWithIdx(atom).GetAtomicNum() != 6} or place
            if not own & taken:
                count += 1
                taken |= own
        return max(count, 1)


def core(mol: Chem.Mol, place: Place) -> Place:
    """Leave out the carbons that a group merely hangs on, so that a sulfonamide begins with its sulfur."""
    atoms = [mol.GetAtomWithIdx(atom) for atom in place]
    if all(atom.GetAtomicNum() == 6 for atom in atoms):
        return place
    hung = {
        atom.GetIdx()
        for atom in atoms
        if atom.GetAtomicNum() == 6 and sum(neighbour.GetIdx() in place for neighbour in atom.GetNeighbors()) == 1
    }
    return place - hung


def linked(mol: Chem.Mol, first: Place, second: Place) -> bool:
    """Return whether two places share an atom or are joined by a bond; rings fused to each other are not."""
    shared = first & second
    if shared:
        return len(shared) == 1 and first != second
    return any(neighbour.GetIdx() in second for atom in first for neighbour in mol.GetAtomWithIdx(atom).GetNeighbors())


def _rings(mol: Chem.Mol, kind: str) -> list[tuple[int, ...]]:
    """List the rings of a kind that ``patterns.PREDICATES`` counts, such as "aromatic_heterocycles"."""
    chosen = []
    for ring in mol.GetRingInfo().AtomRings():
        atoms = [mol.GetAtomWithIdx(atom) for atom in ring]
        aromatic = all(atom.GetIsAromatic() for atom in atoms)
        hetero = any(atom.GetAtomicNum() != 6 for atom in atoms)
        saturated = all(atom.GetHybridization() == Chem.HybridizationType.SP3 for atom in atoms)
        wanted = {"aromatic": aromatic, "aliphatic": not aromatic, "saturated": saturated and not aromatic}
        if wanted.get(kind.split("_")[0], True) and (kind.endswith("rings") or hetero == kind.endswith("heterocycles")):
            chosen.append(tuple(ring))
    return chosen if kind.endswith(("rings", "cycles")) else []


def apart(places: Sequence[Place]) -> int:
    """Count places that share no atom, as many as are found one after another."""
    kept: list[Place] = []
    for place in places:
        if not any(place & other for other in kept):
            kept.append(place)
    return len(kept)


@lru_cache(maxsize=4_096)
def _pattern(text: str) -> Pattern:
    return parse(text)


def _numbered(pattern: Pattern) -> Term | None:
    """Return the one condition of a pattern that asks for at least one of a number, such as "aromatic_rings>=1"."""
    terms = [term for alternative in pattern.alternatives for term in alternative]
    return terms[0] if len(terms) == 1 and terms[0].predicate and terms[0].operator == ">=" else None


def _query(smiles: str) -> Chem.Mol:
    return query_of_part(smiles)[0] or _NOTHING


@lru_cache(maxsize=4_096)
def _rows_of_part(smiles: str) -> tuple[int, ...]:
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return ()
    return tuple(class_named(name).row for name in _KEPT_BY_GROWTH if belongs(mol, name))
