"""The pool: what it holds does not depend on how many molecules are encoded at once."""

import numpy as np
import pytest

from molsearch.chem.features.features import features_of
from molsearch.chem.io.pairs import PairRow
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.evaluation import candidates as scoring
from molsearch.evaluation import text_only
from molsearch.evaluation.candidates import CandidatePool
from molsearch.evaluation.text_only import TextOnlyModel
from molsearch.model.dual import DualEncoder

SMILES = ("CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CS(N)(=O)=O", "C1CCNCC1")
ROWS = tuple(PairRow("", smiles) for smiles in SMILES)


@pytest.mark.parametrize("graphs", [2, 5, 100])
def test_a_pool_encoded_in_parts_is_the_pool(
    tiny_model: DualEncoder, monkeypatch: pytest.MonkeyPatch, graphs: int
) -> None:
    monkeypatch.setattr(scoring, "GRAPHS", graphs)
    steps: list[tuple[int, int]] = []
    pool = CandidatePool(tiny_model, ROWS, lambda done, total: steps.append((done, total)))
    np.testing.assert_allclose(pool.vectors(), tiny_model.encode_molecules(SMILES), atol=1e-6)
    features = features_of(SMILES)
    assert features.store is not None
    np.testing.assert_array_equal(pool.flags(), features.store.class_bits())
    np.testing.assert_array_equal(pool.properties("mass_da"), features.properties[:, list(PROPERTIES).index("mass_da")])
    assert steps[-1] == (5, 5) and steps == sorted(steps)


def test_words_alone_are_encoded_in_parts_too(tiny_model: DualEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_only, "GRAPHS", 2)
    vectors = TextOnlyModel(tiny_model).encode_molecules(SMILES)
    np.testing.assert_allclose(vectors, tiny_model.encode_molecules(SMILES), atol=1e-6)


def test_a_structure_that_cannot_be_read_is_named(tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match="nothing"):
        CandidatePool(tiny_model, [*ROWS, PairRow("", "nothing")])
