"""SD files and molfiles to records and back.

CTfile formats: Dalby et al., J. Chem. Inf. Comput. Sci. 1992, 32, 244.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from rdkit import Chem

from molsearch.chem.io.cells import Rows, shown, tags_of, unique, writable
from molsearch.chem.io.columns import normalised, pick_name, unique_names
from molsearch.chem.io.streams import Excerpt, Source, megabytes, printable
from molsearch.chem.structures import read_structure
from molsearch.records import Entry, Molecule, Reason, Rejection

_EXCERPT = 2_000
_COUNTS = re.compile(r" V[23]000\s*$")
_PLAIN_HEADER = re.compile(r">\s*<[^<>]+>\s*(\([^()]*\))?$")
_HEADER = 3  # lines of a molblock before its counts: name, program, comment
_SEARCHED = 12  # lines among which the counts are looked for
_ENDS_VALUE = re.compile(r"\$\$\$\$|>.*<")


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
        elif len(lines) <= _HEADER:
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
        end = next((i for i, line in enumerate(lines) if i > _HEADER and line.startswith(">")), len(lines))
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
    at = next((i for i, line in enumerate(lines[:_SEARCHED]) if _COUNTS.search(line)), _HEADER)
    if at < _HEADER:
        return [*[""] * (_HEADER - at), *lines]
    extra = at - _HEADER
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


def write_sdf(rows: Rows, stream: BinaryIO, note: str = "") -> None:
    """Write an SD file with one record for every source record of every molecule.

    A record read as a molblock keeps that molblock, coordinates and all; one read as SMILES gets 2D coordinates.
    Tags: the extra columns first, then the original ones; an original tag called like an extra one gets
    " (original)" behind its name. Names and values come from files of unknown origin, so nothing in them may break a
    record.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write UTF-8 to.
        note: Not written: an SD file has no place for a word about the whole.
    """
    for molecule, extra in rows:
        for entry in molecule.sources:
            lines = [_one_record(molblock(molecule, entry))]
            for name, value in _written_tags({name: shown(value) for name, value in extra.items()}, tags_of(entry)):
                lines.append(f">  <{name}>\n{_tag_value(value)}\n")
            stream.write(("\n".join(lines) + "\n$$$$\n").encode("utf-8", "replace"))


def molblock(molecule: Molecule, entry: Entry) -> str:
    """Return the record's own molblock, or one with 2D coordinates where it was read as SMILES."""
    if entry.kind == "molblock":
        return entry.text.rstrip("\n")
    from rdkit.Chem import rdDepictor  # loads numpy, which a process that cleans records up does without

    mol = read_structure(entry.text, entry.kind) or Chem.MolFromSmiles(molecule.key)
    rdDepictor.Compute2DCoords(mol)
    mol.SetProp("_Name", _one_line(entry.name))
    return str(Chem.MolToMolBlock(mol)).rstrip("\n")


def _one_line(text: str) -> str:
    return " ".join(printable(writable(text)).split("\n")).replace("\r", " ")


def _one_record(block: str) -> str:
    """Keep a line of a molblock from ending the record; nothing may follow ``M  END``."""
    kept: list[str] = []
    for number, line in enumerate(block.replace("\r", "").split("\n")):
        ends = line.startswith("M  END")
        kept.append(" " + line if line.startswith("$$$$") or (ends and number < _HEADER) else line)
        if ends and number >= _HEADER:
            break
    return "\n".join(kept)


def _written_tags(extra: Mapping[str, str], original: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the tags with their names as written, each name once."""
    names = unique([_written_name(name) for name in extra], [_written_name(name) for name in original])
    return zip(names, [*extra.values(), *original.values()], strict=True)


def _written_name(name: str) -> str:
    return re.sub(r"[<>]", "_", _one_line(name)).strip() or "unnamed"


def _tag_value(value: str) -> str:
    """Keep a value's lines, less blank ones, which would end it; lines that would end the record are indented."""
    lines = [line for line in printable(value).replace("\r", "").split("\n") if line.strip()]
    return "\n".join(f" {line}" if _ENDS_VALUE.match(line) else line for line in lines)
