"""Chemistry that may hang or crash RDKit, done in a process of its own that is ended when it takes too long.

For single structures and patterns that are not simple: drawing them, embedding them, matching them. Reading files has
``guard``, computing features has ``pool``.
"""

import importlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import IO, Any, TypeVar

from molsearch.chem.sandbox.process import READY, Worker, WorkerDied, limit_memory
from molsearch.errors import InputError

T = TypeVar("T")

WORKERS = 2  # one structure that hangs leaves the other to everybody else
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.sandbox.call import serve; serve()"
_REFUSAL = "The process that guards the work on intricate structures did not start: check the memory that is left."
_PACKAGE = "molsearch.chem."
# Loaded before the clock of the first order runs.
_AHEAD = ("conformer", "drawing", "details", "features.graph", "substructure")

_lock = threading.Lock()
_free: "queue.SimpleQueue[Worker]" = queue.SimpleQueue()
_owner: list[int] = []  # the process whose workers these are; after a fork they are made anew


def call(function: Callable[..., T], *arguments: object, seconds: float) -> T:
    """Call a function in a process of its own.

    Args:
        function: Of a module of ``molsearch.chem``, by whose name the child finds it.
        arguments: What JSON can carry; tuples arrive as lists.
        seconds: How long it may take.

    Returns:
        What it returned, as JSON carries it.

    Raises:
        InputError: As the function raised it.
        WorkerDied: It took too long, or ended the process (then ``late`` is false).
        MolsearchError: The process did not start.
    """
    order = {"module": function.__module__, "name": function.__name__, "arguments": arguments}
    line = json.dumps(order).encode() + b"\n"
    free = _workers()
    worker = free.get()
    try:
        answer = worker.ask(line, seconds, _read)
    except WorkerDied as death:
        if death.late:
            raise
        answer = worker.ask(line, seconds, _read)  # something else may have ended it
    finally:
        free.put(worker)
    if "refused" in answer:
        raise InputError(answer["refused"])
    value: T = answer["value"]
    return value


def _workers() -> "queue.SimpleQueue[Worker]":
    global _free
    with _lock:
        if _owner != [os.getpid()]:
            _free = queue.SimpleQueue()
            for _ in range(WORKERS):
                _free.put(Worker(_CHILD, _REFUSAL))
            _owner[:] = [os.getpid()]
        return _free


def _read(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError("The answer ends early.")
    answer: dict[str, Any] = json.loads(line)
    return answer


def serve() -> None:
    """Answer orders until standard input ends; the child's whole life."""
    limit_memory()
    for name in _AHEAD:
        importlib.import_module(_PACKAGE + name)
    answers = os.fdopen(os.dup(1), "wb")
    answers.write(READY)
    answers.flush()
    while line := sys.stdin.buffer.readline():
        order = json.loads(line)
        if not order["module"].startswith(_PACKAGE):
            raise SystemExit(1)
        function = getattr(importlib.import_module(order["module"]), order["name"])
        try:
            answer = {"value": function(*order["arguments"])}
        except InputError as error:
            answer = {"refused": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
