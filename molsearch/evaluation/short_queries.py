"""Short queries with a computed truth: how well class names and property words rank real libraries.

Truth of a class query is a SMARTS, of a property query ranges of RDKit descriptors; the query files are in data/eval.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import Descriptors
from sklearn.metrics import roc_auc_score

from molsearch.chem.io.library import read_library
from molsearch.chem.io.pairs import PairRow
from molsearch.chem.structures import parse
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, blocks, constraints_in, with_parts
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown
from molsearch.evaluation.registry import Request
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress

Bools = npt.NDArray[np.bool_]

_DESCRIPTORS = dict(Descriptors.descList)
PRECISION_AT = 20
#: Query files in data/eval: how the table calls each.
QUERY_FILES = {
    "class, 30 frozen": "class_queries.tsv",
    "class, 70 open": "class_queries_open.tsv",
    "class, 136 wide": "class_queries_wide.tsv",
    "class, 237 held": "class_queries_held.tsv",
    "property, 20 frozen": "property_queries.tsv",
    "property, 40 open": "property_queries_open.tsv",
    "property, 83 wide": "property_queries_wide.tsv",
    "property, 156 held": "property_queries_held.tsv",
}
LEAKED = "an acetylenic compound"  # a frozen class query that is a synonym in the class table by now: data/README.md
LIBRARIES = ("wehi_mols.csv", "solubility.train.sdf")


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
        matches = matches_smarts(smiles, [(row["smarts"], row.get("without") or "") for row in rows])
        return dict(zip((row["query"] for row in rows), matches, strict=True))
    if "property" not in columns:
        raise InputError(f"{path.name} has the columns {sorted(columns)}; expected query with smarts or property.")
    descriptors = descriptor_table(smiles, {row["property"] for row in rows})
    ranges: dict[str, Bools] = {}
    for row in rows:
        values = descriptors[row["property"]]
        low = float(row["low"]) if row["low"] else -np.inf
        high = float(row["high"]) if row["high"] else np.inf
        inside = (values >= low) & (values <= high)
        ranges[row["query"]] = inside & ranges.get(row["query"], inside)
    return ranges


def _pattern(smarts: str) -> Chem.Mol:
    pattern = Chem.MolFromSmarts(smarts)
    if pattern is None:
        raise InputError(f"The SMARTS {smarts!r} cannot be read; correct it.")
    return pattern


def matches_smarts(smiles: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Bools]:
    """Mark for each (smarts, without) which molecules hold the first and not the second, (N,) each.

    Raises:
        InputError: If a pattern or a structure cannot be read.
    """
    patterns = [(_pattern(smarts), _pattern(without) if without else None) for smarts, without in pairs]
    mols = [parse(structure) for structure in smiles]
    return [
        np.array([m.HasSubstructMatch(yes) and not (no is not None and m.HasSubstructMatch(no)) for m in mols], bool)
        for yes, no in patterns
    ]


def descriptor_table(smiles: Sequence[str], names: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Compute RDKit descriptors by name, (N,) each.

    Raises:
        InputError: If a name is no descriptor, or a structure cannot be read.
    """
    wanted = sorted(set(names))
    if unknown := [name for name in wanted if name not in _DESCRIPTORS]:
        raise InputError(f"{unknown[0]!r} is no descriptor of rdkit.Chem.Descriptors; name one that is.")
    mols = [parse(structure) for structure in smiles]
    return {name: np.array([_DESCRIPTORS[name](mol) for mol in mols], float) for name in wanted}


def query_figures(model: DualEncoder, path: Path, pool: CandidatePool) -> list[QueryFigures]:
    """Rank molecules for each query with at least 20 positives, as a search would.

    Args:
        model: The model.
        path: A query file.
        pool: The N molecules.

    Raises:
        InputError: If the file cannot be read, or no query has at least 20 positives.
    """
    reached = []
    for query, truth in truths(path, [row.smiles for row in pool.rows]).items():
        if truth.sum() < PRECISION_AT or truth.all():
            continue
        constraints = constraints_in(model, [query])
        (block,) = blocks(model, model.encode_texts([query]), pool, constraints)  # (1, N)
        (scores,) = with_parts(model, block, pool, constraints)  # (N,)
        first = np.argsort(-scores, kind="stable")[:PRECISION_AT]
        reached.append(
            QueryFigures(query, int(truth.sum()), float(100 * truth[first].mean()), float(roc_auc_score(truth, scores)))
        )
    if not reached:
        raise InputError(f"No query of {path.name} is true for {PRECISION_AT} or more of {len(pool)} molecules.")
    return reached


def measure(request: Request) -> dict[str, object]:
    """Measure a query file on the molecules of library files, each structure once.

    Returns:
        Counts, mean precision@20 in percent, mean AUROC, and the same per query.

    Raises:
        InputError: If a file cannot be read, or no query has at least 20 positives.
    """
    pools, model = request.some_pools(), request.model()
    pool = library_pool(model, pools, request.progress)
    reached = query_figures(model, request.pairs, pool)
    return {**means(reached, pool), "each": {query.query: asdict(query) for query in reached}}


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


def means(reached: Sequence[QueryFigures], pool: CandidatePool) -> dict[str, float]:
    """Sum up queries, one or more: counts, mean precision@20 in percent, mean AUROC."""
    return {
        "pool": len(pool),
        "queries": len(reached),
        "precision@20": float(np.mean([query.precision for query in reached])),
        "auroc": float(np.mean([query.auroc for query in reached])),
    }


def figures(run: Measurement) -> dict[str, object]:
    """Measure every query file that ships, the leaked query with the others and without.

    Raises:
        InputError: If no libraries were given, or a file cannot be read.
    """
    if run.libraries is None:
        raise InputError(f"The short queries rank library files, got none; give --libraries DIR with {LIBRARIES}.")
    pool = library_pool(run.model, [run.libraries / name for name in LIBRARIES], run.progress)
    files: dict[str, dict[str, float]] = {}
    for name, file in QUERY_FILES.items():
        reached = query_figures(run.model, run.evaluation / file, pool)
        files[name] = means(reached, pool)
        fair = [query for query in reached if query.query != LEAKED]
        if len(fair) < len(reached):
            files[f"{name}, less the one known since"] = means(fair, pool)
    return {"files": files}


def table(data: Data) -> str:
    """Write one row a query file."""
    rows = [
        [name, str(file["queries"]), f"{file['precision@20']:.1f} %", f"{file['auroc']:.3f}"]
        for name, file in data["files"].items()
    ]
    return markdown(["queries", "counted", "mean precision@20", "mean AUROC"], rows)


def flat(data: Data) -> dict[str, float]:
    """Name both means of every query file."""
    return {
        f"queries, {name}, {shown}": file[key]
        for name, file in data["files"].items()
        for key, shown in (("precision@20", "precision@20"), ("auroc", "AUROC"))
    }
