"""The command that makes chemical names with their structures: pairs that OPSIN gives for nothing."""

from pathlib import Path
from typing import Annotated

import typer

from molsearch.cli.evaluate import Json
from molsearch.cli.terminal import answering, bar, print_json, say


def names_command(
    pairs: Annotated[Path, typer.Option("--pairs", help="Training pairs whose captions give the pieces of names.")],
    exclude: Annotated[
        list[Path], typer.Option("--exclude", help="Table of molecules never to make a name of; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Pair file to write.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Names to make.")] = 200_000,
    with_pairs: Annotated[
        bool, typer.Option("--with-pairs", help="Write the training pairs first, so that the file can train a model.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of every draw.")] = 0,
    as_json: Json = False,
) -> None:
    """Recombine the names in captions and keep those that OPSIN can read, as pairs for training."""
    with answering(as_json):
        from molsearch.chem.io.pairs import read_pairs, read_pool
        from molsearch.training.selection import write_rows
        from molsearch.training.synthetic_names import inchikeys, make_names

        rows = read_pairs(pairs).rows
        with bar("Making names") as progress:
            excluded = frozenset(key for path in exclude for key in inchikeys(read_pool(path).rows))
            made = make_names(rows, count, excluded, seed=seed, progress=progress)
        write_rows([*(rows if with_pairs else ()), *made], out)
        if as_json:
            print_json({"made": len(made), "asked": count, "excluded": len(excluded), "file": out})
            return
        say(f"{out} holds {len(made):,} of {count:,} names asked for; {len(excluded):,} molecules were kept out.")
