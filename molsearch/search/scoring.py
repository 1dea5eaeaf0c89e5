"""What can be told of a molecule counts as told: classes, amounts, parts and roles, as odds beside the cosine.

A learned space ranks "a small sulfonamide with a benzyl group" by likeness to captions; whether a molecule is a
sulfonamide, is small and holds a benzyl group need not be learned. What each of these tells is measured on captions:
the log of how much oftener it holds for a caption's own molecule than for others (weights of constraints, Good 1950).
Whether it is an antibacterial agent is learned, by a head that was taught nothing else, which tells the same log odds.
Scaled, what a molecule lacks is taken off its cosine; the more of a text is of that kind, the more it weighs, since
less is left for likeness to tell.

Structure that a short query asks for and no library stores ("a pyridine bearing two chlorines") is looked for in the
molecules themselves: the stored classes tell which cannot agree, and the others are looked at from the best down, until
enough agree.
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

_BOTH = 0.1  # share of its cost that the worse of two alternatives keeps
_AMOUNT_MORE = 3.0  # odds that an amount adds to the likeness of a text that says nothing else
FIRST = 200  # molecules that are looked at for parts: the best without
_MORE = 800  # as many more where a text says nothing but what can be computed, and likeness puts little first
# Structure that no class tells is looked for in the molecules themselves.
LOOKED = 12_000  # molecules at most that one query has looked at, about 0.1 ms each
ENOUGH = 4_000  # molecules that agree, after which no more are looked at
_LOOKED_AT_ONCE = 500
_COST = 5.0  # odds between agreeing and not: of a reading that is right nine times in ten, and that one in twenty has
_AGREES = 0.9
_UNSEEN = 0.8  # share of it that molecules pay that were not looked at
# Log odds between having and lacking an amount that is read right nine times in ten, and that half of all have.
_SPREAD = math.log(0.9 / 0.5) - math.log(0.1 / 0.5)


class Columns(Protocol):
    """What is stored of each molecule of a library; ``index.base.Index`` is one."""

    def flags(self) -> Flags | None:
        """Return the packed class bits of all molecules, (N, F), or None."""

    def properties(self, name: str) -> Floats:
        """Return one property of all molecules, (N,)."""


class Described:
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
    """Compute what is taken off each molecule's score for the classes and amounts of texts that it lacks, (N,).

    Where everything agrees nothing is taken off, so that scores of different texts stay comparable.

    Args:
        constraints: What the texts say.
        columns: The library.
        odds: What it tells.

    Returns:
        None where nothing was read or the library holds no class bits; else values up to 0.
    """
    telling = [one for one in constraints if odds.measured and (one.criteria.classes or one.criteria.amounts)]
    flags = columns.flags() if telling else None
    if flags is None:
        return None
    total = np.zeros(len(flags), np.float32)
    for one in telling:
        factor = np.float32(one.share * odds.factors(one.alone)[0])
        total -= factor * _class_costs(one.criteria.classes, flags, odds)
        sure = np.float32(one.share) * np.float32(odds.factors(one.certain)[0] - odds.scale)
        for amount in one.criteria.amounts:
            values = columns.properties(amount.name)
            total -= factor * _SPREAD * (1 - fit(amount, values)) + sure * _AMOUNT_MORE * misses(amount, values)
    return total


def role_penalty(
    constraints: Sequence[Constraints],
    vectors: npt.NDArray[np.floating],
    flags: Flags | None,
    odds: Odds,
    mask: npt.NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> Floats | None:
    """Compute what is taken off each molecule's score for the roles of texts that it is not likely to have, (N,).

    Hardly any molecule is as likely as can be to have a role, so scores of different texts are not comparable by it.

    Args:
        constraints: What the texts say.
        vectors: (N, D) of the molecules.
        flags: (N, F) their packed class bits.
        odds: What it tells.
        mask: (N,) molecules to look at; the others count as the least likely.
        progress: Told of the molecules looked at; raising ``Cancelled`` from it stops the search.

    Returns:
        None where no role is named or the library holds no class bits; else values up to 0.
    """
    named = [(role, one) for one in constraints for role in one.roles]
    if odds.head is None or flags is None or not odds.alone or not named:
        return None
    told = odds.head.likeliest(vectors, flags, [role.numbers for role, _ in named], mask, progress)  # (N, roles)
    total = np.zeros(len(vectors), np.float32)
    for column, (_, one) in zip(told.T, named, strict=True):
        factor = np.float32(one.share * odds.alone_factor(one.alone))
        total -= factor * (np.float32(LIKELIEST) - np.clip(column, UNLIKELIEST, LIKELIEST))
    return total


def _class_costs(classes: Sequence[ClassCriterion], flags: Flags, odds: Odds) -> Floats:
    """Add up what each molecule lacks of the named classes, (N,) from 0; of alternatives the nearest counts."""
    costs: dict[object, Floats] = {}
    for named in {(one.row, one.choice): one for one in classes if one.row < odds.classes.shape[1]}.values():
        has, lacks = odds.classes[:, named.row]
        cost = np.where(with_class(flags, named.row), np.float32(0), np.float32(has - lacks))
        place: object = ("choice", named.choice) if named.choice else named.row
        if place in costs:  # a molecule that is both alternatives is at least one of them, however they are read
            cost = np.minimum(costs[place], cost) + np.float32(_BOTH) * np.maximum(costs[place], cost)
        costs[place] = cost
    return np.sum(list(costs.values()), axis=0, dtype=np.float32) if costs else np.zeros(len(flags), np.float32)


def depth(constraints: Sequence[Constraints]) -> int:
    """Return how many molecules, the best without, are looked at for parts and stereodescriptors; 0 for none."""
    if not any(one.parts or one.configuration for one in constraints):
        return 0
    return FIRST + round(_MORE * max(one.alone for one in constraints) ** 2)


def part_penalty(constraints: Sequence[Constraints], keys: Sequence[str], odds: Odds) -> Floats:
    """Compute what is taken off molecules for the parts and stereodescriptors that they do not hold so well, (M,).

    Args:
        constraints: What the texts say.
        keys: M molecules.
        odds: What it tells.
    """
    total = np.zeros(len(keys), np.float32)
    for one in constraints:
        kinds = np.array([part.kind for part in one.parts], np.int64)
        told = odds.parts[kinds[:, None], outcomes(one.parts, keys)] - odds.parts[kinds].max(axis=1, keepdims=True)
        total += np.float32(one.share * odds.factors(one.alone)[1]) * told.sum(axis=0)
    return total + stereo_penalty(constraints, keys, odds)


def stereo_penalty(constraints: Sequence[Constraints], keys: Sequence[str], odds: Odds) -> Floats:
    """Compute what is taken off molecules with fewer of a stereodescriptor than texts state, (M,) up to 0.

    Args:
        constraints: What the texts say.
        keys: M molecules.
        odds: What it tells.
    """
    total = np.zeros(len(keys), np.float32)
    lacks, holds = odds.parts[CONFIGURATION, :2]
    for one in constraints:
        if one.configuration:
            factor = np.float32(one.share * odds.factors(one.alone)[1])
            total -= factor * (holds - lacks) * ~agree(one.configuration, keys)
    return total


def asking(constraints: Sequence[Constraints], odds: Odds) -> list[Constraints]:
    """Keep the texts whose conditions are worth looking at molecules for."""
    return [one for one in constraints if odds.measured and one.criteria.conditions and one.alone >= LEAST]


def possible(one: Constraints, flags: Flags) -> Bools:
    """Tell which molecules may agree with the conditions of a text by their stored classes, (N,)."""
    may = np.ones(len(flags), np.bool_)
    for row in {row for criterion in one.criteria.conditions for row in criterion.condition.rows}:
        if row // 8 < flags.shape[1]:
            may &= with_class(flags, row)
    return may


def structure_penalty(
    one: Constraints,
    order: Ints,
    size: int,
    keys: Callable[[Sequence[int]], Sequence[str]],
    odds: Odds,
    progress: Progress | None = None,
) -> Floats:
    """Compute what is taken off molecules for the conditions of a text that they do not agree with, (N,) up to 0.

    Args:
        one: The text.
        order: Rows of the molecules that may agree, the best first.
        size: N, how many molecules there are.
        keys: Gives the isomeric SMILES of rows.
        odds: How constraints is scaled.
        progress: Told of the molecules looked at; raising ``Cancelled`` from it stops the search.
    """
    conditions = [criterion.condition for criterion in one.criteria.conditions]
    disagreement = np.full(size, float(len(conditions)), np.float32)
    agreeing = seen = 0
    while seen < min(len(order), LOOKED) and agreeing < ENOUGH:
        rows = order[seen : seen + _LOOKED_AT_ONCE]
        told = satisfaction(conditions, keys(rows.tolist()))  # (C, chunk)
        disagreement[rows] = len(conditions) - told.sum(axis=0)
        agreeing += int((told.min(axis=0) >= _AGREES).sum())
        seen += len(rows)
        if progress:
            progress(seen, min(len(order), LOOKED))
    disagreement[order[seen:]] *= _UNSEEN
    factor = one.share * odds.factors(one.alone)[0]
    return np.asarray(-factor * _COST * disagreement, np.float32)
