"""What a person reads after an import: what became of each record, and the rejected ones as a table."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO

from molsearch.chem.io.cells import inert
from molsearch.records import Library, Molecule, Progress, Rejection

SHOWN_REJECTIONS = 500
SHOWN_MOLECULES = 8


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of each record of a file; ``records == sources + rejections``.

    Attributes:
        name: Name of the library as read.
        records: Records in the file.
        molecules: Distinct structures they became.
        sources: Records that stand behind those molecules.
        merged: Records that repeat a structure, ``sources - molecules``.
        rejections: Records that became no molecule.
        reasons: Count of rejections by reason.
        changes: Count of molecules by the clean-up step that altered them.
        first_rejections: The first of them, to look at.
        first_molecules: The first of them, to look at.
    """

    name: str
    records: int
    molecules: int
    sources: int
    rejections: int
    reasons: Mapping[str, int]
    changes: Mapping[str, int]
    first_rejections: tuple[Rejection, ...]
    first_molecules: tuple[Molecule, ...]

    @property
    def merged(self) -> int:
        """Records that repeat the structure of an earlier one."""
        return self.sources - self.molecules


def import_report(library: Library, progress: Progress | None = None) -> ImportReport:
    """Walk once through a library that was read and count what happened to its records."""
    sources = 0
    changes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    first_molecules: list[Molecule] = []
    first_rejections: list[Rejection] = []
    for done, molecule in enumerate(library.molecules()):
        sources += len(molecule.sources)
        changes.update(molecule.changes)
        if len(first_molecules) < SHOWN_MOLECULES:
            first_molecules.append(molecule)
        if progress and done % 500 == 0:
            progress(done, library.molecule_count)
    for rejection in library.rejections():
        reasons[rejection.reason.value] += 1
        if len(first_rejections) < SHOWN_REJECTIONS:
            first_rejections.append(rejection)
    return ImportReport(
        name=library.name,
        records=library.records,
        molecules=library.molecule_count,
        sources=sources,
        rejections=library.rejection_count,
        reasons=dict(reasons.most_common()),
        changes=dict(changes.most_common()),
        first_rejections=tuple(first_rejections),
        first_molecules=tuple(first_molecules),
    )


def rejections_csv(rejections: Iterable[Rejection]) -> str:
    """Write rejected records as CSV text: row, name, reason, detail, record.

    A cell that a spreadsheet would read as a formula is made text as ``chem.io.cells`` says, as names come from files.
    """
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["row", "name", "reason", "detail", "record"])
    for rejection in rejections:
        entry = rejection.entry
        cells = (entry.name, rejection.reason.value, rejection.detail, entry.text)
        writer.writerow([entry.row, *map(inert, cells)])
    return out.getvalue()
