"""Property ranges and row masks in Milvus's filter language."""

from collections.abc import Sequence

import numpy as np

from molsearch.index.batch import Mask, Rows, check_mask
from molsearch.index.exact import scan
from molsearch.index.milvus.store import column
from molsearch.records import PropertyRange

MASK_ROWS = 10_000  # row numbers named in one filter

_FLOAT_MAX = float(np.finfo(np.float32).max)


def conditions(ranges: Sequence[PropertyRange], mask: Mask | None, rows: int, names: Sequence[str]) -> list[str]:
    """Return filters, each for one request, that together pass what the ranges and the mask pass.

    Args:
        ranges: All of them hold for a row that passes.
        mask: (N,) bool, or None for all rows.
        rows: N, how many rows the library counts; those beyond pass never.
        names: The properties it holds.

    Raises:
        InputError: On an unknown property, limits that make no sense, or a mask of another length.
    """
    parts = [part for wanted in ranges for part in _range(wanted, names)]
    if mask is None:
        scopes = [f"row < {rows}"] if rows else []
    else:
        kept = np.flatnonzero(check_mask(mask, rows))
        scopes = [_scope(kept[start : start + MASK_ROWS]) for start in range(0, len(kept), MASK_ROWS)]
    return [" and ".join([scope, *parts]) for scope in scopes]


def _range(wanted: PropertyRange, names: Sequence[str]) -> list[str]:
    scan.known_property(wanted.name, names)
    scan.within(np.empty(0, dtype=np.float32), wanted.low, wanted.high)  # refuses limits that make no sense
    field = column(wanted.name)
    limits = ((">=", wanted.low), ("<=", wanted.high))
    return [
        f"{field} is not null",
        *(f"{field} {sign} {_spelled(limit)}" for sign, limit in limits if limit is not None),
    ]


def _spelled(limit: float) -> str:
    """Return a limit rounded as the stored values are, within what the language can spell."""
    return repr(float(np.float32(min(max(limit, -_FLOAT_MAX), _FLOAT_MAX))))


def _scope(rows: Rows) -> str:
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        return f"row >= {first} and row <= {last}"
    return f"row in {rows.tolist()}"
