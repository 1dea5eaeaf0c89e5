"""The feature cache: what it holds, that it comes back whole, and that no caption is told its own answer."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from molsearch.chem.batch.arrays import RELATIONS, MolGraph
from molsearch.chem.features.graph import featurise
from molsearch.chem.structures import canonical
from molsearch.errors import InputError
from molsearch.model.grounding import TextStructures
from molsearch.query.opsin import available
from molsearch.training.features import VERSION, Caption, TrainingFeatures, _without_own, build, load, save
from tests.training.samples import PAIRS, SMILES

needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")


def test_every_caption_points_at_its_own_molecule(features: TrainingFeatures) -> None:
    for pair, example in zip(PAIRS, features.train, strict=True):
        assert example.text == pair.text
        expected, stored = featurise(pair.smiles), features.store.take([example.molecule]).graph
        for field in fields(MolGraph):
            assert np.array_equal(getattr(stored, field.name), getattr(expected, field.name))


def test_the_pool_points_at_its_molecules_in_order(features: TrainingFeatures) -> None:
    assert [features.train[i].molecule for i in range(8)] == list(features.pool)


def test_captions_are_written_for_training_molecules_only(features: TrainingFeatures) -> None:
    assert {example.molecule for example in features.synthetic_captions} <= {
        example.molecule for example in features.train
    }
    assert len(features.synthetic_captions) > 8
    assert all(example.source == "written" for example in features.synthetic_captions)


@needs_opsin
def test_a_named_structure_is_a_row_of_the_store_with_its_relation(features: TrainingFeatures) -> None:
    example = next(e for e in features.train if e.text == "A conjugate base of benzoic acid.")
    named = featurise("OC(=O)c1ccccc1")
    rows = dict(zip(example.structures, example.relations, strict=True))
    alike = [row for row in rows if features.store.take([row]).graph.atoms.shape == named.atoms.shape]
    assert [RELATIONS[rows[row]] for row in alike] == ["near"]


def test_features_made_in_chunks_by_several_processes_are_the_same(
    monkeypatch: pytest.MonkeyPatch, features: TrainingFeatures
) -> None:
    monkeypatch.setattr("molsearch.training.features._CHUNK", 3)
    seen: list[tuple[int, int]] = []
    spread = build(PAIRS, PAIRS, SMILES, processes=2, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 2 and seen[-1] == (len(features.store), len(features.store))
    assert (spread.train, spread.val, spread.synthetic_captions) == (
        features.train,
        features.val,
        features.synthetic_captions,
    )
    for field in fields(MolGraph):
        assert np.array_equal(getattr(spread.store.graph, field.name), getattr(features.store.graph, field.name))


def test_a_cache_comes_back_as_it_was_saved(tmp_path: Path, features: TrainingFeatures) -> None:
    save(features, tmp_path)
    back = load(tmp_path)
    assert (back.train, back.val, back.synthetic_captions) == (
        features.train,
        features.val,
        features.synthetic_captions,
    )
    assert (back.pool, back.lexicon) == (features.pool, features.lexicon)
    for field in fields(MolGraph):
        saved, loaded = (getattr(f.store.graph, field.name) for f in (features, back))
        assert loaded.dtype == np.int64
        assert np.array_equal(saved, loaded)
    assert np.array_equal(back.store.take([2, 0]).global_edges(), features.store.take([2, 0]).global_edges())


def test_a_large_molecule_comes_back_as_it_was(tmp_path: Path) -> None:
    captions = [Caption("a long chain", "C" * 400), Caption("a metal", "[Pb+2]")]
    features = build(captions, [], [], processes=1)
    save(features, tmp_path)
    graph = load(tmp_path).store.take([features.train[0].molecule]).graph
    assert np.array_equal(graph.counts, featurise("C" * 400).counts)
    assert graph.edges.max() == 399


def test_a_folder_without_a_cache_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No feature cache in .*remove the folder"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["texts.json", "graphs.safetensors"])
def test_a_cache_cut_short_is_told(tmp_path: Path, features: TrainingFeatures, name: str) -> None:
    save(features, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(InputError, match="No feature cache in"):
        load(tmp_path)


def test_a_cache_of_another_version_is_told(tmp_path: Path, features: TrainingFeatures) -> None:
    save(features, tmp_path)
    table = json.loads((tmp_path / "texts.json").read_text())
    (tmp_path / "texts.json").write_text(json.dumps(table | {"version": VERSION - 1}))
    with pytest.raises(InputError, match=f"has version {VERSION - 1}, expected {VERSION}"):
        load(tmp_path)


def test_a_structure_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InputError, match="C1CC"):
        build([Caption("a ring that never closes", "C1CC")], [], [], processes=1)


# --- no caption is told its own answer -----------------------------------------------------------------------------


def test_a_structure_learned_from_the_caption_s_own_molecule_is_dropped_however_it_is_written() -> None:
    own, other = "C[C@H](N)C(=O)O", "OC"
    reading = TextStructures("t", ("N[C@@H](C)C(=O)O", other, "CCN"), (3, 2, 0))
    assert canonical(own) == canonical(reading.structures[0])
    kept = _without_own(reading, Caption("t", own), frozenset({reading.structures[0], other}))
    assert (kept.structures, kept.relations) == ((other, "CCN"), (2, 0))


def test_a_structure_that_opsin_read_stays_even_where_it_is_the_answer() -> None:
    # A caption that spells its molecule's systematic name tells a searcher as much.
    reading = TextStructures("t", ("CCO",), (0,))
    assert _without_own(reading, Caption("t", "OCC"), frozenset()) == reading


def test_training_captions_use_the_lexicon_but_never_for_their_own_molecule() -> None:
    # Both captions hold the trivial name; it was learned from the first.
    captions = [
        Caption("Xyzzylin is a crystalline solid.", "CC(=O)Nc1ccc(O)cc1"),
        Caption("It is a metabolite of xyzzylin.", "Nc1ccc(O)cc1"),
    ]
    features = build(captions, [], [], lexicon={"xyzzylin": captions[0].smiles}, processes=1)
    first, second = features.train
    assert first.molecule not in first.structures
    assert first.molecule in second.structures


def test_the_same_holds_for_validation_captions() -> None:
    caption = Caption("Xyzzylin is a crystalline solid.", "CC(=O)Nc1ccc(O)cc1")
    train = Caption("It is a solid.", "CC(=O)Nc1ccc(O)cc1")
    features = build(
        [train, Caption("a gas", "C")], [caption], SMILES[:1], lexicon={"xyzzylin": train.smiles}, processes=1
    )
    assert features.val[0].structures == ()
