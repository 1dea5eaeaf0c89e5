"""Names in texts to structures: spans, relations, the lexicon."""

from collections.abc import Iterator

import pytest

from molsearch.chem.batch.arrays import RELATIONS
from molsearch.query import names
from molsearch.query.names import Mention, candidates, find_mentions
from molsearch.query.opsin import Opsin, available

needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")


@pytest.fixture(scope="module")
def opsin() -> Iterator[Opsin]:
    resolver = Opsin()
    yield resolver
    resolver.close()


def mentions(text: str, opsin: Opsin | None = None, lexicon: dict[str, str] | None = None) -> list[Mention]:
    return list(find_mentions([text], lexicon, opsin)[0])


def relations(text: str, opsin: Opsin) -> dict[str, str]:
    return {mention.name: mention.relation for mention in mentions(text, opsin)}


# --- where names stand -------------------------------------------------------------------------------------------


def spans(text: str) -> set[str]:
    return {text[start:end] for start, end in candidates(text)}


def test_candidates_end_at_stop_words_and_at_stops() -> None:
    assert spans("It is a benzoic acid, and an ethyl ester.") == {
        "benzoic acid", "benzoic", "ethyl ester", "ethyl",
    }  # fmt: skip


def test_a_candidate_has_at_most_five_words_and_three_letters_in_a_row() -> None:
    assert max(len(span.split()) for span in spans("alpha beta gamma delta epsilon zeta eta")) == 5
    assert spans("12 of 34") == set()
    assert all(len(span) <= 300 for span in spans("methyl" * 100))


@needs_opsin
def test_the_longest_name_wins_and_none_overlap(opsin: Opsin) -> None:
    text = "It is a methyl benzoate and a benzoic acid."
    named = mentions(text, opsin)
    assert [mention.name for mention in named] == ["methyl benzoate", "benzoic acid"]
    assert all(text[mention.start : mention.end] == mention.name for mention in named)


@needs_opsin
def test_words_that_opsin_takes_for_names_are_left_alone(opsin: Opsin) -> None:
    assert mentions("even late in the day the air over the water has iron and lead", opsin) == []


@needs_opsin
def test_the_lexicon_is_asked_before_opsin_and_whatever_the_letter_case(opsin: Opsin) -> None:
    lexicon = {"xyzzylin": "CCN", "ethanol": "CCCCO"}
    named = mentions("Xyzzylin is made from ethanol.", opsin, lexicon)
    assert [(mention.name, mention.smiles) for mention in named] == [("Xyzzylin", "CCN"), ("ethanol", "CCCCO")]


# --- how a structure stands to the molecule ----------------------------------------------------------------------


@needs_opsin
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is a conjugate base of a benzoic acid.", {"benzoic acid": "near"}),
        ("It is a conjugate acid of a benzoate.", {"benzoate": "near"}),
        ("It is an enantiomer of L-alanine.", {"L-alanine": "near"}),
        ("It is a tautomer of a pyridin-2-ol.", {"pyridin-2-ol": "near"}),
        ("It derives from a propan-1-ol.", {"propan-1-ol": "parent"}),
        ("It is functionally related to a benzoic acid.", {"benzoic acid": "parent"}),
        ("It derives from an L-arginine and an L-asparagine.", {"L-arginine": "parent", "L-asparagine": "parent"}),
        ("It carries a phenyl group.", {"phenyl": "part"}),
        ("It is like a pyridine.", {"pyridine": "other"}),
        ("It is a conjugate base of a benzoic acid. It derives from an ethanol.",
         {"benzoic acid": "near", "ethanol": "parent"}),
    ],
)  # fmt: skip
def test_the_words_before_a_name_say_how_it_stands(opsin: Opsin, text: str, expected: dict[str, str]) -> None:
    stated = relations(text, opsin)
    assert {name: stated.get(name) for name in expected} == expected
    assert set(stated.values()) <= set(RELATIONS)


def test_the_order_of_relations_is_the_one_stored_in_models() -> None:
    assert RELATIONS == ("other", "part", "parent", "near")


@needs_opsin
def test_texts_are_read_each_on_its_own(opsin: Opsin) -> None:
    texts = ["benzoic acid", "", "It is made from ethanol.", "nothing here"]
    assert [[m.name for m in named] for named in find_mentions(texts, None, opsin)] == [
        ["benzoic acid"], [], ["ethanol"], [],
    ]  # fmt: skip


# --- searched once -----------------------------------------------------------------------------------------------


def search_anew(text: str, lexicon: dict[str, str] | None, opsin: Opsin) -> list[tuple[Mention, ...]]:
    names._spans.cache_clear()
    names._spellings.cache_clear()
    return find_mentions([text], lexicon, opsin)


@needs_opsin
def test_a_text_searched_before_with_another_lexicon_gives_what_a_first_search_gives(opsin: Opsin) -> None:
    # What does not depend on the lexicon is kept between the two searches that each query makes.
    texts = [
        "Ethanol is a primary alcohol. It derives from an ethane.",
        "The conjugate base of 3-oxohexanoyl-CoA and of benzoic acid(1-); it is a L-alanine derivative.",
        "no name here",
    ]
    lexicon = {"3-oxohexanoyl-coa": "CCCC(=O)CC(=O)SC", "ethanol": "OCC"}
    fresh = [search_anew(text, None, opsin) for text in texts]
    with_lexicon = [search_anew(text, lexicon, opsin) for text in texts]
    assert [find_mentions([text], None, opsin) for text in texts] == fresh
    assert [find_mentions([text], lexicon, opsin) for text in texts] == with_lexicon
    assert with_lexicon[1] != fresh[1]


def test_the_second_search_of_a_text_finds_its_spans_already_cut() -> None:
    before = names._spans.cache_info().hits
    for lexicon in ({"quux": "C"}, None):
        find_mentions(["a text that holds quux and no other name, asked twice"], lexicon)
    assert names._spans.cache_info().hits == before + 1
