"""Every figure that the project states, measured by one command and written where it is stated."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from molsearch.chem.io.pairs import PairTable, read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation import slices
from molsearch.evaluation.baselines import Bench, Candidates, rank_baselines
from molsearch.evaluation.candidates import Answers, CandidatePool, answer
from molsearch.evaluation.error_analysis import miss_figures
from molsearch.evaluation.faithfulness import SHARE, evaluate_explanations
from molsearch.evaluation.figure_tables import read_metrics, rewrite, with_table
from molsearch.evaluation.rank_file import difference
from molsearch.evaluation.retrieval import direction, evaluate_pcdes, with_text
from molsearch.evaluation.role_queries import evaluate_roles
from molsearch.evaluation.short_queries import library_pool, means, measure
from molsearch.evaluation.targets import find_targets
from molsearch.model.card import CARD, METRICS
from molsearch.model.dual import DualEncoder
from molsearch.model.folder import folder_id
from molsearch.records import Progress

#: Query files in data/eval: how the tables call each.
QUERY_FILES = {
    "class, 30 frozen": "class_queries.tsv",
    "class, 70 open": "class_queries_open.tsv",
    "class, 136 wide": "class_queries_wide.tsv",
    "class, 237 held": "class_queries_held.tsv",
    "property, 20 frozen": "property_queries.tsv",
    "property, 40 open": "property_queries_open.tsv",
    "property, 83 wide": "property_queries_wide.tsv",
    "property, 156 held": "property_queries_held.tsv",
}
LEAKED = "an acetylenic compound"  # a frozen class query that is a synonym in the class table by now: data/README.md
LIBRARIES = ("wehi_mols.csv", "solubility.train.sdf")
#: Columns of the validation file by what the tables call them.
TEXTS = {"masked": "text", "named": "text_named"}
SHIPPED = "this model"


@dataclass(frozen=True)
class Measurement:
    """What is measured, and on what.

    Attributes:
        folder: Model folder.
        data: Folder of chebi20_val.tsv, chebi20_pool.tsv, pcdes_val.tsv and train_pairs.tsv.
        libraries: Folder of LIBRARIES for the short queries; None leaves these out.
        evaluation: Folder of the query files, data/eval.
        device: Torch device.
        seed: Of every draw and bootstrap.
        baselines: Model folders to read without names, by the name to show.
        pcdes: Model folder trained on PCdes's training rows alone, or None.
        progress: Told of each step.
    """

    folder: Path
    data: Path
    libraries: Path | None
    evaluation: Path
    device: str = "cpu"
    seed: int = 0
    baselines: Mapping[str, Path] = field(default_factory=dict)
    pcdes: Path | None = None
    progress: Progress | None = None

    @cached_property
    def model(self) -> DualEncoder:
        """The model."""
        return DualEncoder.load(self.folder, self.device)

    @cached_property
    def pool(self) -> CandidatePool:
        """The molecules of ChEBI-20, encoded."""
        return CandidatePool(self.model, read_pool(self.data / "chebi20_pool.tsv").rows, self.progress)

    @cached_property
    def seen(self) -> slices.Seen:
        """What training has seen."""
        return slices.read_seen(self.data / "train_pairs.tsv")

    @cached_property
    def answers(self) -> dict[str, tuple[PairTable, Answers]]:
        """Ranks of the validation file by kind of text."""
        return {name: self._answers(column) for name, column in TEXTS.items()}

    def _answers(self, column: str) -> tuple[PairTable, Answers]:
        table = read_pairs(self.data / "chebi20_val.tsv", column)
        rows = with_text(table, column)
        targets = find_targets(rows, table.name, read_pool(self.data / "chebi20_pool.tsv"))
        return table, answer(self.model, rows, self.pool, targets, self.progress)


def _slices(run: Measurement) -> dict[str, Any]:
    texts = {}
    for name, (table, answers) in run.answers.items():
        names = slices.names_in(run.data / "chebi20_val.tsv", table, answers.rows)
        parts = slices.slices_of(table, answers, slices.names_itself(answers, run.pool, names), run.seen)
        texts[name] = slices.figures(answers, parts, seed=run.seed)
    return {"pool": len(run.pool), "texts": texts}


def _retrieval(run: Measurement) -> dict[str, Any]:
    texts = {}
    for name, (_, answers) in run.answers.items():
        everything = np.ones(len(answers.rows), np.bool_)
        parts = [slices.Slice("all", everything), slices.Slice("exact names off", everything, exact_names=False)]
        texts[name] = slices.figures(answers, parts, seed=run.seed)
    return {"pool": len(run.pool), "texts": texts, "below": "Ties count half a rank; intervals by bootstrap."}


def _baselines(run: Measurement) -> dict[str, Any]:
    training = tuple(row for row in read_pairs(run.data / "train_pairs.tsv").rows if not row.empty)
    texts, candidates = {}, Candidates(run.pool.rows)
    for name, (_, answers) in run.answers.items():
        bench = Bench(tuple(row.text for row in answers.rows), candidates, training)
        found = rank_baselines(bench, answers.targets, run.baselines, run.progress)
        systems = {"this model, exact names off": answers.plain, **found}
        own = answers.lifted.text
        texts[name] = {SHIPPED: _system(own, own, run.seed)} | {
            system: _system(ranks.text, own, run.seed) for system, ranks in systems.items()
        }
    below = "The last column is the system minus this model, by paired bootstrap over the same queries."
    return {"pool": len(run.pool), "texts": texts, "below": below}


def _system(found: np.ndarray, own: np.ndarray, seed: int) -> dict[str, Any]:
    gap = {} if found is own else {"behind": difference(found, own, seed)["hits@1"]}
    return {"text_to_molecule": direction(found, seed), **gap}


def _misses(run: Measurement) -> dict[str, Any]:
    _, answers = run.answers["masked"]
    told = miss_figures(answers, run.pool, seed=run.seed)
    of = (
        f"{told['sampled']} of the {told['misses']:,} masked texts whose molecule does not stand first, seed {run.seed}"
    )
    return {**told, "below": f"Drawn: {of}; each is counted in the first kind that holds."}


def _roles(run: Measurement) -> dict[str, Any]:
    return evaluate_roles(run.model, run.data / "chebi20_val.tsv", seed=run.seed, progress=run.progress)


def _pcdes(run: Measurement) -> dict[str, Any]:
    models = {"all pairs (this model)": run.model}
    if run.pcdes:
        models["PCdes's training rows alone"] = DualEncoder.load(run.pcdes, run.device)
    file = run.data / "pcdes_val.tsv"
    told = {
        name: evaluate_pcdes(model, file, seed=run.seed, progress=run.progress).as_json()
        for name, model in models.items()
    }
    return {"models": told}


def _explanations(run: Measurement) -> dict[str, Any]:
    told = evaluate_explanations(run.model, run.data / "chebi20_val.tsv", seed=run.seed, progress=run.progress)
    share = f"{100 * SHARE:.0f} %"
    below = (
        f"{told['sample']} masked texts with their molecules; {share} of the atoms or words go at once, one at least."
    )
    return {**told, "below": below}


def _queries(run: Measurement) -> dict[str, Any]:
    if run.libraries is None:
        raise InputError(f"The short queries rank library files, got none; give --libraries DIR with {LIBRARIES}.")
    pool = library_pool(run.model, [run.libraries / name for name in LIBRARIES], run.progress)
    files: dict[str, dict[str, float]] = {}
    for name, file in QUERY_FILES.items():
        found = measure(run.model, run.evaluation / file, pool)
        files[name] = means(found, pool)
        rest = [one for one in found if one.query != LEAKED]
        if len(rest) < len(found):
            files[f"{name}, less the one known since"] = means(rest, pool)
    return {"files": files}


#: How the figures of each table are measured; times and the learning curve come from commands of their own floor.
MEASURES: Mapping[str, Callable[[Measurement], dict[str, Any]]] = {
    "retrieval": _retrieval,
    "slices": _slices,
    "baselines": _baselines,
    "misses": _misses,
    "roles": _roles,
    "pcdes": _pcdes,
    "queries": _queries,
    "explanations": _explanations,
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When and where figures were measured, as the tables state it: ISO day, machine, and a note or ""."""

    date: str
    machine: str
    note: str = ""


def record(folder: Path, name: str, figures: Mapping[str, Any], when: Circumstances) -> None:
    """Write the figures of one table into a model folder's ``metrics.json``."""
    path = folder / METRICS
    stated = rounded({"model_id": folder_id(folder), **asdict(when), **figures})
    table = json.dumps(with_table(read_metrics(path), name, stated), indent=1, ensure_ascii=False)
    path.write_text(table + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Round every float inside to four decimals: more than the sample can tell, and few enough to read."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value


def rewrite_documents(folder: Path, documents: Sequence[Path]) -> list[Path]:
    """Write the marked tables of some documents, and of the model's card, anew from its ``metrics.json``.

    Returns:
        The documents that changed.
    """
    tables = read_metrics(folder / METRICS).get("tables", {})
    changed = []
    for path in (*documents, folder / CARD):
        if not path.is_file():
            continue
        before = path.read_text(encoding="utf-8")
        after = rewrite(before, tables)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed
