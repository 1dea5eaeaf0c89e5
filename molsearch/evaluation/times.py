"""Times of one query, step by step, as the table shows them; ``bench.latency`` takes them."""

from molsearch.errors import InputError
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import Data, markdown
from molsearch.serialization import plain


def figures(run: Measurement) -> dict[str, object]:
    """Time the open short queries and some captions.

    Raises:
        InputError: If nothing was given to time them with.
    """
    if run.latencies is None:
        raise InputError("There is nothing to time queries with; run python -m molsearch figures.")
    kinds = plain(run.latencies(run.model, run.evaluation, run.validation, seed=run.seed))
    below = "Grounding is names to structures and classes, exact names included; encoding is the network."
    return {"kinds": kinds, "below": below}


def table(data: Data) -> str:
    """Write one row a kind of query."""
    rows = [
        [kind, str(steps["both"]["queries"]), *(_time(steps[step]) for step in ("grounding", "encoding", "both"))]
        for kind, steps in data["kinds"].items()
    ]
    return markdown(["queries", "timed", "grounding", "encoding", "both"], rows)


def _time(step: Data) -> str:
    return f"{step['median_ms']:.0f} ms ({step['p95_ms']:.0f} ms)"
