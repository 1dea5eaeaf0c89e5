"""Every figure that the project states, measured by one command and written where it is stated."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from molsearch.chem.io.pairs import PairTable, read_pairs, read_pool
from molsearch.evaluation.candidates import Answers, CandidatePool, answer, find_targets, with_text
from molsearch.evaluation.figure_tables import read_metrics, rewrite, with_table
from molsearch.evaluation.registry import Request
from molsearch.model.card import CARD, METRICS
from molsearch.model.dual import DualEncoder
from molsearch.model.folder import folder_id
from molsearch.records import Progress

#: Columns of the validation file by what the tables call them.
TEXTS = {"masked": "text", "named": "text_named"}


@dataclass(frozen=True)
class Measurement:
    """What is measured, and on what.

    Attributes:
        folder: Model folder.
        data: Folder of chebi20_val.tsv, chebi20_pool.tsv, pcdes_val.tsv and train_pairs.tsv.
        libraries: Folder of the libraries that the short queries rank, or None.
        evaluation: Folder of the query files, data/eval.
        device: Torch device.
        seed: Of every draw and bootstrap.
        baselines: Model folders to read without names, by the name to show.
        pcdes: Model folder trained on PCdes's training rows alone, or None.
        progress: Told of each step.
        latencies: Times the queries of a folder and the captions of a file with a model: of the wing above this one.
        learning: Folder of the models of the learning curve, or None.
        recipe: Recipe of the learning curve.
        ablation: Folder of the models of the ablation, or None.
        ablation_seeds: Trainings of each row of the ablation.
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
    latencies: Callable[..., object] | None = None
    learning: Path | None = None
    recipe: str = "lexical"
    ablation: Path | None = None
    ablation_seeds: int = 3

    @property
    def validation(self) -> Path:
        """The validation pairs of ChEBI-20."""
        return self.data / "chebi20_val.tsv"

    @property
    def training(self) -> Path:
        """The training pairs."""
        return self.data / "train_pairs.tsv"

    @property
    def pool_file(self) -> Path:
        """The molecules of ChEBI-20."""
        return self.data / "chebi20_pool.tsv"

    @cached_property
    def model(self) -> DualEncoder:
        """The model."""
        return DualEncoder.load(self.folder, self.device)

    @cached_property
    def pool(self) -> CandidatePool:
        """The molecules of ChEBI-20, encoded."""
        return CandidatePool(self.model, read_pool(self.pool_file).rows, self.progress)

    @cached_property
    def answers(self) -> dict[str, tuple[PairTable, Answers]]:
        """Ranks of the validation file by kind of text."""
        return {name: self._answers(column) for name, column in TEXTS.items()}

    def request(self, pairs: Path) -> Request:
        """Ask a protocol for the figures of a pair file."""
        return Request(pairs, loaded=self.model, seed=self.seed, progress=self.progress)

    def _answers(self, column: str) -> tuple[PairTable, Answers]:
        pairs = read_pairs(self.validation, column)
        rows = with_text(pairs, column)
        targets = find_targets(rows, pairs.name, read_pool(self.pool_file))
        return pairs, answer(self.model, rows, self.pool, targets, self.progress)


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
    metrics = json.dumps(with_table(read_metrics(path), name, stated), indent=1, ensure_ascii=False)
    path.write_text(metrics + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Round every float inside to four decimals: more than the sample can tell, and few enough to read."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {name: rounded(part) for name, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list | tuple) else value


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
