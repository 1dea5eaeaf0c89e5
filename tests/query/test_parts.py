"""Named structures looked for in molecules."""

import numpy as np
import pytest

from molsearch.chem.batch.arrays import PART_KINDS, PART_OUTCOMES, RELATIONS
from molsearch.query.names import Mention
from molsearch.query.parts import HELD, MAX_PARTS, outcomes, parts_of


def mention(smiles, relation="other", start=0):
    return Mention("name", start, start + 4, smiles, relation)


def outcomes_of(smiles, keys):
    return outcomes(parts_of([mention(smiles)]), keys)[0].tolist()


def test_a_part_is_held_whole_largely_in_part_or_not():
    # Benzene has 6 heavy atoms: 6 of 6, 6 of 7, 6 of 14, and none.
    assert outcomes_of("c1ccccc1", ["c1ccccc1", "Cc1ccccc1", "CCCCCCCCc1ccccc1", "C1CCCCC1"]) == [3, 2, 1, 0]


def test_a_wildcard_matches_any_atom_but_hydrogen():
    assert outcomes_of("*c1ccccc1", ["Clc1ccccc1", "c1ccccc1"]) == [2, 0]


def test_isotopes_do_not_matter():
    assert outcomes_of("[2H]C([2H])([2H])[C@H](N)C(=O)O", ["C[C@H](N)C(=O)O"]) == [3]


def test_other_stereochemistry_than_the_name_states_is_kept_apart():
    # 6 of 6 atoms and 6 of 10: the enantiomer named, the other, and none.
    alanine = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "C[C@@H](NC(C)=O)C(=O)OC"]
    assert outcomes_of("C[C@H](N)C(=O)O", alanine) == [3, 3 + HELD, 3 + HELD, 2 + HELD]
    assert outcomes_of("OC(=O)/C=C\\C", ["OC(=O)/C=C\\C", "OC(=O)/C=C/C"]) == [3, 3 + HELD]


def test_a_name_without_stereochemistry_is_held_by_every_stereoisomer():
    assert outcomes_of("CC(N)C(=O)O", ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O"]) == [3, 3, 3]


def test_of_several_pieces_the_largest_is_looked_for():
    assert outcomes_of("[Na+].[O-]C(=O)c1ccccc1", ["O=C([O-])c1ccccc1", "[Na+].[Cl-]"]) == [3, 0]


@pytest.mark.parametrize("smiles", ["C", "*", "not a smiles", "C" * 61])
def test_what_tells_nothing_or_too_much_is_left_out(smiles):
    assert parts_of([mention(smiles)]) == []


def test_a_key_that_cannot_be_read_holds_nothing():
    assert outcomes_of("CC", ["CC", "C(("]) == [3, 0]


def test_a_structure_named_twice_keeps_its_closest_relation():
    (part,) = parts_of([mention("CCO", "near"), mention("CCO", "part", 10)])
    (near,) = parts_of([mention("CCO", "near")])
    assert part.kind == near.kind


def test_kinds_differ_by_relation_wildcard_and_size():
    chains = ["C" * length for length in (2, 4, 8, 12, 16)]
    named = [mention(prefix + chain, relation) for relation in RELATIONS for prefix in ("", "*") for chain in chains]
    kinds = [parts_of([part])[0].kind for part in named]
    assert sorted(set(kinds)) == list(range(PART_KINDS))


def test_a_long_list_of_names_is_cut():
    assert len(parts_of(mention("C" * length) for length in range(2, 30))) == MAX_PARTS


def test_no_parts_and_no_molecules_are_fine():
    assert outcomes([], ["CC"]).shape == (0, 1)
    assert outcomes(parts_of([mention("CC")]), []).shape == (1, 0)
    assert np.max(outcomes(parts_of([mention("CC")]), ["CC"])) + HELD < PART_OUTCOMES
