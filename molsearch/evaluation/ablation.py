"""What each part of the paper is worth: one small recipe, trained again and again with one thing changed.

The paper's ablation (arXiv 2410.23715) leaves out its second-order losses and its memory bank. Here the form and the
temperature of the second-order terms and the first-order loss beside them vary too. Every run starts from the same
recipe, learns from the same captions without names or evidence, and is ranked by the plain cosine in the whole pool.
"""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from molsearch.errors import InputError
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown
from molsearch.evaluation.learning_curve import fingerprint
from molsearch.evaluation.metrics import rank_metrics
from molsearch.model.alignment import ranks
from molsearch.records import Progress
from molsearch.training.features import TrainingFeatures
from molsearch.training.loop import Trainer
from molsearch.training.prepare import prepare
from molsearch.training.recipe import Recipe, load_recipe
from molsearch.training.selection import select

RECIPE = "ablation"
ONLY = "chebi20_split=train"  # half of the training captions, those most like the validation captions
FIRST_SEED = 42
SEEDS = (FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2)
_CHUNK = 256  # queries ranked at once

Change = Callable[[Recipe], Recipe]


def _losses(**weights: float) -> Change:
    """Put other losses in place of the recipe's."""
    return lambda recipe: replace(recipe, losses=weights)


def _without(name: str) -> Change:
    """Leave one loss out."""
    return lambda recipe: replace(recipe, losses={row: weight for row, weight in recipe.losses.items() if row != name})


def _softened(temperature: float) -> Change:
    """Give the second-order softmax another temperature."""
    return lambda recipe: replace(recipe, options=replace(recipe.options, temperature=temperature))


def _bankless(recipe: Recipe) -> Recipe:
    """Take the mean of the tokens where the memory bank stood."""
    projector = replace(recipe.model.projector, slots=0)
    return replace(recipe, model=replace(recipe.model, projector=projector))


def _released(recipe: Recipe) -> Recipe:
    """Take the softmax over plus the distance, as the authors' code does."""
    return replace(recipe, options=replace(recipe.options, form="distance", temperature=1.0))


#: What is changed in the recipe, by the name that the table shows; the first row changes nothing.
ROWS: Mapping[str, Change] = {
    "InfoNCE + adversarial + second order": lambda recipe: recipe,
    "without second order": _without("second_order"),
    "second order at weight 1": _losses(contrastive=1.0, adversarial=2e-4, second_order=1.0),
    "without adversarial": _without("adversarial"),
    "InfoNCE alone": _losses(contrastive=1.0),
    "without memory bank": _bankless,
    "second order as released (over +distance)": _released,
    "second order at temperature 0.5": _softened(0.5),
    "triplet in place of InfoNCE (the paper)": _losses(batch_hard_triplet=1.0, adversarial=2e-4, second_order=1.0),
    "sigmoid pairwise in place of InfoNCE": _losses(sigmoid_pairwise=1.0, adversarial=2e-4, second_order=0.1),
    "InfoNCE alone, text encoder pretrained on hidden words": lambda recipe: replace(
        recipe, losses={"contrastive": 1.0}, masked_epochs=10
    ),
}


def ablate(
    pairs: Path,
    val: Path,
    pool: Path,
    out: Path,
    *,
    recipe: str = RECIPE,
    only: str = ONLY,
    rows: Sequence[str] = tuple(ROWS),
    seeds: Sequence[int] = SEEDS,
    progress: Progress | None = None,
) -> dict[str, object]:
    """Train every row with every seed and rank the pool with each.

    A row whose folder already holds its figures is not trained again, so that a stopped run goes on.

    Args:
        pairs: Training pairs.
        val: Validation pairs.
        pool: Molecules to rank.
        out: Folder of the features and of one folder a run.
        recipe: Name or path of the recipe that is changed.
        only: Rows of ``pairs`` to learn from, COLUMN=VALUE; all if "".
        rows: Keys of ROWS.
        seeds: One run of each row for each; all rows with the first seed come first.
        progress: Told of the steps of each training.

    Raises:
        InputError: If a file cannot be read, or a row is unknown.
    """
    if unknown := [row for row in rows if row not in ROWS]:
        raise InputError(f"There is no ablation {unknown[0]!r}; choose from {', '.join(ROWS)}.")
    chosen = select(pairs, only, out / ".features" / "pairs.tsv") if only else pairs
    base, files = load_recipe(recipe), (chosen, val, pool)
    features = prepare(*files, out / ".features", progress)
    trials: dict[str, list[Mapping[str, float]]] = {row: [] for row in rows}
    for seed in seeds:
        for row in rows:
            trials[row].append(_trial(row, replace(base, seed=seed), features, out, files, progress))
    return {
        "recipe": base.name,
        "captions": len(features.train),
        "epochs": base.epochs,
        "pool": len(features.pool),
        "queries": len(features.val),
        "seeds": list(seeds),
        "rows": trials,
    }


def _trial(
    row: str, recipe: Recipe, features: TrainingFeatures, out: Path, files: Sequence[Path], progress: Progress | None
) -> Mapping[str, float]:
    """Train one row, or read what is kept of it: every row of METRICS, text to molecule, masked texts."""
    folder = out / f"{list(ROWS).index(row):02d}-seed-{recipe.seed}"
    recipe = ROWS[row](recipe)
    kept, mark = folder / "trial.json", fingerprint(recipe, files)
    if kept.is_file() and (trained := json.loads(kept.read_text(encoding="utf-8")))["fingerprint"] == mark:
        return dict(trained["figures"])
    trainer = Trainer(recipe, features, folder)
    trainer.run(resume=True, progress=progress)
    metrics = rank_metrics(pool_ranks(trainer, features))
    kept.write_text(json.dumps({"fingerprint": mark, "row": row, "figures": metrics}), encoding="utf-8")
    return metrics


def pool_ranks(trainer: Trainer, features: TrainingFeatures) -> np.ndarray:
    """Rank the pool for each validation text by the plain cosine, (Q,); one molecule may stand in the pool twice."""
    places: dict[int, int] = {}
    for number, row in enumerate(features.pool):
        places.setdefault(row, number)
    texts = trainer.model.vectors_of_texts(features.val, features.store)  # (Q, D)
    molecules = trainer.model.vectors_of_graphs(features.store.take(list(features.pool)))  # (N, D)
    targets = np.array([places[example.molecule] for example in features.val])
    chunks = [
        ranks(texts[start : start + _CHUNK] @ molecules.T, targets[start : start + _CHUNK])
        for start in range(0, len(targets), _CHUNK)
    ]
    return np.concatenate(chunks)


def figures(run: Measurement) -> dict[str, object]:
    """Train and measure every row.

    Raises:
        InputError: If there is no folder to train in, or a file cannot be read.
    """
    if run.ablation is None:
        raise InputError("The ablation trains models, got no folder; give --ablation DIR.")
    seeds = range(FIRST_SEED, FIRST_SEED + run.ablation_seeds)
    files = (run.training, run.validation, run.pool_file)
    trials = ablate(*files, run.ablation, seeds=seeds, progress=run.progress)
    below = (
        f"Recipe `{trials['recipe']}`, {trials['epochs']} epochs over {trials['captions']:,} captions, on small "
        "encoders that read words and atoms alone: no names, no evidence, no query bank; masked texts, plain cosine, "
        f"pool {trials['pool']:,}, mean ± standard deviation where there are several seeds. The rows compare with one "
        "another, not with the shipped model."
    )
    return {**trials, "below": below}


def table(data: Data) -> str:
    """Write one row a change of the recipe."""
    rows = []
    for name, trials in data["rows"].items():
        means = [_mean([trial[metric] for trial in trials]) for metric in ("hits@1", "hits@10", "mrr", "mean_rank")]
        rows.append([name, str(len(trials)), *means])
    return markdown(["losses and projector", "seeds", "Hits@1", "Hits@10", "MRR", "mean rank"], rows)


def _mean(values: Sequence[float]) -> str:
    """Write the mean over seeds, and the standard deviation where there are several."""
    mean = f"{statistics.mean(values):,.1f}"
    return f"{mean} ± {statistics.stdev(values):,.1f}" if len(values) > 1 else mean
