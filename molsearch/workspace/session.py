"""One browser session's view: the libraries kept on this computer, and beside them its own, which no other sees."""

import os
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from molsearch.errors import InputError, LibraryError
from molsearch.index.base import Index
from molsearch.index.moving import move_library
from molsearch.library.addition import JOURNALS, journal_of
from molsearch.library.store import LibraryStore, Mask
from molsearch.records import IngestionProgress, Library, LibraryInfo, Progress
from molsearch.screener import EXAMPLES, Screener

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

PRIVATE_HOURS = 24.0  # private libraries that long without use are removed, though their session still stands
_LOCK = "session.lock"  # held while the session stands
_USED = "session.used"  # its time is that of the last use; trying a lock touches the lock's own


class SessionStore(LibraryStore):
    """A session's own store. What it lacks is read from the kept one; what it has hides a kept library of that name.

    ``names``, ``infos``, ``fill``, ``remove`` and ``address_of`` are about its own libraries alone.

    Args:
        home: Where its libraries live.
        kept: The store of the libraries that all sessions see.
    """

    def __init__(self, home: Path, kept: LibraryStore) -> None:
        super().__init__(home, "exact")
        self._kept_store = kept

    def info(self, name: str) -> LibraryInfo:
        """Describe a library, an own one before a kept one."""
        return super().info(name) if name in self.names() else self._kept_store.info(name)

    def open(self, name: str, model_id: str | None) -> Index:
        """Open a library, an own one before a kept one."""
        return super().open(name, model_id) if name in self.names() else self._kept_store.open(name, model_id)

    def hand_over(self, name: str, new_name: str) -> LibraryInfo:
        """Move an own library to the kept ones."""
        info = move_library(self.address_of(name), self._kept_store.address_of(new_name), new_name)
        self.forget(name)
        return info

    def mask(
        self, index: Index, what: str, judge: Callable[[Iterator[str]], Iterator[bool]], progress: Progress | None
    ) -> Mask:
        """Return the answers of an own or a kept library, which each store keeps for itself."""
        own = Path(index.address).parent == Path(self.home)  # by place, as names and counts may be those of another
        if own:
            return super().mask(index, what, judge, progress)
        return self._kept_store.mask(index, what, judge, progress)


class SessionScreener(Screener):
    """The shared Screener with private libraries in front of its kept ones.

    Private libraries lie in a folder of their own, which goes when the session ends; where the program was killed,
    a later session sweeps it away.

    Args:
        shared: The Screener of all sessions, which holds the model and the kept libraries.
    """

    def __init__(self, shared: Screener) -> None:
        self._shared = shared
        self._folder = shared.settings.private / uuid.uuid4().hex
        self._own = SessionStore(self._folder, shared.store)
        super().__init__(shared.settings, self._own, self._folder / JOURNALS)
        self.alignment_study = shared.alignment_study
        self.concept_cache = shared.concept_cache
        self.match_judge = shared.match_judge
        self._had: set[str] = set()
        self._closing: weakref.finalize[..., SessionScreener] | None = None
        sweep(shared.settings.private)

    @property
    def model(self) -> "DualEncoder":
        """The encoder that all sessions share."""
        return self._shared.model

    @property
    def kept(self) -> Screener:
        """The Screener of all sessions, for what is to be done with kept libraries."""
        return self._shared

    def libraries(self) -> list[LibraryInfo]:
        """List the kept libraries by name, then the private ones."""
        return [*self._shared.libraries(), *self.private()]

    def private(self) -> list[LibraryInfo]:
        """List the libraries that only this session sees, by name."""
        self._touch()
        return [replace(info, private=True) for info in self._own.infos()]

    def ingestions(self) -> list[IngestionProgress]:
        """Return which kept libraries are being filled, by any session, and which private ones."""
        return [*self._shared.ingestions(), *(replace(ingestion, private=True) for ingestion in super().ingestions())]

    def add(
        self, library: Library, name: str, progress: Progress | None = None, *, resume: bool = False
    ) -> LibraryInfo:
        """Embed what was read and store it for this session alone; see ``Screener.add``."""
        if name == EXAMPLES:
            raise InputError(
                f"The name {EXAMPLES!r} belongs to the library that ships with the program: choose another."
            )
        self._open_folder()
        info = super().add(library, name, progress, resume=resume)
        self._had.add(name)
        return info

    def remove(self, name: str) -> None:
        """Delete a private library; ``kept.remove`` deletes a kept one.

        Raises:
            LibraryError: If there is none or it is being filled.
        """
        self._own.remove(name)
        journal_of(self.journals, name).remove()
        self._had.discard(name)

    def expired(self) -> list[str]:
        """Name the private libraries that were removed after PRIVATE_HOURS without use; each is told once."""
        gone = self._had.difference(self._own.names())
        self._had -= gone
        return sorted(gone)

    def keep(self, name: str, new_name: str = "") -> LibraryInfo:
        """Move a private library to those kept on this computer, where every session and command sees it.

        Args:
            name: Its name.
            new_name: Its name there; the same by default.

        Raises:
            InputError: If the new name cannot be used.
            LibraryError: If there is none, it is being filled, or a kept one has the new name.
        """
        info = self._own.hand_over(name, new_name or name)
        self._had.discard(name)
        return info

    def close(self) -> None:
        """Delete the private libraries; the session may go on and make new ones."""
        if self._closing is not None:
            self._closing()
            self._closing = None
            self._had.clear()

    def _open_folder(self) -> None:
        """Make the folder of private libraries, readable by this user alone, and hold its lock."""
        if self._closing is not None and self._folder.is_dir():
            return
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            # The finalizer may run in any thread, so the lock must belong to none.
            lock = filelock.FileLock(self._folder / _LOCK, thread_local=False)
            lock.acquire(timeout=0)
            (self._folder / _USED).touch()
        except (OSError, filelock.Timeout) as error:
            raise LibraryError(
                f"A private library cannot be made in {self._folder.parent}: {error}. Check that the folder can be "
                "written and the disk is not full."
            ) from error
        self._closing = weakref.finalize(self, _remove, self._folder, lock)

    def _touch(self) -> None:
        with suppress(OSError):
            os.utime(self._folder / _USED)

    def store_examples(self) -> None:
        """Bring the shipped library up to date, which is a kept one."""
        self._shared.store_examples()


def sweep(folder: Path, hours: float = PRIVATE_HOURS) -> None:
    """Remove private libraries that nobody owns any more, or nobody used for long.

    Args:
        folder: Where the sessions' folders stand.
        hours: How long a session that still stands may leave its libraries unused.
    """
    for place in folder.glob(f"*/{_LOCK}"):
        home, lock = place.parent, filelock.FileLock(place, timeout=0)
        with suppress(OSError, filelock.Timeout):
            if time.time() - (home / _USED).stat().st_mtime > hours * 3600:
                for library in home.glob("*/"):
                    shutil.rmtree(library, ignore_errors=True)
            lock.acquire()  # fails where the session still stands
            _remove(home, lock)


def _remove(folder: Path, lock: filelock.BaseFileLock) -> None:
    lock.release(force=True)
    shutil.rmtree(folder, ignore_errors=True)
