"""The one facade: files become libraries, sentences become rankings. Pages, commands and notebooks talk to it alone."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molsearch.analysis.concept_counts import ConceptCache, ConceptCounter
from molsearch.analysis.explain import explain
from molsearch.analysis.study import AlignmentStudy
from molsearch.chem.io.cleaning import CleaningPool
from molsearch.chem.io.library import ReadOptions, SpooledLibrary, read_library, read_pasted
from molsearch.chem.sandbox.risk import is_simple
from molsearch.chem.standardize import standardize
from molsearch.errors import InputError, ModelError
from molsearch.index.base import Index
from molsearch.interpretation import Narrowing
from molsearch.library.addition import JOURNALS, Addition, interrupted, journal_of
from molsearch.library.store import LibraryStore
from molsearch.query.account import read_query
from molsearch.query.checks import check_filters, check_query, check_reading, check_text
from molsearch.records import (
    CaptionMatch,
    Entry,
    Explanation,
    IngestionProgress,
    Library,
    LibraryInfo,
    ModelCard,
    Molecule,
    Progress,
    Query,
    Ranking,
    Rejection,
    Tested,
)
from molsearch.search.filters import filter_rows
from molsearch.search.judging import MatchJudge
from molsearch.search.ranking import caption_scores, rank
from molsearch.settings import Settings

if TYPE_CHECKING:  # torch loads with these; reading a file needs none of it
    from molsearch.model.dual import DualEncoder

EXAMPLES = "examples"  # name of the library that ships with the program
EXAMPLES_FILE = "examples.sdf"


class Screener:
    """Read files, store libraries, rank them by a sentence.

    One instance serves many threads: the model is loaded once, and a search never waits for an addition.

    Args:
        settings: Folders, device and limits; by default those of the environment.
        store: The stored libraries; by default those in the folder of the settings.
        journals: Where additions keep what they have computed; by default a folder beside the libraries, whose name is
            that of no library.
    """

    def __init__(
        self, settings: Settings | None = None, store: LibraryStore | None = None, journals: Path | None = None
    ) -> None:
        self.settings = settings or Settings()
        self._loading = threading.Lock()
        self._storing_examples = threading.Lock()
        self._model: DualEncoder | None = None
        self._ingestions: dict[int, IngestionProgress] = {}
        self.alignment_study = AlignmentStudy(lambda: self.model, self.settings)
        self.concept_cache = ConceptCache()
        self.match_judge = MatchJudge(lambda: self.model)
        self.store = store or LibraryStore(self.settings.libraries, self.settings.engine)
        self.journals = journals or self.settings.libraries / JOURNALS

    @property
    def concept_counter(self) -> ConceptCounter:
        """The concept list over molecules and libraries."""
        return ConceptCounter(
            lambda: self.model, self.open_library, self.alignment_study.example_smiles, self.concept_cache
        )

    # Models

    @property
    def model(self) -> "DualEncoder":
        """The encoder in use, loaded when first asked for.

        Raises:
            ModelError: If its folder is missing or cannot be used.
        """
        from molsearch.model.dual import DualEncoder

        with self._loading:
            if self._model is None:
                self._model = DualEncoder.load(self.settings.models / self.settings.model, self.settings.device)
            return self._model

    @property
    def reranks(self) -> bool:
        """Whether the model in use can compare the leading molecules a second time.

        Raises:
            ModelError: If its folder is missing or cannot be used.
        """
        return self.model.reranker is not None

    def card(self) -> ModelCard:
        """Return the card of the model in use."""
        return self.model.card()

    def models(self) -> list[ModelCard]:
        """Return the card of every model folder; of one that cannot be used, the reason as its text."""
        return [self._card(folder) for folder in sorted(self.settings.models.glob("*/"))]

    def _card(self, folder: Path) -> ModelCard:
        from molsearch.model.dual import DualEncoder

        try:
            if folder.name == self.settings.model:
                return self.card()
            return DualEncoder.load(folder, self.settings.device).card()
        except ModelError as error:
            return ModelCard(folder.name, "", "", "", {}, str(error))

    # Libraries

    def read(
        self,
        path: Path,
        *,
        filename: str = "",
        options: ReadOptions | None = None,
        progress: Progress | None = None,
    ) -> SpooledLibrary:
        """Read a file into molecules and rejections, without computing or storing anything.

        Args:
            path: The file.
            filename: Its name where ``path`` is a temporary one; the suffix decides the format.
            options: How to read it; by default with the limits of the settings.
            progress: Told of the bytes read.

        Raises:
            InputError: If the file as a whole cannot be read.
        """
        return read_library(path, filename=filename, options=options or self.read_options(), progress=progress)

    def read_text(self, text: str) -> SpooledLibrary:
        """Read a pasted list of SMILES, with or without names.

        Raises:
            InputError: If there is nothing in it.
        """
        return read_pasted(text, options=self.read_options())

    def read_options(self) -> ReadOptions:
        """Return how files are read by default: within the limits of the settings."""
        return ReadOptions.within(self.settings)

    def libraries(self) -> list[LibraryInfo]:
        """List the stored libraries by name, the shipped one among them; a damaged one is left out.

        Raises:
            ModelError: If the model cannot be used, by which the shipped library is known to be up to date.
        """
        self.store_examples()
        return self.store.infos()

    def add(
        self, library: Library, name: str, progress: Progress | None = None, *, resume: bool = False
    ) -> LibraryInfo:
        """Embed what was read and store it; a library of that name grows. All of it is stored or nothing.

        Args:
            library: What ``read`` or ``read_text`` returned.
            name: Name of the stored library.
            progress: Told of the molecules embedded; raising ``Cancelled`` from it stops the addition.
            resume: Go on where an interrupted addition of the same records stood, with the result of one that never
                was; without one begin, and where they have been stored meanwhile, do nothing.

        Raises:
            InputError: If the name cannot be used, or an interrupted addition began with other records.
            LibraryError: If the library is locked, damaged, of another model, changed since, or cannot be written.
            ModelError: If the model cannot be used, or an interrupted addition began with another one.
        """
        addition = Addition(library, name, self.model, self.store, self.journals, self.settings.batch_molecules)

        def report(done: int, total: int) -> None:
            self._ingestions[id(addition)] = IngestionProgress(name, done, total)
            if progress:
                progress(done, total)

        self._ingestions[id(addition)] = IngestionProgress(name, 0, library.molecule_count)
        try:
            return addition.run(report, resume)
        finally:
            del self._ingestions[id(addition)]

    def interrupted(self, library: Library, name: str) -> IngestionProgress | None:
        """Return how far an addition of these very records had come when it was interrupted; None if none was."""
        return interrupted(self.journals, name, library.sha256)

    def ingestions(self) -> list[IngestionProgress]:
        """Return how far the additions of this process have come that run right now."""
        return list(self._ingestions.values())

    def remove(self, name: str) -> None:
        """Delete a stored library.

        Raises:
            InputError: If it is the one that ships with the program.
            LibraryError: If there is none of that name or it is being written.
        """
        if name == EXAMPLES and self._examples_file.exists():
            raise InputError(f"The library {EXAMPLES!r} ships with the program and cannot be removed.")
        self.store.remove(name)
        journal_of(self.journals, name).remove()

    def molecules(self, name: str) -> Iterator[Molecule]:
        """Yield the molecules of a stored library in row order."""
        return self.open_library(name, None).iter_molecules()

    def rejections(self, name: str) -> Iterator[Rejection]:
        """Yield the records of a stored library that did not become molecules."""
        return self.open_library(name, None).rejections()

    def content_sha256(self, name: str) -> str:
        """Hash the contents of a stored library; "" where its engine keeps no hashes."""
        return self.open_library(name, None).content_sha256()

    def open_library(self, name: str, model_id: str | None) -> Index:
        """Open a stored library, see ``LibraryStore.open``; the shipped one is brought up to date before."""
        if name == EXAMPLES:
            self.store_examples()
        return self.store.open(name, model_id)

    @property
    def _examples_file(self) -> Path:
        return self.settings.data / EXAMPLES_FILE

    def store_examples(self) -> None:
        """Embed the shipped library when it is not stored yet, or its file or the model changed since."""
        source = self._examples_file
        if not source.exists():
            return
        with self._storing_examples:
            stamp = self.settings.home / "examples.stamp"
            current = f"{hashlib.sha256(source.read_bytes()).hexdigest()} {self.model.model_id}\n"
            stored = EXAMPLES in self.store.names()
            if stored and stamp.exists() and stamp.read_text(encoding="utf-8") == current:
                return
            if stored:
                self.store.remove(EXAMPLES)
            with self.read(source) as library:
                self.add(library, EXAMPLES)
            stamp.write_text(current, encoding="utf-8")

    # Questions

    def search(
        self, query: Query, library: str, tested: Tested | None = None, progress: Progress | None = None
    ) -> Ranking:
        """Rank a stored library by a sentence, under filters.

        Args:
            query: What is asked.
            library: Name of a stored library.
            tested: Compounds to leave out.
            progress: Told of the molecules looked at where a filter or the text asks for their structure or role.

        Raises:
            InputError: If the query cannot be answered; the sentence says why.
            LibraryError: If there is no such library, or another model filled it.
            ModelError: If the model cannot be used.
        """
        check_query(query, self.settings.max_query_chars)
        reference = self.clean(query.reference) if query.reference.strip() else ""
        read = read_query(query, self.model.lexicon, reference)
        check_reading(read)
        index = self.open_library(library, self.model.model_id)
        filtered = filter_rows(query, read.exclusions, tested, index, self.store, progress)
        return rank(query, read, library, index, self.model, filtered, progress)

    def narrow(
        self, query: Query, library: str, tested: Tested | None = None, progress: Progress | None = None
    ) -> Narrowing:
        """Count what the filters of a query leave of a stored library, without ranking it; see ``search``.

        The query may be without words.

        Raises:
            InputError: If a filter makes no sense; the sentence says why.
            LibraryError: If there is no such library, or another model filled it.
            ModelError: If the model cannot be used.
        """
        check_filters(query)
        read = read_query(query, self.model.lexicon)
        index = self.open_library(library, self.model.model_id)
        return filter_rows(query, read.exclusions, tested, index, self.store, progress).account

    def tested(self, library: Library) -> Tested:
        """Make a list of compounds to leave out of what was read: their keys after clean-up."""
        keys = tuple(molecule.key for molecule in library.molecules())
        return Tested(library.name, keys, library.rejection_count)

    def clean(self, smiles: str) -> str:
        """Clean a structure up as the records of a library are: its key.

        Raises:
            InputError: If it is no structure.
        """
        entry = Entry(1, smiles.strip(), "smiles")
        options = self.read_options()
        if is_simple(entry.text):
            cleaned = standardize(entry, options.steps, options.max_atoms)
        else:
            with CleaningPool(options) as pool:
                cleaned = next(pool.standardize([entry]))
        if isinstance(cleaned, Rejection):
            raise InputError(
                f"This SMILES cannot be used: got {smiles[:80]!r}, which is {cleaned.reason} ({cleaned.detail}); "
                "correct it."
            )
        return cleaned.key

    def describe(self, smiles: str, captions: Sequence[str], k: int = 10) -> list[CaptionMatch]:
        """Rank captions for a molecule by their scores for it; equal ones stand in their order.

        Raises:
            InputError: If the SMILES is no structure or there is no caption.
        """
        if not captions:
            raise InputError("There is no caption to choose from: got an empty list, expected one or more.")
        scores = caption_scores(self.clean(smiles), captions, self.model)  # (Q,)
        best = np.argsort(-scores, kind="stable")[: max(k, 0)]
        return [CaptionMatch(rank, captions[row], float(scores[row])) for rank, row in enumerate(best, start=1)]

    def explain(self, text: str, smiles: str) -> Explanation:
        """Weigh the words of a text and the atoms of a molecule; the atoms follow the order of ``smiles``.

        Raises:
            InputError: If either cannot be used, or the molecule is too intricate to be explained.
        """
        check_text(text, self.settings.max_query_chars)
        return explain(self.model, text, smiles.strip())
