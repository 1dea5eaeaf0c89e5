"""The query as a vector and as a record: weights, names, and what is said to have been read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.index.base import create_index
from molsearch.index.milvus import engine as milvus_index
from molsearch.interpretation import Interpretation, Narrowing, ReadPhrase
from molsearch.library.embedding import embed
from molsearch.model.dual import DualEncoder
from molsearch.model.reranker import LateInteraction
from molsearch.query.account import sentences, spell_range
from molsearch.records import Entry, Molecule, Phrase, PropertyRange, Query
from molsearch.screener import Screener
from molsearch.search.filters import FilteredRows
from molsearch.search.ranking import NO_RERANKER, query_vector, rank
from molsearch.search.rerank import rerank_gains
from molsearch.settings import Settings

ASPIRIN, ETHANOL = "CC(=O)Oc1ccccc1C(=O)O", "CCO"
PASTED = f"{ASPIRIN} aspirin\nCC(C)Cc1ccc(C(C)C(=O)O)cc1 ibuprofen\nNc1ccc(S(N)(=O)=O)cc1 sulfanilamide\n{ETHANOL}\n"


@pytest.fixture(scope="module")
def screener(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screener]:
    """A screener with one library, "drugs"."""
    home = tmp_path_factory.mktemp("home")
    screener = Screener(Settings(home=home, models=tiny_models, model="default", data=home))
    with screener.read_text(PASTED) as library:
        screener.add(library, "drugs")
    yield screener


def phrase(text: str, weight: float = 1.0) -> ReadPhrase:
    return ReadPhrase(text, weight, text)


def test_the_vector_of_a_text_alone_is_its_own(tiny_model: DualEncoder) -> None:
    expected = tiny_model.encode_texts(["an acid"])[0]
    np.testing.assert_allclose(query_vector(tiny_model, [phrase("an acid", 0.3)], ""), expected, atol=1e-6)


def test_phrases_meet_at_the_weighted_mean_of_their_unit_vectors(tiny_model: DualEncoder) -> None:
    acid, dye = tiny_model.encode_texts(["an acid", "a dye"])
    expected = (0.75 * acid + 0.25 * dye) / np.linalg.norm(0.75 * acid + 0.25 * dye)
    vector = query_vector(tiny_model, [phrase("an acid", 0.75), phrase("a dye", 0.25)], "")
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_a_reference_meets_all_phrases_together_midway(tiny_model: DualEncoder) -> None:
    phrases = [phrase("an acid"), phrase("a dye", 0.5)]
    middle = query_vector(tiny_model, phrases, "") + tiny_model.encode_molecules([ETHANOL])[0]
    expected = middle / np.linalg.norm(middle)
    np.testing.assert_allclose(query_vector(tiny_model, phrases, ETHANOL), expected, atol=1e-6)


def test_a_phrase_of_which_nothing_is_kept_does_not_count(tiny_model: DualEncoder) -> None:
    phrases = [phrase("an acid"), ReadPhrase("without a lactone", 1.0, "")]
    expected = tiny_model.encode_texts(["an acid"])[0]
    np.testing.assert_allclose(query_vector(tiny_model, phrases, ""), expected, atol=1e-6)


def test_scores_follow_the_weights(screener: Screener) -> None:
    only_second = screener.search(Query("a dye"), "drugs")
    nearly = screener.search(Query("an acid", weight=1e-6, phrases=(Phrase("a dye"),)), "drugs")
    assert [hit.molecule.key for hit in nearly.hits] == [hit.molecule.key for hit in only_second.hits]


def test_a_name_lifts_by_the_share_of_its_phrase(screener: Screener) -> None:
    def aspirin(query: Query) -> float:
        return next(hit.score for hit in screener.search(query, "drugs").hits if hit.molecule.key == ASPIRIN)

    phrases = (Phrase("acetylsalicylic acid", 0.25),)
    gain = aspirin(Query("a dye", phrases=phrases)) - aspirin(Query("a dye", phrases=phrases, exact_names=False))
    assert gain == pytest.approx(0.5 * 0.25 / 1.25, abs=1e-4)  # the bonus of a text that begins with a name is 0.5


def test_readings_stand_where_their_words_are(screener: Screener) -> None:
    text = "a drug without a lactone such as acetylsalicylic acid or another carboxylic acid"
    (read,) = screener.search(Query(text), "drugs").read.phrases
    assert [read.kept[reading.start : reading.end] for reading in read.readings] == [
        reading.words for reading in read.readings
    ]
    assert ("structure", ASPIRIN, True) in [
        (reading.kind, reading.read_as, reading.in_library) for reading in read.readings
    ]
    assert ("class", "carboxylic acid") in [(reading.kind, reading.read_as) for reading in read.readings]


def test_words_past_the_word_encoder_are_counted(screener: Screener) -> None:
    (read,) = screener.search(Query("acid " * 120), "drugs").read.phrases
    assert read.unread_words == 8  # of 120, it reads 112


def test_the_reference_is_told_as_its_key(screener: Screener) -> None:
    assert screener.search(Query("", reference="OCC"), "drugs").read.reference == ETHANOL


def test_what_is_left_out_is_said(screener: Screener) -> None:
    ranking = screener.search(Query("an acid without chlorine", without=("[#16]",)), "drugs")
    account = " ".join(sentences(ranking))
    assert "“chlorine”, read as the smarts Cl" in account and "“[#16]”" in account
    assert [exclusion.from_text for exclusion in ranking.read.exclusions] == [True, False]


def test_the_same_exclusion_counts_once(screener: Screener) -> None:
    ranking = screener.search(Query("an acid without lactones", without=("lactone",)), "drugs")
    assert [step.what for step in ranking.narrowing.steps] == ["without lactones"]


def test_an_amount_that_is_denied_is_no_unread_exclusion(screener: Screener) -> None:
    ranking = screener.search(Query("a drug with no more than 2 rings and no smell"), "drugs")
    assert [(reading.words, reading.read_as) for reading in ranking.read.phrases[0].readings] == [
        ("no more than 2 rings", "rings 2 or less")
    ]
    assert [exclusion.words for exclusion in ranking.read.exclusions] == ["smell"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (PropertyRange("logp", -1, 3), "logP from -1 to 3"),
        (PropertyRange("logp", 2), "logP from 2"),
        (PropertyRange("mass_da", None, 500), "mass up to 500 Da"),
    ],
)
def test_a_range_is_spelt_in_words(wanted: PropertyRange, words: str) -> None:
    assert spell_range(wanted) == words


def test_a_second_look_is_taken_where_it_is_asked_for(screener: Screener) -> None:
    plain = screener.search(Query("an acid"), "drugs")
    assert screener.search(Query("an acid", rerank=True), "drugs").notes[-1] == NO_RERANKER
    torch.manual_seed(0)
    screener.model.reranker = LateInteraction(screener.model.config.projector.width, 8).eval()
    try:
        assert screener.search(Query("an acid"), "drugs").hits == plain.hits  # off by default
        ranking = screener.search(Query("an acid", rerank=True), "drugs")
        keys = [hit.molecule.key for hit in plain.hits]
        gained = rerank_gains(screener.model, ["an acid"], [1.0], keys)
        expected = {hit.molecule.key: hit.score + gain for hit, gain in zip(plain.hits, gained.tolist(), strict=True)}
        gains = {hit.molecule.key: hit.score - expected[hit.molecule.key] for hit in ranking.hits}
        assert max(gains.values()) - min(gains.values()) < 1e-5  # a constant apart
        assert NO_RERANKER not in ranking.notes
    finally:
        screener.model.reranker = None


def test_a_score_distribution_of_a_sample_is_called_one(
    tiny_model: DualEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    monkeypatch.setattr(milvus_index, "SAMPLE_ROWS", 20)
    index = create_index(f"{tmp_path / 'lib.db'}#x", "x", tiny_model.model_id, tiny_model.width, engine="milvus")
    molecules = [Molecule("C" * n, "", (Entry(n, "C" * n, "smiles"),)) for n in range(1, 41)]
    index.add(embed(molecules, tiny_model))
    read = Interpretation((phrase("an alkane"),))
    filtered = FilteredRows(None, Narrowing(40))
    ranking = rank(Query("an alkane", k=40), read, "x", index, tiny_model, filtered)
    drawn = len(ranking.scores)
    assert (ranking.searched, len(ranking.hits)) == (40, 40)
    assert 5 < drawn < 35  # 20 are expected
    (note,) = [note for note in ranking.notes if "sample" in note]
    assert note.startswith(f"The score distribution is that of {drawn} molecules, a random sample drawn when")
    assert "all 40 were ranked" in note


def test_a_whole_score_distribution_needs_no_note(screener: Screener) -> None:
    assert not any("sample" in note for note in screener.search(Query("an acid", k=1), "drugs").notes)
