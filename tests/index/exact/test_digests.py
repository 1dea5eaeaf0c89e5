"""Rows by digest agree with a dict, repeats and half-equal digests included."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.index.exact.digests import DigestRows

PAIR = st.tuples(st.integers(0, 3), st.integers(0, 3))  # halves that often are equal


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PAIR, max_size=12), max_size=6), st.dictionaries(PAIR, st.integers(0, 99)))
def test_new_digests_are_told_apart_as_a_dict_does(batches, older):
    table, rows, count = DigestRows(), dict(older), 100
    for batch in batches:
        digests = np.array(batch, np.uint64).reshape(-1, 2)
        known = np.array([older.get(pair, -1) for pair in batch], np.int64)
        fresh, owners = table.split_new(digests, known, count)
        expected_fresh, expected_owners = [], {}
        for place, pair in enumerate(batch):
            if pair in rows:
                expected_owners[place] = rows[pair]
            else:
                rows[pair] = count
                count += 1
                expected_fresh.append(place)
        assert (fresh, owners) == (expected_fresh, expected_owners)


def test_memory_is_a_few_bytes_a_molecule():
    table, rng = DigestRows(), np.random.default_rng(0)
    for start in range(0, 40_000, 4_000):
        digests = rng.integers(0, 1 << 63, (4_000, 2), dtype=np.uint64)
        fresh, owners = table.split_new(digests, np.full(4_000, -1), start)
        assert (len(fresh), owners) == (4_000, {})
        assert table.find(digests[::-1]).tolist() == list(range(start, start + 4_000))[::-1]
    held = [array for run in table._runs for array in (run.lows, run.highs, run.rows)]
    assert sum(array.nbytes for array in held) == 24 * 40_000
    assert len(table._runs) <= 5
