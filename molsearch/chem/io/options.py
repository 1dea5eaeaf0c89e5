"""How a file is read: the one config of the reading side."""

from dataclasses import dataclass

from molsearch.chem.standardize import CLEANUP, MAX_ATOMS, check_steps
from molsearch.errors import InputError
from molsearch.settings import Settings


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is read.

    Attributes:
        steps: Standardisation steps, names of standardize.STEPS; clean-up only by default.
        structure_column: Column of a table that holds the structures; "" finds it by name, then by content.
        name_column: Column or SD tag that names the molecules; "" finds it.
        max_atoms: A structure with more heavy atoms is rejected.
        max_record_bytes: A record with more text is rejected without being kept.
        timeout_s: A record that RDKit cannot finish in this time is rejected; 0 works without other processes.
        workers: Processes that read and clean structures up side by side; 0 leaves it to the size of the file.
    """

    steps: tuple[str, ...] = CLEANUP
    structure_column: str = ""
    name_column: str = ""
    max_atoms: int = MAX_ATOMS
    max_record_bytes: int = 2_000_000
    timeout_s: float = 20.0
    workers: int = 0

    @classmethod
    def within(cls, limits: Settings, *, structure_column: str = "", name_column: str = "") -> "ReadOptions":
        """Make options that keep the limits of the settings."""
        return cls(
            structure_column=structure_column,
            name_column=name_column,
            max_atoms=limits.max_atoms,
            max_record_bytes=limits.max_record_bytes,
            timeout_s=limits.record_timeout_s,
        )

    def __post_init__(self) -> None:
        check_steps(self.steps)
        for name, least in (("max_atoms", 1), ("max_record_bytes", 1), ("workers", 0)):
            if getattr(self, name) < least:
                raise InputError(f"Reading option {name} is {getattr(self, name)}; it has to be at least {least}.")
