"""Bytes of a file to decoded lines, in bounded memory: compression, encodings, line ends, damage and bombs."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from molsearch.chem.io.options import ReadOptions
from molsearch.errors import InputError

CHUNK = 1 << 18
HEAD = 1 << 16
_BITE = 1 << 13
# A gzip stream can shrink zeros 1,030 times; real structure files reach about 30.
BOMB_RATIO = 200
BOMB_FLOOR = 50_000_000

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file", "save the sheet as CSV"),
    (b"%PDF", "a PDF document", "export the structures as SDF or SMILES"),
    (b"\x89PNG", "a PNG picture", "export the structures as SDF or SMILES"),
    (b"\xff\xd8\xff", "a JPEG picture", "export the structures as SDF or SMILES"),
    (b"VjCD0100", "a ChemDraw CDX file", "save it as MOL or SDF"),
    (b"BZh", "a bzip2 archive", "unpack it or compress it with gzip"),
    (b"\xfd7zXZ", "an xz archive", "unpack it or compress it with gzip"),
    (b"(\xb5/\xfd", "a zstd archive", "unpack it or compress it with gzip"),
    (b"SQLite format 3", "an SQLite database", "export the structures as SDF or CSV"),
    (b"PAR1", "a Parquet table", "rename it to .parquet"),
)
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\x1a")) + b"\x7f"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Line(NamedTuple):
    """A decoded line without its end; ``size`` is its length in bytes, of which at most the record limit is kept."""

    text: str
    size: int


class Source:
    """An opened file: its head for guessing, its lines once, and what broke it, if anything did.

    Attributes:
        filename: Name for messages.
        options: How to read it.
        fault: A sentence once the stream ended before its time, else "".
        size: Bytes of the file as it lies on disk.
    """

    def __init__(self, stream: BinaryIO, filename: str, options: ReadOptions, owned: bool = False) -> None:
        self._owned = owned
        self.filename = filename
        self.options = options
        self.fault = ""
        self._raw = stream
        start = stream.tell()
        self.size = stream.seek(0, io.SEEK_END) - start
        stream.seek(start)
        magic = stream.read(2)
        stream.seek(start)
        self._packed = magic == b"\x1f\x8b"
        self._data: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=stream) if self._packed else stream
        self._unpacked = 0
        self._first = self._read_head()
        self._encoding = _wide_encoding(self._first)
        if not self._first and not self.fault:
            raise InputError(f"{filename} is empty (0 bytes): expected at least one structure; choose another file.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._raw.close()

    def expect_text(self) -> None:
        """Refuse what is plainly no text.

        Raises:
            InputError: The first bytes are those of a picture, an archive, a workbook or other binary data.
        """
        if not self._encoding:
            _refuse_binary(self._first, self.filename)

    @property
    def position(self) -> int:
        """Bytes of the file taken so far."""
        return min(self._raw.tell(), self.size)

    @property
    def binary(self) -> BinaryIO:
        """The raw stream at its start, for formats that seek."""
        self._raw.seek(0)
        return self._raw

    def head(self) -> list[str]:
        """Return the whole lines among the first 64 kB."""
        data = b"".join(self._transcoded(iter([self._first])))
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        whole = lines[:-1] if len(self._first) >= HEAD else lines
        return [decode(line) for line in whole or lines]

    def lines(self) -> Iterator[Line]:
        """Yield the lines; a longer one than ``max_record_bytes`` comes with its head only and its true size."""
        return lines_of(self.blocks(), self.line_end, self.options.max_record_bytes + 1)

    @property
    def line_end(self) -> bytes:
        """The byte that ends a line once UTF-16 and UTF-32 have become UTF-8."""
        return b"\r" if b"\n" not in self._first and b"\r" in self._first and not self._encoding else b"\n"

    @property
    def whole(self) -> bool:
        """Return whether nothing is missing, as far as the bytes have been read."""
        return not self.fault

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes once, unpacked, in a one-byte encoding of line ends."""
        return self._transcoded(self._chunks())

    def _read_head(self) -> bytes:
        head = b""
        while len(head) < HEAD and (more := self._read()):
            head += more
        return head

    def _chunks(self) -> Iterator[bytes]:
        yield self._first
        while chunk := self._read():
            yield chunk

    def _read(self) -> bytes:
        """Read some bytes; at damage or a bomb note the fault and act as at the end."""
        if self.fault:
            return b""
        try:
            # Small bites of a gzip stream, because a bad byte costs the whole bite it is found in.
            chunk = self._data.read1(_BITE) if isinstance(self._data, gzip.GzipFile) else self._data.read(CHUNK)
        except (EOFError, zlib.error, OSError) as error:
            self.fault = f"The compressed data of {self.filename} is damaged or cut off here ({error}): get it again."
            return b""
        self._unpacked += len(chunk)
        if self._packed and self._unpacked > max(BOMB_FLOOR, BOMB_RATIO * self._raw.tell()):
            self.fault = (
                f"{self.filename} unpacks to more than {BOMB_RATIO} times its size, which no structure file does: "
                "reading stopped here; unpack it yourself if you trust it."
            )
            return b""
        return chunk

    def _transcoded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Turn UTF-16 and UTF-32 into UTF-8, so that the rest of the code sees one-byte line ends."""
        if not self._encoding:
            yield from chunks
            return
        decoder = codecs.getincrementaldecoder(self._encoding)(errors="replace")
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Whole records cut out of a file, to be read on their own.

    Attributes:
        data: Their bytes, lines ending in a line feed.
        options: How to read them.
        dropped: Bytes that were left out because the one record here is too large.
        whole: Whether they are the whole file.
    """

    data: bytes
    options: ReadOptions
    dropped: int = 0
    whole: bool = False

    def lines(self) -> Iterator[Line]:
        """Yield the lines, the first with the size of what was dropped."""
        dropped = self.dropped
        for text, size in lines_of(iter([self.data]), b"\n", self.options.max_record_bytes + 1):
            yield Line(text, size + dropped)
            dropped = 0


def lines_of(blocks: Iterator[bytes], ends: bytes, keep: int) -> Iterator[Line]:
    """Cut bytes into lines; of a longer one ``keep`` bytes are kept."""
    pending, size = b"", 0
    for block in blocks:
        *whole, rest = block.split(ends)
        for part in whole:
            text = (pending + part[: keep - len(pending)]) if size else part
            yield Line(decode(text.rstrip(b"\r")), size + len(part))
            pending, size = b"", 0
        pending += rest[: max(0, keep - len(pending))]
        size += len(rest)
    if pending.strip(b"\x1a\r"):  # Ctrl-Z once ended DOS files
        yield Line(decode(pending.rstrip(b"\r")), size)


def open_source(file: Path | BinaryIO, filename: str, options: ReadOptions) -> Source:
    """Open a path or a seekable binary file.

    Raises:
        InputError: It cannot be opened or is empty.
    """
    if not isinstance(file, Path):
        return Source(file, filename or "the file", options)
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(f"{file} cannot be opened ({error.strerror}): give the path of a readable file.") from error
    try:
        return Source(stream, filename or file.name, options, owned=True)
    except InputError:
        stream.close()
        raise


def decode(raw: bytes) -> str:
    """Decode one line: UTF-8, else Windows-1252, else Latin-1, which takes every byte."""
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[3:]
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def printable(text: str) -> str:
    """Replace control characters of a name or value by U+FFFD; they break XML, Excel and terminals."""
    return _CONTROL.sub("\ufffd", text)


def megabytes(size: int) -> str:
    """Write a size in bytes for a person."""
    return f"{size / 1e6:,.1f} MB"


def _wide_encoding(head: bytes) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    sample = head[:1000]
    nulls = sample[1::2].count(0), sample[::2].count(0)
    if len(sample) >= 8 and max(nulls) > 0.4 * len(sample) and min(nulls) == 0:
        return "utf-16-le" if nulls[0] else "utf-16-be"
    return ""


def _refuse_binary(head: bytes, filename: str) -> None:
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            raise InputError(f"{filename} is {what}, not a text file of structures: {remedy}.")
    control = len(head) - len(head.translate(None, _CONTROL_BYTES))
    if control > max(8, 0.02 * len(head)):
        raise InputError(
            f"{filename} is a binary file ({control:,} control bytes in its first {len(head):,}), not a text file of "
            "structures: export it as SDF, SMILES or CSV."
        )
