"""Clean-up: what it may change, what it must keep apart, and that its shortcut is no shortcut in chemistry."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from molsearch.chem.standardize import CLEANUP, STEPS, Cleaned, Fault, clean, leaves_alone, standardize
from molsearch.chem.structures import heavy_atoms_written
from molsearch.errors import InputError
from molsearch.records import Entry, Kind, Molecule, Reason, Rejection
from molsearch.settings import PROJECT


def key(smiles: str, steps: tuple[str, ...] = CLEANUP) -> str:
    outcome = clean(smiles, "smiles", steps)
    assert isinstance(outcome, Cleaned), outcome
    return outcome.key


def fault(text: str, max_atoms: int = 1000) -> Fault:
    outcome = clean(text, "smiles", CLEANUP, max_atoms)
    assert isinstance(outcome, Fault), outcome
    return outcome


def rows(path: Path, column: str, every: int, count: int) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        reader: Iterator[dict[str, str]] = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row[column] for row in islice(reader, 0, every * count, every)]


# What the clean-up does


@pytest.mark.parametrize(
    ("written", "expected", "step"),
    [
        ("CS(C)=O", "C[S+](C)[O-]", "normalise groups"),
        ("C[S+2]([O-])([O-])C", "CS(C)(=O)=O", "normalise groups"),
        ("CC(=O)O[Na]", "CC(=O)[O-].[Na+]", "disconnect metals"),
        # Benzenesulfonic acid (pKa -2.6) is stronger than benzoic acid: the charge moves.
        ("OS(=O)(=O)c1ccc(C(=O)[O-])cc1", "O=C(O)c1ccc(S(=O)(=O)[O-])cc1", "reionise"),
    ],
)
def test_a_step_does_its_chemistry_and_is_named(written: str, expected: str, step: str) -> None:
    molecule = standardize(Entry(1, written, "smiles"))
    assert isinstance(molecule, Molecule)
    assert molecule.key == Chem.CanonSmiles(expected)
    assert molecule.changes == (step,)


def test_a_clean_molecule_has_no_changes() -> None:
    assert clean("OCC", "smiles") == Cleaned("CCO", ())


def test_nitro_and_azide_have_one_form() -> None:
    assert key("CN(=O)=O") == key("C[N+](=O)[O-]")
    assert key("CCN=N#N") == key("CCN=[N+]=[N-]")


@pytest.mark.parametrize(
    "smiles",
    # Of the ChEBI-20 pool: RDKit cannot kekulise the rings that reionising and normalising leave.
    [
        "CN(C)C(=O)C1=CC=C[CH-]1.[CH-]1[CH-][CH-][C-]([CH-]1)C(=O)O.[Fe]",
        "CC(C)CC1=C([N+](=C(C(=O)N1[O-])CC(C)C)[O-])[O-]",
    ],
)
def test_where_the_cleanup_breaks_a_structure_it_is_not_done(smiles: str) -> None:
    assert clean(smiles, "smiles") == Cleaned(Chem.CanonSmiles(smiles), ())


def test_doubled_backslashes_are_undone_and_named() -> None:
    assert clean(r"C(=C\\C(=O)O)\\C(=O)O", "smiles") == Cleaned(
        Chem.CanonSmiles(r"C(=C\C(=O)O)\C(=O)O"), ("single backslashes",)
    )


@pytest.mark.parametrize(
    "smiles",
    [
        "CC[NH3+]",  # charge
        "[NH3+]CC(=O)[O-]",  # zwitterion
        "CC(=O)[O-].[Na+]",  # salt
        "C[13CH3]",  # isotope
        "[2H]C([2H])([2H])O",  # deuterium
        "C[C@H](N)C(=O)O",  # stereocentre
        "C/C=C\\C",  # double bond
        "[CH3:1][OH:2]",  # atom maps
        "CC(O)=CC(C)=O",  # enol
        "*CC",  # attachment point
        "[CH3]",  # radical
        "[Fe+2]",  # metal ion
    ],
)
def test_what_captions_speak_of_is_kept(smiles: str) -> None:
    assert key(smiles) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("C/C=C/C", r"C/C=C\C"),
        ("CC(=O)O", "CC(=O)[O-]"),
        ("CC(=O)C", "CC(O)=C"),
        ("CO", "[13CH3]O"),
        ("CCN", "CCN.Cl"),
        ("C[OH:1]", "CO"),
    ],
)
def test_different_structures_have_different_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_opt_in_steps_merge_what_the_default_keeps_apart() -> None:
    assert key("CC[NH3+].[Cl-]", (*CLEANUP, "parent fragment")) == "CC[NH3+]"
    assert key("CC[NH3+].[Cl-]", (*CLEANUP, "parent fragment", "uncharge")) == "CCN"
    assert key("C[13CH2][2H]", (*CLEANUP, "drop isotopes")) == "CC"
    assert key("C[C@H](N)C(=O)O", (*CLEANUP, "drop stereo")) == "CC(N)C(=O)O"
    assert key("CC(O)=CC(C)=O", (*CLEANUP, "canonical tautomer")) == "CC(=O)CC(C)=O"


def test_steps_leave_the_molecule_they_are_given_alone() -> None:
    for name, step in STEPS.items():
        if step.molecule:
            mol = Chem.MolFromSmiles("C[C@H](N)C(=O)O[Na].[13CH3]N(=O)=O.[Cl-]")
            before = Chem.MolToSmiles(mol)
            step.molecule(mol)
            assert Chem.MolToSmiles(mol) == before, name


def test_an_unknown_step_is_refused_with_the_choice() -> None:
    with pytest.raises(InputError, match=r"'desalt'.*parent fragment"):
        standardize(Entry(1, "C", "smiles"), ("desalt",))


def test_an_inchi_is_read() -> None:
    assert key("InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3") == "CCO"


# What cannot be cleaned up


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("", Reason.EMPTY, "no structure"),
        ("C[Xx]C", Reason.UNREADABLE, r"'C\[Xx\]C': syntax error"),
        ("C1CC", Reason.UNREADABLE, "unclosed ring"),
        ("CC(C)(C)(C)C", Reason.UNREADABLE, "valence"),
        ("c1cccc1", Reason.UNREADABLE, "kekulize"),
        ("C\0C", Reason.UNREADABLE, "null character"),
        ("not a molecule", Reason.UNREADABLE, "SMILES"),
    ],
)
def test_a_bad_structure_is_a_fault_that_says_why(text: str, reason: Reason, words: str) -> None:
    found = fault(text)
    assert found.reason == reason
    assert re.search(words, found.detail), found.detail
    assert found.detail.endswith(".")
    assert "\n" not in found.detail


def test_a_rejection_keeps_its_record() -> None:
    entry = Entry(7, "nonsense", "smiles", "x", {"a": "b"})
    outcome = standardize(entry)
    assert isinstance(outcome, Rejection)
    assert outcome.entry is entry


def test_a_million_atoms_are_refused_before_rdkit_sees_them() -> None:
    found = fault("C" * 1_000_000)
    assert found.reason == Reason.TOO_LARGE
    assert "1,000,000 heavy atoms" in found.detail


def test_a_million_atoms_hidden_in_an_inchi_formula_are_refused() -> None:
    assert fault("InChI=1S/C1000000H2000002").reason == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[" * 1_900_000, "smiles"),
        ("[1" * 900_000, "smiles"),
        ("InChI=1S/C" + "9" * 10_000, "smiles"),
        ("InChI=1S/" + "." * 1_900_000, "smiles"),
        ("\n\n\n" + "1" * 1_900_000, "molblock"),
        ("\n\n\nM  V30 COUNTS " + "9" * 10_000, "molblock"),
    ],
)
@pytest.mark.slow
def test_atoms_of_nonsense_are_counted_quickly(text: str, kind: Kind) -> None:
    assert heavy_atoms_written(text, kind) >= 0


def test_a_molblock_without_end_is_called_cut_off() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")).replace("M  END", "")
    outcome = clean(block, "molblock")
    assert isinstance(outcome, Fault)
    assert "cut off" in outcome.detail


@pytest.mark.parametrize(
    "smiles", ["CCO", "c1ccncc1Br", "[2H]C", "[H][H]", "[Cl-].[Na+]", "C[C@@H](O)Cl", "[nH]1cccc1", "[CH3:1]O"]
)
def test_heavy_atoms_are_counted_from_the_text(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    heavy = mol.GetNumHeavyAtoms()
    assert heavy_atoms_written(smiles, "smiles") == heavy
    assert heavy_atoms_written(Chem.MolToMolBlock(Chem.AddHs(mol)), "molblock") == heavy
    assert heavy_atoms_written(Chem.MolToMolBlock(Chem.AddHs(mol), forceV3000=True), "molblock") == heavy


# The shortcut and the key


PIECES = (
    "C", "N", "O", "S", "P", "c1ccccc1", "=", "#", "(", ")", "F", "[O-]", "[N+]", "[S+]", "[P+]", "[Na]", "[Se]", "B",
    "N=N#N", "S(=O)",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_the_shortcut_is_taken_only_where_cleanup_changes_nothing(parts: list[str]) -> None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles("C" + "".join(parts))
        if mol is not None and leaves_alone(mol):
            assert Chem.MolToSmiles(rdMolStandardize.Cleanup(mol)) == Chem.MolToSmiles(mol)


@pytest.mark.parametrize(
    "smiles",
    # One structure for each rule of RDKit's normaliser, and for its other steps.
    [
        "CN(=O)=O", "CP(=O)=O", "C[S+2]([O-])([O-])C", "O=n1ccccc1", "CN=N#N", "C=N#N", "CS(C)=O", "[O-][P+](C)(C)[O-]",
        "C[C+](N)N", "C[P+](C)(N)N", "[O-]C=[N+](C)C", "[NH-]C=C[CH+]C", "C[N-][C+](C)C", "[F-]=O", "CO[Na]", "[Na]",
        "[Cl-].[Na+]", "[H]C", "[H+]", "CC(=O)[O-].OS(=O)(=O)O",
    ],
)  # fmt: skip
def test_no_rule_of_the_cleanup_can_act_on_what_the_shortcut_leaves_alone(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    mol.UpdatePropertyCache(strict=False)
    assert not leaves_alone(mol)


@pytest.mark.parametrize(
    "smiles",
    # Mesomers between which RDKit's copying and in-place normalisers decide differently.
    [
        "CN/C(=[N+](/CCC[C@@H](C(=O)[O-])[NH3+])\\O)/N",
        "C[C@H]1[C@H](C[C@@H]2C[C@@H](NC3=[N+]2[C@@H]1CN3)[C@H](C4=CC(=O)NC(=O)N4)O)OS(=O)(=O)[O-]",
    ],
)
def test_the_default_equals_rdkits_cleanup_among_mesomers(smiles: str) -> None:
    assert key(smiles) == Chem.MolToSmiles(rdMolStandardize.Cleanup(Chem.MolFromSmiles(smiles)))


@pytest.mark.slow
def test_the_default_equals_rdkits_cleanup_on_real_molecules(shared: Path) -> None:
    for smiles in rows(shared / "data" / "chebi20_pool.tsv", "smiles", every=83, count=390):
        with rdBase.BlockLogs():
            assert key(smiles) == Chem.MolToSmiles(rdMolStandardize.Cleanup(Chem.MolFromSmiles(smiles)))


@pytest.mark.slow
def test_cleanup_keeps_the_pool_apart(shared: Path) -> None:
    smiles = rows(shared / "data" / "chebi20_pool.tsv", "smiles", every=22, count=1500)
    assert len(smiles) == 1500
    assert len({key(text) for text in smiles}) == len({Chem.CanonSmiles(text) for text in smiles}) == 1500


@pytest.mark.slow
def test_a_key_is_its_own_key(shared: Path) -> None:
    for smiles in rows(shared / "data" / "chebi20_pool.tsv", "smiles", every=83, count=390):
        assert key(key(smiles)) == key(smiles)


def test_a_letter_that_rdkit_cuts_in_two_is_no_fault() -> None:
    assert "syntax error" in fault("ää((" + "ä" * 100).detail


THREADS = """
import sys, threading, time
from molsearch.chem.standardize import clean
sys.setswitchinterval(1e-6)
end = time.monotonic() + 3
def work():
    while time.monotonic() < end:
        assert "unclosed ring" in clean("C1CC", "smiles").detail
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@pytest.mark.slow
def test_threads_may_refuse_structures_at_once() -> None:
    """RDKit's log, which tells why, must not be left to memory that was freed: the process would end in a crash."""
    filled = {**os.environ, "MALLOC_PERTURB_": "165", "PYTHONMALLOC": "malloc"}  # so that freed memory cannot be used
    run = subprocess.run([sys.executable, "-c", THREADS], env=filled, cwd=PROJECT, capture_output=True, timeout=100)
    assert run.returncode == 0, run.stderr.decode()[-500:]
