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
    """Log odds measured on captions, and how they are weighed beside the cosine.

    Attributes:
        classes: (2, C) log odds of a molecule that belongs to a named class, and of one that does not.
        parts: (PART_KINDS + 1, PART_OUTCOMES) log odds of how a named part is held; in the last row, CONFIGURATION, of
            whether stated stereodescriptors are.
        scale: Weight of the log odds of classes and amounts, of any text.
        parts_scale: Weight of those of parts.
        weight_when_alone: What both grow by for a text that says nothing else; the whole weight of roles in it.
        head: What tells the log odds of roles from a molecule's vector, or None.
    """

    classes: Floats
    parts: Floats
    scale: float
    parts_scale: float
    weight_when_alone: float
    head: "RoleHead | None" = None

    @property
    def measured(self) -> bool:
        """Whether anything was measured and counts; a model without odds ranks by what it learned alone."""
        weighed = self.scale or self.parts_scale or self.weight_when_alone
        return bool((self.classes.any() or self.parts.any()) and weighed)

    def class_weight(self, read: float) -> float:
        """Return the weight of classes and amounts in a text of which the share ``read`` was read."""
        return self.scale + self.role_weight(read)

    def part_weight(self, read: float) -> float:
        """Return the weight of parts and stereodescriptors in such a text."""
        return self.parts_scale + self.role_weight(read)

    def role_weight(self, read: float) -> float:
        """Return the weight of roles in such a text; 0 where nothing was read."""
        return self.weight_when_alone * read**_SHARPNESS
