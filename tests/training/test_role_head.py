"""Roles are learned from what captions state of molecules."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from molsearch.analysis.concepts import classes_held
from molsearch.chem.batch.arrays import CLASS_SIZE, pack_classes
from molsearch.chem.features.graph import graph_store
from molsearch.model.dual import DualEncoder
from molsearch.training import role_head
from molsearch.training.role_head import encoded, fit_roles, molecules_with_roles, role_holders, teach, with_narrower

TEXTS = [
    "It has a role as a herbicide and an allergen.",
    "It has a role as an herbicide.",
    "It has a role as a drug.",
    "It is an acid.",
    "It has a role as an allergen. It has a role as a herbicide.",
]


def test_roles_are_counted_by_molecule_the_commonest_first() -> None:
    holders = role_holders(TEXTS, [7, 7, 2, 3, 5])
    assert holders == {"allergen": {5, 7}, "herbicide": {5, 7}, "drug": {2}}
    assert list(holders) == ["allergen", "herbicide", "drug"]
    assert molecules_with_roles(holders) == [2, 5, 7]
    assert molecules_with_roles({}) == []


def test_a_narrower_role_counts_for_the_broader() -> None:
    holders = {
        "antibacterial agent": frozenset({1}),
        "antibacterial drug": frozenset({2}),
        "analgesic": frozenset({3}),
        "opioid analgesic": frozenset({4}),
        "alpha-adrenergic antagonist": frozenset({5}),
        "adrenergic antagonist": frozenset({6}),
        "prodrug": frozenset({7}),
        "anti-inflammatory agent": frozenset({8}),
        "anti-inflammatory drug": frozenset({9}),
        "non-steroidal anti-inflammatory drug": frozenset({10}),
        "estrogen": frozenset({11}),
        "anti-estrogen": frozenset({12}),
    }
    whole = with_narrower(holders)
    assert list(whole) == list(holders)
    assert {role: set(molecules) for role, molecules in whole.items()} == {
        "antibacterial agent": {1, 2},
        "antibacterial drug": {2},
        "analgesic": {3, 4},
        "opioid analgesic": {4},
        "alpha-adrenergic antagonist": {5},
        "adrenergic antagonist": {5, 6},
        "prodrug": {7},
        "anti-inflammatory agent": {8, 9, 10},
        "anti-inflammatory drug": {9, 10},
        "non-steroidal anti-inflammatory drug": {10},
        "estrogen": {11},
        "anti-estrogen": {12},
    }


NO_CLASSES = np.zeros((200, CLASS_SIZE // 8), np.uint8)


def blobs() -> tuple[np.ndarray, np.ndarray, dict[str, frozenset[int]]]:
    """Two kinds of vectors; the second kind has the role. Classes tell nothing."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(200, 16)).astype(np.float32)
    drawn[100:, 0] += 2
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True), NO_CLASSES, {"herbicide": frozenset(range(100, 200))}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role_head, "_STEPS", 60)


def test_what_is_learned_holds_for_molecules_not_seen() -> None:
    vectors, flags, holders = blobs()
    seen = np.arange(0, 200, 2)
    halved = {"herbicide": frozenset(range(50, 100))}
    head = fit_roles(vectors[seen], flags[seen], halved, hidden=16, seed=0)
    log_odds = head.log_odds(vectors[1::2], flags[1::2], [0])[:, 0]
    truth = np.isin(np.arange(1, 200, 2), list(holders["herbicide"]))
    assert roc_auc_score(truth, log_odds) > 0.8


def test_a_class_that_enough_molecules_have_is_learned_from_and_no_other() -> None:
    vectors, _, holders = blobs()
    held = np.zeros((200, CLASS_SIZE), np.bool_)
    held[list(holders["herbicide"]), 3] = True
    held[:4, 7] = True  # too few
    head = fit_roles(np.ones_like(vectors) / 4, np.packbits(held, axis=1), holders, hidden=16, seed=0)
    alike = np.ones((3, 16), np.float32) / 4
    queried = np.zeros((3, CLASS_SIZE), np.bool_)
    queried[1, 3] = queried[2, 7] = True
    neither, member, rare = head.log_odds(alike, np.packbits(queried, axis=1), [0])[:, 0]
    assert member > neither
    assert rare == neither


def test_one_seed_gives_one_head() -> None:
    vectors, flags, holders = blobs()
    heads = [fit_roles(vectors, flags, holders, 8, seed) for seed in (1, 1, 2)]
    first, again, other = (head.log_odds(vectors, flags, [0]) for head in heads)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_molecules_are_encoded_alike_in_one_part_and_in_several(tiny_models) -> None:
    model = DualEncoder.load(tiny_models / "default")
    smiles = ["CCO", "CCN", "c1ccccc1", "CC(=O)O", "[Na+].[Cl-]"]
    vectors, flags = encoded(model, [graph_store(smiles)])
    in_parts = encoded(model, (graph_store(part) for part in (smiles[:2], smiles[2:])))
    np.testing.assert_allclose(in_parts[0], vectors, atol=1e-6)
    np.testing.assert_array_equal(in_parts[1], flags)
    np.testing.assert_array_equal(flags, pack_classes([classes_held(line) for line in smiles]))


def test_a_model_is_taught_the_roles_that_enough_molecules_have(tiny_models, tmp_path) -> None:
    model = DualEncoder.load(tiny_models / "default")
    before = model.model_id
    smiles = ["CCO", "CCN", "c1ccccc1"]
    flags = pack_classes([classes_held(line) for line in smiles])
    holders = {"herbicide": frozenset({4, 9}), "drug": frozenset({6})}
    teach(model, holders, lambda numbers: (model.encode_molecules(smiles), flags), least=2, seed=0)
    assert model.role_names == ("herbicide",)
    assert model.odds.head is model.role_head
    model.save(tmp_path)
    again = DualEncoder.load(tmp_path)
    assert again.role_names == model.role_names
    assert again.model_id == model.model_id != before
    assert again.role_head is not None
    vectors = model.encode_molecules(smiles)
    np.testing.assert_allclose(
        again.role_head.log_odds(vectors, flags, [0]), model.role_head.log_odds(vectors, flags, [0]), atol=0.05
    )  # half precision


def test_where_no_role_has_enough_molecules_the_model_has_no_head(tiny_models, tmp_path) -> None:
    model = DualEncoder.load(tiny_models / "default")
    teach(
        model,
        {"drug": frozenset({6})},
        lambda numbers: (model.encode_molecules(["CCO"]), NO_CLASSES[:1]),
        least=2,
        seed=0,
    )
    assert model.role_head is None
    model.save(tmp_path)
    assert not (tmp_path / "roles.json").exists()
