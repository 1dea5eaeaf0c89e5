"""Bags and IDF against plain loops and counts made by hand."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from molsearch.chem.batch.arrays import FRAGMENT_SIZE, RELATIONS, GraphStore
from molsearch.chem.features.graph import featurise
from molsearch.model.batch import fragment_bag, gram_bag, grounded_bag, structure_slots
from molsearch.model.lexical import Bag, LexicalConfig, LexicalPath, gram_numbers, inverse_document_frequency
from molsearch.model.words import hashed, text_grams

SIZE = 4096


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    structures: tuple[int, ...] = ()
    relations: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()


def contents(bag: Bag, row: int) -> dict[int, float]:
    ends = [*bag.offsets.tolist()[1:], len(bag.numbers)]
    span = slice(int(bag.offsets[row]), ends[row])
    return dict(zip(bag.numbers[span].tolist(), bag.weights[span].tolist(), strict=True))


def store() -> GraphStore:
    return GraphStore.of([featurise(smiles) for smiles in ("CCO", "c1ccccc1O", "[Na+].[Cl-]")])


def test_the_idf_of_a_gram_is_the_log_of_texts_over_texts_that_hold_it() -> None:
    # "acid" stands in 3 of 4 texts, "an" in all 4, "weak" in 2, which is below the least of 3.
    texts = ["an acid", "an acid acid weak", "weak an acid", "an ion"]
    table = inverse_document_frequency(texts, SIZE)
    assert math.isclose(table[hashed("acid", SIZE)], math.log(4 / 3), rel_tol=1e-6)
    assert table[hashed("an", SIZE)] == 0
    assert table[hashed("weak", SIZE)] == 0
    assert math.isclose(inverse_document_frequency(texts, SIZE, 2)[hashed("weak", SIZE)], math.log(2), rel_tol=1e-6)
    assert table[hashed("never", SIZE)] == 0


def test_a_text_without_any_sign_has_an_empty_bag() -> None:
    bag = gram_bag(["  ", "an acid"], SIZE)
    assert contents(bag, 0) == {}
    assert set(contents(bag, 1)) == {hashed(gram, SIZE) for gram in text_grams("an acid")}


def test_the_grams_of_a_text_are_counted_once_whatever_it_repeats() -> None:
    numbers = gram_numbers("acid acid", SIZE)
    assert sorted(numbers.tolist()) == sorted({hashed(gram, SIZE) for gram in ("acid", "acid_acid")})


def test_a_bag_of_rows_keeps_their_order_and_empty_rows() -> None:
    bag = Bag.of(
        [np.array([3, 1]), np.array([], int), np.array([2])], [np.array([1.0, 2]), np.array([]), np.array([5])]
    )
    assert [contents(bag, row) for row in range(3)] == [{3: 1.0, 1: 2.0}, {}, {2: 5.0}]


def test_the_fragment_bag_holds_each_molecule_s_fragments_and_counts() -> None:
    bag = fragment_bag(store())
    for row, smiles in enumerate(("CCO", "c1ccccc1O", "[Na+].[Cl-]")):
        graph = featurise(smiles)
        assert contents(bag, row) == dict(zip(graph.fragments.tolist(), graph.counts.tolist(), strict=True))


def slow_grounded(texts: list[Text], graphs: GraphStore) -> list[dict[int, float]]:
    rows: list[dict[int, float]] = []
    for relation in range(len(RELATIONS)):
        for text in texts:
            counted: dict[int, float] = {}
            for structure, kind in zip(text.structures, text.relations, strict=True):
                graph = graphs.take([structure]).graph
                for number, count in zip(graph.fragments.tolist(), graph.counts.tolist(), strict=True):
                    if kind == relation:
                        counted[number] = max(counted.get(number, 0), count)
            if relation == 0:
                for number in text.classes:
                    counted[number] = max(counted.get(number, 0), 1)
            rows.append(counted)
    return rows


def test_the_grounded_bag_is_what_a_loop_over_texts_structures_and_classes_gives() -> None:
    last = FRAGMENT_SIZE - 1
    texts = [
        Text("a", (0, 1), (0, 0), (7, last)),
        Text("b"),
        Text("c", (2, 0, 1), (3, 1, 3)),
        Text("d", (), (), (last,)),
    ]
    bag = grounded_bag(texts, store())
    expected = slow_grounded(texts, store())
    assert [contents(bag, row) for row in range(len(expected))] == expected


def test_texts_that_name_nothing_have_empty_grounded_bags() -> None:
    bag = grounded_bag([Text("a"), Text("b")], store())
    assert len(bag.numbers) == 0
    assert bag.offsets.tolist() == [0] * (2 * len(RELATIONS))


def test_a_structure_named_by_two_texts_is_encoded_once() -> None:
    slots = structure_slots([Text("a", (2, 0), (1, 3)), Text("b"), Text("c", (0,), (2,))], store())
    assert slots is not None
    assert slots.molecules.sizes.tolist() == [2, 3]  # salt, then ethanol
    assert slots.shape == (3, 2)
    rows = list(zip(*(t.tolist() for t in (slots.texts, slots.slots, slots.rows, slots.relations)), strict=True))
    assert rows == [(0, 0, 0, 1), (0, 1, 1, 3), (2, 0, 1, 2)]
    assert structure_slots([Text("a")], store()) is None


def path() -> LexicalPath:
    torch.manual_seed(0)
    model = LexicalPath(LexicalConfig(grams=SIZE, width=6, hidden=8, out=5)).eval()
    model.idf.copy_(torch.rand(SIZE))
    return model


@torch.no_grad()
def test_the_molecule_side_sums_fragments_by_the_log_of_their_counts() -> None:
    model = path()
    vectors = model.molecule(fragment_bag(store()))
    for row, smiles in enumerate(("CCO", "c1ccccc1O", "[Na+].[Cl-]")):
        graph = featurise(smiles)
        summed = torch.zeros(6)
        for number, count in zip(graph.fragments.tolist(), graph.counts.tolist(), strict=True):
            summed += math.log(1 + count) * model.fragments.weight[number]
        head = model.molecule_head(model.molecule_norm(summed[None]))[0]
        assert torch.allclose(vectors[row], head / head.norm(), atol=1e-5)


@torch.no_grad()
def test_the_text_side_sums_grams_by_idf_and_keeps_relations_apart() -> None:
    model = path()
    texts = [Text("an acid", (0,), (3,)), Text("an ester of ethanol", (0, 1), (2, 0), (7,))]
    vectors = model.text(gram_bag([text.text for text in texts], SIZE), grounded_bag(texts, store()))
    expected = slow_grounded(texts, store())
    for row, text in enumerate(texts):
        summed = sum(
            (model.idf[number] * model.grams.weight[number] for number in gram_numbers(text.text, SIZE).tolist()),
            torch.zeros(6),
        )
        parts = [model.text_norm(summed)]
        for group, norm in enumerate(model.group_norms):
            counted = expected[group * len(texts) + row]
            bag = sum((math.log1p(n) * model.fragments.weight[number] for number, n in counted.items()), torch.zeros(6))
            parts.append(norm(bag))
        head = model.text_head(torch.cat(parts)[None])[0]
        assert torch.allclose(vectors[row], head / head.norm(), atol=1e-5)
