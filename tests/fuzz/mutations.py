"""Small and large damage to a file: what editors, exporters, cut-off downloads and ill will do to it."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

# Things that mean something to some reader.
TOKENS: Sequence[bytes] = (
    # Characters that end lines, texts or patience.
    *(b"\x00", b"\r", b"\n", b"\r\n", b"\x0b", b"\x0c", b"\x1a", b"\x85", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x7f"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\\ud800"),
    # Signs of the formats.
    *(b"$$$$\n", b"\n$$$$", b"M  END\n", b"M  V30 COUNTS 999999999 1 0 0 0\n", b"> <a>\n", b">  <", b"V2000\n"),
    *(b"V3000", b'"', b'""', b"'", b",", b";", b"\t", b"|", b"#", b"smiles", b"[", b"]", b"{", b"}", b"(", b")"),
    *(b"[[a]]\n", b"a.b.c=1\n", b"\\u0000", b"null", b"true", b"<!ENTITY", b"PAR1", b"PK\x03\x04", b"\x1f\x8b"),
    # Values beyond what is meant.
    *(b"=cmd()", b"999999999", b"-1", b"1e999", b"nan", b"0", b"9" * 5_000, b"C1CC", b"[99C@@H+9]", b"C%(999)"),
    *(b"*" * 100, b"InChI=1S/C999999999/", b"../../x", b"/etc/passwd", b"con"),
    # Depth and width.
    *(b"[" * 50_000, b"(" * 50_000, b'{"a":' * 20_000, b"C" * 30_000, b"\n" * 2_000, b"," * 20_000),
)


class Damage(NamedTuple):
    """One change.

    Attributes:
        kind: A row of KINDS.
        at: Where, as a share of the file, 0 to 1.
        size: How much, as a share of it.
        token: Which of TOKENS.
    """

    kind: str
    at: float
    size: float
    token: int


def _span(data: bytes, damage: Damage) -> tuple[int, int]:
    start = int(damage.at * len(data))
    return start, min(len(data), start + 1 + int(damage.size * damage.size * len(data)))


def _insert(data: bytes, damage: Damage) -> bytes:
    start, _ = _span(data, damage)
    return data[:start] + TOKENS[damage.token % len(TOKENS)] + data[start:]


def _overwrite(data: bytes, damage: Damage) -> bytes:
    start, end = _span(data, damage)
    return data[:start] + TOKENS[damage.token % len(TOKENS)] + data[end:]


def _flip(data: bytes, damage: Damage) -> bytes:
    start, _ = _span(data, damage)
    return (
        data[:start] + bytes([data[start] ^ (1 << damage.token % 8)]) + data[start + 1 :] if start < len(data) else data
    )


def _cut(data: bytes, damage: Damage) -> bytes:
    start, end = _span(data, damage)
    return data[:start] + data[end:]


def _end(data: bytes, damage: Damage) -> bytes:
    return data[: _span(data, damage)[0]]


def _repeat(data: bytes, damage: Damage) -> bytes:
    start, end = _span(data, damage)
    return data[:end] + data[start:end] * (1 + damage.token % 40) + data[end:]


def _swap_lines(data: bytes, damage: Damage) -> bytes:
    lines = data.split(b"\n")
    one, other = int(damage.at * (len(lines) - 1)), damage.token % len(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _line_ends(data: bytes, damage: Damage) -> bytes:
    start, end = _span(data, damage)
    ends = (b"\r\n", b"\r", b"\x0b", b"\n\n", b"")[damage.token % 5]
    return data[:start] + data[start:end].replace(b"\n", ends) + data[end:]


def _encode(data: bytes, damage: Damage) -> bytes:
    encoding = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1")[damage.token % 6]
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def _pack(data: bytes, _: Damage) -> bytes:
    return gzip.compress(data, 1, mtime=0)


KINDS: Mapping[str, Callable[[bytes, Damage], bytes]] = {
    "insert": _insert,
    "overwrite": _overwrite,
    "flip": _flip,
    "cut": _cut,
    "end": _end,
    "repeat": _repeat,
    "swap lines": _swap_lines,
    "line ends": _line_ends,
    "encode": _encode,
    "pack": _pack,
}
MOST_BYTES = 200_000


def damaged(data: bytes, damages: Sequence[Damage]) -> bytes:
    """Change a file, one damage after the other."""
    for damage in damages:
        data = KINDS[damage.kind](data, damage)[:MOST_BYTES]
    return data
