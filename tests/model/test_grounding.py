"""What the model reads in a text beside its words."""

import pytest

from molsearch.chem.batch.arrays import CLASS_OFFSET, RELATIONS
from molsearch.chem.features.graph import featurise
from molsearch.chem.ontology.classes import class_named
from molsearch.model.grounding import MAX_STRUCTURES, TextStructures, ground, read_texts
from molsearch.query.opsin import available

needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")
NEAR, PARENT, OTHER = (RELATIONS.index(name) for name in ("near", "parent", "other"))
LEXICON = {f"xyzzyl{letter}": "C" * count + "O" for count, letter in enumerate("abcdefghijkl", 1)}


def test_a_name_of_the_lexicon_becomes_a_structure_with_its_relation() -> None:
    (reading,) = read_texts(["It is a conjugate base of xyzzylb."], LEXICON)
    assert (reading.structures, reading.relations) == (("CCO",), (NEAR,))


def test_a_structure_named_twice_is_kept_once_with_its_closest_relation() -> None:
    (reading,) = read_texts(["It derives from xyzzylb. It is the enantiomer of xyzzylb. Like xyzzyla."], LEXICON)
    assert dict(zip(reading.structures, reading.relations, strict=True)) == {"CCO": NEAR, "CO": OTHER}


def test_no_more_structures_are_kept_than_the_model_reads() -> None:
    (reading,) = read_texts([", ".join(LEXICON)], LEXICON)
    assert list(reading.structures) == list(LEXICON.values())[:MAX_STRUCTURES]


def test_class_names_become_their_fragments() -> None:
    (reading,) = read_texts(["a sulfonamide with two sulfonamides"])
    assert CLASS_OFFSET + class_named("sulfonamide").row in reading.classes
    assert len(set(reading.classes)) == len(reading.classes)


@needs_opsin
def test_hydrogen_and_bare_attachment_points_say_nothing() -> None:
    (reading,) = read_texts(["hydrogen"])
    assert reading.structures == ()


def test_structures_of_many_texts_are_featurised_once() -> None:
    readings = [
        TextStructures("a", ("CCO", "C"), (NEAR, OTHER)),
        TextStructures("b"),
        TextStructures("c", ("C",), (PARENT,), (CLASS_OFFSET,)),
    ]
    texts, store = ground(readings)
    assert [text.structures for text in texts] == [(0, 1), (), (1,)]
    assert [text.relations for text in texts] == [(NEAR, OTHER), (), (PARENT,)]
    assert texts[2].classes == (CLASS_OFFSET,)
    assert [store.take([row]).sizes()[0] for row in (0, 1)] == [len(featurise(s).atoms) for s in ("CCO", "C")]


def test_texts_that_name_nothing_are_grounded_too() -> None:
    texts, _ = ground([TextStructures("a")])
    assert texts[0].structures == ()
