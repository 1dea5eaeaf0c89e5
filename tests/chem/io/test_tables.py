"""SMILES files, CSV and TSV as people really write them."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.chem.io.delimited import sniff, split
from molsearch.chem.io.formats import read_entries
from molsearch.chem.io.options import ReadOptions
from molsearch.errors import InputError
from molsearch.records import Entry, Reason, Rejection


def read(text: str, filename: str, options: ReadOptions | None = None) -> list[Entry]:
    found = list(read_entries(io.BytesIO(text.encode()), filename, options))
    assert all(isinstance(record, Entry) for record in found), found
    return [record for record in found if isinstance(record, Entry)]


def pairs(found: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.text, entry.name) for entry in found]


# SMILES files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO\nCCN\n", [("CCO", ""), ("CCN", "")]),
        ("CCO ethanol\nCCN ethyl amine", [("CCO", "ethanol"), ("CCN", "ethyl amine")]),
        ("CCO\tethanol\n\nCCN\tethyl amine\n", [("CCO", "ethanol"), ("CCN", "ethyl amine")]),
        ("SMILES Name\nCCO ethanol\n", [("CCO", "ethanol")]),
        ("#smiles\tname\nCCO\tethanol\n# a remark\n", [("CCO", "ethanol")]),
        ("ethanol CCO\nmethylamine CN\n", [("CCO", "ethanol"), ("CN", "methylamine")]),
        ("C[C@H](N)O |o1:1| racemate\n", [("C[C@H](N)O |o1:1|", "racemate")]),
        ("bad\nCCO ethanol\n", [("bad", ""), ("CCO", "ethanol")]),
        ("  CCO   ethanol  \n", [("CCO", "ethanol")]),
    ],
)
def test_a_smiles_file_is_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(read(text, "a.smi")) == expected


def test_further_columns_of_a_smiles_file_are_kept() -> None:
    (entry,) = read("smiles\tid\tpIC50\nCCO\tE1\t5.2\n", "a.smi")
    assert (entry.text, entry.name, dict(entry.properties)) == ("CCO", "E1", {"pIC50": "5.2"})


def test_a_ten_megabyte_line_costs_its_record_only() -> None:
    text = "CCO a\n" + "C" * 10_000_000 + " b\nCCN c\n"
    found = list(read_entries(io.BytesIO(text.encode()), "a.smi"))
    assert [type(record) for record in found] == [Entry, Rejection, Entry]
    assert isinstance(found[1], Rejection)
    assert (found[1].reason, found[1].entry.row) == (Reason.TOO_LARGE, 2)
    assert len(found[1].entry.text) <= 2000


# Tables


@pytest.mark.parametrize(
    "text",
    [
        "smiles,name,x\nCCO,ethanol,1\nCCN,amine,2\n",
        "smiles;name;x\nCCO;ethanol;1\nCCN;amine;2\n",
        "smiles\tname\tx\nCCO\tethanol\t1\nCCN\tamine\t2\n",
        '"smiles","name","x"\n"CCO","ethanol","1"\n"CCN","amine","2"\n',
        "name,Canonical SMILES,x\nethanol,CCO,1\namine,CCN,2\n",
        "x,structure,name\n1,CCO,ethanol\n2,CCN,amine\n",
        "x,what it is,name\n1,CCO,ethanol\n2,CCN,amine\n",
        "CCO,ethanol,1\nCCN,amine,2\n",
    ],
)
def test_structures_and_names_are_found(text: str) -> None:
    assert pairs(read(text, "a.csv")) == [("CCO", "ethanol"), ("CCN", "amine")]


def test_all_columns_are_kept_in_order() -> None:
    (entry,) = read("id,smiles,,id\n1,CCO,x,2\n", "a.csv")
    assert list(entry.properties.items()) == [("id", "1"), ("smiles", "CCO"), ("column 3", "x"), ("id (2)", "2")]


def test_the_stereo_column_wins_over_the_flat_one() -> None:
    (entry,) = read("canonical_smiles,isomeric_smiles\nCC(N)O,C[C@H](N)O\n", "a.csv")
    assert entry.text == "C[C@H](N)O"


def test_a_column_called_structure_without_structures_is_passed_over() -> None:
    (entry,) = read("structure,formula text\nimage1.png,CCOCC\n", "a.csv")
    assert entry.text == "CCOCC"


def test_the_user_names_the_columns() -> None:
    options = ReadOptions(structure_column="Product", name_column="batch")
    (entry,) = read("smiles,product,batch\nCCO,CCN,b7\n", "a.csv", options)
    assert (entry.text, entry.name) == ("CCN", "b7")
    with pytest.raises(InputError, match=r"'educt'.*smiles, product, batch"):
        read("smiles,product,batch\nCCO,CCN,b7\n", "a.csv", ReadOptions(structure_column="educt"))


def test_a_table_without_structures_is_refused_with_what_it_holds() -> None:
    with pytest.raises(InputError, match=r"a\.csv has no column of structures.*city.*add a column named 'smiles'"):
        read("city,count\nBasel,17\nBern,12\n", "a.csv")


def test_a_broken_first_structure_without_header_is_a_record() -> None:
    found = read("C1CC(,1\nCCO,2\nCCN,3\n", "a.csv")
    assert [entry.text for entry in found] == ["C1CC(", "CCO", "CCN"]


def test_rows_may_be_short_long_or_empty() -> None:
    found = read("smiles,a\nCCO\n\nCCN,1,2\n,3\n", "a.csv")
    assert [(e.row, e.text, dict(e.properties)) for e in found] == [
        (1, "CCO", {"smiles": "CCO"}),
        (2, "CCN", {"smiles": "CCN", "a": "1", "column 3": "2"}),
        (3, "", {"smiles": "", "a": "3"}),
    ]


def test_quoted_cells_hold_separators_quotes_and_lines() -> None:
    (entry, other) = read('smiles,note\nCCO,"a, ""b""\nc"\nCCN,d\n', "a.csv")
    assert entry.properties["note"] == 'a, "b"\nc'
    assert other.text == "CCN"


@pytest.mark.parametrize("stray", ['"open', 'x"', '12" pipe', '"a" b', '"'])
def test_a_stray_quote_costs_no_other_row(stray: str) -> None:
    found = read(f"smiles,note\nCCO,{stray}\nCCN,fine\nCCC,fine\n", "a.csv")
    assert [entry.text for entry in found] == ["CCO", "CCN", "CCC"]


def test_quotes_in_a_tab_table_are_plain_characters() -> None:
    found = read('smiles\ttext\nCCO\t"quoted" start\nCCN\tan open " quote\nCCC\t"one\n', "a.tsv")
    assert [entry.properties["text"] for entry in found] == ['"quoted" start', 'an open " quote', '"one']


def test_a_quoted_tab_table_is_unquoted() -> None:
    (entry,) = read('"smiles"\t"name"\n"CCO"\t"eth, anol"\n', "a.tsv")
    assert (entry.text, entry.name) == ("CCO", "eth, anol")


def test_decimal_commas_do_not_part_a_semicolon_table() -> None:
    rows = "".join(f"{'C' * n}O;1,{n}\n" for n in range(1, 90))
    found = read("smiles;logp\n" + rows, "a.csv")
    assert len(found) == 89
    assert found[4].properties["logp"] == "1,5"


def test_a_molblock_in_a_cell_is_a_molblock() -> None:
    block = "\n  x\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\nM  END\n"
    (entry,) = read(f'id,molblock\n1,"{block}"\n', "a.csv")
    assert entry.kind == "molblock"
    assert entry.text.endswith("M  END")


CELL = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_quoted_cells_come_back_as_they_were(cells: list[str], delimiter: str) -> None:
    text = delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells)
    assert split(text, delimiter, quoted=True) == cells


def test_the_separator_follows_the_majority_of_rows() -> None:
    assert sniff(["smiles\ttext", "CCO\ta, b, c", "CCN\td, e, f"], ",;\t|") == ("\t", False)
    assert sniff(["smiles"], ",;\t|") == (",", True)
