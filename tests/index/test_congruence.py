"""Every engine against brute force in numpy: the same rows, the same scores, whatever the filter."""

import numpy as np
import pytest

from molsearch.errors import InputError, LibraryError
from molsearch.index.base import ENGINES, create_index, library_address, open_index
from molsearch.index.batch import Batch
from molsearch.records import PropertyRange
from tests.index.samples import WIDTH, batch, batches, unit

COUNT = 1300  # more than two blocks of the exact scan


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def new_address(engine, request, tmp_path_factory):
    """Returns addresses for new libraries of this engine: below a folder, or on a real server over TCP."""
    home = request.getfixturevalue("milvus") if engine == "milvus" else tmp_path_factory.mktemp(engine)
    return lambda name: library_address(home, name)


@pytest.fixture(scope="module")
def whole():
    """All molecules of the library in one batch, ties included: rows 7, 600 and 1299 share vector and constant."""
    every = batch(range(COUNT))
    for row in (600, 1299):
        every.vectors[row], every.constants[row] = every.vectors[7], every.constants[7]
    return every


@pytest.fixture(scope="module")
def index(engine, new_address, whole):
    """The library added in three transactions of uneven batches."""
    made = create_index(new_address("congruent"), "congruent", "model-1", WIDTH, engine=engine)
    for start, stop in ((0, 500), (500, 501), (501, COUNT)):
        made.add([part(whole, start, (start + stop) // 2), part(whole, (start + stop) // 2, stop)])
    return made


def part(whole, start, stop):
    rows = slice(start, stop)
    columns = {name: values[rows] for name, values in whole.properties.items()}
    return Batch(whole.molecules[rows], whole.vectors[rows], whole.constants[rows], columns)


def brute_force(whole, query, k, ranges=(), mask=None, bonuses=None):
    """The oracle: every score in float64, filtered, sorted by score and row."""
    dots = whole.vectors.astype(np.float64) @ query.astype(np.float64)
    scores = dots + whole.constants
    for row, bonus in (bonuses or {}).items():
        scores[row] += bonus
    kept = np.ones(len(scores), dtype=bool) if mask is None else mask.copy()
    for wanted in ranges:
        column = whole.properties[wanted.name]
        kept &= column >= (-np.inf if wanted.low is None else wanted.low)
        kept &= column <= (np.inf if wanted.high is None else wanted.high)
    order = sorted(np.flatnonzero(kept), key=lambda row: (-np.float32(scores[row]), row))[:k]
    return np.array(order, dtype=np.int64), scores[order], dots[order], scores[kept]


MASKS = {
    "none": None,
    "half": np.random.default_rng(1).random(COUNT) < 0.5,
    "one percent": np.random.default_rng(2).random(COUNT) < 0.01,
    "a run": (np.arange(COUNT) >= 400) & (np.arange(COUNT) < 1000),
    "nothing": np.zeros(COUNT, dtype=bool),
}
RANGES = {
    "none": (),
    "mass": (PropertyRange("mass_da", 200.0, 300.0),),
    "two": (PropertyRange("mass_da", None, 250.0), PropertyRange("rings", 3.0)),
    "exact value": (PropertyRange("rings", 2.0, 2.0),),
    "open": (PropertyRange("mass_da"),),
    "impossible": (PropertyRange("rings", 9.0),),
}


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_search_equals_brute_force(index, whole, ranges, mask):
    for seed in range(3):
        query = unit(seed)
        rows, scores, cosines, distribution = brute_force(whole, query, 25, ranges, mask)
        result = index.search(query, 25, ranges=ranges, mask=mask)
        assert result.rows.tolist() == rows.tolist()
        np.testing.assert_allclose(result.scores, scores, atol=1e-6)
        np.testing.assert_allclose(result.cosines, cosines, atol=1e-6)
        np.testing.assert_allclose(result.distribution, distribution, atol=1e-5)
        assert result.searched == len(distribution)
    assert index.count(ranges, mask) == len(distribution)


@pytest.mark.parametrize("bonuses", [{3: 2.0}, {3: 2.0, 900: 0.1, 1299: -0.5}, {7: -9.0}])
@pytest.mark.parametrize("ranges", [RANGES["none"], RANGES["mass"]])
def test_bonuses_lift_rows_that_pass_the_filters(index, whole, bonuses, ranges):
    rows, scores, cosines, distribution = brute_force(whole, unit(5), 10, ranges, None, bonuses)
    result = index.search(unit(5), 10, ranges=ranges, bonuses=bonuses)
    assert result.rows.tolist() == rows.tolist()
    np.testing.assert_allclose(result.scores, scores, atol=1e-6)
    np.testing.assert_allclose(result.cosines, cosines, atol=1e-6)
    np.testing.assert_allclose(np.sort(result.distribution), np.sort(distribution), atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_fall_by_row_order(index, whole, k):
    result = index.search(whole.vectors[7], k, mask=np.isin(np.arange(COUNT), [7, 600, 1299]))
    assert result.rows.tolist() == [7, 600, 1299][:k]
    assert len(set(result.scores.tolist())) == 1


def test_k_beyond_the_library_returns_all_of_it(index, whole):
    result = index.search(unit(8), COUNT + 100)
    assert sorted(result.rows.tolist()) == list(range(COUNT))
    assert result.rows.tolist() == brute_force(whole, unit(8), COUNT)[0].tolist()


def test_an_empty_library_finds_nothing(engine, new_address):
    empty = create_index(new_address("empty"), "empty", "model-1", WIDTH, engine=engine)
    result = empty.search(unit(0), 5)
    assert (len(result.rows), len(result.distribution), result.searched) == (0, 0, 0)
    assert empty.count(RANGES["none"]) == 0
    assert (list(empty.iter_molecules()), list(empty.rejections()), empty.rows_of(["C"])) == ([], [], {})


def test_everything_stored_comes_back(index, whole):
    assert list(index.iter_molecules()) == whole.molecules
    assert index.keys([1299, 0, 600, 0]) == [whole.molecules[row].key for row in (1299, 0, 600, 0)]
    assert index.molecules([1299, 0, 600]) == [whole.molecules[1299], whole.molecules[0], whole.molecules[600]]
    np.testing.assert_array_equal(np.asarray(index.vectors(), dtype=np.float32), whole.vectors)
    np.testing.assert_array_equal(index.vectors_of([1299, 0, 600, 0]), whole.vectors[[1299, 0, 600, 0]])
    np.testing.assert_array_equal(index.properties("rings"), whole.properties["rings"])
    keys = [whole.molecules[900].key, "no such key", whole.molecules[2].key]
    assert index.rows_of(keys) == {keys[0]: 900, keys[2]: 2}


def test_reopened_it_answers_the_same(index):
    again = open_index(index.address, "model-1")
    assert again.info == index.info
    assert again.search(unit(4), 7).rows.tolist() == index.search(unit(4), 7).rows.tolist()


def test_another_model_is_refused(index):
    with pytest.raises(LibraryError, match="embedded by model model-1, but model model-2"):
        open_index(index.address, "model-2")


def test_a_failed_addition_leaves_nothing(engine, new_address):
    made = create_index(new_address("failing"), "failing", "model-1", WIDTH, engine=engine)
    made.add(batches(30, 30))
    before = made.info, made.search(unit(1), 5).rows.tolist()

    def failing():
        yield batch(range(100, 150))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        made.add(failing())
    again = open_index(made.address, "model-1")
    assert (again.info, again.search(unit(1), 5).rows.tolist()) == before
    again.add([batch(range(100, 150))])
    assert again.info.molecules == 80


def test_a_known_key_brings_sources_and_no_second_row(engine, new_address):
    made = create_index(new_address("joined"), "joined", "model-1", WIDTH, engine=engine)
    made.add([batch([1, 2, 3])])
    made.add([batch([4, 2, 4])])
    assert (made.info.molecules, made.info.records) == (4, 6)
    assert [len(molecule.sources) for molecule in made.iter_molecules()] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"k": 0}, "number of hits is 0, expected 1 or more"),
        ({"vector": np.zeros(WIDTH, np.float32)}, "length 0.0, expected about 1"),
        ({"vector": np.full(WIDTH, np.nan, np.float32)}, "length nan"),
        ({"vector": np.ones(WIDTH + 1, np.float32)}, "expected \\(24,\\)"),
        ({"mask": np.ones(3, dtype=bool)}, "expected \\(1300,\\) of bool"),
        ({"ranges": [PropertyRange("logp", 0, 1)]}, "no property 'logp'; it holds: mass_da, rings"),
        ({"ranges": [PropertyRange("rings", 2, 1)]}, "from 2 to 1, expected the lower limit first"),
        ({"ranges": [PropertyRange("rings", float("nan"))]}, "not a number"),
        ({"bonuses": {COUNT: 1.0}}, "row 1300, expected 0 to 1299"),
    ],
)
def test_a_bad_question_is_answered_in_a_sentence(index, arguments, sentence):
    call = {"vector": unit(0), "k": 5, **arguments}
    with pytest.raises(InputError, match=sentence):
        index.search(call.pop("vector"), call.pop("k"), **call)
