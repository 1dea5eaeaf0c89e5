"""Queries with a computed truth."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.chem.batch.arrays import CLASS_SIZE
from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool
from molsearch.evaluation.short_queries import QUERY_FILES, queries, query_figures, truths
from molsearch.model.dual import DualEncoder
from molsearch.settings import Settings

ETHANOL, ACETONE, BENZENE = "CCO", "CC(C)=O", "c1ccccc1"


def _write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def pool_of(model: DualEncoder, smiles: list[str]) -> CandidatePool:
    return CandidatePool(model, [PairRow("", key, key=key) for key in smiles])


def test_a_class_query_is_true_where_its_smarts_matches_and_the_other_does_not(tmp_path: Path) -> None:
    file = _write(tmp_path / "q.tsv", "id\tquery\tsmarts\twithout", "1\tan oxygen but no carbonyl\t[#8]\tC=O")
    truth = truths(file, [ETHANOL, ACETONE, BENZENE])["an oxygen but no carbonyl"]
    assert truth.tolist() == [True, False, False]


def test_rows_of_one_property_query_must_all_hold(tmp_path: Path) -> None:
    lines = ("id\tquery\tproperty\tlow\thigh", "1\tlight\tMolWt\t50\t", "1\tlight\tMolWt\t\t70")
    truth = truths(_write(tmp_path / "q.tsv", *lines), [ETHANOL, ACETONE, BENZENE])["light"]
    assert truth.tolist() == [False, True, False]  # 46.07, 58.08 and 78.11 Da


def test_a_query_of_several_rows_is_one_query(tmp_path: Path) -> None:
    lines = (
        "id\tquery\tproperty\tlow\thigh",
        "1\tlight\tMolWt\t50\t",
        "1\tlight\tMolWt\t\t70",
        "2\theavy\tMolWt\t90\t",
    )
    assert queries(_write(tmp_path / "q.tsv", *lines)) == ("light", "heavy")


def test_a_file_without_queries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'query'"):
        queries(_write(tmp_path / "q.tsv", "id\ttext", "1\tx"))


def test_a_file_without_a_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected query with smarts or property"):
        truths(_write(tmp_path / "q.tsv", "id\tquery", "1\tx"), [ETHANOL])


def test_figures_follow_the_models_own_scores(tmp_path: Path, tiny_model: DualEncoder) -> None:
    file = _write(tmp_path / "q.tsv", "id\tquery\tsmarts\twithout", "1\ta ketone\tCC(C)=O\t")
    smiles = ["CC(=O)" + "C" * n for n in range(1, 26)] + ["C" * n for n in range(1, 16)]
    vectors = tiny_model.encode_molecules(smiles)
    (figures,) = query_figures(tiny_model, file, pool_of(tiny_model, smiles))
    scores = vectors @ tiny_model.encode_texts(["a ketone"])[0] + tiny_model.constants(vectors)
    wins = np.mean([(a > b) + (a == b) / 2 for a in scores[:25] for b in scores[25:]])
    assert figures.positives == 25
    assert figures.auroc == pytest.approx(wins, abs=1e-6)
    assert figures.precision == 100 * np.mean(np.argsort(-scores, kind="stable")[:20] < 25)


def test_what_can_be_computed_counts_where_the_model_has_odds(tmp_path: Path, tiny_model: DualEncoder) -> None:
    file = _write(tmp_path / "q.tsv", "id\tquery\tsmarts\twithout", "1\ta ketone\tCC(C)=O\t")
    smiles = ["CC(=O)" + "C" * n for n in range(1, 26)] + ["C" * n for n in range(1, 16)]
    weighing = copy.deepcopy(tiny_model)
    weighing.class_odds = torch.tensor([[2.0], [-2.0]]).repeat(1, CLASS_SIZE)
    (figures,) = query_figures(weighing, file, pool_of(weighing, smiles))
    assert figures.precision == 100
    assert figures.auroc == 1


def test_the_query_files_ship() -> None:
    assert {path.name for path in (Settings().data / "eval").glob("*_queries*.tsv")} == set(QUERY_FILES.values())
