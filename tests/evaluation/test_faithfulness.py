"""The deletion test of explanations: its arithmetic on a model made by hand, and the shipped model passing it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from molsearch.analysis.explain import without_spans
from molsearch.chem.masking import without_atoms, without_each_atom
from molsearch.errors import InputError
from molsearch.evaluation.faithfulness import DRAWS, SHARE, measure
from molsearch.evaluation.registry import Request
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "data" / "examples.csv"
Floats = npt.NDArray[np.float32]


class Counter:
    """A model whose cosine is known by hand: a text's worth is its "good" words, a molecule's its oxygens, of ten."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        return np.array([[text.split().count("good") / 10, 1.0] for text in texts], np.float32)

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> Floats:
        return np.array([[1.0, structure.count("O") / 10] for structure in smiles], np.float32)


def explained(pairs: Path, **options: Any) -> dict[str, object]:
    return measure(Request(pairs, loaded=Counter(), **options))  # type: ignore[arg-type]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """One pair: ten words of which two are good, ten atoms of which two are oxygens."""
    words = " ".join(["good" if place in (2, 7) else f"w{place}" for place in range(10)])
    (tmp_path / "pairs.tsv").write_text(f"smiles\ttext\nOCCCCCCCCO\t{words}\n")
    return tmp_path / "pairs.tsv"


def test_top_random_and_least_fall_by_what_they_are_worth(pairs: Path) -> None:
    sides = explained(pairs)
    for side in ("atoms", "words"):
        figures = sides[side]
        assert isinstance(figures, dict)
        assert (figures["pairs"], figures["deleted"]) == (1, 2.0)
        assert figures["top"]["mean"] == pytest.approx(0.2)  # both that count
        assert figures["least"]["mean"] == pytest.approx(0.0)
        assert 0 <= figures["random"]["mean"] < 0.2
        assert figures["top_minus_random"]["mean"] == pytest.approx(0.2 - figures["random"]["mean"])
        assert figures["top_beats_random"] == 100.0


def test_random_deletions_fall_by_their_share_in_the_mean(tmp_path: Path) -> None:
    rows = [f"OCCCCCCCCO\tgood good {' '.join(f'w{n}{place}' for place in range(8))}" for n in range(60)]
    (tmp_path / "pairs.tsv").write_text("smiles\ttext\n" + "\n".join(rows) + "\n")
    sides = explained(tmp_path / "pairs.tsv")
    for side in ("atoms", "words"):
        figures = sides[side]
        assert isinstance(figures, dict)
        assert figures["random"]["mean"] == pytest.approx(0.2 * SHARE, abs=0.01)
        low, high = figures["random"]["interval"]
        assert low <= figures["random"]["mean"] <= high
    assert sides["random_draws"] == DRAWS


def test_the_same_seed_measures_the_same(pairs: Path) -> None:
    assert explained(pairs, seed=3) == explained(pairs, seed=3)


def test_pairs_without_a_choice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("smiles\ttext\nC\tmethane\n")
    with pytest.raises(InputError, match="two atoms and two words"):
        explained(tmp_path / "pairs.tsv")


@pytest.mark.parametrize("sample", [0, -1])
def test_an_empty_sample_is_refused(pairs: Path, sample: int) -> None:
    with pytest.raises(InputError, match="--sample"):
        explained(pairs, sample=sample)


def test_progress_counts_the_pairs(pairs: Path) -> None:
    seen: list[tuple[int, int]] = []
    explained(pairs, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 1)]


def test_several_atoms_become_wildcards_at_once() -> None:
    assert without_atoms("OCC", [(0, 2), ()]) == ["*C*", "CCO"]
    assert without_atoms("c1ccccc1O", [(n,) for n in range(7)]) == without_each_atom("c1ccccc1O")


@pytest.mark.parametrize("smiles", ["c1ccc2ccccc2c1", "c1cc[nH]c1", "O=c1[nH]cnc2nc[nH]c12", "[O-][n+]1ccccc1"])
def test_any_half_of_an_aromatic_molecule_may_go(smiles: str) -> None:
    count = len(without_each_atom(smiles))
    groups = [tuple(range(start, start + count // 2)) for start in range(count - count // 2 + 1)]
    assert all(written.count("*") == count // 2 for written in without_atoms(smiles, groups))


def test_several_words_leave_no_gap() -> None:
    assert without_spans("an acid of great strength", [(0, 2), (11, 16)]) == "acid of strength"


@pytest.mark.slow
def test_the_shipped_models_explanations_point_at_what_matters() -> None:
    model = DualEncoder.load(ROOT / "models" / "default")
    sides = measure(Request(EXAMPLES, loaded=model, text_column="description", sample=8))
    for side in ("atoms", "words"):
        figures = sides[side]
        assert isinstance(figures, dict)
        assert figures["top"]["mean"] > figures["random"]["mean"] > figures["least"]["mean"]
        assert figures["top_minus_random"]["interval"][0] > 0
        assert figures["top_beats_random"] >= 75
