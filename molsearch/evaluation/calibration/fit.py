"""Fit a model's calibration on one half of a caption file and measure it on the other.

A caption's half is decided by a hash of its molecule's InChIKey, so no molecule stands in both. Beside whole captions
stand one sentence and one phrase of each, as people ask in words that short. Each text is paired with its own molecule
and with NEGATIVES random ones of the pool.

Shapes: Q texts, N molecules of the pool, C captions of the query bank, D width.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from molsearch.chem.io.pairs import PairRow, read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation.calibration import evidence
from molsearch.evaluation.calibration import scope as scope_fit
from molsearch.evaluation.calibration.evidence import DIGITS, Molecules, Pairs, Texts
from molsearch.evaluation.calibration.excerpts import phrase, sentence
from molsearch.evaluation.candidates import part, with_text
from molsearch.evaluation.registry import Request
from molsearch.evaluation.short_queries import truths
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.search.calibration import (
    Account,
    Calibration,
    HubFigures,
    HubRule,
    Rules,
    background_captions,
    space_id,
    write_calibration,
)
from molsearch.search.scope import nearness
from molsearch.settings import Settings

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAMPLE = 6000  # molecules of the pool that are encoded: for negatives, near misses and the threshold of hubs
HUB_SHARE = 0.99
FIRST = 10  # hits among which hubs are counted
LEAST = 20  # captions that each half must hold

#: What is made of each caption.
KINDS: Mapping[str, Callable[[str], str]] = {"captions": str, "sentences": sentence, "phrases": phrase}
#: Short queries whose truth is computed, files of ``data/eval``.
QUERIES: Mapping[str, str] = {
    "short class queries, truth by SMARTS": "class_queries_open.tsv",
    "short property queries, truth by descriptor": "property_queries_open.tsv",
}


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that is encoded.

    Attributes:
        bank: Query bank of the model, (C, D).
        fitted: Which captions belong to the half that is fitted on, (Q,).
        texts: Captions and parts of them, by row of KINDS; Q each.
        own: The molecule of each caption, Q.
        pool: Molecules of the pool, N, drawn at random.
        places: Where in the pool each caption's molecule stands, (Q,), or -1.
    """

    bank: Floats
    fitted: Bools
    texts: Mapping[str, Texts]
    own: Molecules
    pool: Molecules
    places: Ints


def measure(request: Request) -> dict[str, object]:
    """Calibrate a model, and write the calibration into its folder where that was asked for."""
    model, queries = request.model(), Settings().data / "eval"
    calibration = calibrate(
        *(model, request.pairs, request.pool(), queries, request.text_column),
        seed=request.seed,
        progress=request.progress,
    )
    written = {"written": str(write_calibration(calibration, model.folder))} if request.write and model.folder else {}
    return {**written, **summary(calibration)}


def calibrate(
    model: DualEncoder,
    pairs_file: Path,
    pool_file: Path,
    queries: Path,
    text_column: str = "text",
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Fit and measure the calibration of a model.

    Args:
        model: A saved model with a query bank.
        pairs_file: Captions that it was not trained on.
        pool_file: Molecules to draw wrong ones and reference molecules from.
        queries: Folder of short queries with computed truth and of off-topic texts: ``data/eval``.
        text_column: Column of the captions.
        seed: Of all draws.
        progress: Told of the texts and molecules encoded.

    Raises:
        InputError: If a file cannot be read or a half holds too few captions.
        ModelError: If the model has no query bank, or does not tell right pairs from random ones.
    """
    rows = with_text(read_pairs(pairs_file, text_column), text_column)
    rng = np.random.default_rng(seed)
    material = gather(model, rows, read_pool(pool_file).rows, rng, progress)
    fitted, held = random_pairs(material, rng)
    rule = evidence.fit_rule(fitted)
    together = Pairs.join(list(held.values()))
    misses = near_misses(model, material, rng)
    measured = {
        "all three, random molecules": together,
        **{f"{kind}, random molecules": pairs for kind, pairs in held.items()},
        "captions, near misses": misses,
        **short_queries(model, material, queries),
    }
    hubs, hub_figures = fit_hubs(material)
    scope, scope_figures = scope_fit.fit(model, material.bank, [row.text for row in rows], material.fitted, queries)
    count = int(material.fitted.sum())
    return Calibration(
        rules=Rules(space_id(model), rule, hubs, scope),
        account=Account(
            model.model_id,
            pairs_file.name,
            text_column,
            count,
            len(rows) - count,
            pool_file.name,
            len(material.pool.rows),
            seed,
        ),
        reliability=tuple(
            evidence.reliability(name, rule.of(pairs.nearness, pairs.z), pairs.right)
            for name, pairs in measured.items()
        ),
        histogram=evidence.histogram(held["captions"], misses),
        considered=evidence.compare_forms(fitted, together),
        hubs=hub_figures,
        scope=scope_figures,
    )


def in_first_half(row: PairRow) -> bool:
    """Return whether a caption is fitted on: by a hash of the InChIKey, or of the SMILES where the file has none."""
    return hashlib.sha256((row.inchikey or row.smiles).encode()).digest()[0] % 2 == 0


def gather(
    model: DualEncoder,
    rows: tuple[PairRow, ...],
    pool: tuple[PairRow, ...],
    rng: np.random.Generator,
    progress: Progress | None,
) -> Material:
    """Encode captions, parts of them, their molecules and a sample of the pool.

    Raises:
        InputError: If a half holds too few captions.
        ModelError: If the model has no query bank.
    """
    bank: Floats = model.bank.cpu().numpy()
    captions = background_captions(bank)
    fitted = np.array([in_first_half(row) for row in rows])
    if min(fitted.sum(), (~fitted).sum()) < LEAST:
        raise InputError(f"{len(rows)} captions are too few: expected two halves of {LEAST} or more; give more.")
    sample = [pool[i] for i in np.sort(rng.permutation(len(pool))[:SAMPLE])]
    total = len(rows) * (1 + len(KINDS)) + len(sample)
    texts = {}
    for number, (kind, cut) in enumerate(KINDS.items()):
        vectors = model.encode_texts([cut(row.text) for row in rows], part(progress, number * len(rows), total))
        texts[kind] = Texts(vectors, nearness(vectors, bank))
    done = len(rows) * len(KINDS)
    own = Molecules.of(model, rows, captions, part(progress, done, total))
    drawn = Molecules.of(model, sample, captions, part(progress, done + len(rows), total))
    return Material(bank, fitted, texts, own, drawn, evidence.own_rows(rows, sample))


def random_pairs(material: Material, rng: np.random.Generator) -> tuple[Pairs, dict[str, Pairs]]:
    """Pair every text with its own and random molecules: all of the fitted half, and the other half by kind."""
    fitted, held = [], {}
    for kind, texts in material.texts.items():
        wrong = evidence.random_wrong(material.places, len(material.pool.rows), rng)
        for half, mask in ((True, material.fitted), (False, ~material.fitted)):
            pairs = evidence.pair_up(texts.take(mask), material.own.take(mask), material.pool, wrong[mask])
            if half:
                fitted.append(pairs)
            else:
                held[kind] = pairs
    return Pairs.join(fitted), held


def near_misses(model: DualEncoder, material: Material, rng: np.random.Generator) -> Pairs:
    """Pair the captions that were not fitted on with their own molecule and wrong ones of their first hits."""
    held = ~material.fitted
    texts, own = material.texts["captions"].take(held), material.own.take(held)
    wrong = evidence.near_wrong(model, texts, material.places[held], material.pool, rng)
    return evidence.pair_up(texts, own, material.pool, wrong)


def short_queries(model: DualEncoder, material: Material, queries: Path) -> dict[str, Pairs]:
    """Pair short queries with all molecules of the captions that were not fitted on; the truth is computed."""
    molecules = material.own.take(~material.fitted)
    pairs = {}
    for name, file in QUERIES.items():
        truth = truths(queries / file, [row.smiles for row in molecules.rows])
        vectors = model.encode_texts(list(truth))
        texts = Texts(vectors, nearness(vectors, material.bank))
        pairs[name] = evidence.pair_all(texts, molecules, np.stack(list(truth.values())))
    return pairs


def fit_hubs(material: Material) -> tuple[HubRule, HubFigures]:
    """Set the threshold of hubs by the pool, and count what those above it do with captions not used for it."""
    pool = material.pool
    rule = HubRule(round(float(np.quantile(pool.mean, HUB_SHARE)), DIGITS), HUB_SHARE)
    flagged = pool.mean > rule.threshold
    cosines = material.texts["captions"].vectors[~material.fitted] @ pool.vectors.T  # (Q, N)
    first = np.argpartition(-cosines, min(FIRST, len(flagged)) - 1, axis=1)[:, :FIRST]
    hits = np.bincount(first.ravel(), minlength=len(flagged))
    return rule, HubFigures(
        flagged=int(flagged.sum()),
        flagged_cosine=_mean(cosines[:, flagged]),
        other_cosine=_mean(cosines[:, ~flagged]),
        flagged_hits=_mean(hits[flagged]),
        other_hits=_mean(hits[~flagged]),
        most_hits=int(hits.max()),
    )


def _mean(values: Floats | Ints) -> float:
    return round(float(np.mean(values)), DIGITS) if values.size else 0.0


def summary(calibration: Calibration) -> dict[str, object]:
    """Sum a calibration up as one JSON object."""
    return {
        **asdict(calibration.account),
        "rules": asdict(calibration.rules.evidence),
        **{
            part.name: {"pairs": sum(part.pairs), "right": sum(part.right), "ece": part.ece, "brier": part.brier}
            for part in calibration.reliability
        },
        "forms considered": {form.form: f"ECE {form.ece}, Brier {form.brier}" for form in calibration.considered},
        "hubs": {"threshold": calibration.rules.hubs.threshold, **asdict(calibration.hubs)},
        "warned of as out of scope": {group.texts: f"{group.warned} of {group.asked}" for group in calibration.scope},
    }
