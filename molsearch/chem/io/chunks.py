"""A file of SMILES or SD records cut into chunks of whole records, so that other processes can read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from molsearch.chem.io.columns import Layout
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.sdf import read_sdf
from molsearch.chem.io.streams import Excerpt, Source
from molsearch.chem.io.tables import read_smiles_chunk, smiles_layout, smiles_sample
from molsearch.records import Entry, Rejection

LEAST_BYTES = 1 << 16  # of a chunk, but for the last one
_SMILES = (".smi", ".smiles", ".ism", ".cxsmiles")
_SDF = (".sdf", ".sd")
_HEAD = 1 << 14  # bytes kept of a record that is too large
_END_LINE = 200  # bytes that may follow the sign that ends a record, on its own line


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records of one file.

    Attributes:
        data: Their bytes.
        layout: Where things stand in a line of SMILES; None of SD records.
        dropped: Bytes that were left out because the one record here is too large to be kept.
        whole: Whether this is all of a file that ends as it should.
    """

    data: bytes
    layout: Layout | None
    dropped: int = 0
    whole: bool = False


def chunks_of(source: Source) -> Iterator[Chunk] | None:
    """Cut an opened source into chunks; None where its format cannot be cut."""
    suffixes = [part.lower() for part in source.filename.rsplit("/")[-1].split(".")[1:]]
    if suffixes and suffixes[-1] in ("gz", "gzip"):
        suffixes.pop()
    suffix = f".{suffixes[-1]}" if suffixes else ""
    if source.line_end != b"\n" or suffix not in (*_SMILES, *_SDF):
        return None
    source.expect_text()
    return _smiles_chunks(source) if suffix in _SMILES else _cut(source, _RECORD)


def read_chunk(chunk: Chunk, options: ReadOptions) -> Iterator[Entry | Rejection]:
    """Yield the records of a chunk; rows count from 1 in each. Reads text alone, so nothing here can hang or crash."""
    source = Excerpt(chunk.data, options, chunk.dropped, chunk.whole)
    return read_sdf(source) if chunk.layout is None else read_smiles_chunk(source, chunk.layout)


def _smiles_chunks(source: Source) -> Iterator[Chunk]:
    """Look at as many chunks as it takes to know the layout, then pass all of them on."""
    cut = _cut(source, _LINE)
    first: list[Chunk] = []
    for chunk in cut:
        first.append(chunk)
        if smiles_sample(_joined(first, source.options))[1]:
            break
    sample, _ = smiles_sample(_joined(first, source.options))
    if not sample:
        return
    layout = smiles_layout(sample)
    for chunk in chain(first, cut):
        yield replace(chunk, layout=layout)
        if layout.header and smiles_sample(_joined([chunk], source.options))[0]:
            layout = replace(layout, header=False)  # it stands in the first chunk that has a line


def _joined(chunks: Sequence[Chunk], options: ReadOptions) -> Excerpt:
    return Excerpt(b"".join(chunk.data for chunk in chunks), options)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The end of a record: these bytes, and the rest of their line."""

    sign: bytes

    def last(self, data: bytes) -> int:
        """Return where the last record that ends in the data does so, 0 where none does."""
        at = len(data)
        while (at := data.rfind(self.sign, 0, at)) >= 0:
            if end := self._line_end(data, at):
                return end
        return 0

    def first(self, data: bytes) -> int:
        """Return where the first record that ends in the data does so, 0 where none does."""
        at = data.find(self.sign)
        return self._line_end(data, at) if at >= 0 else 0

    def _line_end(self, data: bytes, at: int) -> int:
        return data.find(b"\n", at + len(self.sign) - 1) + 1


_LINE = _Mark(b"\n")
_RECORD = _Mark(b"\n$$$$")


def _cut(source: Source, mark: _Mark) -> Iterator[Chunk]:
    bites = (block[at : at + LEAST_BYTES] for block in source.blocks() for at in range(0, len(block), LEAST_BYTES))
    most = source.options.max_record_bytes + LEAST_BYTES
    data, only = b"", True
    for bite in bites:
        data += bite
        end = mark.last(data)
        if len(data) >= LEAST_BYTES and end:
            yield Chunk(data[:end], None)
            data, only = data[end:], False
        elif len(data) > most and not end:  # a record beyond the limit: its head is kept, the rest counted
            dropped, rest = _skipped(data[_HEAD:], bites, mark)
            yield Chunk(data[:_HEAD] + mark.sign + b"\n", None, dropped)
            data, only = rest, False
    if data:
        yield Chunk(data, None, whole=only and source.whole)


def _skipped(data: bytes, bites: Iterator[bytes], mark: _Mark) -> tuple[int, bytes]:
    """Drop bytes up to the end of a record; return how many, and what follows it."""
    dropped = 0
    while not (end := mark.first(data)):
        tail = len(mark.sign) + _END_LINE
        dropped += max(0, len(data) - tail)
        more = next(bites, b"")
        if not more:
            return dropped + min(len(data), tail), b""
        data = data[-tail:] + more
    return dropped + end, data[end:]
