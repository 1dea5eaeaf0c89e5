"""Negations in texts: which words deny a class, what is left of the text, and which molecules they take out."""

import time

import pytest
from rdkit import Chem

from molsearch.chem.ontology.classes import CLASSES, class_named, class_vector
from molsearch.errors import InputError
from molsearch.query.exclusions import PARTS, exclusion_named, members, read_exclusions

KEYS = [chemical.example for chemical in CLASSES[::7]]


@pytest.mark.parametrize(
    ("text", "kept", "names"),
    [
        ("a steroid without a lactone", "a steroid", ["lactone"]),
        ("a steroid with no ketone and with a hydroxy group", "a steroid and with a hydroxy group", ["ketone"]),
        ("an antibiotic other than a beta-lactam", "an antibiotic", ["beta-lactam"]),
        ("a dye, but not a sulfonamide or a nitro compound", "a dye", ["sulfonamide", "nitro compound"]),
        (
            "an alkaloid that has no ester and acts on the brain",
            "an alkaloid and acts on the brain",
            ["carboxylic ester"],
        ),
        ("phenol, no amino group, no aldehyde", "phenol", ["amine", "aldehyde"]),
        ("an acid lacking esters, lactones and amides.", "an acid.", ["carboxylic ester", "lactone", "amide"]),
        ("neither a lactone nor an ester: a sugar", "a sugar", ["lactone", "carboxylic ester"]),
        ("a thiol-free, nitrile-free fragment", "a fragment", ["thiol", "nitrile"]),
        ("it is not a steroid but a terpene", "it but a terpene", ["steroid"]),
        ("a dye devoid of quinones", "a dye", ["quinone"]),
    ],
)
def test_a_negated_class_leaves_the_text(text: str, kept: str, names: list[str]) -> None:
    rest, exclusions = read_exclusions(text)
    assert (rest, [exclusion.read_as for exclusion in exclusions]) == (kept, names)
    assert all(exclusion.kind == "class" and exclusion.from_text for exclusion in exclusions)


@pytest.mark.parametrize(
    "text",
    [
        "a steroid",
        "a non-steroid anti-inflammatory",
        "an aniline with a free amine",
        "an ester with or without a lactone",
        "compound No. 5",
    ],
)
def test_a_text_that_denies_nothing_stays_as_it_is(text: str) -> None:
    assert read_exclusions(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a steroid lacking a hydroxy group at position 3", "a hydroxy group at position 3"),
        ("a piperidine with no other ring", "other ring"),
        ("a drug without any reactive ester", "any reactive ester"),
        ("an analgesic without side effects", "side effects"),
        ("a solvent-free compound", "solvent-free"),
    ],
)
def test_what_denies_less_than_a_class_excludes_nothing_and_stays(text: str, words: str) -> None:
    rest, (exclusion,) = read_exclusions(text)
    assert rest == text
    assert (exclusion.kind, exclusion.words, exclusion.read_as) == ("unread", words, "")


@pytest.mark.parametrize("text", ["an acid without a lactone or bad taste", "an acid without bad taste or a lactone"])
def test_what_cannot_be_read_in_a_list_stays_denied(text: str) -> None:
    rest, exclusions = read_exclusions(text)
    assert rest == "an acid without bad taste"
    assert sorted((exclusion.kind, exclusion.words) for exclusion in exclusions) == [
        ("class", "lactone"),
        ("unread", "bad taste"),
    ]


def test_after_and_what_is_no_class_is_a_new_thought() -> None:
    rest, exclusions = read_exclusions("an acid without a lactone and of low mass")
    assert (rest, [exclusion.words for exclusion in exclusions]) == ("an acid and of low mass", ["lactone"])


def test_a_narrower_term_of_a_class_does_not_exclude_the_class() -> None:
    text = "an oil without a corticosteroid"  # a kind of 21-hydroxy steroid in the table
    assert [(exclusion.kind, exclusion.words) for exclusion in read_exclusions(text)[1]] == [
        ("unread", "a corticosteroid")
    ]


def test_after_no_an_article_begins_what_is_wanted() -> None:
    rest, exclusions = read_exclusions("no nitro group, a carboxylic acid and a phenol")
    assert rest == "a carboxylic acid and a phenol"
    assert [exclusion.read_as for exclusion in exclusions] == ["nitro compound"]


def test_what_is_allowed_again_stays_in_the_text() -> None:
    rest, exclusions = read_exclusions("a steroid without a lactone or an ester", allowed=["lactone"])
    assert rest == "a steroid without lactone"
    assert [exclusion.read_as for exclusion in exclusions] == ["carboxylic ester"]


def test_an_element_is_excluded_by_its_atoms() -> None:
    rest, (exclusion,) = read_exclusions("a terpene without any oxygen")
    assert (rest, exclusion.kind, exclusion.read_as) == ("a terpene", "smarts", "[#8]")


def test_a_named_structure_is_excluded_itself() -> None:
    rest, (exclusion,) = read_exclusions("a salicylate other than acetylsalicylic acid")
    assert (rest, exclusion.kind, exclusion.read_as) == ("a salicylate", "structure", "CC(=O)Oc1ccccc1C(=O)O")


@pytest.mark.parametrize("smarts", PARTS.values())
def test_every_part_is_smarts(smarts: str) -> None:
    assert Chem.MolFromSmarts(smarts) is not None


@pytest.mark.parametrize(
    ("words", "kind", "read_as"),
    [
        ("lactones", "class", "lactone"),
        ("a nitro group", "class", "nitro compound"),
        ("[#16]", "smarts", "[#16]"),
        ("chlorine", "smarts", "Cl"),
        ("acetylsalicylic acid", "structure", "CC(=O)Oc1ccccc1C(=O)O"),
    ],
)
def test_a_field_names_a_class_a_pattern_or_a_compound(words: str, kind: str, read_as: str) -> None:
    exclusion = exclusion_named(words)
    assert (exclusion.kind, exclusion.read_as, exclusion.from_text) == (kind, read_as, False)


@pytest.mark.parametrize("words", ["", "  ", "a bad taste", "C1CC"])
def test_a_field_that_cannot_be_read_gets_a_sentence(words: str) -> None:
    with pytest.raises(InputError, match="cannot be left out"):
        exclusion_named(words)


@pytest.mark.parametrize("name", ["lactone", "amine", "aromatic compound", "steroid", "chiral compound", "zwitterion"])
def test_members_are_those_of_the_class_table(name: str) -> None:
    row = class_named(name).row
    assert list(members(KEYS, name)) == [row in class_vector(Chem.MolFromSmiles(key)) for key in KEYS]


@pytest.mark.parametrize(
    "text", [", " * 5000, "without a " * 1000, "no lactone or " * 700, " " * 9000 + "a", "a" * 9990 + "-free"]
)
def test_a_hostile_text_is_read_in_time(text: str) -> None:
    started = time.perf_counter()
    read_exclusions(text)
    assert time.perf_counter() - started < 5
