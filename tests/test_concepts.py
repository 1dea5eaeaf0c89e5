"""Zero-shot tags: the list as shipped, and the arithmetic of the standard scores."""

from collections.abc import Sequence

import numpy as np
import pytest

from molsearch.concepts import PROMPTS, Concept, ConceptSpace, shipped_concepts, tag
from molsearch.errors import InputError
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress

CONCEPTS = (Concept("an alcohol", "chemical class"), Concept("an acid", "chemical class"), Concept("a dye", "role"))
UNIT = np.eye(3, dtype=np.float32)


class Axes:
    """A deterministic encoder: one axis for each phrase of CONCEPTS."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        sentences = [concept.sentence for concept in CONCEPTS]
        return UNIT[[sentences.index(text) for text in texts]]


SPACE = ConceptSpace.embed(Axes(), CONCEPTS)


def test_list_is_long_enough_each_phrase_once_and_every_group_used() -> None:
    concepts = shipped_concepts()
    assert len(concepts) >= 220
    assert len({concept.phrase.lower() for concept in concepts}) == len(concepts)
    assert {concept.group for concept in concepts} == set(PROMPTS)


def test_every_phrase_reads_as_a_noun_phrase() -> None:
    assert [c.phrase for c in shipped_concepts() if not c.phrase.startswith(("a ", "an "))] == []


def test_a_phrase_is_shown_in_the_sentence_of_its_group() -> None:
    assert Concept("a dye", "role").sentence == "It has a role as a dye."


def test_scores_are_standardised_over_the_list() -> None:
    # cosines 1, 0, 0: mean 1/3, standard deviation sqrt(2)/3, so 2/sqrt(2) and twice -1/sqrt(2)
    np.testing.assert_allclose(SPACE.scores(UNIT[:1]), [[np.sqrt(2), -np.sqrt(0.5), -np.sqrt(0.5)]], rtol=1e-5)


def test_a_phrase_near_every_molecule_is_put_in_its_place_by_the_background() -> None:
    molecule = np.array([[0.8, 0.6, 0.0]], np.float32)
    background = np.array([[0.9, 0.0, 0.0], [0.7, 0.1, 0.0], [0.8, 0.05, 0.1]], np.float32)  # the first suits all
    assert SPACE.tag(molecule, 1)[0][0].concept.phrase == "an alcohol"
    informed = ConceptSpace.embed(Axes(), CONCEPTS, background=background)
    assert informed.tag(molecule, 1)[0][0].concept.phrase == "an acid"


def test_tags_come_best_first_with_their_cosine() -> None:
    tags = SPACE.tag(np.array([[0.0, 0.6, 0.8]], np.float32), 2)[0]
    assert [entry.concept.phrase for entry in tags] == ["a dye", "an acid"]
    assert [entry.cosine for entry in tags] == pytest.approx([0.8, 0.6])


def test_ties_keep_the_order_of_the_list_and_equal_cosines_score_zero() -> None:
    tags = SPACE.tag(np.full((1, 3), 0.5, np.float32), 3)[0]
    assert [entry.concept for entry in tags] == list(CONCEPTS)
    assert [entry.score for entry in tags] == [0.0, 0.0, 0.0]


def test_each_molecule_gets_its_own_tags_whoever_stands_beside_it(tiny_model: DualEncoder) -> None:
    vectors = tiny_model.encode_molecules(["CCO", "Nc1ccc(S(N)(=O)=O)cc1"])
    together = tag(tiny_model, vectors, 5)
    assert [len(tags) for tags in together] == [5, 5]
    alone = tag(tiny_model, vectors[1:], 5)[0]
    assert [entry.concept for entry in together[1]] == [entry.concept for entry in alone]


def test_no_molecules_give_no_tags() -> None:
    assert SPACE.tag(np.zeros((0, 3), np.float32)) == ()


@pytest.mark.parametrize("molecules", [np.zeros((2, 4), np.float32), np.zeros(3, np.float32)])
def test_vectors_of_another_model_are_refused(molecules: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"shape \(N, 3\)"):
        SPACE.tag(molecules)


def test_impossible_calls_are_refused() -> None:
    with pytest.raises(InputError, match="1 or more"):
        SPACE.tag(UNIT, 0)
    with pytest.raises(InputError, match="two phrases"):
        ConceptSpace.embed(Axes(), CONCEPTS[:1])
    with pytest.raises(InputError, match="two molecules"):
        ConceptSpace.embed(Axes(), CONCEPTS, background=UNIT[:1])
