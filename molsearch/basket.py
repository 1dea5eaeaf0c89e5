"""The basket: molecules picked out of rankings, with notes, and the questions that were asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from molsearch.errors import InputError
from molsearch.records import Hit, Molecule, Query, Ranking

MAX_PICKS = 10_000
MAX_ASKED = 500  # older questions are let go, and the basket says so
MAX_NOTE_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Found:
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
    found: Found | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
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
    asked: tuple[Asked, ...] = ()
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

    def remember(self, asked: Asked, origin: Origin | None = None) -> "Basket":
        """Keep a question; one asked before moves to the end, and beyond MAX_ASKED the oldest is let go."""
        others = tuple(each for each in self.asked if (each.query, each.library) != (asked.query, asked.library))
        asked_so_far = (*others, asked)[-MAX_ASKED:]
        return replace(self, asked=asked_so_far, origins=_united(self.origins, (origin,) if origin else ()))

    def forget(self) -> "Basket":
        """Let go of the questions; the molecules stay."""
        return replace(self, asked=())

    def merge(self, other: "Basket") -> "Basket":
        """Join another basket: its molecules follow these; of a structure in both, different notes are joined.

        Raises:
            InputError: If both together hold more than MAX_PICKS.
        """
        theirs = {pick.molecule.key: pick.note for pick in other.picks}
        noted = tuple(
            replace(p, note=_joined(p.note, theirs.get(p.molecule.key, ""))[:MAX_NOTE_CHARS]) for p in self.picks
        )
        both = {(one.library, one.query): one for one in sorted((*self.asked, *other.asked), key=lambda one: one.time)}
        asked = tuple(sorted(both.values(), key=lambda one: one.time))[-MAX_ASKED:]
        merged = replace(self, picks=noted, asked=asked, removed=())
        return replace(merged.add(other.picks), origins=_united(self.origins, other.origins))


def pick_of(hit: Hit, ranking: Ranking) -> Pick:
    """Take a hit out of a ranking."""
    found = Found(ranking.query.text, hit.rank, hit.score, hit.cosine, hit.percentile)
    return Pick(hit.molecule, ranking.library, ranking.model_id, now(), found)


def asked_of(ranking: Ranking) -> Asked:
    """Take the question out of a ranking."""
    return Asked(ranking.query, ranking.library, ranking.model_id, ranking.searched, now())


def now() -> str:
    """Return the time as the basket writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def export_rows(basket: Basket) -> Iterator[tuple[Molecule, Mapping[str, str | float | int]]]:
    """Yield each molecule with the columns an export puts in front of its own tags."""
    for pick in basket.picks:
        columns: dict[str, str | float | int] = {}
        if (found := pick.found) is not None:
            columns = {
                "rank": found.rank,
                "score": found.score,
                "cosine": found.cosine,
                "percentile": found.percentile,
                "query": found.text,
            }
        yield (
            pick.molecule,
            {**columns, "library": pick.library, "model_id": pick.model_id, "added": pick.added, "note": pick.note},
        )


def _united(some: tuple[Origin, ...], others: tuple[Origin, ...]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys((*some, *others)))


def _joined(note: str, other: str) -> str:
    return note if other in note else f"{note}\n{other}" if note else other
