"""The basket: what is picked stays, what is removed comes back, and one file holds it all."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.chem.io.options import ReadOptions
from molsearch.errors import InputError
from molsearch.records import Entry, Molecule, PropertyRange, Query
from molsearch.workspace.basket import (
    FORMAT,
    MAX_ASKED,
    MAX_NOTE_CHARS,
    MAX_PICKS,
    VERSION,
    Basket,
    HitOrigin,
    Origin,
    Pick,
    Question,
    open_saved,
    save,
)
from tests.fuzz.seeds import BLOCK, TIME

OPTIONS = ReadOptions(timeout_s=0)  # structures are checked in this process
ORIGIN = Origin("mine", 3, "m1", "ab" * 32)


def pick(smiles: str, note: str = "", name: str = "") -> Pick:
    molecule = Molecule(smiles, name, (Entry(1, smiles, "smiles", name),))
    return Pick(molecule, "mine", "m1", TIME, HitOrigin("an alcohol", 3, 0.5, 0.25, 99.5), note)


ETHANOL = Pick(
    Molecule("CCO", "ethanol", (Entry(7, BLOCK, "molblock", "ethanol", {"batch": "A-1", "=cmd": "<b>x</b>"}),)),
    "mine",
    "m1",
    TIME,
    HitOrigin("an alcohol", 1, 0.75, 0.5, 100.0),
    "smells\nnice",
)
ASKED = Question(Query("an alcohol", 50, (PropertyRange("mass_da", None, 300.0),), "[OX2H]"), "mine", "m1", 3, TIME)
FULL = Basket((ETHANOL, pick("CC"), pick("CCC")), (ASKED,), (ORIGIN,))


def keys(basket: Basket) -> list[str]:
    return [each.molecule.key for each in basket.picks]


def changed(**parts: object) -> bytes:
    """The saved basket with some of its fields written anew."""
    return json.dumps(json.loads(save(FULL, "m1")) | parts).encode()


def with_pick(**parts: object) -> bytes:
    """The saved basket with some fields of its first molecule written anew."""
    value = json.loads(save(FULL, "m1"))
    value["picks"][0] |= parts
    return json.dumps(value).encode()


def with_structure(key: str, text: str, row: int = 1) -> bytes:
    return with_pick(molecule={"key": key, "name": "", "sources": [{"row": row, "text": text, "kind": "smiles"}]})


def test_molecules_stand_in_the_order_they_were_added() -> None:
    assert keys(Basket().add([pick("CC")]).add([pick("C"), pick("CCC")])) == ["CC", "C", "CCC"]


def test_a_structure_stands_once_and_keeps_its_first_note() -> None:
    basket = Basket().add([pick("CC", "first"), pick("CC", "second")]).add([pick("CC", "third")])
    assert [each.note for each in basket.picks] == ["first"]


def test_a_basket_never_changes() -> None:
    empty = Basket()
    empty.add([pick("CC")])
    assert empty == Basket()


@pytest.mark.slow
def test_too_many_molecules_are_refused_whole() -> None:
    many = [pick("C" * (n % 90 + 1) + f"[{n}C]") for n in range(MAX_PICKS)]
    basket = Basket().add(many)
    with pytest.raises(InputError, match="10,001"):
        basket.add([pick("N")])


@pytest.mark.parametrize("gone", [{"CCO"}, {"CC"}, {"CCO", "CCC"}, {"CCO", "CC", "CCC"}])
def test_undoing_a_removal_gives_the_same_basket(gone: set[str]) -> None:
    removed = FULL.remove(frozenset(gone))
    assert keys(removed) == [key for key in keys(FULL) if key not in gone]
    assert removed.restore() == FULL


def test_undo_after_an_addition_keeps_both() -> None:
    basket = FULL.remove(frozenset({"CC"})).add([pick("N")]).restore()
    assert keys(basket) == ["CCO", "CC", "CCC", "N"]


def test_removing_nothing_keeps_the_last_removal() -> None:
    removed = FULL.remove(frozenset({"CC"}))
    assert removed.remove(frozenset({"not here"})).restore() == FULL


def test_a_note_is_written_to_its_molecule_alone_and_cut_at_the_limit() -> None:
    basket = FULL.annotate("CC", "x" * (MAX_NOTE_CHARS + 9))
    assert [len(each.note) for each in basket.picks] == [len("smells\nnice"), MAX_NOTE_CHARS, 0]


def test_a_question_asked_again_stands_once_at_its_later_time() -> None:
    later = replace(ASKED, time="2026-02-01T00:00:00+00:00")
    other = replace(ASKED, query=Query("an acid"))
    assert Basket().remember(ASKED).remember(other).remember(later).asked == (other, later)


def test_of_many_questions_the_latest_are_kept() -> None:
    basket = Basket()
    for number in range(MAX_ASKED + 2):
        basket = basket.remember(replace(ASKED, query=Query(str(number))))
    assert (len(basket.asked), basket.asked[0].query.text) == (MAX_ASKED, "2")


def test_a_saved_basket_opens_equal() -> None:
    assert open_saved(save(FULL, "m1"), OPTIONS, 10_000) == FULL


def test_the_saved_file_names_model_and_libraries_with_their_hashes() -> None:
    value = json.loads(save(FULL.add([], Origin("never used", 1, "m1", "")), "m2"))
    assert value["model_id"] == "m2"
    assert value["libraries"] == [{"name": "mine", "molecules": 3, "model_id": "m1", "sha256": "ab" * 32}]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_PICKS = st.builds(
    lambda name, tag, value, note, found: Pick(
        Molecule("CCO", name, (Entry(1, "OCC", "smiles", name, {tag: value}),)), "mine", "m1", TIME, found, note
    ),
    _TEXTS,
    _TEXTS,
    _TEXTS,
    _TEXTS,
    st.none() | st.builds(HitOrigin, _TEXTS, st.integers(1, 9), st.floats(-9, 9), st.floats(-1, 1), st.floats(0, 100)),
)


@settings(deadline=None)
@given(_PICKS)
def test_whatever_names_notes_and_tags_hold_comes_back(one: Pick) -> None:
    assert open_saved(save(Basket((one,)), "m1"), OPTIONS, 10_000).picks == (one,)


def test_undecodable_bytes_in_source_records_come_back() -> None:
    entry = Entry(1, "CCO caf\udce9", "molblock", "", {"tag": "\udcff"})
    one = replace(ETHANOL, molecule=replace(ETHANOL.molecule, sources=(entry,)))
    assert open_saved(save(Basket((one,)), "m1"), OPTIONS, 10_000).picks == (one,)


def test_a_merged_basket_keeps_both() -> None:
    other = Basket((pick("CC", "theirs"), pick("N")), (replace(ASKED, query=Query("an amine")),), (ORIGIN,))
    merged = FULL.annotate("CC", "ours").merge(other)
    assert keys(merged) == ["CCO", "CC", "CCC", "N"]
    assert merged.picks[1].note == "ours\ntheirs"
    assert {asked.query.text for asked in merged.asked} == {"an alcohol", "an amine"}
    assert merged.origins == (ORIGIN,)


def test_merging_the_same_basket_changes_nothing() -> None:
    assert FULL.merge(FULL) == FULL


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe", "no UTF-8"),
        (b"[]", "no saved basket"),
        (b'{"format": "other"}', "no saved basket"),
        (changed(version=VERSION + 1), "reads version 1"),
        (changed(version="1"), "reads version 1"),
        (changed(version=True), "reads version 1"),
        (changed(extra=1), "unknown field 'extra'"),
        (changed(picks=[1]), "picks 1"),
        (changed(picks={}), "a list"),
        (with_pick(note=3), "picks 1, note"),
        (with_pick(note="x" * (MAX_NOTE_CHARS + 1)), "4,001 characters"),
        (with_pick(note="\udcff"), "half a character"),
        (with_pick(library="caf\udce9"), "half a character"),
        (with_pick(added="yesterday"), "the time it was added"),
        (with_pick(found={"text": "", "rank": 0, "score": 0, "cosine": 0, "percentile": 0}), "rank 0"),
        (with_pick(found={"text": "", "rank": 1, "score": 0, "cosine": 0, "percentile": 101}), "percentile 101"),
        (with_pick(molecule={"key": "CCO", "name": "", "sources": []}), "no source record"),
        (with_structure("CC(", "C"), "RDKit"),
        (with_structure("C", "C)"), "RDKit"),
        (with_structure("C", "C", 0), "below 1"),
        (with_structure("C" * 2000, "C"), "heavy atoms"),
        (with_structure("CC", "CC"), "stands twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        open_saved(content, OPTIONS, 10_000)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"text": ""}, "Question 1 .* no word"),
        ({"text": "x" * 10_001}, "too long"),
        ({"text": "x", "k": 0}, "out of range"),
        ({"text": "x", "ranges": [{"name": "price"}]}, "no property 'price'"),
        ({"text": "x", "phrases": [{"text": "y"}] * 9}, "9 more phrases"),
        ({"text": "x", "reference": "C" * 10_001}, "out of bounds"),
        ({"text": "caf\udce9"}, "out of bounds"),
        ({"text": "x", "colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_a_question_that_could_not_be_asked_is_refused(query: dict[str, object], words: str) -> None:
    asked = json.loads(save(FULL, "m1"))["asked"][0] | {"query": query}
    with pytest.raises(InputError, match=words):
        open_saved(changed(asked=[asked]), OPTIONS, 10_000)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_PLACES = st.sampled_from(
    [("picks",), ("asked",), ("libraries",), ("picks", 0), ("picks", 0, "molecule"), ("picks", 0, "found"),
     ("picks", 0, "molecule", "sources", 0), ("asked", 0, "query"), ("asked", 0, "query", "ranges"), ("version",)]
)  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(_PLACES, _JSON)
@pytest.mark.slow
def test_arbitrary_json_anywhere_in_the_file_is_opened_or_refused(place: tuple[str | int, ...], value: object) -> None:
    whole = json.loads(save(FULL, "m1"))
    inside = whole
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    try:
        assert isinstance(open_saved(json.dumps(whole).encode(), OPTIONS, 10_000), Basket)
    except InputError as error:
        assert "\n" not in str(error)


@given(st.binary() | st.text().map(lambda text: f'{{"format": "{FORMAT}", "version": 1, {text}'.encode()))
@pytest.mark.slow
def test_arbitrary_bytes_are_refused_by_a_sentence(content: bytes) -> None:
    with pytest.raises(InputError):
        open_saved(content, OPTIONS, 10_000)
