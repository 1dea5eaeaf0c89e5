"""The stored libraries by name: which there are, each opened once, filled whole or not at all."""

import threading
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from molsearch.chem.batch.arrays import with_class
from molsearch.chem.ontology.classes import class_named
from molsearch.chem.substructure import matches
from molsearch.errors import LibraryError
from molsearch.index.base import (
    Batch,
    Index,
    create_index,
    library_address,
    library_names,
    open_index,
    read_info,
    remove_index,
)
from molsearch.interpretation import Exclusion
from molsearch.query.exclusions import members
from molsearch.records import LibraryInfo, Progress, Rejection

Mask = npt.NDArray[np.bool_]

KEPT_MASKS = 32  # one byte a molecule each


class LibraryStore:
    """Libraries in one place. Many threads may use one store; the index's own lock keeps writers apart.

    Args:
        home: Where the libraries live: a folder, or the address of a server as ``library_address`` takes it.
        engine: Row of ``index.base.ENGINES`` for new libraries.
    """

    def __init__(self, home: str | Path, engine: str) -> None:
        self.home = home
        self._engine = engine
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[LibraryInfo, Index]] = {}
        self._masks: MutableMapping[tuple[LibraryInfo, str], Mask] = LRUCache(KEPT_MASKS)

    def names(self) -> list[str]:
        """Return the names of the stored libraries, sorted."""
        return library_names(self.home)

    def infos(self) -> list[LibraryInfo]:
        """Describe the stored libraries, sorted by name; a damaged one is left out, opening it says what is wrong."""
        infos: list[LibraryInfo] = []
        for name in self.names():
            try:
                infos.append(self.info(name))
            except LibraryError:
                continue
        return infos

    def address_of(self, name: str) -> str | Path:
        """Return the address of a library, which need not be there.

        Raises:
            InputError: If there can be no library of that name.
        """
        return library_address(self.home, name)

    def info(self, name: str) -> LibraryInfo:
        """Describe one library from its manifest alone.

        Raises:
            InputError: If there can be no library of that name.
            LibraryError: If there is none or it is damaged.
        """
        address = self.address_of(name)
        names = self.names()
        if name not in names:
            stored = ", ".join(map(repr, names)) or "none yet"
            raise LibraryError(f"There is no library {name!r}: the stored ones are {stored}; choose one or add a file.")
        return read_info(address)

    def open(self, name: str, model_id: str | None) -> Index:
        """Open a library as it stands now; one that did not change since is opened only once.

        Args:
            name: Name of the library.
            model_id: The model that will ask, or None to read without asking.

        Raises:
            LibraryError: If there is none, it is damaged, or another model filled it.
        """
        info = self.info(name)
        with self._lock:
            opened_info, index = self._opened.get(name, (None, None))
        if index is None or opened_info != info or model_id not in (None, info.model_id):
            index = open_index(self.address_of(name), model_id)
            with self._lock:
                self._opened[name] = (index.info, index)
        return index

    def fill(
        self, name: str, model_id: str, width: int, batches: Iterable[Batch], rejections: Iterable[Rejection]
    ) -> LibraryInfo:
        """Add to a library, which is made where there is none; all of it is stored or nothing.

        Args:
            name: Name of the library.
            model_id: The model that made the vectors.
            width: D of the vectors.
            batches: What to store.
            rejections: Records that did not become molecules; taken after the batches, which may still find some.

        Raises:
            InputError: If the name cannot be used.
            LibraryError: If it is locked, damaged, of another model, or cannot be written.
        """
        address = self.address_of(name)
        new = name not in self.names()
        if new:
            index = create_index(address, name, model_id, width, engine=self._engine)
        else:
            index = open_index(address, model_id)
        try:
            index.add(batches, rejections)
        except BaseException:
            if new:
                remove_index(address)
            raise
        return index.info

    def remove(self, name: str) -> None:
        """Delete a library, damaged or not.

        Raises:
            LibraryError: If there is none or it is being written.
        """
        remove_index(self.address_of(name))
        self.forget(name)

    def forget(self, name: str) -> None:
        """Let go of what was kept open of a library that is here no more."""
        with self._lock:
            self._opened.pop(name, None)
            for key in [key for key in self._masks if key[0].name == name]:
                del self._masks[key]

    def holders(self, index: Index, smarts: str, progress: Progress | None = None) -> Mask:
        """Return which rows hold a substructure, (N,); the latest answers are kept, as a filter outlives a query.

        Args:
            index: The library.
            smarts: The pattern.
            progress: Called with the number of molecules looked at.

        Raises:
            InputError: If the pattern is no SMARTS.
        """
        return self.mask(index, smarts, lambda keys: matches(keys, smarts), progress)

    def excluded(self, index: Index, exclusion: Exclusion, progress: Progress | None = None) -> Mask:
        """Return which rows an exclusion that was read takes out, (N,); classes are stored with a library where it can.

        Args:
            index: The library.
            exclusion: Of any kind but "unread".
            progress: Called with the number of molecules looked at.
        """
        if exclusion.kind == "smarts":
            return self.holders(index, exclusion.read_as, progress)
        if exclusion.kind == "structure":
            mask = np.zeros(index.info.molecules, np.bool_)
            mask[list(index.rows_of([exclusion.read_as]).values())] = True
            return mask
        row, flags = class_named(exclusion.read_as).row, index.flags()
        if flags is not None:
            mask = with_class(flags, row)
            if mask.any():  # a class younger than the library has no bit set: its structures are asked
                return mask
        return self.mask(index, f"class {row}", lambda keys: members(keys, exclusion.read_as), progress)

    def mask(
        self, index: Index, what: str, judge: Callable[[Iterator[str]], Iterator[bool]], progress: Progress | None
    ) -> Mask:
        """Return the answer of every molecule to a question, (N,); the latest answers are kept.

        Args:
            index: The library.
            what: The question; of one library, the same question has the same answers.
            judge: Answers it for keys of molecules, in their order.
            progress: Called with the number of molecules looked at.
        """
        key = (index.info, what)
        with self._lock:
            mask = self._masks.get(key)
        if mask is None:
            keys = (molecule.key for molecule in index.iter_molecules())
            answers = watched(judge(keys), index.info.molecules, progress) if progress else judge(keys)
            mask = np.fromiter(answers, np.bool_)
            with self._lock:
                self._masks[key] = mask
        return mask


def watched(answers: Iterator[bool], total: int, progress: Progress) -> Iterator[bool]:
    """Pass answers on and report their number from time to time."""
    for done, answer in enumerate(answers):
        if done % 500 == 0:
            progress(done, total)
        yield answer
