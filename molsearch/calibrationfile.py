"""A model's calibration on disk: ``calibration.toml`` in its folder, the rules and how they were measured to hold.

The file is no part of the model's id. It may come from anyone, so it is bounded and read strictly.
"""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import tomli_w

from molsearch.calibration import Rules
from molsearch.errors import InputError, ModelError
from molsearch.recordjson import build

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


def write(calibration: Calibration, folder: Path) -> Path:
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


def read(folder: Path) -> Calibration | None:
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
    if max(map(len, (*lists, *counts))) > MAX_ROWS or len({len(one) for one in counts}) > 1:
        raise InputError(f"A list has more than {MAX_ROWS} rows, or those of the histogram differ in length.")
    for one in calibration.reliability:
        if {len(one.pairs), len(one.right), len(one.evidence)} != {BINS}:
            raise InputError(f"The reliability of {one.name[:40]!r} has another number of bins than {BINS}.")
        if not all(0 <= right <= pairs for right, pairs in zip(one.right, one.pairs, strict=True)):
            raise InputError(f"The reliability of {one.name[:40]!r} counts more right pairs than pairs.")
        if not all(0 <= value <= 1 for value in (*one.evidence, one.ece, one.brier)):
            raise InputError(f"The reliability of {one.name[:40]!r} holds a share that is not between 0 and 1.")
    if any(not 0 <= one.warned <= one.asked for one in calibration.scope):
        raise InputError("A row of scope counts more warnings than texts.")
