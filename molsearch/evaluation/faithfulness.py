"""Whether explanations are faithful: what they call important must matter to the score, more than chance does.

The deletion test (DeYoung et al., ERASER, ACL 2020, "comprehensiveness"): the atoms or words with the largest weights
are taken away, atoms by becoming wildcards, and the fall of the cosine is compared with the fall when as many random
ones go, and when the least important go.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from molsearch.analysis.explain import PairEncoder, explain, without_spans
from molsearch.chem.io.pairs import read_pairs
from molsearch.chem.masking import without_atoms
from molsearch.errors import InputError
from molsearch.evaluation.candidates import with_text
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown, span
from molsearch.evaluation.metrics import bootstrap_interval
from molsearch.evaluation.registry import Request
from molsearch.records import Explanation

Doubles = npt.NDArray[np.float64]

PAIRS = 200  # explained unless asked otherwise
SHARE = 0.2  # of the atoms or words of a pair that go at once, one at least
DRAWS = 8  # random choices a pair, whose mean stands for chance


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over pairs.

    Attributes:
        mean: Fall of the cosine.
        interval: Its 95 % interval, by bootstrap over the pairs.
    """

    mean: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """What deleting did to the score, on one side of the pairs.

    Attributes:
        pairs: Pairs with two atoms or words at least, which alone have a choice.
        deleted: Mean count of atoms or words that went.
        top: Fall where those with the largest weights went.
        random: Fall where as many random ones went.
        least: Fall where those with the smallest weights went.
        top_minus_random: The difference, pair by pair.
        top_beats_random: Share of pairs where the top ones cost more than random ones, in percent.
    """

    pairs: int
    deleted: float
    top: Mean
    random: Mean
    least: Mean
    top_minus_random: Mean
    top_beats_random: float


def measure(request: Request) -> dict[str, object]:
    """Explain a sample of pairs, drawn without replacement, and delete what the explanations point at.

    Returns:
        The settings, and ``Faithfulness`` of atoms and of words.

    Raises:
        InputError: If the sample is empty, the file cannot be read, or no pair has two atoms and two words.
    """
    model, seed = request.model(), request.seed
    sample = PAIRS if request.sample is None else request.sample
    if sample < 1:
        raise InputError(f"The sample has {sample} pairs, expected 1 or more: set --sample.")
    rows = with_text(read_pairs(request.pairs, request.text_column), request.text_column)
    random = np.random.default_rng(seed)
    chosen = random.choice(len(rows), min(sample, len(rows)), replace=False)
    atoms: list[Doubles] = []
    words: list[Doubles] = []
    for done, row in enumerate(rows[place] for place in sorted(chosen.tolist())):
        explanation = explain(model, row.text, row.smiles)
        if len(explanation.atoms) > 1:
            atoms.append(_atoms(model, explanation, random))
        if len(explanation.words) > 1:
            words.append(_words(model, explanation, random))
        if request.progress:
            request.progress(done + 1, len(chosen))
    if not atoms or not words:
        raise InputError(
            f"No pair of {request.pairs.name} has two atoms and two words: give longer texts or molecules."
        )
    return {
        "sample": len(chosen),
        "share_deleted": SHARE,
        "random_draws": DRAWS,
        "seed": seed,
        "atoms": asdict(_faithfulness(np.stack(atoms), seed)),
        "words": asdict(_faithfulness(np.stack(words), seed)),
    }


def _atoms(model: PairEncoder, explanation: Explanation, random: np.random.Generator) -> Doubles:
    query = model.encode_texts([explanation.text])[0]  # (D,)

    def scores(groups: Sequence[Sequence[int]]) -> Doubles:
        return np.asarray(model.encode_molecules(without_atoms(explanation.smiles, groups)) @ query, np.float64)

    return _falls(explanation.score, explanation.atoms, scores, random)


def _words(model: PairEncoder, explanation: Explanation, random: np.random.Generator) -> Doubles:
    molecule = model.encode_molecules([explanation.smiles])[0]  # (D,)
    spans = [(word.start, word.end) for word in explanation.words]

    def scores(groups: Sequence[Sequence[int]]) -> Doubles:
        texts = [without_spans(explanation.text, [spans[unit] for unit in group]) for group in groups]
        return np.asarray(model.encode_texts(texts) @ molecule, np.float64)

    return _falls(explanation.score, [word.weight for word in explanation.words], scores, random)


def _falls(
    score: float,
    weights: Sequence[float],
    scores: Callable[[Sequence[Sequence[int]]], Doubles],
    random: np.random.Generator,
) -> Doubles:
    """Return what the score loses without the top, random and least units, and how many went: (4,)."""
    count = min(max(1, round(SHARE * len(weights))), len(weights) - 1)  # something must stay
    order = np.argsort(-np.asarray(weights), kind="stable").tolist()
    draws = [random.choice(len(weights), count, replace=False).tolist() for _ in range(DRAWS)]
    falls = score - scores([order[:count], order[-count:], *draws])
    return np.array([falls[0], falls[2:].mean(), falls[1], count])


def _faithfulness(falls: Doubles, seed: int) -> Faithfulness:
    """Sum (N, 4) up: top, random, least, count."""
    top, chance, least, counts = falls.T

    def mean(values: Doubles) -> Mean:
        return Mean(float(values.mean()), bootstrap_interval(values, seed=seed))

    return Faithfulness(
        pairs=len(falls),
        deleted=float(counts.mean()),
        top=mean(top),
        random=mean(chance),
        least=mean(least),
        top_minus_random=mean(top - chance),
        top_beats_random=float(100 * (top > chance).mean()),
    )


def figures(run: Measurement) -> dict[str, object]:
    """Test the explanations of a sample of the masked validation texts."""
    sides = measure(run.request(run.validation))
    drawn = f"{sides['sample']} masked texts with their molecules"
    return {**sides, "below": f"{drawn}; {100 * SHARE:.0f} % of the atoms or words go at once, one at least."}


def table(data: Data) -> str:
    """Write one row for atoms and one for words."""
    rows = []
    for unit in ("atoms", "words"):
        side = data[unit]
        falls = [f"{side[name]['mean']:.3f}" for name in ("top", "random", "least")]
        gap = side["top_minus_random"]
        more = f"**{gap['mean']:+.3f}** {span(gap['interval'], 3)}"
        often = f"{side['top_beats_random']:.0f} %"
        rows.append([unit, str(side["pairs"]), f"{side['deleted']:.1f}", *falls, more, often])
    head = ["deleted", "pairs", "how many", "the top ones", "random ones", "the least ones"]
    return markdown([*head, "top against random (95 %)", "top falls further"], rows)


def flat(data: Data) -> dict[str, float]:
    """Name the difference between top and random units."""
    return {
        f"explanations, {unit}, fall of the cosine, top against random": data[unit]["top_minus_random"]["mean"]
        for unit in ("atoms", "words")
    }
