"""The run manifest as text: written to JSON, read strictly, and found inside the exports that carry it."""

import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from molsearch.chem.io.export import NOTE_KEY, NOTE_SHEET
from molsearch.errors import InputError
from molsearch.report.run import FORMAT, VERSION, RunManifest, digest
from molsearch.serialization import build, dump, parse

MAX_CHARS = 64_000_000
MAX_FILE_BYTES = 256_000_000
LARGEST_FLOAT32 = 3.4e38
MAX_RATIO = 200  # of unpacked to packed bytes; a real workbook of hits reaches about 20

# What a run manifest is wrapped in where it lies inside a report; the text between is escaped.
PAGE_START, PAGE_END = '<pre id="run">', "</pre>"


def write_run(run: RunManifest) -> str:
    """Write a manifest as JSON text."""
    return dump(run)


def read_run(text: str) -> RunManifest:
    """Read a manifest of unknown origin.

    Raises:
        InputError: If it is no run manifest, of another version, or its digest is not that of its hits.
    """
    if len(text) > MAX_CHARS:
        raise InputError(f"The manifest has {len(text):,} characters, expected at most {MAX_CHARS:,}.")
    value = parse(text)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError(f"The file is no run manifest: it lacks the format {FORMAT!r}; choose one that was exported.")
    if value.get("version") != VERSION:
        raise InputError(
            f"The manifest has version {str(value.get('version'))[:20]}, expected {VERSION}: repeat it with the "
            "program that wrote it."
        )
    run = build(RunManifest, value, "the manifest")
    if any(abs(number) > LARGEST_FLOAT32 for hit in run.hits for number in (hit.score, hit.cosine)):
        raise InputError("The manifest was changed: a score is beyond all scores; choose the file as exported.")
    if digest(run.hits) != run.digest:
        raise InputError("The manifest was changed: its digest is not that of its hits; choose the file as exported.")
    return run


def find_run(path: Path) -> RunManifest:
    """Read the run manifest of an export: the JSON file itself, or a report, workbook or Parquet file that holds it.

    Raises:
        InputError: If the file cannot be read or holds none.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path.name} has more than {MAX_FILE_BYTES:,} bytes: give the manifest itself.")
        text = READERS.get(path.suffix.lower(), _json_text)(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no UTF-8 text, expected a run manifest; choose another file.") from error
    if not text:
        raise InputError(f"{path.name} holds no run manifest: give the .json file that was exported with it.")
    return read_run(text)


def _json_text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _page_text(path: Path) -> str:
    run = re.search(re.escape(PAGE_START) + "(.*?)" + re.escape(PAGE_END), _json_text(path), re.DOTALL)
    return html.unescape(run.group(1)) if run else ""


def _parquet_text(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except pa.ArrowException as error:
        raise InputError(f"{path.name} cannot be read as Parquet ({error}): choose another file.") from error
    return bytes(metadata.get(NOTE_KEY, b"")).decode()


def _workbook_text(path: Path) -> str:
    from zipfile import ZipFile

    from openpyxl import load_workbook

    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
            if size > min(MAX_FILE_BYTES, MAX_RATIO * path.stat().st_size):
                raise InputError(f"{path.name} unpacks to {size:,} bytes, which is too much: give the manifest itself.")
        book = load_workbook(path, read_only=True)
        if NOTE_SHEET not in book.sheetnames:
            return ""
        return "\n".join(str(row[0] or "") for row in book[NOTE_SHEET].iter_rows(max_col=1, values_only=True))
    except InputError:
        raise
    except Exception as error:  # openpyxl hands on whatever its parsers meet: errors of zlib, XML, types and values
        raise InputError(f"{path.name} cannot be read as a workbook ({error}): choose another file.") from error


#: Suffix -> how the text of the manifest is taken out of such a file; any other file is the manifest itself.
READERS: Mapping[str, Callable[[Path], str]] = {
    ".html": _page_text,
    ".xlsx": _workbook_text,
    ".parquet": _parquet_text,
}
