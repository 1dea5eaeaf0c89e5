"""A query survives the way into an address and back, and an address that somebody made up does no harm."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.pages.permalink import FIELDS, MAX_CHARS, Permalink, address, fields_of, read_link
from molsearch.records import Phrase, PropertyRange, Query

FULL = Query(
    text="a <b>dye</b> & an acid, 100 % α",
    k=50,
    ranges=(PropertyRange("logp", -1.25, 3), PropertyRange("mass_da", None, 500)),
    smarts="[#6]S(=O)(=O)N",
    reference="C#N",
    exact_names=False,
    weight=0.5,
    phrases=(Phrase("water-soluble: yes", 0.1), Phrase("an ester")),
    without=("lactone", "[#16]"),
    allowed=("carboxylic acid",),
    criteria=False,
    rerank=True,
)


def test_a_query_comes_back_from_its_address() -> None:
    link = Permalink(FULL, "my library?", "a steroid")
    parts = urlsplit(address("http://localhost:8501/?old=1", link))
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "localhost:8501", "/")
    assert read_link(parse_qs(parts.query)) == link


def test_every_field_of_a_query_has_a_place_in_the_link() -> None:
    usual = Query("")
    assert all(getattr(FULL, field.name) != getattr(usual, field.name) for field in fields(Query))
    assert set(fields_of(Permalink(FULL, "mine", "a steroid"))) == set(FIELDS)


def test_a_plain_query_makes_a_short_link() -> None:
    assert fields_of(Permalink(Query("an acid"), "examples")) == {"v": ["1"], "q": ["an acid"], "lib": ["examples"]}


TEXT = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), max_size=40)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
RANGE = st.builds(PropertyRange, st.sampled_from(list(PROPERTIES)), st.none() | NUMBER, st.none() | NUMBER)
WEIGHT = st.floats(min_value=0, max_value=1, exclude_min=True)


@settings(max_examples=50, deadline=None)
@given(TEXT, st.integers(1, 1000), st.lists(RANGE, max_size=3), st.lists(st.builds(Phrase, TEXT, WEIGHT), max_size=3))
def test_any_query_comes_back(text: str, k: int, ranges: list[PropertyRange], phrases: list[Phrase]) -> None:
    link = Permalink(Query(text, k, tuple(ranges), phrases=tuple(phrases)), "mine")
    assert read_link(fields_of(link)) == link


@pytest.mark.parametrize(
    ("made_up", "told"),
    [
        ({"q": ["an acid"]}, "version of the link is 'nothing', expected 1"),
        ({"v": ["2"], "q": ["an acid"]}, "version of the link is '2'"),
        ({"v": ["1"], "evil": ["x"]}, "unknown field 'evil'"),
        ({"v": ["1"], "q": ["an acid", "a dye"]}, "text of the query is '2 values', expected one"),
        ({"v": ["1"], "q": ["x" * MAX_CHARS]}, "link is too long"),
        ({"v": ["1"], "x": ["y"] * MAX_CHARS}, "link is too long"),
        ({"v": ["1"], "q": ["an\x00acid"]}, "control character"),
        ({"v": ["1"], "k": ["0"]}, "'0', expected a whole number from 1 to 1,000"),
        ({"v": ["1"], "k": ["9" * 400]}, "expected a whole number"),
        ({"v": ["1"], "k": ["²"]}, "expected a whole number"),
        ({"v": ["1"], "r": ["mass_da:1"]}, "expected a property with its bounds"),
        ({"v": ["1"], "r": ["__class__:1:2"]}, "expected a property with its bounds"),
        ({"v": ["1"], "r": ["mass_da:nan:2"]}, "'nan', expected a number"),
        ({"v": ["1"], "r": ["mass_da:1e999:2"]}, "expected a number"),
        ({"v": ["1"], "r": [f"mass_da:{'1' * 3000}:2"]}, "expected a number"),
        ({"v": ["1"], "p": ["an ester"]}, "expected a weight and a text"),
        ({"v": ["1"], "p": ["2:an ester"]}, "above 0 and at most 1"),
        ({"v": ["1"], "w": ["-1"]}, "above 0 and at most 1"),
        ({"v": ["1"], "names": ["yes"]}, "expected 0 or 1"),
    ],
)
def test_a_broken_link_is_refused_in_one_sentence(made_up: Mapping[str, Sequence[str]], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        read_link(made_up)
    assert len(str(refused.value)) < 300


def test_a_query_too_long_for_a_link_says_so() -> None:
    with pytest.raises(InputError, match="too long for a link"):
        fields_of(Permalink(Query("acid " * 1000), "mine"))


def test_an_empty_field_that_may_repeat_says_nothing() -> None:
    assert read_link({"v": ["1"], "q": ["an acid"], "x": [""], "ok": ["", "no ring"]}).query == Query(
        "an acid", allowed=("no ring",)
    )
