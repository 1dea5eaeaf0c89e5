"""What more captions would give: a recipe trained on growing shares of them, and a line through its figures."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from molsearch.chem.io.pairs import PairRow, read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import answer_file
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown, span
from molsearch.evaluation.metrics import METRICS, bootstrap_interval
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.training.loop import train
from molsearch.training.recipe import Recipe, load_recipe
from molsearch.training.selection import draw, write_rows

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
WHOLE = 26_407  # molecules of ChEBI-20's whole training split, one caption each
COLUMNS = {"names on": True, "names off": False}  # what exact names add, on top and left out


@dataclass(frozen=True, slots=True)
class Point:
    """One training on a share of the molecules.

    Attributes:
        share: Of the training molecules.
        captions: Captions of those, of every source.
        molecules: Those of ChEBI-20's training split among them; all, where the file does not tell splits.
        hits: Hits@1 in percent by the key of COLUMNS, text to molecule.
        interval: 95 % interval of each.
    """

    share: float
    captions: int
    molecules: int
    hits: Mapping[str, float]
    interval: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through Hits@1 against log2 of the molecules.

    Attributes:
        per_doubling: Points of Hits@1 that twice the molecules give.
        predicted: Hits@1 at WHOLE.
        interval: 95 % prediction interval of a single training there, from the scatter about the line.
    """

    per_doubling: float
    predicted: float
    interval: tuple[float, float]


def fit(molecules: Sequence[int], hits: Sequence[float], at: int = WHOLE) -> Fit:
    """Fit a line by least squares and extend it.

    Args:
        molecules: Of each point, at least three different numbers.
        hits: Hits@1 of each point, in percent.
        at: Molecules to extend the line to.

    Raises:
        InputError: If there are too few points.
    """
    x, y = np.log2(np.array(molecules, float)), np.array(hits, float)
    if len(set(molecules)) < 3:
        raise InputError(f"A line with its error needs 3 points or more, got {len(set(molecules))}; train more shares.")
    slope, start = np.polyfit(x, y, 1)
    rest = y - (start + slope * x)
    freedom = len(x) - 2
    scatter = np.sqrt((rest**2).sum() / freedom)
    far = np.log2(at)
    spread = scatter * np.sqrt(1 + 1 / len(x) + (far - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    predicted, half = float(start + slope * far), float(student.ppf(0.975, freedom) * spread)
    return Fit(float(slope), predicted, (max(0.0, predicted - half), min(100.0, predicted + half)))


def learning_curve(
    recipe: str,
    pairs: Path,
    val: Path,
    pool: Path,
    out: Path,
    *,
    shares: Sequence[float] = SHARES,
    whole: int = WHOLE,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, object]:
    """Train a recipe on each share, measure it on the masked texts, and extend the line to the whole training split.

    A share whose folder already holds its figures is not trained again, so that a stopped run goes on.

    Args:
        recipe: Name or path of a recipe.
        pairs: Training pairs.
        val: Validation pairs.
        pool: Molecules to rank.
        out: Folder for one model folder a share.
        shares: Of the training molecules; a smaller share is part of every larger one.
        whole: Molecules to extend the line to.
        seed: Of the draw.
        progress: Told of the steps of each training.

    Raises:
        InputError: If a file cannot be read, or fewer than three shares are given.
    """
    if len(set(shares)) < 3:
        raise InputError(f"A line with its error needs 3 shares or more, got {len(set(shares))}; give more.")
    rows = [row for row in read_pairs(pairs).rows if not row.empty]
    points = [_point(recipe, draw(rows, share, seed), share, val, pool, out, seed, progress) for share in shares]
    counts = [point.molecules for point in points]
    return {
        "recipe": load_recipe(recipe).name,
        "columns": list(COLUMNS),
        "points": [asdict(point) for point in points],
        "whole": whole,
        "fits": {name: asdict(fit(counts, [point.hits[name] for point in points], whole)) for name in COLUMNS},
    }


def count_molecules(rows: Sequence[PairRow]) -> int:
    """Count the distinct molecules of ChEBI-20's training split; all, where no row tells its split."""
    counted = [row for row in rows if row.chebi20_split == "train"] or rows
    return len({row.inchikey or row.key or row.smiles for row in counted})


def _point(
    recipe: str,
    rows: Sequence[PairRow],
    share: float,
    val: Path,
    pool: Path,
    out: Path,
    seed: int,
    progress: Progress | None,
) -> Point:
    folder = out / f"share-{share:g}-seed-{seed}"
    training = write_rows(rows, folder / ".features" / "pairs.tsv")
    kept, mark = folder / "point.json", fingerprint(load_recipe(recipe), (training, val, pool))
    if kept.is_file() and (trained := json.loads(kept.read_text(encoding="utf-8")))["fingerprint"] == mark:
        return Point(**trained["point"])
    train(load_recipe(recipe), training, val, pool, folder, resume=True, progress=progress)
    _, answers, _ = answer_file(DualEncoder.load(folder), val, pool)
    firsts = {name: METRICS["hits@1"](answers.ranks(exact).text) for name, exact in COLUMNS.items()}
    point = Point(
        share,
        len(rows),
        count_molecules(rows),
        {name: float(values.mean()) for name, values in firsts.items()},
        {name: bootstrap_interval(values, seed=seed) for name, values in firsts.items()},
    )
    kept.write_text(json.dumps({"fingerprint": mark, "point": asdict(point)}), encoding="utf-8")
    return point


def fingerprint(recipe: Recipe, files: Sequence[Path]) -> str:
    """Identify a training by its recipe and the contents of its files."""
    digest = hashlib.sha256(repr(recipe).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def figures(run: Measurement) -> dict[str, object]:
    """Train and measure the curve.

    Raises:
        InputError: If there is no folder to train in, or a file cannot be read.
    """
    if run.learning is None:
        raise InputError("The learning curve trains models, got no folder; give --learning-curve DIR.")
    files = (run.training, run.validation, run.pool_file)
    curve = learning_curve(run.recipe, *files, run.learning, seed=run.seed, progress=run.progress)
    below = (
        f"Recipe `{curve['recipe']}`, masked texts, molecules drawn at random; the last row extends the line of "
        "Hits@1 against the logarithm of the ChEBI-20 molecules to the whole training split (95 % of single runs)."
    )
    return {**curve, "below": below}


def table(data: Data) -> str:
    """Write one row a share, and the extrapolation."""
    columns = data["columns"]
    rows = [
        [f"{p['share']:g}", f"{p['captions']:,}", f"{p['molecules']:,}", *_point_cells(p, columns)]
        for p in data["points"]
    ]
    guesses = [f"{line['predicted']:.1f} {span(line['interval'])}" for line in data["fits"].values()]
    rows.append(["extrapolated", "–", f"{data['whole']:,}", *guesses])
    return markdown(["share", "captions", "ChEBI-20 molecules", *(f"Hits@1, {name}" for name in columns)], rows)


def _point_cells(point: Data, columns: Sequence[str]) -> list[str]:
    return [f"{point['hits'][name]:.1f} {span(point['interval'][name])}" for name in columns]
