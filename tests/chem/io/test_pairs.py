"""Tables of texts and structures: a person's, every row accounted for, and those of training, whole or refused."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.pairs import (
    PairColumns,
    PairFile,
    PairLimits,
    PairRow,
    pair_columns,
    read_pair_file,
    read_pairs,
    read_pool,
    single_backslashes,
)
from molsearch.errors import Cancelled, InputError

PLAIN = ReadOptions(timeout_s=0)  # no other process, for speed
TABLE = "smiles\ttext\nCCO\tan alcohol\nOC(C)=O\tan acid\nC1CC\tbroken\nCC\t\n\tno structure\n"


def read(table: str, limits: PairLimits | None = None, text: str = "text", structure: str = "smiles") -> PairFile:
    return read_pair_file(BytesIO(table.encode()), "pairs.tsv", text, structure, options=PLAIN, limits=limits)


def accounted(pair_file: PairFile) -> int:
    return (
        len(pair_file.pairs) + pair_file.incomplete + pair_file.oversized + pair_file.beyond + len(pair_file.unreadable)
    )


@pytest.mark.parametrize(
    ("header", "text", "structure"),
    [
        ("id,smiles,text", "text", "smiles"),
        ("Description;Canonical_SMILES", "Description", "Canonical_SMILES"),
        ("cid\tinchikey\tsmiles\ttext\ttext_named", "text", "smiles"),
        ("a,b", "", ""),
    ],
)
def test_the_columns_are_found_by_their_names(header: str, text: str, structure: str) -> None:
    columns = pair_columns(BytesIO(f"{header}\n1,2\n".encode()), "pairs.csv")
    assert (columns.text, columns.structure) == (text, structure)


def test_every_column_is_offered_once() -> None:
    assert pair_columns(BytesIO(b"a,a,\n1,2,3\n"), "x.csv") == PairColumns(("a", "a (2)", "column 3"), "", "")


def test_every_row_is_a_pair_or_accounted_for() -> None:
    pair_file = read(TABLE)
    assert [(pair.text, pair.smiles, pair.cid) for pair in pair_file.pairs] == [
        ("an alcohol", "CCO", "1"),
        ("an acid", "CC(=O)O", "2"),
    ]
    assert (pair_file.rows, pair_file.incomplete, len(pair_file.unreadable)) == (5, 2, 1) and accounted(pair_file) == 5
    assert pair_file.unreadable[0].entry.row == 3
    assert pair_file.left_out == (
        "2 rows without a text or without a structure",
        "1 rows whose structure cannot be used",
    )


def test_a_quoted_text_may_hold_commas_and_line_breaks() -> None:
    pair_file = read('text,smiles\n"one, two\nthree",CCO\n"plain",CC\n')
    assert [pair.text for pair in pair_file.pairs] == ["one, two\nthree", "plain"]


def test_more_rows_than_the_limit_are_drawn_alike_each_time() -> None:
    table = "smiles,text\n" + "".join(f"{'C' * n},chain of {n}\n" for n in range(1, 41))
    first, again = (read(table, PairLimits(pairs=10)) for _ in range(2))
    other = read(table, PairLimits(pairs=10, seed=1))
    assert first == again and first.pairs != other.pairs
    assert len(first.pairs) == 10 and first.beyond == 30 and accounted(first) == 40
    assert [int(pair.cid) for pair in first.pairs] == sorted(int(pair.cid) for pair in first.pairs)
    assert "30 rows beyond the limit of 10" in first.left_out[0]


def test_each_row_is_as_likely_to_be_drawn_as_any_other() -> None:
    table = "smiles,text\n" + "".join(f"C,{n}\n" for n in range(20))
    drawn = [int(pair.text) for seed in range(200) for pair in read(table, PairLimits(pairs=5, seed=seed)).pairs]
    counts = [drawn.count(n) for n in range(20)]  # 50 expected of each, with a standard deviation of about 6
    assert min(counts) > 25 and max(counts) < 75


def test_a_text_too_long_is_left_out_and_said() -> None:
    pair_file = read(f"smiles,text\nC,one\nCC,two\nCCC,{'x' * 50}\n", PairLimits(chars=20))
    assert pair_file.oversized == 1 and "more than 20 characters" in pair_file.left_out[0]


def test_other_columns_can_be_chosen() -> None:
    pair_file = read("smiles,parent,text,note\nC,CC,a,b\nC,CCC,c,d\n", text="note", structure="parent")
    assert [(pair.text, pair.smiles) for pair in pair_file.pairs] == [("b", "CC"), ("d", "CCC")]


def test_control_characters_are_made_visible() -> None:
    assert read("smiles,text\nC,a\x00b\nCC,c\n").pairs[0].text == "a\ufffdb"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"smiles\nC\nCC\n", "1 column"),
        (b"smiles,text\nC,one\n", "gives 1 pairs"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "."),
    ],
)
def test_what_is_no_table_of_pairs_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pair_file(BytesIO(content), "pairs.csv", "text", "smiles", options=PLAIN)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no text column 'words'"):
        read(TABLE, text="words")


def test_reading_can_be_stopped() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    progress: Callable[[int, int], None] = stop
    with pytest.raises(Cancelled):
        read_pair_file(BytesIO(TABLE.encode()), "pairs.tsv", "text", "smiles", options=PLAIN, progress=progress)


# --- a table to train or measure with ------------------------------------------------------------------------------


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
    ("content", "message"),
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
def test_a_file_that_is_no_table_of_pairs_says_why(write, content: bytes, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        read_pairs(write(content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        read_pairs(tmp_path / "absent.tsv")


def test_the_shared_files_read_whole(shared: Path) -> None:
    val = read_pairs(shared / "data" / "chebi20_val.tsv", "text_named")
    pool = read_pool(shared / "data" / "chebi20_pool.tsv")
    assert (len(val.rows), sum(row.empty for row in val.rows), len(pool.rows)) == (3301, 16, 33010)
    assert not any("\\\\" in row.smiles for row in pool.rows)
    assert len(read_pairs(shared / "data" / "train_pairs.tsv").rows) == 24083
