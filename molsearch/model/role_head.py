"""Roles learned from captions: how much likelier than by chance a molecule has each, from its vector and classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from molsearch.records import Progress

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]

_CLASS = 2.0  # what a class that a molecule belongs to counts beside columns of the size of 1
_ROWS = 8192  # molecules computed at once: 8 MB of hidden units of width 256


class RoleHead(nn.Module):
    """A small network from a molecule's unit vector and chemical classes to one logit for each role.

    The biases of its last layer are the roles' log odds among the molecules it learned from, so that what the layers
    add is weight of evidence: log odds of the role given the molecule, less those of the role.

    Shapes:
        (N, D), (N, C) -> (N, R)
    """

    def __init__(self, width: int, classes: int, hidden: int, roles: int, dropout: float = 0.0) -> None:
        """Build a head whose log odds are all 0.

        Args:
            width: D of the vectors.
            classes: C, rows of the class table.
            hidden: Units between.
            roles: R.
            dropout: Share of columns, classes and units left out in training.
        """
        super().__init__()
        self._length = width**0.5  # columns of a unit vector are small: brought to the size of 1
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(width, hidden)
        self.classes = nn.Parameter(torch.empty(classes, hidden).uniform_(-1, 1) * (width + classes) ** -0.5)
        self.out = nn.Linear(hidden, roles)
        nn.init.zeros_(self.out.weight)

    def forward(self, vectors: Tensor, classes: Tensor) -> Tensor:
        """Return logits, (N, R); ``classes`` is 1 where a molecule belongs and 0 elsewhere."""
        of_classes = self.dropout(classes * _CLASS) @ self.classes
        units = torch.relu(self.hidden(self.dropout(vectors * self._length)) + of_classes)
        logits: Tensor = self.out(self.dropout(units))
        return logits

    @torch.inference_mode()
    def log_odds(
        self,
        vectors: npt.NDArray[np.floating],
        flags: Flags,
        roles: Sequence[int],
        mask: npt.NDArray[np.bool_] | None = None,
        progress: Progress | None = None,
    ) -> Floats:
        """Compute the log odds of roles that each molecule's vector and classes add, (N, len(roles)).

        Args:
            vectors: (N, D) of any float type; they are read a part at a time.
            flags: (N, F) their packed class bits, as an index stores them.
            roles: Numbers of the roles.
            mask: (N,) molecules to look at; -inf stands for the others.
            progress: Told of the molecules done; raising from it stops.
        """
        self.eval()
        weight = self.out.weight[list(roles)]
        log_odds = np.full((len(vectors), len(roles)), -np.inf, np.float32)
        for start in range(0, len(vectors), _ROWS):
            rows = slice(start, start + _ROWS) if mask is None else start + np.flatnonzero(mask[start : start + _ROWS])
            part = torch.from_numpy(np.array(vectors[rows], np.float32)).to(weight.device)
            units = torch.relu(self.hidden(part * self._length) + self._of_classes(flags[rows]))
            log_odds[rows] = (units @ weight.T).cpu().numpy()
            if progress:
                progress(min(start + _ROWS, len(vectors)), len(vectors))
        return log_odds

    def _of_classes(self, flags: Flags) -> Tensor:
        """Sum what the classes of each molecule add to the hidden units, (N, H): few of them are set."""
        classes = len(self.classes)
        # One flat array of truth values: finding what is set in two dimensions takes five times as long.
        held = np.flatnonzero(np.unpackbits(flags, axis=1, count=classes).view(np.bool_))
        starts = np.searchsorted(held, classes * np.arange(len(flags)))
        bags, firsts = (torch.from_numpy(array).to(self.classes.device) for array in (held % classes, starts))
        return nn.functional.embedding_bag(bags, self.classes, firsts, mode="sum") * _CLASS

    def likeliest(
        self,
        vectors: npt.NDArray[np.floating],
        flags: Flags,
        choices: Sequence[Sequence[int]],
        mask: npt.NDArray[np.bool_] | None = None,
        progress: Progress | None = None,
    ) -> Floats:
        """Compute the largest log odds among several roles of which any will do, (N, len(choices)), in one pass.

        Args:
            vectors: As of ``log_odds``.
            flags: As of ``log_odds``.
            choices: Numbers of the roles of each choice.
            mask: As of ``log_odds``.
            progress: As of ``log_odds``.
        """
        numbers = sorted({number for choice in choices for number in choice})
        log_odds = self.log_odds(vectors, flags, numbers, mask, progress)  # (N, R)
        return np.stack([log_odds[:, np.searchsorted(numbers, choice)].max(1) for choice in choices], axis=1)
