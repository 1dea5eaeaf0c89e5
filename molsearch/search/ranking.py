"""One query over one library: what the model reads in it, and the ranking it gives.

Shapes: N molecules of the library, M molecules of a list, Q texts, D width.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from molsearch.chem.ontology.classes import find_classes
from molsearch.errors import InputError
from molsearch.index.base import Index, SearchResult
from molsearch.interpretation import Exclusion, Interpretation, Reading, ReadPhrase
from molsearch.model.words import words
from molsearch.query.amounts import read_amounts, spell_amount
from molsearch.query.constraints import Constraints, read_constraints
from molsearch.query.criteria import Placed
from molsearch.query.opsin import available
from molsearch.records import Hit, Progress, PropertyRange, Query, Ranking
from molsearch.search.filters import FilteredRows
from molsearch.search.scoring import (
    MOST_EXAMINED,
    ComputedColumns,
    criteria_penalty,
    part_depth,
    part_penalty,
    possible_matches,
    role_penalty,
    stereo_penalty,
    structure_penalty,
    with_conditions,
)

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder
    from molsearch.model.grounding import NamedStructure

NO_RERANKER = "This model has no re-ranker, so the leading molecules were not compared a second time."

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def rank(
    query: Query,
    read: Interpretation,
    name: str,
    index: Index,
    model: "DualEncoder",
    filtered: FilteredRows,
    progress: Progress | None = None,
) -> Ranking:
    """Rank a library for a query that was checked, read and filtered.

    Args:
        query: The query.
        read: What ``query.account.read_query`` made of it.
        name: Name of the library.
        index: The library.
        model: The model that filled it.
        filtered: The rows to look at.
        progress: Told of the molecules looked at for a role, or for structure that no class tells.
    """
    from molsearch.model.runtime import thread_count  # torch loads with this

    threads = thread_count()
    named = [model.named_structures(phrase.kept) if phrase.kept else () for phrase in read.phrases]
    rows = index.rows_of(list({structure.key for structures in named for structure in structures}))
    bonuses = _bonuses(read.phrases, named, rows) if query.exact_names else {}
    vector = query_vector(model, read.phrases, read.reference)
    constraints = _constraints(read.phrases, model) if query.criteria else []
    flags = index.flags() if constraints else None  # an engine without them takes no adjustment
    scores = _Scores(index, vector, query.ranges, filtered.mask, bonuses)
    scores = _with_penalties(scores, constraints, flags, model, progress)
    if query.rerank:
        scores = _reranked(scores, read.phrases, model)
    best = scores.best(query.k)
    phrases = [
        _with_readings(model, phrase, structures, rows, constraints if flags is not None else [])
        for phrase, structures in zip(read.phrases, named, strict=True)
    ]
    ranking = Ranking(
        query=query,
        library=name,
        model_id=model.model_id,
        hits=_hits(best, index),
        scores=array("f", best.distribution.astype(np.float32).tobytes()),
        searched=best.searched,
        read=replace(read, phrases=tuple(phrases), exclusions=_remaining_exclusions(read.exclusions, phrases)),
        narrowing=filtered.account,
        tested=filtered.tested,
        library_sha256=index.content_sha256(),
        threads=threads,
    )
    lack = [] if model.reranker is not None or not query.rerank else [NO_RERANKER]
    return replace(ranking, notes=(*_warnings(ranking), *lack))


@dataclass(frozen=True, slots=True, eq=False)
class _Scores:
    """What the rows of a library score for a query, as far as it was worked out: each stage returns the next.

    Attributes:
        index: The library, which holds the vectors and constants.
        vector: (D,) of the query.
        ranges: Property ranges that a row must lie in.
        mask: (N,) rows that pass the other filters; None for all.
        bonuses: Row -> what is added to its score.
        adjustment: (N,) what is added to every row's score; None for nothing.
    """

    index: Index
    vector: Floats
    ranges: Sequence[PropertyRange]
    mask: Mask | None
    bonuses: Mapping[int, float]
    adjustment: Floats | None = None

    def best(self, k: int, among: Mask | None = None) -> SearchResult:
        """Return the best k rows that pass all filters, of those in a mask (N,)."""
        mask = self.mask if among is None else among if self.mask is None else among & self.mask
        return self.index.search(
            self.vector, k, ranges=self.ranges, mask=mask, bonuses=self.bonuses, adjustment=self.adjustment
        )

    def with_penalty(self, penalty: Floats | None) -> "_Scores":
        """Add a penalty of all rows, (N,); None changes nothing."""
        if penalty is None:
            return self
        return replace(self, adjustment=penalty if self.adjustment is None else self.adjustment + penalty)

    def with_gains(self, rows: Sequence[int], gains: Floats) -> "_Scores":
        """Add what M leading rows gain, (M,).

        A molecule that was not looked at counts as the worst of those that were, so that none passes them by it.
        """
        worst = gains.min() if len(gains) else np.float32(0)
        bonuses = dict(self.bonuses)
        for row, gain in zip(rows, gains.tolist(), strict=True):
            bonuses[row] = bonuses.get(row, 0.0) + gain - float(worst)
        return replace(self, bonuses=bonuses, adjustment=None if self.adjustment is None else self.adjustment + worst)


def _with_penalties(
    scores: _Scores,
    constraints: Sequence[Constraints],
    flags: Flags | None,
    model: "DualEncoder",
    progress: Progress | None,
) -> _Scores:
    """Take off what molecules lack of what the texts state: first what all are looked at for, then the leading ones."""
    index, odds = scores.index, model.odds
    structural: list[Constraints] = []
    if constraints and flags is not None:
        scores = scores.with_penalty(criteria_penalty(constraints, index, odds))
        roles = role_penalty(constraints, index.vectors(), flags, odds, scores.mask, progress)
        scores = scores.with_penalty(roles)
        structural = with_conditions(constraints, odds)
        for text in structural:
            order = scores.best(MOST_EXAMINED, possible_matches(text, flags)).rows.astype(np.int64)
            structure = structure_penalty(text, order, len(flags), index.keys, odds, progress)
            scores = scores.with_penalty(structure)
    remaining = [text for text in constraints if text not in structural]  # the parts of those were conditions
    if odds.measured and (depth := part_depth(remaining)):
        leading = scores.best(depth).rows.tolist()
        scores = scores.with_gains(leading, part_penalty(remaining, index.keys(leading), odds))
    return scores


def _reranked(scores: _Scores, phrases: Sequence[ReadPhrase], model: "DualEncoder") -> _Scores:
    """Add what the leading molecules gain by their atoms against the words; nothing without a re-ranker."""
    from molsearch.search.rerank import LEADING, rerank_gains  # torch loads with these

    if model.reranker is None:
        return scores
    leading = scores.best(LEADING).rows.tolist()
    return scores.with_gains(leading, rerank_gains(model, *_kept(phrases), scores.index.keys(leading)))


def query_vector(model: "DualEncoder", phrases: Sequence[ReadPhrase], reference: str) -> Floats:
    """Encode phrases as the weighted mean of their unit vectors, and join a reference structure midway.

    Args:
        model: The encoder.
        phrases: Those of which nothing is kept do not count.
        reference: Key of a structure, or "".

    Returns:
        (D,) of unit length.

    Raises:
        InputError: If what is asked for points in opposite directions.
    """
    kept = [phrase for phrase in phrases if phrase.kept]
    parts = []
    if kept:
        weights = np.array([phrase.weight for phrase in kept], np.float32)
        texts = model.encode_texts([phrase.kept for phrase in kept])  # (Q, D)
        parts.append(texts[0] if len(kept) == 1 else _unit(weights @ texts))
    if reference:
        parts.append(model.encode_molecules([reference])[0])
    return _unit(np.mean(parts, axis=0))


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    if not length > 0:
        raise InputError("The phrases and the reference structure point in opposite directions: leave one of them out.")
    return np.asarray(vector / length, np.float32)


def caption_scores(key: str, captions: Sequence[str], model: "DualEncoder") -> Floats:
    """Score captions for a molecule, (Q,): cosine, the caption's constant, less what the molecule lacks.

    Parts and roles do not count here: what a caption loses by them depends on how many it names.

    Args:
        key: The molecule after clean-up.
        captions: Q captions.
        model: The encoder.
    """
    texts = model.encode_texts(captions)  # (Q, D)
    scores: Floats = texts @ model.encode_molecules([key])[0] + model.caption_constants(texts)
    columns = ComputedColumns([key])
    for row, text in enumerate(read_constraints(captions, model.lexicon) if model.odds.measured else ()):
        penalty = criteria_penalty([text], columns, model.odds)
        scores[row] += stereo_penalty([text], [key], model.odds)[0]
        scores[row] += 0.0 if penalty is None else penalty[0]
    return scores


def _bonuses(
    phrases: Sequence[ReadPhrase], named: Sequence[Iterable["NamedStructure"]], rows: Mapping[str, int]
) -> dict[int, float]:
    """Compute what each library molecule gains that a phrase names, by the share of that phrase."""
    total = sum(phrase.weight for phrase in phrases if phrase.kept)
    bonuses: dict[int, float] = {}
    for phrase, structures in zip(phrases, named, strict=True):
        for structure in structures:
            if structure.key in rows:
                gain = structure.bonus * phrase.weight / total
                bonuses[rows[structure.key]] = max(gain, bonuses.get(rows[structure.key], 0.0))
    return bonuses


def _constraints(phrases: Sequence[ReadPhrase], model: "DualEncoder") -> list[Constraints]:
    """Read what the phrases state of a molecule."""
    texts, shares = _kept(phrases)
    return read_constraints(texts, model.lexicon, shares, model.role_names)


def _kept(phrases: Sequence[ReadPhrase]) -> tuple[list[str], list[float]]:
    """List the phrases of which something is kept, and the share of each."""
    kept = [phrase for phrase in phrases if phrase.kept]
    total = sum(phrase.weight for phrase in kept)
    return [phrase.kept for phrase in kept], [phrase.weight / total for phrase in kept]


def _with_readings(
    model: "DualEncoder",
    phrase: ReadPhrase,
    structures: Iterable["NamedStructure"],
    rows: Mapping[str, int],
    constraints: Sequence[Constraints],
) -> ReadPhrase:
    """Note where in a phrase names, classes, features, amounts and roles stand, and how much is too long to encode."""
    text = phrase.kept

    def reading(place: Placed, kind: Literal["feature", "amount", "role"], read_as: str) -> Reading:
        return Reading(text[place.start : place.end], place.start, place.end, kind, read_as)

    stated = [constraint for constraint in constraints if constraint.text == text]
    readings = [
        *(
            Reading(each.name, each.start, each.end, "structure", each.key, each.rule, each.key in rows)
            for each in structures
        ),
        *(Reading(text[start:end], start, end, "class", title) for title, start, end in find_classes(text)),
        *(reading(amount, "amount", spell_amount(amount)) for amount in read_amounts(text)),
        *(
            reading(criterion, "feature", criterion.condition.words)
            for constraint in with_conditions(stated, model.odds)
            for criterion in constraint.criteria.conditions
        ),
        *(
            reading(role, "role", model.role_names[number])
            for constraint in stated
            for role in constraint.roles
            for number in role.numbers
        ),
    ]
    limited = model.config.text == "words" and "token" in model.paths
    unread = max(0, len(words(text)) - model.config.words.max_words) if limited else 0
    ordered = sorted(readings, key=lambda each: (each.start, each.end))
    return replace(phrase, readings=tuple(ordered), unread_words=unread)


def _remaining_exclusions(exclusions: Iterable[Exclusion], phrases: Sequence[ReadPhrase]) -> tuple[Exclusion, ...]:
    """Leave out what was no class but was read otherwise: "no rotatable bonds", "no more than 2 rings"."""
    readings = [reading for phrase in phrases for reading in phrase.readings]
    amounts = [reading.words for reading in readings if reading.kind in ("amount", "feature")]
    return tuple(
        exclusion
        for exclusion in exclusions
        if exclusion.kind != "unread" or not any(exclusion.words in amount for amount in amounts)
    )


def _hits(best: SearchResult, index: Index) -> tuple[Hit, ...]:
    """Number the best rows and look up their molecules and percentiles."""
    ordered = np.sort(best.distribution)
    lower = np.searchsorted(ordered, best.scores, side="left") * (100.0 / max(len(ordered), 1))  # (k,) percent
    molecules = index.molecules(best.rows.tolist())
    columns = zip(best.scores.tolist(), best.cosines.tolist(), lower.tolist(), molecules, strict=True)
    return tuple(Hit(rank, *values) for rank, values in enumerate(columns, start=1))


def _warnings(ranking: Ranking) -> Iterator[str]:
    """Say in plain sentences what could not be done for a query."""
    molecules, searched, k = ranking.narrowing.molecules, ranking.searched, ranking.query.k
    for exclusion in ranking.read.exclusions:
        if exclusion.kind == "unread":
            yield f"“{exclusion.words}” could not be read as a chemical class, so it excludes nothing."
    if any(phrase.kept for phrase in ranking.read.phrases) and (lack := available()):
        yield lack
    if molecules == 0:
        yield "This library holds no molecules."
    elif searched == 0:
        yield f"None of the {molecules:,} molecules passes the filters: loosen them."
    elif searched < k:
        yield f"Only {searched:,} of the {molecules:,} molecules could be ranked, fewer than the {k:,} asked for."
    if (drawn := len(ranking.scores)) < searched:
        yield (
            f"The score distribution is that of {drawn:,} molecules, a random sample drawn when the library was "
            f"stored; all {searched:,} were ranked, and percentiles are estimated from the sample."
        )
