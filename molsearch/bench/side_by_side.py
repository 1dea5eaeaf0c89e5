"""This program beside what a user would otherwise use, timed in one run on one machine: the ratio is the figure.

Embedding, against the way the published retrieval code embeds its pool (Text2Mol, Edwards et al., EMNLP 2021, and its
successors): PyTorch Geometric's ``from_smiles`` and a graph convolutional network, one molecule after the other.
Searching, against FAISS's exact index ``IndexFlatIP``, plain and under a property filter that one molecule in a hundred
passes. Both sides are given the same input, cores and threads.
"""

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from molsearch.chem.sandbox.process import cores
from molsearch.errors import InputError
from molsearch.index.base import Batch, create_index
from molsearch.library.embedding import embed
from molsearch.model.dual import DualEncoder
from molsearch.model.runtime import thread_count, use_threads
from molsearch.records import Entry, Molecule, Progress, PropertyRange
from molsearch.screener import Screener

Floats = npt.NDArray[np.float32]
Clock = Callable[[], float]  # seconds
Ask = Callable[[Floats], npt.NDArray[np.int64]]  # a query vector -> rows, best first

MOLECULES = 2_000  # embedded by both sides
SIZES = (29_200, 200_000)  # molecules searched
WARM = 300  # molecules embedded first and not counted, so that both sides have met most kinds of atoms
WIDTH = 256
QUERIES = 30  # a median over this many
K = 20
GCN_WIDTH, GCN_LAYERS, GCN_INPUT, GCN_OUTPUT = 600, 3, 300, 300  # as Text2Mol's molecule encoder has them
FEATURE_SIZES = 128  # more than any code of from_smiles
NO_FAISS = "FAISS is not installed, so searching has nothing to stand beside: pip install faiss-cpu"


@dataclass(frozen=True, slots=True)
class Lap:
    """One thing that both sides did.

    Attributes:
        what: In words.
        beside: What the other side is.
        size: Molecules embedded, or searched.
        ours: In ``unit``.
        theirs: In ``unit``.
        unit: "molecules/s", where more is better, or "ms", where less is.
        ratio: How many times better ours is.
        agreement: Share of the other side's best K that ours found too; None where answers cannot be compared.
    """

    what: str
    beside: str
    size: int
    ours: float
    theirs: float
    unit: str
    ratio: float
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """All laps of one run, and in plain sentences what was left out."""

    laps: tuple[Lap, ...]
    notes: tuple[str, ...]


def side_by_side(
    screener: Screener,
    file: Path,
    *,
    molecules: int = MOLECULES,
    sizes: Sequence[int] = SIZES,
    progress: Progress | None = None,
) -> SideBySide:
    """Time both sides.

    Args:
        screener: Whose model embeds.
        file: Molecules to embed.
        molecules: How many of them.
        sizes: How many vectors to search.
        progress: Called after each lap.

    Raises:
        InputError: If the file cannot be read or holds no molecule.
    """
    with screener.read(file) as library:
        # Both sides are given clean structures, each from a record of its own.
        keys = [molecule.key for molecule in islice(library.molecules(), molecules)]
    if not keys:
        raise InputError(f"{file} holds no molecule to measure with; give another file with --embed-file.")
    total = 1 + len(sizes)
    laps = list(embedding_laps(screener.model, keys))
    notes = []
    if progress:
        progress(1, total)
    if importlib.util.find_spec("faiss") is None:
        notes.append(NO_FAISS)
        sizes = ()
    for done, size in enumerate(sizes, start=2):
        laps += search_laps(size)
        if progress:
            progress(done, total)
    return SideBySide(tuple(laps), tuple(notes))


def embedding_laps(model: DualEncoder, smiles: Sequence[str]) -> list[Lap]:
    """Time both sides from SMILES to vectors, on one thread by processor time, then on all cores by the clock.

    Ours also computes properties and 1,005 chemical classes on the way, as it needs them to filter and to score.
    """
    records = [Molecule(key, "", (Entry(row, key, "smiles"),)) for row, key in enumerate(smiles, start=1)]

    def ours(workers: int, clock: Clock) -> float:
        list(embed(records[:WARM], model, workers=0, reject=lambda _: None, half=half))  # warm
        start = clock()
        done = sum(
            len(batch.molecules) for batch in embed(records, model, workers=workers, reject=lambda _: None, half=half)
        )
        return done / (clock() - start)

    half = True  # as an addition of a large library is embedded; in float32 where the processor lacks it
    before = thread_count()
    try:
        use_threads(1)
        theirs = one_at_a_time(smiles, time.process_time)
        alone = ours(0, time.process_time)
        use_threads(cores())
        together = one_at_a_time(smiles, time.perf_counter)
        everything = ours(cores() if cores() > 1 else 0, time.perf_counter)
    finally:
        use_threads(before)
    other = f"from_smiles + {GCN_LAYERS} GCN layers of {GCN_WIDTH}, one molecule at a time"
    count = len(smiles)
    return [
        Lap("embed, one thread, processor time", other, count, alone, theirs, "molecules/s", alone / theirs),
        Lap(f"embed, {cores()} cores", other, count, everything, together, "molecules/s", everything / together),
    ]


def one_at_a_time(smiles: Sequence[str], clock: Clock) -> float:
    """Embed as published retrieval code does; return molecules a second of the clock.

    Text2Mol looks its node features up (mol2vec, 300 wide); here they are looked up by what ``from_smiles`` gives.
    The weights are random: they do not change the time.
    """
    import torch
    from torch import nn
    from torch_geometric.nn import GCNConv, global_mean_pool
    from torch_geometric.utils import from_smiles

    torch.manual_seed(0)
    table = nn.EmbeddingBag(9 * FEATURE_SIZES, GCN_INPUT, mode="sum")  # nine codes an atom
    offsets = torch.arange(9) * FEATURE_SIZES
    widths = [GCN_INPUT, *[GCN_WIDTH] * GCN_LAYERS]
    layers = nn.ModuleList(GCNConv(a, b) for a, b in pairwise(widths))
    head = nn.Sequential(
        nn.Linear(GCN_WIDTH, GCN_WIDTH), nn.ReLU(), nn.Linear(GCN_WIDTH, GCN_WIDTH), nn.ReLU(),
        nn.Linear(GCN_WIDTH, GCN_OUTPUT), nn.LayerNorm(GCN_OUTPUT),
    )  # fmt: skip

    @torch.inference_mode()
    def vector(key: str) -> torch.Tensor:
        graph = from_smiles(key)
        x = table(graph.x.clamp(max=FEATURE_SIZES - 1) + offsets)  # (A, 300)
        for number, layer in enumerate(layers):
            x = layer(x, graph.edge_index)  # (A, 600)
            if number < GCN_LAYERS - 1:
                x = x.relu()
        pooled: torch.Tensor = head(global_mean_pool(x, torch.zeros(len(x), dtype=torch.long)))  # (1, 300)
        return pooled

    for key in smiles[:WARM]:
        vector(key)  # warm
    start = clock()
    for key in smiles:
        vector(key)
    return len(smiles) / (clock() - start)


def search_laps(size: int, seed: int = 0) -> list[Lap]:
    """Time both sides on the same random unit vectors (N, 256), one query at a time, on all cores.

    FAISS keeps float32 in memory. Ours maps half precision from a file and returns exact scores of what it stores.
    """
    rng = np.random.default_rng(seed)
    vectors = unit(rng.standard_normal((size, WIDTH), np.float32))
    mass_da = rng.uniform(100, 600, size).astype(np.float32)
    low, high = np.quantile(mass_da, [0.5, 0.51])
    queries = unit(rng.standard_normal((QUERIES, WIDTH), np.float32))
    wanted = PropertyRange("mass_da", float(low), float(high))
    with tempfile.TemporaryDirectory(prefix="molsearch-beside-") as folder:
        index = create_index(Path(folder) / "index", "beside", "random", WIDTH)
        molecules = [Molecule(f"[{row}C]", "", (Entry(row, "C", "smiles"),)) for row in range(size)]
        index.add([Batch(molecules, vectors, np.zeros(size, np.float32), {"mass_da": mass_da})])
        ours: dict[str, Ask] = {
            "plain": lambda query: index.search(query, K).rows,
            "under a 1 % filter": lambda query: index.search(query, K, ranges=[wanted]).rows,
        }
        theirs = faiss_asks(vectors, mass_da, wanted)
        return [_search_lap(kind, size, ours[kind], theirs[kind], queries) for kind in ours]


def faiss_asks(vectors: Floats, mass_da: Floats, wanted: PropertyRange) -> dict[str, Ask]:
    """Make FAISS's exact index, and its filtered search as its documentation has it: a bitmap made for the query."""
    faiss: Any = import_module("faiss")  # its annotations are those of the C++ below

    faiss.omp_set_num_threads(cores())
    index = faiss.IndexFlatIP(WIDTH)
    index.add(vectors)

    def filtered(query: Floats) -> npt.NDArray[np.int64]:
        kept = (mass_da >= np.float32(wanted.low)) & (mass_da <= np.float32(wanted.high))
        selector = faiss.IDSelectorBitmap(np.packbits(kept, bitorder="little"))
        rows: npt.NDArray[np.int64] = index.search(query[None], K, params=faiss.SearchParameters(sel=selector))[1][0]
        return rows

    return {"plain": lambda query: index.search(query[None], K)[1][0], "under a 1 % filter": filtered}


def _search_lap(kind: str, size: int, ours: Ask, theirs: Ask, queries: Floats) -> Lap:
    """Ask both sides the same queries in turn, so that whatever else runs on the machine meets both."""
    taken: tuple[list[float], list[float]] = ([], [])
    shared = 0
    for ask in (ours, theirs):
        ask(queries[0])  # warm
    for query in queries:
        answers = []
        for ask, times in zip((ours, theirs), taken, strict=True):
            start = time.perf_counter()
            answers.append(ask(query).tolist())
            times.append(1000 * (time.perf_counter() - start))
        shared += len(set(answers[0]) & set(answers[1]))
    ours_ms, theirs_ms = map(statistics.median, taken)
    return Lap(
        f"search {kind}",
        "FAISS IndexFlatIP",
        size,
        ours_ms,
        theirs_ms,
        "ms",
        theirs_ms / ours_ms,
        shared / (K * len(queries)),
    )


def unit(vectors: Floats) -> Floats:
    """Scale rows to length 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
