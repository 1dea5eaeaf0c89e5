"""Caption-molecule pairs: read from a table, found in a pool, told apart, and put in batches."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molsearch.errors import InputError
from molsearch.records import Entry, Molecule, Pair, Progress

_REPORT_EVERY = 500


@dataclass(frozen=True, slots=True)
class PairRow(Pair):
    """A pair with what else its file says of it; "" where the file has no such column.

    Attributes:
        row: Record number in the file, from 1, the header not counted.
        key: Isomeric SMILES after clean-up, where the file already holds it.
        inchikey: Standard InChIKey.
        source: Where the caption comes from.
        chebi20_split: Split of ChEBI-20 that the molecule belongs to, or "none".
        pcdes_split: Split of PCdes that it belongs to, or "none".
    """

    row: int = 0
    key: str = ""
    inchikey: str = ""
    source: str = ""
    chebi20_split: str = ""
    pcdes_split: str = ""

    @property
    def empty(self) -> bool:
        """Whether the text holds nothing but space."""
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class PairTable:
    """A pair file in memory.

    Attributes:
        name: File name, for messages.
        columns: The header, lower case.
        rows: Every record, those with an empty text included.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[PairRow, ...]


class _Unquoted(csv.excel_tab):
    quoting = csv.QUOTE_NONE


def single_backslashes(smiles: str) -> str:
    r"""Undo the doubling of backslashes that JSON and some exporters leave: ``F/C=C\\F`` becomes ``F/C=C\F``.

    Safe on any SMILES, as two bond signs in a row are never valid.
    """
    return smiles.replace("\\\\", "\\")


def read_pairs(path: Path, text_column: str = "text") -> PairTable:
    """Read captions with their molecules.

    Args:
        path: A tab-separated file without quoting, or a comma-separated one; UTF-8 with a header. The column
            ``smiles`` is required; cid, key, inchikey, source, chebi20_split and pcdes_split are read where present.
        text_column: The column that holds the captions.

    Raises:
        InputError: If the file cannot be read, lacks a column or a structure, or holds no record.
    """
    return _read(path, text_column)


def read_pool(path: Path) -> PairTable:
    """Read the molecules to rank among; as ``read_pairs``, with every text left empty and none deduplicated."""
    return _read(path, "")


def _read(path: Path, text_column: str) -> PairTable:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = _records(path.name, file.readline(), file)
            columns = next(records)
            _require(path.name, columns, ("smiles", *([text_column.lower()] if text_column else [])))
            rows = tuple(
                _row(path.name, number, columns, cells, text_column) for number, cells in enumerate(records, 1)
            )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a table of pairs: {error}. Give a UTF-8 file of tab- or comma-separated columns."
        ) from error
    if not rows:
        raise InputError(f"{path.name} holds a header but no record; expected one pair or more. Add rows to it.")
    return PairTable(path.name, tuple(columns), rows)


def _records(name: str, header: str, file: Iterator[str]) -> Iterator[list[str]]:
    """Yield the header's columns, then the cells of every line that is not blank."""
    if not header.strip():
        raise InputError(f"{name} starts with an empty line; expected a header such as 'smiles<tab>text'. Add one.")
    # A tab in the header settles it: SMILES hold no comma and captions of tab-separated files may hold loose quotes.
    dialect = _Unquoted if "\t" in header else csv.excel
    yield [cell.strip().lower() for cell in next(csv.reader([header], dialect))]
    yield from (cells for cells in csv.reader(file, dialect) if any(cells))


def _require(name: str, columns: Sequence[str], wanted: Sequence[str]) -> None:
    for column in wanted:
        if column not in columns:
            raise InputError(
                f"{name} has no column {column!r}, only {', '.join(columns)}; name the column in the file's header "
                "or choose another one."
            )


def _row(name: str, number: int, columns: Sequence[str], cells: Sequence[str], text_column: str) -> PairRow:
    if len(cells) > len(columns):
        raise InputError(
            f"Row {number} of {name} has {len(cells)} fields, but the header names {len(columns)}; "
            "remove the extra separators or quote the field."
        )
    cell = dict(zip(columns, cells, strict=False))  # fields missing at the end are empty
    smiles = single_backslashes(cell.get("smiles", "").strip())
    if not smiles:
        raise InputError(f"Row {number} of {name} has no SMILES; every pair needs a molecule. Fill or remove the row.")
    return PairRow(
        text=cell.get(text_column.lower(), "").strip() if text_column else "",
        smiles=smiles,
        cid=cell.get("cid", "").strip(),
        row=number,
        key=single_backslashes(cell.get("key", "").strip()),
        inchikey=cell.get("inchikey", "").strip(),
        source=cell.get("source", "").strip(),
        chebi20_split=cell.get("chebi20_split", "").strip(),
        pcdes_split=cell.get("pcdes_split", "").strip(),
    )


def find_targets(rows: Sequence[PairRow], name: str, pool: PairTable) -> np.ndarray:
    """Find each pair's molecule in the pool: (Q,) row numbers, the first where the pool repeats it.

    Raises:
        InputError: If any is missing.
    """
    by_cid: dict[str, int] = {}
    for number, molecule in enumerate(pool.rows):
        if molecule.cid:
            by_cid.setdefault(molecule.cid, number)
    found = [by_cid.get(row.cid, -1) for row in rows]
    if -1 in found:
        by_key: dict[str, int] = {}
        for number, key in enumerate(keys(pool.rows)):
            by_key.setdefault(key, number)
        lost = [i for i, number in enumerate(found) if number < 0]
        for i, key in zip(lost, keys([rows[i] for i in lost]), strict=True):
            found[i] = by_key.get(key, -1)
    missing = [row for row, number in zip(rows, found, strict=True) if number < 0]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(rows)} molecules of {name} are not in the pool {pool.name}, the first in row "
            f"{missing[0].row} ({missing[0].smiles[:60]}); give the pool that holds them, or leave those rows out."
        )
    return np.array(found, dtype=np.int64)


def keys(rows: Sequence[PairRow], progress: Progress | None = None) -> list[str]:
    """Give each row's molecule key: its structure after clean-up; an unreadable SMILES is its own key."""
    # Imported here: a machine that only trains has no RDKit.
    from molsearch.chem.standardize import standardize

    found = []
    for done, row in enumerate(rows, 1):
        cleaned = standardize(Entry(row.row, row.key or row.smiles, "smiles"))
        found.append(cleaned.key if isinstance(cleaned, Molecule) else row.smiles)
        if progress and (done % _REPORT_EVERY == 0 or done == len(rows)):
            progress(done, len(rows))
    return found


def molecule_ids(rows: Sequence[PairRow]) -> np.ndarray:
    """Number the distinct molecules, (N,) int64: by InChIKey where every row has one, else by key or SMILES."""
    by_inchikey = all(row.inchikey for row in rows)
    return _numbers([row.inchikey if by_inchikey else row.key or row.smiles for row in rows])


def text_ids(rows: Sequence[PairRow]) -> np.ndarray:
    """Number the distinct captions, (N,) int64."""
    return _numbers([row.text for row in rows])


def same_pairs(molecules: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Mark what must not count as a negative in a batch: one molecule or one caption twice.

    Args:
        molecules: (N,) number of each pair's molecule.
        texts: (N,) number of each pair's caption.

    Returns:
        (N, N) bool, true on the diagonal.
    """
    same: np.ndarray = (molecules[:, None] == molecules) | (texts[:, None] == texts)
    return same


def batches(
    lengths: Sequence[int], size: int, seed: int, epoch: int = 0, *, bucket: int = 16, drop_last: bool = True
) -> list[np.ndarray]:
    """Order rows into batches of like length, so that little is padding; the same seed and epoch, the same order.

    Args:
        lengths: (N,) length of each row, in tokens or characters.
        size: Rows a batch.
        seed: Of the whole training.
        epoch: Gives each pass its own order.
        bucket: How many batches are filled from one random draw of rows sorted by length; 1 means no bucketing.
        drop_last: Leave out an incomplete batch, since contrastive losses depend on the size.

    Returns:
        PairRow numbers of each batch, (size,) int64, in random order.
    """
    if size < 1 or bucket < 1:
        raise ValueError(f"size {size} and bucket {bucket} must both be at least 1")
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    cut: list[np.ndarray] = []
    for start in range(0, len(order), size * bucket):
        drawn = order[start : start + size * bucket]
        # Rows of one length stay in drawn order, as the sort is stable.
        drawn = drawn[np.argsort(np.asarray(lengths)[drawn], kind="stable")]
        shift = len(drawn) % size if drop_last else 0
        # The rows left out come from either end at random, so that no length is always missing.
        first = int(rng.integers(shift + 1))
        drawn = drawn[first : len(drawn) - (shift - first)]
        cut += [drawn[i : i + size] for i in range(0, len(drawn), size)]
    return [cut[i] for i in rng.permutation(len(cut))]


def _numbers(names: Sequence[str]) -> np.ndarray:
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.int64)
