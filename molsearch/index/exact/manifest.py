"""The manifest of a library folder: which bytes of which files count, and what they hash to.

A library grows by segments. Bytes that no segment names do not exist for a reader, so writing ``manifest.json`` anew
(one atomic rename) is what makes an addition real.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from molsearch.errors import LibraryError
from molsearch.records import LibraryInfo

FORMAT = 1
MANIFEST = "manifest.json"
LOCK = "lock"
SMALL_FILE_BYTES = 1 << 20  # files up to this size are hashed whenever a library is opened
_SUFFIXES = frozenset({".arrow", ".bin", ".tmp"})  # of the files a library writes beside its manifest and lock

Scalar = Literal["float16", "float32"]


@dataclass(frozen=True, slots=True)
class FilePart:
    """The bytes of one file that one segment owns: ``size`` bytes from ``start``."""

    file: str
    start: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What one stretch of an addition brought.

    Attributes:
        rows: New molecules.
        extras: Molecules that were here already and brought further sources.
        sources: Source records of both.
        rejections: Records that did not become molecules.
        parts: The bytes it owns.
    """

    rows: int
    extras: int
    sources: int
    rejections: int
    parts: tuple[FilePart, ...]

    def file(self, table: str) -> str | None:
        """Return the name of this segment's Arrow file of a table, None where it has no rows in it."""
        return next((p.file for p in self.parts if p.file.startswith(f"{table}-") and p.file.endswith(".arrow")), None)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a library but its bytes; ``properties`` names the property columns."""

    name: str
    model_id: str
    width: int
    scalar: Scalar
    created: str  # ISO 8601, UTC
    properties: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file that count."""
        sizes: dict[str, int] = {}
        for part in self.parts():
            sizes[part.file] = max(sizes.get(part.file, 0), part.start + part.size)
        return sizes

    def parts(self) -> Iterator[FilePart]:
        """Yield the parts of all segments, oldest first."""
        for segment in self.segments:
            yield from segment.parts

    def content_sha256(self) -> str:
        """Hash the contents, by the hashes of all byte ranges that are here already; name and age do not count."""
        digest = hashlib.sha256()
        for segment in self.segments:
            for part in sorted(segment.parts, key=lambda part: part.file):
                digest.update(f"{part.file} {part.size} {part.sha256}\n".encode())
        return digest.hexdigest()

    def info(self) -> LibraryInfo:
        """Return the counts as the record the rest of the project speaks."""
        rejections = sum(segment.rejections for segment in self.segments)
        records = sum(segment.sources for segment in self.segments) + rejections
        return LibraryInfo(self.name, self.rows, records, rejections, self.model_id, self.width, self.created)


def damaged(folder: Path, what: str) -> LibraryError:
    """Return the error for a library whose files cannot be trusted."""
    return LibraryError(
        f"The library in {folder} is damaged: {what}. "
        "Remove it and add its source file again, or put back a copy of the folder."
    )


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises:
        LibraryError: When there is no library, or the file is damaged or of another format.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise LibraryError(f"There is no library in {folder}: add one first, or check its name.") from None
    except OSError as error:
        raise LibraryError(f"The library in {folder} cannot be read: {error.strerror}. Check the folder.") from error
    try:
        body = json.loads(raw)
        checksum, layout = body.pop("checksum"), body.pop("format")
        if layout != FORMAT:
            raise LibraryError(
                f"The library in {folder} has format {layout}, expected {FORMAT}: "
                "open it with the version that wrote it, or add its source file again."
            )
        if checksum != _checksum(body):
            raise ValueError("checksum")
        return _manifest(body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(folder, f"{MANIFEST} does not match its checksum") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace ``manifest.json`` atomically; when this returns, the change survives a power cut."""
    body: dict[str, Any] = json.loads(json.dumps(asdict(manifest)))
    text = json.dumps({"format": FORMAT, **body, "checksum": _checksum(body)}, indent=1)
    fresh = folder / f"{MANIFEST}.tmp"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / MANIFEST)
    sync_folder(folder)


def extended(manifest: Manifest, properties: tuple[str, ...], segments: tuple[Segment, ...]) -> Manifest:
    """Return the manifest with further segments and all of its property columns."""
    return replace(manifest, properties=properties, segments=manifest.segments + segments)


def sync_folder(folder: Path) -> None:
    """Make new file names and renames of a folder durable, where the platform can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_files(folder: Path, manifest: Manifest, *, everything: bool = False) -> None:
    """Check that all bytes that count are there, and hash those of small files or of all files.

    Raises:
        LibraryError: Naming the first file that is missing, short or changed.
    """
    sizes = manifest.sizes
    for name, size in sizes.items():
        try:
            held = (folder / name).stat().st_size
        except OSError:
            raise damaged(folder, f"the file {name} is missing") from None
        if held < size:
            raise damaged(folder, f"the file {name} has {held:,} bytes, expected {size:,}")
    for part in manifest.parts():
        if (everything or sizes[part.file] <= SMALL_FILE_BYTES) and _hash(folder, part) != part.sha256:
            raise damaged(folder, f"the file {part.file} does not match its checksum")


def foreign_files(folder: Path) -> list[str]:
    """Return the names of what lies in a library's folder but was not put there by a library."""
    return [p.name for p in folder.iterdir() if p.name not in (MANIFEST, LOCK) and p.suffix not in _SUFFIXES]


def sweep(folder: Path, manifest: Manifest) -> None:
    """Delete what an interrupted addition left: bytes and files that the manifest does not name."""
    sizes = manifest.sizes
    for path in folder.iterdir():
        if path.name in sizes:
            if path.stat().st_size > sizes[path.name]:
                os.truncate(path, sizes[path.name])
        elif path.suffix in _SUFFIXES:
            path.unlink()


def _hash(folder: Path, part: FilePart) -> str:
    digest = hashlib.sha256()
    try:
        with (folder / part.file).open("rb") as file:
            file.seek(part.start)
            left = part.size
            while left and (block := file.read(min(left, SMALL_FILE_BYTES))):
                digest.update(block)
                left -= len(block)
    except OSError as error:
        raise damaged(folder, f"the file {part.file} cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _manifest(body: dict[str, Any]) -> Manifest:
    segments = []
    for segment in body.pop("segments"):
        parts = tuple(FilePart(**part) for part in segment.pop("parts"))
        if any(part.file != Path(part.file).name or min(part.start, part.size) < 0 for part in parts):
            raise ValueError("a part lies outside the folder")
        segments.append(Segment(parts=parts, **segment))
    return Manifest(properties=tuple(body.pop("properties")), segments=tuple(segments), **body)
