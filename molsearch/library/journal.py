"""What an addition has computed so far, on disk: one that was killed goes on where it stood.

A library changes only at the end of an addition, in one step. Until then every batch that was encoded lies here, in a
file of its own that is written beside its place and renamed into it, so there is no moment at which a kill leaves half
a batch. A batch that was computed with the same settings twice has the same bits, so it does not matter when the
kill came.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from molsearch.errors import LibraryError

Floats = npt.NDArray[np.float32]

FORMAT = 1
_JOB = "addition.json"
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How molecules are encoded: the same molecules with the same settings have the same bits.

    How many processes compute the graphs is no part of it, as graphs and properties are the same in any of them.

    Attributes:
        batch: How many molecules are encoded together; neighbours decide how sums are cut into parts.
        half: Whether in bfloat16.
        threads: Threads of torch; more of them add up in another order.
        programs: Versions of what computes, and the processor's kind.
    """

    batch: int
    half: bool
    threads: int
    programs: str


@dataclass(frozen=True, slots=True)
class JournaledAddition:
    """One addition.

    Attributes:
        content: Hash of the molecules and rejections that are added.
        records: How many source records they are.
        molecules: How many molecules.
        model_id: The model that encodes them.
        encode_settings: How it does.
        before: Records in the library when the addition began.
        after: Records in it when the addition was stored; -1 until then.
    """

    content: str
    records: int
    molecules: int
    model_id: str
    encode_settings: EncodeSettings
    before: int
    after: int = -1

    @property
    def stored(self) -> bool:
        """Whether it has been stored."""
        return self.after >= 0


@dataclass(frozen=True, slots=True)
class Computed:
    """What became of one batch of molecules.

    Attributes:
        taken: How many molecules it had, N of which could be read.
        refused: Why the others could not, by place in the batch.
        vectors: (N, D).
        constants: (N,).
        properties: (N, P).
        flags: (N, F) uint8.
    """

    taken: int
    refused: Mapping[int, str]
    vectors: Floats
    constants: Floats
    properties: Floats
    flags: npt.NDArray[np.uint8]


class Journal:
    """The batches of one addition, in a folder of their own. Whoever writes holds the lock of the library.

    Args:
        folder: Need not exist.
        name: Name of the library, for messages.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def job(self) -> JournaledAddition | None:
        """Return the addition that was last begun here; None where there is none that can be read."""
        try:
            body = json.loads((self.folder / _JOB).read_bytes())
            if body.pop("format") != FORMAT:
                return None
            return JournaledAddition(**body | {"encode_settings": EncodeSettings(**body["encode_settings"])})
        except _DAMAGE:
            return None

    def begin(self, job: JournaledAddition) -> None:
        """Start an addition; what was here of another one goes.

        Raises:
            LibraryError: If the folder cannot be written.
        """
        with self._writing():
            self.remove()
            self.folder.mkdir(parents=True)
            self._write_job(job)

    def finish(self, job: JournaledAddition, records: int) -> None:
        """Note that an addition was stored, and let its batches go.

        Args:
            job: The addition.
            records: How many the library holds now.
        """
        with suppress(OSError):  # the library is whole; a later look at its records tells the same
            self._write_job(replace(job, after=records))
            for path in self._files():
                path.unlink()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def done(self) -> int:
        """Count the molecules whose batches are here, without reading the batches."""
        total = 0
        for path in self._files():
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    total += int(_head(arrays)["taken"])
            except _DAMAGE:
                break
        return total

    def load(self, number: int) -> Computed | None:
        """Return a batch by its number from 0; None where it is not here or not whole."""
        try:
            with np.load(self._path(number), allow_pickle=False) as arrays:
                head = _head(arrays)
                refused = {int(place): str(reason) for place, reason in head["refused"].items()}
                rows = [arrays[name] for name in ("vectors", "constants", "properties", "flags")]
                computed = Computed(int(head["taken"]), refused, *rows)
        except _DAMAGE:
            return None
        return computed if {len(array) for array in rows} == {computed.taken - len(refused)} else None

    def save(self, number: int, computed: Computed) -> None:
        """Keep a batch.

        Raises:
            LibraryError: If it cannot be written.
        """
        head = json.dumps({"taken": computed.taken, "refused": dict(computed.refused)}).encode()

        def write(stream: IO[bytes]) -> None:
            np.savez(
                stream,
                allow_pickle=False,
                head=np.frombuffer(head, np.uint8),
                vectors=computed.vectors,
                constants=computed.constants,
                properties=computed.properties,
                flags=computed.flags,
            )

        with self._writing():
            _replaced(self._path(number), write)

    def _write_job(self, job: JournaledAddition) -> None:
        text = json.dumps({"format": FORMAT, **asdict(job)}, indent=1)
        _replaced(self.folder / _JOB, lambda stream: stream.write(text.encode()))

    def _path(self, number: int) -> Path:
        return self.folder / f"batch-{number:06d}.npz"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("batch-*.npz"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LibraryError(
                f"What was computed for the library {self.name!r} cannot be kept in {self.folder}: "
                f"{error.strerror or error}. The library stands as it was; free space or check the folder, then go on "
                "by adding the same file again with resume."
            ) from error


def _head(arrays: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(arrays["head"].tobytes())
    return head


def _replaced(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file under another name and rename it once its bytes are on the disk."""
    fresh = path.with_name(f"{path.name}.tmp")
    try:
        with fresh.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
