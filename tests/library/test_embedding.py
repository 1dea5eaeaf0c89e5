"""A library to vectors: order, bounded memory, and nothing lost to one molecule that cannot be read."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.pool import FeaturePool
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import Cancelled, InputError
from molsearch.index.base import Batch
from molsearch.library import embedding
from molsearch.library.embedding import LARGE, MOST_WORKERS, embed, workers_for
from molsearch.model.dual import DualEncoder
from molsearch.records import Entry, Molecule, Progress, Reason, Rejection

SMILES = ("CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C[C@H](N)C(=O)O", "Nc1ccc(S(N)(=O)=O)cc1", "C")


def molecule(key: str, *rows: int) -> Molecule:
    return Molecule(key, key, tuple(Entry(row, key, "smiles") for row in rows or (1,)))


def joined(batches: Sequence[Batch]) -> tuple[list[str], np.ndarray]:
    return [one.key for batch in batches for one in batch.molecules], np.concatenate([b.vectors for b in batches])


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_vectors_stand_beside_their_molecules_whatever_the_batch_size(tiny_model: DualEncoder, batch_size: int) -> None:
    keys, vectors = joined(list(embed(map(molecule, SMILES), tiny_model, batch_size)))
    assert tuple(keys) == SMILES
    alone = np.concatenate([tiny_model.encode_molecules([key]) for key in SMILES])
    np.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_a_batch_carries_the_models_constants(tiny_model: DualEncoder) -> None:
    (batch,) = embed(map(molecule, SMILES), tiny_model)
    np.testing.assert_allclose(batch.constants, tiny_model.constants(batch.vectors), atol=1e-6)


def test_only_one_batch_of_molecules_is_taken_at_a_time(tiny_model: DualEncoder) -> None:
    taken = []

    def stream() -> Iterator[Molecule]:
        for key in SMILES:
            taken.append(key)
            yield molecule(key)

    next(embed(stream(), tiny_model, batch_size=3))
    assert len(taken) == 3


def test_a_molecule_that_cannot_be_read_costs_its_own_records_only(tiny_model: DualEncoder) -> None:
    refused: list[Rejection] = []
    molecules = [molecule("CCO"), molecule("no structure", 4, 9), molecule("c1ccccc1")]
    keys, vectors = joined(list(embed(molecules, tiny_model, reject=refused.append)))
    assert keys == ["CCO", "c1ccccc1"]
    np.testing.assert_allclose(vectors, tiny_model.encode_molecules(["CCO", "c1ccccc1"]), atol=1e-5)
    assert [(one.entry.row, one.reason) for one in refused] == [(4, Reason.UNREADABLE), (9, Reason.UNREADABLE)]


def test_a_batch_of_which_nothing_can_be_read_is_left_out(tiny_model: DualEncoder) -> None:
    refused: list[Rejection] = []
    assert list(embed([molecule("no structure")], tiny_model, reject=refused.append)) == []
    assert len(refused) == 1


def test_without_anyone_to_tell_a_molecule_that_cannot_be_read_is_an_error(tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match="no structure"):
        list(embed([molecule("no structure")], tiny_model))


def test_a_fault_of_the_model_is_not_blamed_on_the_molecules() -> None:
    class Broken:
        def vectors_of_graphs(self, store: GraphStore, *, progress: Progress | None = None) -> np.ndarray:
            raise RuntimeError("the device went away")

        def constants(self, vectors: np.ndarray) -> np.ndarray:
            return np.zeros(len(vectors), np.float32)

    refused: list[Rejection] = []
    with pytest.raises(RuntimeError, match="device went away"):
        list(embed([molecule("CCO")], Broken(), reject=refused.append))
    assert refused == []


def test_progress_never_falls_and_ends_at_the_total(tiny_model: DualEncoder) -> None:
    told: list[tuple[int, int]] = []
    list(embed(map(molecule, SMILES), tiny_model, 2, lambda done, total: told.append((done, total)), total=len(SMILES)))
    assert all(before <= after for (before, _), (after, _) in pairwise(told))
    assert told[-1] == (len(SMILES), len(SMILES))


def test_a_progress_that_cancels_stops_the_embedding(tiny_model: DualEncoder) -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        list(embed(map(molecule, SMILES), tiny_model, progress=cancel, reject=lambda _: None))


def test_no_molecules_give_no_batches(tiny_model: DualEncoder) -> None:
    assert list(embed([], tiny_model)) == []


def test_each_stored_property_is_a_column_as_long_as_the_batch(tiny_model: DualEncoder) -> None:
    (batch,) = embed([molecule("CCO"), molecule("c1ccccc1")], tiny_model)
    assert set(batch.properties) == set(PROPERTIES)
    assert {column.shape for column in batch.properties.values()} == {(2,)}
    assert batch.properties["mass_da"] == pytest.approx([46.069, 78.114], abs=0.001)


def test_properties_stand_beside_their_molecules_where_one_is_refused(tiny_model: DualEncoder) -> None:
    (batch,) = embed([molecule("no structure"), molecule("C")], tiny_model, reject=lambda _: None)
    assert batch.properties["mass_da"] == pytest.approx([16.043], abs=0.001)


@pytest.mark.parametrize("batch_size", [4, 100])
@pytest.mark.slow
def test_processes_give_what_this_process_gives(tiny_model: DualEncoder, batch_size: int) -> None:
    molecules = [molecule(key, row) for row, key in enumerate([*SMILES, "no structure", *SMILES], start=1)]
    runs = []
    for workers in (0, 2):
        refused: list[Rejection] = []
        batches = list(embed(molecules, tiny_model, batch_size, reject=refused.append, workers=workers))
        runs.append((batches, refused))
    (here, refused_here), (there, refused_there) = runs
    assert [batch.molecules for batch in there] == [batch.molecules for batch in here]
    assert refused_there == refused_here
    assert [one.entry.row for one in refused_there] == [8]
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-6)  # torch may add up in another order
        np.testing.assert_allclose(one.constants, other.constants, atol=1e-6)
        for name, column in one.properties.items():
            np.testing.assert_array_equal(column, other.properties[name])


def test_processes_work_within_a_thread(tiny_model: DualEncoder) -> None:
    with ThreadPoolExecutor(1) as thread:
        batches = thread.submit(lambda: list(embed(map(molecule, SMILES), tiny_model, workers=1))).result()
    assert joined(batches)[0] == list(SMILES)


def test_cancelling_ends_the_processes(tiny_model: DualEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = []

    class Watched(FeaturePool):
        def __exit__(self, *error: object) -> None:
            super().__exit__(*error)
            pools.append(self)

    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    monkeypatch.setattr(embedding, "FeaturePool", Watched)
    with pytest.raises(Cancelled):
        list(embed(map(molecule, SMILES), tiny_model, 2, cancel, workers=1))
    assert len(pools) == 1
    assert not any(pool.alive() for pool in pools)


def test_only_a_large_library_is_worth_processes() -> None:
    assert workers_for(0) == workers_for(LARGE - 1) == 0
    assert 0 <= workers_for(LARGE) <= MOST_WORKERS


def test_torch_has_its_threads_again_after_the_processes(tiny_model: DualEncoder) -> None:
    before = torch.get_num_threads()
    list(embed(map(molecule, SMILES), tiny_model, workers=1))
    assert torch.get_num_threads() == before
