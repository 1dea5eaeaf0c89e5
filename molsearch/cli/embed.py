"""The command that embeds tables beyond one machine: ``embed`` makes vectors of Parquet files, here or on a cluster."""

from typing import Annotated

import typer

from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.shards import SHARD_ROWS
from molsearch.cli.terminal import answering, bar, print_json, say
from molsearch.library.bulk import EngineName, Precision, embed_table
from molsearch.library.cluster import RayCluster
from molsearch.screener import Screener
from molsearch.settings import Settings


def embed_command(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="Parquet file or folder of them; a path or an address such as s3://….")
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Folder of Parquet parts, likewise; or a Milvus library, SERVER#NAME.")
    ],
    engine: Annotated[EngineName, typer.Option("--engine", help="Where to work.")] = "local",
    address: Annotated[
        str, typer.Option("--address", help="HOST:PORT of a Ray cluster, or auto; without it Ray starts here.")
    ] = "",
    actors: Annotated[int, typer.Option("--actors", help="Workers of the Ray engine, over all nodes.")] = 2,
    cpus: Annotated[int, typer.Option("--cpus", help="Cores that each of them takes up.")] = 1,
    precision: Annotated[
        Precision,
        typer.Option("--precision", help="What to multiply in; auto takes bfloat16 where this processor has it."),
    ] = "auto",
    threads: Annotated[int, typer.Option("--threads", help="Threads of one sum; another count may move a bit.")] = 1,
    shard_rows: Annotated[int, typer.Option("--shard-rows", help="Most rows of a part.")] = SHARD_ROWS,
    structures: Annotated[str, typer.Option("--structure-column", help="Column of the structures.")] = "",
    names: Annotated[str, typer.Option("--name-column", help="Column of the names.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Embed the structures of IN, a row out for each row in, in order; a job that was stopped goes on.

    With --engine ray every node needs this program, its packages and the model folder at the same paths, and IN and
    OUT where each of them can open them.
    """
    with answering(as_json):
        limits = Settings()
        options = ReadOptions.within(limits, structure_column=structures, name_column=names)
        with bar("Embedding") as progress:
            made = embed_table(
                source,
                out,
                Screener(limits).model,
                engine=engine,
                cluster=RayCluster(address, actors, cpus),
                precision=precision,
                threads=threads,
                shard_rows=shard_rows,
                options=options,
                progress=progress,
            )
        if as_json:
            print_json(made)
            return
        say(
            f"{made.records:,} rows: {made.molecules:,} vectors, {made.rejections:,} rejected with a reason. "
            f"{made.parts:,} parts were made, {made.kept:,} were there. They are in {made.out}."
        )
