"""What the Milvus engine promises beyond the congruence of all engines; skipped where Milvus Lite is not installed."""

import sys
import threading
import time

import numpy as np
import pytest

from molsearch.errors import InputError, LibraryError
from molsearch.index.base import create_index, library_address, library_names, open_index, read_info, remove_index
from molsearch.index.batch import Batch
from molsearch.index.milvus import engine as milvus_index
from molsearch.index.milvus import filter as milvus_filter
from molsearch.index.milvus.engine import MilvusIndex
from molsearch.index.milvus.store import Store
from molsearch.records import Entry, Molecule, PropertyRange, Reason, Rejection
from tests.index.conftest import start_milvus, stop_milvus
from tests.index.samples import WIDTH, batch, batches, molecule, unit


@pytest.fixture
def new(milvus, request):
    """Makes an empty library named after the test."""
    index = MilvusIndex.create(f"{milvus}#{request.node.name}", request.node.name, "m", WIDTH)
    yield index
    MilvusIndex.remove(index.address)


def test_a_file_address_is_the_only_difference_to_a_server(tmp_path):
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    address = library_address(tmp_path / "lib.db", "my drugs")
    index = create_index(address, "my drugs", "m", WIDTH, engine="milvus")
    index.add(batches(40, 20))
    again = open_index(address, "m")
    expected = batch(range(40))
    scores = expected.vectors @ unit(0) + expected.constants
    assert again.search(unit(0), 5).rows.tolist() == np.argsort(-scores)[:5].tolist()
    assert library_names(tmp_path / "lib.db") == ["my drugs"]
    remove_index(address)
    assert library_names(tmp_path / "lib.db") == []


def test_more_hits_than_the_server_returns_are_refused(new):
    new.add([batch(range(3))])
    with pytest.raises(InputError, match=r"16,385 hits were asked for, but Milvus returns at most 16,384"):
        new.search(unit(0), 16_385)
    assert len(new.search(unit(0), 16_384).rows) == 3


def test_records_come_back_verbatim_however_long(new):
    text = "bad bytes \udcff, a null \x00, µ, 分\n" + "V3000 " * 30_000  # four pieces
    entry = Entry(7, text, "molblock", "näme\n", {"ü\udc80": text, "empty": "", "": "no name"})
    stored = Molecule("CCO", "", (entry, Entry(9, "OCC", "smiles")), ("cleanup", "reionize"))
    refused = [Rejection(entry, reason, text) for reason in Reason]
    new.add([batch([4]), Batch([stored], batch([0]).vectors, np.zeros(1, np.float32))], refused)
    again = open_index(new.address, "m")
    assert list(again.iter_molecules()) == [molecule(4), stored]
    assert list(again.rejections()) == refused
    assert (again.info.records, again.info.rejections) == (3 + len(refused), len(refused))


def test_a_long_mask_is_asked_in_parts(new, monkeypatch):
    new.add(batches(600, 300))
    mask = np.random.default_rng(0).random(600) < 0.6
    at_once = new.search(unit(1), 50, mask=mask)
    monkeypatch.setattr(milvus_filter, "MASK_ROWS", 40)
    in_parts = new.search(unit(1), 50, mask=mask)
    assert in_parts.rows.tolist() == at_once.rows.tolist()
    assert in_parts.scores.tolist() == at_once.scores.tolist()


def test_a_large_library_shows_the_distribution_of_a_sample_and_counts_exactly(milvus, monkeypatch):
    monkeypatch.setattr(milvus_index, "SAMPLE_ROWS", 400)
    index = MilvusIndex.create(f"{milvus}#sampled", "sampled", "m", WIDTH)
    index.add(batches(2000, 1000))
    everything = batch(range(2000))
    scores = (everything.vectors @ unit(2) + everything.constants).astype(np.float32)
    result = index.search(unit(2), 10, ranges=[PropertyRange("rings", 0, 1)])
    passed = np.isin(everything.properties["rings"], [0, 1])
    assert result.searched == passed.sum() == 800
    assert 100 < len(result.distribution) < 220  # 160 are expected
    assert all(np.abs(scores[passed] - score).min() < 1e-5 for score in result.distribution)
    assert result.rows.tolist() == sorted(np.flatnonzero(passed), key=lambda row: -scores[row])[:10]
    again = MilvusIndex.open(index.address).search(unit(2), 10, ranges=[PropertyRange("rings", 0, 1)])
    assert again.distribution.tolist() == result.distribution.tolist()
    assert index.search(unit(2), 10, mask=everything.properties["rings"] == 3).searched == 400


def test_a_missing_value_lies_in_no_range(new):
    plain = batch(range(4))
    values = np.array([1, np.nan, 3, np.nan], dtype=np.float32)
    new.add([Batch(plain.molecules, plain.vectors, plain.constants, {"logp": values})])
    new.add([Batch([molecule(9)], batch([9]).vectors, np.zeros(1, np.float32))])
    np.testing.assert_array_equal(new.properties("logp"), [1, np.nan, 3, np.nan, np.nan])
    for wanted, rows in ((PropertyRange("logp"), [0, 2]), (PropertyRange("logp", None, 2), [0])):
        assert sorted(new.search(unit(0), 9, ranges=[wanted]).rows.tolist()) == rows


def test_a_property_that_comes_later_is_refused(new):
    new.add([batch([1])])
    plain = batch([2])
    with pytest.raises(InputError, match="no property 'logp', and Milvus cannot add one later"):
        new.add([Batch(plain.molecules, plain.vectors, plain.constants, {"logp": np.zeros(1, np.float32)})])
    assert open_index(new.address, "m").info.molecules == 1


def test_a_second_addition_gets_a_sentence(new):
    def adding_within():
        yield batch([1])
        with pytest.raises(LibraryError, match="is being changed by another process or window"):
            MilvusIndex.open(new.address).add([batch([2])])
        with pytest.raises(LibraryError, match="is being changed"):
            MilvusIndex.remove(new.address)

    new.add(adding_within())
    assert new.info.molecules == 1


def test_libraries_are_listed_described_and_removed_by_name(milvus):
    names = ["Säure/1_x", "b", "../../x #2"]
    for name in names:
        create_index(library_address(milvus, name), name, "m", WIDTH, engine="milvus").add([batch([1])])
    with pytest.raises(LibraryError, match="already"):
        create_index(library_address(milvus, "b"), "b", "m", WIDTH, engine="milvus")
    assert set(names) <= set(library_names(milvus))
    assert read_info(library_address(milvus, "../../x #2")).name == "../../x #2"
    for name in names:
        remove_index(library_address(milvus, name))
    assert not set(names) & set(library_names(milvus))
    with pytest.raises(LibraryError, match="nothing was removed"):
        remove_index(library_address(milvus, "b"))
    with pytest.raises(LibraryError, match="There is no library at"):
        open_index(library_address(milvus, "b"), "m")


@pytest.mark.slow
def test_a_server_that_stops_ends_in_a_sentence_and_a_whole_library(tmp_path):
    process, address = start_milvus(tmp_path / "data")
    try:
        index = MilvusIndex.create(f"{address}#x", "x", "m", WIDTH)
        index.add(batches(60, 30))
        before, rows = index.info, index.search(unit(0), 5).rows.tolist()

        def stopping():
            yield batch(range(60, 90))
            process.kill()  # no chance to tidy up
            process.wait()
            yield batch(range(90, 120))

        started = time.monotonic()
        with pytest.raises(LibraryError, match=r"did not do what was asked: .*Check that it runs"):
            index.add(stopping())
        with pytest.raises(LibraryError, match="did not do what was asked"):
            index.search(unit(0), 5)
        with pytest.raises(LibraryError, match=r"cannot be opened|did not do what was asked"):
            MilvusIndex.open(f"{address}#x")
        assert time.monotonic() - started < 60
    finally:
        stop_milvus(process)
    process, address = start_milvus(tmp_path / "data")
    try:
        index = MilvusIndex.open(f"{address}#x")
        assert (index.info, index.search(unit(0), 5).rows.tolist()) == (before, rows)
        index.add([batch(range(60, 120))])
        index.verify()
        expected = batch(range(120))
        assert list(index.iter_molecules()) == expected.molecules
        scores = expected.vectors @ unit(0) + expected.constants
        assert index.search(unit(0), 9).rows.tolist() == np.argsort(-scores)[:9].tolist()
    finally:
        stop_milvus(process)


def test_without_pymilvus_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)  # makes importing it fail
    with pytest.raises(LibraryError, match="pip install pymilvus milvus-lite"):
        MilvusIndex.open("http://127.0.0.1:1#x")


@pytest.mark.parametrize("address", ["drugs", "lib.db", "http://127.0.0.1:19530", "lib.db#", "ftp://x#y"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(InputError, match="expected SERVER#NAME"):
        Store(address)


def test_an_engine_refuses_an_address_that_is_not_its_own(tmp_path):
    with pytest.raises(InputError, match="no address of the index engine 'milvus'"):
        create_index(tmp_path / "x", "x", "m", WIDTH, engine="milvus")
    with pytest.raises(InputError, match="no address of the index engine 'exact'"):
        create_index("http://127.0.0.1:19530#x", "x", "m", WIDTH, engine="exact")
    with pytest.raises(InputError, match="no index engine 'faiss'; choose one of: exact, milvus"):
        create_index(tmp_path / "x", "x", "m", WIDTH, engine="faiss")


def test_lowered_rows_never_push_a_hit_out_unseen(new, monkeypatch):
    everything = batch(range(60))
    new.add([everything])
    monkeypatch.setattr(milvus_index, "TOP_K", 50)
    scores = everything.vectors @ unit(3) + everything.constants
    lowered = {int(row): -9.0 for row in np.argsort(-scores)[:2]}
    result = new.search(unit(3), 40, bonuses=lowered)
    assert result.rows.tolist() == np.argsort(-scores)[2:42].tolist()
    with pytest.raises(InputError, match="49 hits with 2 rows lowered need more than the 50 rows"):
        new.search(unit(3), 49, bonuses=lowered)


@pytest.mark.slow
def test_a_server_that_stops_in_mid_search_ends_every_search_in_a_sentence(tmp_path):
    process, address = start_milvus(tmp_path / "data")
    ends, answers = [], []
    try:
        index = MilvusIndex.create(f"{address}#x", "x", "m", WIDTH)
        index.add(batches(300, 100))
        before, expected = index.info, index.search(unit(0), 5).rows.tolist()
        searching = threading.Barrier(4)

        def search():
            opened = MilvusIndex.open(index.address)
            searching.wait(30)
            try:
                while time.monotonic() < deadline:
                    answers.append(opened.search(unit(0), 5).rows.tolist())
            except LibraryError as error:
                ends.append(str(error))

        deadline = time.monotonic() + 90
        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        searching.wait(30)
        while len(answers) < 6:  # all of them are in the middle of it
            time.sleep(0.01)
        process.kill()
        process.wait()
        for thread in threads:
            thread.join(90)
    finally:
        stop_milvus(process)
    assert len(ends) == 3
    assert all("did not do what was asked" in end and "Check that it runs" in end for end in ends)
    assert all(answer == expected for answer in answers)
    process, address = start_milvus(tmp_path / "data")
    try:
        again = MilvusIndex.open(f"{address}#x")
        again.verify()
        assert (again.info, again.search(unit(0), 5).rows.tolist()) == (before, expected)
    finally:
        stop_milvus(process)
