"""A folder of Parquet parts on this machine or in an object store, and the job that fills it."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from molsearch.chem.io.shards import located
from molsearch.errors import LibraryError

JOB_FILE = "_job.json"  # readers of Parquet folders pass over names that begin so
_MOLECULES = b"molsearch.molecules"
_WORDS = ("file", "kind", "classes", "reason")  # columns whose values repeat


def part_name(number: int) -> str:
    """Return the file name of a part; parts stand in order by name."""
    return f"part-{number:07d}.parquet"


def to_parquet(table: Any, molecules: int, rows: int) -> bytes:
    """Return a table as a Parquet file that states how many of its rows are molecules, ``rows`` in a row group."""
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    marked = table.replace_schema_metadata({_MOLECULES: str(molecules)})
    numbers = ["vector.list.element", *(field.name for field in table.schema if str(field.type) == "float")]
    pq.write_table(
        marked,
        stream,
        row_group_size=rows,
        compression="zstd",
        use_dictionary=[name for name in _WORDS if name in table.column_names],
        column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),  # a third less than a dictionary of them
    )
    return stream.getvalue()


def from_parquet(data: bytes) -> Any:
    """Return the table of a Parquet file."""
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(data))


class VectorFolder:
    """The parts of one job.

    Args:
        place: A path or a URI of an object store.

    Raises:
        InputError: If there is no such kind of place.
        LibraryError: From every call, if the place cannot be read or written.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._system, self._path = located(place)

    def begin(self, job: Mapping[str, object]) -> None:
        """Make the folder for a job, or go on with it.

        Raises:
            LibraryError: If it holds something else.
        """
        with self._writing():
            if not self._names():
                self._system.create_dir(self._path, recursive=True)
                self._put(JOB_FILE, json.dumps(job, indent=1).encode())
                return
            if JOB_FILE not in self._names():
                raise LibraryError(f"{self._place} holds other files: give a folder that is new or empty.")
            with self._system.open_input_stream(f"{self._path}/{JOB_FILE}") as stream:
                before = json.loads(stream.read())
        differing = [name for name in job if before.get(name) != job[name]]
        if differing:
            raise LibraryError(
                f"{self._place} holds vectors of another job: {', '.join(differing)} differ; give another folder."
            )

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return part number -> (rows, molecules) of the parts that are there; each is whole, as a rename made it."""
        import pyarrow.parquet as pq

        counts = {}
        with self._writing():
            for name in self._names():
                if name.startswith("part-") and name.endswith(".parquet"):
                    with self._system.open_input_file(f"{self._path}/{name}") as stream:
                        metadata = pq.read_metadata(stream)
                    counts[int(name[5:-8])] = (metadata.num_rows, int(metadata.metadata[_MOLECULES]))
        return counts

    def write(self, number: int, data: bytes) -> None:
        """Write a part: all of it, or nothing under its name."""
        with self._writing():
            self._put(part_name(number), data)

    def _put(self, name: str, data: bytes) -> None:
        temporary = f"{self._path}/_{name}.tmp"
        with self._system.open_output_stream(temporary) as stream:
            stream.write(data)
        self._system.move(temporary, f"{self._path}/{name}")

    def _names(self) -> list[str]:
        from pyarrow import fs

        files = self._system.get_file_info(fs.FileSelector(self._path, allow_not_found=True))
        return sorted(file.base_name for file in files)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise LibraryError(
                f"The vectors in {self._place} cannot be read or written ({error}): check the place and the space left."
            ) from error
