"""Where things live and what is allowed; the only reader of the environment."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

PROJECT = Path(__file__).resolve().parent.parent


def _home() -> Path:
    return Path(os.environ.get("MOLSEARCH_HOME") or platformdirs.user_data_dir("molsearch", appauthor=False))


def _models() -> Path:
    return Path(os.environ.get("MOLSEARCH_MODELS") or PROJECT / "models")


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders, device and limits.

    Attributes:
        home: Where libraries are stored (environment variable MOLSEARCH_HOME).
        models: Folder of model folders (environment variable MOLSEARCH_MODELS).
        model: Name of the model folder in use (environment variable MOLSEARCH_MODEL).
        data: The shipped example libraries and queries.
        device: Torch device name (environment variable MOLSEARCH_DEVICE).
        engine: Name of the index engine for new libraries (a row of index.base.ENGINES).
        batch_molecules: How many molecules of a library are encoded, and then kept in case of a kill, together.
        max_atoms: A record with more heavy atoms becomes a rejection.
        max_record_bytes: A record with more text becomes a rejection.
        max_query_chars: A longer query is refused.
        record_timeout_s: A record that RDKit cannot finish in this time becomes a rejection.
    """

    home: Path = field(default_factory=_home)
    models: Path = field(default_factory=_models)
    model: str = field(default_factory=lambda: os.environ.get("MOLSEARCH_MODEL", "default"))
    data: Path = PROJECT / "data"
    device: str = field(default_factory=lambda: os.environ.get("MOLSEARCH_DEVICE", "cpu"))
    engine: str = "exact"
    batch_molecules: int = 4_096
    max_atoms: int = 1000
    max_record_bytes: int = 2_000_000
    max_query_chars: int = 10_000
    record_timeout_s: float = 20.0

    @property
    def libraries(self) -> Path:
        """Folder that holds one subfolder per stored library."""
        return self.home / "libraries"

    @property
    def private(self) -> Path:
        """Folder of libraries of one browser session each, beside the kept ones, so that keeping one is a rename."""
        return self.home / "private"


def silence_ray() -> None:
    """Keep Ray from reporting its use over the network, unless the user's environment says otherwise."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
