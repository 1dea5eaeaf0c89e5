"""Each habit of the literature and its respelling."""

import pytest
from rdkit import Chem

from molsearch.query.opsin import Opsin, available
from molsearch.query.respelling import (
    RULES,
    all_same,
    chain_locants,
    nucleotide,
    peptide,
    singular,
    spellings,
    without_charge,
)


@pytest.mark.parametrize(
    ("rule", "name", "respelt"),
    [
        (peptide, "Gly-Leu", "glycyl-L-leucine"),
        (peptide, "D-Ala-Gly", "D-alanyl-glycine"),
        (peptide, "gamma-Glu-Cys-Gly", "gamma-L-glutamyl-L-cysteinyl-glycine"),
        (peptide, "Gly", ""),
        (peptide, "Gly-Foo", ""),
        (chain_locants, "(17Z)-hexacosenoic acid", "(17Z)-hexacos-17-enoic acid"),
        (chain_locants, "(9Z,12Z)-octadecadienoic acid", "(9Z,12Z)-octadeca-9,12-dienoic acid"),
        (chain_locants, "(9Z)-octadec-9-enoic acid", ""),
        (chain_locants, "hexacosenoic acid", ""),
        (all_same, "all-cis-icosa-8,11,14-trienoic acid", "(8Z,11Z,14Z)-icosa-8,11,14-trienoic acid"),
        (all_same, "all-trans-octa-2,4-dienal", "(2E,4E)-octa-2,4-dienal"),
        (all_same, "cis-but-2-ene", ""),
        (nucleotide, "ATP", "adenosine 5'-triphosphate"),
        (nucleotide, "dGMP", "deoxyguanosine 5'-monophosphate"),
        (nucleotide, "ADPR", ""),
        (without_charge, "histamine(1+)", "histamine"),
        (without_charge, "valine zwitterion", "valine"),
        (without_charge, "phosphate(3-)", "phosphate"),
        (without_charge, "histamine", ""),
        (singular, "indoles", "indole"),
        (singular, "glucose", ""),
        (singular, "glass", ""),
        (singular, "cannabis", ""),
    ],
)
def test_a_rule_respells_its_habit_and_nothing_else(rule, name: str, respelt: str) -> None:  # type: ignore[no-untyped-def]
    assert rule in RULES
    assert rule(name) == respelt


def test_a_name_comes_first_as_written_and_no_form_twice() -> None:
    forms = spellings("ATP")
    assert forms[0] == "ATP"
    assert "adenosine 5'-triphosphate" in forms
    assert len(set(forms)) == len(forms)
    assert all(forms)


def test_a_rule_also_works_on_what_is_left_without_the_charge() -> None:
    assert "glycyl-L-leucine" in spellings("Gly-Leu zwitterion")


@pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")
@pytest.mark.slow
def test_respelt_names_mean_what_the_literature_means() -> None:
    expected = {
        "Gly-Leu": "NCC(=O)N[C@@H](CC(C)C)C(=O)O",
        "(9Z,12Z)-octadecadienoic acid": "CCCCC/C=C\\C/C=C\\CCCCCCCC(=O)O",
        "all-trans-octa-2,4-dienal": "CCC/C=C/C=C/C=O",
        "ATP": "Nc1ncnc2c1ncn2[C@@H]1O[C@H](COP(=O)(O)OP(=O)(O)OP(=O)(O)O)[C@@H](O)[C@H]1O",
        "histamine(1+)": "NCCc1c[nH]cn1",
    }
    opsin = Opsin()
    try:
        for name, smiles in expected.items():
            table = opsin.resolve(spellings(name))
            structure = next(table[form] for form in spellings(name) if form in table)
            assert Chem.CanonSmiles(structure) == Chem.CanonSmiles(smiles)
    finally:
        opsin.close()
