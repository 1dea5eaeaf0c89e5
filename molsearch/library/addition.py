"""One addition to a stored library: encoded batch by batch, each kept in a journal, and stored whole at its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from molsearch.errors import InputError, LibraryError, ModelError
from molsearch.index.base import Batch
from molsearch.index.naming import library_folder
from molsearch.library.embedding import embed, encode_settings_of
from molsearch.library.journal import Journal, JournaledAddition
from molsearch.library.store import LibraryStore
from molsearch.records import IngestionProgress, Library, LibraryInfo, Progress, Rejection

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

JOURNALS = ".unfinished"  # a folder beside those of the libraries, none of which can have a dot in its name


def journal_of(journals: Path, name: str) -> Journal:
    """Return the journal of additions to a library.

    Args:
        journals: Where the journals of all libraries lie.
        name: Name of the library.

    Raises:
        InputError: If there can be no library of that name.
    """
    return Journal(library_folder(journals, name), name)


def interrupted(journals: Path, name: str, content: str) -> IngestionProgress | None:
    """Return how far an addition of some records to a library had come before it was interrupted; None if none was.

    Args:
        journals: Where the journals of all libraries lie.
        name: Name of the library.
        content: Hash of the records, see ``Library.sha256``.
    """
    try:
        journal = journal_of(journals, name)
    except InputError:
        return None
    job = journal.job()
    if job is None or job.stored or job.content != content or not (done := journal.done()):
        return None
    return IngestionProgress(name, done, job.molecules)


@dataclass(frozen=True, slots=True)
class Addition:
    """An addition that can be killed at any moment and gone on with.

    The journal is written under the lock of the library, so of two processes only one writes it.

    Attributes:
        library: What is added.
        name: Name of the stored library, which is made where there is none.
        model: The encoder.
        store: Where the library stands.
        journals: Where the journals of all its libraries lie.
        batch: How many molecules are encoded and kept together.
    """

    library: Library
    name: str
    model: "DualEncoder"
    store: LibraryStore
    journals: Path
    batch: int

    def run(self, progress: Progress, resume: bool) -> LibraryInfo:
        """Add everything or nothing.

        Args:
            progress: Called with the number of molecules embedded.
            resume: Go on where an addition of the same records stood; begin where none did, and do nothing where
                they were stored already.

        Raises:
            InputError: If the name cannot be used, or other records are to be gone on with than were begun.
            LibraryError: If the library is locked, damaged, of another model, cannot be written, or changed since.
            ModelError: If another model is in use than when the addition began.
        """
        journal = journal_of(self.journals, self.name)
        begun = self._begun(journal) if resume else None
        if begun and begun.stored:
            return self.store.info(self.name)
        refused: list[Rejection] = []  # filled by the embedding, read by the index after it
        batches = self._batches(journal, begun, progress, refused.append)
        rejections = chain(self.library.rejections(), refused)
        info = self.store.fill(self.name, self.model.model_id, self.model.width, batches, rejections)
        if job := journal.job():
            journal.finish(job, info.records)
        return info

    def _batches(
        self, journal: Journal, begun: JournaledAddition | None, progress: Progress, reject: Callable[[Rejection], None]
    ) -> Iterator[Batch]:
        """Encode what the journal lacks; runs while the index holds the lock of the library."""
        library, records = self.library, self.store.info(self.name).records
        if begun is not None and (journal.job() != begun or records != begun.before):
            raise self._changed()
        if begun is None:
            encode_settings = encode_settings_of(self.model, library.molecule_count, self.batch)
            counts = (library.records, library.molecule_count)
            begun = JournaledAddition(library.sha256, *counts, self.model.model_id, encode_settings, records)
            journal.begin(begun)
        yield from embed(
            library.molecules(),
            self.model,
            progress=progress,
            total=library.molecule_count,
            reject=reject,
            encode_settings=begun.encode_settings,
            journal=journal if library.molecule_count > begun.encode_settings.batch else None,  # else little is lost
        )

    def _begun(self, journal: Journal) -> JournaledAddition | None:
        """Return the addition to go on with, marked as stored where it was; None where there is none."""
        job = journal.job()
        if job is None:
            return None
        records = self.store.info(self.name).records if self.name in self.store.names() else 0
        if job.stored:  # and over, unless these are the same records
            return job if (job.content, job.after) == (self.library.sha256, records) else None
        self._check(job)
        if records == job.before + job.records:  # it was killed after the library was written, before it said so
            journal.finish(job, records)
            return replace(job, after=records)
        if records != job.before:
            raise self._changed()
        return job

    def _check(self, job: JournaledAddition) -> None:
        """Refuse to go on where the result would be another than that of an undisturbed addition."""
        subject = f"The addition to the library {self.name!r} that was interrupted"
        if job.content != self.library.sha256:
            raise InputError(
                f"{subject} began with other records ({job.records:,}, got {self.library.records:,}): the file has "
                "changed, or it is another one. Give the same file, or add this one without resume."
            )
        if job.model_id != self.model.model_id:
            raise ModelError(
                f"{subject} was embedded by model {job.model_id}, but model {self.model.model_id} is in use: use that "
                "model, or begin anew without resume."
            )
        here = encode_settings_of(self.model, job.molecules)
        if job.encode_settings.programs != here.programs or (job.encode_settings.half and not here.half):
            raise LibraryError(
                f"{subject} was computed by {job.encode_settings.programs}, but this is {here.programs}, which rounds "
                "otherwise: go on there, or begin anew without resume."
            )

    def _changed(self) -> LibraryError:
        return LibraryError(
            f"The library {self.name!r} changed since the addition to it was interrupted: look at what it holds, then "
            "add the file without resume if it is missing."
        )
