"""Fixtures shared by all tests."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.model.molecule import GineConfig
from molsearch.model.projector import ProjectorConfig
from molsearch.model.text import WordConfig

torch.set_num_threads(1)  # the models here are so small that more threads only wait for one another

#: Folders whose tests share a server, which is started once where one process runs them all.
TOGETHER = ("tests/browser/", "tests/index/")
MOST_PROCESSES = 4  # each holds torch and a model or two: 1 to 2 GB


def pytest_configure(config: pytest.Config) -> None:
    """Keep libraries in a folder of this process's own: not in the developer's, nor in that of another process."""
    home = tempfile.TemporaryDirectory(prefix="molsearch-tests-")
    config.add_cleanup(home.cleanup)
    os.environ["MOLSEARCH_HOME"] = home.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold slow tests, so that in the end no process waits long for another."""
    slow = {scope(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: scope(item.nodeid) not in slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Count the processes to run tests in: one for each core, none beside this one where test files are named."""
    if any(".py" in name for name in config.option.file_or_dir):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests among the processes by file, and some by folder."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return Scheduling(config, log)


def scope(nodeid: str) -> str:
    """Name what one process runs as a whole."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


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
