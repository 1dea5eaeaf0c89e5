"""Is it a good hit: match evidence, and molecules that match everything.

A cosine says little by itself, so it is compared with a fixed background: captions of the model's query bank and
molecules of its lexicon. The event that is calibrated is "this text was written of this molecule", among pairs of which
one in ten is right and nine are random; nothing here is a chance of activity.

Shapes: Q texts, N molecules, B background rows, D width.

On disk it is ``calibration.toml`` in the model's folder: the rules and how they were measured to hold. The file is no
part of the model's id. It may come from anyone, so it is bounded and read strictly.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import tomli_w

from molsearch.errors import InputError, ModelError
from molsearch.search.scope import QueryScope, ScopeRule, columns, nearness, read_words, vocabulary_of
from molsearch.serialization import build

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

Floats = npt.NDArray[np.floating]

NEGATIVES = 9  # random molecules beside each right one: what "match evidence" is a share of
CAPTIONS, MOLECULES = 512, 256  # sizes of the background
LEAST = 32  # a smaller background says nothing

#: From which evidence on a match is called what; 0.1 is the share of right pairs among all, so less speaks against one.
WORDS: Mapping[str, float] = {"strong": 0.9, "fair": 0.5, "weak": 1 / (NEGATIVES + 1), "none": 0.0}


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """Logistic rule: logit = intercept + nearness * n + match * n * z.

    z is by how many standard deviations the pair's cosine exceeds the molecule's cosines with the background captions.
    n is the nearness of the text to the captions that the model has read: the nearer, the closer lies its own molecule,
    so the more must a match exceed the background. ``match`` is never negative, so the evidence never falls when the
    cosine rises.
    """

    intercept: float
    nearness: float
    match: float

    def of(self, nearness: Floats, z: Floats) -> Floats:
        """Return the evidence of pairs, from 0 to 1, in the shape that both arguments broadcast to."""
        near = np.maximum(nearness, 0.0)
        return sigmoid(self.intercept + self.nearness * near + self.match * near * z)


@dataclass(frozen=True, slots=True)
class HubRule:
    """A molecule is a hub if its mean cosine with the background captions lies above ``threshold``.

    Attributes:
        threshold: Of the mean cosine.
        share: Share of the reference molecules that lie below it.
    """

    threshold: float
    share: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What a fit gave; ``space`` is the only vector space they hold for, see ``space_id``."""

    space: str
    evidence: EvidenceRule
    hubs: HubRule
    scope: ScopeRule


@dataclass(frozen=True, slots=True)
class MatchProbability:
    """What speaks for a pair of text and molecule.

    Attributes:
        evidence: From 0 to 1; see the head of this file.
        cosine: Plain cosine of the pair.
        z: By how many standard deviations that exceeds the molecule's cosines with the background captions.
        caption_percentile: Share of the background captions that match the molecule less than the text, in percent.
        molecule_percentile: Share of the background molecules that match the text less, in percent; None without any.
        hubness: Mean cosine of the molecule with the background captions.
        hub: Whether the molecule matches every text.
        text: The text; of several, the one that the molecule has least evidence for.
    """

    evidence: float
    cosine: float
    z: float
    caption_percentile: float
    molecule_percentile: float | None
    hubness: float
    hub: bool
    text: str

    @property
    def word(self) -> str:
        """Its row of WORDS."""
        return next(word for word, least in WORDS.items() if self.evidence >= least)


def sigmoid(logits: Floats) -> Floats:
    """Turn log odds into shares, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def standardise(cosines: Floats, background: Floats) -> Floats:
    """Compute by how many standard deviations cosines (Q, N) exceed the mean of each molecule's background (N, B)."""
    return np.asarray((cosines - background.mean(1)) / np.maximum(background.std(1), 1e-6))


def background_captions(bank: Floats) -> Floats:
    """Choose the background out of a model's query bank, (B, D): rows at even distances, so always the same.

    Raises:
        ModelError: If the bank is too small.
    """
    if len(bank) < LEAST:
        raise ModelError(
            f"This model cannot be calibrated: its query bank holds {len(bank)} captions, expected {LEAST} or more; "
            "train it with a recipe whose bank is not 0."
        )
    return np.asarray(bank[np.linspace(0, len(bank) - 1, min(CAPTIONS, len(bank))).astype(int)])


def background_molecules(lexicon: Mapping[str, str]) -> list[str]:
    """Choose SMILES out of a model's lexicon, at random but always the same; none of a lexicon that is too small."""
    ordered = sorted(set(lexicon.values()), key=lambda smiles: hashlib.sha256(smiles.encode()).digest())
    return ordered[:MOLECULES] if len(ordered) >= LEAST else []


def space_id(model: "DualEncoder") -> str:
    """Hash what a calibration rests on, 16 hexadecimal digits: the caption vectors of the bank, and the lexicon.

    Unlike the model's id it stays the same when only the weights of a score's parts change, as evidence is made of
    plain cosines; a model that was trained anew has another one.
    """
    digest = hashlib.sha256(np.ascontiguousarray(model.bank.cpu().numpy(), "<f4").tobytes())
    digest.update("\n".join(f"{name}\t{smiles}" for name, smiles in sorted(model.lexicon.items())).encode())
    return digest.hexdigest()[:16]


class MatchCalibration:
    """A model's background and rules, by which the hits of any library are judged.

    Args:
        model: The model that encodes texts and molecules.
        rules: Its own.

    Raises:
        ModelError: If the rules are of another vector space, or the query bank is too small.
    """

    def __init__(self, model: "DualEncoder", rules: Rules) -> None:
        if rules.space != (space := space_id(model)):
            raise ModelError(
                f"The calibration was fitted to vectors {rules.space}, but those of this model are {space}: fit it "
                "again with python -m molsearch evaluate --protocol calibration --write."
            )
        self.rules = rules
        self._model = model
        self._bank: Floats = model.bank.cpu().numpy()  # (C, D)
        self._captions = background_captions(self._bank)  # (B, D)
        self._molecules = model.encode_molecules(background_molecules(model.lexicon))  # (B, D), or (0, D)
        self._vocabulary = vocabulary_of(model)
        self._last: tuple[list[str], Floats, Floats] = ([], self._bank[:0], self._bank[:0, 0])

    def judge(self, texts: Sequence[str], molecules: Floats) -> tuple[MatchProbability, ...]:
        """Judge molecules, (N, D), by texts; of several the one counts that speaks least for a molecule."""
        vectors, near = self._encode(texts)  # (Q, D), (Q,)
        cosines = vectors @ molecules.T  # (Q, N)
        background = molecules @ self._captions.T  # (N, B)
        z = standardise(cosines, background)  # (Q, N)
        evidence = self.rules.evidence.of(near[:, None], z)  # (Q, N)
        others = vectors @ self._molecules.T  # (Q, B)
        probabilities = []
        for n, q in enumerate(evidence.argmin(0)):
            hubness = float(background[n].mean())
            probabilities.append(
                MatchProbability(
                    evidence=float(evidence[q, n]),
                    cosine=float(cosines[q, n]),
                    z=float(z[q, n]),
                    caption_percentile=_percent_below(background[n], cosines[q, n]),
                    molecule_percentile=_percent_below(others[q], cosines[q, n]) if len(self._molecules) else None,
                    hubness=hubness,
                    hub=hubness > self.rules.hubs.threshold,
                    text=texts[q],
                )
            )
        return tuple(probabilities)

    def scope(self, texts: Sequence[str]) -> tuple[QueryScope, ...]:
        """Check whether texts lie within what the model has read."""
        if not texts:
            return ()
        near = self._encode(texts)[1]
        wordings = read_words(texts, self._vocabulary, self._model.lexicon, self._model.role_names)
        outside = self.rules.scope.outside(near, *columns(wordings))
        rows = zip(wordings, near.tolist(), outside.tolist(), strict=True)
        return tuple(QueryScope(*row) for row in rows)

    def _encode(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Return vectors and nearness of texts; the latest ones are kept, as a query is judged page by page."""
        known, vectors, near = self._last
        if known != list(texts):
            vectors = self._model.encode_texts(texts)
            near = nearness(vectors, self._bank)
            self._last = (list(texts), vectors, near)
        return vectors, near


def _percent_below(values: Floats, value: float) -> float:
    return 100.0 * float((values < value).mean())


FILE = "calibration.toml"
BINS = 10  # of a reliability curve, of equal width from 0 to 1
MAX_BYTES = 100_000
MAX_ROWS = 40  # of any list in the file


@dataclass(frozen=True, slots=True)
class Account:
    """On what a calibration was fitted and measured.

    Attributes:
        model_id: The model that it was measured with.
        pairs: Name of the pair file.
        text_column: Its column of captions.
        fitted: Captions of the half that the rules were fitted on.
        reported: Captions of the half that the figures are of.
        pool: Name of the file that negatives and reference molecules come from.
        sampled: Molecules of it that were used, drawn at random.
        seed: Of all draws.
    """

    model_id: str
    pairs: str
    text_column: str
    fitted: int
    reported: int
    pool: str
    sampled: int
    seed: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """How evidence compares with the share of right pairs, in BINS bins of evidence of equal width.

    Attributes:
        name: Which pairs.
        ece: Expected calibration error: the mean distance of both, weighted by the pairs of a bin.
        brier: Mean squared distance of evidence and truth.
        pairs: Pairs in each bin.
        right: Right ones among them.
        evidence: Mean evidence in each bin; 0 where it is empty.
    """

    name: str
    ece: float
    brier: float
    pairs: tuple[int, ...]
    right: tuple[int, ...]
    evidence: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many pairs have which z, in bins of equal width; the outermost hold what lies beyond.

    Attributes:
        low: Lower end of the first bin.
        high: Upper end of the last.
        right: Captions with their own molecules.
        random: Captions with random molecules.
        near: Captions with wrong molecules out of their first 50 hits.
    """

    low: float
    high: float
    right: tuple[int, ...]
    random: tuple[int, ...]
    near: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Considered:
    """Another form of the rule, fitted and measured on the same pairs."""

    form: str
    ece: float
    brier: float


@dataclass(frozen=True, slots=True)
class HubFigures:
    """What the reference molecules above the threshold do with captions that they were not measured by.

    Attributes:
        flagged: How many lie above it.
        flagged_cosine: Their mean cosine with the captions.
        other_cosine: That of the others.
        flagged_hits: How often one of them stands among the first ten hits of a caption, on average.
        other_hits: How often one of the others does.
        most_hits: How often that molecule does which does so most often.
    """

    flagged: int
    flagged_cosine: float
    other_cosine: float
    flagged_hits: float
    other_hits: float
    most_hits: int


@dataclass(frozen=True, slots=True)
class ScopeFigure:
    """How many texts of a kind were warned of: false alarms, or for ``off_topic`` ones detections."""

    texts: str
    off_topic: bool
    asked: int
    warned: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rules, on what they were fitted, and how they held on what they were not fitted on."""

    rules: Rules
    account: Account
    reliability: tuple[Reliability, ...]
    histogram: Histogram
    considered: tuple[Considered, ...]
    hubs: HubFigures
    scope: tuple[ScopeFigure, ...]


def write_calibration(calibration: Calibration, folder: Path) -> Path:
    """Write the calibration of a model into its folder; an older one is replaced.

    Raises:
        ModelError: If the folder cannot be written.
    """
    path = folder / FILE
    try:
        path.write_text(tomli_w.dumps(asdict(calibration)), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror}; make the model folder writable.") from error
    return path


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a model folder; None where it has none.

    Raises:
        ModelError: If the file is there but damaged, too large or makes no sense.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"It has {size:,} bytes, expected at most {MAX_BYTES:,}.")
        calibration = build(Calibration, tomllib.loads(path.read_text(encoding="utf-8")), path.name)
        _check(calibration)
    except (OSError, ValueError, RecursionError, InputError) as error:
        raise ModelError(
            f"The calibration {path} cannot be read: {error} Fit it again with "
            "python -m molsearch evaluate --protocol calibration --write, or delete it."
        ) from error
    return calibration


def _check(calibration: Calibration) -> None:
    """Refuse values that the types allow but that make no sense."""
    rules, histogram = calibration.rules, calibration.histogram
    if rules.evidence.match < 0:
        raise InputError(f"Evidence would fall with the cosine: match is {rules.evidence.match:g}, expected 0 or more.")
    if not -1 <= rules.hubs.threshold <= 1 or not 0 <= rules.hubs.share <= 1:
        raise InputError("The threshold of hubs is no cosine, or its share is not between 0 and 1.")
    if not histogram.low < histogram.high:
        raise InputError(f"The histogram runs from {histogram.low:g} to {histogram.high:g}, expected low < high.")
    lists = (calibration.reliability, calibration.considered, calibration.scope)
    counts = (histogram.right, histogram.random, histogram.near)
    if max(map(len, (*lists, *counts))) > MAX_ROWS or len({len(bins) for bins in counts}) > 1:
        raise InputError(f"A list has more than {MAX_ROWS} rows, or those of the histogram differ in length.")
    for curve in calibration.reliability:
        if {len(curve.pairs), len(curve.right), len(curve.evidence)} != {BINS}:
            raise InputError(f"The reliability of {curve.name[:40]!r} has another number of bins than {BINS}.")
        if not all(0 <= right <= pairs for right, pairs in zip(curve.right, curve.pairs, strict=True)):
            raise InputError(f"The reliability of {curve.name[:40]!r} counts more right pairs than pairs.")
        if not all(0 <= value <= 1 for value in (*curve.evidence, curve.ece, curve.brier)):
            raise InputError(f"The reliability of {curve.name[:40]!r} holds a share that is not between 0 and 1.")
    if any(not 0 <= figure.warned <= figure.asked for figure in calibration.scope):
        raise InputError("A row of scope counts more warnings than texts.")
