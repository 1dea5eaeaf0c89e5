"""The group table against its own examples, and its words in free text."""

from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.ontology.classes import CLASSES, belongs, class_named
from molsearch.chem.ontology.groups import GROUPS, Group, find_groups, group_named, read_groups
from molsearch.chem.ontology.patterns import parse
from molsearch.errors import InputError

each_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


def shows(group: Group, smiles: str) -> bool:
    mol = Chem.MolFromSmiles(smiles)
    assert mol is not None, smiles
    return parse(group.pattern).holds(mol, {})


@each_group
def test_example_shows_it_and_counterexample_does_not(group: Group) -> None:
    assert shows(group, group.example)
    assert not shows(group, group.counterexample)


@each_group
def test_its_class_holds_the_example(group: Group) -> None:
    if group.within:
        assert belongs(Chem.MolFromSmiles(group.example), class_named(group.within).name)


@each_group
def test_every_term_is_found_alone(group: Group) -> None:
    for term in (group.name, *group.terms, *group.abbreviations):
        assert find_groups(f"It is {term}.") == ((group.name, 6, 6 + len(term)),)


def test_no_term_names_a_class_or_two_groups() -> None:
    titles = {title.lower().replace("-", " ") for chemical in CLASSES for title in (chemical.name, *chemical.synonyms)}
    owners: dict[str, str] = {}
    for group in GROUPS:
        for term in {term.lower().replace("-", " ") for term in (group.name, *group.terms)}:
            assert term not in titles, term
            assert owners.setdefault(term, group.name) == group.name, term


def test_abbreviations_keep_their_letter_case_and_stand_alone() -> None:
    assert [name for name, _, _ in find_groups("a tBu and a COOH")] == ["tert-butyl", "carboxylic acid group"]
    assert find_groups("cooh") == find_groups("C9H8O4") == find_groups("c1ccccc1CN") == ()


def test_the_longest_words_win() -> None:
    assert [name for name, _, _ in find_groups("a Boc-protected amine")] == ["Boc-protected amine"]


def test_unknown_group_and_unreadable_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no group is named 'unobtainium'"):
        group_named("unobtainium")
    (tmp_path / "short.tsv").write_text("name\tterms\nx\ty\n", encoding="utf-8")
    with pytest.raises(InputError, match="group table"):
        read_groups(tmp_path / "short.tsv")
