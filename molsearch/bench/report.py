"""The figures of the README, measured in one run on one machine; never a test, as a test must not depend on speed."""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from molsearch.bench.ceilings import ceilings_per_s, spent_s
from molsearch.bench.footprint import peak_memory_mib
from molsearch.bench.latency import Latency, query_latencies
from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.batch.atoms import atom_types
from molsearch.chem.batch.molbatch import Bools, MolBatch
from molsearch.chem.features.descriptors import profiles
from molsearch.chem.features.features import features_of
from molsearch.chem.features.graph import graphs_of
from molsearch.chem.features.pool import CHUNK
from molsearch.chem.ontology.classes import classes_and_alerts
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.standardize import standardize
from molsearch.chem.structures import parse, strict
from molsearch.errors import InputError
from molsearch.index.base import Batch, create_index
from molsearch.library.embedding import workers_for
from molsearch.model.dual import DualEncoder
from molsearch.model.half_precision import HalfEncoder, supported
from molsearch.records import Molecule, Progress, Query
from molsearch.screener import Screener
from molsearch.settings import Settings

T = TypeVar("T")

QUERIES = 50  # a median over this many
STAGE_SAMPLE = 1_000  # molecules that each stage is timed on
PHRASES = (
    "a sulfonamide with an aromatic amine, used as an antibacterial",
    "a steroid hormone",
    "a small and very polar amino acid",
    "a fluoroquinolone antibiotic",
    "a flavonoid glycoside found in plants",
    "an inhibitor of cyclooxygenase with a carboxylic acid",
    "a quaternary ammonium salt",
    "a benzimidazole with a nitrile group",
)
PACKAGES = ("torch", "rdkit", "numpy", "transformers")


@dataclass(frozen=True, slots=True)
class Report:
    """What one run measured.

    Attributes:
        date: UTC day of the run, ISO 8601.
        machine: Processor, cores, memory and system.
        versions: Of Python and of the packages that set the speed.
        model_id: The model that ran.
        embed_file: Name of the file that was embedded.
        pool: Molecules in it, and in the library that was searched.
        read_s: Seconds to parse and clean up its records.
        add_s: Seconds to compute vectors and properties and to store them.
        molecules_per_s: ``pool / (read_s + add_s)``: from the file's text to a stored vector.
        workers: Processes that computed graphs and properties during ``add_s``; 0 where the program did it itself.
        stages_per_s: Molecules a processor second of each stage alone, in one process.
        limits_per_s: The same of what each stage can hardly be faster than, see ``ceilings.MEANINGS``.
        peak_memory_mib: Largest resident memory of the process up to then, libraries and model included.
        upload_file: Name of the file of the upload.
        upload_molecules: Molecules in it.
        upload_to_ranking_s: Seconds from its first byte read to its first ranking, model already loaded.
        queries: Distinct queries timed.
        query_median_ms: Median milliseconds from sentence to ranking over the pool.
        query_p95_ms: 95th percentile of the same.
        query_steps: Times of grounding and encoding one query, by kind of query and step.
    """

    date: str
    machine: str
    versions: dict[str, str]
    model_id: str
    embed_file: str
    pool: int
    read_s: float
    add_s: float
    molecules_per_s: float
    workers: int
    stages_per_s: dict[str, float]
    limits_per_s: dict[str, float]
    peak_memory_mib: float
    upload_file: str
    upload_molecules: int
    upload_to_ranking_s: float
    queries: int
    query_median_ms: float
    query_p95_ms: float
    query_steps: dict[str, dict[str, Latency]]


def measure(
    settings: Settings,
    embed_file: Path,
    upload_file: Path,
    progress: Progress | None = None,
    captions: Path | None = None,
) -> Report:
    """Run every measurement with libraries in a temporary folder.

    Args:
        settings: Which model and device; its library folder is left alone.
        embed_file: A large file, such as 29,200 SMILES.
        upload_file: A file such as a user uploads.
        progress: Called during the embedding of ``embed_file``.
        captions: A pair file whose captions are timed as queries too.

    Raises:
        InputError: If a file cannot be read or holds no molecule.
    """
    with tempfile.TemporaryDirectory(prefix="molsearch-bench-") as home:
        screener = Screener(replace(settings, home=Path(home)))
        warm_up(screener)
        library, read_s = timed(lambda: screener.read(embed_file))
        info, add_s = timed(lambda: screener.add(library, "pool", progress))
        if not info.molecules:
            raise InputError(f"{embed_file} holds no molecule to measure with; give another file with --embed-file.")
        peak = peak_memory_mib()
        stages, ceilings = stages_per_s(
            screener.model, list(islice(library.molecules(), STAGE_SAMPLE)), Path(home) / "stages"
        )
        steps = query_latencies(screener.model, settings.data / "eval", captions)
        laps = [timed(partial(screener.search, Query(text), "pool"))[1] for text in phrases()]

        def upload() -> int:
            stored = screener.add(screener.read(upload_file), "upload")
            screener.search(Query(PHRASES[0]), "upload")
            return stored.molecules

        uploaded, upload_s = timed(upload)
    return Report(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        versions={"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
        model_id=info.model_id,
        embed_file=embed_file.name,
        pool=info.molecules,
        read_s=read_s,
        add_s=add_s,
        molecules_per_s=info.molecules / (read_s + add_s),
        workers=workers_for(library.molecule_count),
        stages_per_s=stages,
        limits_per_s=ceilings,
        peak_memory_mib=peak,
        upload_file=upload_file.name,
        upload_molecules=uploaded,
        upload_to_ranking_s=upload_s,
        queries=len(laps),
        query_median_ms=1000 * statistics.median(laps),
        query_p95_ms=1000 * statistics.quantiles(laps, n=20)[-1],
        query_steps=steps,
    )


def stages_per_s(
    model: DualEncoder, molecules: Sequence[Molecule], folder: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Time each stage from a record's text to a stored vector, one after the other, and beside it its ceiling.

    Args:
        model: The model that encodes, in bfloat16 where this processor multiplies it, as for a large library.
        molecules: Some of a library that has been read.
        folder: Where a library may be written; it must not exist.

    Returns:
        Molecules a processor second of each stage, and of its ceiling.
    """
    # Meets every kind of atom once, as a large library soon has, and leaves out what RDKit cannot describe.
    features = features_of([molecule.key for molecule in molecules])
    molecules = [
        molecules[place]
        for place, row in zip(features.kept, features.properties, strict=True)
        if np.isfinite(row).all()
    ]
    if not molecules:
        return {}, {}
    keys = [molecule.key for molecule in molecules]
    took_s: dict[str, float] = {}
    mols, took_s["parse"] = spent(lambda: [parse(key) for key in keys])
    _, took_s["standardise"] = spent(lambda: [standardize(molecule.sources[0]) for molecule in molecules])

    def featurise() -> list[tuple[MolBatch, GraphStore, Bools]]:
        featurised = []
        for start in range(0, len(mols), CHUNK):
            part = mols[start : start + CHUNK]
            molbatch = MolBatch(part, list(map(atom_types, part, keys[start : start + CHUNK])))
            classes, alerts = classes_and_alerts(molbatch)
            featurised.append((molbatch, graphs_of(molbatch, classes), alerts))
        return featurised

    featurised, took_s["featurise"] = spent(featurise)
    rows, took_s["properties"] = spent(lambda: [profiles(molbatch, alerts) for molbatch, _, alerts in featurised])
    store = GraphStore.joined([graphs for _, graphs, _ in featurised])
    encoder = HalfEncoder(model) if (bfloat16 := supported(model)) else model
    vectors, took_s["forward"] = spent(lambda: encoder.vectors_of_graphs(store))
    columns = dict(zip(PROPERTIES, np.concatenate(rows).astype(np.float32).T.copy(), strict=True))
    batch = Batch(molecules, vectors, model.constants(vectors), columns, store.class_bits())
    index = create_index(folder, "stages", model.model_id, model.width)
    _, took_s["write"] = spent(lambda: index.add([batch]))
    ceilings = ceilings_per_s(model, [key for key in keys if strict(key)], store, folder, bfloat16)
    return {name: len(keys) / seconds for name, seconds in took_s.items()}, ceilings


def warm_up(screener: Screener) -> None:
    """Pay once for what a running program has paid already: weights, class table, name reader, alert catalogues."""
    screener.add(screener.read_text("CCO"), "warm")
    screener.search(Query(PHRASES[0]), "warm")


def phrases() -> list[str]:
    """Return QUERIES different sentences, so that nothing kept from one search speeds up another."""
    qualities = ("", "small ", "chiral ", "lipophilic ", "basic ", "aromatic ", "natural ")
    every = [f"{quality}{phrase}" for quality in qualities for phrase in PHRASES]
    return every[:QUERIES]


def timed(step: Callable[[], T]) -> tuple[T, float]:
    """Run a step; return its result and the seconds it took."""
    start = time.perf_counter()
    result = step()
    return result, time.perf_counter() - start


def spent(step: Callable[[], T]) -> tuple[T, float]:
    """Run a step; return its result and the processor seconds it took in this process."""
    results: list[T] = []
    seconds = spent_s(lambda: results.append(step()))
    return results[0], seconds


def machine() -> str:
    """Describe processor, cores, memory and system in one line."""
    return f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8", errors="replace").splitlines() if table.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "unknown processor"


def _memory_gib() -> float:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return 0.0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
