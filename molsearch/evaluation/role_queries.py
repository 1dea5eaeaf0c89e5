"""Role queries: how well "an antibacterial agent" finds the molecules whose captions say that this is their role.

Roles are read off the captions of a pair file; its molecules are ranked by the phrase of the role alone, so that no
molecule is found by its own caption. One whose caption does not state a role may have it all the same, so the figures
err on the low side.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from molsearch.chem.io.pairs import PairRow, read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, Floats, Scorer, part, searched, with_text
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown, span
from molsearch.evaluation.metrics import bootstrap_interval
from molsearch.evaluation.registry import Request
from molsearch.query.roles import bare, stated_roles
from molsearch.records import Progress

Bools = npt.NDArray[np.bool_]

LEAST = 10  # molecules that must have a role for it to be asked for
TOP = 0.01  # share of the molecules that enrichment looks at


@dataclass(frozen=True, slots=True)
class RoleFigures:
    """What one role query reached.

    Attributes:
        query: The role with its article, as captions write it.
        positives: Molecules whose captions say that they have it.
        auroc: Area under the ROC curve.
        enrichment: How many times more positives than by chance stand in the first per cent.
        best: The largest enrichment that any ranking could reach.
    """

    query: str
    positives: int
    auroc: float
    enrichment: float
    best: float


def truths(captions: Sequence[str], least: int = LEAST) -> dict[str, Bools]:
    """Mark for each role that enough captions state which do, (Q,) each; the commonest role first."""
    holders: dict[str, list[int]] = defaultdict(list)
    written: dict[str, str] = {}
    for number, caption in enumerate(captions):
        for role in stated_roles(caption):
            holders[bare(role)].append(number)
            written.setdefault(bare(role), role)
    common = sorted((role for role in holders if len(holders[role]) >= least), key=lambda role: -len(holders[role]))
    marked = {}
    for role in common:
        truth = np.zeros(len(captions), np.bool_)
        truth[holders[role]] = True
        marked[written[role]] = truth
    return marked


def enrichment(scores: Floats, truth: Bools, top: float = TOP) -> float:
    """Measure how many times more positives than by chance stand in the first ``top`` of the ranking.

    Of molecules that tie at the border each counts with the chance that it is inside.

    Args:
        scores: (N,).
        truth: (N,), at least one true.
        top: Share of the N, at least one molecule.
    """
    size = max(1, round(top * len(scores)))
    border = np.sort(scores)[::-1][size - 1]
    inside, tied = scores > border, scores == border
    hits = truth[inside].sum() + truth[tied].mean() * (size - inside.sum())
    return float(hits / size / truth.mean())


def measure(request: Request) -> dict[str, object]:
    """Ask for each role that LEAST captions of a file state, and rank the file's molecules.

    Returns:
        Counts, mean AUROC and mean enrichment in the first per cent with their 95 % intervals over the roles, and the
        figures of each role.

    Raises:
        InputError: If the file cannot be read or states no role often enough.
    """
    model, pairs = request.model(), read_pairs(request.pairs, request.text_column)
    rows = with_text(pairs, request.text_column)
    roles = truths([row.text for row in rows], LEAST)
    if not roles:
        raise InputError(
            f"No role is stated by {LEAST} or more captions of {pairs.name}; expected sentences such as 'It has a role "
            "as an antibacterial agent'; give a file of ChEBI captions."
        )
    reached = _reached(model, rows, roles, request.exact_names, request.progress)
    aurocs, gains = (np.array([getattr(role, name) for role in reached]) for name in ("auroc", "enrichment"))
    return {
        "pool": len(rows),
        "queries": len(reached),
        "auroc": float(aurocs.mean()),
        "auroc_interval": list(bootstrap_interval(aurocs, seed=request.seed)),
        "enrichment@1%": float(gains.mean()),
        "enrichment@1%_interval": list(bootstrap_interval(gains, seed=request.seed)),
        "enrichment@1%_best": float(np.mean([role.best for role in reached])),
        "each": {role.query: asdict(role) for role in reached},
    }


def _reached(
    model: Scorer, rows: Sequence[PairRow], roles: dict[str, Bools], exact_names: bool, progress: Progress | None
) -> list[RoleFigures]:
    total = len(rows) + len(roles)
    pool = CandidatePool(model, rows, part(progress, 0, total))
    scores = searched(model, list(roles), pool, exact_names, part(progress, len(rows), total))
    return [
        RoleFigures(
            query,
            int(truth.sum()),
            float(roc_auc_score(truth, line)),
            enrichment(line, truth),
            enrichment(truth.astype(float), truth),
        )
        for (query, truth), line in zip(roles.items(), scores, strict=True)
    ]


def figures(run: Measurement) -> dict[str, object]:
    """Measure the roles of the masked validation texts."""
    return measure(run.request(run.validation))


def table(data: Data) -> str:
    """Write the means in one row."""
    cells = [f"{data['queries']}", f"{data['pool']:,}", f"{data['auroc']:.3f} {span(data['auroc_interval'], 3)}"]
    gain = f"{data['enrichment@1%']:.1f}× {span(data['enrichment@1%_interval'])}"
    head = ["roles", "molecules", "mean AUROC (95 %)", "mean enrichment at 1 % (95 %)", "best possible"]
    return markdown(head, [[*cells, gain, f"{data['enrichment@1%_best']:.0f}×"]])


def flat(data: Data) -> dict[str, float]:
    """Name both means."""
    return {"roles, AUROC": data["auroc"], "roles, enrichment at 1 %": data["enrichment@1%"]}
