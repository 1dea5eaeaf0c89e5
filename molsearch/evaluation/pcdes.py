"""The PCdes protocol (KV-PLM): accuracy in batches of 64, and Recall@20 among the molecules of the file itself."""

from dataclasses import replace

import numpy as np

from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, Floats, answer, part, with_text
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import WAYS, Data, markdown
from molsearch.evaluation.registry import Request
from molsearch.model.alignment import ranks
from molsearch.model.dual import DualEncoder

SIZE = 64  # pairs of a batch


def measure(request: Request) -> dict[str, object]:
    """Score a file whose own molecules are the pool.

    Accuracy is the share of pairs ranked first inside seeded random batches, the last left out if incomplete;
    Recall@20 is over the whole file. Ties count half a rank, so a tied first place is no hit.

    Returns:
        Counts, and accuracy and recall by direction, in percent.

    Raises:
        InputError: If the file cannot be read or has fewer texts than one batch.
    """
    model, pairs = request.model(), read_pairs(request.pairs, request.text_column)
    rows, progress = with_text(pairs, request.text_column), request.progress
    if len(rows) < SIZE:
        raise InputError(
            f"{pairs.name} has {len(rows)} texts, but the pcdes protocol needs a batch of {SIZE}; add more."
        )
    total = 3 * len(rows)
    pool = CandidatePool(model, rows, part(progress, 0, total))
    answers = answer(model, rows, pool, np.arange(len(rows)), part(progress, len(rows), total))
    whole = answers.ranks(request.exact_names)
    order = np.random.default_rng(request.seed).permutation(len(rows))
    batches = [order[i : i + SIZE] for i in range(0, len(rows) - SIZE + 1, SIZE)]
    scores = [whole.own[np.ix_(batch, batch)] for batch in batches]  # each (size, size)
    own = np.arange(SIZE)
    text_ranks = np.concatenate([ranks(block, own) for block in scores])
    molecule_ranks = np.concatenate([ranks(block.T, own) for block in scores])
    return {
        "pool": len(rows),
        "queries": len(rows),
        "skipped": len(pairs.rows) - len(rows),
        "seed": request.seed,
        "batches": len(batches),
        "text_to_molecule": {"accuracy": _share(text_ranks, 1), "recall@20": _share(whole.text, 20)},
        "molecule_to_text": {"accuracy": _share(molecule_ranks, 1), "recall@20": _share(whole.molecule, 20)},
    }


def _share(ranks: Floats, cutoff: int) -> float:
    return float(100.0 * (ranks <= cutoff).mean())


def figures(run: Measurement) -> dict[str, object]:
    """Measure the model, and another that learned from PCdes's training rows alone where there is one."""
    models = {"all pairs (this model)": run.model}
    if run.pcdes:
        models["PCdes's training rows alone"] = DualEncoder.load(run.pcdes, run.device)
    request = run.request(run.data / "pcdes_val.tsv")
    return {"models": {name: measure(replace(request, loaded=model)) for name, model in models.items()}}


def table(data: Data) -> str:
    """Write one row a model and direction."""
    rows = [
        [name, WAYS[way], f"{model['pool']:,}", f"{model[way]['accuracy']:.1f} %", f"{model[way]['recall@20']:.1f} %"]
        for name, model in data["models"].items()
        for way in WAYS
    ]
    return markdown(["trained on", "direction", "pool", "accuracy in batches of 64", "Recall@20"], rows)


def flat(data: Data) -> dict[str, float]:
    """Name the figures of the model that ships."""
    shipped = next(iter(data["models"].values()))
    return {f"PCdes val, {way} {name}": shipped[way][name] for way in WAYS for name in ("accuracy", "recall@20")}
