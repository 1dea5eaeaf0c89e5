"""The pool protocol, against slow loops over vectors chosen by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import Ranks, answer_file
from molsearch.evaluation.retrieval import headline
from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from tests.evaluation.lookup import ALCOHOLS, Lookup, Name, circle, slow_rank, slow_score


def ranked(model: Lookup | DualEncoder, pairs: Path, pool: Path, *, exact_names: bool = True) -> Ranks:
    """Rank the pool for each text, and the texts for each molecule."""
    return answer_file(model, pairs, pool)[1].ranks(exact_names)


def test_ranks_of_a_small_pool_by_hand(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    seen = ranked(model, pairs, pool)
    # gas (5): 0, 30 ... so first. spirit (0): its molecule at 60 is third. wood (70): 60, then 90: second.
    assert seen.text.tolist() == [1, 3, 2]
    # Molecule at 0: spirit (0), gas (5): second. At 60: wood (70), gas, spirit: third. At 90: wood: first.
    assert seen.molecule.tolist() == [2, 3, 1]


def test_json_has_exactly_the_agreed_fields(small) -> None:  # type: ignore[no-untyped-def]
    answer = json.loads(json.dumps(headline(*answer_file(*small))))
    assert list(answer) == ["pool", "queries", "skipped", "text_to_molecule", "molecule_to_text"]
    assert (answer["pool"], answer["queries"], answer["skipped"]) == (4, 3, 1)
    for direction in ("text_to_molecule", "molecule_to_text"):
        assert list(answer[direction]) == ["hits@1", "hits@10", "hits@20", "mrr", "mean_rank", "hits@1_interval"]
    forth = answer["text_to_molecule"]
    assert forth["hits@1"] == pytest.approx(100 / 3) and forth["hits@10"] == 100
    assert forth["mrr"] == pytest.approx(100 * (1 + 1 / 3 + 1 / 2) / 3) and forth["mean_rank"] == 2
    low, high = forth["hits@1_interval"]
    assert low <= forth["hits@1"] <= high


def test_a_molecule_s_constant_moves_it_for_every_text_and_no_molecule_s_texts(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    before = ranked(model, pairs, pool)
    model.constant = {"CC": 9.0}  # a hub: first for every text; spirit had it ahead of its own already
    after = ranked(model, pairs, pool)
    assert after.text.tolist() == [2, 3, 3]
    np.testing.assert_array_equal(after.molecule, before.molecule)


def test_an_exact_name_lifts_its_molecule_unless_told_not_to(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    model.names = {"spirit": (Name("CCO", 0.6),)}  # cos 60 + 0.6 beats cos 0
    assert ranked(model, pairs, pool).text.tolist() == [1, 1, 2]
    assert ranked(model, pairs, pool).molecule.tolist() == [2, 1, 1]
    assert ranked(model, pairs, pool, exact_names=False).text.tolist() == [1, 3, 2]


def test_a_structure_named_twice_is_lifted_once_by_the_larger_bonus(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    model.names = {"spirit": (Name("CCO", 0.45), Name("CCO", 0.4))}  # together they would pass cos 0, alone not
    assert ranked(model, pairs, pool).text.tolist() == [1, 2, 2]


def test_without_cids_the_molecule_is_found_by_its_structure(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    model.molecules |= {"OCC": circle(60)}
    pairs = write("nocid.tsv", "smiles | text", "OCC | spirit")
    pool = write("nocid_pool.tsv", "smiles", *ALCOHOLS)
    assert ranked(model, pairs, pool).text.tolist() == [3]


def test_structures_are_compared_after_clean_up(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    model.molecules |= {"CN(=O)=O": circle(60), "C[N+](=O)[O-]": circle(60)}
    pairs = write("nitro.tsv", "smiles | text", "CN(=O)=O | spirit")
    pool = write("nitro_pool.tsv", "smiles", "CO", "C[N+](=O)[O-]", "C")
    assert ranked(model, pairs, pool).text.tolist() == [2]


def test_a_cid_decides_where_both_files_have_it(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    pairs = write("cid.tsv", "cid | smiles | text", "7 | CCO | gas")
    pool = write("cid_pool.tsv", "cid | smiles", "8 | CCO", "7 | C", "9 | CO")
    assert ranked(model, pairs, pool).text.tolist() == [1]


def test_a_repeated_pool_molecule_is_an_ordinary_tied_rival(small, write) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    pool = write("twice.tsv", "cid | smiles", "11 | C", "12 | C", "13 | CCO", "14 | CO", "15 | CO")
    _, answers, candidates = answer_file(model, pairs, pool)
    assert (len(candidates), answers.lifted.text.tolist()) == (5, [1.5, 3, 2.5])


def test_repeated_texts_tie_too(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, pool = small
    pairs = write("again.tsv", "cid | smiles | text", "11 | C | gas", "13 | CCO | gas")
    assert ranked(model, pairs, pool).molecule.tolist() == [1.5, 1.5]


def test_a_molecule_missing_from_the_pool_is_named(small, write) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    pool = write("short.tsv", "cid | smiles", "11 | C", "14 | CO")
    with pytest.raises(InputError, match=r"1 of 3 molecules of pairs.tsv .* short.tsv, the first in row 3 \(CCO\)"):
        ranked(model, pairs, pool)


def test_a_column_without_any_text_is_refused(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, pool = small
    with pytest.raises(InputError, match="empty in every row"):
        ranked(model, write("mute.tsv", "cid | smiles | text", "11 | C | "), pool)


def test_a_larger_file_agrees_with_a_slow_loop(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = large
    seen = ranked(model, pairs, pool)
    rows = read_pairs(pairs).rows
    for i, row in enumerate(rows):
        over_pool = [slow_score(model, row.text, smiles) for smiles in model.molecules]
        assert seen.text[i] == slow_rank(over_pool, int(row.cid))
        over_texts = [slow_score(model, other.text, row.smiles) for other in rows]
        assert seen.molecule[i] == slow_rank(over_texts, i)


def test_progress_runs_once_from_molecules_to_texts(small) -> None:  # type: ignore[no-untyped-def]
    steps: list[tuple[int, int]] = []
    answer_file(*small, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(4, 11), (7, 11), (11, 11)]


# --- a real model --------------------------------------------------------------------------------------------------


def test_a_real_model_is_ranked_by_cosine_constant_and_exact_name(write) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    sizes = LexicalConfig(grams=512, width=8, hidden=16, out=8)
    model = DualEncoder(DualConfig(lexical_share=1.0, lexical=sizes)).eval()
    model.bank = torch.nn.functional.normalize(torch.randn(5, model.width), dim=1)
    captions = {
        "OCC": "Ethanol is a primary alcohol and a solvent.",
        "Oc1ccccc1": "The molecule is an arenol related to benzene.",
        "CC(=O)O": "Acetic acid is a carboxylic acid that smells of vinegar.",
    }
    pairs = write("real.tsv", "smiles | text", *(f"{smiles} | {text}" for smiles, text in captions.items()))
    pool = ["C", "CCO", "c1ccccc1", "CC(O)=O", "Oc1ccccc1", "CCN"]
    seen = ranked(model, pairs, write("realpool.tsv", "smiles", *pool))

    texts, vectors = model.encode_texts(list(captions.values())), model.encode_molecules(pool)
    constants = model.constants(vectors)
    for i, (text, target) in enumerate(zip(captions.values(), (1, 4, 3), strict=True)):
        bonus = {
            CANONICAL[structure.key]: structure.bonus
            for structure in model.named_structures(text)
            if structure.key in CANONICAL
        }
        scores = [float(np.float32(texts[i] @ v + c)) for v, c in zip(vectors, constants, strict=True)]
        lifted = [score + bonus.get(n, 0) for n, score in enumerate(scores)]
        assert seen.text[i] == slow_rank(lifted, target)
    assert np.ptp(constants) > 0


CANONICAL = {"C": 0, "CCO": 1, "c1ccccc1": 2, "CC(=O)O": 3, "Oc1ccccc1": 4, "CCN": 5}
