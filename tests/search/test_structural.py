"""Structure that a short query asks for is looked for in the molecules, where their stored classes allow it."""

import numpy as np
import pytest
from rdkit import Chem

from molsearch.chem.batch.arrays import CLASS_SIZE, PART_KINDS, PART_OUTCOMES
from molsearch.chem.features.features import features_of
from molsearch.chem.ontology.groups import group_named
from molsearch.chem.ontology.patterns import parse
from molsearch.model.odds import Odds
from molsearch.query.constraints import read_constraints
from molsearch.records import Query
from molsearch.search.scoring import ENOUGH, LOOKED, asking, possible, structure_penalty

SMILES = ("Clc1ccccn1", "ClCCc1ccccn1", "Cc1ccccn1", "CCCl", "CCO")


def odds(alone=0.2):
    classes = np.zeros((2, CLASS_SIZE), np.float32)
    classes[:, 0] = 2, -1
    return Odds(classes, np.zeros((PART_KINDS, PART_OUTCOMES), np.float32), 0.01, 0.02, alone)


def flags(smiles=SMILES):
    return features_of(smiles).store.class_bits()


def read(text):
    (one,) = read_constraints([text])
    return one


def test_only_molecules_of_the_right_classes_are_looked_at():
    assert possible(read("a pyridine bearing a chlorine"), flags()).tolist() == [True, True, False, False, False]
    assert possible(read("no halogen"), flags()).all()


def test_what_disagrees_falls_behind_and_what_cannot_agree_most():
    one = read("a pyridine bearing a chlorine")
    order = np.flatnonzero(possible(one, flags()))
    lift = structure_penalty(one, order, len(SMILES), lambda rows: [SMILES[row] for row in rows], odds())
    assert lift[0] == 0 > lift[1] > lift[2]
    assert lift[2] == lift[3] == lift[4]
    # Two conditions, the attachment and the chlorine; 5 odds each, at 0.01 + 0.2 of a text that says nothing else.
    assert lift[2] == pytest.approx(-2 * 5 * 0.21)


def test_no_more_molecules_are_looked_at_than_needed():
    one = read("a CF3 group")
    asked = []

    def keys(rows):
        asked.extend(rows)
        return ["FC(F)(F)C" if rows[0] < ENOUGH else "C"] * len(rows)

    told: list[tuple[int, int]] = []
    lift = structure_penalty(
        one, np.arange(2 * LOOKED), 2 * LOOKED, keys, odds(), lambda done, total: told.append((done, total))
    )
    assert told == sorted(told) and told[-1][0] <= told[-1][1] == LOOKED
    assert len(asked) == ENOUGH
    assert lift[: len(asked)].max() == 0
    assert (lift[len(asked) :] < 0).all()
    asked.clear()
    structure_penalty(
        one, np.arange(2 * LOOKED), 2 * LOOKED, lambda rows: asked.extend(rows) or ["C"] * len(rows), odds()
    )
    assert len(asked) == LOOKED


def test_a_long_text_or_one_read_in_part_has_nothing_looked_at():
    assert asking([read("a tBu group")], odds())
    assert not asking([read("a tBu group that smells of violets and cures the common cold overnight")], odds())
    assert not asking([read("a sulfonamide")], odds())


@pytest.fixture(scope="module")
def screener(tmp_path_factory):
    from molsearch.screener import Screener
    from molsearch.settings import Settings

    return Screener(Settings(home=tmp_path_factory.mktemp("structural")))


@pytest.mark.parametrize(
    ("text", "motif"),
    [("a para-disubstituted benzene", "para-disubstituted benzene"), ("a tBu group", "tert-butyl")],
)
def test_hits_show_the_motif_and_the_reading_is_told(screener, text, motif):
    ranking = screener.search(Query(text, k=3), "examples")
    pattern = parse(group_named(motif).pattern)
    assert all(pattern.holds(Chem.MolFromSmiles(hit.molecule.key), {}) for hit in ranking.hits)
    assert motif in {one.read_as for one in ranking.read.phrases[0].readings if one.kind == "feature"}


def test_what_is_denied_and_read_needs_no_warning(screener):
    ranking = screener.search(Query("an acid with no aliphatic ring", k=3), "examples")
    assert not [note for note in ranking.notes if "could not be read" in note]
    without = parse(group_named("aliphatic ring").pattern)
    assert not any(without.holds(Chem.MolFromSmiles(hit.molecule.key), {}) for hit in ranking.hits)


def test_a_filter_still_holds(screener):
    ranking = screener.search(Query("a tBu group", k=5, smarts="c1ccccc1"), "examples")
    benzene = Chem.MolFromSmarts("c1ccccc1")
    assert all(Chem.MolFromSmiles(hit.molecule.key).HasSubstructMatch(benzene) for hit in ranking.hits)
