"""Zero-shot tags: the list as shipped, the arithmetic against a background, and the rules of the class table."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from molsearch.analysis import concepts as listing
from molsearch.analysis.concepts import (
    ABOVE,
    NO_RULE,
    PROMPTS,
    Concept,
    ConceptSpace,
    classes_held,
    rule_counts,
    ruled,
    ruled_rows,
    shipped_concepts,
)
from molsearch.chem.batch.arrays import GraphStore, pack_classes
from molsearch.chem.features.graph import featurise
from molsearch.chem.ontology.classes import class_named
from molsearch.errors import InputError
from molsearch.model.dual import DualEncoder
from molsearch.model.role_head import RoleHead
from molsearch.records import Progress

CONCEPTS = (Concept("an alcohol", "chemical class"), Concept("an acid", "chemical class"), Concept("a dye", "role"))
UNIT = np.eye(3, dtype=np.float32)
BACKGROUND = np.array([[0.5, 0.1, 0.0], [0.7, 0.3, 0.0]], np.float32)  # means 0.6, 0.2, 0; spreads 0.1, 0.1, none


class Axes:
    """A deterministic encoder: one axis for each phrase of CONCEPTS."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        sentences = [concept.sentence for concept in CONCEPTS]
        return UNIT[[sentences.index(text) for text in texts]]


SPACE = ConceptSpace.embed(Axes(), BACKGROUND, CONCEPTS)


def test_list_is_long_enough_each_phrase_once_and_every_group_used() -> None:
    concepts = shipped_concepts()
    assert len(concepts) >= 220
    assert len({concept.phrase.lower() for concept in concepts}) == len(concepts)
    assert {concept.group for concept in concepts} == set(PROMPTS)


def test_every_phrase_reads_as_a_noun_phrase() -> None:
    assert [c.phrase for c in shipped_concepts() if not c.phrase.startswith(("a ", "an "))] == []


def test_a_phrase_is_shown_in_the_sentence_of_its_group() -> None:
    assert Concept("a dye", "role").sentence == "It has a role as a dye."


def test_tags_come_by_their_standing_against_the_background() -> None:
    tags = SPACE.tag(np.array([0.65, 0.6, 0.0], np.float32))
    assert [tag.concept.phrase for tag in tags] == ["an acid", "an alcohol", "a dye"]
    assert [tag.cosine for tag in tags] == pytest.approx([0.6, 0.65, 0.0])
    assert [tag.score for tag in tags] == pytest.approx([4.0, 0.5, 0.0], abs=1e-4)


def test_what_belongs_for_certain_is_no_background_of_its_concept() -> None:
    background = np.array([[0.5, 0.9, 0.0], [0.7, 0.1, 0.0], [0.6, 0.3, 0.0]], np.float32)
    members = np.array([[True, True, True], [True, False, False], [True, False, False]])
    space = ConceptSpace.embed(Axes(), background, CONCEPTS, members=members)
    assert space.mean.tolist() == pytest.approx([0.6, 0.2, 0.0])  # all belong to the first: all are its background
    assert space.spread.tolist() == pytest.approx([np.std([0.5, 0.7, 0.6]), 0.1, 1.0])


def test_only_what_exceeds_typical_molecules_stands_above() -> None:
    near, far = 0.2 + 0.1 * (ABOVE - 0.05), 0.2 + 0.1 * (ABOVE + 0.05)
    for cosine, above in ((near, False), (far, True)):
        tags = {tag.concept.phrase: tag for tag in SPACE.tag(np.array([0.0, cosine, 0.0], np.float32))}
        assert tags["an acid"].above is above


def test_ties_keep_the_order_of_the_list() -> None:
    typical = SPACE.mean  # exactly as the background in every phrase
    assert [(tag.concept, tag.score) for tag in SPACE.tag(typical)] == [(concept, 0.0) for concept in CONCEPTS]


def test_counts_agree_with_tagging_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_BLOCK", 7)  # several blocks, the last one short
    molecules = np.random.default_rng(0).uniform(-1, 1, (40, 3)).astype(np.float32)
    slow = [sum(tag.above for row in molecules for tag in SPACE.tag(row) if tag.concept is c) for c in CONCEPTS]
    reports: list[tuple[int, int]] = []
    assert SPACE.standing_above(molecules, progress=lambda done, total: reports.append((done, total))).tolist() == slow
    assert reports[0] == (7, 40) and reports[-1] == (40, 40)


def test_one_concept_of_many_molecules_is_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_BLOCK", 7)
    molecules = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float16)
    cosines, scores = SPACE.of_concept(1, molecules)
    np.testing.assert_allclose(cosines, SPACE.cosines(molecules)[:, 1], atol=1e-6)
    np.testing.assert_allclose(scores, SPACE.standing(molecules)[:, 1], atol=1e-5)


def test_a_learned_role_scores_by_its_log_odds() -> None:
    torch.manual_seed(0)
    head = RoleHead(3, 16, 4, 2)
    torch.nn.init.normal_(head.out.weight)
    space = replace(SPACE, roles={2: (1,)}, head=head)
    molecules = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    flags = np.random.default_rng(2).integers(256, size=(20, 2)).astype(np.uint8)
    log_odds = head.log_odds(molecules, flags, [1])[:, 0]
    np.testing.assert_array_equal(space.standing(molecules, flags)[:, 2], log_odds)
    np.testing.assert_array_equal(space.standing(molecules), SPACE.standing(molecules))  # where no class is known
    np.testing.assert_array_equal(space.standing(molecules, flags)[:, :2], SPACE.standing(molecules)[:, :2])
    np.testing.assert_array_equal(space.of_concept(2, molecules, flags)[1], log_odds)
    np.testing.assert_array_equal(space.of_concept(2, molecules, flags)[0], SPACE.of_concept(2, molecules)[0])
    (dye,) = [tag for tag in space.tag(molecules[0], frozenset({3})) if tag.concept.phrase == "a dye"]
    assert dye.score == pytest.approx(head.log_odds(molecules[:1], pack_classes([{3}]), [1])[0, 0], abs=1e-6)
    assert space.standing_above(molecules, flags)[2] == (log_odds >= ABOVE).sum()
    either = replace(space, roles={2: (1, 0)})
    np.testing.assert_array_equal(
        either.standing(molecules, flags)[:, 2], head.log_odds(molecules, flags, [0, 1]).max(1)
    )


def test_a_phrase_names_a_role_with_all_its_words() -> None:
    names = ("dye", "antibacterial agent")
    assert Concept("a dye", "role").roles(names) == (0,)
    assert Concept("an antibiotic", "role").roles(names) == (1,)  # an everyday term
    assert Concept("a dye for wool", "role").roles(names) == ()
    assert Concept("a dye", "origin").roles(names) == ()


@pytest.mark.parametrize(
    ("phrase", "name"),
    [("a sulfonamide", "sulfonamide"), ("an azo compound", "azo compound"), ("an antibacterial agent", None)],
)
def test_a_phrase_that_is_a_class_has_its_rule(phrase: str, name: str | None) -> None:
    assert Concept(phrase, "role").rule == (class_named(name).row if name else NO_RULE)


def test_a_phrase_that_only_holds_a_class_has_no_rule() -> None:
    # "a flat aromatic molecule", "a drug against stomach ulcers": words of a class inside decide nothing.
    assert Concept("a dye from a sulfonamide", "role").rule == NO_RULE


def test_many_shipped_phrases_can_be_checked_by_rule() -> None:
    assert sum(concept.rule != NO_RULE for concept in shipped_concepts()) > 100


def test_the_rule_decides_by_structure() -> None:
    held = classes_held("Nc1ccc(S(N)(=O)=O)cc1")
    assert ruled(Concept("a sulfonamide", "chemical class"), held) is True
    assert ruled(Concept("a carboxylic acid", "chemical class"), held) is False
    assert ruled(Concept("an antibacterial agent", "role"), held) is None


def test_stored_class_bits_say_what_the_rules_say() -> None:
    smiles = ["Nc1ccc(S(N)(=O)=O)cc1", "CC(=O)O", "CCO"]
    flags = GraphStore.of([featurise(key) for key in smiles]).class_bits()
    concepts = shipped_concepts()
    held = [classes_held(key) for key in smiles]
    slow = np.array([[bool(ruled(concept, classes)) for concept in concepts] for classes in held])
    assert rule_counts(concepts, flags).tolist() == slow.sum(0).tolist()
    for place, concept in enumerate(concepts):
        rows = ruled_rows(concept, flags)
        assert rows is None or rows.tolist() == slow[:, place].tolist()


def test_the_list_is_embedded_by_a_real_model(tiny_model: DualEncoder) -> None:
    molecules = tiny_model.encode_molecules(["CCO", "Nc1ccc(S(N)(=O)=O)cc1", "CC(=O)O"])
    space = ConceptSpace.embed(tiny_model, molecules)
    tags = space.tag(molecules[1], classes_held("Nc1ccc(S(N)(=O)=O)cc1"))
    assert len(tags) == len(shipped_concepts()) and tags[0].score >= tags[-1].score
    assert next(tag.rule for tag in tags if tag.concept.phrase == "a sulfonamide") is True


def test_a_phrase_is_found_by_its_words_or_refused() -> None:
    assert SPACE.place("an acid") == 1
    with pytest.raises(InputError, match="no 'a moon'"):
        SPACE.place("a moon")


@pytest.mark.parametrize("molecules", [np.zeros((2, 4), np.float32), np.zeros(3, np.float32)])
def test_vectors_of_another_model_are_refused(molecules: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"shape \(N, 3\)"):
        SPACE.cosines(molecules)


def test_impossible_lists_are_refused() -> None:
    with pytest.raises(InputError, match="a phrase or more"):
        ConceptSpace.embed(Axes(), BACKGROUND, ())
    with pytest.raises(InputError, match="two molecules"):
        ConceptSpace.embed(Axes(), BACKGROUND[:1], CONCEPTS)
