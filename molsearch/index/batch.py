"""What goes into an index and what comes out: arrays beside molecules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.records import Molecule

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Flags = npt.NDArray[np.uint8]

UNIT_TOLERANCE = 1e-2  # vectors kept in half precision by an earlier step are still unit within 1e-3
MAX_QUERY_NORM = 1e4


@dataclass(frozen=True, slots=True)
class Batch:
    """Molecules with their vectors, on the way into an index.

    Attributes:
        molecules: N molecules.
        vectors: (N, D) float32, unit rows.
        constants: (N,) float32, added to the dot product of every query.
        properties: Property name -> (N,) float32; NaN where a molecule has no value.
        flags: (N, F) uint8, packed bits that say yes or no of each molecule; None where there are none.
    """

    molecules: Sequence[Molecule]
    vectors: Floats
    constants: Floats
    properties: Mapping[str, Floats] = field(default_factory=dict)
    flags: Flags | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer of an index to one vector.

    Attributes:
        rows: (k,) int64, best first; equal scores stand in row order.
        scores: (k,) float32, dot product + constant + bonus + adjustment.
        cosines: (k,) float32, cosine of the query and the row alone.
        distribution: (M,) float32, scores of the rows that passed the filters, in row order (a sample of them
            where the engine says so).
        searched: How many rows passed the filters; M unless the distribution is a sample.
    """

    rows: Rows
    scores: Floats
    cosines: Floats
    distribution: Floats
    searched: int


def check_batch(batch: Batch, width: int) -> None:
    """Refuse a batch whose arrays do not belong together or are not finite unit vectors.

    Raises:
        InputError: Naming the array, its shape and what was expected.
    """
    count = len(batch.molecules)
    expected = {"vectors": (count, width), "constants": (count,)}
    arrays = {"vectors": batch.vectors, "constants": batch.constants}
    for name, values in batch.properties.items():
        arrays[f"property {name}"] = values
        expected[f"property {name}"] = (count,)
    if batch.flags is not None and (batch.flags.ndim != 2 or len(batch.flags) != count):
        raise InputError(f"A batch of {count} molecules has flags of shape {batch.flags.shape}, expected {count} rows.")
    for name, array in arrays.items():
        if array.shape != expected[name]:
            raise InputError(
                f"A batch of {count} molecules has {name} of shape {array.shape}, expected {expected[name]}."
            )
    if not (np.isfinite(batch.vectors).all() and np.isfinite(batch.constants).all()):
        raise InputError("A batch holds vectors or constants that are not finite numbers: embed its molecules again.")
    norms = np.linalg.norm(batch.vectors, axis=1)  # (N,)
    if count and np.abs(norms - 1).max() > UNIT_TOLERANCE:
        raise InputError(
            f"A batch holds vectors of length {norms.min():.3f} to {norms.max():.3f}, expected 1: normalise them first."
        )


def check_query(vector: Floats, width: int, k: int) -> Floats:
    """Return the query as (D,) float32, or refuse it.

    Raises:
        InputError: On a wrong width, on values that are not finite or all zero, and on k below 1.
    """
    if k < 1:
        raise InputError(f"The number of hits is {k}, expected 1 or more.")
    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (width,):
        raise InputError(f"A query vector has shape {query.shape}, expected ({width},): use the library's own model.")
    norm = float(np.linalg.norm(query))
    if not 0 < norm < MAX_QUERY_NORM:  # NaN fails too
        raise InputError(
            f"A query vector has length {norm}, expected about 1: this text has no usable vector, reword it."
        )
    return query


def check_adjustment(adjustment: Floats, rows: int) -> Floats:
    """Return the adjustment as (N,) float32, or refuse one of another length or with values that are no numbers.

    Raises:
        InputError: Naming the shape and what was expected.
    """
    array = np.asarray(adjustment, dtype=np.float32)
    if array.shape != (rows,) or not np.isfinite(array).all():
        raise InputError(f"An adjustment has shape {array.shape}, expected ({rows},) finite numbers.")
    return array


def check_mask(mask: npt.NDArray[np.bool_], rows: int) -> Mask:
    """Return the mask as (N,) bool, or refuse one of another length or type.

    Raises:
        InputError: Naming shape and type, and what was expected.
    """
    array = np.asarray(mask)
    if array.shape != (rows,) or array.dtype != np.bool_:
        raise InputError(f"A row mask has shape {array.shape} of {array.dtype}, expected ({rows},) of bool.")
    return array
