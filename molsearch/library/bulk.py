"""A table of structures to a table of vectors, or into an index: one call, on this machine or on a cluster.

The input is cut into shards. A shard is read, cleaned up, embedded and written on its own, in batches of its own, so
its vectors are the same to the last bit whichever engine and machine made them: every engine uses as many threads for
one sum and the same precision, which the job states. Written parts stay, so a job that was stopped goes on.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from molsearch.chem.io.cleaning import CleaningPool
from molsearch.chem.io.columns import Layout
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.shards import SHARD_ROWS, Shard, plan_shards, read_shard
from molsearch.chem.sandbox.process import cores
from molsearch.errors import InputError, ModelError
from molsearch.index.base import Batch, create_index, engine_of, library_names, open_index, remove_index
from molsearch.library.cluster import RayCluster, on_ray
from molsearch.library.embedding import BATCH_SIZE, LARGE, embed
from molsearch.library.vector_folder import VectorFolder, from_parquet, to_parquet
from molsearch.library.vector_table import read_vector_table, vector_table
from molsearch.records import Molecule, Progress, Rejection

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

EngineName = Literal["local", "ray"]
Precision = Literal["auto", "float32", "bfloat16"]  # "auto": bfloat16 where the processor has it


@dataclass(frozen=True, slots=True)
class EmbeddingJob:
    """What is to be embedded and how; equal jobs give equal bytes.

    Attributes:
        source: A Parquet file or a folder of them: a path, or a URI of an object store, that every worker can open.
        out: Folder of the parts, likewise; "" hands them to the caller.
        model: Folder of the model, on every worker's machine.
        model_id: Its id.
        half: Whether to multiply in bfloat16.
        threads: Of one sum.
        batch_size: Molecules encoded at once.
        layout: Where structures and names stand.
        options: How to read.
        shards: The cuts.
    """

    source: str
    out: str
    model: str
    model_id: str
    half: bool
    threads: int
    batch_size: int
    layout: Layout
    options: ReadOptions
    shards: tuple[Shard, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one shard: its number, counts, and the id of the machine that worked on it ("" for this one)."""

    number: int
    molecules: int
    rejections: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a job.

    Attributes:
        records: Rows read: ``molecules`` and ``rejections``, those of parts kept included.
        molecules: Rows with a vector.
        rejections: Rows with a reason.
        parts: How many were written, or stored.
        kept: How many were there from a run before.
        nodes: Machines of a cluster that worked.
        out: Where the vectors are.
        model_id: Which model made them.
        precision: What was multiplied in.
    """

    records: int
    molecules: int
    rejections: int
    parts: int
    kept: int
    nodes: int
    out: str
    model_id: str
    precision: str


class Embedder:
    """Embeds shards one after the other: what a worker does, here or in an actor on a cluster.

    Args:
        job: The job.
        workers: Processes beside this one that clean up and compute graphs and properties.

    Raises:
        ModelError: If the model is another one here, or this processor cannot multiply as the job says.
    """

    def __init__(self, job: EmbeddingJob, workers: int) -> None:
        self._job = job
        self._workers = workers

    @cached_property
    def _model(self) -> "DualEncoder":
        from molsearch.model.dual import DualEncoder
        from molsearch.model.half_precision import supported  # here, as torch loads with it
        from molsearch.model.runtime import use_threads

        job = self._job
        model = DualEncoder.load(Path(job.model))
        if model.model_id != job.model_id:
            raise ModelError(
                f"The model in {job.model} is {model.model_id} here, but {job.model_id} began the job: "
                "copy its folder to every machine."
            )
        if job.half and not supported(model):
            raise ModelError("A machine of the job cannot multiply in bfloat16: start it with --precision float32.")
        use_threads(job.threads)
        return model

    def __call__(self, number: int) -> tuple[str, bytes]:
        """Embed a shard; return its receipt as JSON, and its part where nothing is written."""
        job, shard = self._job, self._job.shards[number]
        records = self._records(shard)
        molecules = [record for record in records if isinstance(record, Molecule)]
        refused: list[Rejection] = []
        model = self._model
        workers = self._workers if len(molecules) >= LARGE else 0
        batches = list(embed(molecules, model, job.batch_size, reject=refused.append, workers=workers, half=job.half))
        table = vector_table(shard.file, records, batches, refused, model.width)
        embedded = table["reason"].null_count
        data = to_parquet(table, embedded, job.batch_size)
        if job.out:
            VectorFolder(job.out).write(number, data)
        receipt = {"number": number, "molecules": embedded, "rejections": len(records) - embedded}
        return json.dumps(receipt), b"" if job.out else data

    def _records(self, shard: Shard) -> list[Molecule | Rejection]:
        job = self._job
        with CleaningPool(replace(job.options, workers=max(1, self._workers))) as pool:
            return list(pool.standardize(read_shard(job.source, shard, job.layout, job.options)))


Result = tuple[Receipt, bytes]
Engine = Callable[[EmbeddingJob, Sequence[int], RayCluster], Iterator[Result]]


def on_this_machine(job: EmbeddingJob, orders: Sequence[int], cluster: RayCluster) -> Iterator[Result]:
    """Embed shards here, one after the other, with processes beside for all but the model; ``cluster`` says nothing."""
    from molsearch.model.runtime import thread_count, use_threads  # here, as torch loads with it

    before = thread_count()
    try:
        work = Embedder(job, cores() if cores() > 1 else 0)
        for order in orders:
            line, data = work(order)
            yield Receipt(**json.loads(line)), data
    finally:
        use_threads(before)


def on_a_cluster(job: EmbeddingJob, orders: Sequence[int], cluster: RayCluster) -> Iterator[Result]:
    """Embed shards in Ray actors; each keeps one process beside it, so that a structure that crashes costs itself."""
    for line, data, node in on_ray(Embedder, (job, cluster.cpus), orders, cluster):
        yield Receipt(**json.loads(line), node=node), data


#: Where a job can run.
ENGINES: Mapping[EngineName, Engine] = {"local": on_this_machine, "ray": on_a_cluster}


def embed_table(
    source: str,
    out: str,
    model: "DualEncoder",
    *,
    engine: EngineName = "local",
    cluster: RayCluster | None = None,
    precision: Precision = "auto",
    threads: int = 1,
    shard_rows: int = SHARD_ROWS,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Embed a Parquet file, or a folder of them, into a folder of Parquet parts or a library on Milvus.

    Args:
        source: A path or a URI such as ``s3://bucket/library``.
        out: Likewise, or ``SERVER#NAME``, a library on Milvus that is made or grows, in one transaction.
        model: Loaded from its folder.
        engine: A row of ENGINES.
        cluster: Where the engine "ray" works.
        precision: What to multiply in; "auto" takes bfloat16 where this processor has it.
        threads: Of one sum.
        shard_rows: Rows of a part.
        options: How to read.
        progress: Called with the number of rows done.

    Raises:
        InputError: If something handed in cannot be used; the sentence says what.
        ModelError: If the model was never saved, or a machine cannot use it.
        LibraryError: If the place cannot be written.
    """
    if engine not in ENGINES:
        raise InputError(f"There is no embedding engine {engine!r}; choose one of: {', '.join(ENGINES)}.")
    if not model.folder:
        raise ModelError("This model was never saved, so workers cannot load it: save it to a folder first.")
    to_index = engine_of(out) != "exact"
    job = _planned(source, "" if to_index else out, model, precision, threads, shard_rows, options)
    kept = [] if to_index else _begun(job)
    orders = sorted({shard.number for shard in job.shards} - {receipt.number for receipt in kept})
    results = ENGINES[engine](job, orders, cluster or RayCluster()) if orders else iter(())
    reported = _reported(results, job, kept, progress)
    stored = _into_index(out, model, reported) if to_index else [receipt for receipt, _ in reported]
    return _summary(job, out, kept, stored)


def _planned(
    source: str,
    out: str,
    model: "DualEncoder",
    precision: Precision,
    threads: int,
    shard_rows: int,
    options: ReadOptions | None,
) -> EmbeddingJob:
    from molsearch.model.half_precision import supported  # here, as torch loads with it

    if precision not in get_args(Precision):
        raise InputError(f"There is no precision {precision!r}; choose one of: {', '.join(get_args(Precision))}.")
    options = options or ReadOptions()
    layout, shards = plan_shards(source, shard_rows, options)
    half = precision == "bfloat16" or (precision == "auto" and supported(model))
    folder = str(Path(model.folder or "").absolute())
    places = (_absolute(source), out and _absolute(out), folder)
    return EmbeddingJob(*places, model.model_id, half, threads, BATCH_SIZE, layout, options, tuple(shards))


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


def _begun(job: EmbeddingJob) -> list[Receipt]:
    """Make the folder of a job, or return the parts that a run before has written."""
    folder = VectorFolder(job.out)
    cuts = json.dumps([asdict(shard) for shard in job.shards]).encode()
    identity = {**asdict(job), "shards": hashlib.sha256(cuts).hexdigest()}
    del identity["out"], identity["model"]  # the same job where either was moved
    folder.begin(json.loads(json.dumps(identity)))
    return [Receipt(number, molecules, rows - molecules) for number, (rows, molecules) in folder.counts().items()]


def _reported(
    results: Iterator[Result], job: EmbeddingJob, kept: Sequence[Receipt], progress: Progress | None
) -> Iterator[Result]:
    """Pass results on and report the rows done."""
    done = sum(receipt.molecules + receipt.rejections for receipt in kept)
    total = sum(shard.rows for shard in job.shards)
    for receipt, data in results:
        done += receipt.molecules + receipt.rejections
        if progress:
            progress(done, total)
        yield receipt, data


def _into_index(address: str, model: "DualEncoder", results: Iterator[Result]) -> list[Receipt]:
    """Store all parts, in order, in one transaction; a new library is there whole or not at all."""
    receipts: list[Receipt] = []
    rejections: list[Rejection] = []

    def batches() -> Iterator[Batch]:
        for receipt, data in results:
            receipts.append(receipt)
            batch, refused = read_vector_table(from_parquet(data))
            rejections.extend(refused)
            if batch is not None:
                yield batch

    server, _, name = address.partition("#")
    new = name not in library_names(server)
    if new:
        index = create_index(address, name, model.model_id, model.width, engine=engine_of(address))
    else:
        index = open_index(address, model.model_id)
    try:
        index.add(batches(), rejections)
    except BaseException:
        if new:
            remove_index(address)
        raise
    return receipts


def _summary(job: EmbeddingJob, out: str, kept: Sequence[Receipt], stored: Sequence[Receipt]) -> Summary:
    molecules = sum(receipt.molecules for receipt in (*kept, *stored))
    rejections = sum(receipt.rejections for receipt in (*kept, *stored))
    nodes = len({receipt.node for receipt in stored if receipt.node})
    precision = "bfloat16" if job.half else "float32"
    counts = (molecules + rejections, molecules, rejections, len(stored), len(kept), nodes)
    return Summary(*counts, out, job.model_id, precision)
