"""The shipped model in bfloat16 ranks as it does in float32."""

import numpy as np
import pytest
import torch

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.features import features_of
from molsearch.chem.ontology.classes import CLASSES
from molsearch.model.dual import DualEncoder
from molsearch.model.half_precision import BATCH, HalfEncoder, supported
from molsearch.settings import PROJECT

QUERIES = 60


@pytest.fixture(scope="module")
def shipped() -> DualEncoder:
    return DualEncoder.load(PROJECT / "models" / "default")


@pytest.fixture(scope="module")
def store() -> GraphStore:
    features = features_of(sorted({chemical.example for chemical in CLASSES}))
    assert features.store is not None
    return features.store


def ranks(scores: np.ndarray) -> np.ndarray:
    return scores.argsort(1, kind="stable").argsort(1, kind="stable").astype(np.float64)


def spearman(first: np.ndarray, other: np.ndarray) -> list[float]:
    pairs = zip(ranks(first), ranks(other), strict=True)
    return [float(np.corrcoef(first, second)[0, 1]) for first, second in pairs]


@pytest.mark.slow
def test_every_query_ranks_molecules_as_in_float32(shipped: DualEncoder, store: GraphStore) -> None:
    half = HalfEncoder(shipped)
    texts = shipped.encode_texts([chemical.name for chemical in CLASSES[:: len(CLASSES) // QUERIES]])
    scores = []
    for encoder in (shipped, half):
        vectors = encoder.vectors_of_graphs(store)
        scores.append(texts @ vectors.T + encoder.constants(vectors))
    assert len(scores[0]) >= QUERIES
    assert min(spearman(*scores)) >= 0.999


def test_rows_are_of_unit_length_and_stand_in_the_order_of_the_store(shipped: DualEncoder, store: GraphStore) -> None:
    vectors = HalfEncoder(shipped).vectors_of_graphs(store)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    nearest = (vectors @ shipped.vectors_of_graphs(store).T).argmax(1)
    assert (nearest == np.arange(len(store))).mean() > 0.95  # some examples of the table are twins


def test_other_molecules_in_the_batch_do_not_change_a_vector(shipped: DualEncoder, store: GraphStore) -> None:
    half = HalfEncoder(shipped)
    whole = half.vectors_of_graphs(store)
    alone = half.vectors_of_graphs(store.take([0, BATCH + 3]))
    np.testing.assert_allclose(alone, whole[[0, BATCH + 3]], atol=2e-3)


def test_progress_ends_at_the_number_of_molecules(shipped: DualEncoder, store: GraphStore) -> None:
    reports: list[tuple[int, int]] = []
    HalfEncoder(shipped).vectors_of_graphs(store, progress=lambda done, total: reports.append((done, total)))
    assert reports[-1] == (len(store), len(store))


def test_a_processor_without_bfloat16_is_not_asked_for_it(
    shipped: DualEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert not supported(shipped)
