"""Records as text for engines whose fields are short: JSON in pure ASCII, cut into pieces.

ASCII with escapes brings back whatever a user's file held, undecodable bytes and null characters included.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from molsearch.records import Entry, LibraryInfo, Molecule, Reason, Rejection

PIECE_CHARS = 60_000  # Milvus allows 65,535 bytes


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What counts in a stored library; writing it is what makes an addition real.

    Attributes:
        name: Library name.
        model_id: The model whose vectors it holds.
        width: D of those vectors.
        created: ISO 8601, UTC.
        rows: Molecules; a row from here on is not part of the library.
        records: Molecules, later sources and rejections; likewise for their texts.
        sources: Source records of the molecules.
        rejections: Records that did not become molecules.
        properties: Names of the property columns, fixed by the first addition.
    """

    name: str
    model_id: str
    width: int
    created: str
    rows: int = 0
    records: int = 0
    sources: int = 0
    rejections: int = 0
    properties: tuple[str, ...] | None = None

    def info(self) -> LibraryInfo:
        """Return the counts as the record the rest of the project speaks."""
        records = self.sources + self.rejections
        return LibraryInfo(self.name, self.rows, records, self.rejections, self.model_id, self.width, self.created)


def state_text(state: LibraryState) -> str:
    """Return a state as text."""
    return json.dumps(asdict(state))


def text_state(text: str) -> LibraryState:
    """Return the state of a text; KeyError, TypeError or ValueError where there is none."""
    body = json.loads(text)
    names = body.pop("properties")
    return LibraryState(properties=None if names is None else tuple(names), **body)


def pieces(text: str) -> list[str]:
    """Cut a text so that each piece fits a field."""
    return [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]


def molecule_text(molecule: Molecule) -> str:
    """Return a molecule as text."""
    sources = [_entry_values(source) for source in molecule.sources]
    return json.dumps([molecule.key, molecule.name, sources, list(molecule.changes)])


def text_molecule(text: str) -> Molecule:
    """Return the molecule of a text."""
    key, name, sources, changes = json.loads(text)
    return Molecule(key, name, tuple(_entry(values) for values in sources), tuple(changes))


def rejection_text(rejection: Rejection) -> str:
    """Return a rejection as text."""
    return json.dumps([_entry_values(rejection.entry), rejection.reason.value, rejection.detail])


def text_rejection(text: str) -> Rejection:
    """Return the rejection of a text."""
    entry, reason, detail = json.loads(text)
    return Rejection(_entry(entry), Reason(reason), detail)


def whole_texts(rows: Iterable[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Join pieces (fields owner, record, piece, text, in any order) to (owner, text), in the order of records."""
    parts: dict[tuple[int, int], list[str]] = {}
    for row in sorted(rows, key=lambda row: (row["record"], row["piece"])):
        parts.setdefault((row["record"], row["owner"]), []).append(row["text"])
    return [(owner, "".join(texts)) for (_, owner), texts in parts.items()]


def _entry_values(entry: Entry) -> list[Any]:
    return [entry.row, entry.text, entry.kind, entry.name, dict(entry.properties)]


def _entry(values: list[Any]) -> Entry:
    row, text, kind, name, properties = values
    return Entry(row, text, kind, name, properties)
