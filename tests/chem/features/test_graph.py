"""Arrays of a molecule: equal to what a plain loop over RDKit's atoms and bonds reads, number by number."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molsearch.chem.batch.arrays import ATOM_COLUMNS, BOND_COLUMNS, CLASS_OFFSET, MORGAN_SIZE, RADII, MolGraph
from molsearch.chem.features.graph import featurise
from molsearch.chem.ontology.classes import CLASSES, class_vector
from molsearch.chem.structures import parse, readable
from molsearch.errors import InputError

CIP = {"R": 1, "S": 2}
STEREO = {"STEREOE": 1, "STEREOTRANS": 1, "STEREOZ": 2, "STEREOCIS": 2, "STEREOANY": 3}
ORDER = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3, "DATIVE": 4}
HYBRIDISATION = {"S": 1, "SP": 2, "SP2": 3, "SP3": 4, "SP3D": 5, "SP3D2": 6}


def atom_row(atom: Chem.Atom, mol: Chem.Mol) -> list[int]:
    tagged = atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    cip = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
    ring = mol.GetRingInfo().MinAtomRingSize(atom.GetIdx())
    isotope = atom.GetIsotope()
    return [
        min(atom.GetAtomicNum(), 119),
        min(atom.GetDegree(), 7),
        min(max(atom.GetFormalCharge(), -4), 4) + 4,
        min(atom.GetTotalNumHs(), 5),
        HYBRIDISATION.get(atom.GetHybridization().name, 0),
        int(atom.GetIsAromatic()),
        CIP.get(cip, 3 if tagged else 0),
        0 if ring == 0 else min(ring, 9) - 2,
        0 if isotope == 0 else isotope % 31 + 1,
        min(atom.GetNumRadicalElectrons(), 3),
    ]


def bond_row(bond: Chem.Bond) -> list[int]:
    order, stereo = ORDER.get(bond.GetBondType().name, 5), STEREO.get(bond.GetStereo().name, 0)
    return [order, stereo, int(bond.GetIsConjugated()), int(bond.IsInRing())]


def check(smiles: str) -> None:
    graph, mol = featurise(smiles), parse(smiles)
    bonds = [bond for bond in mol.GetBonds() for _ in range(2)]
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    assert graph.atoms.tolist() == [atom_row(atom, mol) for atom in mol.GetAtoms()], smiles
    assert graph.bonds.tolist() == [bond_row(bond) for bond in bonds], smiles
    assert graph.edges.T.tolist() == [list(pair) for begin, end in ends for pair in ((begin, end), (end, begin))], (
        smiles
    )


def test_arrays_are_what_a_plain_loop_reads() -> None:
    for chemical in CLASSES[::4]:
        check(chemical.example)


@pytest.mark.slow
def test_arrays_of_pool_molecules_are_what_a_plain_loop_reads(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        smiles = [row["smiles"] for row in csv.DictReader(stream, delimiter="\t")]
    for one in random.Random(0).sample(smiles, 300):
        if readable(one):
            check(one)


@pytest.mark.parametrize("smiles", ["C", "[Na+].[Cl-]", "[13CH4]", "F/C=C/F", "C[C@H](N)C(=O)O", "[CH3]", "Cl[Pt]Cl"])
def test_arrays_of_small_molecules(smiles: str) -> None:
    check(smiles)


@pytest.mark.parametrize("smiles", ["C", "CC(=O)Oc1ccccc1C(=O)O"])
def test_shapes_and_types(smiles: str) -> None:
    graph, mol = featurise(smiles), parse(smiles)
    atoms, bonds = mol.GetNumAtoms(), mol.GetNumBonds()
    assert graph.atoms.shape == (atoms, len(ATOM_COLUMNS))
    assert graph.environments.shape == (atoms, RADII)
    assert graph.bonds.shape == (2 * bonds, len(BOND_COLUMNS))
    assert graph.edges.shape == (2, 2 * bonds)
    assert {array.dtype for array in arrays(graph)} == {np.dtype(np.int64)}
    assert all(array.flags.writeable for array in arrays(graph))


def arrays(graph: MolGraph) -> list[np.ndarray]:
    return [graph.atoms, graph.environments, graph.bonds, graph.edges, graph.fragments, graph.counts]


def test_fragments_end_with_the_classes() -> None:
    graph = featurise("CC(=O)Oc1ccccc1C(=O)O")
    classes = graph.fragments[graph.fragments >= CLASS_OFFSET] - CLASS_OFFSET
    assert classes.tolist() == list(class_vector(parse("CC(=O)Oc1ccccc1C(=O)O")))


def test_environments_of_an_atom_are_counted_fragments() -> None:
    graph = featurise("CC(=O)Oc1ccccc1C(=O)O")
    environments = set(graph.environments[graph.environments >= 0].tolist())
    assert environments == set(graph.fragments[graph.fragments < MORGAN_SIZE].tolist())


def test_atom_order_permutes_the_atoms_and_keeps_the_fragments() -> None:
    one, other = featurise("OCC(=O)c1ccccc1"), featurise("c1ccccc1C(=O)CO")
    assert sorted(one.atoms.tolist()) == sorted(other.atoms.tolist())
    assert sorted(map(tuple, one.environments.tolist())) == sorted(map(tuple, other.environments.tolist()))
    assert one.fragments.tolist() == other.fragments.tolist()
    assert one.counts.tolist() == other.counts.tolist()


@pytest.mark.parametrize("smiles", ["", "no structure", "C1CC"])
def test_what_is_no_structure_is_refused(smiles: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        featurise(smiles)
