"""Features of the eight pairs, as the tests of training make them."""

from tests.training.conftest import features

__all__ = ["features"]
