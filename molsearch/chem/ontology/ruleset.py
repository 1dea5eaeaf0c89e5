"""All rules of the class table on many molecules at once: the answers of one rule at a time, in far fewer searches."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.batch.atoms import AtomTypes
from molsearch.chem.batch.molbatch import Bools, Ints, MolBatch
from molsearch.chem.ontology.patterns import (
    COUNTED,
    MAX_COUNTED,
    PREDICATES,
    Pattern,
    Term,
    compare,
    fused_rings,
    query_of,
)
from molsearch.chem.ontology.screen import Screen

_NO, _YES, _OPEN = 0, 1, 2
_WIDEST = np.iinfo(np.int64).max
# Predicates so cheap that they are computed for every molecule; the others wait until a rule asks.
_AT_ONCE = (
    *("carbons", "charge", "fragments", "isotopes", "stereocentres"),
    *("rings", "aromatic_rings", "largest_ring", "fused", "carbofused", "heterofused"),
)

# The others, where they are known to be 0 without a search.
_OFTEN_NONE = ("spiro", "bridgeheads", *COUNTED)

Condition = tuple[object, str, int]  # a query's identity or a predicate, then operator and constant
States = npt.NDArray[np.int8]


class RuleSet:
    """Rules in an order in which each stands after its parent."""

    def __init__(self, rules: Sequence[tuple[Pattern, int]], more: Sequence[Chem.Mol] = ()) -> None:
        """Compile rules.

        Args:
            rules: The pattern of each, and the place of its parent before it in the list, or -1.
            more: Further queries to sift in the same pass.
        """
        self._parents = [parent for _, parent in rules]
        counted = {name: query_of(smarts) for name, smarts in COUNTED.items()}
        terms = [term for pattern, _ in rules for alternative in pattern.alternatives for term in alternative]
        queries = {id(query): query for query in (*counted.values(), *(term.query for term in terms)) if query}
        self._screen = Screen([*queries.values(), *more])
        self._more = len(queries)  # number of the first further query
        self._number_of = {identity: number for number, identity in enumerate(queries)}
        self._counted = {name: self._number_of[id(query)] for name, query in counted.items()}
        conditions: dict[Condition, int] = {}
        steps = [
            [
                [(conditions.setdefault(_condition(term), len(conditions)), term.negated) for term in alternative]
                for alternative in pattern.alternatives
            ]
            for pattern, _ in rules
        ]
        term_of = {_condition(term): term for term in terms}
        self._terms = [term_of[condition] for condition in conditions]
        self._steps = steps
        flat = [step for alternatives in steps for alternative in alternatives for step in alternative]
        self._flat = np.array([condition for condition, _ in flat], np.int64)
        self._negated = np.array([negated for _, negated in flat], np.int8)[:, None]
        lengths = [len(alternative) for alternatives in steps for alternative in alternatives]
        self._step_starts = np.cumsum([0, *lengths])[:-1]
        self._starts = np.cumsum([0, *map(len, steps)])[:-1]
        self._generations = _generations(self._parents)
        self._split_conditions()

    def _split_conditions(self) -> None:
        """Lay out which conditions the screen answers and which a cheap number does."""
        matched = [row for row, term in enumerate(self._terms) if term.query is not None]
        terms = [self._terms[row] for row in matched]
        self._matched = np.array(matched, np.int64)
        self._queries = np.array([self._number_of[id(term.query)] for term in terms], np.int64)
        # Chirality and more than one match are beyond the screen.
        self._sure = np.array([not term.chiral and not term.operator for term in terms], bool)[:, None]
        absent = [bool(term.operator) and compare(0, term.operator, term.number) for term in terms]
        self._absent = np.array(absent, np.int8)[:, None]
        names = (*_AT_ONCE, *_OFTEN_NONE)
        cheap = [row for row, term in enumerate(self._terms) if term.predicate in names]
        terms = [self._terms[row] for row in cheap]
        self._cheap = np.array(cheap, np.int64)
        self._names = np.array([names.index(term.predicate) for term in terms], np.int64)
        low = [-_WIDEST if term.operator == "<=" else term.number for term in terms]
        high = [_WIDEST if term.operator == ">=" else term.number for term in terms]
        self._low, self._high = np.array(low, np.int64)[:, None], np.array(high, np.int64)[:, None]

    def members(self, molbatch: MolBatch) -> tuple[Bools, Bools]:
        """Decide every rule for every molecule.

        Returns:
            Which rules hold, parents included, (N, rules), and which further queries match, (N, more).
        """
        possible, certain = self._screen.sift(molbatch)
        numbers = [_numbers(mol, types) for mol, types in zip(molbatch.mols, molbatch.reads, strict=True)]
        for name, query in self._counted.items():
            for row in np.flatnonzero(~possible[query]).tolist():
                numbers[row][name] = 0
        conditions = self._conditions(possible, certain, numbers)
        own = self._own(conditions)  # (rules, N)
        self._settle(molbatch, own, conditions, numbers)
        holds: Bools = own == _YES
        for rules, parents in self._generations:
            holds[rules] &= holds[parents]
        return holds.T, self._matches(molbatch, possible[self._more :], certain[self._more :])

    def _conditions(self, possible: Bools, certain: Bools, numbers: Sequence[dict[str, int]]) -> States:
        """Write down what is known of each condition so far, (conditions, N)."""
        states = np.full((len(self._terms), len(numbers)), _OPEN, np.int8)
        open_or_yes = np.where(certain[self._queries] & self._sure, np.int8(_YES), np.int8(_OPEN))
        states[self._matched] = np.where(possible[self._queries], open_or_yes, self._absent)
        names = (*_AT_ONCE, *_OFTEN_NONE)
        values = np.array([[known.get(name, -_WIDEST) for name in names] for known in numbers], np.int64).T[self._names]
        inside = (self._low <= values) & (values <= self._high)
        states[self._cheap] = np.where(values == -_WIDEST, np.int8(_OPEN), inside)
        return states

    def _own(self, conditions: States) -> States:
        """Derive what is known of each rule, its parent left aside, (rules, N)."""
        steps = conditions[self._flat] ^ self._negated  # 1 holds, 0 fails, 2 and 3 are open
        failed = np.logical_or.reduceat(steps == 0, self._step_starts)
        holds = np.logical_and.reduceat(steps == 1, self._step_starts)
        own = np.full((len(self._parents), conditions.shape[1]), _OPEN, np.int8)
        own[np.logical_and.reduceat(failed, self._starts)] = _NO
        own[np.logical_or.reduceat(holds, self._starts)] = _YES
        return own

    def _settle(self, molbatch: MolBatch, own: States, conditions: States, numbers: Sequence[dict[str, int]]) -> None:
        """Ask RDKit about the open rules whose parents hold; the answers are written into ``own``."""
        for row, mol in enumerate(molbatch.mols):
            state, known = bytearray(own[:, row].tobytes()), bytearray(conditions[:, row].tobytes())
            counts: dict[int, int] = {}
            for rule in np.flatnonzero(own[:, row] == _OPEN).tolist():
                if self._parent_holds(rule, state):
                    state[rule] = self._holds(rule, mol, known, numbers[row], counts)
                else:
                    state[rule] = _NO
            own[:, row] = np.frombuffer(state, np.int8)

    def _parent_holds(self, rule: int, state: bytearray) -> bool:
        parent = self._parents[rule]
        while parent >= 0 and state[parent] == _YES:
            parent = self._parents[parent]
        return parent < 0

    def _holds(
        self, rule: int, mol: Chem.Mol, known: bytearray, numbers: dict[str, int], counts: dict[int, int]
    ) -> bool:
        """Return whether one of the rule's alternatives holds; what is found out on the way is kept."""
        for alternative in self._steps[rule]:
            for condition, negated in alternative:
                state = known[condition]
                if state == _OPEN:
                    state = known[condition] = _ask(self._terms[condition], mol, numbers, counts)
                if state == negated:
                    break
            else:
                return True
        return False

    def _matches(self, molbatch: MolBatch, possible: Bools, certain: Bools) -> Bools:
        matched = certain.T.copy()  # (N, more)
        queries = self._screen.queries[self._more :]
        for row, number in np.argwhere((possible & ~certain).T).tolist():
            matched[row, number] = molbatch.mols[row].HasSubstructMatch(queries[number])
        return matched


def _generations(parents: Sequence[int]) -> list[tuple[Ints, Ints]]:
    """Part the rules that have a parent, and their parents, so that each parent is in an earlier part than its rule."""
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    parted = [[rule for rule, depth in enumerate(depths) if depth == wanted] for wanted in range(1, max(depths) + 1)]
    return [(np.array(rules), np.array([parents[rule] for rule in rules])) for rules in parted]


def _condition(term: Term) -> Condition:
    """Identify what a term asks, whether or not it is negated."""
    return (term.predicate or id(term.query), term.operator, term.number)


def _numbers(mol: Chem.Mol, types: AtomTypes) -> dict[str, int]:
    """Compute the cheap predicates, from the atom types where that is faster than asking RDKit."""
    elements = [atom.element for atom in types.atoms]
    known = {
        **fused_rings(types.rings, elements),
        "carbons": elements.count(6),
        "isotopes": sum([atom.isotope for atom in types.atoms]),
        "stereocentres": sum([atom.tagged for atom in types.atoms]),
        "rings": len(types.rings),
        "largest_ring": max(map(len, types.rings), default=0),
    }
    known["fragments"] = types.fragments
    common = [len(set(first) & set(second)) for first, second in combinations(types.rings, 2)]
    if 1 not in common:
        known["spiro"] = 0
    if max(common, default=0) <= 2:
        known["bridgeheads"] = 0
    return known | {name: PREDICATES[name](mol) for name in _AT_ONCE if name not in known}


def _ask(term: Term, mol: Chem.Mol, numbers: dict[str, int], counts: dict[int, int]) -> bool:
    """Decide a condition with RDKit, leaving its negation aside."""
    if term.query is None:
        return term.holds(mol, numbers) != term.negated
    if not term.operator:
        if term.chiral:
            return bool(mol.HasSubstructMatch(term.query, useChirality=True))
        return bool(mol.HasSubstructMatch(term.query))
    if id(term.query) not in counts:
        matches = mol.GetSubstructMatches(term.query, useChirality=term.chiral, maxMatches=MAX_COUNTED)
        counts[id(term.query)] = len(matches)
    return compare(counts[id(term.query)], term.operator, term.number)
