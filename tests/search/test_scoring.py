"""What a text states and a molecule lacks costs it score: classes, amounts, roles, structure and parts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem

from molsearch.chem.batch.arrays import (
    CLASS_SIZE,
    CONFIGURATION,
    PART_KINDS,
    PART_OUTCOMES,
    GraphStore,
    with_class,
)
from molsearch.chem.features.features import features_of
from molsearch.chem.features.graph import featurise
from molsearch.chem.ontology import patterns
from molsearch.chem.ontology.classes import class_named, classes_of
from molsearch.chem.ontology.groups import group_named
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.structures import parse
from molsearch.model.odds import LIKELIEST, UNLIKELIEST, Odds
from molsearch.model.role_head import RoleHead
from molsearch.query.constraints import Constraints, read_constraints
from molsearch.query.criteria import Criteria, read_criteria
from molsearch.query.names import Mention
from molsearch.query.parts import parts_of
from molsearch.records import Query
from molsearch.search.scoring import (
    ENOUGH,
    MOST_EXAMINED,
    ComputedColumns,
    criteria_penalty,
    part_depth,
    part_penalty,
    possible_matches,
    role_penalty,
    stereo_penalty,
    structure_penalty,
    with_conditions,
)

VECTORS = np.eye(5, 8, dtype=np.float32)  # of five molecules, for a role head of eight columns
CLASSES = np.random.default_rng(0).integers(256, size=(5, CLASS_SIZE // 8)).astype(np.uint8)  # of the same
SMILES = ("CS(N)(=O)=O", "CCCCCCCCCCO", "c1ccncc1", "NS(=O)(=O)c1ccc(N)cc1", "O")


class Columns:
    def __init__(self, smiles=SMILES, flagged=True):
        self._features = features_of(smiles)
        self._flagged = flagged

    def flags(self):
        return self._features.store.class_bits() if self._flagged else None

    def properties(self, name):
        return self._features.properties[:, list(PROPERTIES).index(name)]


@pytest.mark.parametrize("smiles", SMILES)
def test_the_bits_are_the_classes_of_the_molecule(smiles):
    bits = np.unpackbits(GraphStore.of([featurise(smiles)]).class_bits()[0])
    assert set(np.flatnonzero(bits)) == {class_named(name).row for name in classes_of(parse(smiles))}


def test_members_of_a_class_are_told_by_one_bit():
    row = class_named("sulfonamide").row
    assert with_class(Columns().flags(), row).tolist() == [True, False, False, True, False]


def test_a_class_beyond_the_stored_bits_has_no_members():
    assert not with_class(Columns().flags(), 5_000).any()


def odds(scale=0.1, alone=0.0):
    """Sulfonamides: 2 for a member, -1 for none; a benzene ring: 0 where it is not held, then 1, 2, 3."""
    classes = np.zeros((2, CLASS_SIZE), np.float32)
    classes[:, class_named("sulfonamide").row] = 2, -1
    parts = np.tile(np.array([0, 1, 2, 3, 1, 2, 3], np.float32), (CONFIGURATION + 1, 1))
    assert parts.shape[1] == PART_OUTCOMES
    return Odds(classes, parts, scale, scale, alone)


def read(text):
    return Constraints(read_criteria(text), ())


def test_a_molecule_outside_a_class_loses_the_log_odds_by_the_factor():
    assert criteria_penalty([read("a sulfonamide")], Columns(), odds()) == pytest.approx([0, -0.3, -0.3, 0, -0.3])


def test_a_text_that_says_nothing_else_counts_more():
    assert criteria_penalty([read("a sulfonamide")], Columns(), odds(alone=0.4))[1] == pytest.approx(-3 * 0.5)
    half = criteria_penalty([read("sulfonamide marigold")], Columns(), odds(alone=0.4))
    assert half[1] == pytest.approx(-3 * (0.1 + 0.4 * (11 / 19) ** 4))


def test_a_long_text_read_in_part_counts_as_any_text():
    long = replace(read("a sulfonamide"), words=40)
    assert criteria_penalty([long], Columns(), odds(alone=0.4))[1] == pytest.approx(-3 * (0.1 + 0.4 * 0.25**4))


def test_a_lacked_amount_costs_the_odds_of_a_reading_that_is_right_nine_times_in_ten():
    penalty = criteria_penalty([read("no aromatic ring")], Columns(), odds(scale=1.0))
    assert penalty[1] == 0  # decanol has none
    # Pyridine has one more than none, 1 / 0.7 of the step: it agrees by 1 / (1 + 1 / 0.49).
    assert penalty[2] == pytest.approx(-math.log(9) * (1 - 0.49 / 1.49), rel=1e-5)


def test_texts_asked_together_share_by_weight():
    both = [replace(read("a sulfonamide"), share=0.25), replace(read("a marigold"), share=0.75)]
    assert criteria_penalty(both, Columns(), odds())[1] == pytest.approx(-0.3 * 0.25)


def test_nothing_read_no_bits_or_no_odds_takes_nothing_off():
    assert criteria_penalty([read("isolated from a sponge")], Columns(), odds()) is None
    assert criteria_penalty([read("a sulfonamide")], Columns(flagged=False), odds()) is None
    unmeasured = Odds(*(np.zeros_like(table) for table in (odds().classes, odds().parts)), 1, 1, 1)
    assert criteria_penalty([read("a sulfonamide")], Columns(), unmeasured) is None


def test_a_part_costs_what_it_is_held_less_than_best():
    benzene = parts_of([Mention("benzene", 0, 7, "c1ccccc1", "other")])
    taken = part_penalty([Constraints(Criteria(), tuple(benzene))], ["c1ccccc1", "Cc1ccccc1", "CCO"], odds())
    assert taken == pytest.approx([0, -0.1, -0.3])


def test_names_in_a_text_are_read_as_parts_and_count_as_read():
    (stated,) = read_constraints(["a pyrazine with a 4-chlorophenyl group"])
    assert [part.atoms for part in stated.parts] == [6, 7]
    assert stated.criteria.coverage == 1


@pytest.fixture(scope="module")
def screener(tmp_path_factory):
    from molsearch.screener import Screener
    from molsearch.settings import Settings

    return Screener(Settings(home=tmp_path_factory.mktemp("constraints")))


@pytest.mark.slow
def test_members_of_a_class_head_the_list(screener):
    hits = screener.search(Query("an organochlorine compound", k=10), "examples").hits
    assert all("organochlorine compound" in classes_of(parse(hit.molecule.key)) for hit in hits)


def test_what_was_read_is_told_and_can_be_left_out(screener):
    query = Query("a small molecule with no rotatable bonds", k=5)
    ranking = screener.search(query, "examples")
    assert {reading.read_as for reading in ranking.read.phrases[0].readings} >= {"rotatable_bonds 0 or less"}
    without = screener.search(replace(query, criteria=False), "examples")
    assert min(ranking.scores) < min(without.scores)


def test_a_caption_that_tells_what_the_molecule_lacks_falls_behind(screener):
    captions = ["It is a pyridine and a sulfonamide.", "It is a pyrimidine and a sulfonamide."]
    matches = screener.describe("Nc1ccc(cc1)S(=O)(=O)Nc1ncccn1", captions)
    assert matches[0].text == captions[1]
    assert matches[0].score - matches[1].score > 0.05


ROLES = ("herbicide", "antibacterial agent", "androgen antagonist", "tyrosine kinase inhibitor")


@pytest.fixture
def taught():
    torch.manual_seed(0)
    head = RoleHead(8, CLASS_SIZE, 6, len(ROLES))
    torch.nn.init.normal_(head.out.weight, std=0.3)  # within the bounds
    return replace(odds(scale=0.0, alone=0.2), head=head)


def read_roles(text):
    (stated,) = read_constraints([text], roles=ROLES)
    return stated


def test_a_role_takes_off_what_its_head_tells_is_lacking(taught):
    log_odds = taught.head.log_odds(VECTORS, CLASSES, [0, 1])
    herbicide = role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, taught)
    assert herbicide == pytest.approx(-0.2 * (LIKELIEST - log_odds[:, 0]))
    both = role_penalty([read_roles("an antibacterial herbicide")], VECTORS, CLASSES, taught)
    assert both == pytest.approx(-0.2 * (2 * LIKELIEST - log_odds.sum(1)), abs=1e-5)
    either = role_penalty([read_roles("an antibacterial or a herbicide")], VECTORS, CLASSES, taught)
    assert either == pytest.approx(-0.2 * (LIKELIEST - log_odds.max(1)), abs=1e-5)


def test_the_less_of_a_text_is_read_the_less_its_role_weighs(taught):
    log_odds = taught.head.log_odds(VECTORS, CLASSES, [1])[:, 0]
    stated = read_roles("marigold, an antibacterial agent")
    assert stated.alone == pytest.approx(18 / 26)
    assert role_penalty([stated], VECTORS, CLASSES, taught) == pytest.approx(
        -0.2 * (18 / 26) ** 4 * (LIKELIEST - log_odds)
    )
    half = replace(stated, share=0.5)
    assert role_penalty([half], VECTORS, CLASSES, taught) == pytest.approx(
        -0.1 * (18 / 26) ** 4 * (LIKELIEST - log_odds)
    )


def test_log_odds_beyond_what_can_be_known_are_cut(taught):
    with torch.no_grad():
        taught.head.hidden.weight.copy_(torch.eye(6, 8))
        taught.head.hidden.bias.zero_()
        taught.head.classes.zero_()
        taught.head.out.weight[:, :2] = torch.tensor([1000.0, -1000.0])  # of the first molecule and of the second
    taken = role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, taught)
    assert taken.min() == pytest.approx(-0.2 * (LIKELIEST - UNLIKELIEST)) and taken.max() == 0


def test_only_molecules_of_the_mask_are_looked_at(taught):
    mask = np.array([True, False, True, False, True])
    whole = role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, taught)
    some = role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, taught, mask)
    assert some[mask] == pytest.approx(whole[mask])
    assert some[~mask] == pytest.approx(-0.2 * (LIKELIEST - UNLIKELIEST))


@pytest.mark.parametrize("text", ["an androgen antagonist", "a tyrosine kinase inhibitor"])
def test_words_inside_a_role_are_nothing_else(text):
    stated = read_roles(text)
    assert stated.alone == 1 and len(stated.roles) == 1
    criteria = stated.criteria
    assert not (criteria.classes or criteria.conditions or criteria.amounts or stated.parts)
    (plain,) = read_constraints([text])
    assert plain.criteria.classes or plain.criteria.conditions or plain.parts  # without roles they are


def test_a_role_that_is_a_class_too_is_both():
    (stated,) = read_constraints(["a beta blocker"], roles=["beta-adrenergic antagonist"])
    assert [each.name for each in stated.criteria.classes] == ["aryloxypropanolamine"]
    assert len(stated.roles) == 1


def test_a_caption_is_read_as_if_there_were_no_roles():
    caption = (
        "A monocarboxylic acid that is isolated from a marine sponge of the Red Sea and is an antibacterial agent."
    )
    assert read_constraints([caption], roles=ROLES) == read_constraints([caption])
    long = f"{caption} {caption}"
    assert read_constraints([long], roles=ROLES) == read_constraints([long])


def test_without_a_head_or_a_role_nothing_is_taken_off(taught):
    assert role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, odds(alone=0.2)) is None
    assert role_penalty([read_roles("a herbicide")], VECTORS, None, taught) is None
    assert role_penalty([read_roles("a sulfonamide")], VECTORS, CLASSES, taught) is None
    assert role_penalty([read_roles("a herbicide")], VECTORS, CLASSES, replace(taught, weight_when_alone=0.0)) is None


def test_a_molecule_that_no_library_holds_has_columns_too():
    described = ComputedColumns(SMILES)
    assert (described.flags() == Columns().flags()).all()
    assert described.properties("aromatic_rings").tolist() == [0, 0, 1, 1, 0]


def test_a_molecule_of_the_other_hand_loses_what_its_descriptors_tell():
    stated = replace(read("the (S)-enantiomer of alanine"), configuration={"S": 1})
    table = odds()
    table.parts[CONFIGURATION, :2] = -2, 1
    keys = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O"]  # S, R and none
    assert stereo_penalty([stated], keys, table) == pytest.approx([0, -0.3, -0.3])
    assert part_penalty([stated], keys, table) == pytest.approx([0, -0.3, -0.3])
    assert part_depth([stated]) > 0


# Structure that a short query asks for is looked for in the molecules, where their stored classes allow it.

PYRIDINES = ("Clc1ccccn1", "ClCCc1ccccn1", "Cc1ccccn1", "CCCl", "CCO")
SHORT_ODDS = replace(odds(alone=0.2), parts=np.zeros((PART_KINDS, PART_OUTCOMES), np.float32), scale=0.01)


def read_short(text):
    (stated,) = read_constraints([text])
    return stated


def pyridine_flags():
    return features_of(PYRIDINES).store.class_bits()


def test_only_molecules_of_the_right_classes_are_looked_at():
    bearing = possible_matches(read_short("a pyridine bearing a chlorine"), pyridine_flags())
    assert bearing.tolist() == [True, True, False, False, False]
    assert possible_matches(read_short("no halogen"), pyridine_flags()).all()


def test_what_disagrees_falls_behind_and_what_cannot_agree_most():
    stated = read_short("a pyridine bearing a chlorine")
    order = np.flatnonzero(possible_matches(stated, pyridine_flags()))
    penalty = structure_penalty(
        stated, order, len(PYRIDINES), lambda rows: [PYRIDINES[row] for row in rows], SHORT_ODDS
    )
    assert penalty[0] == 0 > penalty[1] > penalty[2]
    assert penalty[2] == penalty[3] == penalty[4]
    # Two conditions, the attachment and the chlorine; 5 odds each, at 0.01 + 0.2 of a text that says nothing else.
    assert penalty[2] == pytest.approx(-2 * 5 * 0.21)


def test_no_more_molecules_are_looked_at_than_needed():
    stated = read_short("a CF3 group")
    size = 2 * MOST_EXAMINED
    examined = []

    def keys(rows):
        examined.extend(rows)
        return ["FC(F)(F)C" if rows[0] < ENOUGH else "C"] * len(rows)

    reports: list[tuple[int, int]] = []
    penalty = structure_penalty(
        stated, np.arange(size), size, keys, SHORT_ODDS, lambda done, total: reports.append((done, total))
    )
    assert reports == sorted(reports) and reports[-1][0] <= reports[-1][1] == MOST_EXAMINED
    assert len(examined) == ENOUGH
    assert penalty[: len(examined)].max() == 0
    assert (penalty[len(examined) :] < 0).all()
    examined.clear()
    structure_penalty(
        stated, np.arange(size), size, lambda rows: examined.extend(rows) or ["C"] * len(rows), SHORT_ODDS
    )
    assert len(examined) == MOST_EXAMINED


def test_a_long_text_or_one_read_in_part_has_nothing_looked_at():
    assert with_conditions([read_short("a tBu group")], SHORT_ODDS)
    long = read_short("a tBu group that smells of violets and cures the common cold overnight")
    assert not with_conditions([long], SHORT_ODDS)
    assert not with_conditions([read_short("a sulfonamide")], SHORT_ODDS)


@pytest.mark.parametrize(
    ("text", "group"),
    [("a para-disubstituted benzene", "para-disubstituted benzene"), ("a tBu group", "tert-butyl")],
)
def test_hits_show_the_group_and_the_reading_is_told(screener, text, group):
    ranking = screener.search(Query(text, k=3), "examples")
    pattern = patterns.parse(group_named(group).pattern)
    assert all(pattern.holds(Chem.MolFromSmiles(hit.molecule.key), {}) for hit in ranking.hits)
    readings = ranking.read.phrases[0].readings
    assert group in {reading.read_as for reading in readings if reading.kind == "feature"}


def test_what_is_denied_and_read_needs_no_warning(screener):
    ranking = screener.search(Query("an acid with no aliphatic ring", k=3), "examples")
    assert not [note for note in ranking.notes if "could not be read" in note]
    denied = patterns.parse(group_named("aliphatic ring").pattern)
    assert not any(denied.holds(Chem.MolFromSmiles(hit.molecule.key), {}) for hit in ranking.hits)


def test_a_filter_still_holds(screener):
    ranking = screener.search(Query("a tBu group", k=5, smarts="c1ccccc1"), "examples")
    benzene = Chem.MolFromSmarts("c1ccccc1")
    assert all(Chem.MolFromSmiles(hit.molecule.key).HasSubstructMatch(benzene) for hit in ranking.hits)
