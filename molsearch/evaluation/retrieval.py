"""The pool protocol (Text2Mol): a whole pool ranked for each text, and the file's texts for each molecule.

A pair's molecule is found in the pool by cid where both files have it, else by key. Rows with an empty text are skipped
and counted. Ties count half a rank. Molecule to text uses the same scores, read by column.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from molsearch.chem.io.pairs import PairTable
from molsearch.errors import InputError
from molsearch.evaluation import slices
from molsearch.evaluation.candidates import Answers, CandidatePool, answer_file
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import RANK_COLUMNS, WAYS, Data, markdown, rank_cells
from molsearch.evaluation.metrics import METRICS, both_directions
from molsearch.evaluation.rank_file import write_ranks
from molsearch.evaluation.registry import Request

NAMES = ("all", "exact names off")  # the slices shown, both of the whole file


def measure(request: Request) -> dict[str, object]:
    """Rank the pool for a pair file, and show its slices beside the headline.

    Raises:
        InputError: If a file cannot be read or written, holds no text, or a pair's molecule is not in the pool.
    """
    ranks = request.ranks
    if ranks and not ranks.parent.is_dir():  # seen now, not after minutes of computing
        raise InputError(f"{ranks.parent} is no folder, so {ranks.name} cannot be written; make it first.")
    seen = slices.read_seen(request.training_pairs) if request.training_pairs else None
    model = request.model()
    pairs, answers, pool = answer_file(model, request.pairs, request.pool(), request.text_column, request.progress)
    names = slices.names_in(request.pairs, pairs, answers.rows)
    parts = slices.slices_of(pairs, answers, slices.names_itself(answers, pool, names), seen)
    if ranks:
        write_ranks(ranks, answers, parts, request.exact_names)
    return {
        **headline(pairs, answers, pool, exact_names=request.exact_names, seed=request.seed),
        "slices": slices.slice_figures(answers, parts, request.exact_names, request.seed),
    }


def headline(
    pairs: PairTable, answers: Answers, pool: CandidatePool, *, exact_names: bool = True, seed: int = 0
) -> dict[str, object]:
    """Compute the figures of a whole pair file; hits and MRR in percent."""
    ranks = answers.ranks(exact_names)
    return {
        "pool": len(pool),
        "queries": len(answers.rows),
        "skipped": len(pairs.rows) - len(answers.rows),
        **both_directions(ranks.text, ranks.molecule, seed),
    }


def figures(run: Measurement) -> dict[str, object]:
    """Measure masked and named texts, with exact names and without."""
    texts = {}
    for name, (_, answers) in run.answers.items():
        everything = np.ones(len(answers.rows), np.bool_)
        parts = [slices.Slice("all", everything), slices.Slice("exact names off", everything, exact_names=False)]
        texts[name] = slices.slice_figures(answers, parts, seed=run.seed)
    return {"pool": len(run.pool), "texts": texts, "below": "Ties count half a rank; intervals by bootstrap."}


def table(data: Data) -> str:
    """Write one row a kind of text and direction."""
    rows = [
        [text if name == "all" else f"{text}, {name}", WAYS[way], _pool_size(data, part, way), *rank_cells(part[way])]
        for name in NAMES
        for text, parts in data["texts"].items()
        for part in (parts[name],)
        for way in WAYS
    ]
    return markdown(["validation text", "direction", "pool", *RANK_COLUMNS], rows)


def _pool_size(data: Data, part: Mapping[str, Any], way: str) -> str:
    return f"{data['pool'] if way == 'text_to_molecule' else part['n']:,}"


def flat(data: Data) -> dict[str, float]:
    """Name every metric of the table."""
    return {
        f"ChEBI-20 val, {text}{'' if name == 'all' else ', ' + name}, {way} {metric}": parts[name][way][metric]
        for name in NAMES
        for text, parts in data["texts"].items()
        for way in WAYS
        for metric in METRICS
    }
