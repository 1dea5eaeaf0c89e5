"""Ranks on disk, query by query, so that two systems can be compared on the same queries later."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.evaluation.candidates import Answers, Floats
from molsearch.evaluation.metrics import difference
from molsearch.evaluation.slices import Slice

_HEAD = ("row", "smiles", "text_rank", "molecule_rank")
DIRECTIONS = {"text_to_molecule": "text_rank", "molecule_to_text": "molecule_rank"}


@dataclass(frozen=True, slots=True, eq=False)
class RankTable:
    """A rank file in memory.

    Attributes:
        name: File name, for messages.
        queries: (Q,) what tells the queries apart: record number and SMILES.
        ranks: (Q,) ranks by direction.
        slices: (Q,) membership by name of the slice.
    """

    name: str
    queries: tuple[tuple[str, str], ...]
    ranks: Mapping[str, Floats]
    slices: Mapping[str, npt.NDArray[np.bool_]]


def write_ranks(path: Path, answers: Answers, parts: Sequence[Slice], exact_names: bool = True) -> None:
    """Write one line a query: its ranks both ways, and 1 or 0 for each slice of rows that it is in.

    Slices that only switch exact names off hold the same rows as another and are left out.

    Raises:
        InputError: If the file cannot be written.
    """
    chosen = answers.ranks(exact_names)
    cut = [part for part in parts if part.exact_names is None]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, dialect=csv.excel_tab, lineterminator="\n")
            writer.writerow([*_HEAD, *(part.name for part in cut)])
            for n, row in enumerate(answers.rows):
                cells = (row.row, row.smiles, f"{chosen.text[n]:g}", f"{chosen.molecule[n]:g}")
                writer.writerow([*cells, *(int(part.mask[n]) for part in cut)])
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give --ranks another place.") from error


def read_ranks(path: Path) -> RankTable:
    """Read a rank file.

    Raises:
        InputError: If it cannot be read or is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *lines = list(csv.reader(file, dialect=csv.excel_tab)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}; give a file that --ranks wrote.") from error
    if tuple(head[: len(_HEAD)]) != _HEAD or not lines or any(len(line) != len(head) for line in lines):
        raise InputError(f"{path} is no rank file: its columns are {head[:6]}; give a file that --ranks wrote.")
    columns = dict(zip(head, zip(*lines, strict=True), strict=True))
    try:
        ranks = {name: np.array(columns[column], float) for name, column in DIRECTIONS.items()}
    except ValueError as error:
        raise InputError(f"{path} holds a rank that is no number: {error}; write it again with --ranks.") from error
    if not all((column >= 1).all() for column in ranks.values()):
        raise InputError(f"{path} holds a rank below 1; write it again with --ranks.")
    slices = {name: np.array(columns[name]) == "1" for name in head[len(_HEAD) :]}
    return RankTable(path.name, tuple(zip(columns["row"], columns["smiles"], strict=True)), ranks, slices)


def compare(path_a: Path, path_b: Path, seed: int = 0) -> dict[str, object]:
    """Compare two systems on the same queries, by paired bootstrap.

    Args:
        path_a: Ranks of one system.
        path_b: Ranks of the other.
        seed: Of the bootstrap.

    Returns:
        For each slice that both files tell, direction and metric: the metric of a and of b, a minus b, and the 95 %
        interval of that difference. Where 0 lies outside it, the systems differ.

    Raises:
        InputError: If a file cannot be read, or they hold different queries.
    """
    a, b = read_ranks(path_a), read_ranks(path_b)
    if a.queries != b.queries:
        raise InputError(
            f"{a.name} ({len(a.queries)} queries) and {b.name} ({len(b.queries)}) are not of the same queries in the "
            "same order; measure both systems on the same pair file and column."
        )
    parts = {"all": np.ones(len(a.queries), np.bool_)}
    parts |= {name: mask for name, mask in a.slices.items() if name in b.slices and (mask == b.slices[name]).all()}
    return {
        "a": a.name,
        "b": b.name,
        "queries": len(a.queries),
        "slices": {name: _compared(a, b, mask, seed) for name, mask in parts.items() if mask.any()},
    }


def _compared(a: RankTable, b: RankTable, mask: npt.NDArray[np.bool_], seed: int) -> dict[str, object]:
    return {
        "n": int(mask.sum()),
        **{way: difference(a.ranks[way][mask], b.ranks[way][mask], seed) for way in DIRECTIONS},
    }
