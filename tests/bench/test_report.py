"""The bench's stages: each timed, none left out, and what they make is what the program makes."""

from pathlib import Path

from molsearch.bench.ceilings import MEANINGS
from molsearch.bench.report import stages_per_s
from molsearch.chem.features.features import features_of
from molsearch.index.base import open_index
from molsearch.model.dual import DualEncoder
from molsearch.model.half_precision import HalfEncoder, supported
from molsearch.records import Entry, Molecule

SMILES = ("CCO", "c1ccccc1", "no structure", "CC(=O)Oc1ccccc1C(=O)O")


def molecules(*keys: str) -> list[Molecule]:
    return [Molecule(key, key, (Entry(row, key, "smiles"),)) for row, key in enumerate(keys, start=1)]


def test_every_stage_has_its_speed(tiny_model: DualEncoder, tmp_path: Path) -> None:
    stages, limits = stages_per_s(tiny_model, molecules(*SMILES), tmp_path / "stages")
    assert (
        list(stages)
        == list(limits)
        == list(MEANINGS)
        == ["parse", "standardise", "featurise", "properties", "forward", "write"]
    )
    assert all(speed > 0 for speed in (*stages.values(), *limits.values()))


def test_the_stages_store_what_the_model_says(tiny_model: DualEncoder, tmp_path: Path) -> None:
    stages_per_s(tiny_model, molecules(*SMILES), tmp_path / "stages")
    index = open_index(tmp_path / "stages", tiny_model.model_id)
    assert [one.key for one in index.iter_molecules()] == [key for key in SMILES if key != "no structure"]
    store = features_of([key for key in SMILES if key != "no structure"]).store
    assert store
    encoder = HalfEncoder(tiny_model) if supported(tiny_model) else tiny_model
    expected = encoder.vectors_of_graphs(store)
    assert abs(index.vectors() - expected).max() < 1e-3  # stored at half precision


def test_nothing_that_can_be_read_has_no_stages(tiny_model: DualEncoder, tmp_path: Path) -> None:
    assert stages_per_s(tiny_model, molecules("no structure"), tmp_path / "stages") == ({}, {})
