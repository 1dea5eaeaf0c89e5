"""What the embedded engine promises beyond the congruence of all engines."""

import numpy as np
import pytest

from molsearch.errors import InputError, LibraryError
from molsearch.index.base import library_names, open_index, read_info, remove_index
from molsearch.index.batch import Batch
from molsearch.index.exact import scan, transaction
from molsearch.index.exact.engine import ExactIndex
from molsearch.index.exact.snapshot import key_digests
from molsearch.index.naming import library_folder
from molsearch.records import Entry, Molecule, PropertyRange, Reason, Rejection
from tests.index.samples import WIDTH, batch, batches, molecule, rejection, unit


@pytest.fixture
def index(tmp_path):
    return ExactIndex.create(tmp_path / "lib", "lib", "m", WIDTH)


def all_half_precision_numbers():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    return every[np.isfinite(every)]


def test_every_half_precision_number_is_widened_exactly():
    numbers = all_half_precision_numbers()
    matrix = numbers.reshape(-1, 1)
    np.testing.assert_array_equal(scan.dots(matrix, np.ones(1, np.float32)), numbers.astype(np.float32))


@pytest.mark.parametrize("scalar", ["float16", "float32"])
def test_fast_dots_lie_within_the_stated_error(scalar):
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((5000, 256)).astype(np.float32)
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(scalar)
    query = matrix[17].astype(np.float32)
    exact = matrix.astype(np.float64) @ query.astype(np.float64)
    fast = scan.dots(matrix, query)
    assert np.abs(fast - exact).max() <= scan.error_bound(query, fast) < 1e-4
    np.testing.assert_allclose(scan.precise(matrix, query, np.arange(5000)), exact, atol=1e-14)


def test_half_precision_keeps_the_top_100_of_full_precision(tmp_path):
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((4000, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    full = Batch([molecule(n) for n in range(4000)], vectors, np.zeros(4000, np.float32))
    tops = []
    for scalar in ("float16", "float32"):
        index = ExactIndex.create(tmp_path / scalar, scalar, "m", 256, scalar=scalar)
        index.add([full])
        assert index.vectors().dtype == scalar
        tops.append([set(index.search(vectors[i], 100).rows.tolist()) for i in range(20)])
    shared = [len(half & whole) for half, whole in zip(*tops, strict=True)]
    assert sum(shared) >= 1995  # of 2,000; equal but for pairs that half precision cannot tell apart


def test_a_filter_never_changes_a_score(index):
    index.add(batches(1200, 400))
    everything = index.search(unit(0), 1200)
    scores = dict(zip(everything.rows.tolist(), everything.scores.tolist(), strict=True))
    for seed in range(5):
        mask = np.random.default_rng(seed).random(1200) < 0.3
        result = index.search(unit(0), 1200, mask=mask)
        assert [scores[row] for row in result.rows.tolist()] == result.scores.tolist()


def test_hits_score_in_the_distribution_what_they_score_as_hits(index):
    index.add(batches(1200, 400))
    result = index.search(unit(0), 50)
    assert result.distribution[result.rows].tolist() == result.scores.tolist()
    assert np.sort(result.distribution)[::-1][:50].tolist() == result.scores.tolist()


def test_arguments_are_left_as_they_were(index):
    whole = batch(range(50))
    kept = [whole.vectors.copy(), whole.constants.copy(), whole.properties["rings"].copy()]
    index.add([whole])
    mask, query = np.arange(50) % 2 == 0, unit(0)
    index.search(query, 5, mask=mask, ranges=[PropertyRange("rings", 1)])
    for array, before in zip([whole.vectors, whole.constants, whole.properties["rings"]], kept, strict=True):
        np.testing.assert_array_equal(array, before)
    assert mask.tolist() == [row % 2 == 0 for row in range(50)]
    np.testing.assert_array_equal(query, unit(0))


def test_mapped_arrays_cannot_be_written(index):
    index.add([batch(range(5))])
    for array in (index.vectors(), index.properties("rings")):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_records_come_back_verbatim(index):
    text = "bad bytes \udcff, a null \x00, a bell \x07\r\n  indented\n"
    entry = Entry(7, text, "molblock", "näme\n", {"ü\udc80": text, "empty": "", "": "no name"})
    stored = Molecule("CCO", "", (entry, Entry(9, "OCC", "smiles")), ("cleanup", "reionize"))
    refused = [Rejection(entry, reason, text) for reason in Reason]
    index.add([Batch([stored], batch([0]).vectors, np.zeros(1, np.float32))], refused)
    again = open_index(index.address, "m")
    assert again.molecules([0]) == [stored]
    assert list(again.molecules([0])[0].sources[0].properties) == ["ü\udc80", "empty", ""]  # in their order
    assert list(again.rejections()) == refused


def test_counts_hold_over_additions(index):
    index.add([batch([1, 2])], [rejection(1)])
    index.add([batch([2, 3, 3])], [rejection(2), rejection(3)])
    info = open_index(index.address, "m").info
    stored = sum(len(m.sources) for m in index.iter_molecules())
    assert (info.molecules, info.rejections, info.records) == (3, 3, stored + 3) == (3, 3, 8)


def test_a_name_and_changes_may_come_with_a_later_source(index):
    nameless = Molecule("CCO", "", (Entry(1, "CCO", "smiles"),), ("cleanup",))
    named = Molecule("CCO", "ethanol", (Entry(1, "OCC", "smiles", "ethanol"),), ("reionize", "cleanup"))
    single = batch([0])
    index.add([Batch([nameless], single.vectors, single.constants)])
    index.add([Batch([named], -single.vectors, single.constants + 1)])
    (joined,) = index.iter_molecules()
    assert joined == Molecule("CCO", "ethanol", nameless.sources + named.sources, ("cleanup", "reionize"))
    np.testing.assert_array_equal(np.asarray(index.vectors(), np.float32), single.vectors)


def test_sources_join_in_the_order_they_came(index):
    index.add([batch([5])])
    for number in range(3):
        twin = Molecule(molecule(5).key, "", (Entry(number, f"again {number}", "smiles"),))
        index.add([Batch([twin], batch([5]).vectors, np.zeros(1, np.float32))])
    assert [s.text for s in index.molecules([0])[0].sources][1:] == ["again 0", "again 1", "again 2"]


def test_a_property_that_comes_later_has_no_value_before(index):
    index.add([batch(range(3))])
    plain = batch(range(3, 6))
    index.add([Batch(plain.molecules, plain.vectors, plain.constants, {"logp": np.arange(3, dtype=np.float32)})])
    assert index.property_names == ("mass_da", "rings", "logp")
    np.testing.assert_array_equal(index.properties("logp"), [np.nan] * 3 + [0, 1, 2])
    np.testing.assert_array_equal(index.properties("rings"), [0, 1, 2] + [np.nan] * 3)
    assert index.search(unit(0), 9, ranges=[PropertyRange("logp", None, 1.0)]).searched == 2
    assert index.search(unit(0), 9, ranges=[PropertyRange("rings", 0)]).searched == 3
    open_index(index.address, "m").verify()


def test_a_limit_equal_to_a_value_includes_it(index):
    plain = batch(range(2))
    masses = {"mass_da": np.array([180.042, 180.043], dtype=np.float32)}
    index.add([Batch(plain.molecules, plain.vectors, plain.constants, masses)])
    assert index.search(unit(0), 5, ranges=[PropertyRange("mass_da", 180.042, 180.042)]).rows.tolist() == [0]
    assert index.search(unit(0), 5, ranges=[PropertyRange("mass_da", -1e300, 1e300)]).searched == 2


def test_segments_are_invisible(tmp_path, monkeypatch):
    monkeypatch.setattr(transaction, "SEGMENT_ROWS", 300)
    index = ExactIndex.create(tmp_path / "many", "many", "m", WIDTH)
    index.add(batches(1000, 100), (rejection(i) for i in range(700)))
    assert sum(path.name.startswith("molecules-") for path in (tmp_path / "many").iterdir()) == 4
    expected = batch(range(1000))
    assert list(index.iter_molecules()) == expected.molecules
    assert index.molecules([999, 300, 299, 0]) == [molecule(n) for n in (999, 300, 299, 0)]
    assert [r.entry.row for r in index.rejections()] == list(range(700))
    np.testing.assert_array_equal(index.vectors(), expected.vectors.astype(np.float16))


def test_batch_sizes_do_not_show_in_what_is_found(tmp_path):
    answers = []
    for size in (1, 7, 256, 1000):
        index = ExactIndex.create(tmp_path / str(size), "x", "m", WIDTH)
        index.add(batches(300, size))
        answers.append(index.search(unit(2), 300).rows.tolist())
    assert all(answer == answers[0] for answer in answers)


def test_key_digests_tell_keys_apart_that_share_their_first_half(index):
    index.add([batch(range(100))])
    digests = key_digests([molecule(3).key, molecule(4).key]).copy()
    digests[0, 1] ^= 1  # a key whose first 64 bits collide with a stored one
    assert index._snapshot.find(digests).tolist() == [-1, 4]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vectors": np.zeros((2, WIDTH), np.float32)}, "length 0.000 to 0.000, expected 1"),
        ({"vectors": np.ones((2, 3), np.float32)}, r"vectors of shape \(2, 3\), expected \(2, 24\)"),
        ({"vectors": np.full((2, WIDTH), np.nan, np.float32)}, "not finite"),
        ({"constants": np.array([1, np.inf], np.float32)}, "not finite"),
        ({"constants": np.zeros(3, np.float32)}, r"constants of shape \(3,\), expected \(2,\)"),
        ({"properties": {"x": np.zeros(1, np.float32)}}, r"property x of shape \(1,\)"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_and_nothing_stored(index, change, sentence):
    good = batch([1, 2])
    parts = {"vectors": good.vectors, "constants": good.constants, "properties": good.properties, **change}
    with pytest.raises(InputError, match=sentence):
        index.add([batch([7]), Batch(good.molecules, **parts)])
    assert open_index(index.address, "m").info.molecules == 0


def test_an_unknown_row_is_refused(index):
    index.add([batch(range(3))])
    for rows in ([3], [-1], [0, 1, 99]):
        with pytest.raises(InputError, match="expected 0 to 2"):
            index.molecules(rows)
    assert index.molecules([]) == [] and index.keys([]) == []


def test_libraries_are_listed_described_and_removed_by_name(tmp_path):
    for name in ("Säure/1", "b", "../../x"):
        ExactIndex.create(library_folder(tmp_path, name), name, "m", WIDTH).add([batch([1])])
    (tmp_path / "stray").mkdir()
    (tmp_path / "a copy").mkdir()
    (tmp_path / "a copy" / "manifest.json").write_text("{}")
    assert library_names(tmp_path) == ["../../x", "Säure/1", "b"]
    assert read_info(library_folder(tmp_path, "b")).molecules == 1
    remove_index(library_folder(tmp_path, "../../x"))
    assert library_names(tmp_path) == ["Säure/1", "b"]
    assert library_names(tmp_path / "nowhere") == []
    with pytest.raises(LibraryError, match="There is no library"):
        open_index(library_folder(tmp_path, "c"), "m")
