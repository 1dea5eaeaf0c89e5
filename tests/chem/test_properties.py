"""Properties against hand-derived and RDKit's own values; alerts by the names of their rules."""

import csv
from itertools import islice
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

from molsearch.chem.properties import ALERTS, LIPINSKI, PRESETS, PROPERTIES, VEBER, alerts, properties
from molsearch.errors import InputError

ASPIRIN = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")


def test_aspirin() -> None:
    found = properties(ASPIRIN)
    # C9H8O4: 9 * 12.011 + 8 * 1.008 + 4 * 15.999
    assert found["mass_da"] == pytest.approx(180.159, abs=1e-3)
    # Ertl: acid C=O 17.07 + ester C=O 17.07 + ester O 9.23 + OH 20.23
    assert found["tpsa_a2"] == pytest.approx(63.60, abs=0.01)
    assert found["fraction_csp3"] == pytest.approx(1 / 9)
    counts = {name: found[name] for name in ("nh_oh", "n_o", "rings", "aromatic_rings", "heavy_atoms", "charge")}
    assert counts == {"nh_oh": 1, "n_o": 4, "rings": 1, "aromatic_rings": 1, "heavy_atoms": 13, "charge": 0}


@pytest.mark.parametrize(
    ("smiles", "name", "value"),
    [
        ("CC(=O)[O-].[Na+]", "charge", 0),
        ("CC(=O)[O-]", "charge", -1),
        ("CC(=O)[O-].[Na+]", "fragments", 2),
        ("CC(N)C(=O)O", "stereocentres", 1),
        ("C[C@H](N)[C@@H](C)O", "stereocentres", 2),
        ("CC=CC", "stereocentres", 0),
        ("CCCCC", "rotatable_bonds", 2),
        ("CC(=O)NC", "rotatable_bonds", 0),
        ("c1ccc2ccccc2c1", "aromatic_rings", 2),
        ("C1CC2CCC1C2", "rings", 2),
        ("CCO", "donors", 1),
        ("NCCN", "nh_oh", 4),
        ("c1ccncc1", "heteroatoms", 1),
        ("CC", "fraction_csp3", 1),
        ("[13CH4]", "exact_mass_da", 17.0347),  # 13.00335 + 4 * 1.00783
    ],
)
def test_counts_follow_the_structure(smiles: str, name: str, value: float) -> None:
    assert properties(Chem.MolFromSmiles(smiles), [name])[name] == pytest.approx(value, abs=1e-3)


def test_fast_values_are_rdkits_own(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8") as file:
        rows = islice(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 0, 33_000, 220)
        mols = [Chem.MolFromSmiles(row["smiles"]) for row in rows]
    assert len(mols) == 150
    for mol in mols:
        found = properties(mol)
        assert found["qed"] == pytest.approx(QED.qed(mol), abs=1e-9)
        assert found["logp"] == pytest.approx(Crippen.MolLogP(mol))
        assert found["mass_da"] == pytest.approx(Descriptors.MolWt(mol))
        assert found["tpsa_a2"] == pytest.approx(rdMolDescriptors.CalcTPSA(mol))
        assert found["rotatable_bonds"] == rdMolDescriptors.CalcNumRotatableBonds(mol)
        assert found["donors"] == rdMolDescriptors.CalcNumHBD(mol)
        assert found["acceptors"] == rdMolDescriptors.CalcNumHBA(mol)


def test_properties_come_in_the_order_asked_for() -> None:
    assert list(properties(ASPIRIN, ["qed", "mass_da", "charge"])) == ["qed", "mass_da", "charge"]
    assert list(properties(ASPIRIN)) == list(PROPERTIES)


def test_an_unknown_property_is_refused_with_the_choice() -> None:
    with pytest.raises(InputError, match=r"'weight'.*mass_da"):
        properties(ASPIRIN, ["weight"])


def test_every_property_is_explained_and_every_preset_uses_known_ones() -> None:
    assert all(row.meaning and row.source and bool(row.descriptor) != bool(row.compute) for row in PROPERTIES.values())
    assert {wanted.name for preset in PRESETS.values() for wanted in preset} <= set(PROPERTIES)


def keeps(smiles: str, preset: tuple[object, ...]) -> bool:
    found = properties(Chem.MolFromSmiles(smiles))
    return all(found[wanted.name] <= wanted.high for wanted in preset)  # type: ignore[attr-defined]


def test_presets_pass_a_drug_and_stop_a_cyclic_peptide() -> None:
    aspirin = "CC(=O)Oc1ccccc1C(=O)O"
    decaglycine = "NCC(=O)" + "NCC(=O)" * 9 + "O"
    assert keeps(aspirin, LIPINSKI)
    assert keeps(aspirin, VEBER)
    assert not keeps(decaglycine, LIPINSKI)
    assert not keeps(decaglycine, VEBER)


def test_alerts_name_collection_rule_and_atoms() -> None:
    quinone = Chem.MolFromSmiles("CCCCC1=CC(=O)C=CC1=O")
    found = alerts(quinone)
    assert {(alert.collection, alert.rule) for alert in found} >= {("PAINS", "quinone_A(370)"), ("BRENK", "chinone_1")}
    (pains,) = (alert for alert in found if alert.rule == "quinone_A(370)")
    ring = {atom.GetIdx() for atom in quinone.GetAtoms() if atom.IsInRing()}
    assert ring <= set(pains.atoms)
    assert 0 not in pains.atoms


def test_a_harmless_molecule_has_no_alerts() -> None:
    assert alerts(Chem.MolFromSmiles("CC(C)Cc1ccccc1")) == ()


def test_collections_can_be_chosen() -> None:
    quinone = Chem.MolFromSmiles("O=C1C=CC(=O)C=C1")
    assert {alert.collection for alert in alerts(quinone, ["BRENK"])} == {"BRENK"}
    with pytest.raises(InputError, match="PAINS, BRENK"):
        alerts(quinone, ["MYOWN"])
    assert all(row.meaning and row.source for row in ALERTS.values())
