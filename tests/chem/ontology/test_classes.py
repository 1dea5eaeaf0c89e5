"""The class table against its own examples, known molecules and captions; names found in free text."""

import csv
import re
from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.ontology.classes import (
    CLASSES,
    ChemicalClass,
    belongs,
    class_named,
    class_vector,
    classes_of,
    find_classes,
    matches,
    read_table,
)
from molsearch.chem.ontology.patterns import parse
from molsearch.errors import InputError

each_class = pytest.mark.parametrize("chemical", CLASSES, ids=lambda chemical: chemical.name)

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
CORTISOL = "C[C@]12CCC(=O)C=C1CC[C@@H]1[C@@H]2[C@@H](O)C[C@]2(C)[C@@](O)(C(=O)CO)CC[C@@H]12"
ERYTHROMYCIN = (
    "CC[C@@H]1[C@@]([C@@H]([C@H](C(=O)[C@@H](C[C@@]([C@@H]([C@H]([C@@H]([C@H](C(=O)O1)C)O[C@H]2C[C@@]([C@H]([C@@H](O2)C)O)"
    "(C)OC)C)O[C@H]3[C@@H]([C@H](C[C@H](O3)C)N(C)C)O)(C)O)C)C)O)(C)O"
)
QUERCETIN = "O=c1c(O)c(-c2ccc(O)c(O)c2)oc2cc(O)cc(O)c12"
PENICILLIN_G = "CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O"


def mol(smiles: str) -> Chem.Mol:
    made = Chem.MolFromSmiles(smiles)
    assert made is not None, smiles
    return made


# --- the table ------------------------------------------------------------------------------------------------------


def test_table_is_wide() -> None:
    assert len(CLASSES) >= 320


def test_names_and_rows_are_unique() -> None:
    assert len({chemical.name.lower() for chemical in CLASSES}) == len(CLASSES)
    assert len({chemical.row for chemical in CLASSES}) == len(CLASSES)


def test_no_term_names_two_classes() -> None:
    owners: dict[str, str] = {}
    for chemical in CLASSES:
        for term in {term.lower() for term in (chemical.name, *chemical.synonyms, *chemical.narrower)}:
            assert owners.setdefault(term, chemical.name) == chemical.name, term


def test_parents_exist_and_never_loop() -> None:
    for chemical in CLASSES:
        seen = {chemical.name}
        while chemical.parent:
            assert chemical.parent not in seen, chemical.name
            seen.add(chemical.parent)
            chemical = class_named(chemical.parent)


@each_class
def test_example_belongs_and_so_do_its_ancestors(chemical: ChemicalClass) -> None:
    example = mol(chemical.example)
    memberships = set(classes_of(example))
    assert chemical.name in memberships
    while chemical.parent:
        # The parent's own pattern must hold: a child may narrow its parent, never leave it.
        assert parse(class_named(chemical.parent).pattern).holds(example, {})
        assert chemical.parent in memberships
        chemical = class_named(chemical.parent)


@each_class
def test_counterexample_does_not_belong(chemical: ChemicalClass) -> None:
    assert not belongs(mol(chemical.counterexample), chemical.name)


@each_class
def test_every_term_is_found_alone(chemical: ChemicalClass) -> None:
    for term in (chemical.name, *chemical.synonyms, *chemical.narrower):
        assert find_classes(f"It is {term}.") == ((chemical.name, 6, 6 + len(term)),)


def test_vector_and_names_agree() -> None:
    rows = {chemical.row: chemical.name for chemical in CLASSES}
    vector = class_vector(mol(CORTISOL))
    assert list(vector) == sorted(set(vector))
    assert {rows[row] for row in vector} == set(classes_of(mol(CORTISOL)))


# --- known molecules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smiles", "inside", "outside"),
    [
        (ASPIRIN, "monocarboxylic acid; acetate ester; phenyl ester; benzoic acids", "alcohol; phenols; ether"),
        (
            CORTISOL,
            "3-oxo-Delta(4) steroid; 11beta-hydroxy steroid; 17alpha-hydroxy steroid; 21-hydroxy steroid; enone",
            "17beta-hydroxy steroid; androstanoid; aromatic compound; 3-hydroxy steroid",
        ),
        (ERYTHROMYCIN, "macrolide; glycoside; amino sugar; tertiary amine", "disaccharide; peptide"),
        (QUERCETIN, "flavonoid; flavonols; catechols; resorcinols; polyphenol", "isoflavones; flavanone"),
        (PENICILLIN_G, "penicillin; beta-lactam; thioether; secondary carboxamide", "cephalosporin; peptide; thiol"),
        ("NCC(=O)O", "alpha-amino acid; primary amine", "zwitterion; beta-amino acid; peptide; amide"),
        ("[NH3+]CC(=O)[O-]", "amino acid zwitterion", "anion; cation; salt; primary amine"),
        ("Cl.NCCc1ccc(O)c(O)c1", "hydrochloride; salt; catecholamine", "organochlorine compound"),
        (
            "CO[C@@H]1O[C@H](CO)[C@@H](O)[C@H](O)[C@H]1O",
            "beta-D-glucoside; monosaccharide derivative",
            "alpha-D-glucoside; beta-D-galactoside; disaccharide",
        ),
        ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", "purines; oxopurine; imidazoles", "pteridines; nucleoside; benzimidazoles"),
        ("CCCCCCCCCCCCCCCC(=O)O", "long-chain fatty acid; straight-chain saturated fatty acid", "wax ester; alcohol"),
        ("CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12", "benzodiazepine; lactam; monochlorobenzenes", "benzazepine"),
    ],
)
def test_known_molecules(smiles: str, inside: str, outside: str) -> None:
    classes = set(classes_of(mol(smiles)))
    assert set(inside.split("; ")) <= classes
    for name in outside.split("; "):
        assert class_named(name).name not in classes


def test_stereoisomer_changes_only_the_stereo_classes() -> None:
    beta = "C[C@]12CC[C@H]3[C@@H](CC=C4C[C@@H](O)CC[C@]34C)[C@@H]1CCC2=O"
    alpha = beta.replace("4C[C@@H](O)", "4C[C@H](O)")
    assert set(classes_of(mol(beta))) ^ set(classes_of(mol(alpha))) == {
        "3beta-hydroxy steroid",
        "3alpha-hydroxy steroid",
    }


def test_atom_order_changes_nothing() -> None:
    for smiles in (CORTISOL, ERYTHROMYCIN, QUERCETIN):
        forward = mol(smiles)
        backward = Chem.RenumberAtoms(forward, list(reversed(range(forward.GetNumAtoms()))))
        assert class_vector(forward) == class_vector(backward)


# --- highlighting ---------------------------------------------------------------------------------------------------


def test_matches_are_the_atoms_of_the_group() -> None:
    places = matches(mol("CCC#N"), "nitrile")
    assert [set(place) for place in places] == [{1, 2, 3}]
    assert matches(mol("CCO"), "nitrile") == ()


def test_matches_list_every_place() -> None:
    assert len(matches(mol("OCC(O)CO"), "primary alcohol")) == 2


def test_class_without_smarts_shows_its_parent() -> None:
    octanoic = mol("CCCCCCCC(=O)O")
    assert matches(octanoic, "medium-chain fatty acid") == matches(octanoic, "fatty acid") != ()
    # A charge and its parent, a charge too, lie on no atom in particular.
    assert matches(mol("[O-]C(=O)C(=O)[O-]"), "dianion") == ()


def test_unknown_class_is_refused() -> None:
    with pytest.raises(InputError, match="no chemical class is named 'unobtainium'"):
        belongs(mol("C"), "unobtainium")


# --- free text ------------------------------------------------------------------------------------------------------


def names(text: str, *, exact: bool = False) -> list[str]:
    return [name for name, _, _ in find_classes(text, exact=exact)]


def test_longest_name_wins() -> None:
    assert names("a primary aliphatic amine") == ["primary aliphatic amine"]
    assert names("an amine") == ["amine"]
    assert names("a monocarboxylic acid anion") == ["monocarboxylic acid anion"]


def test_plural_singular_and_case() -> None:
    assert names("Sulfonamides, members of the class of PYRIDINES and a urea") == ["sulfonamide", "pyridines", "urea"]


def test_places_are_those_of_the_given_text() -> None:
    text = "ein β‑lactam, then a 17β-hydroxy steroid"
    assert [(name, text[start:end]) for name, start, end in find_classes(text)] == [
        ("beta-lactam", "β‑lactam"),
        ("17beta-hydroxy steroid", "17β-hydroxy steroid"),
    ]


def test_hyphen_and_space_count_alike() -> None:
    assert names("beta lactam") == names("beta-lactam") == ["beta-lactam"]


@pytest.mark.parametrize("text", ["", "non-steroid", "nonsteroidal", "thiolate", "a saltire", "etherised", "mistakes"])
def test_what_is_no_class_name(text: str) -> None:
    assert find_classes(text) == ()


def test_narrower_terms_imply_their_class_but_exclude_nothing() -> None:
    assert names("a corticosteroid") == ["21-hydroxy steroid"]
    assert names("without a corticosteroid", exact=True) == []
    assert names("without a 21-hydroxysteroid", exact=True) == ["21-hydroxy steroid"]


def test_unreadable_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="class table"):
        read_table(tmp_path / "absent.tsv")
    (tmp_path / "short.tsv").write_text("row\tname\n1\tester\n", encoding="utf-8")
    with pytest.raises(InputError, match="class table"):
        read_table(tmp_path / "short.tsv")


# --- against what captions say --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("sulfonamide", 0.95),
        ("aromatic ether", 0.95),
        ("organochlorine compound", 0.95),
        ("monocarboxylic acid", 0.9),
        ("secondary alcohol", 0.95),
        ("methyl ester", 0.95),
        ("gamma-lactone", 0.9),
        ("beta-D-glucoside", 0.9),
        ("3beta-hydroxy steroid", 0.9),
        ("triglyceride", 0.95),
        ("nitrile", 0.95),
        ("dipeptide", 0.85),
    ],
)
@pytest.mark.slow
def test_molecules_said_to_belong_do(shared: Path, name: str, floor: float) -> None:
    pattern = re.compile(rf"\b(?:is|and) an? {re.escape(name)}(?=[,.]| and | that )")
    with (shared / "data" / "train_pairs.tsv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        molecules = {row["smiles"] for row in rows if pattern.search(row["text"])}
    assert len(molecules) >= 10
    assert sum(belongs(mol(smiles), name) for smiles in molecules) >= floor * len(molecules)
