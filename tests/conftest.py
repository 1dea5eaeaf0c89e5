"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.model.molecule import GineConfig
from molsearch.model.projector import ProjectorConfig
from molsearch.model.text import WordConfig

torch.set_num_threads(1)  # the models here are so small that more threads only wait for one another


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of training pairs and public libraries beside the checkout; absent in a plain clone."""
    folder = Path(os.environ.get("MOLSEARCH_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"{folder} holds no data folder: set MOLSEARCH_SHARED to run this test")
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with one, "default": every part of the real one, seeded, untrained and very small."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    config = DualConfig(
        words=WordConfig(width=16, layers=1, heads=2, feedforward=16, table=512),
        gine=GineConfig(width=16, layers=2, hidden=16),
        projector=ProjectorConfig(width=16, slots=4, heads=2, out=8),
        lexical=LexicalConfig(grams=512, width=8, hidden=8, out=8),
    )
    model = DualEncoder(config)
    model.bank = torch.nn.functional.normalize(torch.randn(12, model.width))  # so that constants are not all zero
    model.save(folder / "default")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_models: Path) -> DualEncoder:
    """The tiny model, loaded."""
    return DualEncoder.load(tiny_models / "default")
