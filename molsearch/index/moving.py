"""A stored library taken to another place, under another name if need be: there whole, or still here."""

import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import filelock

from molsearch.errors import LibraryError
from molsearch.index.base import engine_of
from molsearch.index.exact.manifest import LOCK, MANIFEST, read_manifest, write_manifest
from molsearch.records import LibraryInfo


def move_library(source: str | Path, target: str | Path, name: str) -> LibraryInfo:
    """Move a library folder; where both places share a disk, by one rename.

    Args:
        source: Where it lives, as given to ``index.base.create_index``.
        target: Where it shall live; nothing may be there.
        name: Its name there.

    Raises:
        LibraryError: When there is none, it is being written, the place is taken, the disk says no, or either
            address is no folder.
    """
    for address in (source, target):
        if engine_of(address) != "exact":
            raise LibraryError(f"The library at {address} lives on a server: add its file again where you want it.")
    here, there = Path(source), Path(target)
    manifest = read_manifest(here)
    if (there / MANIFEST).exists():
        raise LibraryError(f"There is a library {name!r} already: give this one another name.")
    lock = filelock.FileLock(here / LOCK, timeout=0)
    try:
        with lock:
            write_manifest(here, replace(manifest, name=name))
            _move(here, there)
    except filelock.Timeout:
        raise LibraryError(f"The library {manifest.name!r} is being filled: wait until that has finished.") from None
    except OSError as error:
        if here.is_dir():
            write_manifest(here, manifest)
        raise LibraryError(
            f"The library {manifest.name!r} cannot be moved to {there}: {error.strerror or error}. It stands where it "
            "was; check that the folder can be written and the disk is not full."
        ) from error
    return read_manifest(there).info()


def _move(here: Path, there: Path) -> None:
    """Rename a folder, or copy it beside its new place first where that lies on another disk."""
    there.parent.mkdir(parents=True, exist_ok=True)
    try:
        here.rename(there)
    except OSError:
        if there.exists() and any(there.iterdir()):
            raise
        copy = there.with_name(f".incoming-{uuid.uuid4().hex}")
        try:
            shutil.copytree(here, copy)
            copy.rename(there)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        shutil.rmtree(here, ignore_errors=True)
