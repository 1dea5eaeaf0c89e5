"""The re-ranker learns to tell a caption's molecule from those that the model ranks beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.errors import InputError, ModelError
from molsearch.evaluation.registry import Request
from molsearch.evaluation.reranker import measure
from molsearch.model.dual import DualEncoder
from molsearch.model.reranker import FILE, LateInteraction, read_reranker
from molsearch.search.rerank import rerank_gains
from molsearch.training.features import TrainingFeatures, save
from molsearch.training.loop import Trainer
from molsearch.training.reranker import fit_reranker, rivals, teach_reranker
from tests.training.samples import PAIRS, SMILES, tiny_default


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, features: TrainingFeatures) -> Path:
    """A model that learned little, and its features."""
    out = tmp_path_factory.mktemp("model")
    Trainer(tiny_default(epochs=2, roles=0), features, out).run()
    save(features, out / ".features")
    return out


def test_no_rival_is_the_own_molecule_and_the_nearest_are_kept(folder: Path, features: TrainingFeatures) -> None:
    model = DualEncoder.load(folder)
    molecules = np.unique([example.molecule for example in features.train])
    nearest = rivals(model, features.train, features.store, molecules)
    assert nearest.shape == (8, 7)
    for example, line in zip(features.train, nearest, strict=True):
        assert sorted([*molecules[line], example.molecule]) == molecules.tolist()


@pytest.mark.slow
def test_eight_captions_are_told_apart_by_words_and_atoms_alone(folder: Path, features: TrainingFeatures) -> None:
    model = DualEncoder.load(folder)
    right = [0, 0]
    for number, epochs in enumerate((1, 800)):
        model.reranker = fit_reranker(model, features, 8, epochs, seed=0)
        for row, pair in enumerate(PAIRS):
            gained = rerank_gains(model, [pair.text], [1.0], SMILES)
            right[number] += int(gained.argmax() == row)
    assert right[0] < right[1]
    assert right[1] >= 7  # two enantiomers differ in one sign of one atom


def test_the_same_seed_teaches_the_same(folder: Path, features: TrainingFeatures) -> None:
    model = DualEncoder.load(folder)
    first, second = (fit_reranker(model, features, 8, 2, seed=3) for _ in range(2))
    assert all((weights == second.state_dict()[name]).all() for name, weights in first.state_dict().items())


def test_a_folder_gets_its_re_ranker_without_becoming_another_model(folder: Path) -> None:
    before = DualEncoder.load(folder)
    assert before.reranker is None
    written = teach_reranker(folder, folder / ".features", 1)
    assert written == folder / FILE
    after = DualEncoder.load(folder)
    assert after.model_id == before.model_id
    assert isinstance(after.reranker, LateInteraction)
    after.save(folder)  # kept, as its own file
    assert DualEncoder.load(folder).model_id == before.model_id
    assert (folder / FILE).is_file()


def test_several_phrases_count_by_their_shares(folder: Path, features: TrainingFeatures) -> None:
    model = DualEncoder.load(folder)
    model.reranker = fit_reranker(model, features, 8, 1, seed=0)
    acid, salt = (rerank_gains(model, [text], [1.0], SMILES) for text in ("an acid", "a salt"))
    both = rerank_gains(model, ["an acid", "a salt"], [0.75, 0.25], SMILES)
    np.testing.assert_allclose(both, 0.75 * acid + 0.25 * salt, atol=1e-5)
    assert not rerank_gains(model, [], [], SMILES).any()


def test_a_damaged_re_ranker_is_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    with pytest.raises(ModelError, match="re-ranker"):
        read_reranker(tmp_path, 16)
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(ModelError, match="re-ranker"):
        read_reranker(tmp_path, 16)


def test_a_model_without_words_and_atoms_has_nothing_to_compare(tmp_path: Path, features: TrainingFeatures) -> None:
    recipe = tiny_default(epochs=1, roles=0)
    Trainer(replace(recipe, model=replace(recipe.model, lexical_share=1.0)), features, tmp_path).run()
    with pytest.raises(ModelError, match="only the short path"):
        teach_reranker(tmp_path, tmp_path / ".features", 1)


def test_what_it_is_worth_is_measured_on_the_same_searches(folder: Path, tmp_path: Path) -> None:
    table = "smiles\ttext\n" + "".join(f"{pair.smiles}\t{pair.text}\n" for pair in PAIRS)
    (tmp_path / "pairs.tsv").write_text(table)
    model = DualEncoder.load(folder)
    model.reranker = None
    request = Request(tmp_path / "pairs.tsv", loaded=model, pools=(tmp_path / "pairs.tsv",))
    with pytest.raises(InputError, match="no re-ranker"):
        measure(request)
    torch.manual_seed(0)
    model.reranker = LateInteraction(model.config.projector.width, 8)
    figures = measure(replace(request, sample=6))
    assert (figures["pool"], figures["queries"], figures["looked at"]) == (8, 6, 200)
    model.reranker.factor.zero_()
    same = measure(replace(request, sample=6))
    assert {line["difference"] for line in same["text_to_molecule"].values()} == {0.0}  # type: ignore[attr-defined]
