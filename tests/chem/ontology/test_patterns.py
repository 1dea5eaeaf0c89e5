"""The pattern language of the class table: conditions, counts, numbers, and what it refuses."""

import re

import pytest
from rdkit import Chem

from molsearch.chem.ontology.classes import CLASSES
from molsearch.chem.ontology.groups import GROUPS
from molsearch.chem.ontology.patterns import PREDICATES, parse
from molsearch.errors import InputError


@pytest.mark.parametrize(
    ("pattern", "smiles", "expected"),
    [
        ("[OX2H1]{=2}", "OCCO", True),
        ("[OX2H1]{=2}", "OCCCO", True),
        ("[OX2H1]{>=2}", "CCO", False),
        ("[OX2H1]{<=1}", "CCO", True),
        ("rings>=1 and not [#7]", "C1CCCCC1", True),
        ("rings>=1 and not [#7]", "C1CCNCC1", False),
        ("charge<=-1 or [#7]", "CN", True),
        ("charge<=-1 or [#7]", "CO", False),
        ("fused=3", "c1ccc2cc3ccccc3cc2c1", True),
        ("fused=2", "c1ccc(-c2ccccc2)cc1", False),
        ("peptide_bonds=2", "NCC(=O)NCC(=O)NCC(=O)O", True),
        ("sugar_rings=2", "OCC1OC(OC2C(O)C(O)C(O)OC2CO)C(O)C(O)C1O", True),
    ],
)
def test_patterns(pattern: str, smiles: str, expected: bool) -> None:
    assert parse(pattern).holds(Chem.MolFromSmiles(smiles), {}) is expected


@pytest.mark.parametrize("pattern", ["", "[#6", "C and", "not", "wings>=2", "C{=2", "C N"])
def test_bad_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InputError):
        parse(pattern)


def test_every_number_is_used_by_some_class_or_group() -> None:
    used = {word for rule in (*CLASSES, *GROUPS) for word in re.findall(r"\b[a-z_]+(?=[<>]?=-?\d)", rule.pattern)}
    assert set(PREDICATES) <= used
