"""What the classes and parts that a text names tell of a molecule: log odds, measured on captions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

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
        alone: What both grow by for a text that says nothing else.
    """

    classes: Floats
    parts: Floats
    scale: float
    parts_scale: float
    alone: float

    @property
    def measured(self) -> bool:
        """Whether anything was measured and counts; a model without odds ranks by what it learned alone."""
        return bool((self.classes.any() or self.parts.any()) and (self.scale or self.parts_scale or self.alone))

    def factors(self, read: float) -> tuple[float, float]:
        """Return the factors for classes and for parts of a text of which the share ``read`` was read."""
        more = self.alone * read**_SHARPNESS
        return self.scale + more, self.parts_scale + more
