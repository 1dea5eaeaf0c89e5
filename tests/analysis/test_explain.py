"""Word and atom weights are what the score loses, no more and no less."""

import numpy as np
import pytest

from molsearch.analysis.explain import MAX_UNITS, explain, without_span, word_spans
from molsearch.chem.masking import without_each_atom
from molsearch.errors import InputError
from molsearch.model.dual import DualEncoder

TEXT = "A sulfonamide, used as an antibacterial."
SMILES = "Nc1ccc(S(N)(=O)=O)cc1"


def cosine(model: DualEncoder, text: str, smiles: str) -> float:
    return float(model.encode_texts([text])[0] @ model.encode_molecules([smiles])[0])


def test_the_score_is_the_cosine(tiny_model: DualEncoder) -> None:
    assert explain(tiny_model, TEXT, SMILES).score == pytest.approx(cosine(tiny_model, TEXT, SMILES), abs=1e-5)


def test_a_words_weight_is_what_the_score_loses_without_it(tiny_model: DualEncoder) -> None:
    explanation = explain(tiny_model, TEXT, SMILES)
    for word in explanation.words:
        rest = without_span(TEXT, word.start, word.end)
        assert word.weight == pytest.approx(explanation.score - cosine(tiny_model, rest, SMILES), abs=1e-5)


def test_an_atoms_weight_is_what_the_score_loses_with_it_masked(tiny_model: DualEncoder) -> None:
    explanation = explain(tiny_model, TEXT, SMILES)
    expected = [explanation.score - cosine(tiny_model, TEXT, masked) for masked in without_each_atom(SMILES)]
    np.testing.assert_allclose(explanation.atoms, expected, atol=1e-5)


def test_some_word_and_some_atom_matter(tiny_model: DualEncoder) -> None:
    explanation = explain(tiny_model, TEXT, SMILES)
    assert max(abs(word.weight) for word in explanation.words) > 1e-4
    assert max(map(abs, explanation.atoms)) > 1e-4


def test_atom_weights_follow_the_order_of_the_smiles(tiny_model: DualEncoder) -> None:
    forwards, backwards = explain(tiny_model, TEXT, "CCO").atoms, explain(tiny_model, TEXT, "OCC").atoms
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-5)


def test_equivalent_atoms_weigh_the_same(tiny_model: DualEncoder) -> None:
    atoms = explain(tiny_model, TEXT, "c1ccccc1").atoms
    np.testing.assert_allclose(atoms, [atoms[0]] * 6, atol=1e-5)


def test_words_are_named_by_where_they_stand() -> None:
    assert [TEXT[start:end] for start, end in word_spans(TEXT)] == [
        "A",
        "sulfonamide",
        "used",
        "as",
        "an",
        "antibacterial",
    ]


def test_chemical_names_stay_whole() -> None:
    text = "(2S)-2-amino-3-(1H-indol-3-yl)propanoic acid; N,N-dimethyl"
    words = [text[start:end] for start, end in word_spans(text)]
    assert words == ["(2S)-2-amino-3-(1H-indol-3-yl)propanoic", "acid", "N,N-dimethyl"]


def test_a_long_text_is_weighed_in_groups_that_leave_no_word_out() -> None:
    text = " ".join(f"word{n}" for n in range(1000))
    spans = word_spans(text)
    assert len(spans) <= MAX_UNITS
    assert " ".join(text[start:end] for start, end in spans) == text


def test_a_text_of_one_word_loses_all_of_its_score(tiny_model: DualEncoder) -> None:
    explanation = explain(tiny_model, "sulfonamide", SMILES)
    assert [word.weight for word in explanation.words] == [pytest.approx(explanation.score)]


@pytest.mark.parametrize("text", ["", "   ", "...", " , ; "])
def test_a_text_without_words_is_refused(tiny_model: DualEncoder, text: str) -> None:
    with pytest.raises(InputError, match="holds no word"):
        explain(tiny_model, text, SMILES)


def test_what_is_no_structure_is_refused(tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        explain(tiny_model, TEXT, "C1CC")
