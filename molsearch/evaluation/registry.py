"""Every protocol by which a model is measured, one row each: the command and the documents take their choices from it.

A protocol is one file of this folder, or of a folder inside. As far as its row says so, the file holds ``measure``,
which ``evaluate`` runs, and ``figures``, ``table`` and perhaps ``flat``, from which README and model card are written.
A file is imported when it is used, so that a command line starts without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from molsearch.errors import InputError
from molsearch.records import Progress
from molsearch.settings import Settings

if TYPE_CHECKING:  # torch loads with these
    from molsearch.evaluation.document import Measurement
    from molsearch.model.dual import DualEncoder


@dataclass(frozen=True, slots=True)
class Request:
    """What ``evaluate`` was asked to measure, beside the protocol.

    Attributes:
        pairs: Pair file, or query file.
        folder: Model folder, or None.
        loaded: The model itself where it is loaded already, or None.
        text_column: Column of its texts.
        pools: Files of the molecules to rank.
        training_pairs: What the model was trained on, or None.
        ranks: File to write ranks to, or None.
        seed: Of every draw and bootstrap.
        exact_names: Whether exact names lift molecules.
        baselines: Model folders to read without names, by the name to show.
        write: Whether the model's folder is written to.
        sample: How many pairs to take, or None for the protocol's own number.
        progress: Told of each step.
    """

    pairs: Path
    folder: Path | None = None
    loaded: "DualEncoder | None" = None
    text_column: str = "text"
    pools: tuple[Path, ...] = ()
    training_pairs: Path | None = None
    ranks: Path | None = None
    seed: int = 0
    exact_names: bool = True
    baselines: Mapping[str, Path] = field(default_factory=dict)
    write: bool = False
    sample: int | None = None
    progress: Progress | None = None

    def model(self) -> "DualEncoder":
        """Return the model to measure.

        Raises:
            InputError: If none was given.
        """
        from molsearch.model.dual import DualEncoder

        if self.loaded is not None:
            return self.loaded
        if self.folder is None:
            raise InputError("There is no model to measure: give --model FOLDER.")
        return DualEncoder.load(self.folder, Settings().device)

    def some_pools(self) -> tuple[Path, ...]:
        """Return the pools, one or more.

        Raises:
            InputError: If there is none.
        """
        if not self.pools:
            raise InputError("There is no pool to rank: give --pool FILE, or --protocol pcdes, which needs none.")
        return self.pools

    def pool(self) -> Path:
        """Return the one pool that most protocols rank.

        Raises:
            InputError: If there is none or more than one.
        """
        pool, *others = self.some_pools()
        if others:
            raise InputError(f"This protocol ranks one pool, got {len(self.pools)}; give --pool once.")
        return pool


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to measure a model.

    Attributes:
        name: What markers of documents and ``metrics.json`` call its table.
        file: Its module in this folder.
        title: What its table shows, in half a sentence; "" where documents show none.
        choice: What ``evaluate --protocol`` calls it; "" where only ``figures`` measures it.
        options: Options of ``evaluate`` that it uses, of those that not every protocol does.
        needs: Option of ``figures`` without which its table cannot be measured, or "".
    """

    name: str
    file: str
    title: str = ""
    choice: str = ""
    options: tuple[str, ...] = ()
    needs: str = ""

    def measure(self, request: Request) -> dict[str, Any]:
        """Measure what the command was asked for."""
        return dict(self._module().measure(request))

    def figures(self, run: "Measurement") -> dict[str, Any]:
        """Measure the figures of the table."""
        return dict(self._module().figures(run))

    def table(self, data: Mapping[str, Any]) -> str:
        """Write the figures of the table in Markdown."""
        return str(self._module().table(data))

    def flat(self, data: Mapping[str, Any]) -> dict[str, float]:
        """Name those figures that the model card lists; {} where the table alone shows them."""
        module = self._module()
        return dict(module.flat(data)) if hasattr(module, "flat") else {}

    def _module(self) -> ModuleType:
        return import_module(f"molsearch.evaluation.{self.file}")


#: All protocols, in the order in which their tables are measured.
PROTOCOLS: tuple[Protocol, ...] = (
    Protocol(
        "retrieval",
        "retrieval",
        "retrieval on the ChEBI-20 validation split",
        choice="pool",
        options=("--ranks", "--training-pairs"),
    ),
    Protocol("slices", "slices", "text → molecule on the harder parts of it"),
    Protocol(
        "baselines",
        "baselines",
        "baselines on the same pool and rows",
        choice="baselines",
        options=("--training-pairs", "--baseline"),
    ),
    Protocol("misses", "error_analysis", "a random sample of misses by what stands first", choice="misses"),
    Protocol("roles", "role_queries", 'role queries such as "an antibacterial agent"', choice="roles"),
    Protocol("pcdes", "pcdes", "PCdes validation split", choice="pcdes"),
    Protocol(
        "queries",
        "short_queries",
        "short queries with a computed truth",
        choice="queries",
        needs="--libraries DIR",
    ),
    Protocol("concepts", "concepts", choice="concepts"),
    Protocol("calibration", "calibration.fit", choice="calibration", options=("--write",)),
    Protocol(
        "explanations",
        "faithfulness",
        "explanations put to the test by deletion",
        choice="explanations",
        options=("--sample",),
    ),
    Protocol("times", "times", "times of one query, median (95th percentile)"),
    Protocol(
        "learning curve", "learning_curve", "what more training captions would give", needs="--learning-curve DIR"
    ),
    Protocol("ablation", "ablation", "what each loss and the memory bank are worth", needs="--ablation DIR"),
    Protocol("reranker", "reranker", choice="reranker", options=("--sample",)),
)

#: Those with a table, by its name.
TABLES: Mapping[str, Protocol] = {protocol.name: protocol for protocol in PROTOCOLS if protocol.title}

_FIRST = ("pool", "pcdes", "queries", "roles")  # choices that the help names first: how well a model retrieves

#: Those of ``evaluate --protocol``, by their choice.
CHOICES: Mapping[str, Protocol] = {
    protocol.choice: protocol
    for protocol in sorted(PROTOCOLS, key=lambda row: (*_FIRST, row.choice).index(row.choice))
    if protocol.choice
}


def users_of(option: str) -> list[str]:
    """List the choices that use an option, in alphabetical order."""
    return sorted(choice for choice, protocol in CHOICES.items() if option in protocol.options)
