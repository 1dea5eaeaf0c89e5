"""What the classes, parts and roles that a text names tell of a molecule: log odds, learned from captions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.role_head import RoleHead

Floats = npt.NDArray[np.float32]

#: Log odds of a role are kept within these: what few captions state is not known better, and among molecules that are
#: twelve times as likely as by chance to have it, the other words of a text decide.
UNLIKELIEST, LIKELIEST = -4.0, 2.5
_SHARPNESS = 4  # power of the share of a text that was read


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """What was measured on captions, and how it is scaled.

    Attributes:
        classes: (2, C) log odds of a molecule that belongs to a named class, and of one that does not.
        parts: (PART_KINDS + 1, PART_OUTCOMES) log odds of how a named part is held; in the last row, CONFIGURATION, of
            whether stated stereodescriptors are.
        scale: Factor on the log odds of classes and amounts, of any text.
        parts_scale: Factor on those of parts.
        alone: What both factors grow by for a text that says nothing else; that of roles is 0 in others.
        head: What tells the log odds of roles from a molecule's vector, or None.
    """

    classes: Floats
    parts: Floats
    scale: float
    parts_scale: float
    alone: float
    head: "RoleHead | None" = None

    @property
    def measured(self) -> bool:
        """Whether anything was measured and counts; a model without odds ranks by what it learned alone."""
        return bool((self.classes.any() or self.parts.any()) and (self.scale or self.parts_scale or self.alone))

    def factors(self, read: float) -> tuple[float, float]:
        """Return the factors for classes and for parts of a text of which the share ``read`` was read."""
        more = self.alone_factor(read)
        return self.scale + more, self.parts_scale + more

    def alone_factor(self, read: float) -> float:
        """Return the factor for roles, which is 0 for a text of which nothing was read."""
        return self.alone * read**_SHARPNESS
