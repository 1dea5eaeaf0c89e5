"""What a command's options say, as records: property ranges, phrases, tested compounds, caption files."""

import csv
import math
from pathlib import Path

from molsearch.errors import InputError
from molsearch.records import Phrase, PropertyRange, Tested
from molsearch.screener import Screener


def read_range(option: str) -> PropertyRange:
    """Read ``NAME=LOW:HIGH``; an empty side is open.

    Raises:
        InputError: If it has another form or a bound is no number.
    """
    name, equals, bounds = option.partition("=")
    low, colon, high = bounds.partition(":")
    if not (name.strip() and equals and colon):
        raise InputError(f"This range cannot be read: got {option!r}, expected NAME=LOW:HIGH such as logp=-1:3.")
    return PropertyRange(name.strip(), _bound(low, option), _bound(high, option))


def _bound(text: str, option: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise InputError(f"This range cannot be read: got {text!r} in {option!r}, expected a number or nothing.")
    return value


def read_phrase(option: str) -> Phrase:
    """Read ``WEIGHT:TEXT``; without a number before the colon, all of it is text of weight 1."""
    weight, _, text = option.partition(":")
    try:
        return Phrase(text.strip(), float(weight))
    except ValueError:
        return Phrase(option)


def read_tested(screener: Screener, path: Path) -> Tested:
    """Read the compounds of a file that a search is to leave out.

    Raises:
        InputError: If the file cannot be read.
    """
    with screener.read(path) as library:
        return screener.tested(library)


def read_captions(path: Path, column: str) -> list[str]:
    """Read captions: a column of a CSV or TSV file, or the lines of any other text file; blank ones are left out.

    Raises:
        InputError: If the file cannot be read, lacks the column or holds no caption.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".tsv":
                table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            elif path.suffix.lower() == ".csv":
                table = csv.DictReader(file)
            else:
                return _some([line.strip() for line in file], path)
            if column not in (table.fieldnames or ()):
                known = ", ".join(table.fieldnames or ()) or "none"
                raise InputError(f"{path} has no column {column!r}: it has {known}; name one with --text-column.")
            return _some([(row[column] or "").strip() for row in table], path)
    except OSError as error:
        raise InputError(f"The captions in {path} cannot be read: {error.strerror}; check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The captions in {path} cannot be read: {error}; expected UTF-8 text.") from error


def _some(captions: list[str], path: Path) -> list[str]:
    captions = [caption for caption in captions if caption]
    if not captions:
        raise InputError(f"{path} holds no caption: expected one a line, or a CSV or TSV file with a text column.")
    return captions
