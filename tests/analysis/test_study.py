"""The model beside its untrained twin, and pairs from file to figures."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.analysis.study import AlignmentStudy
from molsearch.errors import Cancelled
from molsearch.model.dual import DualEncoder
from molsearch.model.untrained import untrained
from molsearch.records import Pair
from molsearch.settings import Settings

PAIRS = [Pair("an alcohol", "CCO"), Pair("the conjugate base of acetic acid", "CC(=O)[O-]"), Pair("a ring", "c1ccccc1")]


@pytest.fixture(scope="module")
def trained(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> DualEncoder:
    """The tiny model after a step: every weight moved, a lexicon learned."""
    model = DualEncoder.load(tiny_models / "default")
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05)
    model.lexical.idf.fill_(2.0)
    model.lexicon = {"wood spirit": "CO"}
    model.save(tmp_path_factory.mktemp("trained") / "default")
    return model


@pytest.fixture
def alignment_study(trained: DualEncoder) -> AlignmentStudy:
    assert trained.folder is not None
    return AlignmentStudy(lambda: trained, Settings(models=trained.folder.parent, model=trained.folder.name))


def test_the_untrained_twin_is_the_same_each_time_and_moves_no_dice(trained: DualEncoder) -> None:
    assert trained.folder is not None
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again = (untrained(trained.folder).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(
        first["projector.memory"], untrained(trained.folder, seed=1).state_dict()["projector.memory"]
    )


def test_the_untrained_twin_has_the_same_parts_and_none_of_the_weights(trained: DualEncoder) -> None:
    assert trained.folder is not None
    fresh = untrained(trained.folder)
    assert fresh.config == trained.config and not fresh.training
    weights = dict(trained.named_parameters())
    assert {name: tensor.shape for name, tensor in fresh.named_parameters()} == {n: w.shape for n, w in weights.items()}
    assert not any(
        torch.equal(tensor, weights[name]) for name, tensor in fresh.named_parameters() if tensor.numel() > 1
    )


def test_the_untrained_twin_reads_the_same_of_a_text(trained: DualEncoder) -> None:
    assert trained.folder is not None
    twin = untrained(trained.folder)
    assert twin.lexicon == {"wood spirit": "CO"} and torch.equal(twin.lexical.idf, trained.lexical.idf)


def test_pairs_are_encoded_as_the_model_does(alignment_study: AlignmentStudy, trained: DualEncoder) -> None:
    vectors = alignment_study.encode(PAIRS)
    np.testing.assert_allclose(vectors.texts, trained.encode_texts([p.text for p in PAIRS]), atol=1e-5)
    np.testing.assert_allclose(vectors.molecules, trained.encode_molecules([p.smiles for p in PAIRS]), atol=1e-5)
    np.testing.assert_array_equal(vectors.take([2, 0]).texts, vectors.texts[[2, 0]])


def test_training_shows_in_the_divergences(alignment_study: AlignmentStudy) -> None:
    before = alignment_study.report(alignment_study.encode_untrained(PAIRS), form="distance")
    after = alignment_study.report(alignment_study.encode(PAIRS), form="distance")
    assert before.form == "distance" and before.divergences != after.divergences
    for name, rows in after.row_divergences.items():
        assert rows.shape == (3,) and rows.mean() == pytest.approx(after.divergences[name], abs=1e-6)


def test_encoding_can_be_stopped(alignment_study: AlignmentStudy) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        alignment_study.encode(PAIRS, stop)


def test_a_table_becomes_pairs_and_ranks(alignment_study: AlignmentStudy) -> None:
    table = b"smiles,description\nCCO,an alcohol\nCC(=O)O,an acid\n"
    columns = alignment_study.columns(BytesIO(table), "t.csv")
    file = alignment_study.read(BytesIO(table), "t.csv", columns.text, columns.structure)
    agreed = alignment_study.pair_ranks(file.pairs, alignment_study.encode(file.pairs))
    assert sorted(agreed.worst) == [0, 1] and agreed.matched_counts.sum() == 2


def test_the_shipped_examples_are_pairs(alignment_study: AlignmentStudy) -> None:
    columns = alignment_study.columns(alignment_study.examples, "examples.csv")
    assert (columns.text, columns.structure) == ("description", "smiles")


def test_the_memory_bank_is_shown(alignment_study: AlignmentStudy) -> None:
    reading = alignment_study.attention("an alcohol", "CCO")
    assert [token.label for token in reading.tokens] == ["an", "alcohol"] and reading.molecule.weights.shape[1] == 3
