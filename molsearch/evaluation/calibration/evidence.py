"""Right and wrong pairs of texts and molecules, the rule of match evidence fitted to them, and how it holds.

Shapes: Q texts, N molecules, B background captions, D width, P pairs; each text has 1 + NEGATIVES pairs, its own first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from molsearch.chem.io.pairs import PairRow
from molsearch.errors import ModelError
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.search.calibration import BINS, NEGATIVES, Considered, EvidenceRule, Histogram, Reliability, sigmoid

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEAR = 50  # first hits that near misses are drawn from
DIGITS = 4  # of a fitted coefficient; figures are measured with the rounded ones, so that the file repeats them
_CHUNK = 256
_LOW, _HIGH, _BARS = -4.0, 8.0, 36  # of the histogram of z

#: Forms that the evidence could have, in the nearness n, the cosine c and z; the first is the one in use.
FORMS: Mapping[str, Callable[["Pairs"], list[Floats]]] = {
    "n and n·z (in use)": lambda pairs: [pairs.nearness, pairs.nearness * pairs.z],
    "n and n·cosine": lambda pairs: [pairs.nearness, pairs.nearness * pairs.cosine],
    "z alone": lambda pairs: [pairs.z],
    "cosine alone": lambda pairs: [pairs.cosine],
}


@dataclass(frozen=True, slots=True, eq=False)
class Molecules:
    """Molecules with their vectors, (N, D), and mean and spread of their background cosines, (N,) each."""

    rows: tuple[PairRow, ...]
    vectors: Floats
    mean: Floats
    spread: Floats

    @classmethod
    def of(
        cls, model: DualEncoder, rows: Sequence[PairRow], captions: Floats, progress: Progress | None
    ) -> "Molecules":
        """Encode molecules and compare them with the background captions, (B, D)."""
        vectors = model.encode_molecules([row.smiles for row in rows], progress)
        cosines = vectors @ captions.T  # (N, B)
        return cls(tuple(rows), vectors, cosines.mean(1), np.maximum(cosines.std(1), 1e-6))

    def take(self, mask: Bools) -> "Molecules":
        """Keep the molecules of a mask, (N,)."""
        rows = tuple(row for row, kept in zip(self.rows, mask, strict=True) if kept)
        return Molecules(rows, self.vectors[mask], self.mean[mask], self.spread[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts with their vectors, (Q, D), and their nearness to what the model has read, (Q,)."""

    vectors: Floats
    nearness: Floats

    def take(self, mask: Bools) -> "Texts":
        """Keep the texts of a mask, (Q,)."""
        return Texts(self.vectors[mask], self.nearness[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs, one after another: nearness of the text, cosine and z of the pair, whether it is right; (P,) each."""

    nearness: Floats
    cosine: Floats
    z: Floats
    right: Bools

    @classmethod
    def join(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """Lay pairs end to end."""
        return cls(
            np.concatenate([pairs.nearness for pairs in parts]),
            np.concatenate([pairs.cosine for pairs in parts]),
            np.concatenate([pairs.z for pairs in parts]),
            np.concatenate([pairs.right for pairs in parts]),
        )


def own_rows(own: Sequence[PairRow], pool: Sequence[PairRow]) -> Ints:
    """Find each molecule in the pool, (Q,), by cid where both have one, else by SMILES; -1 where it is not there."""
    places = {row.smiles: number for number, row in enumerate(pool)}
    places |= {row.cid: number for number, row in enumerate(pool) if row.cid}
    return np.array([places.get(row.cid, places.get(row.smiles, -1)) for row in own], np.int64)


def random_wrong(own: Ints, size: int, rng: np.random.Generator) -> Ints:
    """Draw NEGATIVES rows of a pool of ``size`` for each text, (Q, NEGATIVES), never its own."""
    known = (own >= 0)[:, None]
    drawn = rng.integers(0, size - known, (len(own), NEGATIVES))
    return np.asarray(drawn + (known & (drawn >= own[:, None])), np.int64)


def near_wrong(model: DualEncoder, texts: Texts, own: Ints, pool: Molecules, rng: np.random.Generator) -> Ints:
    """Draw NEGATIVES out of each text's first NEAR hits, (Q, NEGATIVES), never its own."""
    constants = model.constants(pool.vectors)
    drawn = []
    for start in range(0, len(own), _CHUNK):
        scores = texts.vectors[start : start + _CHUNK] @ pool.vectors.T + constants  # (chunk, N)
        for line, place in zip(scores, own[start : start + _CHUNK], strict=True):
            if place >= 0:
                line[place] = -np.inf
            drawn.append(rng.permutation(np.argsort(-line, kind="stable")[:NEAR])[:NEGATIVES])
    return np.stack(drawn)


def pair_up(texts: Texts, own: Molecules, pool: Molecules, wrong: Ints) -> Pairs:
    """Pair each text with its own molecule, which stands in the same row, and with the wrong rows of the pool."""
    mean = np.column_stack([own.mean, pool.mean[wrong]])  # (Q, 1 + NEGATIVES)
    spread = np.column_stack([own.spread, pool.spread[wrong]])
    right = (texts.vectors * own.vectors).sum(1)
    others = np.einsum("qd,qnd->qn", texts.vectors, pool.vectors[wrong])
    cosine = np.column_stack([right, others])
    first = np.zeros(cosine.shape, np.bool_)
    first[:, 0] = True
    near = np.broadcast_to(texts.nearness[:, None], cosine.shape)
    return Pairs(near.ravel(), cosine.ravel(), ((cosine - mean) / spread).ravel(), first.ravel())


def pair_all(texts: Texts, molecules: Molecules, truth: Bools) -> Pairs:
    """Pair each text with every molecule; which pairs are right is known, (Q, N)."""
    cosine = texts.vectors @ molecules.vectors.T
    z = (cosine - molecules.mean) / molecules.spread
    near = np.broadcast_to(texts.nearness[:, None], cosine.shape)
    return Pairs(near.ravel(), cosine.ravel(), z.ravel(), truth.ravel())


def fit_rule(pairs: Pairs) -> EvidenceRule:
    """Fit the rule of match evidence.

    Raises:
        ModelError: If right pairs do not match better than random ones.
    """
    intercept, coefficients = _logistic(FORMS["n and n·z (in use)"](pairs), pairs.right)
    if not coefficients[1] > 0:
        raise ModelError(
            f"This model cannot be calibrated: its match with a text's own molecule is no better than with random ones "
            f"(coefficient {coefficients[1]:.3g}, expected above 0); train it further."
        )
    return EvidenceRule(round(intercept, DIGITS), *(round(float(value), DIGITS) for value in coefficients))


def compare_forms(fitted: Pairs, held: Pairs) -> tuple[Considered, ...]:
    """Fit every row of FORMS on some pairs and measure it on others."""
    figures = []
    for form, columns in FORMS.items():
        intercept, coefficients = _logistic(columns(fitted), fitted.right)
        evidence = sigmoid(intercept + np.column_stack(columns(held)) @ coefficients)
        measured = reliability(form, evidence, held.right)
        figures.append(Considered(form, measured.ece, measured.brier))
    return tuple(figures)


def _logistic(columns: Sequence[Floats], right: Bools) -> tuple[float, Floats]:
    """Fit a logistic regression without shrinking: intercept and (F,) coefficients."""
    model = LogisticRegression(C=1e6, max_iter=2000).fit(np.column_stack(columns), right)
    return float(model.intercept_[0]), np.asarray(model.coef_[0])


def reliability(name: str, evidence: Floats, right: Bools) -> Reliability:
    """Compare evidence with truth, (P,) each, in BINS bins of equal width (Naeini et al., AAAI 2015)."""
    bins = np.minimum((evidence * BINS).astype(int), BINS - 1)
    pairs, hits = (np.bincount(bins, weights, minlength=BINS) for weights in (None, right.astype(float)))
    sums = np.bincount(bins, evidence, minlength=BINS)
    return Reliability(
        name=name,
        ece=round(float(np.abs(sums - hits).sum() / len(evidence)), 5),
        brier=round(float(((evidence - right) ** 2).mean()), 5),
        pairs=tuple(pairs.astype(int).tolist()),
        right=tuple(hits.astype(int).tolist()),
        evidence=tuple(np.round(sums / np.maximum(pairs, 1), 4).tolist()),
    )


def histogram(random: Pairs, near: Pairs) -> Histogram:
    """Count the z of right, random and nearly right pairs."""
    edges = np.linspace(_LOW, _HIGH, _BARS + 1)

    def count(values: Floats) -> tuple[int, ...]:
        return tuple(np.histogram(np.clip(values, _LOW, _HIGH), edges)[0].tolist())

    return Histogram(
        _LOW, _HIGH, count(random.z[random.right]), count(random.z[~random.right]), count(near.z[~near.right])
    )
