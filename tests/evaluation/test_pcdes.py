"""The PCdes protocol, against slow loops over vectors chosen by hand."""

import numpy as np
import pytest

from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.pcdes import measure
from molsearch.evaluation.registry import Request
from tests.evaluation.lookup import slow_rank, slow_score


def test_pcdes_counts_firsts_in_full_batches_and_recall_over_the_file(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = large
    seen = measure(Request(pairs, loaded=model, seed=3))
    rows = read_pairs(pairs).rows
    order = np.random.default_rng(3).permutation(300)
    forth, back = [], []
    for start in (0, 64, 128, 192):  # 44 rows are left over and dropped
        batch = [rows[i] for i in order[start : start + 64]]
        for i in range(64):
            forth.append(slow_rank([slow_score(model, batch[i].text, b.smiles) for b in batch], i) == 1)
            back.append(slow_rank([slow_score(model, b.text, batch[i].smiles) for b in batch], i) == 1)
    recall = [slow_rank([slow_score(model, r.text, o.smiles) for o in rows], i) <= 20 for i, r in enumerate(rows)]
    assert seen["batches"] == 4 and seen["pool"] == 300
    assert seen["text_to_molecule"]["accuracy"] == pytest.approx(100 * sum(forth) / 256)
    assert seen["molecule_to_text"]["accuracy"] == pytest.approx(100 * sum(back) / 256)
    assert seen["text_to_molecule"]["recall@20"] == pytest.approx(100 * sum(recall) / 300)


def test_pcdes_batches_follow_the_seed(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = large
    answers = [measure(Request(pairs, loaded=model, seed=seed)) for seed in (1, 1, 2)]
    assert answers[0] == answers[1]
    assert answers[0]["text_to_molecule"] != answers[2]["text_to_molecule"]


def test_pcdes_needs_one_full_batch(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    with pytest.raises(InputError, match="has 3 texts, but the pcdes protocol needs a batch of 64"):
        measure(Request(pairs, loaded=model))
