"""How the words of a short query hang together, and what molecules make of it."""

import math

import pytest
from rdkit import Chem

from molsearch.query.criteria import read_criteria
from molsearch.query.grammar import MOST_WORDS
from molsearch.query.names import find_mentions
from molsearch.query.occurrences import Target, linked
from molsearch.query.parts import parts_of
from molsearch.query.satisfaction import Attachment, Count, Either, Formula, satisfaction

INF = math.inf


def conditions(text: str, named: bool = False) -> list[object]:
    parts = parts_of(find_mentions([text])[0]) if named else []
    read = read_criteria(text, [(part.start, part.end) for part in parts], [part.smiles for part in parts])
    return [criterion.condition for criterion in read.conditions]


def fits(text: str, *smiles: str, named: bool = False) -> list[float]:
    """Compute the least agreement of each molecule with what the text asks."""
    wanted = conditions(text, named)
    assert wanted, text
    return satisfaction(wanted, smiles).min(axis=0).round(3).tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name", "low", "high"),
    [
        ("two carboxylic acids", "carboxylic acid", 2, 2),
        ("at least three fluorines", "fluorine", 3, INF),
        ("no more than one nitro group", "nitro compound", 0, 1),
        ("several methoxy groups", "methoxy", 2, INF),
        ("a trifluorinated compound", "organofluorine compound", 3, 3),
        ("a polychlorinated molecule", "chlorine", 3, INF),
        ("a bis-sulfonamide", "sulfonamide", 2, 2),
        ("two aromatic heterocycles", "heteroaromatic compound", 2, 2),
    ],
)
def test_numbers_before_and_inside_words(text: str, name: str, low: float, high: float) -> None:
    counts = [condition for condition in conditions(text) if isinstance(condition, Count)]
    assert any((count.target.name, count.low, count.high) == (name, low, high) for count in counts)


def test_of_alternatives_what_all_of_them_say_must_hold() -> None:
    read = {criterion.name: criterion.choice for criterion in read_criteria("a bromofuran or bromothiophene").classes}
    assert read["organobromine compound"] == 0
    assert read["furans"] == read["thiophenes"] > 0
    both = fits("a bromofuran or bromothiophene", "Brc1ccco1", "Brc1cccs1", "c1ccsc1", "Brc1ccccc1")
    assert min(both[:2]) > 0.9
    assert both[2:] == [0, 0]
    alone = {criterion.name: criterion.choice for criterion in read_criteria("a bromofuran").classes}
    assert alone == {"organobromine compound": 0, "furans": 0}


@pytest.mark.parametrize(
    ("text", "holding", "lacking"),
    [
        ("amides of nicotinic acid", "CNC(=O)c1cccnc1", "OC(=O)c1cccnc1"),
        ("an ester of salicylic acid", "COC(=O)c1ccccc1O", "OC(=O)c1ccccc1O"),
        ("the diamides of oxalic acid", "CNC(=O)C(=O)NC", "CNC(=O)C(=O)O"),
        ("hydrazides of isonicotinic acid", "NNC(=O)c1ccncc1", "NC(=O)c1ccncc1"),
        ("anilides of benzoic acid", "O=C(Nc1ccccc1)c1ccccc1", "CNC(=O)c1ccccc1"),
        ("monoesters of phthalic acid", "COC(=O)c1ccccc1C(=O)O", "OC(=O)c1ccccc1C(=O)O"),
        ("an amide of p-toluenesulfonic acid", "CNS(=O)(=O)c1ccc(C)cc1", "Cc1ccc(cc1)S(=O)(=O)O"),
    ],
)
def test_a_derivative_of_an_acid_is_looked_for_and_not_the_acid(text: str, holding: str, lacking: str) -> None:
    assert fits(text, holding, lacking, named=True) == [1, 0]
    assert not any(criterion.name.endswith("acid") for criterion in read_criteria(text).classes)


@pytest.mark.parametrize(
    ("text", "having", "lacking"),
    [
        ("an ester or amide of nicotinic acid", ("COC(=O)c1cccnc1", "NC(=O)c1cccnc1"), "OC(=O)c1cccnc1"),
        ("amides of nicotinic acid and isonicotinic acid", ("NC(=O)c1ccncc1", "NC(=O)c1cccnc1"), "NC(=O)c1ccccn1"),
        ("an amide of glutamic acid", ("NC(=O)CCC(N)C(=O)O", "NC(=O)C(N)CCC(=O)O"), "NC(CCC(=O)O)C(=O)O"),
    ],
)
def test_any_derivative_that_the_words_allow_will_do(text: str, having: tuple[str, ...], lacking: str) -> None:
    *agreements, none = fits(text, *having, lacking, named=True)
    assert min(agreements) > 0.9 > none == 0


def test_a_derivative_can_be_denied() -> None:
    text = "a pyridine without an amide of nicotinic acid"
    assert fits(text, "CC(=O)Nc1ccncc1", "CNC(=O)c1cccnc1", named=True) == [1, 0]


@pytest.mark.parametrize("text", ["a salt of benzoic acid", "the anhydride of phthalic acid"])
def test_what_cannot_be_drawn_asks_for_its_class_alone(text: str) -> None:
    assert not conditions(text, named=True)
    assert read_criteria(text).classes


def test_a_plain_alternative_beside_a_compound_word_costs_no_more() -> None:
    read = {criterion.name: criterion.choice for criterion in read_criteria("a bromofuran or phenol").classes}
    assert read["phenols"] == read["furans"] == read["organobromine compound"] > 0
    three = {
        criterion.name: criterion.choice for criterion in read_criteria("an amide or an ester or a lactone").classes
    }
    assert set(three) == {"amide", "carboxylic ester", "lactone"}
    assert len(set(three.values())) == 1 and 0 not in three.values()


def test_a_hydrazone_of_an_aldehyde_is_no_aldehyde() -> None:
    read = {criterion.name for criterion in read_criteria("arylhydrazones of aldehydes and ketones").classes}
    assert "hydrazone" in read
    assert read.isdisjoint({"aldehyde", "ketone"})


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("a ketone but not an amide", "amide"),
        ("an alcohol without any ester or carbamate", "carboxylic ester"),
        ("an alcohol without any ester or carbamate", "carbamate ester"),
        ("a halogen-free anilide", "halogen"),
        ("fluorine but no CF3", "trifluoromethyl"),
    ],
)
def test_what_must_be_absent(text: str, denied: str) -> None:
    assert denied in {
        condition.target.name for condition in conditions(text) if isinstance(condition, Count) and condition.high == 0
    }
    assert denied not in {criterion.name for criterion in read_criteria(text).classes}


def test_a_denied_thing_is_missed_by_those_that_have_it() -> None:
    assert fits("a ketone but not an amide", "CC(C)=O", "CC(=O)CC(=O)NC") == [1, 0]


def test_attached_is_more_than_present() -> None:
    text = "a pyridine bearing a chlorine"
    attached, apart, without = fits(text, "Clc1ccccn1", "ClCCc1ccccn1", "Cc1ccccn1")
    assert attached == 1 > apart > without


def test_with_means_attached_less_surely_than_bearing() -> None:
    apart = "ClCCc1ccccn1"
    assert fits("a pyridine bearing a chlorine", apart) < fits("a pyridine with a chlorine", apart) < [1]


def test_both_must_be_on_the_same_ring() -> None:
    text = "a benzene ring bearing fluorine and chlorine"
    assert fits(text, "Fc1ccccc1Cl", "Fc1ccc(cc1)-c1ccc(Cl)cc1")[0] == 1
    assert fits(text, "Fc1ccc(cc1)-c1ccc(Cl)cc1")[0] < 1


def test_a_compound_word_says_where_and_how_many() -> None:
    single, double, apart = fits("a difluorophenyl group", "Fc1ccccc1", "Fc1ccccc1F", "Fc1ccc(cc1)-c1ccc(F)cc1")
    assert double == 1 > single
    assert apart < 1


def test_one_alternative_is_enough() -> None:
    (either,) = [condition for condition in conditions("a tBu group or a CF3 group") if isinstance(condition, Either)]
    fit = [either.fit(Chem.MolFromSmiles(smiles)) for smiles in ("CC(C)(C)C=C", "FC(F)(F)C", "CCC")]
    assert fit[0] >= 0.9 and fit[1] >= 0.9 and fit[2] == 0


def test_alternative_classes_share_a_choice() -> None:
    first, second = read_criteria("a pyridine or a pyrimidine").classes
    assert first.choice == second.choice > 0
    third, fourth = read_criteria("a pyridine and a pyrimidine").classes
    assert third.choice == fourth.choice == 0


def test_a_formula_is_that_of_the_whole_molecule() -> None:
    assert conditions("C9H8O4") == [Formula("C9H8O4")]
    assert fits("a compound C9H8O4", "CC(=O)Oc1ccccc1C(=O)O", "OC(=O)c1ccccc1O") == [1, 0]


def test_a_name_is_a_part_and_a_substituent_stands_as_it_was_named() -> None:
    chlorophenyl = fits("a 4-chlorophenyl group", "Clc1ccc(C)cc1", "Clc1ccc(C)cc1Cl", "Cc1ccccc1Cl", named=True)
    assert chlorophenyl[0] == 1 > chlorophenyl[1] > chlorophenyl[2] == 0
    thieno = fits("a thieno[2,3-d]pyrimidine", "Nc1ncnc2sccc12", "c1ncncc1-c1cccs1", named=True)
    assert thieno == [1, 0]


def test_what_something_acts_on_is_no_part_of_it() -> None:
    assert not conditions("an inhibitor of tyrosine", named=True)


def test_an_ester_of_an_acid_is_no_acid() -> None:
    assert [criterion.name for criterion in read_criteria("an ester of an aromatic carboxylic acid").classes] == [
        "carboxylic ester"
    ]


def test_long_texts_are_not_read_so() -> None:
    text = "a tBu group and " + "more words " * MOST_WORDS
    assert read_criteria(text).conditions == ()


@pytest.mark.parametrize(
    "text",
    ["", "isolated from a marine sponge", "a heavy metal band", "the cat sat on the mat", "CC(=O)Oc1ccccc1C(=O)O"],
)
def test_what_asks_nothing_of_a_structure(text: str) -> None:
    assert not [condition for condition in conditions(text) if isinstance(condition, (Attachment, Formula))]


def test_groups_are_counted_as_chemists_count() -> None:
    mol = Chem.MolFromSmiles("CN(C)CCN(C)C")
    assert Target("class", "tertiary amine").count(mol) == 2
    assert Target("class", "ketone").count(Chem.MolFromSmiles("CC(=O)CC(C)=O")) == 2
    assert Target("class", "sulfonamide").count(Chem.MolFromSmiles("CS(=O)(=O)NS(C)(=O)=O")) >= 1
    assert Target("group", "aromatic carbocycle").count(Chem.MolFromSmiles("c1ccc2ccccc2c1")) == 2


def test_fused_rings_are_not_attached() -> None:
    quinoline, phenylpyridine = (Chem.MolFromSmiles(smiles) for smiles in ("c1ccc2ncccc2c1", "c1ccc(nc1)-c1ccccc1"))
    for mol, joined in ((quinoline, False), (phenylpyridine, True)):
        rings = [frozenset(ring) for ring in mol.GetRingInfo().AtomRings()]
        assert linked(mol, *rings) is joined


def test_a_part_keeps_the_classes_that_growth_keeps() -> None:
    from molsearch.chem.ontology.classes import class_named

    rows = Target("part", "*c1ccc(Cl)cc1").rows
    assert {class_named("organochlorine compound").row, class_named("benzenes").row} <= set(rows)
    assert class_named("monochlorobenzenes").row not in rows
