"""The basket: molecules picked out of rankings, with notes, and the questions that were asked; and it as one file.

The file is readable JSON that this program writes, and opens again only after checking all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from molsearch import __version__
from molsearch.chem.io.cleaning import CleaningPool
from molsearch.chem.io.options import ReadOptions
from molsearch.errors import InputError
from molsearch.query.checks import check_query
from molsearch.records import Entry, Hit, Molecule, Progress, Query, Ranking, Rejection
from molsearch.serialization import build, can_be_shown, dump, parse

MAX_PICKS = 10_000
MAX_ASKED = 500  # questions; older ones are let go, and the basket says so
MAX_NOTE_CHARS = 4_000

SUFFIX = ".molsearch.json"
FORMAT = "molsearch basket"
VERSION = 1
MAX_FILE_BYTES = 64_000_000
MAX_NAME_CHARS = 10_000  # of a library's name or a field of a question
MAX_FIELDS = 1_000  # ranges of a question, or exclusions taken back
_CHOOSE = "choose a file that was saved from the Basket page"


@dataclass(frozen=True, slots=True)
class HitOrigin:
    """How a ranking came upon a molecule.

    Attributes:
        text: Words of the query.
        rank: From 1.
        score: What the rank follows.
        cosine: Plain cosine of text and molecule.
        percentile: Share of the library that scores strictly lower, in percent.
    """

    text: str
    rank: int
    score: float
    cosine: float
    percentile: float


@dataclass(frozen=True, slots=True)
class Pick:
    """A molecule in the basket.

    Attributes:
        molecule: The molecule with all its sources, so that the library may be removed.
        library: Name of the library it came from.
        model_id: The model in use when it was picked.
        added: When, ISO 8601, UTC.
        found: The ranking it was picked from; None where it was picked on the map.
        note: What the user wrote about it.
    """

    molecule: Molecule
    library: str
    model_id: str
    added: str
    found: HitOrigin | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was asked.

    Attributes:
        query: The query with its filters.
        library: Name of the library.
        model_id: The model that answered.
        searched: How many molecules were scored.
        time: When, ISO 8601, UTC.
    """

    query: Query
    library: str
    model_id: str
    searched: int
    time: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A library that picks or questions name, as it stood then.

    Attributes:
        name: Its name.
        molecules: How many it held.
        model_id: The model that embedded it.
        sha256: Hash of its contents, or "" where its engine keeps none.
    """

    name: str
    molecules: int
    model_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Basket:
    """What was picked and asked so far. It never changes: each step gives a new basket.

    Attributes:
        picks: In the order they were added; each structure once.
        asked: Oldest first; the same question stands once, at its latest time.
        origins: Libraries they name; where one changed meanwhile, each of its states.
        removed: What the last removal took away, with the places it had.
    """

    picks: tuple[Pick, ...] = ()
    asked: tuple[Question, ...] = ()
    origins: tuple[Origin, ...] = ()
    removed: tuple[tuple[int, Pick], ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the molecules in it."""
        return frozenset(pick.molecule.key for pick in self.picks)

    def add(self, picks: Sequence[Pick], origin: Origin | None = None) -> "Basket":
        """Put molecules in; one that is here already stays as it is.

        Raises:
            InputError: If it would hold more than MAX_PICKS.
        """
        fresh = {pick.molecule.key: pick for pick in reversed(picks)}  # of the same structure, the first
        known = self.keys
        joined = (*self.picks, *(fresh.pop(p.molecule.key) for p in picks if p.molecule.key in fresh.keys() - known))
        if len(joined) > MAX_PICKS:
            raise InputError(
                f"The basket would hold {len(joined):,} molecules, expected at most {MAX_PICKS:,}: export or remove "
                "some first, or add fewer."
            )
        return replace(self, picks=joined, origins=_united(self.origins, (origin,) if origin else ()))

    def remove(self, keys: frozenset[str]) -> "Basket":
        """Take molecules out; ``restore`` puts them back."""
        gone = tuple((place, pick) for place, pick in enumerate(self.picks) if pick.molecule.key in keys)
        kept = tuple(pick for pick in self.picks if pick.molecule.key not in keys)
        return replace(self, picks=kept, removed=gone) if gone else self

    def restore(self) -> "Basket":
        """Undo the last removal: what it took away stands where it stood, with its note."""
        picks = list(self.picks)
        known = self.keys
        for place, pick in self.removed:
            if pick.molecule.key not in known:
                picks.insert(min(place, len(picks)), pick)
        return replace(self, picks=tuple(picks[:MAX_PICKS]), removed=())

    def annotate(self, key: str, note: str) -> "Basket":
        """Write the note of a molecule; one longer than MAX_NOTE_CHARS is cut."""
        note = note[:MAX_NOTE_CHARS]
        picks = tuple(replace(pick, note=note) if pick.molecule.key == key else pick for pick in self.picks)
        return replace(self, picks=picks)

    def remember(self, question: Question, origin: Origin | None = None) -> "Basket":
        """Keep a question; one asked before moves to the end, and beyond MAX_ASKED the oldest is let go."""
        others = (each for each in self.asked if (each.query, each.library) != (question.query, question.library))
        return replace(
            self, asked=(*others, question)[-MAX_ASKED:], origins=_united(self.origins, (origin,) if origin else ())
        )

    def forget(self) -> "Basket":
        """Let go of the questions; the molecules stay."""
        return replace(self, asked=())

    def merge(self, other: "Basket") -> "Basket":
        """Join another basket: its molecules follow these; of a structure in both, different notes are joined.

        Raises:
            InputError: If both together hold more than MAX_PICKS.
        """
        notes = {pick.molecule.key: pick.note for pick in other.picks}
        picks = tuple(
            replace(p, note=_joined(p.note, notes.get(p.molecule.key, ""))[:MAX_NOTE_CHARS]) for p in self.picks
        )
        by_time = sorted((*self.asked, *other.asked), key=lambda question: question.time)
        latest = {(question.library, question.query): question for question in by_time}
        questions = tuple(sorted(latest.values(), key=lambda question: question.time))[-MAX_ASKED:]
        merged = replace(self, picks=picks, asked=questions, removed=())
        return replace(merged.add(other.picks), origins=_united(self.origins, other.origins))


def _united(origins: tuple[Origin, ...], others: tuple[Origin, ...]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys((*origins, *others)))


def _joined(note: str, other: str) -> str:
    return note if other in note else f"{note}\n{other}" if note else other


def pick_of(hit: Hit, ranking: Ranking) -> Pick:
    """Make a pick of a hit of a ranking."""
    origin = HitOrigin(ranking.query.text, hit.rank, hit.score, hit.cosine, hit.percentile)
    return Pick(hit.molecule, ranking.library, ranking.model_id, now(), origin)


def question_of(ranking: Ranking) -> Question:
    """Return the question that a ranking answers."""
    return Question(ranking.query, ranking.library, ranking.model_id, ranking.searched, now())


def now() -> str:
    """Return the time as the basket writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def export_rows(basket: Basket) -> Iterator[tuple[Molecule, Mapping[str, str | float | int]]]:
    """Yield each molecule with the columns an export puts in front of its own tags."""
    for pick in basket.picks:
        columns: dict[str, str | float | int] = {}
        if (origin := pick.found) is not None:
            columns = {
                "rank": origin.rank,
                "score": origin.score,
                "cosine": origin.cosine,
                "percentile": origin.percentile,
                "query": origin.text,
            }
        yield (
            pick.molecule,
            {**columns, "library": pick.library, "model_id": pick.model_id, "added": pick.added, "note": pick.note},
        )


@dataclass(frozen=True, slots=True)
class BasketFile:
    """What stands in the file.

    Attributes:
        format: Always FORMAT.
        version: Of the layout; another one is refused.
        program: Version of the program that wrote it.
        saved: When, ISO 8601, UTC.
        model_id: The model in use then.
        libraries: Libraries that the molecules and questions name, with hashes of their contents.
        picks: The molecules, each with its source records, origin and note.
        asked: The questions, oldest first.
    """

    format: str
    version: int
    program: str
    saved: str
    model_id: str
    libraries: tuple[Origin, ...]
    picks: tuple[Pick, ...]
    asked: tuple[Question, ...]


def save(basket: Basket, model_id: str) -> bytes:
    """Write a basket, less its last removal.

    Args:
        basket: The basket.
        model_id: The model in use.

    Raises:
        InputError: If the file would be too large to open again.
    """
    libraries = {pick.library for pick in basket.picks} | {question.library for question in basket.asked}
    origins = tuple(origin for origin in basket.origins if origin.name in libraries)
    file = BasketFile(FORMAT, VERSION, __version__, now(), model_id, origins, basket.picks, basket.asked)
    content = (dump(file) + "\n").encode("utf-8")
    if len(content) > MAX_FILE_BYTES:
        raise InputError(
            f"The saved basket would have {len(content):,} bytes, expected at most {MAX_FILE_BYTES:,}: remove some "
            "molecules, or export it as SDF or Parquet."
        )
    return content


def open_saved(content: bytes, options: ReadOptions, max_query_chars: int, progress: Progress | None = None) -> Basket:
    """Read a basket from a file of unknown origin.

    Args:
        content: The file.
        options: Limits of a structure; each is parsed by the cleaning pool.
        max_query_chars: Limit of a question's text.
        progress: Called with the number of structures checked; may raise ``Cancelled``.

    Raises:
        InputError: If anything in it is not as this program writes it; the sentence names the place.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InputError(
            f"The file has {len(content):,} bytes, expected at most {MAX_FILE_BYTES:,}; save the basket in parts."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The file is no UTF-8 text: {error.reason} at byte {error.start:,}; {_CHOOSE}.") from error
    value = parse(text)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError(f"The file is no saved basket: it lacks the format {FORMAT!r}; {_CHOOSE}.")
    if type(version := value.get("version")) is not int or version != VERSION:
        shown = repr(version)[:20] if isinstance(version, int | float | str) else "something else"
        raise InputError(
            f"The basket was saved in version {shown} of the layout, but this program reads version {VERSION}: open "
            "it with the program that wrote it."
        )
    file = build(BasketFile, value)
    _check_contents(file)
    _check_questions(file, max_query_chars)
    _check_structures(file, options, progress)
    return Basket(file.picks, file.asked, file.libraries)


def _check_contents(file: BasketFile) -> None:
    """Check what types cannot say: counts, ranges, times, and that no structure stands twice."""
    if len(file.picks) > MAX_PICKS or len(file.asked) > MAX_ASKED:
        raise InputError(
            f"The file holds {len(file.picks):,} molecules and {len(file.asked):,} questions, expected at most "
            f"{MAX_PICKS:,} and {MAX_ASKED:,}; save the basket in parts."
        )
    seen: set[str] = set()
    for place, pick in enumerate(file.picks, start=1):
        wrong = next(_faults(pick), "") or ("its structure stands twice" if pick.molecule.key in seen else "")
        if wrong:
            raise InputError(f"Molecule {place} of the file cannot be used: {wrong}; {_CHOOSE}.")
        seen.add(pick.molecule.key)
    if any(origin.molecules < 0 or _is_long(origin.name) for origin in file.libraries):
        raise InputError(f"A library of the file has a count or name out of bounds; {_CHOOSE}.")


def _faults(pick: Pick) -> Iterator[str]:
    """Yield each fault of a molecule of the file, in words."""
    if not can_be_shown(replace(pick, molecule=replace(pick.molecule, sources=()))):
        yield "one of its texts holds half a character (a lone surrogate)"
    if not pick.molecule.sources:
        yield "it has no source record"
    if any(source.row < 1 for source in pick.molecule.sources):
        yield "a source record has a number below 1"
    if len(pick.note) > MAX_NOTE_CHARS:
        yield f"its note has {len(pick.note):,} characters, expected at most {MAX_NOTE_CHARS:,}"
    if not _is_time(pick.added):
        yield f"the time it was added is {pick.added[:40]!r}, expected one such as '2026-01-31T12:00:00+00:00'"
    if _is_long(pick.library, pick.model_id):
        yield f"a name has more than {MAX_NAME_CHARS:,} characters"
    if (origin := pick.found) and (origin.rank < 1 or not 0 <= origin.percentile <= 100):
        yield f"it has rank {origin.rank} and percentile {origin.percentile:g}"


def _check_questions(file: BasketFile, max_query_chars: int) -> None:
    """Check that each question could have been asked, so that the page can ask it again."""
    for place, question in enumerate(file.asked, start=1):
        query = question.query
        fields = (question.library, question.model_id, query.smarts, query.reference, *query.without, *query.allowed)
        many = max(len(query.allowed), len(query.ranges)) > MAX_FIELDS
        usable = question.searched >= 0 and _is_time(question.time) and can_be_shown(question)
        if not usable or many or _is_long(*fields):
            raise InputError(f"Question {place} of the file has a count, time or field out of bounds; {_CHOOSE}.")
        try:
            check_query(query, max_query_chars)
        except InputError as error:
            raise InputError(f"Question {place} of the file cannot be asked. {error}") from error


def _check_structures(file: BasketFile, options: ReadOptions, progress: Progress | None) -> None:
    """Parse every structure that drawings and exports will parse, where a hostile one costs nothing but a process."""
    entries = [
        Entry(place, text, "smiles")
        for place, pick in enumerate(file.picks, start=1)
        for text in dict.fromkeys([pick.molecule.key, *(s.text for s in pick.molecule.sources if s.kind == "smiles")])
    ]
    with CleaningPool(options) as pool:
        for done, outcome in enumerate(pool.standardize(entries), start=1):
            if isinstance(outcome, Rejection):
                reason = outcome.detail.rstrip(".")
                raise InputError(f"Molecule {outcome.entry.row} of the file cannot be used: {reason}; {_CHOOSE}.")
            if progress and done % 64 == 0:
                progress(done, len(entries))


def _is_long(*names: str) -> bool:
    return any(len(name) > MAX_NAME_CHARS for name in names)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
