"""Structure that a short query asks for and no library stores, looked for in the molecules themselves.

A query that says little else ("a pyridine bearing two chlorines") is worth reading the structures of a library for. The
stored classes tell which molecules cannot agree; the others are looked at from the best down, until enough agree.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from molsearch.chem.arrays import with_class
from molsearch.chem.conditions import agreement
from molsearch.evidence import LEAST, Evidence, Flags, Floats
from molsearch.model.odds import Odds
from molsearch.records import Progress

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LOOKED = 12_000  # molecules at most that one query has looked at, about 0.1 ms each
ENOUGH = 4_000  # molecules that agree, after which no more are looked at
_CHUNK = 500
_COST = 5.0  # odds between agreeing and not: of a reading that is right nine times in ten, and that one in twenty has
_AGREES = 0.9
_UNSEEN = 0.8  # share of it that molecules pay that were not looked at


def asking(evidence: Sequence[Evidence], odds: Odds) -> list[Evidence]:
    """Keep the texts whose conditions are worth looking at molecules for."""
    return [one for one in evidence if odds.measured and one.criteria.conditions and one.alone >= LEAST]


def possible(one: Evidence, flags: Flags) -> Bools:
    """Tell which molecules may agree with the conditions of a text by their stored classes, (N,)."""
    may = np.ones(len(flags), np.bool_)
    for row in {row for criterion in one.criteria.conditions for row in criterion.condition.rows}:
        if row // 8 < flags.shape[1]:
            may &= with_class(flags, row)
    return may


def conditions_lift(
    one: Evidence,
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
        odds: How evidence is scaled.
        progress: Told of the molecules looked at; raising ``Cancelled`` from it stops the search.
    """
    conditions = [criterion.condition for criterion in one.criteria.conditions]
    disagreement = np.full(size, float(len(conditions)), np.float32)
    agreeing = seen = 0
    while seen < min(len(order), LOOKED) and agreeing < ENOUGH:
        rows = order[seen : seen + _CHUNK]
        told = agreement(conditions, keys(rows.tolist()))  # (C, chunk)
        disagreement[rows] = len(conditions) - told.sum(axis=0)
        agreeing += int((told.min(axis=0) >= _AGREES).sum())
        seen += len(rows)
        if progress:
            progress(seen, min(len(order), LOOKED))
    disagreement[order[seen:]] *= _UNSEEN
    factor = one.share * odds.factors(one.alone)[0]
    return np.asarray(-factor * _COST * disagreement, np.float32)
