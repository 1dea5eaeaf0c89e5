"""Hard negatives: which molecules look alike, and batches in which they meet.

In a batch drawn at random hardly any molecule resembles another, so that telling stereoisomers, homologues and
conjugate pairs apart is never asked for. Here each caption brings those of its molecule's nearest neighbours along.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from molsearch.chem.batch.arrays import FRAGMENT_SIZE, GraphStore

Ints = npt.NDArray[np.int64]

_WIDTH = 256
_BLOCK = 1_024


def nearest_molecules(store: GraphStore, molecules: Ints, count: int) -> Ints:
    """Find the most alike molecules of each: by cosine of their log-counted, IDF-weighted fragments.

    Args:
        store: Graphs.
        molecules: (M,) distinct rows of ``store``.
        count: Neighbours of each; fewer molecules give fewer.

    Returns:
        (M, count) places in ``molecules``, nearest first, never the molecule itself.
    """
    chosen = store.take(molecules)
    numbers = chosen.graph.fragments
    held = np.bincount(numbers, minlength=FRAGMENT_SIZE)
    weights = np.log1p(chosen.graph.counts) * np.log(len(molecules) / np.maximum(held, 1))[numbers]
    # A random projection keeps the cosines (Johnson & Lindenstrauss 1984) at a hundredth of the width.
    table = torch.randn(FRAGMENT_SIZE, _WIDTH, generator=torch.Generator().manual_seed(0))
    offsets = torch.from_numpy(chosen.fragment_offsets[:-1])
    share = torch.from_numpy(weights.astype(np.float32))
    summed = F.embedding_bag(torch.from_numpy(numbers), table, offsets, mode="sum", per_sample_weights=share)
    vectors = F.normalize(summed, dim=-1).numpy()  # (M, 256)
    count = min(count, len(molecules) - 1)
    nearest = np.empty((len(molecules), count), np.int64)
    for start in range(0, len(molecules), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T  # (B, M)
        here = np.arange(len(cosines))
        cosines[here, start + here] = -np.inf
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(cosines, best, 1), axis=1, kind="stable")
        nearest[start : start + _BLOCK] = np.take_along_axis(best, order, 1)
    return nearest


def neighbour_batches(
    molecules: Ints, neighbours: Ints, lengths: Sequence[int], size: int, group: int, seed: int, epoch: int = 0
) -> list[Ints]:
    """Order captions into batches made of groups: a caption drawn at random with those of its nearest neighbours.

    Args:
        molecules: (N,) place of each caption's molecule in ``neighbours``.
        neighbours: (M, K) from ``nearest_molecules``.
        lengths: (N,) length of each caption; groups of like length share a batch, so that little is padding.
        size: Captions a batch; an incomplete one is left out.
        group: Captions a group, at most.
        seed: Of the whole training.
        epoch: Gives each pass its own order.

    Returns:
        Row numbers of each batch, (size,) each, in random order; no row stands twice.
    """
    rng = np.random.default_rng((seed, epoch))
    waiting: list[list[int]] = [[] for _ in range(len(neighbours))]  # captions of each molecule, in random order
    for row in rng.permutation(len(molecules)).tolist():
        waiting[int(molecules[row])].append(row)
    groups: list[list[int]] = []
    for molecule in rng.permutation(len(neighbours)).tolist():
        while waiting[molecule]:
            # One caption a molecule: two of them would not count as negatives of each other.
            others = [other for other in neighbours[molecule].tolist() if waiting[other]][: group - 1]
            groups.append([waiting[member].pop() for member in (molecule, *others)])
    order = rng.permutation(len(groups)).tolist()
    share = max(1, 16 * size // group)  # groups of about 16 batches
    rows: list[int] = []
    for start in range(0, len(order), share):
        drawn = [groups[number] for number in order[start : start + share]]
        drawn.sort(key=lambda members: max(lengths[row] for row in members))
        rows += [row for members in drawn for row in members]
    shift = int(rng.integers(len(rows) % size + 1))
    cut = [np.array(rows[at : at + size], np.int64) for at in range(shift, len(rows) - size + 1, size)]
    return [cut[number] for number in rng.permutation(len(cut)).tolist()]
