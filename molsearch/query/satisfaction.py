"""What a query asks of a structure beyond the classes that a library stores, and how well a molecule agrees with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molsearch.chem.substructure import perceived
from molsearch.query.occurrences import Place, Target, apart, core, linked

Floats = npt.NDArray[np.float32]

_MORE = 0.7  # agreement of a molecule that has more than the number asked for: "two amides" may mean at least two
_SUBSTITUTED = 0.8  # of one that has a substituent that was named, but further substituted
_OTHERS = 0.1  # share of the agreement with one of several options that the others have
_SOME = 0.2  # of one that has some, but too few
_NOT_LINKED = 0.5  # of one that has both parts, but not attached to each other
_MERELY_WITH = 0.6  # the same where the text says "with", which need not mean attached
_PARTLY = 0.25  # most that a molecule gets that lacks one of the parts


class Condition(Protocol):
    """Something that a structure agrees with more or less."""

    @property
    def rows(self) -> tuple[int, ...]:
        """List the row numbers of classes outside which no molecule agrees at all."""

    @property
    def words(self) -> str:
        """Spell what was read."""

    def fit(self, mol: Chem.Mol) -> float:
        """Say how well a molecule agrees, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Count:
    """So many of something; ``low`` to ``high``, at least one by default, none where ``high`` is 0."""

    target: Target
    low: float = 1.0
    high: float = float("inf")

    @property
    def rows(self) -> tuple[int, ...]:
        """List the classes of what is counted, unless none of it is asked for."""
        return self.target.rows if self.low > 0 else ()

    @property
    def words(self) -> str:
        """Spell what is counted, and the number."""
        if self.high == 0:
            return f"no {self.target.name}"
        if self.high == float("inf"):
            return self.target.name if self.low == 1 else f"at least {self.low:g} × {self.target.name}"
        if self.low == self.high:
            return f"{self.low:g} × {self.target.name}"
        return f"{'up' if self.low <= 0 else f'{self.low:g}'} to {self.high:g} × {self.target.name}"

    def fit(self, mol: Chem.Mol) -> float:
        """Agree wholly inside the range, in part where there is some but not so many."""
        if (self.low == 1 and self.high == float("inf")) or self.high == 0:
            present = self.target.occurs_in(mol)
            if present and self.high > 0 and not self.target.is_whole_in(mol):
                return _SUBSTITUTED
            return float(present == (self.high > 0))
        count = self.target.count(mol)
        if self.low <= count <= self.high:
            return 1.0
        if count > self.high:
            return _MORE if self.low > 0 else 0.0
        return _SOME if count else 0.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something with other things attached to it.

    Attributes:
        target: What they are attached to.
        others: What is attached, and how many of each.
        firm: Whether the text says that they are attached, rather than merely present.
        low: How many of the target must bear them at least.
        high: How many at most.
    """

    target: Target
    others: tuple[Count, ...]
    firm: bool
    low: float = 1.0
    high: float = float("inf")

    @property
    def rows(self) -> tuple[int, ...]:
        """List the classes of all parts."""
        return tuple(row for target in (self.target, *(other.target for other in self.others)) for row in target.rows)

    @property
    def words(self) -> str:
        """Spell the parts, and that they are joined."""
        return f"{Count(self.target, self.low, self.high).words} with {', '.join(other.words for other in self.others)}"

    def fit(self, mol: Chem.Mol) -> float:
        """Agree wholly where one place of the target bears everything."""
        present = [other.target.occurs_in(mol) for other in self.others] if self.target.occurs_in(mol) else []
        if not present or not all(present):
            return _PARTLY * sum(present) / len(self.others)
        around = [(other, [core(mol, place) for place in other.target.places(mol)]) for other in self.others]
        borne = [self._borne(mol, core(mol, place), around) for place in self.target.places(mol)]
        best = max(borne, default=0.0)
        bearing = sum(share == 1 for share in borne)
        if best == 1 and not self.low <= bearing <= self.high:
            best = _MORE if bearing > self.high else _SOME
        least = _NOT_LINKED if self.firm else _MERELY_WITH
        return least + (1 - least) * best

    def _borne(self, mol: Chem.Mol, place: Place, around: Sequence[tuple[Count, Sequence[Place]]]) -> float:
        """Say how much of what is asked for is attached to one place of the target."""
        counts = [apart([other for other in places if linked(mol, place, other)]) for _, places in around]
        shares = [
            1.0 if wanted.low <= count <= wanted.high else _MORE if count > wanted.high else 0.0
            for (wanted, _), count in zip(around, counts, strict=True)
        ]
        return sum(shares) / len(shares)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several things: "a pyridine or a pyrimidine"."""

    options: tuple[Condition, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """Return none: no class holds all of them."""
        return ()

    @property
    def words(self) -> str:
        """Spell the options."""
        return " or ".join(option.words for option in self.options)

    def fit(self, mol: Chem.Mol) -> float:
        """Agree as well as with the best option, and a little more with each of the others."""
        fits = [option.fit(mol) for option in self.options]
        return (1 - _OTHERS) * max(fits) + _OTHERS * sum(fits) / len(fits)


@dataclass(frozen=True, slots=True)
class Formula:
    """A molecular formula, in Hill order."""

    formula: str

    @property
    def rows(self) -> tuple[int, ...]:
        """Return none: no class decides a formula."""
        return ()

    @property
    def words(self) -> str:
        """Return the formula."""
        return self.formula

    def fit(self, mol: Chem.Mol) -> float:
        """Agree where the whole molecule has the formula."""
        return float(rdMolDescriptors.CalcMolFormula(mol) == self.formula)


def satisfaction(conditions: Sequence[Condition], keys: Iterable[str]) -> Floats:
    """Say how well molecules agree with conditions, (C, M) in 0 to 1; one that cannot be read does not at all.

    Args:
        conditions: C conditions.
        keys: M isomeric SMILES after clean-up.
    """
    columns = []
    for key in keys:
        mol = perceived(key)
        columns.append([0.0 if mol is None else condition.fit(mol) for condition in conditions])
    return np.array(columns, np.float32).reshape(len(columns), len(conditions)).T
