"""The rank protocol and the PCdes protocol, against slow loops over vectors chosen by hand."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.retrieval import (
    bootstrap_interval,
    evaluate,
    evaluate_pcdes,
    paired_interval,
    rank_metrics,
)
from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.records import Progress


@dataclass(frozen=True)
class Name:
    key: str
    bonus: float


@dataclass
class Lookup:
    """A model whose vectors are written down: what the protocol does with them is the thing under test."""

    texts: dict[str, Sequence[float]]
    molecules: dict[str, Sequence[float]]
    constant: dict[str, float] = field(default_factory=dict)
    names: dict[str, tuple[Name, ...]] = field(default_factory=dict)

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        if progress:
            progress(len(texts), len(texts))
        return np.array([self.texts[text] for text in texts], np.float32)

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        if progress:
            progress(len(smiles), len(smiles))
        self.order = list(smiles)
        return np.array([self.molecules[one] for one in smiles], np.float32)

    def constants(self, vectors: np.ndarray) -> np.ndarray:
        return np.array([self.constant.get(one, 0.0) for one in self.order], np.float32)

    def named_structures(self, text: str) -> tuple[Name, ...]:
        return self.names.get(text, ())


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def to_file(name: str, header: str, *rows: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(line.replace(" | ", "\t") for line in (header, *rows)) + "\n")
        return path

    return to_file


ALCOHOLS = ("C", "CC", "CCO", "CO")


def circle(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


@pytest.fixture
def small(write):  # type: ignore[no-untyped-def]
    """Four molecules at 0, 30, 60, 90 degrees; three texts, one row without a text."""
    pairs = write(
        "pairs.tsv", "cid | smiles | text", "11 | C | gas", "12 | CC | ", "13 | CCO | spirit", "14 | CO | wood"
    )
    pool = write("pool.tsv", "cid | smiles", "14 | CO", "13 | CCO", "12 | CC", "11 | C")
    molecules = {smiles: circle(angle) for smiles, angle in zip(ALCOHOLS, (0, 30, 60, 90), strict=True)}
    texts = {"gas": circle(5), "spirit": circle(0), "wood": circle(70)}
    return Lookup(texts, molecules), pairs, pool


def test_ranks_of_a_small_pool_by_hand(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    seen = evaluate(model, pairs, pool)
    # gas (5): 0, 30 ... so first. spirit (0): its molecule at 60 is third. wood (70): 60, then 90: second.
    assert seen.text_ranks.tolist() == [1, 3, 2]
    # Molecule at 0: spirit (0), gas (5): second. At 60: wood (70), gas, spirit: third. At 90: wood: first.
    assert seen.molecule_ranks.tolist() == [2, 3, 1]


def test_json_has_exactly_the_agreed_fields(small) -> None:  # type: ignore[no-untyped-def]
    answer = json.loads(json.dumps(evaluate(*small).as_json()))
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
    before = evaluate(model, pairs, pool)
    model.constant = {"CC": 9.0}  # a hub: first for every text; spirit had it ahead of its own already
    after = evaluate(model, pairs, pool)
    assert after.text_ranks.tolist() == [2, 3, 3]
    np.testing.assert_array_equal(after.molecule_ranks, before.molecule_ranks)


def test_an_exact_name_lifts_its_molecule_unless_told_not_to(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    model.names = {"spirit": (Name("CCO", 0.6),)}  # cos 60 + 0.6 beats cos 0
    assert evaluate(model, pairs, pool).text_ranks.tolist() == [1, 1, 2]
    assert evaluate(model, pairs, pool).molecule_ranks.tolist() == [2, 1, 1]
    assert evaluate(model, pairs, pool, exact_names=False).text_ranks.tolist() == [1, 3, 2]


def test_a_structure_named_twice_is_lifted_once_by_the_larger_bonus(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = small
    model.names = {"spirit": (Name("CCO", 0.45), Name("CCO", 0.4))}  # together they would pass cos 0, alone not
    assert evaluate(model, pairs, pool).text_ranks.tolist() == [1, 2, 2]


def test_without_cids_the_molecule_is_found_by_its_structure(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    model.molecules |= {"OCC": circle(60)}
    pairs = write("nocid.tsv", "smiles | text", "OCC | spirit")
    pool = write("nocid_pool.tsv", "smiles", *ALCOHOLS)
    assert evaluate(model, pairs, pool).text_ranks.tolist() == [3]


def test_structures_are_compared_after_clean_up(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    model.molecules |= {"CN(=O)=O": circle(60), "C[N+](=O)[O-]": circle(60)}
    pairs = write("nitro.tsv", "smiles | text", "CN(=O)=O | spirit")
    pool = write("nitro_pool.tsv", "smiles", "CO", "C[N+](=O)[O-]", "C")
    assert evaluate(model, pairs, pool).text_ranks.tolist() == [2]


def test_a_cid_decides_where_both_files_have_it(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, _ = small
    pairs = write("cid.tsv", "cid | smiles | text", "7 | CCO | gas")
    pool = write("cid_pool.tsv", "cid | smiles", "8 | CCO", "7 | C", "9 | CO")
    assert evaluate(model, pairs, pool).text_ranks.tolist() == [1]


def test_a_repeated_pool_molecule_is_an_ordinary_tied_rival(small, write) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    pool = write("twice.tsv", "cid | smiles", "11 | C", "12 | C", "13 | CCO", "14 | CO", "15 | CO")
    seen = evaluate(model, pairs, pool)
    assert (seen.pool, seen.text_ranks.tolist()) == (5, [1.5, 3, 2.5])


def test_repeated_texts_tie_too(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, pool = small
    pairs = write("again.tsv", "cid | smiles | text", "11 | C | gas", "13 | CCO | gas")
    assert evaluate(model, pairs, pool).molecule_ranks.tolist() == [1.5, 1.5]


def test_a_molecule_missing_from_the_pool_is_named(small, write) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    pool = write("short.tsv", "cid | smiles", "11 | C", "14 | CO")
    with pytest.raises(InputError, match=r"1 of 3 molecules of pairs.tsv .* short.tsv, the first in row 3 \(CCO\)"):
        evaluate(model, pairs, pool)


def test_a_column_without_any_text_is_refused(small, write) -> None:  # type: ignore[no-untyped-def]
    model, _, pool = small
    with pytest.raises(InputError, match="empty in every row"):
        evaluate(model, write("mute.tsv", "cid | smiles | text", "11 | C | "), pool)


@pytest.fixture
def large(write):  # type: ignore[no-untyped-def]
    """300 texts, more than are scored at once, on 310 molecules with few distinct vectors, so that ties abound."""
    rng = np.random.default_rng(8)
    smiles = ["C" * (n + 1) for n in range(310)]
    molecules = {one: tuple(rng.integers(-1, 2, size=3)) for one in smiles}
    texts = {f"t{n}": tuple(rng.integers(-1, 2, size=3)) for n in range(300)}
    target = rng.permutation(310)[:300]
    pairs = write("l.tsv", "cid | smiles | text", *(f"{t} | {smiles[t]} | t{n}" for n, t in enumerate(target)))
    pool = write("lpool.tsv", "cid | smiles", *(f"{n} | {one}" for n, one in enumerate(smiles)))
    constant = {one: float(rng.integers(0, 2)) for one in smiles}
    return Lookup(texts, molecules, constant), pairs, pool


def slow_rank(scores: Sequence[float], target: int) -> float:
    higher = sum(s > scores[target] for s in scores)
    return 1 + higher + (sum(s == scores[target] for s in scores) - 1) / 2


def slow_score(model: Lookup, text: str, smiles: str) -> float:
    dot = sum(a * b for a, b in zip(model.texts[text], model.molecules[smiles], strict=True))
    return float(dot + model.constant[smiles])


def test_a_larger_file_agrees_with_a_slow_loop(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, pool = large
    seen = evaluate(model, pairs, pool)
    rows = read_pairs(pairs).rows
    for i, row in enumerate(rows):
        over_pool = [slow_score(model, row.text, smiles) for smiles in model.molecules]
        assert seen.text_ranks[i] == slow_rank(over_pool, int(row.cid))
        over_texts = [slow_score(model, other.text, row.smiles) for other in rows]
        assert seen.molecule_ranks[i] == slow_rank(over_texts, i)


def test_pcdes_counts_firsts_in_full_batches_and_recall_over_the_file(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = large
    seen = evaluate_pcdes(model, pairs, seed=3)
    rows = read_pairs(pairs).rows
    order = np.random.default_rng(3).permutation(300)
    forth, back = [], []
    for start in (0, 64, 128, 192):  # 44 rows are left over and dropped
        batch = [rows[i] for i in order[start : start + 64]]
        for i in range(64):
            forth.append(slow_rank([slow_score(model, batch[i].text, b.smiles) for b in batch], i) == 1)
            back.append(slow_rank([slow_score(model, b.text, batch[i].smiles) for b in batch], i) == 1)
    recall = [slow_rank([slow_score(model, r.text, o.smiles) for o in rows], i) <= 20 for i, r in enumerate(rows)]
    assert seen.batches == 4 and seen.pool == 300
    assert seen.text_accuracy == pytest.approx(100 * sum(forth) / 256)
    assert seen.molecule_accuracy == pytest.approx(100 * sum(back) / 256)
    assert seen.text_recall == pytest.approx(100 * sum(recall) / 300)


def test_pcdes_batches_follow_the_seed(large) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = large
    answers = [evaluate_pcdes(model, pairs, seed=seed).as_json() for seed in (1, 1, 2)]
    assert answers[0] == answers[1]
    assert answers[0]["text_to_molecule"] != answers[2]["text_to_molecule"]


def test_pcdes_needs_one_full_batch(small) -> None:  # type: ignore[no-untyped-def]
    model, pairs, _ = small
    with pytest.raises(InputError, match="has 3 texts, but the pcdes protocol needs a batch of 64"):
        evaluate_pcdes(model, pairs)


def test_progress_runs_once_from_molecules_to_texts(small) -> None:  # type: ignore[no-untyped-def]
    told: list[tuple[int, int]] = []
    evaluate(*small, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 11), (7, 11), (11, 11)]


# --- metrics and intervals -----------------------------------------------------------------------------------------


def test_metrics_of_ranks_by_hand() -> None:
    assert rank_metrics(np.array([1, 1.5, 10, 20, 100])) == pytest.approx(
        {
            "hits@1": 20,
            "hits@10": 60,
            "hits@20": 80,
            "mrr": 20 * (1 + 1 / 1.5 + 0.1 + 0.05 + 0.01),
            "mean_rank": 26.5,
        }
    )


def test_bootstrap_of_a_share_has_the_binomial_s_width() -> None:
    values = np.repeat([0.0, 100.0], [800, 200])
    low, high = bootstrap_interval(values)
    half = 100 * 1.96 * math.sqrt(0.2 * 0.8 / 1000)
    assert (low, high) == pytest.approx((20 - half, 20 + half), abs=0.4)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, seed=1) != (low, high)


def test_a_paired_interval_sees_what_separate_ones_miss() -> None:
    # Half the queries are hard for both; system a wins 3 in 100 and never loses.
    ranks_b = np.repeat([1.0, 50.0], [500, 500])
    ranks_a = ranks_b.copy()
    ranks_a[500:530] = 1
    low, high = paired_interval(ranks_a, ranks_b)
    assert 0 < low < 3 < high
    assert paired_interval(ranks_b, ranks_b) == (0, 0)
    assert bootstrap_interval(100.0 * (ranks_b <= 1))[1] > bootstrap_interval(100.0 * (ranks_a <= 1))[0]


def test_a_paired_interval_needs_the_same_queries() -> None:
    with pytest.raises(ValueError, match="same queries"):
        paired_interval(np.ones(3), np.ones(4))


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
    seen = evaluate(model, pairs, write("realpool.tsv", "smiles", *pool))

    texts, vectors = model.encode_texts(list(captions.values())), model.encode_molecules(pool)
    constants = model.constants(vectors)
    for i, (text, target) in enumerate(zip(captions.values(), (1, 4, 3), strict=True)):
        bonus = {CANONICAL[one.key]: one.bonus for one in model.named_structures(text) if one.key in CANONICAL}
        scores = [float(np.float32(texts[i] @ v + c)) for v, c in zip(vectors, constants, strict=True)]
        lifted = [score + bonus.get(n, 0) for n, score in enumerate(scores)]
        assert seen.text_ranks[i] == slow_rank(lifted, target)
    assert np.ptp(constants) > 0


CANONICAL = {"C": 0, "CCO": 1, "c1ccccc1": 2, "CC(=O)O": 3, "Oc1ccccc1": 4, "CCN": 5}
