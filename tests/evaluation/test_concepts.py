"""The concept list measured: captions read, precision and recall by hand."""

from pathlib import Path

import numpy as np
import pytest

from molsearch.analysis.concepts import Concept, classes_held
from molsearch.chem.batch.arrays import pack_classes
from molsearch.errors import InputError
from molsearch.evaluation.concepts import above, evaluate_concepts, stated, tag_precision
from molsearch.model.dual import DualEncoder
from molsearch.training.role_head import fit_roles

TYPICAL = ["CCO", "CC(=O)O", "c1ccccc1", "CCN"]


def test_a_concept_is_read_off_a_caption_as_a_word() -> None:
    concepts = (Concept("a sulfonamide", "chemical class"), Concept("an acid", "chemical class"))
    written = stated(["It is one of the Sulfonamides.", "It is acidic.", "an acid"], concepts)
    assert written.tolist() == [[True, False], [False, False], [False, True]]


def test_precision_and_recall_are_means_over_concepts() -> None:
    tagged = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    true = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], bool)
    # precision 1/2 and 0 (the third is told of none); recall 1/2, 0 and 0
    assert above(tagged, true) == (pytest.approx(0.25), pytest.approx(0.5 / 3))


def test_tags_are_judged_molecule_by_molecule() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.1, 0.2, 0.3], [0.5, 0.5, 0.4]], np.float32)
    true = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]], bool)
    assert tag_precision(scores, true) == pytest.approx((1 + 1 / 3) / 2)  # the third has none and is left out


def test_a_file_is_measured_whole(tiny_model: DualEncoder, tmp_path: Path) -> None:
    acids = [f"{'C' * n}C(=O)O\tThe molecule is a carboxylic acid." for n in range(1, 7)]
    others = [f"{'C' * n}O\tThe molecule is a primary alcohol." for n in range(1, 7)]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(["smiles\ttext", *acids, *others]), encoding="utf-8")
    figures = evaluate_concepts(tiny_model, path, "text", TYPICAL)
    assert figures["molecules"] == 12 and figures["concepts by caption"] == 2
    assert all(
        0 <= float(figures[name]) <= 1 for name in figures if "recall" in name or "mAP" in name or "AUROC" in name
    )  # type: ignore[arg-type]


@pytest.mark.slow
def test_learned_roles_are_measured_beside(tiny_models: Path, tmp_path: Path) -> None:
    model = DualEncoder.load(tiny_models / "default")
    smiles = [*(f"{'C' * n}O" for n in range(1, 9)), *(f"{'C' * n}N" for n in range(1, 9))]
    held = [classes_held(structure) for structure in smiles]
    holders = {"herbicide": frozenset(range(8)), "dye": frozenset(range(8, 16))}
    model.learn_roles(
        tuple(holders), fit_roles(model.encode_molecules(smiles), pack_classes(held), holders, hidden=16, seed=0)
    )
    texts = ["It has a role as a herbicide."] * 8 + ["It has a role as a dye. It is a primary amine."] * 8
    path = tmp_path / "pairs.tsv"

    def figures() -> dict[str, object]:
        path.write_text("\n".join(["smiles\ttext", *map("\t".join, zip(smiles, texts, strict=True))]), encoding="utf-8")
        return evaluate_concepts(model, path, "text", ["CC(=O)O", "CC(=O)OC"])

    right = figures()
    assert right["learned roles by caption"] == 2
    assert float(right["role mean AUROC by log odds"]) > 0.9  # type: ignore[arg-type]  # it learned these very molecules
    texts[:6], texts[8:14] = texts[8:14], texts[:6]  # most captions say the other role
    wrong = figures()
    assert float(wrong["role mean AUROC by log odds"]) < 0.5  # type: ignore[arg-type]
    assert float(wrong["role precision above"]) < float(right["role precision above"])  # type: ignore[arg-type]


def test_a_file_without_concepts_is_refused(tiny_model: DualEncoder, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("smiles\ttext\nCCO\tnothing\nCC\tnothing\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no concept"):
        evaluate_concepts(tiny_model, path, "text", TYPICAL)
