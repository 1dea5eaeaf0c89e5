"""What a query says: the words that are embedded of it and those it excludes, and sentences that say both."""

from collections.abc import Iterator, Mapping

from molsearch.chem.details import spell_property
from molsearch.interpretation import Exclusion, Interpretation, Narrowing, ReadPhrase
from molsearch.query.exclusions import exclusion_named, read_exclusions
from molsearch.records import Phrase, PropertyRange, Query, Ranking, Tested


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
        kept, stated = read_exclusions(phrase.text, query.allowed, lexicon)
        if phrase.text.strip():
            phrases.append(ReadPhrase(phrase.text.strip(), phrase.weight, kept))
        for exclusion in stated:
            exclusions.setdefault((exclusion.kind, exclusion.read_as or exclusion.words), exclusion)
    for words in query.without:
        exclusion = exclusion_named(words, lexicon)
        exclusions.setdefault((exclusion.kind, exclusion.read_as), exclusion)
    return Interpretation(tuple(phrases), reference, tuple(exclusions.values()))


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
        weight = f" (weight {phrase.weight:g})" if len(read.phrases) > 1 else ""
        if phrase.kept != phrase.text or weight:
            yield f"Read as description: “{phrase.kept}”{weight}."
        for reading in phrase.readings:
            if reading.kind == "structure":
                place = "is in this library" if reading.in_library else "is not in this library"
                yield f"Read “{reading.words}” as the structure {reading.read_as}, which {place}."
        classes = dict.fromkeys(reading.read_as for reading in phrase.readings if reading.kind == "class")
        if classes:
            yield f"Read as chemical classes: {', '.join(classes)}."
        if features := [reading.read_as for reading in phrase.readings if reading.kind == "feature"]:
            yield f"Read as features of the structure: {', '.join(features)}."
        amounts = [reading.read_as for reading in phrase.readings if reading.kind == "amount"]
        if amounts:
            yield f"Read as amounts: {', '.join(amounts)}."
        roles = dict.fromkeys(reading.read_as for reading in phrase.readings if reading.kind == "role")
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
