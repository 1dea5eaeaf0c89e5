"""Role queries: which are asked, and figures by hand."""

from pathlib import Path

import numpy as np
import pytest

from molsearch.errors import InputError
from molsearch.evaluation import role_queries
from molsearch.evaluation.registry import Request
from molsearch.evaluation.role_queries import enrichment, measure, truths
from molsearch.model.dual import DualEncoder


def test_a_role_is_asked_for_when_enough_captions_state_it() -> None:
    captions = ["It has a role as a drug."] * 2 + ["It has a role as a drug and an antigen.", "It is an acid."]
    roles = truths(captions, least=2)
    assert {role: truth.tolist() for role, truth in roles.items()} == {"a drug": [True, True, True, False]}
    assert list(truths(captions, least=1)) == ["a drug", "an antigen"]


def test_either_article_is_the_same_role() -> None:
    (truth,) = truths(["It has a role as a herbicide.", "It has a role as an herbicide."], least=2).values()
    assert truth.tolist() == [True, True]


def test_enrichment_by_hand() -> None:
    scores = np.arange(100.0)
    truth = np.zeros(100, bool)
    truth[[99, 98, 50, 3]] = True
    assert enrichment(scores, truth, top=0.01) == 25  # 1 of 1 against 4 of 100
    assert enrichment(scores, truth, top=0.1) == 5  # 2 of 10 against 4 of 100
    assert enrichment(-scores, truth, top=0.01) == 0


def test_ties_at_the_border_count_by_chance() -> None:
    truth = np.array([True] + [False] * 9)
    assert enrichment(np.zeros(10), truth, top=0.2) == pytest.approx(1)


def written(tmp_path: Path, *rows: str) -> Path:
    (tmp_path / "v.tsv").write_text("\n".join(("smiles\ttext", *rows)) + "\n")
    return tmp_path / "v.tsv"


def test_the_ranking_is_that_of_the_model_s_scores(
    tmp_path: Path, tiny_model: DualEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_queries, "LEAST", 5)
    acids = [f"{'C' * n}C(=O)O\tIt has a role as an antimicrobial agent." for n in range(1, 7)]
    alkanes = [f"{'C' * n}\tIt is an alkane." for n in range(1, 5)]
    figures = measure(Request(written(tmp_path, *acids, *alkanes), loaded=tiny_model))
    smiles = [f"{'C' * n}C(=O)O" for n in range(1, 7)] + ["C" * n for n in range(1, 5)]
    vectors = tiny_model.encode_molecules(smiles)
    scores = vectors @ tiny_model.encode_texts(["an antimicrobial agent"])[0] + tiny_model.constants(vectors)
    wins = np.mean([(a > b) + (a == b) / 2 for a in scores[:6] for b in scores[6:]])
    assert (figures["pool"], figures["queries"]) == (10, 1)
    assert figures["auroc"] == pytest.approx(wins)
    assert figures["enrichment@1%"] == pytest.approx((scores.argmax() < 6) / 0.6)
    assert figures["enrichment@1%_best"] == pytest.approx(1 / 0.6)


def test_a_file_without_roles_is_refused(tmp_path: Path, tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match=r"No role is stated by 10 or more captions of v\.tsv"):
        measure(Request(written(tmp_path, "C\tIt is a gas."), loaded=tiny_model))
