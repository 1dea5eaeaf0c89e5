"""Features of the eight pairs, made once."""

import pytest

from molsearch.training.features import TrainingFeatures, build
from tests.training.samples import PAIRS, SMILES


@pytest.fixture(scope="session")
def features() -> TrainingFeatures:
    """The eight pairs to learn from and to validate on."""
    return build(PAIRS, PAIRS, SMILES, processes=1)
