"""Files of every format and every kind of damage to records: nothing may be lost, nothing merged."""

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from molsearch.chem.io.formats import FORMATS, format_of, read_entries
from molsearch.chem.io.options import ReadOptions
from molsearch.errors import InputError
from molsearch.records import Entry, Reason, Rejection

ETHANOL = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
PYRIDINE = Chem.MolToMolBlock(Chem.MolFromSmiles("c1ccncc1"))


def sd_record(block: str, title: str = "", **tags: str) -> str:
    data = "".join(f">  <{name}>\n{value}\n\n" for name, value in tags.items())
    return title + block[block.index("\n") :] + data + "$$$$\n"


def read(data: bytes | str, filename: str, options: ReadOptions | None = None) -> list[Entry | Rejection]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(read_entries(stream, filename, options))


def entries(data: bytes | str, filename: str, options: ReadOptions | None = None) -> list[Entry]:
    found = read(data, filename, options)
    assert all(isinstance(record, Entry) for record in found), found
    return [record for record in found if isinstance(record, Entry)]


# SD files


def test_an_sd_record_keeps_molblock_title_and_tags() -> None:
    data = sd_record(ETHANOL, "ethanol", IC50="> 100 nM", Note="two\nlines") + sd_record(PYRIDINE, "pyridine")
    first, second = entries(data, "a.sdf")
    assert (first.row, first.name, first.kind) == (1, "ethanol", "molblock")
    assert first.text == "ethanol" + ETHANOL[ETHANOL.index("\n") :]
    assert dict(first.properties) == {"IC50": "> 100 nM", "Note": "two\nlines"}
    assert (second.row, second.name, dict(second.properties)) == (2, "pyridine", {})


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (">  <SMILES>  (12)", "SMILES"),
        ("> <ID>", "ID"),
        ("><ID>", "ID"),
        ("> 25 <MELTING.POINT> DT5", "MELTING.POINT"),
        (">  <a <b> c>", "a <b> c"),
        ("> DT12", "DT12"),
        (">", "unnamed"),
    ],
)
def test_tag_headers_of_all_makers_are_read(header: str, name: str) -> None:
    (entry,) = entries(f"{ETHANOL}{header}\n5\n\n$$$$\n", "a.sdf")
    assert dict(entry.properties) == {name: "5"}


def test_a_repeated_tag_loses_no_value() -> None:
    (entry,) = entries(f"{ETHANOL}> <A>\n1\n\n> <A>\n2\n\n$$$$\n", "a.sdf")
    assert dict(entry.properties) == {"A": "1", "A (2)": "2"}


def test_blank_lines_in_a_value_and_missing_ones_between_tags() -> None:
    (entry,) = entries(f"{ETHANOL}> <A>\none\n\ntwo\n> <B>\n3\n> <C>\n\n$$$$\n", "a.sdf")
    assert dict(entry.properties) == {"A": "one\n\ntwo", "B": "3", "C": ""}


def test_a_record_without_title_is_named_by_its_tags() -> None:
    (entry,) = entries(sd_record(ETHANOL, "", SOL="1", NAME="ethanol"), "a.sdf")
    assert entry.name == "ethanol"
    (entry,) = entries(sd_record(ETHANOL, "x", Code="E-1"), "a.sdf", ReadOptions(name_column="code"))
    assert entry.name == "E-1"


def test_a_molfile_needs_no_delimiter() -> None:
    (entry,) = entries(ETHANOL, "a.mol")
    assert entry.text == ETHANOL


def test_a_pasted_molblock_that_lost_its_first_line_is_mended() -> None:
    (entry,) = entries(ETHANOL.lstrip("\n"), "a.mol")
    assert Chem.MolFromMolBlock(entry.text) is not None


def test_windows_and_old_mac_line_ends_read_alike() -> None:
    data = sd_record(ETHANOL, "e", A="1") + sd_record(PYRIDINE, "p", A="2")
    expected = entries(data, "a.sdf")
    for ends in ("\r\n", "\r", "\r\r\n"):
        assert entries(data.replace("\n", ends), "a.sdf") == expected


def test_a_file_cut_inside_a_molblock_costs_that_record_only() -> None:
    data = sd_record(ETHANOL, "e") + sd_record(PYRIDINE, "p")
    first, second = entries(data[: len(data) - 80], "a.sdf")
    assert first.name == "e"
    assert "M  END" not in second.text
    assert Chem.MolFromMolBlock(first.text) is not None


def test_a_value_that_may_be_cut_is_not_passed_on_as_whole() -> None:
    data = sd_record(ETHANOL, "e", A="1") + sd_record(PYRIDINE, "p", A="123.456")
    first, second = read(data[: data.rindex("456")], "a.sdf")
    assert isinstance(first, Entry)
    assert isinstance(second, Rejection)
    assert "breaks off" in second.detail


def test_a_missing_delimiter_is_not_a_lost_molecule() -> None:
    (found,) = read(sd_record(ETHANOL, "e").replace("$$$$\n", "") + sd_record(PYRIDINE, "p"), "a.sdf")
    assert isinstance(found, Rejection)
    assert "second structure" in found.detail


def test_a_ten_megabyte_record_is_rejected_and_the_next_one_read() -> None:
    huge = sd_record(ETHANOL, "huge", A=("x" * 99 + "\n") * 100_000)
    first, second = read(huge + sd_record(PYRIDINE, "p"), "a.sdf")
    assert isinstance(first, Rejection)
    assert (first.reason, first.entry.row, first.entry.name) == (Reason.TOO_LARGE, 1, "huge")
    assert "10.0 MB" in first.detail
    assert len(first.entry.text) <= 2000
    assert isinstance(second, Entry)
    assert second.name == "p"


# Compression and bytes


def test_gzip_is_unpacked_whatever_the_suffix() -> None:
    data = sd_record(ETHANOL, "e") + sd_record(PYRIDINE, "p")
    assert entries(gzip.compress(data.encode()), "a.sdf.gz") == entries(data, "a.sdf")
    assert entries(gzip.compress(data.encode()), "a.sdf") == entries(data, "a.sdf")
    parts = gzip.compress(data[:100].encode()) + gzip.compress(data[100:].encode())  # as bgzip writes
    assert entries(parts, "a.sdf.gz") == entries(data, "a.sdf")


def test_a_cut_gzip_keeps_what_came_before_and_says_so() -> None:
    lines = "".join(f"{'C' * (1 + i % 50)}O mol{i * 7919}\n" for i in range(20_000))
    packed = gzip.compress(lines.encode())
    found = read(packed[: len(packed) // 2], "a.smi.gz")
    whole = entries(lines, "a.smi")
    assert isinstance(found[-1], Rejection)
    assert "cut off" in found[-1].detail
    kept = [record for record in found if isinstance(record, Entry)]
    assert len(kept) > 5_000
    assert kept[:-1] == whole[: len(kept) - 1]


def test_a_bad_byte_in_a_gzip_costs_little_of_what_came_before() -> None:
    lines = "".join(f"{'C' * (1 + i % 50)}O mol{i * 7919}\n" for i in range(20_000))
    packed = bytearray(gzip.compress(lines.encode()))
    packed[len(packed) // 2] ^= 0xFF
    found = read(bytes(packed), "a.smi.gz")
    assert isinstance(found[-1], Rejection)
    assert "damaged" in found[-1].detail
    assert len(found) > 8_000


@pytest.mark.slow
def test_a_gzip_bomb_stops_early() -> None:
    bomb = gzip.compress(b"C" * 300_000_000)
    found = read(bomb, "a.smi.gz")
    assert [type(record) for record in found] == [Rejection, Rejection]
    assert isinstance(found[0], Rejection)
    assert found[0].reason == Reason.TOO_LARGE
    assert isinstance(found[1], Rejection)
    assert "200 times its size" in found[1].detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings_read_alike(encoding: str) -> None:
    data = "smiles,name\nCCO,β-éthanol µ\nCCN,амин\n"
    assert [entry.name for entry in entries(data.encode(encoding), "a.csv")] == ["β-éthanol µ", "амин"]


def test_mixed_encodings_lose_nothing() -> None:
    data = b"smiles,name\nCCO,\xc3\xa9thanol\nCCN,\xe9thylamine \x80\nCCC,\x81x\n"
    assert [entry.name for entry in entries(data, "a.csv")] == ["éthanol", "éthylamine €", "\x81x"]


def test_control_characters_become_visible_in_names_and_values() -> None:
    (entry,) = entries(b"smiles,name\nCCO,a\x00b\x1bc\n", "a.csv")
    assert entry.name == "a\ufffdb\ufffdc"
    assert dict(entry.properties) == {"smiles": "CCO", "name": "a\ufffdb\ufffdc"}


def test_a_dos_end_mark_is_no_record() -> None:
    assert len(entries(b"CCO a\r\nCCN b\r\n\x1a", "a.smi")) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n \r\n\n", "holds no record"),
        (bytes(range(256)) * 40, "binary file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG picture"),
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
        (gzip.compress(bytes(range(256)) * 40, mtime=0), "binary file"),
    ],
)
def test_what_is_no_structure_file_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(data, "a.sdf")
    assert "a.sdf" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_null_byte_does_not_make_a_file_binary() -> None:
    assert len(entries(sd_record(ETHANOL, "e\0", A="1"), "a.sdf")) == 1


@pytest.mark.parametrize("filename", ["a.xlsx", "a.docx", "a", "a.gz"])
def test_an_unknown_suffix_is_refused_with_the_choice(filename: str) -> None:
    with pytest.raises(InputError, match=r"\.sdf, .*\.parquet"):
        format_of(filename)


def test_every_text_format_refuses_an_empty_file() -> None:
    for suffix, row in FORMATS.items():
        if row.read:
            with pytest.raises(InputError):
                read(b"", "a" + suffix)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.sdf cannot be opened"):
        list(read_entries(tmp_path / "gone.sdf"))


# Real libraries


@pytest.mark.parametrize(
    ("filename", "records"),
    [
        ("first_200.props.sdf", 200),
        ("solubility.train.sdf", 1025),
        ("zinc.leads.500.q.sdf", 500),
        ("mols.1000.sdf.gz", 1000),
        ("idorsia_toy_space_enum.smi", 29_200),
        ("wehi_mols.csv", 10_000),
    ],
)
def test_real_libraries_are_read_whole(filename: str, records: int, shared: Path) -> None:
    rows = [record.row for record in read_entries(shared / "libraries" / filename) if isinstance(record, Entry)]
    assert rows == list(range(1, records + 1))


@pytest.mark.parametrize("filename", ["first_200.props.sdf", "solubility.train.sdf", "mols.1000.sdf.gz"])
def test_tags_are_those_rdkit_reads(filename: str, shared: Path) -> None:
    path = shared / "libraries" / filename
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        supplier = Chem.ForwardSDMolSupplier(stream, sanitize=False)
        for entry, mol in zip(read_entries(path), supplier, strict=True):
            assert isinstance(entry, Entry)
            expected = mol.GetPropsAsDict(autoConvertStrings=False)
            assert {k: v.rstrip() for k, v in entry.properties.items()} == {k: v.rstrip() for k, v in expected.items()}


def test_the_shared_tables_are_read_row_by_row(shared: Path) -> None:
    path = shared / "data" / "chebi20_val.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = list(read_entries(path))
    assert [dict(e.properties) for e in found if isinstance(e, Entry)] == expected
    assert [e.text for e in found if isinstance(e, Entry)] == [row["smiles"] for row in expected]


@pytest.mark.parametrize(
    ("data", "filename"),
    [
        (ETHANOL + ">" + "<" * 1_900_000 + "\n1\n\n$$$$\n", "a.sdf"),
        (ETHANOL + "> <a>" + " " * 1_900_000 + "x\n1\n\n$$$$\n", "a.sdf"),
        (ETHANOL + ">\n\n" * 400_000 + "$$$$\n", "a.sdf"),
        (ETHANOL + "> <a>\n\n" * 200_000 + "$$$$\n", "a.sdf"),
        ("smiles" + ",a" * 10_000 + "\nCCO" + ",b" * 10_000 + "\n", "a.csv"),
        ("smiles\nCCO" + "," * 1_900_000 + "\n", "a.csv"),
        ("smiles,a\n" + 'CCO,"x\n\n' * 60_000, "a.csv"),
        ("smiles,a\nCCO," + '"' * 1_900_001 + "\n", "a.csv"),
        ("smiles,a\nCCO," + " " * 1_900_000 + '"\n', "a.csv"),
        ("CCO" + " " * 900_000 + "|" * 900_000 + "\n", "a.smi"),
    ],
)
@pytest.mark.slow
def test_no_record_within_the_limit_takes_quadratic_time(data: str, filename: str) -> None:
    # There is nothing to time: each of these takes hours where a rule goes over its text again and again.
    assert read(data, filename)


def test_a_parquet_table_is_read(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "mol_smiles": ["CCO", None, "c1ccccc1"], "logp": [0.5, None, 2.1]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = list(read_entries(tmp_path / "a.parquet"))
    assert [(e.text, e.name, dict(e.properties)) for e in found if isinstance(e, Entry)] == [
        ("CCO", "1", {"id": "1", "mol_smiles": "CCO", "logp": "0.5"}),
        ("", "2", {"id": "2", "mol_smiles": "", "logp": ""}),
        ("c1ccccc1", "3", {"id": "3", "mol_smiles": "c1ccccc1", "logp": "2.1"}),
    ]


def test_a_damaged_parquet_table_is_refused() -> None:
    with pytest.raises(InputError, match="Parquet"):
        read(b"PAR1 this is none", "a.parquet")
