"""Synthetic names: pieces by hand, structures by OPSIN, and nothing of what was excluded."""

import random
from pathlib import Path

import pytest

from molsearch.chem.io.pairs import PairRow
from molsearch.chem.relatedness import inchikey
from molsearch.query.names import Mention
from molsearch.query.opsin import available
from molsearch.training.features import SYNTHETIC_NAME, Caption, build, load
from molsearch.training.prepare import prepare
from molsearch.training.selection import write_rows
from molsearch.training.synthetic_names import Pieces, compose, inchikeys, make_names, pieces_of

CAPTIONS = (
    "The molecule is a benzoic acid carrying a 3-methoxy group, derived from (2R)-2-hydroxybutanoic acid.",
    "The molecule is 4-chlorophenol, obtained from 2,4-dimethylquinoline and cyclohexane.",
    "The molecule is a pyridine with an ethyl group; it derives from hexanoic acid and naphthalene.",
)
ROWS = [PairRow(text, "C") for text in CAPTIONS]


def test_a_name_is_cut_at_its_locants_and_stereodescriptors() -> None:
    name = "(2R)-2-hydroxybutanoic acid"
    pieces = pieces_of(
        [Mention(name, 0, len(name), "CC[C@@H](O)C(=O)O", "other"), Mention("ethyl", 0, 5, "*CC", "part")]
    )
    assert pieces.stereo == ("(2R)",)
    assert pieces.locants == ("2",)
    assert pieces.parents == ("hydroxybutanoic acid",)
    assert set(pieces.radicals) == {"hydroxy", "ethyl"}


def test_a_name_has_as_many_multipliers_as_locants() -> None:
    pieces = Pieces(parents=("quinoline",), radicals=("methyl",), locants=("2,4",), stereo=())
    names = {compose(pieces, random.Random(seed)) for seed in range(40)}
    assert {"quinoline", "2,4-dimethylquinoline"} <= names


@pytest.mark.skipif(bool(available()), reason=available())
def test_names_are_read_by_opsin_and_none_comes_twice() -> None:
    pairs = make_names(ROWS, 60, frozenset(), seed=3)
    assert len(pairs) >= 30
    assert len({row.inchikey for row in pairs}) == len({row.text for row in pairs}) == len(pairs)
    for row in pairs:
        assert row.source == SYNTHETIC_NAME
        assert inchikey(row.smiles) == row.inchikey
    assert make_names(ROWS, 60, frozenset(), seed=3) == pairs


@pytest.mark.skipif(bool(available()), reason=available())
def test_no_name_is_made_of_an_excluded_molecule() -> None:
    first = make_names(ROWS, 40, frozenset(), seed=3)
    excluded = inchikeys(
        [PairRow("", first[0].smiles), PairRow("", first[1].smiles, inchikey=first[1].inchikey), PairRow("", "X")]
    )
    assert excluded == {first[0].inchikey, first[1].inchikey}
    again = make_names(ROWS, 40, excluded, seed=3)
    assert excluded.isdisjoint({row.inchikey for row in again})


@pytest.mark.skipif(bool(available()), reason=available())
def test_a_synthetic_name_is_learned_without_its_own_structure() -> None:
    name, caption = (Caption("2-chlorophenol", "Oc1ccccc1Cl", source) for source in (SYNTHETIC_NAME, "a caption"))
    features = build([caption], [], [], synthetic_names=[name], processes=1)
    (learned,), (read,) = features.synthetic_names, features.train
    assert (len(learned.structures), len(read.structures)) == (0, 1)
    assert learned.molecule == read.molecule


@pytest.mark.skipif(bool(available()), reason=available())
def test_names_in_a_pair_file_stand_apart_from_the_captions(tmp_path: Path) -> None:
    held = make_names(ROWS, 3, frozenset(), seed=4)
    molecules = zip(CAPTIONS, ("CCO", "CCN", "CCC"), strict=True)
    written = [PairRow(text, smiles, inchikey=inchikey(smiles)) for text, smiles in molecules]
    write_rows([*written, *held], pairs := tmp_path / "pairs.tsv")
    write_rows(written[:1], val := tmp_path / "val.tsv")
    features = prepare(pairs, val, val, tmp_path / "features")
    assert [example.text for example in features.synthetic_names] == [row.text for row in held]
    assert [example.text for example in features.train] == list(CAPTIONS[1:])
    assert {example.molecule for example in features.synthetic_captions} <= {
        example.molecule for example in features.train
    }
    assert load(tmp_path / "features").synthetic_names == features.synthetic_names
