"""Which molecules look alike, and batches in which they meet."""

import numpy as np
import pytest

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.graph import featurise
from molsearch.training.neighbours import nearest_molecules, neighbour_batches

SMILES = ("CCCCCCO", "CCCCCCCO", "c1ccncc1", "Cc1ccncc1", "NS(=O)(=O)c1ccccc1", "CNS(=O)(=O)c1ccccc1")


@pytest.fixture(scope="module")
def nearest():
    store = GraphStore.of([featurise(smiles) for smiles in SMILES])
    return nearest_molecules(store, np.arange(len(SMILES)), 2)


def test_the_homologue_comes_first(nearest):
    assert nearest[:, 0].tolist() == [1, 0, 3, 2, 5, 4]


def test_no_molecule_is_its_own_neighbour(nearest):
    assert not (nearest == np.arange(len(SMILES))[:, None]).any()


def test_fewer_molecules_give_fewer_neighbours():
    store = GraphStore.of([featurise(smiles) for smiles in SMILES[:2]])
    assert nearest_molecules(store, np.arange(2), 9).tolist() == [[1], [0]]


def batches(nearest, group, epoch=0):
    molecules = np.repeat(np.arange(len(SMILES)), 2)  # two captions each
    return neighbour_batches(molecules, nearest, list(range(12)), 4, group, 7, epoch)


def test_every_caption_stands_once_when_batches_fill_up(nearest):
    assert sorted(np.concatenate(batches(nearest, 2)).tolist()) == list(range(12))


def test_a_group_brings_the_neighbour_and_not_the_molecule_twice(nearest):
    for batch in batches(nearest, 2):
        molecules = batch // 2
        for first, second in molecules.reshape(-1, 2).tolist():
            assert second in nearest[first] or first in nearest[second]
            assert first != second


def test_the_order_follows_seed_and_epoch(nearest):
    same, again, other = batches(nearest, 2), batches(nearest, 2), batches(nearest, 2, epoch=1)
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)
