"""Short queries with a computed truth: how well class names and property words rank real libraries.

Truth of a class query is a SMARTS, of a property query ranges of RDKit descriptors; the query files are in data/eval.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from molsearch.chem.io.library import read_library
from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, blocks, constraints_in, with_parts
from molsearch.evaluation.truth import descriptor_table, matches_smarts
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress

Bools = npt.NDArray[np.bool_]
PRECISION_AT = 20


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """What one query reached.

    Attributes:
        query: The sentence.
        positives: Molecules for which it is true.
        precision: Share of the first 20 for which it is true, in percent.
        auroc: Area under the ROC curve.
    """

    query: str
    positives: int
    precision: float
    auroc: float


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, dialect=csv.excel_tab, quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a file like those in data/eval.") from error


def queries(path: Path) -> tuple[str, ...]:
    """Read the distinct queries of a file, in order.

    Raises:
        InputError: If it cannot be read or has no column "query".
    """
    rows = _rows(path)
    if not rows or "query" not in rows[0]:
        raise InputError(f"{path.name} has no column 'query'; give a file like those in data/eval.")
    return tuple(dict.fromkeys(row["query"] for row in rows))


def truths(path: Path, smiles: Sequence[str]) -> Mapping[str, Bools]:
    """Compute for each query of a file which of the molecules it is true for, (N,) each.

    Raises:
        InputError: If the file has neither a smarts nor a property column.
    """
    rows = _rows(path)
    columns = set(rows[0]) if rows else set()
    if "smarts" in columns:
        found = matches_smarts(smiles, [(row["smarts"], row.get("without") or "") for row in rows])
        return dict(zip((row["query"] for row in rows), found, strict=True))
    if "property" not in columns:
        raise InputError(f"{path.name} has the columns {sorted(columns)}; expected query with smarts or property.")
    table = descriptor_table(smiles, {row["property"] for row in rows})
    ranges: dict[str, Bools] = {}
    for row in rows:
        values = table[row["property"]]
        low = float(row["low"]) if row["low"] else -np.inf
        high = float(row["high"]) if row["high"] else np.inf
        inside = (values >= low) & (values <= high)
        ranges[row["query"]] = inside & ranges.get(row["query"], inside)
    return ranges


def measure(model: DualEncoder, path: Path, pool: CandidatePool) -> list[QueryFigures]:
    """Rank molecules for each query with at least 20 positives, as a search would.

    Args:
        model: The model.
        path: A query file.
        pool: The N molecules.

    Raises:
        InputError: If the file cannot be read, or no query has at least 20 positives.
    """
    figures = []
    for query, truth in truths(path, [row.smiles for row in pool.rows]).items():
        if truth.sum() < PRECISION_AT or truth.all():
            continue
        constraints = constraints_in(model, [query])
        (block,) = blocks(model, model.encode_texts([query]), pool, constraints)  # (1, N)
        (scores,) = with_parts(model, block, pool, constraints)  # (N,)
        first = np.argsort(-scores, kind="stable")[:PRECISION_AT]
        figures.append(
            QueryFigures(query, int(truth.sum()), float(100 * truth[first].mean()), float(roc_auc_score(truth, scores)))
        )
    if not figures:
        raise InputError(f"No query of {path.name} is true for {PRECISION_AT} or more of {len(pool)} molecules.")
    return figures


def evaluate_queries(
    model: DualEncoder, queries: Path, pools: Sequence[Path], progress: Progress | None = None
) -> dict[str, object]:
    """Measure a query file on the molecules of library files, each structure once.

    Returns:
        Counts, mean precision@20 in percent, mean AUROC, and the same per query.

    Raises:
        InputError: If a file cannot be read, or no query has at least 20 positives.
    """
    pool = library_pool(model, pools, progress)
    figures = measure(model, queries, pool)
    return {**means(figures, pool), "each": {one.query: asdict(one) for one in figures}}


def library_pool(model: DualEncoder, pools: Sequence[Path], progress: Progress | None = None) -> CandidatePool:
    """Encode the molecules of library files, each structure once.

    Raises:
        InputError: If a file cannot be read.
    """
    keys: dict[str, None] = {}
    for path in pools:
        with read_library(path) as library:
            keys.update((molecule.key, None) for molecule in library.molecules())
    return CandidatePool(model, [PairRow("", smiles, key=smiles) for smiles in keys], progress)


def means(figures: Sequence[QueryFigures], pool: CandidatePool) -> dict[str, float]:
    """Sum up queries, one or more: counts, mean precision@20 in percent, mean AUROC."""
    return {
        "pool": len(pool),
        "queries": len(figures),
        "precision@20": float(np.mean([one.precision for one in figures])),
        "auroc": float(np.mean([one.auroc for one in figures])),
    }
