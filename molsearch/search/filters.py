"""What the filters of a query leave of a library: a row mask, and how many molecules are left after each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.index.base import Index
from molsearch.interpretation import Exclusion, FilterStep, Narrowing
from molsearch.library.store import LibraryStore
from molsearch.query.account import spell_range
from molsearch.records import Progress, Query, Tested

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FilteredRows:
    """A library as far as a query looks at it.

    Attributes:
        mask: (N,) rows that pass all filters but the property ranges, which the index applies; None for all.
        account: How many molecules each filter left, the ranges among them.
        tested: The list of compounds that were left out, or None.
    """

    mask: Mask | None
    account: Narrowing
    tested: Tested | None = None


def filter_rows(
    query: Query,
    exclusions: Sequence[Exclusion],
    tested: Tested | None,
    index: Index,
    store: LibraryStore,
    progress: Progress | None = None,
) -> FilteredRows:
    """Apply the filters of a query.

    Args:
        query: Its ranges and its SMARTS count here.
        exclusions: What hits must not be; those that could not be read take nothing out.
        tested: Compounds to leave out, or None.
        index: The library.
        store: Where it stands, which keeps the masks of earlier queries.
        progress: Told of the molecules looked at where that takes long.

    Raises:
        InputError: If a pattern is no SMARTS.
    """
    steps = [
        FilterStep(spell_range(query.ranges[place]), index.count(query.ranges[: place + 1]))
        for place in range(len(query.ranges))
    ]
    mask: Mask | None = None

    def keep(what: str, kept: Mask) -> None:
        nonlocal mask
        mask = kept if mask is None else mask & kept
        steps.append(FilterStep(what, index.count(query.ranges, mask)))

    if smarts := query.smarts.strip():
        keep(f"substructure {smarts}", store.holders(index, smarts, progress))
    for exclusion in exclusions:
        if exclusion.kind != "unread":
            keep(f"without {exclusion.words}", ~store.excluded(index, exclusion, progress))
    rows: dict[str, int] = {}
    if tested is not None:
        rows = index.rows_of(tested.keys)
        untested = np.ones(index.info.molecules, np.bool_)
        untested[list(rows.values())] = False
        keep(f"not in the tested list {tested.name}", untested)
    return FilteredRows(mask, Narrowing(index.info.molecules, tuple(steps), len(rows)), tested)
