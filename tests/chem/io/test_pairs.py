"""A table of texts and structures: columns found, every row accounted for, limits held."""

from collections.abc import Callable
from io import BytesIO

import pytest

from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.pairs import PairColumns, PairFile, PairLimits, pair_columns, read_pairs
from molsearch.errors import Cancelled, InputError

PLAIN = ReadOptions(timeout_s=0)  # no guarding process, for speed
TABLE = "smiles\ttext\nCCO\tan alcohol\nOC(C)=O\tan acid\nC1CC\tbroken\nCC\t\n\tno structure\n"


def read(table: str, limits: PairLimits | None = None, text: str = "text", structure: str = "smiles") -> PairFile:
    return read_pairs(BytesIO(table.encode()), "pairs.tsv", text, structure, options=PLAIN, limits=limits)


def accounted(found: PairFile) -> int:
    return len(found.pairs) + found.incomplete + found.oversized + found.beyond + len(found.unreadable)


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
    found = pair_columns(BytesIO(f"{header}\n1,2\n".encode()), "pairs.csv")
    assert (found.text, found.structure) == (text, structure)


def test_every_column_is_offered_once() -> None:
    assert pair_columns(BytesIO(b"a,a,\n1,2,3\n"), "x.csv") == PairColumns(("a", "a (2)", "column 3"), "", "")


def test_every_row_is_a_pair_or_accounted_for() -> None:
    found = read(TABLE)
    assert [(pair.text, pair.smiles, pair.cid) for pair in found.pairs] == [
        ("an alcohol", "CCO", "1"),
        ("an acid", "CC(=O)O", "2"),
    ]
    assert (found.rows, found.incomplete, len(found.unreadable)) == (5, 2, 1) and accounted(found) == 5
    assert found.unreadable[0].entry.row == 3
    assert found.left_out == ("2 rows without a text or without a structure", "1 rows whose structure cannot be used")


def test_a_quoted_text_may_hold_commas_and_line_breaks() -> None:
    found = read('text,smiles\n"one, two\nthree",CCO\n"plain",CC\n')
    assert [pair.text for pair in found.pairs] == ["one, two\nthree", "plain"]


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
    found = read(f"smiles,text\nC,one\nCC,two\nCCC,{'x' * 50}\n", PairLimits(chars=20))
    assert found.oversized == 1 and "more than 20 characters" in found.left_out[0]


def test_other_columns_can_be_chosen() -> None:
    found = read("smiles,parent,text,note\nC,CC,a,b\nC,CCC,c,d\n", text="note", structure="parent")
    assert [(pair.text, pair.smiles) for pair in found.pairs] == [("b", "CC"), ("d", "CCC")]


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
        read_pairs(BytesIO(content), "pairs.csv", "text", "smiles", options=PLAIN)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no text column 'words'"):
        read(TABLE, text="words")


def test_reading_can_be_stopped() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    progress: Callable[[int, int], None] = stop
    with pytest.raises(Cancelled):
        read_pairs(BytesIO(TABLE.encode()), "pairs.tsv", "text", "smiles", options=PLAIN, progress=progress)
