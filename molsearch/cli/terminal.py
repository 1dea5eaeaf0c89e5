"""How commands speak: one JSON object or a table on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from molsearch.errors import Cancelled, InputError, LibraryError, ModelError, MolsearchError
from molsearch.records import Progress
from molsearch.serialization import plain

# Exit status of a command by the error that ended it; 0 is success, 1 a fault of the program itself.
EXIT_CODES: Mapping[type[MolsearchError], int] = {InputError: 2, ModelError: 3, LibraryError: 4, Cancelled: 130}


def say(sentence: str) -> None:
    """Print a sentence for a person on standard error."""
    Console(stderr=True, highlight=False).print(Text(shown(sentence)), soft_wrap=True)


def shown(text: str) -> str:
    """Make text from a file safe for a terminal: control characters, which could move or colour it, become "�"."""
    return "".join(character if character.isprintable() else "�" for character in text)


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Run a command; turn an expected error into its sentence and its exit status.

    With ``as_json`` the sentence is also the value of ``error`` in the one JSON object on standard output.
    """
    try:
        yield
    except MolsearchError as error:
        _fail(str(error), EXIT_CODES.get(type(error), 1), as_json)
    except KeyboardInterrupt:
        _fail("Stopped.", EXIT_CODES[Cancelled], as_json)
    except BrokenPipeError:  # the reader of a pipe closed it; nobody is left to read
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def _fail(sentence: str, status: int, as_json: bool) -> None:
    if as_json:
        print_json({"error": sentence})
    say(sentence)
    raise typer.Exit(status)


def print_json(answer: object) -> None:
    """Print one JSON object on standard output, in ASCII so that any terminal encoding carries it."""
    print(json.dumps(plain(answer), allow_nan=False), flush=True)


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Print rows as a table on standard output; floats show three decimals.

    Args:
        title: Stands above it.
        columns: Their headings.
        rows: Their cells.
        right: Columns to set flush right beside those that begin with a number.
    """
    table = Table(title=Text(shown(title)), title_justify="left")
    numeric = [bool(rows) and isinstance(rows[0][place], int | float) for place in range(len(columns))]
    for column, number in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if number or column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:.3f}" if isinstance(cell, float) else shown(str(cell))) for cell in row))
    Console(highlight=False).print(table)


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Show a progress bar where standard error is a terminal; yield the callable that moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=None)

        def move(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total or None)

        yield move
