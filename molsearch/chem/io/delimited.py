"""Delimited text to rows of cells: the separator and the quoting found, RFC 4180 kept, damage held to its own line."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from molsearch.chem.io.streams import Line, Source

EXCERPT = 2_000  # characters kept of an oversized row
_SAMPLE = 100
_MAX_ROW_LINES = 1_000  # an unclosed quote may not swallow the file


class DelimitedRow(NamedTuple):
    """The cells of one record and its size in bytes; cells of an oversized row are not to be trusted."""

    cells: list[str]
    size: int


def sniff(head: Sequence[str], delimiters: str) -> tuple[str, bool]:
    """Find the separator of a table and whether its cells are quoted, from its first lines.

    The separator that gives the most even rows wins, in the order of ``delimiters`` where they tie. Tab-separated text
    counts as unquoted unless its first row is quoted or quoting alone makes the rows even.
    """
    lines = [line for line in head if line.strip()][:_SAMPLE]
    best, best_share = delimiters[0], 0.0
    for delimiter in delimiters:
        share, width = _evenness(lines, delimiter, quoted=delimiter != "\t")
        if width > 1 and share > best_share + 0.05:
            best, best_share = delimiter, share
    if best != "\t":
        return best, True
    quoted_header = bool(lines) and any(len(c) > 1 and c[0] == c[-1] == '"' for c in lines[0].split("\t"))
    return best, quoted_header or _evenness(lines, best, quoted=True)[0] > _evenness(lines, best, quoted=False)[0]


def _evenness(lines: Sequence[str], delimiter: str, quoted: bool) -> tuple[float, int]:
    widths = [len(cells) for line in lines if (cells := split(line, delimiter, quoted)) is not None]
    if not widths:
        return 0.0, 0
    common = max(set(widths), key=lambda width: (widths.count(width), width))
    share = widths.count(common) / len(lines)
    return share if widths[0] == common else 0.5 * share, common  # a decimal comma makes even rows, but no header


def split(text: str, delimiter: str, quoted: bool) -> list[str] | None:
    """Split one record after RFC 4180; None where a quote stays open or ends in the middle of a cell."""
    if not quoted or '"' not in text:
        return text.split(delimiter)
    cells: list[str] = []
    pattern = _cell_pattern(delimiter)
    at = 0
    while True:
        match = pattern.match(text, at)
        if match is None:
            return None
        inner, plain = match.group(1), match.group(2)
        cells.append(plain if inner is None else inner.replace('""', '"'))
        at = match.end()
        if at == len(text):
            return cells
        at += 1


def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf' *"([^"]*(?:""[^"]*)*)" *(?={mark}|\Z)|(?! *")([^{mark}]*)(?={mark}|\Z)')


def delimited_rows(source: Source, delimiter: str, quoted: bool) -> Iterator[DelimitedRow]:
    """Yield the rows; a quoted cell may span lines, and a quote that never closes costs its own line only."""
    limit = source.options.max_record_bytes
    lines = source.lines()
    again: deque[Line] = deque()
    width = 0

    def take() -> Line | None:
        return again.popleft() if again else next(lines, None)

    while (line := take()) is not None:
        if not line.text.strip():
            continue
        cells = split(line.text, delimiter, quoted) if line.size <= limit else [line.text[:EXCERPT]]
        size = line.size
        if cells is None:
            cells, size, unused = _spanning(line, take, delimiter, width, limit)
            again.extendleft(reversed(unused))
        width = width or len(cells)
        yield DelimitedRow(cells, size)


def _spanning(
    first: Line, take: Callable[[], Line | None], delimiter: str, width: int, limit: int
) -> tuple[list[str], int, list[Line]]:
    """Join lines until the quotes close; where they do not, split the first line bare and hand the others back."""
    taken = [first]
    size = first.size
    quotes = first.text.count('"')
    while quotes % 2 and len(taken) < _MAX_ROW_LINES and size <= limit and (line := take()) is not None:
        taken.append(line)
        size += line.size + 1
        quotes += line.text.count('"')
    if quotes % 2 == 0 and len(taken) > 1:
        cells = split("\n".join(part.text for part in taken), delimiter, quoted=True)
        if cells is not None and len(cells) >= width:
            return cells, size, []
    return first.text.split(delimiter), first.size, taken[1:]
