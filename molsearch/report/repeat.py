"""A ranking repeated from its run manifest: the same to the last bit, or what differs."""

from collections.abc import Iterator
from dataclasses import dataclass

from molsearch.errors import InputError, ModelError
from molsearch.records import Progress, Ranking, Tested
from molsearch.report.run import Package, Place, RunManifest, digest, first_difference, keys_sha256, places, versions
from molsearch.screener import Screener

MAX_THREADS = 1_024
SAME, LIBRARY_DIFFERS, RANKING_DIFFERS = 0, 4, 5  # exit statuses; another model is a ModelError


@dataclass(frozen=True, slots=True)
class Repetition:
    """What came of a repetition.

    Attributes:
        same: Whether keys, scores and cosines of all hits are the same to the last bit.
        same_library: Whether the library's contents are those that were searched.
        first_difference: The first rank that differs, or None.
        digest: Of the ranking made now.
        sentences: The same in words, what differs first.
    """

    same: bool
    same_library: bool
    first_difference: int | None
    digest: str
    sentences: tuple[str, ...]

    @property
    def status(self) -> int:
        """Exit status of the command that repeated it."""
        return LIBRARY_DIFFERS if not self.same_library else SAME if self.same else RANKING_DIFFERS


def repeat(
    run: RunManifest, screener: Screener, library: str, tested: Tested | None = None, progress: Progress | None = None
) -> Repetition:
    """Ask again what a manifest says was asked, and compare the answers.

    Args:
        run: The manifest.
        screener: Who is asked; its process runs on as many threads as the manifest says, see ``share_sums_as``.
        library: Name of the stored library to search.
        tested: The tested compounds, where the manifest holds only the hash of a long list.
        progress: Called with the molecules a filter has looked at.

    Raises:
        InputError: If the tested list is missing or another one, or the query cannot be asked.
        LibraryError: If there is no such library, or another model filled it.
        ModelError: If the model in use is not the one that answered.
    """
    left_out = _tested(run, tested)
    share_sums_as(run)
    _check_model(run, screener)
    ranking = screener.search(run.query, library, left_out, progress)
    now = places(ranking)
    at = first_difference(run.hits, now)
    same_library = ranking.library_sha256 == run.library.sha256
    return Repetition(
        same=at is None,
        same_library=same_library,
        first_difference=at,
        digest=digest(now),
        sentences=tuple(_sentences(run, ranking, now, at, same_library)),
    )


def share_sums_as(run: RunManifest) -> None:
    """Let this process use as many threads as a manifest says: a sum shared by another count can differ by a bit.

    Raises:
        InputError: If no machine has that many.
    """
    from molsearch.model.runtime import use_threads  # torch loads with this

    if not 1 <= run.threads <= MAX_THREADS:
        raise InputError(f"The manifest names {run.threads} threads, expected 1 to {MAX_THREADS}: it was changed.")
    use_threads(run.threads)


def _tested(run: RunManifest, given: Tested | None) -> Tested | None:
    """Take the tested list from the manifest, or the given one if it is the same."""
    wanted = run.tested
    if wanted is None:
        return None
    listed = given or Tested(wanted.name, wanted.keys, wanted.unread)
    if keys_sha256(listed.keys) != wanted.sha256:
        raise InputError(
            f"The tested compounds are not those of the list {wanted.name!r} that the manifest names: give that list "
            "with --tested FILE."
        )
    return Tested(wanted.name, listed.keys, wanted.unread)


def _check_model(run: RunManifest, screener: Screener) -> None:
    """Refuse to repeat with another model, naming the folder of the right one where it is installed."""
    used = screener.card()
    if used.model_id == run.model_id:
        return
    folder = next((card.name for card in screener.models() if card.model_id == run.model_id), "")
    remedy = f"set MOLSEARCH_MODEL={folder} and repeat it" if folder else "install that model and repeat it"
    raise ModelError(
        f"Another model answered: the manifest names model {run.model_id} ({run.model or 'of unknown name'}), but "
        f"{used.model_id} ({used.name}) is in use; {remedy}."
    )


def _sentences(
    run: RunManifest, ranking: Ranking, answered: tuple[Place, ...], at: int | None, same_library: bool
) -> Iterator[str]:
    if at is None:
        yield f"The ranking is the same bit for bit: {len(answered):,} hits, digest {digest(answered)[:16]}."
    else:
        yield f"The ranking differs from rank {at} on: {_hit_at(run.hits, at)} then, {_hit_at(answered, at)} now."
        if [place.key for place in run.hits] == [place.key for place in answered]:
            largest = max(abs(then.score - now.score) for then, now in zip(run.hits, answered, strict=True))
            yield f"The molecules and their order are the same; scores differ by at most {largest:.1e}."
    yield f"Model: the same, {ranking.model_id}."
    yield _library_sentence(run, ranking, same_library)
    changed = [pair for pair in zip(run.versions, _matching(run.versions), strict=True) if pair[0] != pair[1]]
    if changed:
        changes = ", ".join(f"{then.name} {then.version} then, {now.version} now" for then, now in changed)
        yield f"Versions differ: {changes}."
    else:
        yield "Versions: the same."


def _hit_at(hits: tuple[Place, ...], rank: int) -> str:
    if rank > len(hits):
        return "no hit"
    return f"{hits[rank - 1].key} with score {hits[rank - 1].score:.9g}"


def _library_sentence(run: RunManifest, ranking: Ranking, same_library: bool) -> str:
    then, now = run.library.molecules, ranking.narrowing.molecules
    if not same_library:
        return f"Library: other contents than {run.library.name!r} had, {then:,} molecules then, {now:,} now."
    if not run.library.sha256:
        return f"Library: its engine keeps no hash; {then:,} molecules then, {now:,} now."
    return f"Library: the same contents, {now:,} molecules, hash {run.library.sha256[:16]}."


def _matching(then: tuple[Package, ...]) -> list[Package]:
    """Name the versions of today in the order of a manifest's."""
    today = {package.name: package for package in versions()}
    return [today.get(package.name, Package(package.name, "not known here")) for package in then]
