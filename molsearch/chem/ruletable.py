"""Tables of chemistry that stand beside the code as tab-separated text: names of columns, then one rule a line."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from molsearch.errors import InputError

Rule = TypeVar("Rule")


def read_rules(path: Path, kind: str, rule: Callable[[Mapping[str, str]], Rule]) -> tuple[Rule, ...]:
    """Read a table.

    Args:
        path: The table.
        kind: What it holds, for the message: "class".
        rule: Makes a rule of a line, given by the names of its columns.

    Raises:
        InputError: If the file is missing or a line lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return tuple(rule(line) for line in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"the {kind} table {path} cannot be read ({error}): restore the file that came with it"
        ) from error


def parted(cell: str) -> tuple[str, ...]:
    """Split a cell that lists several things at its semicolons."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())
