"""What a text states that can be computed: classes, amounts, and how much of the text that is."""

import math

import numpy as np
import pytest

from molsearch.chem.properties import PROPERTIES
from molsearch.query.amounts import fit, spell_amount
from molsearch.query.criteria import read_criteria
from molsearch.query.quantities import QUANTITIES, WORDS

INF = math.inf


@pytest.mark.parametrize(
    ("text", "name", "low", "high"),
    [
        ("a molecular weight below 300", "mass_da", -INF, 300),
        ("weighing between 250 and 350 daltons", "mass_da", 250, 350),
        ("heavier than 1.5 kDa", "mass_da", 1500, INF),
        ("MW 1,200 or more", "mass_da", 1200, INF),
        ("logP of at least 4", "logp", 4, INF),
        ("TPSA under 60 Å2", "tpsa_a2", -INF, 60),
        ("two aromatic rings", "aromatic_rings", 2, 2),
        ("no more than two hydrogen-bond donors", "donors", -INF, 2),
        ("more than three rings", "rings", 4, INF),
        ("fewer than five rotatable bonds", "rotatable_bonds", -INF, 4),
        ("a single stereocentre", "stereocentres", 1, 1),
        ("without any hydrogen bond acceptor", "acceptors", -INF, 0),
        ("an uncharged molecule", "charge", 0, 0),
        ("a bicyclic ketone", "rings", 2, 2),
    ],
)
def test_numbers_are_read_as_limits(text, name, low, high):
    amounts = {amount.name: amount for amount in read_criteria(text).amounts}
    assert (amounts[name].low, amounts[name].high) == (low, high)
    assert amounts[name].exact


@pytest.mark.parametrize(
    ("text", "name", "more"),
    [
        ("a lipophilic amine", "logp", True),
        ("a poorly water-soluble amine", "logp", True),
        ("a water-soluble amine", "logp", False),
        ("not lipophilic", "logp", False),
        ("many rotatable bonds", "rotatable_bonds", True),
        ("a rigid scaffold", "rotatable_bonds", False),
        ("a low polar surface area", "tpsa_a2", False),
        ("polarity is high", "tpsa_a2", True),
        ("a bulky ester", "mass_da", True),
        ("far from drug-like", "qed", False),
    ],
)
def test_words_are_read_as_a_direction(text, name, more):
    (amount,) = [amount for amount in read_criteria(text).amounts if amount.name == name]
    assert (amount.low > -INF, amount.high < INF) == (more, not more)


def test_very_asks_for_more_and_moderately_for_less():
    plain, very, moderate = (
        read_criteria(f"a {word}lipophilic drug").amounts[0] for word in ("", "very ", "moderately ")
    )
    assert very.low > plain.low == moderate.high


@pytest.mark.parametrize(
    ("text", "donors"),
    [
        ("MW under 300 and at least two donors", (2, INF)),
        ("a mass below 300 and two donors", (2, 2)),
        ("between 2 and 4 donors and a mass up to 300", (2, 4)),
        ("2 and 4 donors, MW below 300", (2, 4)),
    ],
)
def test_a_number_belongs_to_the_noun_it_follows(text, donors):
    amounts = {amount.name: (amount.low, amount.high) for amount in read_criteria(text).amounts}
    assert amounts == {"mass_da": (-INF, 300), "donors": donors}


@pytest.mark.parametrize(
    ("text", "name", "low", "high"),
    [
        ("nothing to donate in hydrogen bonding", "donors", -INF, 0),
        ("it cannot donate a hydrogen bond", "donors", -INF, 0),
        ("an acceptor-rich ring", "acceptors", 7, INF),
        ("one of the heavier compounds", "mass_da", 450, INF),
        ("a CNS-penetrant amine", "tpsa_a2", -INF, 70),
        ("a CNS-penetrant amine", "mass_da", -INF, 400),
        ("it does not donate or accept hydrogen bonds", "acceptors", -INF, 0),
        ("a compact polar fragment", "mass_da", -INF, 300),
        ("it neither donates nor accepts a hydrogen bond", "donors", -INF, 0),
        ("it neither donates nor accepts a hydrogen bond", "acceptors", -INF, 0),
        ("neither donors nor acceptors of hydrogen bonds", "acceptors", -INF, 0),
        ("too polar to get through a cell membrane", "tpsa_a2", 120, INF),
        ("small enough to cross lipid membranes", "tpsa_a2", -INF, 90),
        ("all rings are aliphatic", "rings", 1, INF),
        ("all rings are aliphatic", "aromatic_rings", -INF, 0),
        ("with nothing aromatic in it", "aromatic_rings", -INF, 0),
        ("a fully aromatic dye", "aromatic_rings", 1, INF),
        ("almost no sp3 carbon", "fraction_csp3", -INF, 0.15),
        ("a single stereogenic carbon", "stereocentres", 1, 1),
    ],
)
def test_a_phrase_states_an_amount(text, name, low, high):
    assert (name, low, high) in [(amount.name, amount.low, amount.high) for amount in read_criteria(text).amounts]


@pytest.mark.parametrize(
    "text",
    [
        "larger rings",
        "no heavier than 300",
        "a larger TPSA",
        "compact car",
        "an electron-donor-rich arene",
        "a bigger house",
    ],
)
def test_words_of_other_things_state_no_amount(text):
    assert not read_criteria(text).amounts


def test_what_goes_beside_is_left_out_where_it_is_denied_or_stated_otherwise():
    assert [amount.name for amount in read_criteria("not CNS-penetrant").amounts] == ["tpsa_a2"]
    stated = {
        amount.name: amount.high for amount in read_criteria("brain-penetrant with a mass between 300 and 450").amounts
    }
    assert stated == {"tpsa_a2": 70, "donors": 2, "mass_da": 450}


def test_or_and_nor_share_their_denial():
    amounts = read_criteria("neither hydrogen-bond donors nor acceptors").amounts
    assert {(amount.name, amount.high) for amount in amounts} == {("donors", 0), ("acceptors", 0)}


def test_a_class_that_an_adjective_is_part_of_is_read_whole():
    criteria = read_criteria("an unsaturated fatty acid")
    assert [criterion.name for criterion in criteria.classes] == ["unsaturated fatty acid"]
    assert not criteria.amounts


def test_the_words_stand_where_they_were_read():
    text = "A small, polar sulfonamide"
    criteria = read_criteria(text)
    assert [text[placed.start : placed.end] for placed in (*criteria.amounts, *criteria.classes)] == [
        "small", "polar", "sulfonamide",
    ]  # fmt: skip


def test_filler_counts_for_nothing_and_unread_words_count_against():
    assert read_criteria("a molecule that is a sulfonamide").coverage == 1
    assert read_criteria("sulfonamide marigold").coverage == pytest.approx(11 / 19)
    assert read_criteria("isolated from a sponge").coverage == 0


@pytest.mark.parametrize("text", ["", "…", "a", "no", "between and", "- or more", "(((", "0x10 rings", "rings " * 400])
def test_any_text_can_be_read(text):
    assert 0 <= read_criteria(text).coverage <= 1


def test_numbers_agree_wholly_inside_and_fall_off_outside():
    (amount,) = read_criteria("a mass from 200 to 300 Da").amounts
    assert fit(amount, np.array([200, 250, 300], np.float32)).tolist() == [1, 1, 1]
    # 50 Da, the step of the mass, beyond: 1 / (1 + 1²)
    assert fit(amount, np.array([150, 350], np.float32)) == pytest.approx([0.5, 0.5])


def test_words_agree_the_more_the_further():
    (amount,) = read_criteria("lipophilic").amounts
    agreement = fit(amount, np.array([-3, 2, 4, 6, 9], np.float32))
    assert (np.diff(agreement) > 0).all()
    assert agreement[2] == pytest.approx(0.5)


def test_a_missing_value_does_not_agree():
    (amount,) = read_criteria("lipophilic").amounts
    assert fit(amount, np.array([np.nan], np.float32)) == [0]


def test_amounts_are_spelled_for_people():
    spelled = [
        spell_amount(amount) for amount in read_criteria("two aromatic rings, a logP above 3 and many donors").amounts
    ]
    assert spelled[:2] == ["aromatic_rings 2", "logp 3 or more"]


def test_every_row_of_the_tables_names_a_property():
    assert {row.name for row in (*QUANTITIES, *WORDS)} <= set(PROPERTIES)
