"""The command line: ``python -m molsearch COMMAND``.

Results go to standard output, everything else to standard error. With ``--json`` standard output is one JSON object and
nothing else. Exit status: 0 done, 1 a fault of the program, 2 wrong usage or input, 3 model, 4 library, 5 another
ranking (``repeat``), 130 stopped.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from molsearch.cli.bench import bench
from molsearch.cli.embed import embed_command
from molsearch.cli.evaluate import Json, evaluate
from molsearch.cli.figures import figures
from molsearch.cli.names import names_command
from molsearch.cli.options import read_captions, read_phrase, read_range, read_tested
from molsearch.cli.repeat import repeat_command
from molsearch.cli.terminal import answering, bar, print_json, print_table, say
from molsearch.query.account import sentences
from molsearch.records import Query, Ranking
from molsearch.report.exports import EXPORTS, check_export, export_file
from molsearch.screener import EXAMPLES, Screener

app = typer.Typer(
    help="Screen a compound library with a sentence.",
    epilog="Exit status: 0 done, 1 fault of the program, 2 usage or input, 3 model, 4 library, 130 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SHOWN_REJECTIONS = 100


Source = Annotated[Path, typer.Argument(metavar="FILE", help="SDF, SDF.gz, MOL, SMILES, CSV, TSV or Parquet file.")]


def main() -> None:
    """Run the command line."""
    app(prog_name="molsearch")


@app.command()
def read(file: Source, as_json: Json = False) -> None:
    """Read FILE and report what became of each record, without computing or storing anything."""
    with answering(as_json):
        with bar("Reading") as progress:
            library = Screener().read(file, progress=progress)
        changes = Counter(change for molecule in library.molecules() for change in molecule.changes)
        rejected = [
            {
                "row": rejection.entry.row,
                "name": rejection.entry.name,
                "reason": rejection.reason,
                "detail": rejection.detail,
            }
            for rejection, _ in zip(library.rejections(), range(SHOWN_REJECTIONS), strict=False)
        ]
        if as_json:
            print_json(
                {
                    "name": library.name,
                    "records": library.records,
                    "molecules": library.molecule_count,
                    "rejections": library.rejection_count,
                    "changes": changes,
                    "rejected": rejected,
                }
            )
            return
        say(
            f"{library.records:,} records: {library.molecule_count:,} molecules, "
            f"{library.rejection_count:,} rejected (the first {len(rejected)} are listed)."
        )
        if changes:
            print_table("Altered by clean-up", ["step", "molecules"], list(changes.most_common()))
        if rejected:
            print_table("Rejected", ["record", "name", "reason", "detail"], [list(row.values()) for row in rejected])


@app.command()
def add(
    file: Source,
    name: Annotated[str, typer.Option("--name", help="Name of the library; one that exists grows.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted addition of the same FILE stood.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read FILE, embed its molecules and store them as a library."""
    with answering(as_json):
        screener = Screener()
        with bar("Reading") as progress:
            library = screener.read(file, progress=progress)
        with bar("Embedding") as progress:
            info = screener.add(library, name, progress, resume=resume)
        if as_json:
            print_json(info)
            return
        say(f"Library {info.name!r} holds {info.molecules:,} molecules of {info.records:,} records.")
        if library.rejection_count:
            say(f"{library.rejection_count:,} records of {file} were rejected: `read {file}` lists them.")


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What the molecules should be, in plain words.")],
    library: Annotated[str, typer.Option("--library", help="Name of a stored library.")] = EXAMPLES,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 20,
    ranges: Annotated[
        list[str] | None, typer.Option("--range", metavar="NAME=LOW:HIGH", help="Property range; may be repeated.")
    ] = None,
    smarts: Annotated[str, typer.Option("--smarts", help="Substructure every hit must hold.")] = "",
    reference: Annotated[str, typer.Option("--reference", help="SMILES the hits should resemble too.")] = "",
    phrases: Annotated[
        list[str] | None,
        typer.Option(
            "--phrase", metavar="[WEIGHT:]TEXT", help="One more description, weight up to 1; may be repeated."
        ),
    ] = None,
    weight: Annotated[float, typer.Option("--weight", help="Weight of QUERY beside the phrases, up to 1.")] = 1.0,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="Class, element, SMARTS or name that no hit may be or hold; may be repeated."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="What QUERY seems to exclude but does not, as the answer names it."),
    ] = None,
    tested: Annotated[Path | None, typer.Option("--tested", help="File of tested compounds to leave out.")] = None,
    exact_names: Annotated[bool, typer.Option(help="Lift the molecule that a name in QUERY stands for.")] = True,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Compare the first 200 a second time, words with atoms.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--export", "--out", help=f"Also write the hits to this file: {', '.join(EXPORTS)}.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rank a stored library by QUERY."""
    with answering(as_json):
        screener = Screener()
        question = Query(
            query,
            k,
            ranges=tuple(map(read_range, ranges or ())),
            smarts=smarts,
            reference=reference,
            exact_names=exact_names,
            rerank=rerank,
            weight=weight,
            phrases=tuple(map(read_phrase, phrases or ())),
            without=tuple(without or ()),
            allowed=tuple(allow or ()),
        )
        if out is not None:
            check_export(out)  # a name that cannot be written is refused before anything is computed
        with bar("Searching") as progress:
            ranking = screener.search(question, library, read_tested(screener, tested) if tested else None, progress)
        if out is not None:
            export_file(ranking, screener, out)
        if as_json:
            print_json(ranking_object(ranking))
            return
        print_table(
            f"{library}: {len(ranking.hits)} of {ranking.searched:,} molecules",
            ["rank", "score", "cosine", "percentile", "name", "smiles"],
            [(h.rank, h.score, h.cosine, h.percentile, h.molecule.name, h.molecule.key) for h in ranking.hits],
        )
        for sentence in (*sentences(ranking), *ranking.notes):
            say(sentence)


def ranking_object(ranking: Ranking) -> dict[str, object]:
    """Lay a ranking out for JSON, without the distribution of all scores."""
    return {
        "query": ranking.query,
        "library": ranking.library,
        "model_id": ranking.model_id,
        "searched": ranking.searched,
        "hits": [
            {
                "rank": hit.rank,
                "score": hit.score,
                "cosine": hit.cosine,
                "percentile": hit.percentile,
                "name": hit.molecule.name,
                "smiles": hit.molecule.key,
                "sources": [
                    {"row": source.row, "name": source.name, "properties": source.properties}
                    for source in hit.molecule.sources
                ],
            }
            for hit in ranking.hits
        ],
        "read": ranking.read,
        "narrowing": ranking.narrowing,
        "notes": ranking.notes,
    }


@app.command()
def describe(
    smiles: Annotated[str, typer.Argument(metavar="SMILES", help="The molecule.")],
    captions: Annotated[Path, typer.Option("--captions", help="Captions: a line each, or a CSV or TSV column.")],
    text_column: Annotated[str, typer.Option("--text-column", help="Column of a CSV or TSV file.")] = "text",
    k: Annotated[int, typer.Option("-k", help="How many captions.")] = 10,
    as_json: Json = False,
) -> None:
    """Find the captions of a file that describe SMILES best."""
    with answering(as_json):
        texts = read_captions(captions, text_column)
        matches = Screener().describe(smiles, texts, k)
        if as_json:
            print_json({"smiles": smiles, "captions_read": len(texts), "captions": matches})
            return
        print_table(
            f"The nearest of {len(texts):,} captions",
            ["rank", "score", "text"],
            [(match.rank, match.score, match.text) for match in matches],
        )


@app.command()
def explain(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The description.")],
    smiles: Annotated[str, typer.Argument(metavar="SMILES", help="The molecule.")],
    as_json: Json = False,
) -> None:
    """Show which words of QUERY and which atoms of SMILES make their score."""
    with answering(as_json):
        explanation = Screener().explain(query, smiles)
        if as_json:
            print_json(explanation)
            return
        say(f"Cosine {explanation.score:.3f}. {explanation.method}")
        print_table("Words", ["word", "weight"], [(word.word, word.weight) for word in explanation.words])
        print_table("Atoms", ["place in SMILES", "weight"], list(enumerate(explanation.atoms)))


@app.command()
def models(as_json: Json = False) -> None:
    """List the models that are installed, with their measured figures."""
    with answering(as_json):
        screener = Screener()
        cards = screener.models()
        if as_json:
            print_json({"in_use": screener.settings.model, "folder": screener.settings.models, "models": cards})
            return
        if not cards:
            say(f"There is no model in {screener.settings.models}: train one, or set MOLSEARCH_MODELS.")
        for card in cards:
            say(f"{card.name}  {card.model_id or card.text}  {card.trained_on}")
            if card.metrics:
                print_table(card.name, ["figure", "value"], [(name, float(v)) for name, v in card.metrics.items()])


@app.command()
def train(
    recipe: Annotated[str, typer.Option("--recipe", help="Name of a recipe (paper, default) or path of one.")],
    pairs: Annotated[Path, typer.Option("--pairs", help="Training pairs: TSV with smiles and text.")],
    val: Annotated[Path, typer.Option("--val", help="Validation pairs, to keep the best state.")],
    pool: Annotated[Path, typer.Option("--pool", help="Molecules to rank in validation: TSV with smiles.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the model.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped training stood.")] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="COLUMN=VALUE", help="Train on these rows, such as pcdes_split=train.")
    ] = "",
    without_names: Annotated[
        bool, typer.Option("--without-names", help="Learn from words alone: look up no structure and no class.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model by a recipe."""
    with answering(as_json):
        # Imported here, as below: serving never loads what only training needs.
        from molsearch.evaluation.text_only import train_without_names
        from molsearch.training.loop import train as with_names
        from molsearch.training.recipe import load_recipe
        from molsearch.training.selection import select

        run = train_without_names if without_names else with_names
        pairs = select(pairs, only, out / ".features" / "pairs.tsv") if only else pairs
        with bar("Training") as progress:
            folder = run(load_recipe(recipe), pairs, val, pool, out, resume, progress)
        if as_json:
            print_json({"model": folder})
            return
        say(f"The model is in {folder}.")


@app.command()
def odds(
    model: Annotated[Path, typer.Option("--model", help="Folder of the model; its weights file is written anew.")],
    pairs: Annotated[Path, typer.Option("--pairs", help="Training pairs: TSV with smiles and text.")],
    val: Annotated[Path, typer.Option("--val", help="Validation pairs, whose molecules are left out.")],
    roles: Annotated[
        int, typer.Option("--roles", min=0, help="Molecules that captions must give a role to; 0 teaches no roles.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Of what learns the roles.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure anew what named classes, parts and roles tell, as after a change of the class table."""
    with answering(as_json):
        from molsearch.training.refit import remeasure

        with bar("Measuring") as progress:
            model_id = remeasure(model, pairs, val, roles, seed, progress)
        if as_json:
            print_json({"model_id": model_id})
            return
        say(f"{model} now holds the odds and roles of {pairs.name}; its id is {model_id}.")


@app.command()
def reranker(
    model: Annotated[Path, typer.Option("--model", help="Folder of the model; the re-ranker is written into it.")],
    features: Annotated[Path, typer.Option("--features", help="Features of its training: OUT/.features.")],
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the captions.")] = 3,
    seed: Annotated[int, typer.Option("--seed", help="Of weights and draws.")] = 0,
    as_json: Json = False,
) -> None:
    """Teach a trained model to compare leading molecules a second time, words with atoms."""
    with answering(as_json):
        from molsearch.training.reranker import teach_reranker

        with bar("Teaching") as progress:
            written = teach_reranker(model, features, epochs, seed, progress)
        if as_json:
            print_json({"written": written})
            return
        say(f"The re-ranker is in {written}; the model's id and stored libraries stay as they are.")


app.command()(evaluate)
app.command()(figures)
app.command(name="names")(names_command)
app.command(name="repeat")(repeat_command)
app.command(name="embed")(embed_command)
app.command()(bench)
