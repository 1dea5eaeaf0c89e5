"""The motif table against its own examples, and its words in free text."""

from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.ontology.classes import CLASSES, belongs, class_named
from molsearch.chem.ontology.groups import MOTIFS, Motif, find_motifs, motif_named, read_motifs
from molsearch.chem.ontology.patterns import parse
from molsearch.errors import InputError

each_motif = pytest.mark.parametrize("motif", MOTIFS, ids=lambda motif: motif.name)


def shows(motif: Motif, smiles: str) -> bool:
    mol = Chem.MolFromSmiles(smiles)
    assert mol is not None, smiles
    return parse(motif.pattern).holds(mol, {})


@each_motif
def test_example_shows_it_and_counterexample_does_not(motif: Motif) -> None:
    assert shows(motif, motif.example)
    assert not shows(motif, motif.counterexample)


@each_motif
def test_its_class_holds_the_example(motif: Motif) -> None:
    if motif.within:
        assert belongs(Chem.MolFromSmiles(motif.example), class_named(motif.within).name)


@each_motif
def test_every_term_is_found_alone(motif: Motif) -> None:
    for term in (motif.name, *motif.terms, *motif.signs):
        assert find_motifs(f"It is {term}.") == ((motif.name, 6, 6 + len(term)),)


def test_no_term_names_a_class_or_two_motifs() -> None:
    titles = {title.lower().replace("-", " ") for one in CLASSES for title in (one.name, *one.synonyms)}
    owners: dict[str, str] = {}
    for motif in MOTIFS:
        for term in {term.lower().replace("-", " ") for term in (motif.name, *motif.terms)}:
            assert term not in titles, term
            assert owners.setdefault(term, motif.name) == motif.name, term


def test_signs_keep_their_letter_case_and_stand_alone() -> None:
    assert [name for name, _, _ in find_motifs("a tBu and a COOH")] == ["tert-butyl", "carboxylic acid group"]
    assert find_motifs("cooh") == find_motifs("C9H8O4") == find_motifs("c1ccccc1CN") == ()


def test_the_longest_words_win() -> None:
    assert [name for name, _, _ in find_motifs("a Boc-protected amine")] == ["Boc-protected amine"]


def test_unknown_motif_and_unreadable_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no motif is named 'unobtainium'"):
        motif_named("unobtainium")
    (tmp_path / "short.tsv").write_text("name\tterms\nx\ty\n", encoding="utf-8")
    with pytest.raises(InputError, match="motif table"):
        read_motifs(tmp_path / "short.tsv")
