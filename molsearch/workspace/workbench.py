"""Work with what was found: pick, cluster and map molecules, keep them in a basket, and save it."""

import threading
from collections.abc import MutableMapping, Sequence
from typing import BinaryIO

from cachetools import LRUCache

from molsearch.analysis.chemspace import ChemSpace, project
from molsearch.chem import diversity
from molsearch.chem.diversity import Cluster
from molsearch.chem.io.formats import FORMATS
from molsearch.errors import InputError, LibraryError
from molsearch.records import Hit, LibraryInfo, Molecule, Progress, Ranking
from molsearch.screener import Screener
from molsearch.search.calibration import MatchProbability
from molsearch.workspace.basket import Basket, Origin, export_rows, open_saved, save
from molsearch.workspace.session import SessionScreener

KEPT_MAPS = 4  # eight bytes a molecule each


class Workbench(SessionScreener):
    """What a session's pages talk to: its Screener, and the tools for what was found.

    Args:
        shared: The Screener of all sessions.
    """

    def __init__(self, shared: Screener) -> None:
        super().__init__(shared)
        self._lock = threading.Lock()
        self._maps: MutableMapping[tuple[str, LibraryInfo], ChemSpace] = LRUCache(KEPT_MAPS)

    # Match evidence

    def evidence(self, ranking: Ranking, hits: Sequence[Hit]) -> tuple[MatchProbability, ...]:
        """Judge how good some hits of a ranking are, see ``MatchJudge.judge``; one account a hit, or none at all.

        Raises:
            LibraryError: If the library is no longer there, or lacks a hit.
            ModelError: If the model's calibration cannot be used.
        """
        index = self.open_library(ranking.library, self.model.model_id)
        rows = index.rows_of([hit.molecule.key for hit in hits])
        if len(rows) < len({hit.molecule.key for hit in hits}):
            raise LibraryError(f"The library {ranking.library!r} changed since the search: search again.")
        return self.match_judge.judge(ranking, index.vectors_of([rows[hit.molecule.key] for hit in hits]))

    # Basket

    def origin(self, library: str) -> Origin:
        """Describe a library as it stands, for what is picked from it.

        Raises:
            LibraryError: If there is none or it is damaged.
        """
        index = self.open_library(library, None)
        info = index.info
        return Origin(info.name, info.molecules, info.model_id, index.content_sha256())

    def save_basket(self, basket: Basket) -> bytes:
        """Write a basket as one file, see ``basket.save``."""
        return save(basket, self.model.model_id)

    def open_basket(self, content: bytes, progress: Progress | None = None) -> Basket:
        """Read a basket from a file of unknown origin.

        Raises:
            InputError: If anything in it is not as ``save_basket`` writes it; the sentence names the place.
        """
        return open_saved(content, self.read_options(), self.settings.max_query_chars, progress)

    def export_basket(self, basket: Basket, suffix: str, stream: BinaryIO) -> None:
        """Write every source record of the molecules of a basket: what is known of them first, then its own tags.

        Args:
            basket: The basket.
            suffix: A row of ``chem.io.formats.FORMATS`` that can be written, such as ".sdf".
            stream: Binary stream.

        Raises:
            InputError: If the format cannot be written or holds fewer rows.
        """
        row = FORMATS.get(suffix)
        if row is None or row.write is None:
            known = ", ".join(name for name, each in FORMATS.items() if each.write)
            raise InputError(f"No file of kind {suffix[:20]!r} can be written: choose one of {known}.")
        row.write(export_rows(basket), stream)

    # Picks

    def diverse(
        self, molecules: Sequence[Molecule], count: int, seed: int | None = None, progress: Progress | None = None
    ) -> list[int]:
        """Pick molecules that differ from one another, see ``chem.diversity.diverse``; positions, first pick first."""
        return diversity.diverse([molecule.key for molecule in molecules], count, seed, progress)

    def clusters(self, molecules: Sequence[Molecule], cutoff: float, progress: Progress | None = None) -> list[Cluster]:
        """Cluster molecules by likeness, see ``chem.diversity.clusters``; largest first."""
        return diversity.clusters([molecule.key for molecule in molecules], cutoff, progress)

    # Map

    def chemspace(self, library: str, progress: Progress | None = None) -> ChemSpace:
        """Place every molecule of a library in the plane; the maps last asked for are kept.

        Raises:
            LibraryError: If there is none or it is damaged.
        """
        index = self.open_library(library, None)
        place = (index.address, index.info)
        with self._lock:
            space = self._maps.get(place)
        if space is None:
            space = project(index.vectors(), progress=progress)
            with self._lock:
                self._maps[place] = space
        return space

    def rows_of(self, library: str, keys: Sequence[str]) -> dict[str, int]:
        """Return the row of each key that a library holds."""
        return self.open_library(library, None).rows_of(keys)

    def molecules_at(self, library: str, rows: Sequence[int]) -> list[Molecule]:
        """Return the molecules of the given rows, in their order."""
        return self.open_library(library, None).molecules(rows)
