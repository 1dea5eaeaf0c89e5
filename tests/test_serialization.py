"""Records as JSON: what is written comes back equal, and nothing else gets in."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molsearch.errors import InputError
from molsearch.serialization import MAX_DEPTH, dump, load, parse


@dataclass(frozen=True)
class Inner:
    word: str
    kind: Literal["left", "right"] = "left"


@dataclass(frozen=True)
class Outer:
    count: int
    share: float
    open: bool
    inner: Inner
    low: float | None = None
    many: tuple[Inner, ...] = ()
    tags: Mapping[str, str] | None = None


WHOLE = '{"count": 1, "share": 0.5, "open": true, "inner": {"word": "a"}}'
_TEXTS = st.text(st.characters())  # lone surrogates are among them

_INNERS = st.builds(Inner, _TEXTS, st.sampled_from(["left", "right"]))
_OUTERS = st.builds(
    Outer,
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    _INNERS,
    st.none() | st.floats(0, 1),
    st.lists(_INNERS, max_size=3).map(tuple),
    st.dictionaries(_TEXTS, _TEXTS, max_size=3),
)


@given(_OUTERS)
def test_a_record_comes_back_equal(record: Outer) -> None:
    texts = [record.inner.word, *(one.word for one in record.many), *(record.tags or {}), *(record.tags or {}).values()]
    if all(not any(0xD800 <= ord(c) < 0xDC00 for c in text) for text in texts):  # Python reads files without these
        assert load(Outer, dump(record)) == record


@given(_OUTERS)
def test_what_is_written_is_utf8(record: Outer) -> None:
    assert dump(record).encode("utf-8")


def test_a_lone_surrogate_comes_back() -> None:
    assert load(Inner, dump(Inner("caf\udce9"))) == Inner("caf\udce9")


def test_a_missing_field_with_a_default_takes_it() -> None:
    assert load(Outer, WHOLE) == Outer(1, 0.5, True, Inner("a"))


def test_a_whole_number_counts_as_a_float() -> None:
    assert load(Outer, WHOLE.replace("0.5", "2")).share == 2.0


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"count": 1', '"count": 1.5', "count"),
        ('"count": 1', '"count": true', "count"),
        ('"count": 1', '"count": 90071992547409930', "count"),
        ('"count": 1', '"counts": 1', "counts"),
        ('"share": 0.5', '"share": "0.5"', "share"),
        ('"share": 0.5', '"share": 1e999', "share"),
        ('"share": 0.5', '"share": null', "share"),
        ('"open": true', '"open": 1', "open"),
        ('{"word": "a"}', '{"word": 3}', "inner, word"),
        ('{"word": "a"}', '{"word": "a", "kind": "up"}', "inner, kind"),
        ('{"word": "a"}', '["a"]', "inner"),
        ('{"word": "a"}', "{}", "word"),
        ("true,", 'true, "many": {},', "many"),
        ("true,", 'true, "many": [{"word": "a"}, 1],', "many 2"),
        ("true,", 'true, "tags": {"a": 1},', "tags, 'a'"),
    ],
)
def test_a_wrong_field_is_one_sentence_that_names_it(old: str, new: str, place: str) -> None:
    with pytest.raises(InputError, match=place) as caught:
        load(Outer, WHOLE.replace(old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "nul", '{"a": 1, "a": 2}', "[NaN]", "[-Infinity]", '"\\', "9" * 5000, "[" * 100_000, '{"a":' * 50_000],
)
def test_what_is_no_json_is_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        parse(text)


def test_depth_is_counted_outside_of_texts_only() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert parse(json.dumps(["[" * 50 + '\\"{' * 50]))
    with pytest.raises(InputError, match="deeper"):
        parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_more_values_than_memory_is_for_are_refused_before_they_are_built() -> None:
    with pytest.raises(InputError, match="3,000,0"):
        parse("[" + "[]," * 1_500_000 + "0]")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["count", "share", "inner", "word"]), inner),
)


@given(_JSON)
@pytest.mark.slow
def test_no_json_does_more_than_be_refused(value: object) -> None:
    with suppress(InputError):
        assert isinstance(load(Outer, json.dumps(value)), Outer)
