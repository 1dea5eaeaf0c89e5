"""The ablation: each row changes one thing, and a tiny run is trained, ranked and not trained again."""

from dataclasses import replace
from pathlib import Path

import pytest

from molsearch.errors import InputError
from molsearch.evaluation.ablation import ROWS, ablate
from molsearch.evaluation.figure_tables import render
from molsearch.training.recipe import load_recipe

BASE = load_recipe("ablation")


@pytest.mark.parametrize("row", list(ROWS)[1:])
def test_a_row_changes_losses_their_options_or_the_bank_and_nothing_else(row: str) -> None:
    changed = ROWS[row](BASE)
    assert changed != BASE
    projector = replace(changed.model.projector, slots=BASE.model.projector.slots)
    model = replace(changed.model, projector=projector)
    assert replace(changed, losses=BASE.losses, options=BASE.options, model=model, masked_epochs=0) == BASE


def test_the_first_row_is_the_recipe_itself() -> None:
    assert ROWS[next(iter(ROWS))](BASE) == BASE
    assert set(BASE.losses) == {"contrastive", "adversarial", "second_order"}


RECIPE = """epochs = 1
batch_size = 4
bank = 0
validate_every = 1
[model]
lexical_share = 0.0
grounded = false
[model.words]
width = 8
layers = 1
heads = 2
feedforward = 8
table = 64
[model.gine]
width = 8
layers = 1
hidden = 8
[model.projector]
width = 8
slots = 2
heads = 2
out = 8
head = "paper"
[losses]
contrastive = 1.0
adversarial = 2e-4
second_order = 1.0
"""


@pytest.mark.slow
def test_every_row_is_trained_ranked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    files = [tmp_path / name for name in ("train.tsv", "val.tsv", "pool.tsv")]
    for file, kind, letter in zip(files, ("amine", "alcohol", "pool"), "NOO", strict=True):
        rows = "".join(f"{'C' * n}{letter}\t{kind} number {n}\n" for n in range(1, 9))
        file.write_text("smiles\ttext\n" + rows)
    recipe = str(tmp_path / "tiny.toml")
    ablation = ablate(*files, tmp_path / "out", recipe=recipe, only="", seeds=(1,))
    assert ablation["pool"] == ablation["queries"] == 8
    for name, (figures,) in ablation["rows"].items():  # type: ignore[attr-defined]
        assert 0 <= figures["hits@1"] <= figures["hits@10"] == 100, name  # eight molecules stand among the first ten

    def train(self: object, **_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("molsearch.training.loop.Trainer.run", train)
    assert ablate(*files, tmp_path / "out", recipe=recipe, only="", seeds=(1,)) == ablation
    with pytest.raises(AssertionError, match="trained again"):
        ablate(*files, tmp_path / "out", recipe=recipe, only="", rows=("InfoNCE alone",), seeds=(2,))


def test_a_row_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ablation 'without hope'"):
        ablate(tmp_path, tmp_path, tmp_path, tmp_path, rows=("without hope",))


def test_the_table_shows_mean_and_deviation_over_seeds() -> None:
    figures = [{"hits@1": hits, "hits@10": 50.0, "mrr": 20.0, "mean_rank": 7.0} for hits in (10.0, 12.0)]
    data = {"rows": {"InfoNCE alone": figures}, "date": "2026-01-01", "machine": "a machine"}
    assert "| InfoNCE alone | 2 | 11.0 ± 1.4 | 50.0 ± 0.0 | 20.0 ± 0.0 | 7.0 ± 0.0 |" in render("ablation", data)
