"""Hits and queries judged by the calibration of the model in use."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from molsearch.records import Ranking
from molsearch.search.calibration import (
    Calibration,
    Floats,
    MatchCalibration,
    MatchProbability,
    read_calibration,
)
from molsearch.search.scope import QueryScope

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder


class MatchJudge:
    """Answers whether hits are good ones; many threads may use one.

    Args:
        model: Gives the model in use.
    """

    def __init__(self, model: "Callable[[], DualEncoder]") -> None:
        self._model = model
        self._making = threading.Lock()
        self._yardstick: MatchCalibration | None = None
        self._made_for = ""  # model_id

    def calibration(self, folder: Path) -> Calibration | None:
        """Read the calibration in a model's folder; None where it has none.

        Raises:
            ModelError: If the file cannot be read or makes no sense.
        """
        return read_calibration(folder)

    def calibrated(self) -> bool:
        """Tell whether the model in use has a calibration; the first call takes a second or so.

        Raises:
            ModelError: If it has one that cannot be read or is another model's.
        """
        return self._ready() is not None

    def judge(self, ranking: Ranking, molecules: Floats) -> tuple[MatchProbability, ...]:
        """Say what speaks for molecules, by the words of a query alone; of several phrases, by that which speaks least.

        Args:
            ranking: The answer to the query.
            molecules: (N, D) vectors of the model in use.

        Returns:
            One account a molecule; none where the query has no words, or some that lie out of scope, for which the
            rule was never shown to hold, or where the model has no calibration.

        Raises:
            ModelError: If the calibration cannot be read or is another model's.
        """
        texts, yardstick = _texts(ranking), self._ready()
        if yardstick is None or not texts or any(one.outside for one in yardstick.scope(texts)):
            return ()
        return yardstick.judge(texts, molecules)

    def scope(self, ranking: Ranking) -> tuple[QueryScope, ...]:
        """Tell whether the phrases of a query lie within what the model has read; see ``judge``."""
        yardstick = self._ready()
        return () if yardstick is None else yardstick.scope(_texts(ranking))

    def _ready(self) -> MatchCalibration | None:
        model = self._model()
        with self._making:
            if self._made_for != model.model_id:
                calibration = read_calibration(model.folder) if model.folder else None
                self._yardstick = None if calibration is None else MatchCalibration(model, calibration.rules)
                self._made_for = model.model_id
            return self._yardstick


def _texts(ranking: Ranking) -> list[str]:
    """Give the phrases of a query that were embedded."""
    return [phrase.kept for phrase in ranking.read.phrases if phrase.kept.strip()]
