"""Work for many machines: Ray Data hands orders to actors on every node of a cluster. Needs the package ray.

Ray serialises the code and records of this program between its own nodes, as pickles; they come from this program
alone. What users' files hold travels as text in Arrow tables, read by each node itself.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from molsearch.errors import InputError, LibraryError, ModelError, MolsearchError
from molsearch.settings import silence_ray

_FAULTS = (InputError, ModelError, LibraryError)
_START_S = 300
_BLOCKS = 10_000  # orders are sent in at most so many blocks

#: What an actor does: an order's number -> a line about it, and bytes.
Work = Callable[[int], tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Where to work.

    Attributes:
        address: ``host:port`` of a running Ray cluster, "auto" for the one of this machine, or "" to start Ray here
            for the time of the work.
        actors: How many work at once, spread over the nodes.
        cpus: Cores that each of them takes up.
    """

    address: str = ""
    actors: int = 2
    cpus: int = 1

    def __post_init__(self) -> None:
        for name, value in (("actors", self.actors), ("cpus", self.cpus)):
            if value < 1:
                raise InputError(f"The number of {name} is {value}, expected 1 or more.")


def on_ray(
    maker: Callable[..., Work], arguments: Sequence[object], orders: Sequence[int], cluster: RayCluster
) -> Iterator[tuple[str, bytes, str]]:
    """Do work on a Ray cluster and yield the results in the order of the orders.

    Args:
        maker: Makes what does the work, once in every actor; importable on every node.
        arguments: What it is made of.
        orders: Numbers of what is to be done.
        cluster: Where.

    Yields:
        The line, the bytes and the id of the node that did the work.

    Raises:
        MolsearchError: If Ray is not installed, does not answer, or the work fails; its own error where it has one.
    """
    silence_ray()
    try:
        import ray
    except ImportError as error:
        raise InputError("The engine 'ray' needs a package that is not installed: pip install 'ray[data]'") from error
    _connect(ray, cluster)
    try:
        yield from _results(ray, maker, arguments, orders, cluster)
    except ray.exceptions.RayError as error:
        raise MolsearchError(
            f"The Ray cluster did not finish the work ({_line(error)}): see its logs, then start again."
        ) from error
    finally:
        ray.shutdown()


def _connect(ray: Any, cluster: RayCluster) -> None:
    here: dict[str, Any] = {}
    if not cluster.address:
        here = {"num_cpus": cluster.actors * cluster.cpus, "include_dashboard": False}
        if sys.platform == "linux":  # Ray puts the machine's own address in the place of 127.0.0.1, but not of this one
            here["_node_ip_address"] = "127.0.0.2"
    try:
        ray.init(address=cluster.address or "local", log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:  # Ray raises plain exceptions here
        ray.shutdown()
        raise MolsearchError(
            f"The Ray cluster at {cluster.address or 'this machine'} cannot be used ({_line(error)}): check that it "
            "runs, and that Ray, Python and RAY_AUTH_TOKEN are the same on all nodes."
        ) from error
    free = int(ray.cluster_resources().get("CPU", 0)) // cluster.cpus
    if free < cluster.actors:
        ray.shutdown()
        raise InputError(
            f"The cluster has cores for {free} workers of {cluster.cpus}, but {cluster.actors} were asked for: "
            "ask for fewer, or add nodes."
        )


def _results(
    ray: Any, maker: Callable[..., Work], arguments: Sequence[object], orders: Sequence[int], cluster: RayCluster
) -> Iterator[tuple[str, bytes, str]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    context.wait_for_min_actors_s = _START_S  # else the first actor that is ready takes what is meant for all
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    answers = ray.data.from_items(
        [{"order": order} for order in orders], override_num_blocks=min(len(orders), _BLOCKS)
    ).map_batches(
        _Actor,
        fn_constructor_args=(maker, tuple(arguments)),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=cluster.actors, max_tasks_in_flight_per_actor=1),
        num_cpus=cluster.cpus,
    )
    for batch in answers.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=1):
        (row,) = batch.to_pylist()
        if row["fault"]:
            raise next((kind for kind in _FAULTS if kind.__name__ == row["fault"]), MolsearchError)(row["line"])
        yield row["line"], row["data"], row["node"]


class _Actor:
    """One worker of a cluster. An error of this program is a value to it, as Ray keeps no more than an error's text."""

    def __init__(self, maker: Callable[..., Work], arguments: Sequence[object]) -> None:
        self._work = maker(*arguments)

    def __call__(self, batch: Any) -> Any:
        import pyarrow as pa
        import ray

        node = ray.get_runtime_context().get_node_id()
        (order,) = batch["order"].to_pylist()
        fault, data = "", b""
        try:
            line, data = self._work(order)
        except MolsearchError as error:
            line, fault = str(error), type(error).__name__
        return pa.table({"line": [line], "fault": [fault], "data": pa.array([data], pa.large_binary()), "node": [node]})


def _line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".")[:300] if lines else type(error).__name__
