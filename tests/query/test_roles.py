"""Roles as captions state them and as people name them."""

import json
import time
from pathlib import Path

import pytest

from molsearch.chem.ontology.terms import parted, read_rules
from molsearch.query.roles import TABLE, bare, find_roles, stated_roles

SHIPPED = Path(__file__).parents[2] / "models" / "default" / "roles.json"
NAMES = (
    "antibacterial agent",
    "antibacterial drug",
    "EC 3.1.1.7 (acetylcholinesterase) inhibitor",
    "vasodilator agent",
    "oxidising agent",
    "estrogen",
    "estrogen receptor modulator",
    "solvent",
    "analgesic",
    "beta-adrenergic antagonist",
    "plant metabolite",
    "metabolite",
)


@pytest.mark.parametrize(
    ("caption", "roles"),
    [
        ("It has a role as a plant metabolite. It is a flavone.", ("a plant metabolite",)),
        ("It has a role as a herbicide, an allergen and a xenobiotic.", ("a herbicide", "an allergen", "a xenobiotic")),
        ("It has roles as an antioxidant, a cofactor, and a hapten", ("an antioxidant", "a cofactor", "a hapten")),
        (
            "It has a role as an EC 3.1.1.7 (acetylcholinesterase) inhibitor and an insecticide. It derives from X.",
            ("an EC 3.1.1.7 (acetylcholinesterase) inhibitor", "an insecticide"),
        ),
        (
            "It has a role as an EC 1.13.11.52 (indoleamine 2,3-dioxygenase) inhibitor.",
            ("an EC 1.13.11.52 (indoleamine 2,3-dioxygenase) inhibitor",),
        ),
        ("It has a role as a bile acid and salt sequestrant.", ("a bile acid and salt sequestrant",)),
        ("It has a role as a drug. It has a role as a drug and an antigen.", ("a drug", "an antigen")),
        ("It plays a role in digestion.", ()),
        ("It is a linear tetrapyrrole.", ()),
    ],
)
def test_roles_are_read_as_captions_write_them(caption: str, roles: tuple[str, ...]) -> None:
    assert stated_roles(caption) == roles


def test_the_article_is_no_part_of_a_role() -> None:
    assert bare("an antibacterial agent") == "antibacterial agent"


def named(text: str) -> list[str]:
    return [NAMES[number] for role in find_roles(text, NAMES) for number in role.numbers]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("an antibacterial agent", ["antibacterial agent"]),
        ("Antibacterial drugs", ["antibacterial drug"]),
        ("antibacterial", ["antibacterial agent"]),  # of two meanings the first
        ("a compound with antibacterial activity", ["antibacterial agent"]),
        ("a beta-lactam antibiotic", ["antibacterial agent"]),  # an everyday term
        ("acetylcholinesterase inhibitor", ["EC 3.1.1.7 (acetylcholinesterase) inhibitor"]),
        ("an EC 3.1.1.7 (acetylcholinesterase) inhibitor and a vasodilator",
         ["EC 3.1.1.7 (acetylcholinesterase) inhibitor", "vasodilator agent"]),
        ("painkillers that are small", ["analgesic"]),
        ("beta blocker", ["beta-adrenergic antagonist"]),
        ("beta-blockers", ["beta-adrenergic antagonist"]),
        ("a plant metabolite", ["plant metabolite"]),
        ("a metabolite of caffeine", ["metabolite"]),
        ("estrogen", ["estrogen"]),
        ("an estrogen receptor modulator", ["estrogen receptor modulator"]),
        ("an estrogen receptor antagonist", []),  # what is an estrogen receptor antagonist is no estrogen
        ("an antibacterial sulfonamide", ["antibacterial agent"]),
        ("an analgesic vasodilator", ["analgesic", "vasodilator agent"]),
        ("soluble in an organic solvent", []),  # what it is soluble in is not what it is
        ("resistant to an antibiotic", []),
        ("not a solvent", []),
        ("an oxidising compound", ["oxidising agent"]),
        ("oxidising", []),  # no word for a thing
        ("oxidizing agents", ["oxidising agent"]),
        ("inhibitors of acetylcholinesterase", ["EC 3.1.1.7 (acetylcholinesterase) inhibitor"]),
        ("painkillers such as morphine", ["analgesic"]),
        ("an in vitro antibacterial agent", ["antibacterial agent"]),
        ("an analgesic phenol", ["analgesic"]),
        ("a vasodilator steroid", ["vasodilator agent"]),  # what follows is a class, and no other role
        ("a steroid", []),
        ("an antibiotic precursor", []),
        ("antibiotic-resistant", []),
        ("a pro-estrogen", []),
        ("PPAR-beta blocker", []),
        ("a phenol without antibacterial activity", []),
        ("a phenol devoid of antibacterial activity", []),
        ("neither analgesic nor antibacterial", []),
        ("not an analgesic or solvent", []),
        ("not  an antibiotic", []),
        ("it does not act as a solvent", []),
        ("it isn't antibacterial", []),
        ("no analgesic, but a solvent", ["solvent"]),
        ("", []),
    ],
)  # fmt: skip
def test_roles_are_found_as_people_name_them(text: str, roles: list[str]) -> None:
    assert named(text) == roles


def test_where_a_role_stands_is_told() -> None:
    text = "A small painkiller, and an antibacterial agent."
    assert [text[role.start : role.end] for role in find_roles(text, NAMES)] == ["painkiller", "antibacterial agent"]


def test_a_model_without_roles_finds_none() -> None:
    assert find_roles("an antibacterial agent", ()) == ()


def test_everyday_terms_are_of_roles_that_the_shipped_model_knows() -> None:
    names = json.loads(SHIPPED.read_text(encoding="utf-8"))
    table = read_rules(TABLE, "role", lambda line: (line["name"], parted(line["terms"])))
    assert len(dict(table)) == len(table) > 100
    for name, terms in table:
        assert name in names, name
        for term in terms:
            (role,) = find_roles(term, names)
            assert name in [names[number] for number in role.numbers], term


def test_each_name_is_found_as_itself() -> None:
    names = json.loads(SHIPPED.read_text(encoding="utf-8"))
    for number, name in enumerate(names):
        assert [role.numbers for role in find_roles(f"a {name}", names)] == [(number,)], name


def test_one_term_may_stand_for_several_roles() -> None:
    names = ("tyrosine kinase inhibitor", "EC 2.7.11.13 (protein kinase C) inhibitor")
    assert [role.numbers for role in find_roles("an aurora kinase inhibitor", names)] == [(0, 1)]
    assert [role.numbers for role in find_roles("a tyrosine kinase inhibitor", names)] == [(0,)]


def test_roles_joined_by_or_are_one() -> None:
    (either,) = find_roles("an estrogen, an analgesic or a solvent", NAMES)[1:]
    assert either.numbers == (NAMES.index("analgesic"), NAMES.index("solvent"))


@pytest.mark.parametrize("part", ["solvent, ", "solvent by a ", "in-solvent ", "not analgesic or ", "antibacterial "])
def test_a_long_text_is_read_in_time_that_grows_with_it(part: str) -> None:
    text = (part * 20_000)[:20_000]
    find_roles(part, NAMES)  # makes the table of terms
    began = time.process_time()
    find_roles(text, NAMES)
    assert time.process_time() - began < 1
