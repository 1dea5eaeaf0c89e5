"""What a molecule loses for each kind of thing that a text states and the molecule lacks.

A learned space ranks "a small sulfonamide with a benzyl group" by likeness to captions; whether a molecule is a
sulfonamide, is small and holds a benzyl group need not be learned. What each of these tells is measured on captions:
the log of how much oftener it holds for a caption's own molecule than for others (weights of evidence, Good 1950).
Whether it is an antibacterial agent is learned, by a head that was taught nothing else and tells the same log odds.

A penalty is added to the cosines of molecules: 0 where a molecule has all that is stated, else below. It is the log
odds between having and lacking, times a weight of the model (``model.odds.Odds``) and the share of the text among all
of a query. The more of a text states such things, the more they weigh, since less is left for likeness to tell.

==================  ===========================  ========================================================
penalty             what the text states         molecules that are looked at
==================  ===========================  ========================================================
criteria_penalty    classes and amounts          all, by stored columns
role_penalty        roles                        all, by their vectors
structure_penalty   conditions on the structure  those whose classes allow it, from the best down, until
                                                 enough agree: no library stores "a pyridine bearing two
                                                 chlorines"
part_penalty        named parts and, with the    the best so far, ``part_depth`` of them
                    next, stereodescriptors
stereo_penalty      stereodescriptors            a few
==================  ===========================  ========================================================

Shapes: N molecules of a library, M molecules of a list, F bytes of class bits, C conditions.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.chem.batch.arrays import CONFIGURATION, with_class
from molsearch.chem.features.pool import FeaturePool
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.model.odds import LIKELIEST, UNLIKELIEST, Odds
from molsearch.query.amounts import fit, misses
from molsearch.query.constraints import LEAST, Constraints
from molsearch.query.criteria import ClassCriterion
from molsearch.query.parts import outcomes
from molsearch.query.satisfaction import satisfaction
from molsearch.query.stereo import agree
from molsearch.records import Progress

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Classes and amounts
_BOTH = 0.1  # share of its cost that the worse of two alternatives keeps
# Log odds between having and lacking an amount that is read right nine times in ten, and that half of all have.
_AMOUNT_COST = math.log(0.9 / 0.5) - math.log(0.1 / 0.5)
_SURE_AMOUNT_COST = 3.0  # log odds that a number adds where the text says nothing else

# Conditions on the structure
MOST_EXAMINED = 12_000  # molecules that one query looks at, about 0.1 ms each
ENOUGH = 4_000  # molecules that agree, after which no more are looked at
_CHUNK = 500  # molecules that are looked at in one go
_CONDITION_COST = 5.0  # log odds of a condition that is read right nine times in ten, and that one in twenty meets
_AGREES = 0.9  # satisfaction from which on a molecule counts as one that agrees
_UNEXAMINED = 0.8  # share of the cost for molecules that were not looked at

# Parts and stereodescriptors
PART_DEPTH = 200  # molecules that are looked at: the best without
_MORE_DEPTH = 800  # as many more where a text says nothing but what can be computed, and likeness puts little first


class Columns(Protocol):
    """What is stored of each molecule of a library; ``index.base.Index`` is one."""

    def flags(self) -> Flags | None:
        """Return the packed class bits of all molecules, (N, F), or None."""

    def properties(self, name: str) -> Floats:
        """Return one property of all molecules, (N,)."""


class ComputedColumns:
    """Columns of a few molecules that no library holds.

    Args:
        keys: Isomeric SMILES after clean-up.

    Raises:
        InputError: If one cannot be read, or its features take too long.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        with FeaturePool(1) as pool:  # its process starts where a molecule might hang
            features = pool.features(keys)
        if features.refused or features.store is None:
            raise InputError(next(iter(features.refused.values()), "There is no molecule to describe."))
        self._flags, self._values = features.store.class_bits(), features.properties

    def flags(self) -> Flags | None:
        """Return the packed class bits of the molecules, (N, F)."""
        return self._flags

    def properties(self, name: str) -> Floats:
        """Return one property of the molecules, (N,)."""
        return self._values[:, list(PROPERTIES).index(name)]


def criteria_penalty(constraints: Sequence[Constraints], columns: Columns, odds: Odds) -> Floats | None:
    """Compute what molecules lose for the classes and amounts that they lack, (N,).

    It is 0 where everything agrees, so that scores of different texts stay comparable.

    Args:
        constraints: What each text states.
        columns: The library.
        odds: What a class tells, and the weights.

    Returns:
        None where no class or amount is stated or the library holds no class bits; else values up to 0.
    """
    testable = [text for text in constraints if odds.measured and (text.criteria.classes or text.criteria.amounts)]
    flags = columns.flags() if testable else None
    if flags is None:
        return None
    penalty = np.zeros(len(flags), np.float32)
    for text in testable:
        weight = np.float32(text.share * odds.class_weight(text.alone))
        penalty -= weight * _class_costs(text.criteria.classes, flags, odds)
        sure = np.float32(text.share) * np.float32(odds.class_weight(text.certain) - odds.scale)
        for amount in text.criteria.amounts:
            values = columns.properties(amount.name)
            lacking = weight * _AMOUNT_COST * (1 - fit(amount, values))
            penalty -= lacking + sure * _SURE_AMOUNT_COST * misses(amount, values)
    return penalty


def _class_costs(classes: Sequence[ClassCriterion], flags: Flags, odds: Odds) -> Floats:
    """Add up what each molecule lacks of the named classes, (N,) from 0; of alternatives the nearest counts."""
    costs: dict[object, Floats] = {}
    known = [criterion for criterion in classes if criterion.row < odds.classes.shape[1]]
    for criterion in {(criterion.row, criterion.choice): criterion for criterion in known}.values():
        has, lacks = odds.classes[:, criterion.row]
        cost = np.where(with_class(flags, criterion.row), np.float32(0), np.float32(has - lacks))
        place: object = ("choice", criterion.choice) if criterion.choice else criterion.row
        if place in costs:  # a molecule that is both alternatives is at least one of them, however they are read
            cost = np.minimum(costs[place], cost) + np.float32(_BOTH) * np.maximum(costs[place], cost)
        costs[place] = cost
    return np.sum(list(costs.values()), axis=0, dtype=np.float32) if costs else np.zeros(len(flags), np.float32)


def role_penalty(
    constraints: Sequence[Constraints],
    vectors: npt.NDArray[np.floating],
    flags: Flags | None,
    odds: Odds,
    mask: Bools | None = None,
    progress: Progress | None = None,
) -> Floats | None:
    """Compute what molecules lose for the roles that they are not likely to have, (N,).

    Hardly any molecule is as likely as can be to have a role, so scores of different texts are not comparable by it.

    Args:
        constraints: What each text states.
        vectors: (N, D) of the molecules.
        flags: (N, F) their packed class bits.
        odds: The role head and its weight.
        mask: (N,) molecules to look at; the others count as the least likely.
        progress: Told of the molecules looked at; raising ``Cancelled`` from it stops the search.

    Returns:
        None where no role is named or the library holds no class bits; else values up to 0.
    """
    named = [(role, text) for text in constraints for role in text.roles]
    if odds.head is None or flags is None or not odds.weight_when_alone or not named:
        return None
    log_odds = odds.head.likeliest(vectors, flags, [role.numbers for role, _ in named], mask, progress)  # (N, roles)
    penalty = np.zeros(len(vectors), np.float32)
    for column, (_, text) in zip(log_odds.T, named, strict=True):
        weight = np.float32(text.share * odds.role_weight(text.alone))
        penalty -= weight * (np.float32(LIKELIEST) - np.clip(column, UNLIKELIEST, LIKELIEST))
    return penalty


def with_conditions(constraints: Sequence[Constraints], odds: Odds) -> list[Constraints]:
    """Select the texts whose conditions are worth looking at molecules for."""
    return [text for text in constraints if odds.measured and text.criteria.conditions and text.alone >= LEAST]


def possible_matches(text: Constraints, flags: Flags) -> Bools:
    """Check by their stored classes which molecules may meet the conditions of a text, (N,)."""
    possible = np.ones(len(flags), np.bool_)
    for row in {row for criterion in text.criteria.conditions for row in criterion.condition.rows}:
        if row // 8 < flags.shape[1]:
            possible &= with_class(flags, row)
    return possible


def structure_penalty(
    text: Constraints,
    order: Ints,
    size: int,
    keys: Callable[[Sequence[int]], Sequence[str]],
    odds: Odds,
    progress: Progress | None = None,
) -> Floats:
    """Compute what molecules lose for the conditions that they do not meet, (N,) up to 0.

    Args:
        text: What one text states; see ``with_conditions``.
        order: Rows of the molecules that may agree, the best first; see ``possible_matches``.
        size: N, how many molecules there are.
        keys: Gives the isomeric SMILES of rows.
        odds: The weights.
        progress: Told of the molecules looked at; raising ``Cancelled`` from it stops the search.
    """
    conditions = [criterion.condition for criterion in text.criteria.conditions]
    disagreement = np.full(size, float(len(conditions)), np.float32)
    agreeing = examined = 0
    most = min(len(order), MOST_EXAMINED)
    while examined < most and agreeing < ENOUGH:
        rows = order[examined : examined + _CHUNK]
        fits = satisfaction(conditions, keys(rows.tolist()))  # (C, chunk)
        disagreement[rows] = len(conditions) - fits.sum(axis=0)
        agreeing += int((fits.min(axis=0) >= _AGREES).sum())
        examined += len(rows)
        if progress:
            progress(examined, most)
    disagreement[order[examined:]] *= _UNEXAMINED
    weight = text.share * odds.class_weight(text.alone)
    return np.asarray(-weight * _CONDITION_COST * disagreement, np.float32)


def part_depth(constraints: Sequence[Constraints]) -> int:
    """Return how many molecules, the best without, are looked at for parts and stereodescriptors; 0 for none."""
    if not any(text.parts or text.configuration for text in constraints):
        return 0
    return PART_DEPTH + round(_MORE_DEPTH * max(text.alone for text in constraints) ** 2)


def part_penalty(constraints: Sequence[Constraints], keys: Sequence[str], odds: Odds) -> Floats:
    """Compute what molecules lose for the parts and stereodescriptors that they do not hold so well, (M,) up to 0.

    Args:
        constraints: What each text states.
        keys: M molecules.
        odds: What a part tells, and the weights.
    """
    penalty = np.zeros(len(keys), np.float32)
    for text in constraints:
        kinds = np.array([part.kind for part in text.parts], np.int64)  # (P,)
        log_odds = odds.parts[kinds[:, None], outcomes(text.parts, keys)]  # (P, M)
        lost = log_odds - odds.parts[kinds].max(axis=1, keepdims=True)
        penalty += np.float32(text.share * odds.part_weight(text.alone)) * lost.sum(axis=0)
    return penalty + stereo_penalty(constraints, keys, odds)


def stereo_penalty(constraints: Sequence[Constraints], keys: Sequence[str], odds: Odds) -> Floats:
    """Compute what molecules lose that have fewer of a stereodescriptor than a text states, (M,) up to 0.

    Args:
        constraints: What each text states.
        keys: M molecules.
        odds: What stereodescriptors tell, and the weights.
    """
    penalty = np.zeros(len(keys), np.float32)
    lacks, holds = odds.parts[CONFIGURATION, :2]
    for text in constraints:
        if text.configuration:
            weight = np.float32(text.share * odds.part_weight(text.alone))
            penalty -= weight * (holds - lacks) * ~agree(text.configuration, keys)
    return penalty
