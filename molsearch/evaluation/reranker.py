"""What the re-ranker is worth: ranks of the texts' molecules with and without it, of the same searches."""

import numpy as np

from molsearch.chem.io.pairs import read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, Floats, find_targets, part, searched, with_text
from molsearch.evaluation.metrics import difference
from molsearch.evaluation.registry import Request
from molsearch.model.alignment import ranks
from molsearch.model.dual import DualEncoder
from molsearch.search.rerank import LEADING, rerank_gains

_CHUNK = 32  # texts between two reports of progress


def measure(request: Request) -> dict[str, object]:
    """Rank the pool for a sample of texts as a search does, with the re-ranker (a) and without (b).

    Returns:
        Counts, and for every metric a, b, a minus b and the paired 95 % interval of that difference.

    Raises:
        InputError: If a file cannot be read, or the model has no re-ranker.
    """
    model, pool_file, progress = request.model(), request.pool(), request.progress
    if model.reranker is None:
        raise InputError("This model has no re-ranker to measure: teach it one with `python -m molsearch reranker`.")
    pairs, molecules = read_pairs(request.pairs, request.text_column), read_pool(pool_file)
    rows = with_text(pairs, request.text_column)
    targets = find_targets(rows, pairs.name, molecules)
    order = np.random.default_rng(request.seed).permutation(len(rows))[: request.sample]
    total = len(molecules.rows) + len(order)
    pool = CandidatePool(model, molecules.rows, part(progress, 0, total))
    reranked_ranks: list[Floats] = []
    plain_ranks: list[Floats] = []
    for start in range(0, len(order), _CHUNK):
        chosen = order[start : start + _CHUNK]
        texts = [rows[row].text for row in chosen]
        scores = searched(model, texts, pool, request.exact_names)  # (chunk, N)
        plain_ranks.append(ranks(scores, targets[chosen]))
        reranked_ranks.append(ranks(reranked(model, scores, pool, texts), targets[chosen]))
        if progress:
            progress(len(pool) + min(start + _CHUNK, len(order)), total)
    return {
        "pool": len(pool),
        "queries": len(order),
        "looked at": LEADING,
        "text_to_molecule": difference(np.concatenate(reranked_ranks), np.concatenate(plain_ranks), request.seed),
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
