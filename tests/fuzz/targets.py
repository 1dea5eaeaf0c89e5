"""Every reader of files of unknown origin, each with real seeds and with what must hold whatever the bytes are.

A check returns where the reader read the bytes or refused them with a sentence, and raises where it did anything else.
"""

import gzip
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from molsearch.chem.io.formats import format_of, read_entries
from molsearch.chem.io.library import ReadOptions, read_library
from molsearch.chem.io.pairs import PairLimits, pair_columns, read_pair_file, read_pairs
from molsearch.cli.options import read_captions
from molsearch.errors import MolsearchError
from molsearch.evaluation.rank_file import read_ranks
from molsearch.index.base import open_index
from molsearch.index.naming import library_folder, library_name
from molsearch.model.card import read_card
from molsearch.model.config import read_config
from molsearch.model.folder import Parts, read_parts
from molsearch.pages.permalink import address, read_link
from molsearch.records import Molecule, Rejection
from molsearch.report.run_file import find_run, read_run, write_run
from molsearch.search.calibration import read_calibration
from molsearch.training.recipe import load_recipe
from molsearch.workspace.basket import open_saved
from tests.fuzz import seeds

MOST_CPU_S = 5.0  # of one case; the slowest honest one takes a tenth
OPTIONS = ReadOptions(timeout_s=0, max_atoms=60, max_record_bytes=20_000)


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        check: Reads bytes and asserts.
        seeds: Makes valid files to start from.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


@contextmanager
def judged() -> Iterator[None]:
    """Let a refusal in one sentence pass, and measure the time."""
    started = time.process_time()
    try:
        yield
    except MolsearchError as error:
        told = str(error)
        assert len(told) > 20, told
        assert told.rstrip()[-1] in ".!?…’'\"”)", told
    spent = time.process_time() - started
    assert spent < MOST_CPU_S, f"it took {spent:.1f} s"


@cache
def scratch() -> Path:
    """A folder for readers that want a path; it goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="molsearch-fuzz-")
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


def placed(name: str, data: bytes) -> Path:
    """Write a file into the scratch folder."""
    path = scratch() / name
    path.write_bytes(data)
    return path


def check_entries(filename: str) -> Callable[[bytes], None]:
    """Records are numbered from 1 without a gap, and an SD file has as many as it has ends of records."""

    def check(data: bytes) -> None:
        with judged():
            records = list(read_entries(io.BytesIO(data), filename, OPTIONS))
            rows = [one.entry.row if isinstance(one, Rejection) else one.row for one in records]
            assert rows == list(range(1, len(rows) + 1)), "a record number is missing or repeated"
            assert rows, "a file without a record was not refused"

    return check


def check_library(filename: str) -> Callable[[bytes], None]:
    """Every record that is read becomes the source of a molecule or a rejection, once."""

    def check(data: bytes) -> None:
        with judged():
            with read_library(io.BytesIO(data), filename=filename, options=OPTIONS) as library:
                sources = [entry.row for one in library.molecules() for entry in one.sources]
                lost = [one.entry.row for one in library.rejections()]
            assert sorted(sources + lost) == list(range(1, library.records + 1))
            assert library.rejection_count == len(lost)
            read = list(read_entries(io.BytesIO(data), filename, OPTIONS))
            assert len(read) == library.records

    return check


def check_pairs(data: bytes) -> None:
    """All rows of a table of pairs are counted once."""
    with judged():
        columns = pair_columns(io.BytesIO(data), "pairs.csv")
        text, structure = columns.text or columns.names[0], columns.structure or columns.names[-1]
        found = read_pair_file(
            io.BytesIO(data), "pairs.csv", text, structure, options=OPTIONS, limits=PairLimits(pairs=50, chars=2_000)
        )
        counted = found.incomplete + found.oversized + found.beyond + len(found.unreadable) + len(found.pairs)
        assert counted == found.rows


def check_training_pairs(data: bytes) -> None:
    with judged():
        table = read_pairs(placed("pairs.tsv", data))
        assert all(row.smiles for row in table.rows)


def check_recipe(data: bytes) -> None:
    with judged():
        load_recipe(str(placed("recipe.toml", data)))


def check_config(data: bytes) -> None:
    with judged():
        read_config(data.decode("utf-8", "replace"))


def model_part(name: str) -> Callable[[bytes], None]:
    """One file of a model folder is damaged, the others are whole."""

    def check(data: bytes) -> None:
        folder = seeds.model_folder()
        whole = (folder / name).read_bytes() if (folder / name).is_file() else None
        (folder / name).write_bytes(data)
        try:
            with judged():
                assert isinstance(read_parts(folder), Parts)
                read_calibration(folder)
                read_card(folder, "id")
        finally:
            if whole is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(whole)

    return check


def check_basket(data: bytes) -> None:
    with judged():
        basket = open_saved(data, replace(OPTIONS, max_atoms=200), 10_000)
        assert len(basket.keys) == len(basket.picks)


def check_link(data: bytes) -> None:
    with judged():
        link = read_link(parse_qs(data.decode("utf-8", "replace"), keep_blank_values=True))
        # What was read can be written and reads the same again.
        assert read_link(parse_qs(address("x", link).partition("?")[2], keep_blank_values=True)) == link


def check_run(suffix: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        with judged():
            run = find_run(placed(f"run{suffix}", data))
            assert read_run(write_run(run)) == run

    return check


def check_manifest(data: bytes) -> None:
    """A library whose manifest is anything, its checksum put right where that can be: a library, or a refusal."""
    folder = seeds.library_folder()
    whole = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(seeds.with_checksum(data))
    try:
        with judged():
            index = open_index(folder, None)
            index.verify()
            assert len(list(index.iter_molecules())) == index.info.molecules
            list(index.rejections())
    finally:
        (folder / "manifest.json").write_bytes(whole)


def check_table(data: bytes) -> None:
    """A library whose table of molecules is anything, its hashes put right."""
    folder = seeds.library_folder()
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    seeds.replace_table(folder, data)
    try:
        with judged():
            index = open_index(folder, None)
            for one in index.iter_molecules():
                assert isinstance(one, Molecule)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def check_name(data: bytes) -> None:
    """A library's folder lies in its home, whatever the name, and gives the name back."""
    name = data.decode("utf-8", "surrogateescape")
    home = Path("/home/of/libraries")
    with judged():
        folder = library_folder(home, name)
        assert folder.parent == home
        assert library_name(folder.name) == name
        assert len(folder.name.encode()) < 256
        assert folder.name.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1", "", ".."}


def check_ranks(data: bytes) -> None:
    with judged():
        read_ranks(placed("ranks.tsv", data))


def check_captions(data: bytes) -> None:
    for suffix in (".csv", ".tsv", ".txt"):
        with judged():
            assert all(caption.strip() for caption in read_captions(placed(f"captions{suffix}", data), "text"))


def check_suffix(data: bytes) -> None:
    """Any name of a file has a format that is read, or a refusal."""
    with judged():
        assert format_of(data.decode("utf-8", "surrogateescape")).read is not None


_TEXTS = (".smi", ".csv", ".tsv", ".sdf", ".mol", ".txt", ".cxsmiles")

TARGETS: Mapping[str, Target] = {
    **{suffix[1:]: Target(check_entries(f"a{suffix}"), lambda s=suffix: seeds.texts(s)) for suffix in _TEXTS},
    "sdf.gz": Target(check_entries("a.sdf.gz"), lambda: [gzip.compress(one, mtime=0) for one in seeds.texts(".sdf")]),
    "parquet": Target(check_entries("a.parquet"), seeds.parquets),
    "library smi": Target(check_library("a.smi"), lambda: seeds.texts(".smi")),
    "library csv": Target(check_library("a.csv"), lambda: seeds.texts(".csv")),
    "library sdf": Target(check_library("a.sdf"), lambda: seeds.texts(".sdf")),
    "pairs": Target(check_pairs, seeds.pairs),
    "training pairs": Target(check_training_pairs, seeds.pairs),
    "recipe": Target(check_recipe, seeds.recipes),
    "model.toml": Target(check_config, lambda: seeds.model_files("model.toml")),
    "lexicon": Target(model_part("lexicon.json"), lambda: [b'{"aspirin": "CC(=O)Oc1ccccc1C(=O)O", "water": "O"}']),
    "roles": Target(model_part("roles.json"), lambda: [b'["herbicide", "antibacterial agent"]']),
    "metrics": Target(model_part("metrics.json"), lambda: seeds.model_files("metrics.json")),
    "card": Target(model_part("CARD.md"), lambda: [b"# A card\n"]),
    "calibration": Target(model_part("calibration.toml"), lambda: seeds.model_files("calibration.toml")),
    "weights": Target(model_part("weights.safetensors"), seeds.weights),
    "basket": Target(check_basket, seeds.baskets),
    "link": Target(check_link, seeds.links),
    "run": Target(check_run(".json"), lambda: seeds.runs(".json")),
    "run html": Target(check_run(".html"), lambda: seeds.runs(".html")),
    "run xlsx": Target(check_run(".xlsx"), lambda: seeds.runs(".xlsx")),
    "run parquet": Target(check_run(".parquet"), lambda: seeds.runs(".parquet")),
    "manifest": Target(check_manifest, seeds.manifests),
    "table": Target(check_table, seeds.tables),
    "name": Target(check_name, seeds.names),
    "suffix": Target(check_suffix, seeds.names),
    "ranks": Target(check_ranks, seeds.ranks),
    "captions": Target(check_captions, seeds.pairs),
}
