"""Library names as folder names: any printable name a person types, and no way out of the folder."""

import re
from pathlib import Path
from urllib.parse import unquote

from molsearch.errors import InputError

MAX_FOLDER_BYTES = 200  # file systems allow 255; some room is left for suffixes
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def folder_name(name: str) -> str:
    """Return the folder name of a library; ``library_name`` is its inverse.

    ASCII letters, digits, ``-`` and ``_`` stay; every other byte of the UTF-8 form becomes ``%XX``, so that no
    separator, dot, or device name of any platform can appear.

    Raises:
        InputError: On a blank name, one with characters that cannot be shown, or one that is too long.
    """
    if not name.strip():
        raise InputError("The library name is blank: give it at least one letter or digit.")
    if not name.isprintable():
        raise InputError(f"The library name {name[:60]!r} holds control characters: use letters, digits and spaces.")
    encoded = "".join(c if c in _PLAIN else "".join(f"%{b:02X}" for b in c.encode()) for c in name)
    if _WINDOWS_DEVICES.fullmatch(encoded):
        encoded = f"%{ord(encoded[0]):02X}{encoded[1:]}"
    if len(encoded) > MAX_FOLDER_BYTES:
        raise InputError(
            f"The library name {name[:30]!r}… takes {len(encoded)} bytes as a folder name, "
            f"expected at most {MAX_FOLDER_BYTES}: shorten it."
        )
    return encoded


def library_name(folder: str) -> str:
    """Return the library name that ``folder_name`` turned into ``folder``.

    Raises:
        InputError: When no library name gives this folder name.
    """
    try:
        name = unquote(folder, errors="strict")
        valid = folder_name(name) == folder
    except (UnicodeDecodeError, InputError):
        valid = False
    if not valid:
        raise InputError(f"The folder name {folder[:60]!r} is not that of a library.")
    return name


def library_folder(home: Path, name: str) -> Path:
    """Return where the library of this name lives below ``home``."""
    return home / folder_name(name)
