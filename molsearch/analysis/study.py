"""The alignment of texts and molecules: pairs read, encoded by the model and by the same model before training."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.pairs import PairColumns, PairFile, PairLimits, pair_columns, read_pair_file
from molsearch.records import Pair, Progress
from molsearch.settings import Settings

if TYPE_CHECKING:  # torch loads with these
    from molsearch.analysis.attention import BankReading
    from molsearch.analysis.pair_ranks import PairRanks
    from molsearch.model.alignment import AlignmentReport, Form, Layout
    from molsearch.model.dual import DualEncoder

Floats = npt.NDArray[np.float32]

EXAMPLES = "examples.csv"
_CHUNK = 64  # pairs between two reports of progress


@dataclass(frozen=True, slots=True, eq=False)
class PairVectors:
    """Unit vectors of N pairs, (N, D) each."""

    texts: Floats
    molecules: Floats

    def take(self, rows: Sequence[int]) -> "PairVectors":
        """Copy out some of the pairs, in that order."""
        chosen = list(rows)
        return PairVectors(self.texts[chosen], self.molecules[chosen])


class AlignmentStudy:
    """Everything the Alignment page asks; many threads may use one.

    Args:
        model: Returns the model in use.
        settings: Folders and limits.
    """

    def __init__(self, model: "Callable[[], DualEncoder]", settings: Settings) -> None:
        self._model = model
        self._settings = settings
        self._building = threading.Lock()
        self._untrained: DualEncoder | None = None
        self._untrained_of = ""  # model_id of the trained one

    @property
    def examples(self) -> Path:
        """The shipped examples with their descriptions, as a table of pairs."""
        return self._settings.data / EXAMPLES

    def example_smiles(self) -> list[str]:
        """Read the molecules of the shipped examples.

        Raises:
            InputError: If their file is missing or damaged.
        """
        columns = self.columns(self.examples, self.examples.name)
        pairs = self.read(self.examples, self.examples.name, columns.text, columns.structure).pairs
        return [pair.smiles for pair in pairs]

    def columns(self, file: Path | BinaryIO, filename: str) -> PairColumns:
        """Read the header of a table of pairs.

        Raises:
            InputError: If it is no table.
        """
        return pair_columns(file, filename)

    def read(
        self, file: Path | BinaryIO, filename: str, text: str, structure: str, progress: Progress | None = None
    ) -> PairFile:
        """Read a table of pairs from two of its columns; see ``read_pair_file``.

        Raises:
            InputError: If the file is no table, lacks a column, or holds fewer than two pairs.
        """
        options = ReadOptions.within(self._settings)
        limits = PairLimits(chars=self._settings.max_query_chars)
        return read_pair_file(file, filename, text, structure, options=options, limits=limits, progress=progress)

    def encode(self, pairs: Sequence[Pair], progress: Progress | None = None) -> PairVectors:
        """Embed both sides of some pairs with the model in use.

        Raises:
            InputError: If a SMILES is no structure.
            ModelError: If the model cannot be used.
        """
        return _encoded(self._model(), pairs, progress)

    def encode_untrained(self, pairs: Sequence[Pair], progress: Progress | None = None) -> PairVectors:
        """Embed both sides with the same architecture as it was before training: fresh weights from a fixed seed.

        Raises:
            InputError: If a SMILES is no structure.
            ModelError: If the model's folder cannot be read.
        """
        return _encoded(self._untrained_model(), pairs, progress)

    def _untrained_model(self) -> "DualEncoder":
        from molsearch.model.untrained import untrained

        trained = self._model()
        with self._building:
            if self._untrained is None or self._untrained_of != trained.model_id:
                folder = trained.folder or self._settings.models / self._settings.model
                self._untrained = untrained(folder).to(trained.device)
                self._untrained_of = trained.model_id
            return self._untrained

    def report(
        self, vectors: PairVectors, *, form: "Form" = "similarity", layout: "Layout" = "pca"
    ) -> "AlignmentReport":
        """Describe how a sample of pairs lies in the shared space, at the temperature of the paper's loss.

        Raises:
            InputError: If there are fewer than two pairs.
        """
        from molsearch.model.alignment import report

        return report(vectors.texts, vectors.molecules, form=form, layout=layout)

    def pair_ranks(self, pairs: Sequence[Pair], vectors: PairVectors, progress: Progress | None = None) -> "PairRanks":
        """Compare every text of a file with every molecule of it.

        Raises:
            InputError: If there are fewer than two pairs.
        """
        from molsearch.analysis.pair_ranks import pair_ranks

        return pair_ranks(pairs, vectors.texts, vectors.molecules, progress)

    def attention(self, text: str, smiles: str) -> "BankReading":
        """Read what the memory bank attends to in a text and in a molecule.

        Raises:
            InputError: If the text holds no word or the SMILES cannot be read.
            ModelError: If the model has no memory bank.
        """
        from molsearch.analysis.attention import attend

        return attend(self._model(), text, smiles)


def _encoded(model: "DualEncoder", pairs: Sequence[Pair], progress: Progress | None) -> PairVectors:
    vectors = PairVectors(*(np.empty((len(pairs), model.width), np.float32) for _ in range(2)))
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        vectors.texts[start : start + len(part)] = model.encode_texts([pair.text for pair in part])
        vectors.molecules[start : start + len(part)] = model.encode_molecules([pair.smiles for pair in part])
        if progress:
            progress(start + len(part), len(pairs))
    return vectors
