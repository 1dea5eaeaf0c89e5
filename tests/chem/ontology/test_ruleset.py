"""All class rules at once give what one rule at a time gives; a trained model depends on it."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.io.formats import read_entries
from molsearch.chem.ontology.classes import CLASSES, class_vector
from molsearch.chem.ontology.patterns import Pattern
from molsearch.chem.ontology.patterns import parse as parse_pattern
from molsearch.chem.ontology.ruleset import RuleSet
from molsearch.chem.ontology.screen import Screen
from molsearch.chem.structures import parse, readable
from molsearch.records import Entry

SAMPLE = 300
PATTERNS = {chemical.name: (parse_pattern(chemical.pattern), chemical.parent) for chemical in CLASSES}


def one_by_one(mol: Chem.Mol) -> tuple[int, ...]:
    """Decide every class by its own patterns, with neither screen nor shared answers."""
    known = {"": True}
    numbers: dict[str, int] = {}

    def holds(name: str) -> bool:
        if name not in known:
            pattern, parent = PATTERNS[name]
            known[name] = holds(parent) and pattern.holds(mol, numbers)
        return known[name]

    return tuple(sorted(chemical.row for chemical in CLASSES if holds(chemical.name)))


def sample(smiles: list[str]) -> list[str]:
    chosen = random.Random(0).sample(smiles, min(SAMPLE, len(smiles)))
    return [text for text in chosen if readable(text)]


def pool(shared: Path) -> list[str]:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        return sample([row["smiles"] for row in csv.DictReader(stream, delimiter="\t")])


def libraries(shared: Path) -> Iterator[list[str]]:
    for path in sorted((shared / "libraries").iterdir()):
        if path.suffix == ".md":
            continue
        entries = [entry for entry in read_entries(path, path.name) if isinstance(entry, Entry)]
        if entries and entries[0].kind == "smiles":
            yield sample([entry.text for entry in entries])
        else:
            chosen = random.Random(0).sample(entries, min(SAMPLE, len(entries)))
            mols = [Chem.MolFromMolBlock(entry.text) for entry in chosen]
            yield [Chem.MolToSmiles(mol) for mol in mols if mol is not None]


def differing(smiles: list[str]) -> list[str]:
    return [text for text in smiles if class_vector(parse(text)) != one_by_one(parse(text))]


@pytest.mark.slow
def test_the_examples_of_the_table() -> None:
    assert differing([chemical.example for chemical in CLASSES]) == []


@pytest.mark.slow
def test_the_counterexamples_of_the_table() -> None:
    assert differing([chemical.counterexample for chemical in CLASSES]) == []


@pytest.mark.slow
def test_molecules_of_the_pool(shared: Path) -> None:
    assert differing(pool(shared)) == []


@pytest.mark.slow
def test_molecules_of_every_library(shared: Path) -> None:
    every = list(libraries(shared))
    assert len(every) >= 3
    assert [differing(smiles) for smiles in every] == [[]] * len(every)


# Cages, bridges, crowded rings, atoms of hydrogen, ions, complexes, single atoms: where a screen of rings may go wrong.
@pytest.mark.parametrize(
    "smiles",
    [
        "C1C2CC3CC1CC(C2)C3",
        "C12C3C4C1C5C2C3C45",
        "C1CC2CCC1C2",
        "C1CC2CCC1CC2",
        "C1=CC2=CC=C3C=CC4=CC=C5C=CC1=C1C2=C3C4=C51",
        "C12C3C1C23",
        "C1CC11CC1",
        "C1CC2CC12",
        "C1CCC2(CC1)CCCC2",
        "[2H]C([2H])([2H])O",
        "[H][H]",
        "[H+]",
        "[Na+].[Cl-]",
        "C",
        "*CC*",
        "Cl[Pt]Cl",
        "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
        "B1234B567B189B2%10%11B3%12%13B45%14B68%15B79%10B%11%12%16B%13%14%15B%16",
        "C1CCCCCCCCCCC1",
        "c1ccc2c(c1)ccc1c2ccc2ccccc21",
        "N[C@@H](C)C(=O)N[C@@H](CO)C(=O)O",
    ],
)
def test_odd_molecules(smiles: str) -> None:
    if readable(smiles):
        assert class_vector(parse(smiles)) == one_by_one(parse(smiles))


QUERIES = ("c1ccccc1", "c1ccc2ccccc2c1", "C1CCCCC1", "C1CC2CCC1C2", "C1CCCC1", "CC(C)C", "[OH]", "C=O", "C1CC1")


@pytest.mark.parametrize(
    "smiles", ["C1CC2CCC1C2", "c1ccc2ccccc2c1", "C1C2CC3CC1CC(C2)C3", "CC(C)(C)O", "C12C3C4C1C5C2C3C45"]
)
def test_a_screen_loses_no_match_and_claims_none(smiles: str) -> None:
    mol = parse(smiles)
    queries = [Chem.MolFromSmarts(smarts) for smarts in QUERIES]
    possible, certain = (answers[:, 0] for answers in Screen(queries).sift(MolBatch.of([mol])))
    matched = [mol.HasSubstructMatch(query) for query in queries]
    assert all(may for may, does in zip(possible, matched, strict=True) if does)
    assert all(does for is_sure, does in zip(certain, matched, strict=True) if is_sure)


def test_a_screen_rules_out_by_ring_pattern_and_path() -> None:
    mol = parse("c1ccncc1CCO")
    queries = [Chem.MolFromSmarts(smarts) for smarts in ("c1ccccc1", "c1ccc2ccccc2c1", "[#6][NH2]", "OCO", "CCO")]
    possible, certain = (answers[:, 0] for answers in Screen(queries).sift(MolBatch.of([mol])))
    assert possible.tolist() == [False, False, False, False, True]
    assert certain.tolist() == [False, False, False, False, True]


def test_a_rule_never_holds_without_its_parent() -> None:
    rules: list[tuple[Pattern, int]] = [(parse_pattern("[#7]"), -1), (parse_pattern("[#8]"), 0)]
    members, _ = RuleSet(rules).members(MolBatch.of([parse("CCO"), parse("NCCO")]))
    assert members.tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("first", ["[2H]C(C)(C)O", "[2H]C([2H])(C)O"])
def test_a_molecule_that_writes_its_hydrogens_teaches_a_screen_nothing_of_others(first: str) -> None:
    screen = Screen([Chem.MolFromSmarts(smarts) for smarts in ("[CX4;H0](C)(C)(C)[OX2H1]", "[CX4;H2][OX2H1]")])
    possible, certain = screen.sift(MolBatch.of([Chem.MolFromSmiles(first), Chem.MolFromSmiles("CCO")]))
    assert possible.tolist() == [[True, False], [True, True]] and not certain[:, 0].any()
    possible, _ = screen.sift(MolBatch.of([Chem.MolFromSmiles("CC(C)(C)O")]))
    assert possible.tolist() == [[True], [False]]
