"""One query over one library: what the model reads in it, and the ranking it gives."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from molsearch.chem.ontology.classes import find_classes
from molsearch.errors import InputError
from molsearch.index.base import Index, SearchResult
from molsearch.interpretation import Exclusion, Interpretation, Reading, ReadPhrase
from molsearch.model.words import words
from molsearch.query.amounts import read_amounts, spell_amount
from molsearch.query.constraints import Constraints, read_constraints
from molsearch.query.names import available
from molsearch.records import Hit, Progress, Query, Ranking, Tested
from molsearch.search.filters import FilteredRows
from molsearch.search.scoring import (
    LOOKED,
    Described,
    asking,
    criteria_penalty,
    depth,
    part_penalty,
    possible,
    role_penalty,
    stereo_penalty,
    structure_penalty,
)

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder
    from molsearch.model.grounding import NamedStructure

NO_RERANKER = "This model has no re-ranker, so the leading molecules were not compared a second time."

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def rank(
    query: Query,
    read: Interpretation,
    name: str,
    index: Index,
    model: "DualEncoder",
    filtered: FilteredRows,
    tested: Tested | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """Rank a library for a query that was checked, read and filtered.

    Args:
        query: The query.
        read: What ``reading.read_query`` made of it.
        name: Name of the library.
        index: The library.
        model: The model that filled it.
        filtered: The rows to look at.
        tested: The list of compounds that ``filtered`` leaves out, for the record.
        progress: Told of the molecules looked at for a role, or for structure that no class tells.
    """
    from molsearch.model.runtime import thread_count
    from molsearch.search.rerank import LEADING, rerank_gains  # torch loads with these

    threads = thread_count()
    named = [model.named_structures(phrase.kept) if phrase.kept else () for phrase in read.phrases]
    rows = index.rows_of(list({one.key for found in named for one in found}))
    bonuses = _bonuses(read.phrases, named, rows) if query.exact_names else {}
    vector = query_vector(model, read.phrases, read.reference)
    constraints = _evidence(read.phrases, model) if query.criteria else []
    raised = criteria_penalty(constraints, index, model.odds)

    flags = index.flags() if constraints else None
    said = constraints if flags is not None else []  # an engine without them takes no adjustment
    told = role_penalty(said, index.vectors(), flags, model.odds, filtered.mask, progress) if said else None
    raised = _sum(raised, told)

    def best(k: int, among: Mask | None = None) -> SearchResult:
        mask = filtered.mask if among is None else among if filtered.mask is None else among & filtered.mask
        return index.search(vector, k, ranges=query.ranges, mask=mask, bonuses=bonuses, adjustment=raised)

    asked = asking(constraints, model.odds) if flags is not None else []
    for one in asked:
        assert flags is not None
        order = best(LOOKED, possible(one, flags)).rows.astype(np.int64)
        raised = _sum(raised, structure_penalty(one, order, len(flags), index.keys, model.odds, progress))

    constraints = [one for one in constraints if one not in asked]  # their parts were conditions
    if looked := depth(constraints) if model.odds.measured else 0:
        first = best(looked).rows.tolist()
        keys = index.keys(first)
        raised = _count(first, part_penalty(constraints, keys, model.odds), bonuses, raised)
    if query.rerank and model.reranker is not None:
        first = best(LEADING).rows.tolist()
        raised = _count(first, rerank_gains(model, *_kept(read.phrases), index.keys(first)), bonuses, raised)
    found = best(query.k)
    phrases = [_with_readings(model, *one, rows, said, asked) for one in zip(read.phrases, named, strict=True)]
    ranking = Ranking(
        query=query,
        library=name,
        model_id=model.model_id,
        hits=_hits(found, index),
        scores=array("f", found.distribution.astype(np.float32).tobytes()),
        searched=found.searched,
        read=replace(read, phrases=tuple(phrases), exclusions=_but_amounts(read.exclusions, phrases)),
        narrowing=filtered.account,
        tested=tested,
        library_sha256=index.content_sha256(),
        threads=threads,
    )
    lack = [] if model.reranker is not None or not query.rerank else [NO_RERANKER]
    return replace(ranking, notes=(*_warnings(ranking), *lack))


def _count(first: Sequence[int], gained: Floats, bonuses: dict[int, float], raised: Floats | None) -> Floats | None:
    """Count what the molecules of the rows ``first`` gained, in ``bonuses``; return what all are raised by.

    A molecule that was not looked at counts as the worst of those that were, so that none passes them by it.
    """
    worst = gained.min() if len(gained) else np.float32(0)
    for row, one in zip(first, gained.tolist(), strict=True):
        bonuses[row] = bonuses.get(row, 0.0) + one - float(worst)
    return None if raised is None else raised + worst


def _sum(raised: Floats | None, more: Floats | None) -> Floats | None:
    return more if raised is None else raised if more is None else raised + more


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
    columns = Described([key])
    for row, one in enumerate(read_constraints(captions, model.lexicon) if model.odds.measured else ()):
        lacks = criteria_penalty([one], columns, model.odds)
        scores[row] += stereo_penalty([one], [key], model.odds)[0]
        scores[row] += 0.0 if lacks is None else lacks[0]
    return scores


def _bonuses(
    phrases: Sequence[ReadPhrase], named: Sequence[Iterable["NamedStructure"]], rows: Mapping[str, int]
) -> dict[int, float]:
    """What each library molecule gains that a phrase names, by the share of that phrase."""
    total = sum(phrase.weight for phrase in phrases if phrase.kept)
    bonuses: dict[int, float] = {}
    for phrase, found in zip(phrases, named, strict=True):
        for one in found:
            if one.key in rows:
                gain = one.bonus * phrase.weight / total
                bonuses[rows[one.key]] = max(gain, bonuses.get(rows[one.key], 0.0))
    return bonuses


def _evidence(phrases: Sequence[ReadPhrase], model: "DualEncoder") -> list[Constraints]:
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
    named: Iterable["NamedStructure"],
    rows: Mapping[str, int],
    said: Sequence[Constraints],
    asked: Sequence[Constraints],
) -> ReadPhrase:
    """Note where in a phrase names, classes, features, amounts and roles stand, and how much is too long to encode."""
    readings = [Reading(one.name, one.start, one.end, "structure", one.key, one.rule, one.key in rows) for one in named]
    readings += [
        Reading(phrase.kept[start:end], start, end, "class", title) for title, start, end in find_classes(phrase.kept)
    ]
    readings += [
        Reading(phrase.kept[one.start : one.end], one.start, one.end, "amount", spell_amount(one))
        for one in read_amounts(phrase.kept)
    ]
    readings += [
        Reading(phrase.kept[one.start : one.end], one.start, one.end, "feature", one.condition.words)
        for constraints in asked
        if constraints.text == phrase.kept
        for one in constraints.criteria.conditions
    ]
    readings += [
        Reading(phrase.kept[one.start : one.end], one.start, one.end, "role", model.role_names[number])
        for constraints in said
        if constraints.text == phrase.kept
        for one in constraints.roles
        for number in one.numbers
    ]
    limited = model.config.text == "words" and "token" in model.paths
    unread = max(0, len(words(phrase.kept)) - model.config.words.max_words) if limited else 0
    return replace(phrase, readings=tuple(sorted(readings, key=lambda one: (one.start, one.end))), unread_words=unread)


def _but_amounts(exclusions: Iterable[Exclusion], phrases: Sequence[ReadPhrase]) -> tuple[Exclusion, ...]:
    """Leave out what was no class but was read otherwise: "no rotatable bonds", "no more than 2 rings"."""
    amounts = [one.words for phrase in phrases for one in phrase.readings if one.kind in ("amount", "feature")]
    return tuple(one for one in exclusions if one.kind != "unread" or not any(one.words in words for words in amounts))


def _hits(found: SearchResult, index: Index) -> tuple[Hit, ...]:
    ordered = np.sort(found.distribution)
    lower = np.searchsorted(ordered, found.scores, side="left") * (100.0 / max(len(ordered), 1))  # (k,) percent
    molecules = index.molecules(found.rows.tolist())
    columns = zip(found.scores.tolist(), found.cosines.tolist(), lower.tolist(), molecules, strict=True)
    return tuple(Hit(rank, *values) for rank, values in enumerate(columns, start=1))


def _warnings(ranking: Ranking) -> Iterator[str]:
    """Say in plain sentences what could not be done for a query."""
    molecules, searched, k = ranking.narrowing.molecules, ranking.searched, ranking.query.k
    for one in ranking.read.exclusions:
        if one.kind == "unread":
            yield f"“{one.words}” could not be read as a chemical class, so it excludes nothing."
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
