"""Whether a query can be answered: refused here, with a sentence that says what to change, before anything is read."""

import math

from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.interpretation import Interpretation
from molsearch.records import Phrase, Query

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


def check_reading(read: Interpretation) -> None:
    """Refuse a query that says only what to leave out.

    Raises:
        InputError: Saying so, and what to do.
    """
    if not read.reference and not any(any(map(str.isalnum, phrase.kept)) for phrase in read.phrases):
        words = ", ".join(exclusion.words for exclusion in read.exclusions)
        raise InputError(f"The query says only what to leave out ({words}): write also what you look for.")
