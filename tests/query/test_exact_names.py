"""Which library molecules a text lifts by name or by definition, and which it must not."""

import pytest
from rdkit import Chem

from molsearch.chem.standardize import standardize
from molsearch.model.grounding import Bonuses, NamedStructure, exact_names
from molsearch.query.opsin import available
from molsearch.records import Entry, Molecule

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")

BONUSES = Bonuses(name=0.25, subject=1.0, derived=0.5)


def lifted(text: str) -> dict[str, NamedStructure]:
    best: dict[str, NamedStructure] = {}
    for structure in exact_names(text, BONUSES):
        if structure.key not in best or structure.bonus > best[structure.key].bonus:
            best[structure.key] = structure
    return best


def test_a_subject_gains_the_bonus_of_a_subject() -> None:
    benzylamine = lifted("Benzylamine is a primary amine.")["NCc1ccccc1"]
    assert (benzylamine.bonus, benzylamine.rule, benzylamine.start) == (BONUSES.subject, "named", 0)


@pytest.mark.parametrize(
    "text", ["Benzoic acid", "benzoic acid", "Benzoic acid.", "benzoic acid, a solid", "Benzoic acid (an acid)"]
)
def test_a_bare_name_is_a_subject(text: str) -> None:
    assert lifted(text)["O=C(O)c1ccccc1"].bonus == BONUSES.subject


def test_the_first_word_of_a_longer_name_is_no_subject() -> None:
    structures = lifted("Pyridine alkaloids of tobacco")
    assert all(structure.bonus != BONUSES.subject for structure in structures.values())


def test_a_neighbour_is_not_lifted_and_what_follows_from_it_is() -> None:
    structures = lifted("It is a conjugate base of a butanoic acid.")
    assert "CCCC(=O)O" not in structures
    assert structures["CCCC(=O)[O-]"].bonus == BONUSES.derived
    assert structures["CCCC(=O)[O-]"].rule == "protonation"


def test_the_mirror_image_is_lifted_and_the_enantiomer_named_is_not() -> None:
    structures = lifted("It is an enantiomer of a L-alanine.")
    assert Chem.CanonSmiles("C[C@@H](N)C(=O)O") in structures
    assert Chem.CanonSmiles("C[C@H](N)C(=O)O") not in structures


def test_a_group_is_no_structure() -> None:
    assert lifted("It carries a methyl group and a phenyl group.") == {}


def test_a_text_without_names_lifts_nothing() -> None:
    assert lifted("") == {}
    assert lifted("A natural product with data available.") == {}


def test_a_zwitterion_named_as_the_subject_is_the_zwitterion() -> None:
    assert lifted("Glycine zwitterion is an amino acid zwitterion.").keys() >= {"[NH3+]CC(=O)[O-]"}


@pytest.mark.parametrize(
    "text",
    [
        "Benzylamine is a primary amine.",
        "It is a conjugate base of a butanoic acid.",
        # Clean-up writes a sulfoxide with separated charges; OPSIN does not.
        "Dimethyl sulfoxide is a sulfoxide.",
        "A sulfoxide that is methane substituted by methylsulfinyl groups at position 1.",
    ],
)
def test_every_key_is_one_that_clean_up_leaves_as_it_is(text: str) -> None:
    structures = lifted(text)
    assert structures
    for key in structures:
        cleaned = standardize(Entry(1, key, "smiles"))
        assert isinstance(cleaned, Molecule)
        assert cleaned.key == key


def test_names_and_spans_agree_with_the_text() -> None:
    text = "Benzylamine is a primary amine. It is a conjugate base of a benzylaminium."
    for structure in exact_names(text, BONUSES):
        assert text[structure.start : structure.end] == structure.name
