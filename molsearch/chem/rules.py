"""All rules of the class table on one molecule at once: the answers of one rule at a time, with far fewer searches."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.patterns import COUNTED, MAX_COUNTED, PREDICATES, Pattern, Term, compare, fused_rings, query_of
from molsearch.chem.screen import Bools, Screen
from molsearch.chem.traits import Traits, traits

_NO, _YES, _OPEN = 0, 1, 2
_WIDEST = np.iinfo(np.int64).max
# Predicates so cheap that they are computed for every molecule; the others wait until a rule asks.
_AT_ONCE = (
    *("carbons", "charge", "fragments", "isotopes", "stereocentres"),
    *("rings", "aromatic_rings", "largest_ring", "fused", "carbofused", "heterofused"),
)

Condition = tuple[object, str, int]  # a query's identity or a predicate, then operator and constant


class RuleSet:
    """Rules in an order in which each stands after its parent."""

    def __init__(self, rules: Sequence[tuple[Pattern, int]]) -> None:
        """Compile rules.

        Args:
            rules: The pattern of each, and the place of its parent before it in the list, or -1.
        """
        self._parents = [parent for _, parent in rules]
        counted = {name: query_of(smarts) for name, smarts in COUNTED.items()}
        terms = [term for pattern, _ in rules for alternative in pattern.alternatives for term in alternative]
        queries = {id(query): query for query in (*counted.values(), *(term.query for term in terms)) if query}
        self._screen = Screen(list(queries.values()))
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
        asked = {_condition(term): term for term in terms}
        self._terms = [asked[condition] for condition in conditions]
        self._steps = steps
        flat = [step for alternatives in steps for alternative in alternatives for step in alternative]
        self._flat = np.array([condition for condition, _ in flat], np.int64)
        self._negated = np.array([negated for _, negated in flat], np.int64)
        lengths = [len(alternative) for alternatives in steps for alternative in alternatives]
        self._step_starts = np.cumsum([0, *lengths])[:-1]
        self._starts = np.cumsum([0, *map(len, steps)])[:-1]
        self._split_conditions()

    def _split_conditions(self) -> None:
        """Lay out which conditions the screen answers and which a cheap number does."""
        matched = [row for row, term in enumerate(self._terms) if term.query is not None]
        terms = [self._terms[row] for row in matched]
        self._matched = np.array(matched, np.int64)
        self._queries = np.array([self._number_of[id(term.query)] for term in terms], np.int64)
        # Chirality and more than one match are beyond the screen.
        self._sure = np.array([not term.chiral and not term.operator for term in terms], bool)
        self._absent = np.array([bool(term.operator) and compare(0, term.operator, term.number) for term in terms], int)
        cheap = [row for row, term in enumerate(self._terms) if term.predicate in _AT_ONCE]
        terms = [self._terms[row] for row in cheap]
        self._cheap = np.array(cheap, np.int64)
        self._names = np.array([_AT_ONCE.index(term.predicate) for term in terms], np.int64)
        self._low = np.array([-_WIDEST if term.operator == "<=" else term.number for term in terms], np.int64)
        self._high = np.array([_WIDEST if term.operator == ">=" else term.number for term in terms], np.int64)

    def members(self, mol: Chem.Mol, read: Traits | None = None) -> list[int]:
        """List the rules that hold, parents included, ascending.

        Args:
            mol: A sanitised molecule.
            read: Its traits, where they are known already.
        """
        read = read or traits(mol)
        possible, certain = self._screen.sift(mol, read)
        numbers = _numbers(mol, read)
        status = self._status(possible, certain, [numbers[name] for name in _AT_ONCE])
        numbers |= {name: 0 for name, query in self._counted.items() if not possible[query]}
        failed = np.logical_or.reduceat(status[self._flat] == self._negated, self._step_starts)  # a step known to fail
        candidates = np.flatnonzero(~np.logical_and.reduceat(failed, self._starts)).tolist()
        known, counts = status.tolist(), dict[int, int]()
        held = {-1}
        for rule in candidates:
            if self._parents[rule] in held and self._holds(rule, mol, known, numbers, counts):
                held.add(rule)
        held.remove(-1)
        return sorted(held)

    def _status(self, possible: Bools, certain: Bools, numbers: Sequence[int]) -> npt.NDArray[np.int64]:
        """What is known of each condition so far, (C,)."""
        status = np.full(len(self._terms), _OPEN, np.int64)
        open_or_yes = np.where(certain[self._queries] & self._sure, _YES, _OPEN)
        status[self._matched] = np.where(possible[self._queries], open_or_yes, self._absent)
        values = np.array(numbers, np.int64)[self._names]
        status[self._cheap] = (self._low <= values) & (values <= self._high)
        return status

    def _holds(
        self, rule: int, mol: Chem.Mol, known: list[int], numbers: dict[str, int], counts: dict[int, int]
    ) -> bool:
        """Tell whether one of the rule's alternatives holds; what is found out on the way is kept."""
        for alternative in self._steps[rule]:
            for condition, negated in alternative:
                found = known[condition]
                if found == _OPEN:
                    found = known[condition] = _ask(self._terms[condition], mol, numbers, counts)
                if found == negated:
                    break
            else:
                return True
        return False


def _condition(term: Term) -> Condition:
    """What a term asks, whether or not it is negated."""
    return (term.predicate or id(term.query), term.operator, term.number)


def _numbers(mol: Chem.Mol, read: Traits) -> dict[str, int]:
    """Compute the cheap predicates, from the traits where that is faster than asking RDKit."""
    elements = [kind.element for kind in read.atoms]
    known = {
        **fused_rings(read.rings, elements),
        "carbons": elements.count(6),
        "isotopes": sum([kind.isotope for kind in read.atoms]),
        "stereocentres": sum([kind.tagged for kind in read.atoms]),
        "rings": len(read.rings),
        "largest_ring": max(map(len, read.rings), default=0),
    }
    return known | {name: PREDICATES[name](mol) for name in _AT_ONCE if name not in known}


def _ask(term: Term, mol: Chem.Mol, numbers: dict[str, int], counts: dict[int, int]) -> bool:
    """Decide a condition with RDKit, leaving its negation aside."""
    if term.query is None:
        return term.holds(mol, numbers) != term.negated
    if not term.operator:
        return bool(mol.HasSubstructMatch(term.query, useChirality=term.chiral))
    if id(term.query) not in counts:
        matches = mol.GetSubstructMatches(term.query, useChirality=term.chiral, maxMatches=MAX_COUNTED)
        counts[id(term.query)] = len(matches)
    return compare(counts[id(term.query)], term.operator, term.number)
