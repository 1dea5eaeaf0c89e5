"""Exact search over a large library of made-up vectors: how fast it is, how near to memory, and what halves cost."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from molsearch.bench.ceilings import spent_s
from molsearch.bench.footprint import Footprint
from molsearch.bench.report import machine, phrases, timed
from molsearch.errors import InputError
from molsearch.index.base import Batch, create_index, open_index
from molsearch.index.exact import scan
from molsearch.model.dual import DualEncoder
from molsearch.records import Entry, Molecule, Progress, PropertyRange

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

TOP = 100
CLUSTERS = 500
SPREAD = 0.8  # length of the noise around a cluster's unit centre
PART = 32_768  # rows made at once
LIGHTER = PropertyRange("mass_da", high=400.0)  # half of the rows
LAPS = 9  # of the scan alone and of the plain reading beside it


@dataclass(frozen=True, slots=True)
class VectorSearchReport:
    """What one run measured.

    Attributes:
        date: UTC day of the run, ISO 8601.
        machine: Processor, cores, memory and system.
        model_id: The model that encoded the texts.
        rows: Vectors in the library.
        width: Numbers in a vector.
        scalar: Their type on disk.
        vector_bytes: Size of all vectors.
        kept: Rows that the property filter leaves.
        queries: Different texts, each encoded and searched once.
        encode_median_ms: Median milliseconds to encode a text.
        search_median_ms: Median milliseconds of the search under the filter, the whole distribution included.
        median_ms: Median of both together.
        p95_ms: 95th percentile of both together.
        search_core_ms: Median processor milliseconds of such a search, all threads together.
        scan_ms: Milliseconds to score every row, no filter; the fastest of LAPS, as are the next three.
        stream_ms: Milliseconds in which numpy reads the same bytes on as many threads and keeps their maximum.
        scan_core_ms: Processor milliseconds of the scan, all threads together.
        stream_core_ms: The same of the plain reading.
        scan_gb_s: Bytes a second of the scan, in 10^9.
        stream_gb_s: The same of the plain reading.
        bandwidth_share: ``scan_gb_s / stream_gb_s``.
        bandwidth_share_core: The same in processor seconds, which other work on the machine sways less.
        probes: Queries whose best TOP rows were compared with those of unrounded float32 vectors, under the filter.
        recall_at_100: Share of these that the stored vectors find.
        peak_mib: Largest resident memory, mapped files included.
    """

    date: str
    machine: str
    model_id: str
    rows: int
    width: int
    scalar: str
    vector_bytes: int
    kept: int
    queries: int
    encode_median_ms: float
    search_median_ms: float
    median_ms: float
    p95_ms: float
    search_core_ms: float
    scan_ms: float
    stream_ms: float
    scan_core_ms: float
    stream_core_ms: float
    scan_gb_s: float
    stream_gb_s: float
    bandwidth_share: float
    bandwidth_share_core: float
    probes: int
    recall_at_100: float
    peak_mib: float


class MadeVectors:
    """Clustered unit vectors, the same for the same seed, made a part at a time.

    Args:
        rows: How many, one or more.
        width: Numbers in a vector.
        seed: Of all draws.

    Raises:
        InputError: If there is no row.
    """

    def __init__(self, rows: int, width: int, seed: int = 0) -> None:
        if rows < 1:
            raise InputError(f"The number of rows is {rows}, expected 1 or more.")
        self.rows, self.width, self._seed = rows, width, seed
        self._centres = _unit(np.random.default_rng(seed).standard_normal((CLUSTERS, width), np.float32))

    def parts(self) -> Iterator[Batch]:
        """Yield the rows in order, PART at a time, with a mass each; the molecules have no structure."""
        for number, start in enumerate(range(0, self.rows, PART)):
            count = min(PART, self.rows - start)
            random = np.random.default_rng([self._seed, number])
            vectors = self._near(random.integers(CLUSTERS, size=count), random)
            mass = random.normal(400, 90, count).astype(np.float32)
            molecules = [_molecule(start + row) for row in range(count)]
            yield Batch(molecules, vectors, np.zeros(count, np.float32), {"mass_da": mass})

    def probes(self, count: int) -> Floats:
        """Draw vectors (count, D) like those of the library but not in it."""
        random = np.random.default_rng([self._seed, self.rows, 1])
        return self._near(random.integers(CLUSTERS, size=count), random)

    def _near(self, clusters: Rows, random: np.random.Generator) -> Floats:
        noise = random.standard_normal((len(clusters), self.width), np.float32)
        return _unit(self._centres[clusters] + noise * np.float32(SPREAD / self.width**0.5))


def measure_search(
    model: DualEncoder, rows: int, progress: Progress | None = None, seed: int = 0
) -> VectorSearchReport:
    """Store ``rows`` vectors in a temporary folder and search them.

    Args:
        model: Encodes the texts; its width is that of the vectors.
        rows: How many vectors.
        progress: Called with the vectors stored.
        seed: Of the vectors.

    Raises:
        InputError: If there is no row.
    """
    made_vectors = MadeVectors(rows, model.width, seed)
    texts = phrases()
    model.encode_texts([*texts[:1], "a molecule"])  # Java and the class table load with the first text
    with TemporaryDirectory(prefix="molsearch-bench-") as home, Footprint() as footprint:
        folder = Path(home) / "made_vectors"
        probes = np.concatenate([made_vectors.probes(TOP), model.encode_texts(texts)])
        truth = _fill(folder, made_vectors, model.model_id, probes, progress)
        index = open_index(folder, model.model_id)
        encoding = [timed(partial(model.encode_texts, [f"{text}, synthetic"])) for text in texts]
        searching = [_lap(partial(index.search, vectors[0], TOP, ranges=[LIGHTER])) for vectors, _ in encoding]
        both = [1000 * (took + lap.wall_s) for (_, took), lap in zip(encoding, searching, strict=True)]
        matrix, query = index.vectors(), probes[0]
        scanned = _fastest(partial(scan.dots, matrix, query))
        streamed = _fastest(partial(_read_through, matrix))
        answers = [index.search(probe, TOP, ranges=[LIGHTER]).rows for probe in probes]
        hits = sum(len(np.intersect1d(answer, best)) for answer, best in zip(answers, truth, strict=True))
        return VectorSearchReport(
            date=datetime.now(UTC).date().isoformat(),
            machine=machine(),
            model_id=model.model_id,
            rows=rows,
            width=model.width,
            scalar=matrix.dtype.name,
            vector_bytes=matrix.nbytes,
            kept=index.count([LIGHTER]),
            queries=len(texts),
            encode_median_ms=1000 * statistics.median(took for _, took in encoding),
            search_median_ms=1000 * statistics.median(lap.wall_s for lap in searching),
            median_ms=statistics.median(both),
            p95_ms=statistics.quantiles(both, n=20)[-1],
            search_core_ms=1000 * statistics.median(lap.core_s for lap in searching),
            scan_ms=1000 * scanned.wall_s,
            stream_ms=1000 * streamed.wall_s,
            scan_core_ms=1000 * scanned.core_s,
            stream_core_ms=1000 * streamed.core_s,
            scan_gb_s=matrix.nbytes / scanned.wall_s / 1e9,
            stream_gb_s=matrix.nbytes / streamed.wall_s / 1e9,
            bandwidth_share=streamed.wall_s / scanned.wall_s,
            bandwidth_share_core=streamed.core_s / scanned.core_s,
            probes=len(probes),
            recall_at_100=hits / max(1, sum(map(len, truth))),
            peak_mib=footprint.peak_mib,
        )


class _Lap(NamedTuple):
    """Seconds that something took: by the wall, and of the processor, all threads together."""

    wall_s: float
    core_s: float


def _lap(step: Callable[[], object]) -> _Lap:
    core_s, wall_s = timed(partial(spent_s, step))
    return _Lap(wall_s, core_s)


def _fastest(step: Callable[[], object]) -> _Lap:
    """Take the fastest of LAPS by each clock."""
    laps = [_lap(step) for _ in range(LAPS)]
    return _Lap(min(lap.wall_s for lap in laps), min(lap.core_s for lap in laps))


def _fill(
    folder: Path, made_vectors: MadeVectors, model_id: str, probes: Floats, progress: Progress | None
) -> Sequence[Rows]:
    """Store made vectors; return for each probe the best TOP rows that pass the filter, before any rounding."""
    best = [(np.zeros(0, np.float32), np.zeros(0, np.int64)) for _ in probes]

    def watched() -> Iterator[Batch]:
        start = 0
        for part in made_vectors.parts():
            kept = np.flatnonzero(scan.within(part.properties[LIGHTER.name], LIGHTER.low, LIGHTER.high))
            scores = probes @ part.vectors[kept].T  # (P, M)
            for place, ((old, rows), new) in enumerate(zip(best, scores, strict=True)):
                both, numbers = np.concatenate([old, new]), np.concatenate([rows, start + kept])
                chosen = scan.best(both, TOP)
                best[place] = (both[chosen], numbers[chosen])
            yield part
            start += len(part.vectors)
            if progress:
                progress(start, made_vectors.rows)

    create_index(folder, "made_vectors", model_id, made_vectors.width).add(watched())
    return [rows for _, rows in best]


def _read_through(matrix: scan.Matrix) -> int:
    """Read all bytes of a matrix, a thread for each core, and do next to nothing with them."""
    shares = range(0, len(matrix), scan.SHARE_ROWS)

    def largest(first: int) -> int:
        return int(matrix[first : first + scan.SHARE_ROWS].view(np.uint16).max())

    with ThreadPoolExecutor(min(scan.THREADS, len(shares))) as threads:
        return max(threads.map(largest, shares))


def _molecule(number: int) -> Molecule:
    key = f"synthetic-{number}"
    return Molecule(key, key, (Entry(number + 1, key, "smiles"),))


def _unit(vectors: Floats) -> Floats:
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
