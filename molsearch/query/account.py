"""What a query says: whether it can be answered, what is to be embedded of it, and what it excludes."""

import math
from collections.abc import Iterator, Mapping

from molsearch.chem.details import spell_property
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.interpretation import Exclusion, Interpretation, Narrowing, ReadPhrase
from molsearch.query.exclusions import exclusion_named, read_exclusions
from molsearch.records import Phrase, PropertyRange, Query, Ranking, Tested

MAX_PHRASES = 8  # beside the query's own text
MAX_WITHOUT = 20


def check_text(text: str, limit: int) -> None:
    """Refuse a text that holds nothing or too much.

    Raises:
        InputError: Saying which, and what to do.
    """
    if not any(character.isalnum() for character in text):
        raise InputError(
            f"The query holds no word: got {text[:20]!r}, expected a description such as "
            "'a sulfonamide with an aromatic amine'; write one."
        )
    if len(text) > limit:
        raise InputError(
            f"The query is too long: got {len(text):,} characters, expected at most {limit:,}; shorten it."
        )


def check_query(query: Query, limit: int) -> None:
    """Refuse a query that no library could answer. An empty text is fine beside a phrase or a reference structure.

    Args:
        query: The query.
        limit: Most characters of a text.

    Raises:
        InputError: Saying what is wrong with it.
    """
    if query.text.strip() or not (query.reference.strip() or query.phrases):
        check_text(query.text, limit)
    if len(query.phrases) > MAX_PHRASES:
        raise InputError(f"The query has {len(query.phrases)} more phrases, expected at most {MAX_PHRASES}; drop some.")
    for phrase in query.phrases:
        check_text(phrase.text, limit)
    for phrase in (Phrase(query.text, query.weight), *query.phrases):
        if not 0 < phrase.weight <= 1:
            raise InputError(
                f"The weight of “{phrase.text[:40]}” is {phrase.weight:g}, expected above 0 and at most 1: an "
                "embedding cannot deny, so write “without …” to leave something out."
            )
    if query.k < 1:
        raise InputError(f"The number of hits is out of range: got {query.k}, expected 1 or more.")
    check_filters(query)


def check_filters(query: Query) -> None:
    """Refuse filters that make no sense.

    Raises:
        InputError: Saying what is wrong with them.
    """
    if len(query.without) > MAX_WITHOUT:
        raise InputError(
            f"The query leaves out {len(query.without)} things, expected at most {MAX_WITHOUT}; drop some."
        )
    for wanted in query.ranges:
        if wanted.name not in PROPERTIES:
            raise InputError(f"There is no property {wanted.name!r}: choose one of {', '.join(PROPERTIES)}.")
        low = -math.inf if wanted.low is None else wanted.low
        high = math.inf if wanted.high is None else wanted.high
        if not low <= high:
            raise InputError(f"The range of {wanted.name} is empty: got {low:g} to {high:g}, expected low ≤ high.")


def read_query(query: Query, lexicon: Mapping[str, str], reference: str = "") -> Interpretation:
    """Part what a query describes from what it excludes.

    Args:
        query: A query that ``check_query`` let through.
        lexicon: Trivial names in lower case with their SMILES.
        reference: Key of its reference structure, or "".

    Raises:
        InputError: If a field asks to leave out what is no class, SMARTS or name.
    """
    phrases = []
    exclusions: dict[tuple[str, str], Exclusion] = {}  # the same class is left out once
    for phrase in (Phrase(query.text, query.weight), *query.phrases):
        kept, found = read_exclusions(phrase.text, query.allowed, lexicon)
        if phrase.text.strip():
            phrases.append(ReadPhrase(phrase.text.strip(), phrase.weight, kept))
        for one in found:
            exclusions.setdefault((one.kind, one.read_as or one.words), one)
    for words in query.without:
        asked = exclusion_named(words, lexicon)
        exclusions.setdefault((asked.kind, asked.read_as), asked)
    return Interpretation(tuple(phrases), reference, tuple(exclusions.values()))


def check_reading(read: Interpretation) -> None:
    """Refuse a query that says only what to leave out.

    Raises:
        InputError: Saying so, and what to do.
    """
    if not read.reference and not any(any(map(str.isalnum, phrase.kept)) for phrase in read.phrases):
        words = ", ".join(one.words for one in read.exclusions)
        raise InputError(f"The query says only what to leave out ({words}): write also what you look for.")


def spell_range(wanted: PropertyRange) -> str:
    """Write a property range in words: "logP from -1 to 3", "mass up to 500 Da"."""
    name, _, unit = spell_property(wanted.name).partition(", ")
    low = "" if wanted.low is None else f"from {wanted.low:g}"
    high = "" if wanted.high is None else f"{'to' if low else 'up to'} {wanted.high:g}"
    return " ".join(filter(None, (name, low, high, unit if low or high else "")))


def sentences(ranking: Ranking) -> Iterator[str]:
    """Say in plain sentences what was read in a query."""
    read = ranking.read
    for phrase in read.phrases:
        told = f" (weight {phrase.weight:g})" if len(read.phrases) > 1 else ""
        if phrase.kept != phrase.text or told:
            yield f"Read as description: “{phrase.kept}”{told}."
        for one in phrase.readings:
            if one.kind == "structure":
                place = "is in this library" if one.in_library else "is not in this library"
                yield f"Read “{one.words}” as the structure {one.read_as}, which {place}."
        classes = dict.fromkeys(one.read_as for one in phrase.readings if one.kind == "class")
        if classes:
            yield f"Read as chemical classes: {', '.join(classes)}."
        if features := [one.read_as for one in phrase.readings if one.kind == "feature"]:
            yield f"Read as features of the structure: {', '.join(features)}."
        amounts = [one.read_as for one in phrase.readings if one.kind == "amount"]
        if amounts:
            yield f"Read as amounts: {', '.join(amounts)}."
        roles = dict.fromkeys(one.read_as for one in phrase.readings if one.kind == "role")
        if roles:
            yield f"Read as roles, learned from captions: {', '.join(roles)}."
    for exclusion in read.exclusions:
        if exclusion.kind != "unread":
            yield f"Left out: “{exclusion.words}”, read as the {exclusion.kind} {exclusion.read_as}."
    if ranking.tested is not None:
        yield tested_sentence(ranking.tested, ranking.narrowing)


def tested_sentence(tested: Tested, narrowing: Narrowing) -> str:
    """Say how many compounds of a tested list are in the library and left out."""
    return (
        f"{narrowing.tested_here:,} of your {len(tested.keys) + tested.unread:,} tested compounds are in this library "
        f"and left out; {tested.unread:,} could not be read."
    )
