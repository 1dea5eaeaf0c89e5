"""The learning curve: the line by hand, and a run on a tiny set that goes on where it stopped."""

import math
from pathlib import Path

import pytest

from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.learning_curve import count_molecules, fingerprint, fit, learning_curve
from molsearch.training.recipe import load_recipe


def test_a_straight_line_is_extended_without_error() -> None:
    line = fit([100, 200, 400, 800], [10, 15, 20, 25], at=1600)
    assert line.per_doubling == pytest.approx(5)
    assert line.predicted == pytest.approx(30)
    assert line.interval == pytest.approx((30, 30), abs=1e-6)


def test_scatter_widens_the_prediction_by_the_textbook_s_formula() -> None:
    # x = 0, 1, 2, 3; y = 1, 3, 2, 4: slope 0.8, start 1.3, residuals -0.3, 0.9, -0.9, 0.3, s² = 1.8 / 2.
    line = fit([1, 2, 4, 8], [1, 3, 2, 4], at=16)
    assert (line.per_doubling, line.predicted) == (pytest.approx(0.8), pytest.approx(4.5))
    half = 4.30265 * math.sqrt(0.9 * (1 + 1 / 4 + (4 - 1.5) ** 2 / 5))
    assert line.interval == (pytest.approx(0), pytest.approx(4.5 + half, abs=1e-3))  # never below 0


def test_two_points_have_no_error_to_state() -> None:
    with pytest.raises(InputError, match="3 points or more, got 2"):
        fit([1, 2, 2], [1, 2, 3])


def test_molecules_of_the_training_split_are_counted_once() -> None:
    rows = [PairRow("a", "C", chebi20_split="train"), PairRow("b", "C", chebi20_split="train"), PairRow("c", "CC")]
    assert count_molecules(rows) == 1
    assert count_molecules(rows[2:]) == 1


RECIPE = """epochs = 1
batch_size = 2
bank = 2
[model]
lexical_share = 1.0
[model.lexical]
grams = 256
width = 8
hidden = 8
out = 8
"""


def test_a_curve_is_trained_measured_and_not_trained_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    files = [tmp_path / name for name in ("train.tsv", "val.tsv", "pool.tsv")]
    for file, kind, letter in zip(files, ("amine", "alcohol", "pool"), "NOO", strict=True):
        rows = "".join(f"{'C' * n}{letter}\t{kind} number {n}\n" for n in range(1, 13))
        file.write_text("smiles\ttext\n" + rows)

    recipe = str(tmp_path / "tiny.toml")

    def run() -> dict[str, object]:
        return learning_curve(recipe, *files, tmp_path / "out", shares=(0.25, 0.5, 1), whole=64)

    curve = run()
    assert [point["captions"] for point in curve["points"]] == [3, 6, 12]  # type: ignore[attr-defined]
    assert set(curve["fits"]) == {"names on", "names off"}  # type: ignore[call-overload]
    weights = tmp_path / "out" / "share-0.5-seed-0" / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    assert run()["points"][1]["hits"] == curve["points"][1]["hits"]  # type: ignore[index]
    assert weights.stat().st_mtime_ns == before
    mark = fingerprint(load_recipe(recipe), files)
    files[0].write_text(files[0].read_text().replace("amine", "base"))
    assert fingerprint(load_recipe(recipe), files) != mark  # other captions, another model
