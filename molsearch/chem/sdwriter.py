"""Molecules back to SD files: the original records with coordinates and tags, and what was found out about them."""

import re
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor

from molsearch.chem.cells import Rows, shown, tags_of, unique, writable
from molsearch.chem.streams import printable
from molsearch.chem.structures import read_structure
from molsearch.records import Entry, Molecule

_HEADER = 3  # lines of a molblock before its counts: name, program, comment
_ENDS_VALUE = re.compile(r"\$\$\$\$|>.*<")


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
            lines = [_guarded(molblock(molecule, entry))]
            for name, value in _tags({name: shown(value) for name, value in extra.items()}, tags_of(entry)):
                lines.append(f">  <{name}>\n{_tag_value(value)}\n")
            stream.write(("\n".join(lines) + "\n$$$$\n").encode("utf-8", "replace"))


def molblock(molecule: Molecule, entry: Entry) -> str:
    """Return the record's own molblock, or one with 2D coordinates where it was read as SMILES."""
    if entry.kind == "molblock":
        return entry.text.rstrip("\n")
    with rdBase.BlockLogs():
        mol = read_structure(entry.text, entry.kind) or Chem.MolFromSmiles(molecule.key)
        rdDepictor.Compute2DCoords(mol)
        mol.SetProp("_Name", _one_line(entry.name))
        return str(Chem.MolToMolBlock(mol)).rstrip("\n")


def _tags(extra: Mapping[str, str], original: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the tags with their names as written, each name once."""
    names = unique([_tag_name(name) for name in extra], [_tag_name(name) for name in original])
    return zip(names, [*extra.values(), *original.values()], strict=True)


def _one_line(text: str) -> str:
    return " ".join(printable(writable(text)).split("\n")).replace("\r", " ")


def _guarded(block: str) -> str:
    """Keep a line of a molblock from ending the record; nothing may follow ``M  END``."""
    kept: list[str] = []
    for number, line in enumerate(block.replace("\r", "").split("\n")):
        ends = line.startswith("M  END")
        kept.append(" " + line if line.startswith("$$$$") or (ends and number < _HEADER) else line)
        if ends and number >= _HEADER:
            break
    return "\n".join(kept)


def _tag_name(name: str) -> str:
    return re.sub(r"[<>]", "_", _one_line(name)).strip() or "unnamed"


def _tag_value(value: str) -> str:
    """Keep a value's lines, less blank ones, which would end it; lines that would end the record are indented."""
    lines = [line for line in printable(value).replace("\r", "").split("\n") if line.strip()]
    return "\n".join(f" {line}" if _ENDS_VALUE.match(line) else line for line in lines)
