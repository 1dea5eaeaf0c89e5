"""One query over one library: what the query must be, what the model reads in it, and the ranking it gives."""

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from molsearch.chem.classes import find_classes
from molsearch.chem.names import available
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.index.base import Found, Index
from molsearch.records import Hit, Query, Ranking

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder
    from molsearch.model.grounding import NamedStructure

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def check_text(text: str, limit: int) -> None:
    """Refuse a text that holds nothing or too much.

    Raises:
        InputError: Saying which, and what to do.
    """
    if not any(character.isalnum() for character in text):
        raise InputError(
            f"The query holds no word: got {text[:20]!r}, expected a description such as "
            "'a sulfonamide with an aromatic amine'; write one."
        )
    if len(text) > limit:
        raise InputError(
            f"The query is too long: got {len(text):,} characters, expected at most {limit:,}; shorten it."
        )


def check_query(query: Query, limit: int) -> None:
    """Refuse a query that no library could answer. An empty text is fine beside a reference structure.

    Args:
        query: The query.
        limit: Most characters of its text.

    Raises:
        InputError: Saying what is wrong with it.
    """
    if query.text.strip() or not query.reference.strip():
        check_text(query.text, limit)
    if query.k < 1:
        raise InputError(f"The number of hits is out of range: got {query.k}, expected 1 or more.")
    for wanted in query.ranges:
        if wanted.name not in PROPERTIES:
            raise InputError(f"There is no property {wanted.name!r}: choose one of {', '.join(PROPERTIES)}.")
        low = -math.inf if wanted.low is None else wanted.low
        high = math.inf if wanted.high is None else wanted.high
        if not low <= high:
            raise InputError(f"The range of {wanted.name} is empty: got {low:g} to {high:g}, expected low ≤ high.")


def rank(query: Query, reference: str, name: str, index: Index, model: "DualEncoder", mask: Mask | None) -> Ranking:
    """Rank a library for a query that ``check_query`` let through.

    Args:
        query: The query.
        reference: Its reference structure after clean-up, or "".
        name: Name of the library.
        index: The library.
        model: The model that filled it.
        mask: (N,) rows to look at, or None for all.
    """
    text = query.text.strip()
    named = model.named_structures(text) if text else ()
    rows = index.rows_of(list({one.key for one in named}))
    bonuses: dict[int, float] = {}
    for one in named if query.exact_names else ():
        if one.key in rows:
            bonuses[rows[one.key]] = max(one.bonus, bonuses.get(rows[one.key], 0.0))
    found = index.search(query_vector(model, text, reference), query.k, ranges=query.ranges, mask=mask, bonuses=bonuses)
    return Ranking(
        query=query,
        library=name,
        model_id=model.model_id,
        hits=_hits(found, index),
        scores=array("f", found.distribution.astype(np.float32).tobytes()),
        searched=found.searched,
        notes=tuple(_notes(query, named, rows, found.searched, index.info.molecules)),
    )


def query_vector(model: "DualEncoder", text: str, reference: str) -> Floats:
    """Encode text, reference structure, or the direction midway between both: (D,) of unit length."""
    parts = [model.encode_texts([text])] if text else []
    if reference:
        parts.append(model.encode_molecules([reference]))
    mean = np.concatenate(parts).mean(axis=0)  # (D,)
    length = float(np.linalg.norm(mean))
    if not length > 0:
        raise InputError("Text and reference structure point in opposite directions: use one of them alone.")
    return np.asarray(mean / length, np.float32)


def _hits(found: Found, index: Index) -> tuple[Hit, ...]:
    ordered = np.sort(found.distribution)
    lower = np.searchsorted(ordered, found.scores, side="left") * (100.0 / max(len(ordered), 1))  # (k,) percent
    molecules = index.molecules(found.rows.tolist())
    columns = zip(found.scores.tolist(), found.cosines.tolist(), lower.tolist(), molecules, strict=True)
    return tuple(Hit(rank, *values) for rank, values in enumerate(columns, start=1))


def _notes(
    query: Query, named: Sequence["NamedStructure"], rows: dict[str, int], searched: int, molecules: int
) -> Iterator[str]:
    """Say in plain sentences what was read in the query and what could not be done."""
    for one in named:
        place = "is in this library" if one.key in rows else "is not in this library"
        yield f"Read “{one.name}” as the structure {one.key}, which {place}."
    classes = dict.fromkeys(title for title, _, _ in find_classes(query.text))
    if classes:
        yield f"Read as chemical classes: {', '.join(classes)}."
    if query.text.strip() and (lack := available()):
        yield lack
    if molecules == 0:
        yield "This library holds no molecules."
    elif searched == 0:
        yield f"None of the {molecules:,} molecules passes the filters: loosen them."
    elif searched < query.k:
        yield f"Only {searched:,} of the {molecules:,} molecules could be ranked, fewer than the {query.k:,} asked for."
