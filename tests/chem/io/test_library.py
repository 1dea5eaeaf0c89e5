"""Libraries: every record in a molecule or a rejection, structures merged, memory and time bounded."""

import io
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.chem.io.library import ReadOptions, SpooledLibrary, read_library, read_pasted
from molsearch.chem.io.spool import Spool
from molsearch.errors import Cancelled, InputError
from molsearch.records import Entry, Library, Molecule, Reason, Rejection

INLINE = ReadOptions(timeout_s=0)


def from_text(text: str, filename: str = "a.smi", options: ReadOptions = INLINE) -> SpooledLibrary:
    return read_library(io.BytesIO(text.encode()), filename=filename, options=options)


def sources(library: Library) -> int:
    return sum(len(molecule.sources) for molecule in library.molecules())


def test_records_of_one_structure_are_one_molecule_with_all_its_sources() -> None:
    with from_text("OCC\nCCN amine\nCCO ethanol\nC(O)C alcohol\nCS(C)=O dmso\nC[S+](C)[O-]\n") as library:
        first, second, third = library.molecules()
        assert (first.key, first.name) == ("CCO", "ethanol")
        assert [(entry.row, entry.text, entry.name) for entry in first.sources] == [
            (1, "OCC", ""),
            (3, "CCO", "ethanol"),
            (4, "C(O)C", "alcohol"),
        ]
        assert second.key == "CCN"
        assert third.changes == ("normalise groups",)
        assert (library.records, library.molecule_count, library.rejection_count) == (6, 3, 0)


def test_rejections_keep_their_record_and_reason() -> None:
    table = "smiles,name,x\nCCO,a,1\nC1CC,b,2\n,c,3\n" + "C" * 1200 + ",d,4\n"
    with from_text(table, "a.csv") as library:
        found = list(library.rejections())
        assert [(r.entry.row, r.reason) for r in found] == [
            (2, Reason.UNREADABLE),
            (3, Reason.EMPTY),
            (4, Reason.TOO_LARGE),
        ]
        assert dict(found[0].entry.properties) == {"smiles": "C1CC", "name": "b", "x": "2"}


LINES = st.sampled_from(
    ["CCO", "OCC", "C1CC", "CCO x", "C\0C", "", "c1ccccc1 b", "[Xx]", "C" * 40, "C" * 300, '"', "é", "#", "CC.Cl s"]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=25), st.sampled_from(["\n", "\r\n"]))
def test_records_are_sources_plus_rejections_whatever_the_file(lines: list[str], ends: str) -> None:
    expected = sum(bool(line.strip("#")) for line in lines)
    options = ReadOptions(timeout_s=0, max_record_bytes=200, max_atoms=30)
    if expected == 0:
        with pytest.raises(InputError):
            from_text(ends.join(lines), options=options)
        return
    with from_text(ends.join(lines), options=options) as library:
        assert library.records == expected
        assert sources(library) + len(list(library.rejections())) == expected
        assert len(list(library.molecules())) == library.molecule_count
        assert len(list(library.rejections())) == library.rejection_count
        rows = [e.row for m in library.molecules() for e in m.sources] + [r.entry.row for r in library.rejections()]
        assert sorted(rows) == list(range(1, expected + 1))


def test_the_iterators_can_be_taken_again_and_by_threads() -> None:
    with from_text("".join(f"{'C' * n}O\n" for n in range(1, 40))) as library:
        expected = list(library.molecules())
        found: list[list[Molecule]] = []
        threads = [threading.Thread(target=lambda: found.append(list(library.molecules()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 4


def test_the_spool_gives_back_exactly_what_it_was_given() -> None:
    entry = Entry(1, "a\x00b", "molblock", "β", {"z": "1", "a": "\u2028"})
    rejection = Rejection(Entry(2, "", "smiles"), Reason.TIMED_OUT, "slow")
    with Spool() as spool:
        spool.add(Molecule("CCO", "β", (entry,), ("reionise",)))
        spool.add(rejection)
        spool.seal()
        assert list(spool.iter_molecules()) == [Molecule("CCO", "β", (entry,), ("reionise",))]
        assert list(spool.iter_rejections()) == [rejection]


def test_progress_counts_bytes_up_to_the_whole_file() -> None:
    seen: list[tuple[int, int]] = []
    text = "".join(f"{'C' * (n % 9 + 1)}O mol{n}\n" for n in range(500))
    stream = io.BytesIO(text.encode())
    with read_library(stream, filename="a.smi", options=INLINE, progress=lambda *now: seen.append(now)):
        assert len(seen) > 5
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert {total for _, total in seen} == {len(text)}
        assert seen[-1][0] == len(text)


def test_cancelling_stops_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def stop(done: int, total: int) -> None:
        raise Cancelled(f"stopped at {done} of {total}")

    with pytest.raises(Cancelled):
        read_library(io.BytesIO(b"CCO\n" * 1000), filename="a.smi", options=INLINE, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_closing_deletes_the_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    library = from_text("CCO\n")
    assert len(list(tmp_path.iterdir())) == 1
    library.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file() -> None:
    def peak(records: int) -> int:
        tags = "".join(f",{'x' * 80}" for _ in range(5))
        text = "smiles,name,a,b,c,d,e\n" + "".join(f"{'C' * (n % 25 + 1)}O,m{n}{tags}\n" for n in range(records))
        stream = io.BytesIO(text.encode())
        del text
        tracemalloc.start()
        with read_library(stream, filename="a.csv", options=INLINE) as library:
            assert library.records == records
            found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(8_000) < peak(2_000) + 500_000  # the 6,000 further rows hold 2.6 MB


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO", [("CCO", "")]),
        ("CCO ethanol\nCCN", [("CCO", "ethanol"), ("CCN", "")]),
        ("CCO, CCN; c1ccccc1", [("CCO", ""), ("CCN", ""), ("c1ccccc1", "")]),
        ("name\tsmiles\tx\nethanol\tCCO\t1", [("CCO", "ethanol")]),
        ("name,smiles\nethanol,CCO", [("CCO", "ethanol")]),
        ("CCO\tethanol\nCCN\tamine", [("CCO", "ethanol"), ("CCN", "amine")]),
        ("smiles\tname\nCCO\tethanol", [("CCO", "ethanol")]),
    ],
)
def test_pasted_lists_of_all_shapes(text: str, expected: list[tuple[str, str]]) -> None:
    with read_pasted(text, options=INLINE) as library:
        assert [(molecule.key, molecule.name) for molecule in library.molecules()] == expected


def test_a_pasted_molblock_is_read() -> None:
    from rdkit import Chem

    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")).lstrip("\n")
    with read_pasted(block, options=INLINE) as library:
        assert [molecule.key for molecule in library.molecules()] == ["CCO"]


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_a_blank_paste_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="pasted list is empty"):
        read_pasted(text)


@pytest.mark.parametrize(
    ("filename", "records", "molecules"),
    [
        ("first_200.props.sdf", 200, 200),
        ("solubility.train.sdf", 1025, 1021),
        ("zinc.leads.500.q.sdf", 500, 499),
        ("mols.1000.sdf.gz", 1000, 1000),
    ],
)
@pytest.mark.slow
def test_real_libraries_lose_nothing(filename: str, records: int, molecules: int, shared: Path) -> None:
    with read_library(shared / "libraries" / filename) as library:
        assert (library.records, library.molecule_count, library.rejection_count) == (records, molecules, 0)
        assert sources(library) == records


def test_the_name_is_the_files_without_its_format(shared: Path) -> None:
    with read_library(shared / "libraries" / "mols.1000.sdf.gz") as library:
        assert library.name == "mols.1000"


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="max_atoms"):
        ReadOptions(max_atoms=0)
    with pytest.raises(InputError, match="desalt"):
        ReadOptions(steps=("desalt",))
