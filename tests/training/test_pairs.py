"""Reading pair files, telling pairs apart, and the order of batches."""

from pathlib import Path

import numpy as np
import pytest

from molsearch.errors import InputError
from molsearch.training.pairs import (
    PairRow,
    batches,
    molecule_ids,
    read_pairs,
    read_pool,
    same_pairs,
    single_backslashes,
    text_ids,
)


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def to_file(content: str | bytes, name: str = "pairs.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def test_a_tab_separated_file_has_no_quoting(write) -> None:  # type: ignore[no-untyped-def]
    table = read_pairs(write('smiles\ttext\nCCO\tcalled "spirit, pure\nCC\tethane"\n'))
    assert [row.text for row in table.rows] == ['called "spirit, pure', 'ethane"']


def test_a_comma_separated_file_has(write) -> None:  # type: ignore[no-untyped-def]
    table = read_pairs(write('SMILES,Text\nCCO,"spirit, ""pure"""\n', "pairs.csv"))
    assert table.rows[0].text == 'spirit, "pure"' and table.rows[0].smiles == "CCO"


def test_the_file_s_other_columns_are_kept(write) -> None:  # type: ignore[no-untyped-def]
    head = "inchikey\tsmiles\ttext\tsource\tchebi20_split\tpcdes_split\tcid\tkey\n"
    row = read_pairs(write(head + "LFQ\tOCC\tan alcohol\tchebi\ttrain\tnone\t702\tCCO\n")).rows[0]
    assert row == PairRow("an alcohol", "OCC", "702", 1, "CCO", "LFQ", "chebi", "train", "none")


def test_another_text_column_can_be_chosen(write) -> None:  # type: ignore[no-untyped-def]
    path = write("smiles\ttext\ttext_named\nCCO\tThe molecule is\tEthanol is\nCC\tThe molecule is\t\n")
    table = read_pairs(path, "text_named")
    assert [(row.text, row.empty) for row in table.rows] == [("Ethanol is", False), ("", True)]


def test_a_text_of_spaces_is_empty(write) -> None:  # type: ignore[no-untyped-def]
    assert [row.empty for row in read_pairs(write("smiles\ttext\nC\t  \nC\nC\ta gas\n")).rows] == [True, True, False]


def test_a_pool_needs_no_text_and_keeps_its_duplicates(write) -> None:  # type: ignore[no-untyped-def]
    table = read_pool(write("cid\tsmiles\tsplit\n1\tC\ttest\n2\tCC\tval\n2\tCC\tval\n"))
    assert [(row.cid, row.smiles, row.row) for row in table.rows] == [("1", "C", 1), ("2", "CC", 2), ("2", "CC", 3)]


@pytest.mark.parametrize(("written", "meant"), [(r"F/C=C\\F", r"F/C=C\F"), (r"F/C=C\F", r"F/C=C\F"), ("CCO", "CCO")])
def test_doubled_backslashes_become_one(write, written: str, meant: str) -> None:  # type: ignore[no-untyped-def]
    assert single_backslashes(written) == meant
    assert read_pool(write(f"smiles\n{written}\n")).rows[0].smiles == meant


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text(write) -> None:  # type: ignore[no-untyped-def]
    row = read_pairs(write(b"\xef\xbb\xbfsmiles\ttext\r\nCCO\talcohol\r\n\r\n")).rows
    assert [(r.smiles, r.text) for r in row] == [("CCO", "alcohol")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "header"),
        (b"smiles\ttext\n", "no record"),
        (b"structure\ttext\nCCO\tx\n", "no column 'smiles', only structure, text"),
        (b"smiles\tcaption\nCCO\tx\n", "no column 'text'"),
        (b"smiles\ttext\nCCO\tx\ty\n", "Row 1 .* 3 fields"),
        (b"smiles\ttext\nCCO\tx\n\tlost\n", "Row 2 .* no SMILES"),
        (b"smiles\ttext\nCCO\t\xff\xfe\n", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
        (b"smiles\ttext\nCCO\t" + b"x" * 200_000 + b"\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_of_pairs_says_why(write, content: bytes, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=told):
        read_pairs(write(content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        read_pairs(tmp_path / "absent.tsv")


def test_the_shared_files_read_whole(shared: Path) -> None:
    val = read_pairs(shared / "data" / "chebi20_val.tsv", "text_named")
    pool = read_pool(shared / "data" / "chebi20_pool.tsv")
    assert (len(val.rows), sum(row.empty for row in val.rows), len(pool.rows)) == (3301, 16, 33010)
    assert not any("\\\\" in row.smiles for row in pool.rows)
    train = read_pairs(shared / "data" / "train_pairs.tsv")
    assert (len(train.rows), len(set(molecule_ids(train.rows)))) == (24083, 20057)


# --- telling pairs apart -------------------------------------------------------------------------------------------


def test_molecules_are_told_apart_by_inchikey_when_all_have_one() -> None:
    rows = [
        PairRow("a", "OCC", inchikey="LFQ"),
        PairRow("b", "CCO", inchikey="LFQ"),
        PairRow("c", "CC", inchikey="OTM"),
    ]
    assert molecule_ids(rows).tolist() == [0, 0, 1]
    assert molecule_ids([*rows, PairRow("d", "CC")]).tolist() == [0, 1, 2, 2]


def test_same_pairs_marks_shared_molecules_and_shared_captions() -> None:
    rows = [PairRow("a gas", "C"), PairRow("methane", "C"), PairRow("a gas", "CC"), PairRow("an alcohol", "CO")]
    marked = same_pairs(molecule_ids(rows), text_ids(rows))
    expected = np.eye(4, dtype=bool)
    for i, j in ((0, 1), (0, 2)):
        expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(marked, expected)


# --- batches -------------------------------------------------------------------------------------------------------

LENGTHS = np.random.default_rng(0).integers(1, 500, size=1003).tolist()


def test_every_row_comes_once_when_nothing_is_dropped() -> None:
    assert sorted(np.concatenate(batches(LENGTHS, 32, 1, drop_last=False)).tolist()) == list(range(1003))


def test_dropping_keeps_full_batches_of_distinct_rows() -> None:
    cut = batches(LENGTHS, 32, 1)
    assert [len(b) for b in cut] == [32] * (1003 // 32)
    assert len(set(np.concatenate(cut).tolist())) == 32 * (1003 // 32)


def test_rows_dropped_differ_between_epochs() -> None:
    left_out = [set(range(1003)) - set(np.concatenate(batches(LENGTHS, 32, 1, epoch)).tolist()) for epoch in range(4)]
    assert len(set.union(*left_out)) > len(left_out[0])


def test_seed_and_epoch_decide_the_order() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(batches(LENGTHS, 32, seed, epoch)).tolist()  # type: ignore[no-any-return]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3) and order(1, 2) != order(2, 2)


def test_bucketing_saves_padding() -> None:
    def padded(bucket: int) -> int:
        return sum(len(b) * max(LENGTHS[i] for i in b) for b in batches(LENGTHS, 32, 1, bucket=bucket))

    assert padded(16) < 0.75 * padded(1)


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="size 0"):
        batches(LENGTHS, 0, 1)
