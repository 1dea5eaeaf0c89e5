"""Why a model misses: what stands first where the right molecule does not, sorted by how the two are related."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from molsearch.chem.ontology.classes import find_classes
from molsearch.chem.relatedness import ALL_KINDS, relatedness
from molsearch.evaluation.candidates import Answers, CandidatePool, answer_file
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown
from molsearch.evaluation.registry import Request

SAMPLE = 200
EXAMPLES = 2


@dataclass(frozen=True, slots=True)
class Miss:
    """A text whose own molecule does not stand first.

    Attributes:
        kind: How the molecule in its place is related to it: a row of relatedness.ALL_KINDS.
        rank: Where its own molecule stands.
        truth: SMILES of its own molecule.
        first: SMILES of the best other molecule.
    """

    kind: str
    rank: float
    truth: str
    first: str


@dataclass(frozen=True, slots=True)
class MissKind:
    """All sampled misses of one kind.

    Attributes:
        count: How many.
        share: Of the sample, in percent.
        median_rank: Of the right molecules.
        examples: The few that are written shortest, as (SMILES of the truth, SMILES of what stands in its place).
    """

    count: int
    share: float
    median_rank: float
    examples: tuple[tuple[str, str], ...]


def sample_misses(
    answers: Answers, pool: CandidatePool, *, exact_names: bool = True, size: int = SAMPLE, seed: int = 0
) -> list[Miss]:
    """Draw misses at random and name each, in the order of the texts; all where there are no more than ``size``.

    Args:
        answers: What the model made of the texts.
        pool: What it ranked.
        exact_names: Whether exact names lift molecules.
        size: Misses to draw.
        seed: Of the draw.
    """
    ranks = answers.ranks(exact_names)
    missed = np.flatnonzero(ranks.text > 1)
    drawn = np.random.default_rng(seed).permutation(missed)[:size]
    misses = []
    for number in sorted(drawn.tolist()):
        truth, first = (pool.rows[place].smiles for place in (answers.targets[number], ranks.rivals[number]))
        named = frozenset(name for name, _, _ in find_classes(answers.rows[number].text))
        misses.append(Miss(relatedness(truth, first, named), float(ranks.text[number]), truth, first))
    return misses


def by_kind(misses: Sequence[Miss]) -> dict[str, MissKind]:
    """Sort misses by kind, in the order of ALL_KINDS; kinds that do not occur are left out."""
    sorted_out: dict[str, list[Miss]] = defaultdict(list)
    for miss in misses:
        sorted_out[miss.kind].append(miss)
    return {
        kind: MissKind(
            count=len(own),
            share=100 * len(own) / len(misses),
            median_rank=float(np.median([miss.rank for miss in own])),
            examples=tuple((miss.truth, miss.first) for miss in sorted(own, key=_length)[:EXAMPLES]),
        )
        for kind in ALL_KINDS
        if (own := sorted_out[kind])
    }


def _length(miss: Miss) -> int:
    return len(miss.truth) + len(miss.first)


def miss_figures(
    answers: Answers, pool: CandidatePool, *, exact_names: bool = True, size: int = SAMPLE, seed: int = 0
) -> dict[str, object]:
    """Count the misses, and sort a seeded sample of them by kind."""
    misses = sample_misses(answers, pool, exact_names=exact_names, size=size, seed=seed)
    return {
        "pool": len(pool),
        "queries": len(answers.rows),
        "misses": int((answers.ranks(exact_names).text > 1).sum()),
        "sampled": len(misses),
        "seed": seed,
        "kinds": {kind: asdict(own) for kind, own in by_kind(misses).items()},
    }


def measure(request: Request) -> dict[str, object]:
    """Rank a pool for the texts of a file and sort what is missed."""
    model = request.model()
    _, answers, pool = answer_file(model, request.pairs, request.pool(), request.text_column, request.progress)
    return miss_figures(answers, pool, exact_names=request.exact_names, seed=request.seed)


def figures(run: Measurement) -> dict[str, object]:
    """Sort what is missed of the masked validation texts."""
    _, answers = run.answers["masked"]
    misses = miss_figures(answers, run.pool, seed=run.seed)
    drawn = f"{misses['sampled']} of the {misses['misses']:,} masked texts whose molecule does not stand first"
    return {**misses, "below": f"Drawn: {drawn}, seed {run.seed}; each is counted in the first kind that holds."}


def table(data: Data) -> str:
    """Write one row a kind of miss."""
    rows = []
    for name, kind in data["kinds"].items():
        pairs = "; ".join(f"`{truth}` → `{first}`" for truth, first in kind["examples"])
        rows.append([name, str(kind["count"]), f"{kind['share']:.0f} %", f"{kind['median_rank']:g}", pairs])
    head = ["what stands first", "misses", "share", "median true rank", "examples (truth → first)"]
    return markdown(head, rows)
