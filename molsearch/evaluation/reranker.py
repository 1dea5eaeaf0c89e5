"""What the re-ranker is worth: ranks of the texts' molecules with and without it, of the same searches."""

from pathlib import Path

import numpy as np

from molsearch.chem.io.pairs import read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, Floats, part, searched, with_text
from molsearch.evaluation.metrics import difference
from molsearch.evaluation.registry import Request
from molsearch.evaluation.targets import find_targets
from molsearch.model.alignment import ranks
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.search.rerank import LEADING, rerank_gains

_CHUNK = 32  # texts between two reports of progress


def measure(request: Request) -> dict[str, object]:
    """Rank the pool for a sample of a pair file with the re-ranker and without."""
    return evaluate_reranker(
        request.model(),
        request.pairs,
        request.pool(),
        request.text_column,
        sample=request.sample,
        seed=request.seed,
        exact_names=request.exact_names,
        progress=request.progress,
    )


def evaluate_reranker(
    model: DualEncoder,
    pairs_file: Path,
    pool_file: Path,
    text_column: str = "text",
    *,
    sample: int | None = None,
    seed: int = 0,
    exact_names: bool = True,
    progress: Progress | None = None,
) -> dict[str, object]:
    """Rank the pool for texts as a search does, with the re-ranker (a) and without (b).

    Args:
        model: One with a re-ranker.
        pairs_file: Texts and their molecules.
        pool_file: Molecules to rank.
        text_column: Column of the texts.
        sample: How many texts to take, drawn at random; all if None.
        seed: Of the draw and the bootstrap.
        exact_names: Whether exact names lift molecules.
        progress: Told of the molecules and texts done.

    Returns:
        Counts, and for every metric a, b, a minus b and the paired 95 % interval of that difference.

    Raises:
        InputError: If a file cannot be read, or the model has no re-ranker.
    """
    if model.reranker is None:
        raise InputError("This model has no re-ranker to measure: teach it one with `python -m molsearch reranker`.")
    pairs, molecules = read_pairs(pairs_file, text_column), read_pool(pool_file)
    rows = with_text(pairs, text_column)
    targets = find_targets(rows, pairs.name, molecules)
    order = np.random.default_rng(seed).permutation(len(rows))[:sample]
    total = len(molecules.rows) + len(order)
    pool = CandidatePool(model, molecules.rows, part(progress, 0, total))
    reranked_ranks: list[Floats] = []
    plain_ranks: list[Floats] = []
    for start in range(0, len(order), _CHUNK):
        chosen = order[start : start + _CHUNK]
        texts = [rows[row].text for row in chosen]
        scores = searched(model, texts, pool, exact_names)  # (chunk, N)
        plain_ranks.append(ranks(scores, targets[chosen]))
        reranked_ranks.append(ranks(reranked(model, scores, pool, texts), targets[chosen]))
        if progress:
            progress(len(pool) + min(start + _CHUNK, len(order)), total)
    return {
        "pool": len(pool),
        "queries": len(order),
        "looked at": LEADING,
        "text_to_molecule": difference(np.concatenate(reranked_ranks), np.concatenate(plain_ranks), seed),
    }


def reranked(model: DualEncoder, scores: Floats, pool: CandidatePool, texts: list[str]) -> Floats:
    """Compare the leading molecules of each row of (Q, N) scores a second time, words with atoms.

    A molecule that was not looked at counts as the worst of those that were.
    """
    adjusted = scores.copy()
    for line, text in zip(adjusted, texts, strict=True):
        first = np.argsort(-line, kind="stable")[:LEADING]
        gains = rerank_gains(model, [text], [1.0], [pool.rows[number].smiles for number in first])
        line[first] += gains - gains.min()
    return adjusted
