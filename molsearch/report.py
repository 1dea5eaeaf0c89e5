"""What a person reads after the work: the account of an import, and a ranking as one HTML page that opens offline."""

import csv
import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO

from molsearch.chem.cells import inert
from molsearch.chem.drawing import draw
from molsearch.records import Library, ModelCard, Molecule, Progress, Ranking, Rejection

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

    A cell that a spreadsheet would read as a formula is made text as ``chem.cells`` says, as names come from files.
    """
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["row", "name", "reason", "detail", "record"])
    for rejection in rejections:
        entry = rejection.entry
        cells = (entry.name, rejection.reason.value, rejection.detail, entry.text)
        writer.writerow([entry.row, *map(inert, cells)])
    return out.getvalue()


def ranking_page(ranking: Ranking, card: ModelCard | None = None) -> str:
    """Write a ranking as one HTML page with its drawings inside; it opens offline and holds no script.

    Args:
        ranking: The answer to one query.
        card: The model that gave it, for its name and licence.
    """
    query = ranking.query
    asked = {
        "Query": query.text,
        "Filters": _filters(ranking),
        "Library": f"{ranking.library}, {ranking.searched:,} molecules scored",
        "Model": f"{card.name if card else ''} {ranking.model_id}".strip(),
        "Notes": " ".join(ranking.notes),
    }
    facts = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in asked.items() if value)
    cards = "".join(
        f"<figure>{draw(hit.molecule.key, substructure=query.smarts)}"
        f"<figcaption><b>{hit.rank}. {html.escape(hit.molecule.name)}</b><br/>"
        f"score {hit.score:.3f}, above {hit.percentile:.1f} %<br/>"
        f"<code>{html.escape(hit.molecule.key)}</code></figcaption></figure>"
        for hit in ranking.hits
    )
    return _PAGE.format(title=html.escape(query.text[:80]), facts=facts, cards=cards)


def _filters(ranking: Ranking) -> str:
    """Say in words what every hit had to fulfil."""
    query = ranking.query
    parts = [
        f"{r.name} from {'any' if r.low is None else f'{r.low:g}'} to {'any' if r.high is None else f'{r.high:g}'}"
        for r in query.ranges
    ]
    if query.smarts:
        parts.append(f"substructure {query.smarts}")
    if query.reference:
        parts.append(f"like {query.reference}")
    return "; ".join(parts)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #1f2937 }}
table {{ border-collapse: collapse; margin-bottom: 1.5rem }}
th {{ text-align: left; padding: 2px 1rem 2px 0; color: #64748b; font-weight: 500; vertical-align: top }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: .8rem }}
figure {{ margin: 0; border: 1px solid #cbd5e1; border-radius: 6px; padding: .5rem; break-inside: avoid }}
figure svg {{ width: 100%; height: auto }}
code {{ font-size: 11px; overflow-wrap: anywhere; color: #475569 }}
</style></head><body>
<h1>Ranked by description</h1><table>{facts}</table><main>{cards}</main>
</body></html>
"""
