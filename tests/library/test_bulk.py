"""Tables to vectors: every row keeps its place, engines agree to the last bit, and a stopped job goes on."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.shards import plan_shards, read_shard
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError, LibraryError, ModelError
from molsearch.index.base import open_index
from molsearch.library import bulk as embedding
from molsearch.library.bulk import ENGINES, EngineName, embed_table
from molsearch.library.cluster import RayCluster
from molsearch.model.dual import DualEncoder
from molsearch.records import Reason

# Rows 3 and 7 of eleven cannot be read; CCO stands there twice.
SMILES = (
    "CCO", "c1ccccc1", "no structure", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C[C@H](N)C(=O)O", "", "OCC",
    "Nc1ccc(S(N)(=O)=O)cc1", "C", "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
)  # fmt: skip
KEYS = (
    "CCO", "c1ccccc1", None, "CC(=O)Oc1ccccc1C(=O)O", "[Cl-].[Na+]", "C[C@H](N)C(=O)O", None, "CCO",
    "Nc1ccc(S(N)(=O)=O)cc1", "C", "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
)  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of two Parquet files; the first has row groups of 4, 4 and 3 rows."""
    folder = tmp_path_factory.mktemp("source")
    names = [f"cpd {n}" for n in range(len(SMILES))]
    table = pa.table({"smiles": SMILES, "name": names, "assay": pa.array(range(len(SMILES)))})
    pq.write_table(table, folder / "a.parquet", row_group_size=4)
    pq.write_table(table.slice(0, 2), folder / "b.parquet")
    return str(folder)


@pytest.fixture(scope="module")
def made(source: str, tiny_model: DualEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the local engine makes of it, three rows a part."""
    out = tmp_path_factory.mktemp("made") / "vectors"
    embed_table(source, str(out), tiny_model, shard_rows=3)
    return out


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*.parquet"))}


def test_shards_cover_every_row_once_in_order(source: str) -> None:
    layout, shards = plan_shards(source, 3, ReadOptions())
    assert [(Path(one.file).name, one.first, one.rows) for one in shards] == [
        ("a.parquet", 1, 3), ("a.parquet", 4, 1), ("a.parquet", 5, 3), ("a.parquet", 8, 1), ("a.parquet", 9, 3),
        ("b.parquet", 1, 2),
    ]  # fmt: skip
    records = [record for shard in shards for record in read_shard(source, shard, layout, ReadOptions())]
    entries = [getattr(record, "entry", record) for record in records]
    assert [one.text for one in entries] == [*SMILES, *SMILES[:2]]
    assert [one.row for one in entries] == [*range(1, 12), 1, 2]
    assert [one.name for one in entries[:3]] == ["cpd 0", "cpd 1", "cpd 2"]


def test_a_file_that_shrank_after_the_plan_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"smiles": ["C", "CC", "CCC"]}), file)
    layout, shards = plan_shards(str(file), 10, ReadOptions())
    pq.write_table(pa.table({"smiles": ["C", "CC"]}), file)
    with pytest.raises(InputError, match="2 rows where 3 were planned: it was changed"):
        list(read_shard(str(file), shards[0], layout, ReadOptions()))


def test_every_row_comes_out_with_its_place_and_its_key(made: Path) -> None:
    rows = pq.read_table(made).to_pylist()
    assert [row["key"] for row in rows] == [*KEYS, *KEYS[:2]]
    assert [(Path(row["file"]).name, row["row"]) for row in rows] == [
        *(("a.parquet", n) for n in range(1, 12)), ("b.parquet", 1), ("b.parquet", 2)
    ]  # fmt: skip
    assert [row["text"] for row in rows] == [*SMILES, *SMILES[:2]]
    assert dict(rows[4]["columns"])["assay"] == "4"


def test_a_rejected_row_has_its_reason_and_no_vector(made: Path) -> None:
    rows = pq.read_table(made).to_pylist()
    refused = [row for row in rows if row["reason"] is not None]
    assert [(row["row"], row["reason"]) for row in refused] == [(3, Reason.UNREADABLE), (7, Reason.EMPTY)]
    assert all(row["vector"] is None and row["key"] is None and row["detail"] for row in refused)


def test_vectors_and_properties_are_those_of_their_molecules(made: Path, tiny_model: DualEncoder) -> None:
    rows = [row for row in pq.read_table(made).to_pylist() if row["reason"] is None]
    vectors = np.array([row["vector"] for row in rows], np.float32)
    expected = tiny_model.encode_molecules([row["key"] for row in rows])
    np.testing.assert_allclose(vectors, expected, atol=0.02)  # bfloat16 where this processor has it
    np.testing.assert_allclose([row["constant"] for row in rows], tiny_model.constants(vectors), atol=1e-6)
    assert rows[0]["mass_da"] == pytest.approx(46.069, abs=0.001)
    assert set(PROPERTIES) <= set(rows[0])


@pytest.mark.slow
def test_a_stopped_job_goes_on_and_ends_as_an_undisturbed_one(
    source: str, tiny_model: DualEncoder, tmp_path: Path, made: Path
) -> None:
    class Stopped(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        if done >= 7:
            raise Stopped

    with pytest.raises(Stopped):
        embed_table(source, str(tmp_path / "out"), tiny_model, shard_rows=3, progress=stop)
    assert 0 < len(parts(tmp_path / "out")) < len(parts(made))
    (tmp_path / "out" / "_part-0000005.parquet.tmp").write_bytes(b"half a part")
    told: list[tuple[int, int]] = []
    again = embed_table(
        source, str(tmp_path / "out"), tiny_model, shard_rows=3, progress=lambda *done: told.append(done)
    )
    assert (again.records, again.molecules, again.rejections, again.kept, again.parts) == (13, 11, 2, 3, 3)
    assert told[-1] == (13, 13)
    assert parts(tmp_path / "out") == parts(made)


def test_a_folder_of_another_job_or_of_anything_else_is_left_alone(
    source: str, tiny_model: DualEncoder, tmp_path: Path, made: Path
) -> None:
    before = parts(made)
    with pytest.raises(LibraryError, match="vectors of another job: shards differ"):
        embed_table(source, str(made), tiny_model, shard_rows=5)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LibraryError, match="holds other files"):
        embed_table(source, str(tmp_path), tiny_model)
    assert parts(made) == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_places_may_be_uris(source: str, tiny_model: DualEncoder, tmp_path: Path, made: Path) -> None:
    embed_table(Path(source).as_uri(), (tmp_path / "out").as_uri(), tiny_model, shard_rows=3)
    assert pq.read_table(tmp_path / "out").drop_columns(["file"]).equals(pq.read_table(made).drop_columns(["file"]))


@pytest.mark.slow
def test_vectors_go_to_milvus_in_one_transaction(
    source: str, tiny_model: DualEncoder, tmp_path: Path, made: Path
) -> None:
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    address = f"{tmp_path / 'lib.db'}#drugs"
    embed_table(source, address, tiny_model, shard_rows=3)
    index = open_index(address, tiny_model.model_id)
    rows = [row for row in pq.read_table(made).to_pylist() if row["reason"] is None]
    keys = list(dict.fromkeys(row["key"] for row in rows))
    assert [one.key for one in index.iter_molecules()] == keys
    assert [one.row for one in index.molecules([0])[0].sources] == [1, 8, 1]
    assert [(one.entry.row, one.reason) for one in index.rejections()] == [(3, Reason.UNREADABLE), (7, Reason.EMPTY)]
    first = {row["key"]: row for row in reversed(rows)}
    np.testing.assert_array_equal(index.vectors(), np.array([first[key]["vector"] for key in keys], np.float32))
    np.testing.assert_array_equal(index.properties("mass_da"), np.float32([first[key]["mass_da"] for key in keys]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source": "no/such/place"}, "holds no file|cannot be opened"),
        ({"source": "ftp9://x/y"}, "no place that can be opened"),
        ({"engine": "spark"}, "no embedding engine 'spark'; choose one of: local, ray"),
        ({"precision": "int1"}, "no precision 'int1'"),
        ({"shard_rows": 0}, "A shard of 0 rows"),
        ({"options": ReadOptions(structure_column="mol")}, "no structure column 'mol'"),
    ],
)
def test_a_bad_call_is_answered_in_a_sentence(
    source: str, tiny_model: DualEncoder, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    call = {"source": source, "out": str(tmp_path / "out"), **change}
    with pytest.raises(InputError, match=sentence):
        embed_table(call.pop("source"), call.pop("out"), tiny_model, **call)
    assert not (tmp_path / "out").exists()


def test_a_worker_refuses_another_model(source: str, tiny_model: DualEncoder, tmp_path: Path) -> None:
    job = embedding._planned(source, str(tmp_path), tiny_model, "float32", 1, 3, None)
    with pytest.raises(ModelError, match=f"is {tiny_model.model_id} here, but another began the job"):
        embedding.Embedder(replace(job, model_id="another"), 0)(0)


@pytest.mark.slow
def test_torch_has_its_threads_again(source: str, tiny_model: DualEncoder, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    embed_table(source, str(tmp_path / "out"), tiny_model, threads=before + 1)
    assert torch.get_num_threads() == before


def test_each_engine_has_its_row() -> None:
    assert tuple(ENGINES) == get_args(EngineName)


def test_without_ray_the_sentence_says_what_to_install(
    source: str, tiny_model: DualEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # makes importing it fail
    with pytest.raises(InputError, match=r"pip install 'ray\[data\]'"):
        embed_table(source, str(tmp_path / "out"), tiny_model, engine="ray")


@pytest.mark.parametrize("change", [{"actors": 0}, {"cpus": 0}])
def test_a_cluster_of_nothing_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="is 0, expected 1 or more"):
        RayCluster(**change)


# --- a real cluster ------------------------------------------------------------------------------------------------

PATIENCE_S = 120  # a node starts in 3 seconds on an idle machine


def node(folder: str, environment: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
    """Start a Ray node of one core in the foreground of a process of its own."""
    limits = ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats", "--block")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *limits, *options]
    with (Path(folder) / "nodes.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a node by its own process id, and what it started by the group that it leads."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Ray cluster of two nodes, each with an address of its own in the loopback range."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'ray[data]' to run this test")
    if sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8 as loopback addresses, which gives each node one of its own")
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        port = probe.getsockname()[1]
    settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 32, "RAY_USAGE_STATS_ENABLED": "0"}
    environment = os.environ | settings | {"OMP_NUM_THREADS": "1"}
    patch = pytest.MonkeyPatch()
    for name, value in settings.items():
        patch.setenv(name, value)
    address = f"127.0.0.2:{port}"
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # short, as paths of sockets are
        head = ("--head", f"--port={port}", "--node-ip-address=127.0.0.2", "--include-dashboard=false")
        nodes = [node(folder, environment, *head, f"--temp-dir={folder}")]
        try:
            await_port(port, nodes[0])
            nodes.append(node(folder, environment, f"--address={address}", "--node-ip-address=127.0.0.3"))
            await_nodes(address, 2)
            yield address
        finally:
            for process in reversed(nodes):
                stop(process)
            patch.undo()


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, "the head of the cluster ended"
        try:
            socket.create_connection(("127.0.0.2", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the head of the cluster did not open its port")


def await_nodes(address: str, count: int) -> None:
    import ray

    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            alive = sum(one["Alive"] for one in ray.nodes())
        except (ConnectionError, RuntimeError):
            alive = 0
        finally:
            ray.shutdown()
        if alive >= count:
            return
        assert time.monotonic() < until, f"{alive} of {count} nodes came up"
        time.sleep(0.5)


@pytest.mark.slow
def test_a_cluster_of_two_nodes_gives_the_bytes_of_the_local_engine(
    ray_cluster: str, source: str, tiny_model: DualEncoder, tmp_path: Path, made: Path
) -> None:
    cluster = RayCluster(ray_cluster, actors=2)
    found = embed_table(source, str(tmp_path / "out"), tiny_model, shard_rows=3, engine="ray", cluster=cluster)
    assert (found.records, found.molecules, found.rejections, found.parts) == (13, 11, 2, 6)
    assert found.nodes == 2
    assert parts(tmp_path / "out") == parts(made)


@pytest.mark.slow
def test_a_fault_on_a_node_comes_back_as_its_own_sentence(
    ray_cluster: str, source: str, tiny_model: DualEncoder, tmp_path: Path
) -> None:
    job = embedding._planned(source, str(tmp_path), tiny_model, "float32", 1, 3, None)
    with pytest.raises(ModelError, match="copy its folder to every machine"):
        list(ENGINES["ray"](replace(job, model_id="another"), [0], RayCluster(ray_cluster, 1)))


@pytest.mark.slow
def test_more_workers_than_cores_of_the_cluster_are_refused(
    ray_cluster: str, source: str, tiny_model: DualEncoder, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="has cores for 2 workers of 1, but 3 were asked for"):
        embed_table(source, str(tmp_path / "out"), tiny_model, engine="ray", cluster=RayCluster(ray_cluster, actors=3))


def test_the_job_is_written_for_people(made: Path, tiny_model: DualEncoder) -> None:
    job = json.loads((made / "_job.json").read_text())
    assert (job["model_id"], job["threads"]) == (tiny_model.model_id, 1)
