"""Molecules made of building blocks: different, drug-sized, readable, the same for the same seed."""

from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.bench.enumeration import HEAVY_ATOMS, REACTIONS, ROUTES, TABLE, enumerated, write_enumerated
from molsearch.chem.io.library import read_library
from molsearch.chem.standardize import Cleaned, clean
from molsearch.errors import InputError


def blocks() -> list[tuple[str, str]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    return [(kind, smiles) for kind, smiles in (line.split("\t") for line in lines)]


def test_every_building_block_is_canonical_and_stands_once_in_its_kind() -> None:
    assert len(set(blocks())) == len(blocks()) > 300
    assert all(Chem.MolToSmiles(Chem.MolFromSmiles(smiles)) == smiles for _, smiles in blocks())


def test_routes_name_kinds_reactions_and_parts_that_exist() -> None:
    kinds = {kind for kind, _ in blocks()}
    for route in ROUTES:
        assert set(route.blocks) <= kinds
        for step, (reaction, *parts) in enumerate(route.steps):
            assert reaction in REACTIONS
            assert max(parts) < len(route.blocks) + step


def test_products_are_different_drug_sized_and_unchanged_by_the_clean_up() -> None:
    found = list(enumerated(300))
    assert len(set(found)) == 300
    sizes = [Chem.MolFromSmiles(smiles).GetNumHeavyAtoms() for smiles in found]
    assert HEAVY_ATOMS[0] <= min(sizes) <= max(sizes) <= HEAVY_ATOMS[1]
    assert [clean(smiles, "smiles") for smiles in found] == [Cleaned(smiles, ()) for smiles in found]


def test_a_seed_gives_the_same_molecules_again_and_a_longer_list_begins_with_them() -> None:
    assert list(enumerated(20, seed=4)) == list(enumerated(40, seed=4))[:20]
    assert list(enumerated(20, seed=4)) != list(enumerated(20, seed=5))


def test_a_file_of_them_is_read_without_loss(tmp_path: Path) -> None:
    write_enumerated(tmp_path / "many.smi", 50)
    with read_library(tmp_path / "many.smi") as library:
        assert (library.molecule_count, library.rejection_count) == (50, 0)
        assert next(library.molecules()).name == "enumerated-1"


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_below_one_is_refused(count: int) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        next(enumerated(count))
