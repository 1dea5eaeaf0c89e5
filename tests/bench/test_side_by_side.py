"""The side-by-side run: both sides do the same, and a ratio is what its parts say."""

import importlib.util

import numpy as np
import pytest

from molsearch.bench import side_by_side as sidebyside
from molsearch.model.dual import DualEncoder
from molsearch.records import PropertyRange
from molsearch.screener import Screener
from molsearch.settings import Settings

SMILES = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]"] * 3


@pytest.mark.slow
def test_both_ways_of_embedding_are_timed(tiny_model: DualEncoder) -> None:
    laps = sidebyside.embedding_laps(tiny_model, SMILES)
    assert [lap.size for lap in laps] == [12, 12]
    for lap in laps:
        assert lap.ratio == pytest.approx(lap.ours / lap.theirs)
        assert min(lap.ours, lap.theirs) > 0


def test_both_ways_of_searching_find_the_same() -> None:
    pytest.importorskip("faiss")
    plain, filtered = sidebyside.search_laps(3_000)
    for lap in (plain, filtered):
        assert lap.ratio == pytest.approx(lap.theirs / lap.ours)
        assert lap.agreement is not None
        assert lap.agreement > 0.97  # ours keeps half precision, which may swap the last of them


def test_the_filter_of_faiss_lets_the_same_rows_through() -> None:
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    vectors = sidebyside.unit(rng.standard_normal((500, sidebyside.WIDTH), np.float32))
    mass_da = np.arange(500, dtype=np.float32)
    asks = sidebyside.faiss_asks(vectors, mass_da, PropertyRange("mass_da", 100, 139))
    inside = np.arange(100, 140)
    best = inside[np.argsort(-(vectors[inside] @ vectors[7]))][: sidebyside.K]
    assert asks["under a 1 % filter"](vectors[7]).tolist() == best.tolist()
    assert asks["plain"](vectors[7])[0] == 7


@pytest.mark.slow
def test_without_faiss_a_sentence_stands_for_the_search(monkeypatch: pytest.MonkeyPatch, tiny_models, tmp_path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "x.smi").write_text("CCO\nC\n")
    screener = Screener(Settings(home=tmp_path, models=tiny_models, model="default", data=tmp_path))
    found = sidebyside.side_by_side(screener, tmp_path / "x.smi")
    assert [lap.unit for lap in found.laps] == ["molecules/s"] * 2
    assert found.notes == (sidebyside.NO_FAISS,)
