"""Molecules side by side: codes that know surroundings and nothing else, and rings as RDKit lists them."""

import numpy as np
import pytest
from rdkit import Chem

from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.ontology.rings import RingMap
from molsearch.chem.structures import parse


def molbatch(*smiles: str) -> MolBatch:
    return MolBatch.of([parse(one) for one in smiles])


def test_an_atom_has_the_code_of_its_surroundings_whatever_molecule_and_order_it_stands_in() -> None:
    one = molbatch("OCC(=O)N", "NC(=O)CO")
    first, second = one.near[:5].tolist(), one.near[5:].tolist()
    assert first == list(reversed(second)) or sorted(first) == sorted(second)


@pytest.mark.parametrize(
    ("one", "other"), [("CCO", "CCN"), ("CC=C", "CC#C"), ("CC(C)C", "CCC"), ("C1CC1", "C1CCC1"), ("CO", "C[O-]")]
)
def test_other_surroundings_have_another_code(one: str, other: str) -> None:
    both = molbatch(one, other)
    split = int(both.sizes[0])
    assert not set(both.near[:split].tolist()) <= set(both.near[split:].tolist())


def test_mirror_images_are_read_alike_but_coded_apart() -> None:
    both = molbatch("C[C@H](N)O", "C[C@@H](N)O")
    assert both.near[:4].tolist() == both.near[4:].tolist()
    assert both.atom_codes[:4].tolist() != both.atom_codes[4:].tolist()


def test_edges_of_each_molecule_stay_among_its_atoms() -> None:
    three = molbatch("CCO", "C", "C1CC1")
    owners = three.owners[three.edges]
    assert (owners[0] == owners[1]).all()
    assert np.bincount(owners[0], minlength=3).tolist() == [4, 0, 6]


def test_what_codes_cannot_tell_apart_is_not_plain() -> None:
    assert molbatch("CCO", "[2H]O", "[H][H]", "[O-2].[Ca+2]", "[Si+4]").plain.tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_rdkit_lists_the_bonds_of_a_ring_in_the_order_of_its_atoms() -> None:
    for smiles in ("c1ccc2ccccc2c1", "C1CC2CCC1C2", "C12C3C4C1C5C2C3C45", "C1CCCCCCCCCC1"):
        info = (mol := Chem.MolFromSmiles(smiles)).GetRingInfo()
        for atoms, bonds in zip(info.AtomRings(), info.BondRings(), strict=True):
            ends = [mol.GetBondWithIdx(bond) for bond in bonds]
            pairs = [{bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()} for bond in ends]
            assert pairs == [{a, b} for a, b in zip(atoms, (*atoms[1:], atoms[0]), strict=True)]


def test_equal_pairs_of_rings_have_equal_codes_and_others_not() -> None:
    rings = RingMap(molbatch("c1ccc2ccccc2c1", "Oc1cccc2ccccc12", "c1ccc2[nH]ccc2c1", "C1CCC2CCCCC2C1"))
    first, substituted, *others = rings.pair_codes.tolist()
    assert rings.pair_owners.tolist() == [0, 1, 2, 3]
    assert len({first, *others}) == 3
    assert substituted not in others


@pytest.mark.parametrize(
    ("smiles", "listed"), [("CCO", 7), ("c1ccccc1", 7), ("c1ccc2ccccc2c1", 7), ("C1CC2CCC1C2", 0), ("C1C2CC12", 3)]
)
def test_up_to_which_size_all_cycles_are_listed(smiles: str, listed: int) -> None:
    assert RingMap(molbatch(smiles)).listed().tolist() == [listed]
