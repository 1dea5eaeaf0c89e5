"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of training pairs and public libraries beside the checkout; absent in a plain clone."""
    folder = Path(os.environ.get("MOLSEARCH_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"{folder} holds no data folder: set MOLSEARCH_SHARED to run this test")
    return folder
