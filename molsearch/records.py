"""The project's language on one page: the frozen records that flow between its parts.

Standard library only; ``interpretation`` holds what was read in a query. Arrays appear as ``Sequence[float]`` so that
no reader of a record needs numpy.
Shape letters used throughout the project: B batch, L tokens, A atoms, E directed bonds, D width,
K memory slots, N molecules, Q queries.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from molsearch.interpretation import Interpretation, Narrowing

Kind = Literal["smiles", "molblock"]


class Progress(Protocol):
    """A plain callable that is called with how far a long step has come; it may raise ``Cancelled`` to stop it."""

    def __call__(self, done: int, total: int) -> None:
        """Report ``done`` of ``total`` units (``total`` is 0 while it is unknown)."""


class Reason(StrEnum):
    """Why a record of a file did not become a molecule."""

    EMPTY = "empty"
    UNREADABLE = "unreadable"
    NOT_STANDARDISABLE = "not standardisable"
    TOO_LARGE = "too large"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a file, as it was read.

    Attributes:
        row: Record number in the file, from 1.
        text: The original SMILES or molblock, kept verbatim for export.
        kind: What ``text`` is.
        name: Title of the record, or "" where it has none.
        properties: The source's own columns or SD tags, in their order, kept for export.
    """

    row: int
    text: str
    kind: Kind
    name: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Molecule:
    """One structure after clean-up, with every record it came from.

    Attributes:
        key: Isomeric SMILES after clean-up; what identifies a molecule.
        name: Name of the first source that has one, or "".
        sources: The records of this structure, in file order, one or more.
        changes: Names of the standardisation steps that altered the structure.
    """

    key: str
    name: str
    sources: tuple[Entry, ...]
    changes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name, else its record, as files without names are common."""
        return self.name or f"record {self.sources[0].row}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that did not become a molecule, kept so that nothing is dropped silently."""

    entry: Entry
    reason: Reason
    detail: str


class Library(Protocol):
    """A library that was read but not yet embedded; iterators may be taken again and again.

    ``records == sources of all molecules + rejections`` holds always.
    """

    @property
    def name(self) -> str: ...
    @property
    def records(self) -> int: ...
    @property
    def molecule_count(self) -> int: ...
    @property
    def rejection_count(self) -> int: ...
    @property
    def sha256(self) -> str:
        """Hash of every record and what became of it."""

    def molecules(self) -> Iterator[Molecule]:
        """Yield the molecules in the order of their first record."""

    def rejections(self) -> Iterator[Rejection]:
        """Yield the rejected records in file order."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What is known of a stored library without opening its vectors; a private one belongs to one browser session."""

    name: str
    molecules: int
    records: int
    rejections: int
    model_id: str
    width: int
    created: str  # ISO 8601, UTC
    private: bool = False


@dataclass(frozen=True, slots=True)
class IngestionProgress:
    """A library that molecules are being added to right now; ``total`` is 0 while it is unknown."""

    name: str
    done: int
    total: int
    private: bool = False


@dataclass(frozen=True, slots=True)
class PropertyRange:
    """An inclusive range over a named property of chem/properties.PROPERTIES; None leaves a side open."""

    name: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Phrase:
    """One more description in a query, with its weight beside the others: above 0 and at most 1."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """What the user asks of a library.

    Attributes:
        text: The description, in plain words; "without a lactone" in it excludes.
        k: How many hits to return.
        ranges: Property ranges every hit must lie in.
        smarts: Substructure every hit must hold, or "".
        reference: SMILES of a structure the hits should resemble too, or "".
        exact_names: Whether a molecule of the library gains score that a name in the text is exactly.
        criteria: Whether molecules lose score that lack the classes, amounts and parts a text states.
        rerank: Whether the leading molecules are compared a second time, words with atoms.
        weight: Weight of ``text`` beside the phrases, above 0 and at most 1.
        phrases: More descriptions; the query is the weighted mean of all.
        without: What hits must not be or hold: chemical classes, elements, SMARTS or names.
        allowed: ``Exclusion.read_as`` of what the texts seem to exclude but do not.
    """

    text: str
    k: int = 20
    ranges: tuple[PropertyRange, ...] = ()
    smarts: str = ""
    reference: str = ""
    exact_names: bool = True
    criteria: bool = True
    rerank: bool = False
    weight: float = 1.0
    phrases: tuple[Phrase, ...] = ()
    without: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tested:
    """Compounds that were tested already and are left out of the hits.

    Attributes:
        name: Of the list.
        keys: Their distinct keys after clean-up.
        unread: Records of the list that could not be read.
    """

    name: str
    keys: tuple[str, ...]
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked molecule.

    Attributes:
        rank: From 1; ties are decided by the library's row order.
        score: Cosine plus the molecule's constant and the exact-name bonus, less what the molecule lacks of what the
            text states, and what reranking adds where the query wants it; what the rank follows.
        cosine: Plain cosine of text and molecule vector.
        percentile: Share of the library that scores strictly lower, in percent.
        molecule: The molecule with its sources.
    """

    rank: int
    score: float
    cosine: float
    percentile: float
    molecule: Molecule


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to one query over one library.

    Attributes:
        query: The query as asked.
        library: Name of the library.
        model_id: Which model scored.
        hits: Best first.
        scores: Score of every molecule that passed the filters (the whole distribution).
        searched: How many molecules were scored; ``len(scores)`` unless the scores are a sample.
        notes: Warnings in plain sentences: what could not be done for this query.
        read: What was read in the query.
        narrowing: What each filter left of the library.
        tested: The list of tested compounds that were left out, or None.
        library_sha256: Hash of the library's contents, or "" where its engine keeps none.
        threads: How many threads shared a sum, which decides its last bit.
    """

    query: Query
    library: str
    model_id: str
    hits: tuple[Hit, ...]
    scores: Sequence[float]
    searched: int
    notes: tuple[str, ...] = ()
    read: Interpretation = field(default_factory=Interpretation)
    narrowing: Narrowing = field(default_factory=Narrowing)
    tested: Tested | None = None
    library_sha256: str = ""
    threads: int = 1


@dataclass(frozen=True, slots=True)
class CaptionMatch:
    """One caption of a file, ranked for a molecule."""

    rank: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class WordWeight:
    """How much the score falls when the words ``text[start:end]`` are left out."""

    start: int
    end: int
    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text and a molecule score as they do.

    Attributes:
        text: The query text.
        smiles: The molecule; ``atoms`` follows its atom order.
        score: Their cosine.
        words: Weight of each word, in text order.
        atoms: Weight of each atom, in the order of ``smiles``.
        method: How the weights were made, in words.
    """

    text: str
    smiles: str
    score: float
    words: tuple[WordWeight, ...]
    atoms: tuple[float, ...]
    method: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model folder's own account of itself.

    Attributes:
        name: Folder name.
        model_id: Hash of configuration and weights.
        trained_on: Data sources, in words.
        licence: Licence of the training data.
        metrics: Measured figures by name ("val masked text_to_molecule hits@1"), with units in the name.
        text: The whole CARD.md.
    """

    name: str
    model_id: str
    trained_on: str
    licence: str
    metrics: Mapping[str, float]
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and the molecule it speaks of."""

    text: str
    smiles: str
    cid: str = ""
