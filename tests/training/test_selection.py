"""Parts of a training file: the right rows, whole molecules, and files that read as they were."""

from dataclasses import replace
from pathlib import Path

import pytest

from molsearch.chem.io.pairs import PairRow, PairTable, read_pairs
from molsearch.errors import InputError
from molsearch.training.selection import COLUMNS, draw, molecule_ids, where, write_rows

ROWS = (
    PairRow('a "quoted" gas', "C", inchikey="A", pcdes_split="train", row=1),
    PairRow("a gas again", "C", inchikey="A", pcdes_split="none", row=2),
    PairRow("F/C=C\\F it is", "F/C=C\\F", inchikey="B", source="x", pcdes_split="train", row=3),
)
TABLE = PairTable("t.tsv", COLUMNS, ROWS)


def test_rows_are_chosen_by_a_column() -> None:
    assert where(TABLE, "pcdes_split=train") == (ROWS[0], ROWS[2])
    assert where(TABLE, " source = x ") == (ROWS[2],)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("pcdes_split", "expected COLUMN=VALUE"),
        ("row=1", "expected COLUMN=VALUE"),
        ("colour=red", "pcdes_split"),
        ("pcdes_split=test", "choose one of none, train"),
    ],
)
def test_a_condition_that_chooses_nothing_says_what_would(condition: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        where(TABLE, condition)


def test_a_column_that_the_file_lacks_is_no_condition() -> None:
    with pytest.raises(InputError, match="with one of text, smiles"):
        where(PairTable("t.tsv", ("smiles", "text"), ROWS), "pcdes_split=")


def test_a_draw_keeps_all_captions_of_a_molecule() -> None:
    rows = tuple(PairRow(f"{n} {copy}", "C" * (n + 1)) for n in range(40) for copy in "ab")
    kept = draw(rows, 0.25, seed=3)
    assert len({row.smiles for row in kept}) == 10 and len(kept) == 20
    assert kept == draw(rows, 0.25, seed=3) != draw(rows, 0.25, seed=4)
    assert set(kept) < set(draw(rows, 0.5, seed=3)) < set(draw(rows, 1, seed=3)) == set(rows)


def test_one_molecule_is_the_least(tmp_path: Path) -> None:
    assert len(draw(ROWS[:2], 0.01)) == 2
    with pytest.raises(ValueError, match="above 0"):
        draw(ROWS, 0)


def test_what_is_written_reads_as_it_was(tmp_path: Path) -> None:
    table = read_pairs(write_rows(ROWS, tmp_path / "new" / "t.tsv"))
    assert table.rows == ROWS


def test_a_tab_in_a_text_does_not_become_a_column(tmp_path: Path) -> None:
    broken = replace(ROWS[0], text="one\ttwo\nthree")
    assert read_pairs(write_rows([broken], tmp_path / "t.tsv")).rows[0].text == "one two three"


# --- telling molecules apart ---------------------------------------------------------------------------------------


def test_molecules_are_told_apart_by_inchikey_when_all_have_one() -> None:
    rows = [
        PairRow("a", "OCC", inchikey="LFQ"),
        PairRow("b", "CCO", inchikey="LFQ"),
        PairRow("c", "CC", inchikey="OTM"),
    ]
    assert molecule_ids(rows).tolist() == [0, 0, 1]
    assert molecule_ids([*rows, PairRow("d", "CC")]).tolist() == [0, 1, 2, 2]


def test_the_shared_training_file_holds_fewer_molecules_than_captions(shared: Path) -> None:
    train = read_pairs(shared / "data" / "train_pairs.tsv")
    assert (len(train.rows), len(set(molecule_ids(train.rows)))) == (24083, 20057)
