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
        model: Returns the model in use.
    """

    def __init__(self, model: "Callable[[], DualEncoder]") -> None:
        self._model = model
        self._loading = threading.Lock()
        self._match_calibration: MatchCalibration | None = None
        self._model_id = ""  # of the model that it belongs to

    def calibration(self, folder: Path) -> Calibration | None:
        """Read the calibration in a model's folder; None where it has none.

        Raises:
            ModelError: If the file cannot be read or makes no sense.
        """
        return read_calibration(folder)

    def calibrated(self) -> bool:
        """Check whether the model in use has a calibration; the first call takes a second or so.

        Raises:
            ModelError: If it has one that cannot be read or is another model's.
        """
        return self._ready() is not None

    def judge(self, ranking: Ranking, molecules: Floats) -> tuple[MatchProbability, ...]:
        """Judge molecules by the words of a query alone; of several phrases, by that which speaks least.

        Args:
            ranking: The answer to the query.
            molecules: (N, D) vectors of the model in use.

        Returns:
            One account a molecule; none where the query has no words, or some that lie out of scope, for which the
            rule was never shown to hold, or where the model has no calibration.

        Raises:
            ModelError: If the calibration cannot be read or is another model's.
        """
        texts, match_calibration = _texts(ranking), self._ready()
        if match_calibration is None or not texts or any(scope.outside for scope in match_calibration.scope(texts)):
            return ()
        return match_calibration.judge(texts, molecules)

    def scope(self, ranking: Ranking) -> tuple[QueryScope, ...]:
        """Check whether the phrases of a query lie within what the model has read; see ``judge``."""
        match_calibration = self._ready()
        return () if match_calibration is None else match_calibration.scope(_texts(ranking))

    def _ready(self) -> MatchCalibration | None:
        model = self._model()
        with self._loading:
            if self._model_id != model.model_id:
                calibration = read_calibration(model.folder) if model.folder else None
                self._match_calibration = None if calibration is None else MatchCalibration(model, calibration.rules)
                self._model_id = model.model_id
            return self._match_calibration


def _texts(ranking: Ranking) -> list[str]:
    """Return the phrases of a query that were embedded."""
    return [phrase.kept for phrase in ranking.read.phrases if phrase.kept.strip()]
