"""Misses sorted by kind, on molecules whose relation is plain."""

import numpy as np

from molsearch.chem.io.pairs import PairRow
from molsearch.evaluation.candidates import Answers, CandidatePool, Ranks
from molsearch.evaluation.error_analysis import Miss, by_kind, miss_figures, sample_misses

# Each text's own molecule, and what stands in its place.
PAIRS = (
    ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", 3.0),
    ("CC(=O)O", "CC(=O)[O-]", 2.0),
    ("CCO", "c1ccccc1", 1.0),  # a hit, whatever comes second
    ("C[C@H](O)CC", "C[C@@H](O)CC", 40.0),
    ("CS(N)(=O)=O", "c1ccccc1S(N)(=O)=O", 1.5),
)


class Plain:
    def encode_molecules(self, smiles, progress=None):  # type: ignore[no-untyped-def]
        return np.zeros((len(smiles), 1), np.float32)

    def constants(self, vectors):  # type: ignore[no-untyped-def]
        return np.zeros(len(vectors), np.float32)


def answered() -> tuple[Answers, CandidatePool]:
    pool = CandidatePool(Plain(), [PairRow("", smiles) for truth, other, _ in PAIRS for smiles in (truth, other)])  # type: ignore[arg-type]
    rows = tuple(PairRow("It is a sulfonamide.", truth) for truth, _, _ in PAIRS)
    text_ranks = np.array([rank for _, _, rank in PAIRS])
    ranks = Ranks(text_ranks, text_ranks, np.zeros((5, 5)), np.arange(1, 10, 2))
    far = Ranks(text_ranks + 1, text_ranks, np.zeros((5, 5)), np.arange(1, 10, 2))
    return Answers(rows, np.arange(0, 10, 2), ((),) * 5, ranks, far), pool


def test_each_miss_is_named_by_what_stands_in_its_place() -> None:
    kinds = [miss.kind for miss in sample_misses(*answered())]
    assert kinds == [
        "stereo twin",
        "conjugate acid or base, or salt",
        "stereo twin",
        "same named classes, other scaffold",
    ]


def test_a_tie_for_the_first_place_is_a_miss() -> None:
    assert sample_misses(*answered())[-1].rank == 1.5


def test_without_exact_names_the_other_ranks_count() -> None:
    assert len(sample_misses(*answered(), exact_names=False)) == 5


def test_a_sample_is_drawn_by_its_seed() -> None:
    draws = {tuple(miss.truth for miss in sample_misses(*answered(), size=2, seed=seed)) for seed in range(12)}
    assert sample_misses(*answered(), size=2, seed=1) == sample_misses(*answered(), size=2, seed=1)
    assert len(draws) > 1 and all(len(draw) == 2 for draw in draws)


def test_kinds_are_counted_with_their_median_rank_and_the_two_shortest_examples() -> None:
    misses = [Miss("homologue", rank, f"C{rank}", "C") for rank in (2, 10, 3)] + [Miss("stereo twin", 7, "N", "O")]
    table = by_kind(misses)
    assert list(table) == ["stereo twin", "homologue"]  # closest relation first
    assert (table["homologue"].count, table["homologue"].share, table["homologue"].median_rank) == (3, 75, 3)
    assert table["homologue"].examples == (("C2", "C"), ("C3", "C"))


def test_the_figures_say_how_many_were_missed() -> None:
    figures = miss_figures(*answered(), size=3)
    assert (figures["queries"], figures["misses"], figures["sampled"]) == (5, 4, 3)
    assert sum(kind["count"] for kind in figures["kinds"].values()) == 3  # type: ignore[attr-defined]
