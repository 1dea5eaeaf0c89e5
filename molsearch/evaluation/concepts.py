"""The concept list measured on captioned molecules: by the rules of the class table, and by the captions' words."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from molsearch.analysis.concepts import ABOVE, NO_RULE, Concept, ConceptEncoder, ConceptSpace, classes_held
from molsearch.analysis.concepts import ruled as decided
from molsearch.analysis.study import AlignmentStudy
from molsearch.chem.batch.arrays import pack_classes
from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import with_text
from molsearch.evaluation.registry import Request
from molsearch.records import Progress
from molsearch.settings import Settings

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

LEAST = 5  # molecules that must have a concept for it to be measured
BOUNDS = (2.0, 2.5, 3.0)  # candidates for concepts.ABOVE


def measure(request: Request) -> dict[str, object]:
    """Measure the concept list on a pair file, against the molecules that ship as background."""
    model = request.model()
    typical = AlignmentStudy(lambda: model, Settings()).example_smiles()
    return evaluate_concepts(model, request.pairs, request.text_column, typical, request.progress)


def evaluate_concepts(
    model: ConceptEncoder,
    pairs_file: Path,
    text_column: str,
    typical: Sequence[str],
    progress: Progress | None = None,
) -> dict[str, object]:
    """Measure tags and standing against the background.

    Args:
        model: The model.
        pairs_file: Captions with their molecules.
        text_column: Column of the captions.
        typical: SMILES of the background.
        progress: Told of the molecules embedded.

    Returns:
        Of the concepts that a rule decides: mean AUROC over molecules, and for each bound the mean precision and recall
        of what stands above it. Of the concepts that captions write: mean average precision over molecules of the list
        by cosine, and by standing against the background. Of the roles that the model has learned and captions write:
        mean AUROC over molecules by cosine and by log odds, and the precision of what stands above.

    Raises:
        InputError: If the file cannot be read, or holds no concept often enough.
    """
    pairs = read_pairs(pairs_file, text_column)
    rows = with_text(pairs, text_column)
    space = ConceptSpace.against(model, typical)
    vectors = model.encode_molecules([row.smiles for row in rows], progress)
    held = [classes_held(row.smiles) for row in rows]
    cosines, standing = space.cosines(vectors), space.standing(vectors, pack_classes(held))  # (N, C) each
    ruled = np.array([[bool(decided(concept, classes)) for concept in space.concepts] for classes in held])  # (N, C)
    written = stated([row.text for row in rows], space.concepts)
    by_rule = [
        place
        for place, concept in enumerate(space.concepts)
        if concept.rule != NO_RULE and LEAST <= ruled[:, place].sum() < len(rows)
    ]
    by_caption = np.flatnonzero(written.sum(0) >= LEAST)
    if not by_rule or not len(by_caption):
        raise InputError(
            f"{pairs.name} holds no concept on {LEAST} molecules or more, by rule and by caption: give a larger file."
        )
    return {
        "molecules": len(rows),
        "concepts by rule": len(by_rule),
        "rule mean AUROC": _mean_auroc(ruled[:, by_rule], cosines[:, by_rule]),
        **{
            name: value
            for bound in BOUNDS
            for name, value in zip(
                (f"precision above {bound:g}", f"recall above {bound:g}"),
                above(standing[:, by_rule] >= bound, ruled[:, by_rule]),
                strict=True,
            )
        },
        "concepts by caption": len(by_caption),
        "caption mAP by cosine": tag_precision(cosines[:, by_caption], written[:, by_caption]),
        "caption mAP by standing": tag_precision(standing[:, by_caption], written[:, by_caption]),
        **_learned([place for place in space.roles if written[:, place].sum() >= LEAST], cosines, standing, written),
    }


def _learned(places: Sequence[int], cosines: Floats, standing: Floats, written: Bools) -> dict[str, float]:
    """Measure the roles that the model has learned: by cosine, by log odds, and how often what stands above is written.

    The last looks at the molecules whose captions write any of them: of others it is not known what they do.
    """
    if not places:
        return {}
    known = written[:, places].any(1)
    tagged = standing[:, places][known] >= ABOVE
    return {
        "learned roles by caption": len(places),
        "role mean AUROC by cosine": _mean_auroc(written[:, places], cosines[:, places]),
        "role mean AUROC by log odds": _mean_auroc(written[:, places], standing[:, places]),
        "role precision above": float((written[:, places][known] & tagged).sum() / max(tagged.sum(), 1)),
    }


def _mean_auroc(true: Bools, scores: Floats) -> float:
    return float(np.mean([roc_auc_score(t, s) for t, s in zip(true.T, scores.T, strict=True)]))


def stated(captions: Sequence[str], concepts: Sequence[Concept]) -> Bools:
    """Mark which concepts the captions write, article left out, in singular or plural, (N, C)."""
    nouns = [concept.phrase.split(" ", 1)[1] for concept in concepts]
    patterns = [re.compile(rf"\b{re.escape(noun)}s?\b", re.IGNORECASE) for noun in nouns]
    return np.array([[pattern.search(caption) is not None for pattern in patterns] for caption in captions])


def above(tagged: Bools, true: Bools) -> tuple[float, float]:
    """Average the precision over the concepts (N, C) that any molecule is tagged with, and the recall over all."""
    right, tags = (tagged & true).sum(0), tagged.sum(0)
    used = tags > 0
    precision = float((right[used] / tags[used]).mean()) if used.any() else float("nan")
    return precision, float((right / true.sum(0)).mean())


def tag_precision(scores: Floats, true: Bools) -> float:
    """Average the average precision of the concepts (N, C) of each molecule that has any."""
    return float(np.mean([average_precision_score(t, s) for t, s in zip(true, scores, strict=True) if t.any()]))
