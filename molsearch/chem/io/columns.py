"""Which column of a table holds the structures, and which one names them: by header, then by content."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem

from molsearch.errors import InputError

# Best first: a stereo-aware column wins over a flat one. Compared in lower case without punctuation.
STRUCTURE_NAMES = (
    "isomericsmiles", "cxsmiles", "smiles", "canonicalsmiles", "structuresmiles", "smilesstring", "smi", "structure",
    "molecule", "mol", "molblock", "molfile", "ctab", "compound", "inchi",
)  # fmt: skip
NAME_NAMES = (
    "name", "compoundname", "moleculename", "preferredname", "prefname", "drugname", "chemicalname", "commonname",
    "title", "id", "compoundid", "moleculeid", "molid", "cid", "pubchemcid", "chemblid", "zincid", "catalogid", "code",
)  # fmt: skip
MAX_COLUMNS = 16_384  # as many as a sheet of Excel has
_SMILES = re.compile(r"[A-Za-z0-9@+\-\[\]()=#$%:.\\/*~]{1,500}")
_WORD = re.compile(r"[A-Za-z][A-Za-z _\-]*")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in the rows of a table.

    Attributes:
        columns: Names of the columns, each once.
        structure: Index of the structure column.
        name: Index of the column that names a molecule, or -1.
        header: Whether the first row is the header.
    """

    columns: tuple[str, ...]
    structure: int
    name: int
    header: bool


def find_layout(rows: Sequence[Sequence[str]], structure: str, name: str, filename: str) -> Layout:
    """Read a table's layout from its first rows.

    Args:
        rows: The first rows, a header among them or not.
        structure: The user's name for the structure column, or "".
        name: The user's name for the name column, or "".
        filename: Name for messages.

    Raises:
        InputError: A column the user named is missing, or no column holds structures.
    """
    width = max(len(row) for row in rows)
    first = [*rows[0], *[""] * (width - len(rows[0]))]
    at = _structure_index(first, rows, structure, filename)
    header = _is_header(first, at, structure, name)
    columns = unique_names(first) if header else tuple(f"column {i + 1}" for i in range(width))
    return Layout(columns, at, _name_index(columns, at, rows, header, name, filename), header)


def unique_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Make column names out of header cells: empty ones are numbered, repeated ones counted."""
    counts: dict[str, int] = {}
    names: dict[str, None] = {}
    for i, cell in enumerate(cells):
        base = name = cell.strip() or f"column {i + 1}"
        while name in names:
            counts[base] = counts.get(base, 1) + 1
            name = f"{base} ({counts[base]})"
        names[name] = None
    return tuple(names)


def is_structure_name(cell: str) -> bool:
    """Return whether a header cell announces structures."""
    plain = normalised(cell)
    return plain in STRUCTURE_NAMES or "smiles" in plain


def normalised(name: str) -> str:
    """Reduce a column name to lower-case letters and digits."""
    return re.sub(r"[\W_]", "", name.lower())


def looks_like_structure(cell: str) -> bool:
    """Return whether a cell is a SMILES, InChI or molblock; syntax only, so that no cell can hold RDKit up."""
    cell = cell.strip()
    if "M  END" in cell or cell.startswith("InChI=1"):
        return True
    if not _SMILES.fullmatch(cell) or cell.isdigit():
        return False
    return Chem.MolFromSmiles(cell, sanitize=False) is not None


def pick_name(properties: dict[str, str]) -> str:
    """Return a molecule's name as its tags state it, where one of them is called so."""
    plain = {normalised(key): value for key, value in reversed(properties.items())}
    return next((value for name in NAME_NAMES if (value := plain.get(name, "").strip())), "")


def _structure_index(first: list[str], rows: Sequence[Sequence[str]], wanted: str, filename: str) -> int:
    if wanted:
        return _wanted_index(first, wanted, "structure", filename)
    cells = [[row[i] for row in rows if i < len(row)] for i in range(len(first))]
    scores = [_score(column) for column in cells]
    plain = [normalised(cell) for cell in first]
    named = [i for name in STRUCTURE_NAMES for i, cell in enumerate(plain) if cell == name]
    named += [i for i, cell in enumerate(plain) if "smiles" in cell and i not in named]
    best = max(range(len(first)), key=lambda i: scores[i])
    for i in named:
        # "structure" or "compound" may hold pictures or codes; "smiles" means SMILES, however many are broken
        named_smiles = "smiles" in plain[i] and any(map(looks_like_structure, cells[i]))
        if named_smiles or scores[i] > 0 or scores[best] == 0:
            return i
    if scores[best] > 0:
        return best
    shown = ", ".join(cell[:30] for cell in first[:8]) + (", …" if len(first) > 8 else "")
    raise InputError(
        f"{filename} has no column of structures: its first row reads {shown!r}, and no column holds SMILES, InChI or "
        "molblocks; add a column named 'smiles' or name the structure column."
    )


def _score(cells: Sequence[str]) -> float:
    """Rate a column: 0 where under half of its cells are structures, else their mean length.

    Length tells real structures from element symbols, yes/no letters and short codes that parse by chance.
    """
    filled = [cell for cell in cells if cell.strip()]
    good = [cell for cell in filled if looks_like_structure(cell)]
    if not good or 2 * len(good) < len(filled) - 1:
        return 0.0
    return sum(len(cell.strip()) for cell in good) / len(good)


def _is_header(first: Sequence[str], at: int, structure: str, name: str) -> bool:
    cell = first[at].strip()
    if structure or is_structure_name(cell):
        return not structure or normalised(structure) in {normalised(c) for c in first}
    if name and normalised(name) in {normalised(c) for c in first}:
        return True
    # A broken first structure must end as a rejection, not vanish as a header; a header is made of words.
    return not looks_like_structure(cell) and (not cell or _WORD.fullmatch(cell) is not None)


def _name_index(
    columns: Sequence[str], at: int, rows: Sequence[Sequence[str]], header: bool, wanted: str, filename: str
) -> int:
    if wanted:
        return _wanted_index(columns, wanted, "name", filename)
    plain = [normalised(column) for column in columns]
    if header:
        return next((plain.index(n) for n in NAME_NAMES if n in plain and plain.index(n) != at), -1)
    for i in range(len(columns)):
        cells = [row[i] for row in rows if i < len(row) and row[i].strip()]
        if i != at and cells and len(set(cells)) == len(cells) and not all(_is_number(cell) for cell in cells):
            return i
    return -1


def _wanted_index(columns: Sequence[str], wanted: str, role: str, filename: str) -> int:
    plain = [normalised(column) for column in columns]
    if normalised(wanted) in plain:
        return plain.index(normalised(wanted))
    if (match := re.fullmatch(r"column (\d+)", wanted)) and 1 <= int(match.group(1)) <= len(columns):
        return int(match.group(1)) - 1
    raise InputError(f"{filename} has no {role} column {wanted!r}: it has {', '.join(columns)}; name one of these.")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
