"""Structures derived from the neighbours that a text names: every rule, by chemistry worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molsearch.query.names import find_mentions
from molsearch.query.nomenclature.derive import MAX_DERIVED, RULES, condense, derive
from molsearch.query.opsin import available, the_opsin

needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")

CANON = Chem.CanonSmiles

# (rule, text, the structure that the text defines)
CASES = (
    ("protonation", "It is a conjugate base of a butanoic acid.", "CCCC(=O)[O-]"),
    (
        "protonation",
        "An anion obtained by deprotonation of both carboxy groups of malonic acid.",
        "O=C([O-])CC(=O)[O-]",
    ),
    ("protonation", "A cation obtained by protonation of the amino group of benzylamine.", "[NH3+]Cc1ccccc1"),
    ("protonation", "It is a conjugate acid of a pyridine.", "c1cc[nH+]cc1"),
    ("protonation", "It is a conjugate acid of a succinate(2-).", "O=C([O-])CCC(=O)O"),
    ("mirror image", "It is an enantiomer of a L-alanine.", "C[C@@H](N)C(=O)O"),
    ("hand", "The D-enantiomer of valinate.", "CC(C)[C@@H](N)C(=O)[O-]"),
    ("hand", "The L-enantiomer of tyrosinate(2-).", "N[C@@H](Cc1ccc([O-])cc1)C(=O)[O-]"),
    ("hand", "A butan-2-ol that has (R)-configuration.", "CC[C@@H](C)O"),
    ("hand", "The (S)-enantiomer of butan-2-ol.", "CC[C@H](C)O"),
    (
        "substitution",
        "A flavone that is flavone substituted by hydroxy groups at positions 5 and 7.",
        "O=c1cc(-c2ccccc2)oc2cc(O)cc(O)c12",
    ),
    (
        "condensation",
        "An ester obtained by formal condensation of the carboxy group of acetic acid with the hydroxy group of "
        "hexan-1-ol.",
        "CCCCCCOC(C)=O",
    ),
    (
        "condensation",
        "An amide resulting from the formal condensation of the carboxy group of benzoic acid with the amino group of "
        "benzylamine.",
        "O=C(NCc1ccccc1)c1ccccc1",
    ),
    # Two of one partner; ammonia; a name whose last word is one letter.
    (
        "condensation",
        "A diester obtained by formal condensation of phthalic acid with two molecules of butan-1-ol.",
        "CCCCOC(=O)c1ccccc1C(=O)OCCCC",
    ),
    ("condensation", "It results from the formal condensation of octanoic acid with ammonia.", "CCCCCCCC(N)=O"),
    (
        "condensation",
        "An acyl-CoA resulting from the formal condensation of the thiol group of coenzyme A with the carboxy group of "
        "butanoic acid.",
        "CCCC(=O)SCCNC(=O)CCNC(=O)[C@H](O)C(C)(C)COP(=O)(O)OP(=O)(O)OC[C@H]1O[C@@H](n2cnc3c(N)ncnc32)[C@H](O)"
        "[C@@H]1OP(=O)(O)O",
    ),
    # Neither chirality stated: either may be meant.
    ("protonation", "It is a conjugate base of a leucine.", "CC(C)CC(N)C(=O)[O-]"),
    ("protonation", "It is a conjugate base of a leucine.", "CC(C)C[C@H](N)C(=O)[O-]"),
    (
        "peptide",
        "A tripeptide composed of glycine, L-alanine and L-serine joined in sequence by peptide linkages.",
        "NCC(=O)N[C@@H](C)C(=O)N[C@@H](CO)C(=O)O",
    ),
    # OPSIN writes arginine's guanidine the other way.
    (
        "peptide",
        "A dipeptide composed of glycine and L-arginine joined by a peptide linkage.",
        "NCC(=O)N[C@@H](CCCN=C(N)N)C(=O)O",
    ),
    (
        "acyl groups",
        "A phosphatidylcholine 6:0 in which the acyl groups specified at positions 1 and 2 are propanoyl and acetyl "
        "respectively.",
        "CCC(=O)OC[C@H](COP(=O)([O-])OCC[N+](C)(C)C)OC(C)=O",
    ),
    (
        "glycoside",
        "A flavone that is luteolin attached to a beta-D-glucopyranosyl residue at position 7 via a "
        "glycosidic linkage.",
        "O=c1cc(-c2ccc(O)c(O)c2)oc2cc(O[C@@H]3O[C@H](CO)[C@@H](O)[C@H](O)[C@H]3O)cc(O)c12",
    ),
    ("ester", "The methyl ester of indole-3-carboxylic acid.", "COC(=O)c1c[nH]c2ccccc12"),
    ("salt", "The sodium salt of benzoic acid.", "O=C([O-])c1ccccc1.[Na+]"),
)


def structures(text: str, rule: str | None = None) -> list[str]:
    mentions = find_mentions([text])[0]
    return [derived.smiles for derived in derive(text, mentions, the_opsin()) if rule in (None, derived.rule)]


@needs_opsin
@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_a_text_defines_its_structure(rule: str, text: str, expected: str) -> None:
    assert CANON(expected) in structures(text, rule)


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(RULES)


@needs_opsin
@pytest.mark.parametrize(
    "text",
    [
        "",
        "It has a role as a human metabolite.",
        "It derives from a butanoic acid.",
        "It contains acetic acid and benzylamine.",
        # The neighbour has no stereocentre: nothing is its mirror image.
        "It is an enantiomer of a glycine.",
    ],
)
def test_a_text_that_defines_nothing_gives_nothing(text: str) -> None:
    assert structures(text) == []


@needs_opsin
def test_the_structures_of_one_text_are_bounded() -> None:
    names = ("histidine", "arginine", "citric acid", "cytidine 5'-triphosphate", "L-lysine", "glutamic acid")
    text = " ".join(f"It is a conjugate base of a {name}." for name in names)
    assert len(structures(text)) == MAX_DERIVED


@needs_opsin
def test_a_hand_told_is_not_a_mirror_image() -> None:
    assert structures("The L-enantiomer of valine.") == [CANON("CC(C)[C@H](N)C(=O)O")]


@needs_opsin
def test_what_is_derived_is_written_as_clean_up_writes_it() -> None:
    # Clean-up writes a sulfoxide with separated charges, OPSIN does not: a library holds the first.
    text = "A sulfoxide that is methane substituted by a methylsulfinyl group at position 1."
    assert structures(text) == ["C[S+](C)[O-]"]


@needs_opsin
def test_the_neighbour_itself_is_not_derived() -> None:
    assert "CCCC(=O)O" not in structures("It is a conjugate base of a butanoic acid.")
    assert "CCCC(=O)O" not in structures("It is a conjugate acid of a butanoate.", "mirror image")


@needs_opsin
@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_what_is_derived_is_canonical_once_each_and_within_its_text(rule: str, text: str, expected: str) -> None:
    structures = derive(text, find_mentions([text])[0], the_opsin())
    assert len({derived.smiles for derived in structures}) == len(structures)
    for derived in structures:
        assert CANON(derived.smiles) == derived.smiles
        assert "*" not in derived.smiles
        assert 0 <= derived.start < derived.end <= len(text)


# Condensation


@pytest.mark.parametrize(
    ("first", "second", "kind", "expected"),
    [
        ("CC(=O)O", "CO", "hydroxy", ("COC(C)=O",)),
        ("CO", "CC(=O)O", "hydroxy", ("COC(C)=O",)),
        ("CC(=O)O", "CN", "amino", ("CNC(C)=O",)),
        ("CC(=O)O", "CS", "thiol", ("CSC(C)=O",)),
        # A carboxy OH is no alcohol, an amide nitrogen no amine.
        ("CC(=O)O", "CCC(=O)O", "hydroxy", ()),
        ("CC(=O)O", "CC(N)=O", "amino", ()),
        # Two different alcohols: either may react.
        ("CC(=O)O", "CC(O)CO", "hydroxy", ("CC(=O)OC(C)CO", "CC(=O)OCC(C)O")),
    ],
)
def test_condensation_gives_each_product(first: str, second: str, kind: str, expected: tuple[str, ...]) -> None:
    assert sorted(condense(first, second, kind)) == sorted(CANON(smiles) for smiles in expected)


PARTNERS = ("CC(=O)O", "OCCO", "N[C@@H](C)C(=O)O", "NCCO", "O=C(O)c1ccccc1O", "SCCN")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PARTNERS), st.sampled_from(PARTNERS), st.sampled_from(["hydroxy", "amino", "thiol"]))
def test_condensation_loses_exactly_one_water(first: str, second: str, kind: str) -> None:
    def atoms(smiles: str) -> int:
        return int(Chem.AddHs(Chem.MolFromSmiles(smiles)).GetNumAtoms())

    for product in condense(first, second, kind):
        assert atoms(product) == atoms(first) + atoms(second) - 3
