"""SD files and molfiles to records: CTfile formats (Dalby et al., J. Chem. Inf. Comput. Sci. 1992, 32, 244)."""

import re
from collections.abc import Iterator, Sequence

from molsearch.chem.columns import normalised, pick_name, unique_names
from molsearch.chem.streams import Excerpt, Source, megabytes, printable
from molsearch.records import Entry, Reason, Rejection

_EXCERPT = 2_000
_COUNTS = re.compile(r" V[23]000\s*$")
_PLAIN_HEADER = re.compile(r">\s*<[^<>]+>\s*(\([^()]*\))?$")


def read_sdf(source: Source | Excerpt) -> Iterator[Entry | Rejection]:
    """Yield the records of an SD file; the last one may lack its ``$$$$``, as in a molfile."""
    limit = source.options.max_record_bytes
    row, size, lines = 0, 0, list[str]()
    for line in source.lines():
        if line.text.startswith("$$$$"):
            row += 1
            yield _record(row, lines, size, source, closed=True)
            lines, size = [], 0
            continue
        size += line.size + 1
        if size <= limit:
            lines.append(line.text)
        elif len(lines) < 4:
            lines.append(line.text[:_EXCERPT])
    if size > limit or any(line.strip() for line in lines):
        yield _record(row + 1, lines, size, source, closed=row == 0 and source.whole)


def _record(row: int, lines: Sequence[str], size: int, source: Source | Excerpt, closed: bool) -> Entry | Rejection:
    limit = source.options.max_record_bytes
    if size > limit:
        head = Entry(row, "\n".join(lines)[:_EXCERPT], "molblock", printable(lines[0].strip()[:80]) if lines else "")
        detail = f"The record takes {megabytes(size)}; at most {megabytes(limit)} are read."
        return Rejection(head, Reason.TOO_LARGE, detail)
    lines = _aligned(lines)
    end = next((i + 1 for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:
        end = next((i for i, line in enumerate(lines) if i > 3 and line.startswith(">")), len(lines))
    properties, stray = _tags(lines[end:])
    title = printable(lines[0].strip()) if lines else ""
    text = "\n".join(lines[:end]) + "\n" if any(line.strip() for line in lines[:end]) else ""
    entry = Entry(row, text, "molblock", _name(title, properties, source.options.name_column), properties)
    if any(line.startswith("M  END") for line in stray):
        detail = "A second structure follows in the same record: a '$$$$' line is missing between them."
        return Rejection(entry, Reason.UNREADABLE, detail)
    if not closed and "M  END" in text and len(lines) > end and lines[-1].strip():
        detail = "The file breaks off in the data of this record, before its '$$$$' line: its last value may be cut."
        return Rejection(entry, Reason.UNREADABLE, detail)
    return entry


def _aligned(lines: Sequence[str]) -> list[str]:
    """Put the counts line on line 4, where pasting has eaten or added blank header lines."""
    at = next((i for i, line in enumerate(lines[:12]) if _COUNTS.search(line)), 3)
    if at < 3:
        return [*[""] * (3 - at), *lines]
    extra = at - 3
    return list(lines[extra:]) if not any(line.strip() for line in lines[:extra]) else list(lines)


def _tags(lines: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Read data items: a header line, then value lines up to a blank one.

    Lines after the blank one that are no header continue the value, as many programs write blank lines into it.

    Returns:
        The values by tag, and the lines that stand outside the rules.
    """
    names: list[str] = []
    values: list[list[str]] = []
    stray: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(">") and (not inside or _PLAIN_HEADER.match(line.rstrip())):
            names.append(_tag_name(line))
            values.append([])
            inside = True
            continue
        if not inside and line.strip():
            stray.append(line)
        if values:
            values[-1].append(line)
        inside = inside and bool(line.strip())
    whole = (printable("\n".join(value).strip("\n")) for value in values)
    return dict(zip(unique_names(names), whole, strict=True)), stray


def _tag_name(header: str) -> str:
    start, end = header.find("<"), header.rfind(">")
    return printable(header[start + 1 : end] if 0 < start < end else header[1:]).strip() or "unnamed"


def _name(title: str, properties: dict[str, str], wanted: str) -> str:
    if wanted:
        named = next((value for key, value in properties.items() if normalised(key) == normalised(wanted)), "")
        if named:
            return named.split("\n")[0]
    return title or pick_name(properties).split("\n")[0]
