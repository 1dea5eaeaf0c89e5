"""Calls of a function in a process of its own, for single structures and patterns that are not simple.

Drawing, embedding and matching them may hang or crash RDKit. Whole files have the cleaning pool, whole libraries the
feature pool.
"""

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from molsearch.chem.sandbox.process import ProcessPool, Worker, load

T = TypeVar("T")

WORKERS = 2  # one structure that hangs leaves the other to everybody else
_MODULES = [
    f"molsearch.chem.{name}"
    for name in ("conformer", "details", "drawing", "features.graph", "masking", "substructure")
]
_REFUSAL = "The process that guards the work on intricate structures did not start: check the memory that is left."

_lock = threading.Lock()


def call(function: Callable[..., T], *arguments: object, seconds: float) -> T:
    """Call a function in a process of its own.

    Args:
        function: A row of ``process.CALLABLE``.
        arguments: What JSON can carry; tuples arrive as lists.
        seconds: How long it may take.

    Returns:
        What it returned, as JSON or ``Packed`` carries it.

    Raises:
        InputError: As the function raised it.
        WorkerDied: It took too long, or ended the process twice (then ``late`` is false).
        MolsearchError: The process did not start.
    """
    with _lock:
        pool = _pool(os.getpid())
    values, death = pool.use(Worker.ask, function, *arguments, seconds=seconds)
    if death:
        raise death
    value: T = values[0]
    return value


@lru_cache(maxsize=1)
def _pool(owner: int) -> ProcessPool:
    """Start the pool of one process: after a fork it is made anew."""
    return ProcessPool([Worker(_REFUSAL, load, _MODULES) for _ in range(WORKERS)])
