"""Diverse picks and cluster representatives on molecules whose likeness a chemist sees."""

import pytest
from rdkit.DataStructs import BulkTanimotoSimilarity

from molsearch.chem.diversity import MAX_CLUSTERED, MAX_DIVERSE, Cluster, clusters, diverse, fingerprints
from molsearch.errors import Cancelled, InputError

ALKANOLS = ["CCCCCCO", "CCCCCCCO", "CCCCCCCCO"]  # hexanol, heptanol, octanol
BENZOATES = ["COC(=O)c1ccccc1", "CCOC(=O)c1ccccc1"]
SULFONAMIDE = "NS(=O)(=O)c1ccc(N)cc1"
MIXED = [ALKANOLS[0], BENZOATES[0], ALKANOLS[1], SULFONAMIDE, BENZOATES[1], ALKANOLS[2]]


def test_the_first_pick_is_the_best_and_the_next_is_unlike_it() -> None:
    picked = diverse([*ALKANOLS, SULFONAMIDE], 2)
    assert picked == [0, 3]


def test_each_family_is_picked_before_any_twice() -> None:
    assert sorted(diverse(MIXED, 3)) == [0, 1, 3]


def test_every_pick_is_the_farthest_from_those_before() -> None:
    found = fingerprints(MIXED)
    distance = [[1 - value for value in BulkTanimotoSimilarity(one, found)] for one in found]
    picked = diverse(MIXED, len(MIXED))
    for place in range(1, len(picked)):
        nearest = {
            row: min(distance[row][one] for one in picked[:place]) for row in set(range(6)) - set(picked[:place])
        }
        assert nearest[picked[place]] == max(nearest.values())


def test_of_equally_far_molecules_the_better_ranked_is_picked() -> None:
    assert diverse(["CCCCCCO", "Clc1ccccc1", "Clc1ccccc1"], 2) == [0, 1]


def test_a_seed_draws_the_first_pick_and_repeats() -> None:
    assert diverse(MIXED, 4, seed=7) == diverse(MIXED, 4, seed=7)
    assert len({diverse(MIXED, 1, seed=seed)[0] for seed in range(20)}) > 1


@pytest.mark.parametrize(("count", "given"), [(10, 6), (6, 6), (1, 1)])
def test_as_many_are_picked_as_there_are(count: int, given: int) -> None:
    assert len(set(diverse(MIXED, count))) == given


def test_nothing_is_picked_of_nothing() -> None:
    assert diverse([], 5) == []
    assert clusters([]) == []


def test_the_families_become_clusters_the_largest_first() -> None:
    found = clusters(MIXED, 0.7)
    assert [set(cluster.members) for cluster in found] == [{0, 2, 5}, {1, 4}, {3}]


def test_the_centre_is_a_member_and_stands_first() -> None:
    assert all(cluster.members[0] == cluster.centre for cluster in clusters(MIXED, 0.7))


def test_the_centre_has_the_most_neighbours() -> None:
    # ethyl benzoate lies within 0.6 of the methyl and the propyl ester, which lie farther from each other
    esters = ["COC(=O)c1ccccc1", "CCOC(=O)c1ccccc1", "CCCOC(=O)c1ccccc1"]
    one, other = BulkTanimotoSimilarity(fingerprints(esters)[1], [fingerprints(esters)[i] for i in (0, 2)])
    between = BulkTanimotoSimilarity(fingerprints(esters)[0], [fingerprints(esters)[2]])[0]
    cutoff = 1 - (min(one, other) + between) / 2
    assert clusters(esters, cutoff) == [Cluster(1, (1, 0, 2))]


def test_of_equally_large_clusters_the_better_ranked_comes_first() -> None:
    assert [cluster.centre for cluster in clusters([SULFONAMIDE, "CCCCCCO", "c1ccncc1"], 0.2)] == [0, 1, 2]


@pytest.mark.parametrize("cutoff", [0.0, 0.35, 0.7, 1.0])
def test_every_molecule_stands_in_exactly_one_cluster(cutoff: float) -> None:
    members = [member for cluster in clusters(MIXED, cutoff) for member in cluster.members]
    assert sorted(members) == list(range(len(MIXED)))


def test_the_widest_cutoff_makes_one_cluster_and_the_narrowest_joins_equals_only() -> None:
    assert len(clusters(MIXED, 1.0)) == 1
    assert [len(cluster.members) for cluster in clusters(["CCO", "CO", "OCC"], 0.0)] == [2, 1]


@pytest.mark.parametrize("cutoff", [-0.1, 1.1, float("nan")])
def test_a_cutoff_out_of_range_is_a_sentence(cutoff: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        clusters(MIXED, cutoff)


def test_more_molecules_than_can_be_compared_are_refused_with_the_limit() -> None:
    with pytest.raises(InputError, match="at most 5,000"):
        clusters(["C"] * (MAX_CLUSTERED + 1))
    with pytest.raises(InputError, match="at most 50,000"):
        diverse(["C"] * (MAX_DIVERSE + 1), 3)


def test_a_long_clustering_can_be_cancelled() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        clusters(MIXED, 0.5, stop)
