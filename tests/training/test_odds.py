"""What named classes and parts tell, measured on captions."""

import math

import numpy as np
import pytest

from molsearch.chem.ontology.classes import class_named
from molsearch.model.dual import DualEncoder
from molsearch.query.opsin import available
from molsearch.training.features import Caption
from molsearch.training.odds import DOUBT, measure_odds
from molsearch.training.refit import remeasure

SULFONAMIDES = [f"NS(=O)(=O){'C' * length}" for length in range(1, 11)]
ALCOHOLS = [f"OC{'C' * length}" for length in range(1, 11)]
CAPTIONS = [
    *(Caption("A sulfonamide.", smiles) for smiles in SULFONAMIDES),
    *(Caption("A primary alcohol with a methyl group and a sulfonyl group.", smiles) for smiles in ALCOHOLS),
]


@pytest.fixture(scope="module")
def odds():
    return measure_odds(CAPTIONS)


def test_a_class_weighs_by_how_much_oftener_its_members_are_so_named(odds):
    # 10 of 10 captions are right, and as many of the "primary alcohol": the common reliability is 1, cut to 0.98.
    held = 11 / 22
    has, lacks = odds[0][:, class_named("sulfonamide").row]
    assert has == pytest.approx(math.log(0.98 / held), rel=1e-3)
    assert lacks == pytest.approx(math.log(0.02 / (1 - held)), rel=1e-3)


def test_a_class_that_is_named_for_others_tells_nothing():
    wrong = [Caption("A sulfonamide.", smiles) for smiles in ALCOHOLS] * 3
    has, lacks = measure_odds([*wrong, Caption("An acid.", SULFONAMIDES[0])])[0][:, class_named("sulfonamide").row]
    assert (has, lacks) == (0, 0)


def test_a_rarely_named_class_keeps_close_to_the_common_reliability(odds):
    never = odds[0][:, class_named("boronic acid").row]
    assert DOUBT > 1
    assert never[0] > 0 > never[1]


@pytest.mark.skipif(bool(available()), reason=available())
def test_a_part_that_the_own_molecule_holds_and_its_rivals_lack_speaks_for_it():
    captions = [
        *(Caption("A compound with a 4-chlorophenyl group.", f"Clc1ccc({'C' * length})cc1") for length in range(1, 9)),
        *(Caption("A compound with a 4-bromophenyl group.", f"Brc1ccc({'C' * length})cc1") for length in range(1, 9)),
    ]
    parts = measure_odds(captions)[1]
    assert parts[:, 1:].max() > 0 > parts[:, 0].min()


def test_the_tables_are_finite(odds):
    assert all(np.isfinite(table).all() for table in odds)


def test_remeasured_odds_are_written_and_change_the_id(tmp_path, tiny_model):
    folder = tmp_path / "model"
    tiny_model.save(folder)
    before = tiny_model.model_id
    lines = ["smiles\ttext\tinchikey", *(f"{caption.smiles}\t{caption.text}\t" for caption in CAPTIONS)]
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("\n".join(lines), encoding="utf-8")
    after = remeasure(folder, pairs, pairs, roles=5)
    model = DualEncoder.load(folder)
    assert model.model_id == after != before
    assert model.odds.measured
    assert model.odds.classes[0, class_named("sulfonamide").row] > 0
