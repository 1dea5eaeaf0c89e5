"""Records back to files: as they came, with the findings in front, and harmless whatever they hold."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molsearch.chem.io.cells import inert, verbatim
from molsearch.chem.io.export import NOTE_KEY, NOTE_SHEET, write_csv, write_excel, write_parquet
from molsearch.chem.io.formats import FORMATS, read_entries
from molsearch.chem.io.library import read_library
from molsearch.chem.io.sdf import molblock, write_sdf
from molsearch.errors import InputError
from molsearch.records import Entry, Molecule

Extra = Mapping[str, str | float | int]
BLOCK = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")).replace("    0.0000    0.0000", "    1.2345    6.7891", 1)
MIXED = Molecule(
    "CCO",
    "ethanol",
    (
        Entry(1, "ethanol" + BLOCK, "molblock", "ethanol", {"IC50": "> 100", "score": "own"}),
        Entry(4, "OCC", "smiles", "alcohol", {"note": "a\n\nb"}),
    ),
)
EXTRA: Extra = {"rank": 1, "score": 0.25, "model_id": "abc"}


def sdf(rows: Sequence[tuple[Molecule, Extra]]) -> bytes:
    stream = io.BytesIO()
    write_sdf(rows, stream)
    return stream.getvalue()


def table(rows: Sequence[tuple[Molecule, Extra]]) -> list[list[str]]:
    stream = io.BytesIO()
    write_csv(rows, stream)
    return list(csv.reader(io.StringIO(stream.getvalue().decode("utf-8-sig"), newline="")))


def hostile(text: str) -> Molecule:
    return Molecule("CCO", text, (Entry(1, "CCO", "smiles", text, {text: text}),))


def test_every_source_is_written_with_its_own_record() -> None:
    first, second = read_entries(io.BytesIO(sdf([(MIXED, EXTRA)])), "a.sdf")
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert first.text == "ethanol" + BLOCK
    assert list(first.properties.items()) == [
        ("rank", "1"),
        ("score", "0.25"),
        ("model_id", "abc"),
        ("IC50", "> 100"),
        ("score (original)", "own"),
    ]
    assert second.name == "alcohol"
    assert second.properties["note"] == "a\nb"


def test_a_smiles_record_gets_two_dimensional_coordinates() -> None:
    mol = Chem.MolFromMolBlock(molblock(MIXED, MIXED.sources[1]))
    assert Chem.MolToSmiles(mol) == "CCO"
    positions = mol.GetConformer().GetPositions()
    assert np.linalg.norm(positions[0] - positions[1]) == pytest.approx(1.5, abs=0.05)
    assert not mol.GetConformer().Is3D()


@pytest.mark.parametrize("smiles", ["C[C@H](N)C(=O)O", "C/C=C\\C", "[13CH3][NH3+]", "[CH3:7]O", "C(=C\\\\C)/C"])
def test_a_smiles_record_keeps_its_structure_in_the_molblock(smiles: str) -> None:
    molecule = Molecule("", "", (Entry(1, smiles, "smiles"),))
    mol = Chem.MolFromMolBlock(molblock(molecule, molecule.sources[0]))
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(smiles)


def test_rdkit_reads_what_was_written() -> None:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(sdf([(MIXED, EXTRA)]).decode())
    mols = list(supplier)
    assert [mol.GetProp("_Name") for mol in mols] == ["ethanol", "alcohol"]
    assert [mol.GetProp("rank") for mol in mols] == ["1", "1"]
    assert mols[0].GetProp("IC50") == "> 100"


HOSTILE = st.text(st.sampled_from("$$$$>< \n\r\t\0\x1b\"',;=@-+M END<script>aβ"), max_size=30)


@settings(max_examples=200, deadline=None)
@example("M  END", "")
@given(HOSTILE, HOSTILE)
def test_no_name_or_tag_can_break_an_sd_file(name: str, value: str) -> None:
    rows: list[tuple[Molecule, Extra]] = [
        (Molecule("CCO", name, (Entry(1, "CCO", "smiles", name, {name: value, "last": "1"}),)), {name: value})
        for _ in range(2)
    ]
    found = list(read_entries(io.BytesIO(sdf(rows)), "a.sdf"))
    assert len(found) == 2
    for entry in found:
        assert isinstance(entry, Entry)
        assert Chem.MolToSmiles(Chem.MolFromMolBlock(entry.text)) == "CCO"
        assert entry.properties["last"] == "1"
        assert len(entry.properties) == 3


def test_a_record_end_inside_a_molblock_from_a_table_cannot_end_the_record() -> None:
    block = "$$$$ title" + BLOCK + "$$$$\n> <injected>\n1\n"
    data = sdf([(Molecule("CCO", "", (Entry(1, block, "molblock", "", {}),)), {})])
    assert data.count(b"\n$$$$\n") == 1
    assert b"injected" not in data
    assert len(list(read_entries(io.BytesIO(data), "a.sdf"))) == 1


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r'=1"),
        ("  =1", "'  =1"),
        ("\n=1", "\n'=1"),
        ("a;=1+1", "a;'=1+1"),
        ("a;-1;2", "a;-1;2"),
        ("'=1", "''=1"),
        ("5'-x", "5'-x"),
        ("'a", "'a"),
        ("＝1+1", "'＝1+1"),
        ("-3.18", "-3.18"),
        ("+1e-9", "+1e-9"),
        ("-", "-"),
        ("CCO", "CCO"),
        ("", ""),
        ("(-)-menthol", "(-)-menthol"),
    ],
)
def test_cells_are_inert_in_a_spreadsheet_and_numbers_stay_numbers(cell: str, shown: str) -> None:
    assert inert(cell) == shown


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("'=+-@;\t\r\n a1.＝"), max_size=12))
def test_what_was_made_inert_is_read_as_it_was(cell: str) -> None:
    assert verbatim(inert(cell)) == cell


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("'=+-@;,\"\t a1"), min_size=1, max_size=8), min_size=2, max_size=2))
def test_a_csv_is_read_back_cell_by_cell(values: list[str]) -> None:
    rows: list[tuple[Molecule, Extra]] = [
        (Molecule("CCO", "", (Entry(n, "CCO", "smiles", "", {"tag": value, "last": "x"}),)), {"rank": n})
        for n, value in enumerate(values, start=1)
    ]
    stream = io.BytesIO()
    write_csv(rows, stream)
    stream.seek(0)
    found = list(read_entries(stream, "a.csv"))
    assert [entry.properties["tag"] for entry in found if isinstance(entry, Entry)] == values


def test_a_csv_has_findings_first_and_every_tag() -> None:
    assert table([(MIXED, EXTRA)]) == [
        ["rank", "score", "model_id", "name", "smiles", "record", "IC50", "score (original)", "note", "smiles as read"],
        ["1", "0.25", "abc", "ethanol", "CCO", "1", "> 100", "own", "", ""],
        ["1", "0.25", "abc", "alcohol", "CCO", "4", "", "", "a\n\nb", "OCC"],
    ]


def test_headers_and_cells_of_hostile_files_are_inert() -> None:
    header, row = table([(hostile("=HYPERLINK(1)"), {})])
    assert "'=HYPERLINK(1)" in header
    assert row[0] == "'=HYPERLINK(1)"
    assert not any(cell.startswith("=") for cell in header + row)


def test_original_columns_called_like_ours_keep_their_values() -> None:
    molecule = Molecule("CCO", "a", (Entry(1, "OCC", "smiles", "a", {"smiles": "OCC", "smiles (original)": "x"}),))
    header, row = table([(molecule, {})])
    assert len(set(header)) == len(header)
    assert dict(zip(header, row, strict=True)) == {
        "name": "a",
        "smiles": "CCO",
        "record": "1",
        "smiles (original)": "OCC",
        "smiles (original) (original)": "x",
    }


def test_excel_cells_that_look_like_formulas_are_text() -> None:
    stream = io.BytesIO()
    write_excel([(hostile("=1+1"), {"rank": 1}), (hostile("#N/A\0"), {"rank": 2})], stream)
    sheet = openpyxl.load_workbook(stream).active
    header, first, second = list(sheet.iter_rows())
    assert header[0].value == "rank"
    assert (first[0].value, first[0].data_type) == (1, "n")
    assert (first[1].value, first[1].data_type) == ("=1+1", "s")
    assert (second[1].value, second[1].data_type) == ("#N/A\ufffd", "s")


def test_an_excel_cell_stays_text_when_it_is_edited() -> None:
    stream = io.BytesIO()
    write_excel([(hostile("=1+1"), {"rank": 1})], stream)
    cells = list(openpyxl.load_workbook(stream).active.iter_rows())[1]
    assert cells[1].quotePrefix
    assert not cells[2].quotePrefix


def test_a_text_too_long_for_excel_says_that_it_was_cut() -> None:
    stream = io.BytesIO()
    write_excel([(Molecule("CCO", "x" * 40_000, (Entry(1, "CCO", "smiles", "x" * 40_000),)), {})], stream)
    value = list(openpyxl.load_workbook(stream).active.iter_rows())[1][0].value
    assert len(value) == 32_767
    assert value.endswith("[cut: 40,000 characters, a cell of Excel holds 32,767]")


def test_more_columns_than_a_sheet_holds_are_refused() -> None:
    wide = Molecule("CCO", "", (Entry(1, "CCO", "smiles", "", {f"c{n}": "1" for n in range(16_384)}),))
    with pytest.raises(InputError, match="do not fit a sheet"):
        write_excel([(wide, {})], io.BytesIO())


def test_parquet_keeps_numbers_and_reads_back() -> None:
    stream = io.BytesIO()
    write_parquet([(MIXED, {"rank": 1, "score": np.float32(0.5)}), (hostile("x"), {"rank": 2, "score": 1})], stream)
    stream.seek(0)
    columns = pq.read_table(stream).to_pydict()
    assert columns["rank"] == [1, 1, 2]
    assert columns["score"] == [0.5, 0.5, 1.0]
    assert columns["smiles"] == ["CCO"] * 3
    assert columns["IC50"] == ["> 100", None, None]


def test_numpy_numbers_are_written_plainly() -> None:
    header, row = table([(hostile("x"), {"rank": np.int64(3), "score": np.float64(0.5)})])
    assert row[:2] == ["3", "0.5"]
    assert header[:2] == ["rank", "score"]


@pytest.mark.parametrize("suffix", [suffix for suffix, row in FORMATS.items() if row.write])
def test_every_writer_takes_rows_stream_and_note(suffix: str) -> None:
    write = FORMATS[suffix].write
    assert write is not None
    write([(MIXED, EXTRA)], stream := io.BytesIO(), "about\nthis")
    if suffix == ".xlsx":
        sheet = openpyxl.load_workbook(stream)[NOTE_SHEET]
        assert [row[0].value for row in sheet.iter_rows()] == ["about", "this"]
    elif suffix == ".parquet":
        assert pq.read_schema(stream).metadata[NOTE_KEY] == b"about\nthis"
    else:
        assert not FORMATS[suffix].holds_note
        assert b"about" not in stream.getvalue()


@pytest.mark.parametrize("suffix", [suffix for suffix, row in FORMATS.items() if row.write])
def test_bytes_that_were_no_text_break_no_writer(suffix: str) -> None:
    write = FORMATS[suffix].write
    assert write is not None
    broken = "a\udcff\uffff\0"
    write([(hostile(broken), {"rank": 1, "note": broken})], stream := io.BytesIO())
    if suffix == ".xlsx":
        assert openpyxl.load_workbook(stream).active["B2"].value == "a?\ufffd\ufffd"


def test_tags_that_differ_only_by_what_a_tag_cannot_hold_are_all_kept() -> None:
    tags = {" rank ": "own", "a<b": "1", "a>b": "2"}
    (found,) = read_entries(
        io.BytesIO(sdf([(Molecule("C", "", (Entry(1, "C", "smiles", "", tags),)), EXTRA)])), "a.sdf"
    )
    assert isinstance(found, Entry)
    assert dict(found.properties) == {
        **{"rank": "1", "score": "0.25", "model_id": "abc"},
        **{"rank (original)": "own", "a_b": "1", "a_b (original)": "2"},
    }


@pytest.mark.parametrize("filename", ["first_200.props.sdf", "solubility.train.sdf", "mols.1000.sdf.gz"])
@pytest.mark.slow
def test_a_real_library_comes_back_with_coordinates_and_tags(filename: str, shared: Path, tmp_path: Path) -> None:
    path = shared / "libraries" / filename
    with read_library(path) as library, (tmp_path / "out.sdf").open("wb") as stream:
        write_sdf(((molecule, {"rank": rank}) for rank, molecule in enumerate(library.molecules(), start=1)), stream)
    before = [entry for entry in read_entries(path) if isinstance(entry, Entry)]
    after = [entry for entry in read_entries(tmp_path / "out.sdf") if isinstance(entry, Entry)]
    assert sorted(entry.text for entry in after) == sorted(entry.text for entry in before)
    by_text = {entry.text: entry for entry in after}
    for entry in before:
        back = dict(by_text[entry.text].properties)
        assert back.pop("rank")
        assert list(back) == list(entry.properties)
        assert all(back[name] == value.strip() or back[name] == value for name, value in entry.properties.items())
