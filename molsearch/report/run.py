"""Where a ranking came from: the run manifest that goes with every export, and from which it is repeated.

A manifest is readable JSON. It holds all that was asked, what was asked of (by hash), what answered (by hash), the
versions, and the answer's keys and scores, so that another process can tell whether it gets the same bits.
"""

import hashlib
import platform
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from molsearch import __version__
from molsearch.interpretation import Narrowing
from molsearch.records import Hit, Query, Ranking, Tested
from molsearch.screener import Screener

FORMAT = "molsearch run"
VERSION = 1
MAX_TESTED = 50_000  # keys of a longer tested list are not written, only their hash
PACKAGES = ("rdkit", "torch", "torch-geometric", "numpy", "py2opsin")  # what a score can depend on


@dataclass(frozen=True, slots=True)
class RecordCount:
    """How many records there are of one sort."""

    what: str
    records: int


@dataclass(frozen=True, slots=True)
class Searched:
    """A library as it was searched.

    Attributes:
        name: Its name.
        sha256: Hash of its contents, or "" where its engine keeps none.
        records: Records that were read for it.
        rejected: Those that became no molecule, by reason.
        repeats: Records that repeat the structure of an earlier one.
        molecules: Distinct structures.
    """

    name: str
    sha256: str
    records: int
    rejected: tuple[RecordCount, ...]
    repeats: int
    molecules: int


@dataclass(frozen=True, slots=True)
class TestedList:
    """The tested compounds that were left out.

    Attributes:
        name: Of the list.
        unread: Records of it that could not be read.
        sha256: Hash of its keys.
        keys: The keys; none of a list longer than MAX_TESTED.
    """

    name: str
    unread: int
    sha256: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a ranking.

    Attributes:
        key: Isomeric SMILES after clean-up.
        score: What the rank follows, a float32.
        cosine: Plain cosine, a float32.
    """

    key: str
    score: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Package:
    """A program or package and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class RunManifest:
    """A run manifest.

    Attributes:
        format: Always FORMAT.
        version: Of the layout; another one is refused.
        made: When it was written, ISO 8601, UTC.
        query: The query with its filters.
        tested: The tested compounds that were left out, or None.
        library: What was searched.
        narrowing: What each filter left.
        scored: How many molecules were scored.
        model: Folder name of the model.
        model_id: Hash of its configuration and weights.
        threads: Threads that shared a sum; another count can change a score's last bit.
        versions: Of the programs that took part.
        notes: Warnings that came with the ranking.
        digest: Hash of keys, scores and cosines in rank order, the numbers as float32 bytes.
        hits: The ranking.
    """

    format: str
    version: int
    made: str
    query: Query
    tested: TestedList | None
    library: Searched
    narrowing: Narrowing
    scored: int
    model: str
    model_id: str
    threads: int
    versions: tuple[Package, ...]
    notes: tuple[str, ...]
    digest: str
    hits: tuple[Place, ...]


def run_of(ranking: Ranking, screener: Screener) -> RunManifest:
    """Write down where a ranking came from.

    Args:
        ranking: What the screener answered.
        screener: For what it knows of the library and the model.
    """
    card = screener.card()
    library, changed = _searched(ranking, screener)
    hits = tuple(map(_place, ranking.hits))
    return RunManifest(
        format=FORMAT,
        version=VERSION,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        query=ranking.query,
        tested=_tested(ranking.tested) if ranking.tested else None,
        library=library,
        narrowing=ranking.narrowing,
        scored=ranking.searched,
        model=card.name if card.model_id == ranking.model_id else "",
        model_id=ranking.model_id,
        threads=ranking.threads,
        versions=versions(),
        notes=(*ranking.notes, *changed),
        digest=digest(hits),
        hits=hits,
    )


def digest(hits: Sequence[Place]) -> str:
    """Hash a ranking: 64 hexadecimal digits over keys, scores and cosines in rank order."""
    total = hashlib.sha256()
    for hit in hits:
        key = hit.key.encode("utf-8", "surrogatepass")
        total.update(struct.pack("<I", len(key)) + key + _bits(hit))
    return total.hexdigest()


def first_difference(first: Sequence[Place], second: Sequence[Place]) -> int | None:
    """Return the first rank, from 1, at which two rankings are not the same to the last bit; None where they are."""
    for rank, (left, right) in enumerate(zip(first, second, strict=False), start=1):
        if left.key != right.key or _bits(left) != _bits(right):
            return rank
    return None if len(first) == len(second) else min(len(first), len(second)) + 1


def places(ranking: Ranking) -> tuple[Place, ...]:
    """Take from a ranking what is compared."""
    return tuple(map(_place, ranking.hits))


def versions() -> tuple[Package, ...]:
    """Name the programs that a ranking comes from, and the machine they run on."""
    own = [Package("molsearch", __version__), Package("python", platform.python_version())]
    return (*own, *(Package(name, _version(name)) for name in PACKAGES), Package("machine", platform.platform()))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _place(hit: Hit) -> Place:
    return Place(hit.molecule.key, hit.score, hit.cosine)


def _bits(hit: Place) -> bytes:
    return struct.pack("<ff", hit.score, hit.cosine)


def _tested(tested: Tested) -> TestedList:
    keys = tested.keys if len(tested.keys) <= MAX_TESTED else ()
    return TestedList(tested.name, tested.unread, keys_sha256(tested.keys), keys)


def keys_sha256(keys: Sequence[str]) -> str:
    """Hash a list of molecules, whatever their order."""
    return hashlib.sha256("\n".join(sorted(keys)).encode("utf-8", "surrogatepass")).hexdigest()


def _searched(ranking: Ranking, screener: Screener) -> tuple[Searched, tuple[str, ...]]:
    """Account for the records of the library, and say so where it is no longer what was searched."""
    name, sha256 = ranking.library, ranking.library_sha256
    infos = [info for info in screener.libraries() if info.name == name]
    if not infos:
        removed = f"The library {name!r} was removed since: its records cannot be counted."
        return Searched(name, sha256, 0, (), 0, ranking.narrowing.molecules), (removed,)
    info = infos[-1]  # a session's own library comes after a kept one of the same name, which it hides
    reasons = Counter(rejection.reason.value for rejection in screener.rejections(name))
    searched = Searched(
        name=name,
        sha256=sha256,
        records=info.records,
        rejected=tuple(RecordCount(reason, count) for reason, count in reasons.most_common()),
        repeats=info.records - info.rejections - info.molecules,
        molecules=info.molecules,
    )
    if screener.content_sha256(name) != sha256:
        return searched, (f"The library {name!r} was changed since: its records are counted as they are now.",)
    return searched, ()
