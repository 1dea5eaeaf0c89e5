"""Valid files that the fuzzing starts from, written by the project's own writers or shipped with it."""

import hashlib
import html
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from molsearch.chem.io.export import write_excel, write_parquet
from molsearch.index.base import create_index
from molsearch.interpretation import Narrowing
from molsearch.model.config import DualConfig
from molsearch.model.folder import Parts, write_parts
from molsearch.pages.permalink import Permalink, fields_of
from molsearch.records import Entry, Molecule, Phrase, PropertyRange, Query
from molsearch.report.run import FORMAT, VERSION, Package, Place, RunManifest, Searched, digest
from molsearch.report.run_file import PAGE_END, PAGE_START, write_run
from molsearch.settings import PROJECT
from molsearch.workspace.basket import Basket, HitOrigin, Origin, Pick, Question, save
from tests.index.samples import WIDTH, batches, rejection

TIME = "2026-01-31T12:00:00+00:00"
BLOCK = """ethanol
  by hand

  3  2  0  0  0  0  0  0  0  0999 V2000
    1.5000    2.5000    0.0000 C   0  0
    2.5000    2.5000    0.0000 C   0  0
    3.5000    2.5000    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
"""
V3000 = """methanol
  by hand

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 2 1 0 0 0
M  V30 BEGIN ATOM
M  V30 1 C 0 0 0 0
M  V30 2 O 1.5 0 0 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 1 2
M  V30 END BOND
M  V30 END CTAB
M  END
"""
SDF = f"{BLOCK}> <CAS>  (1)\n64-17-5\n\n> <note>\ntwo\nlines\n\n$$$$\n{V3000}> <CAS>\n67-56-1\n\n$$$$\n"
SMI = "smiles name\nCCO ethanol\n# a note\nOC(=O)c1ccccc1O salicylic acid\n\nN[C@@H](C)C(=O)O\talanine\t3\n"
CSV = 'name,smiles,note\nethanol,CCO,"a ""quoted"" note"\nacid,CC(=O)O,"two\nlines"\nsalt,[Na+].[Cl-],\'=1+1\n'
TSV = CSV.replace(",", "\t")
PAIRS = "cid\tsmiles\ttext\n1\tCCO\tEthanol is a primary alcohol.\n2\tCC(=O)O\tAcetic acid is an acid, a solvent.\n"


def texts(suffix: str) -> list[bytes]:
    """Text files of structures for a suffix."""
    some = {".smi": [SMI, "CCO\nCCN\n"], ".csv": [CSV, CSV.replace(",", ";")], ".tsv": [TSV], ".sdf": [SDF, BLOCK]}
    some |= {".mol": [BLOCK, V3000], ".cxsmiles": ["CCO |$a;b;c$| ethanol\n"], ".txt": [SMI, CSV, SDF]}
    return [text.encode() for text in some[suffix]]


def parquets() -> list[bytes]:
    """Tables with a column of structures."""
    columns: list[dict[str, Any]] = [
        {"smiles": ["CCO", "CC(=O)O", None], "name": ["a", "b", "c"], "ic50": [1.5, None, 3.0]},
        {"mol": pa.array(["CCO", "C"]).dictionary_encode(), "tags": [["x"], []], "raw": [b"\xff\x00", b"a"]},
    ]
    return [_written(pa.table(one), "snappy") for one in columns] + [_written(pa.table(columns[0]), "none")]


def _written(table: Any, compression: str) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, compression=compression)
    return stream.getvalue()


def pairs() -> list[bytes]:
    """Tables of texts and structures."""
    return [PAIRS.encode(), PAIRS.replace(", ", " ").replace("\t", ",").encode()]


def recipes() -> list[bytes]:
    """The shipped recipes."""
    return [path.read_bytes() for path in sorted((PROJECT / "molsearch" / "training" / "recipes").glob("*.toml"))]


def model_files(name: str) -> list[bytes]:
    """A file of the shipped model."""
    return [(PROJECT / "models" / "default" / name).read_bytes()]


@cache
def model_folder() -> Path:
    """A model folder whose weights are one number: enough for reading its files."""
    folder = _folder() / "model"
    write_parts(folder, Parts(DualConfig(), {"one": torch.ones(2)}, {"water": "O"}))
    return folder


def weights() -> list[bytes]:
    """Weights in safetensors."""
    return [(model_folder() / "weights.safetensors").read_bytes()]


def baskets() -> list[bytes]:
    """Saved baskets, one with everything and one with nothing in it."""
    source = Entry(7, BLOCK, "molblock", "ethanol", {"batch": "A-1", "=cmd": "<b>x</b>"})
    pick = Pick(
        Molecule("CCO", "ethanol", (source,)), "mine", "m1", TIME, HitOrigin("an alcohol", 1, 0.75, 0.5, 100.0), "n"
    )
    other = Pick(Molecule("CC", "", (Entry(1, "CC", "smiles"),)), "mine", "m1", TIME, None, "")
    query = Query("an alcohol", 50, (PropertyRange("mass_da", None, 300.0),), "[OX2H]")
    full = Basket((pick, other), (Question(query, "mine", "m1", 3, TIME),), (Origin("mine", 3, "m1", "ab" * 32),))
    return [save(full, "m1"), save(Basket(), "m1")]


def links() -> list[bytes]:
    """Addresses of queries, from the question mark on."""
    query = Query(
        "an acid, without a sulfonamide",
        7,
        (PropertyRange("mass_da", None, 400.0), PropertyRange("logp", -5.0, 3.0)),
        "c1ccccc1",
        "Oc1ccccc1",
        exact_names=False,
        weight=0.75,
        phrases=(Phrase("a phenol", 0.5),),
        without=("caffeine",),
        allowed=("nothing",),
    )
    return [urlencode(fields_of(Permalink(one, "mine")), doseq=True).encode() for one in (query, Query("an ester"))]


def runs(suffix: str) -> list[bytes]:
    """A run manifest, alone or in an export of a kind."""
    hits = (Place("CCO", 0.5, 0.25), Place("CC", 0.25, 0.125))
    run = RunManifest(
        format=FORMAT,
        version=VERSION,
        made=TIME,
        query=Query("an alcohol", 2),
        tested=None,
        library=Searched("mine", "ab" * 32, 2, (), 0, 2),
        narrowing=Narrowing(2),
        scored=2,
        model="default",
        model_id="m1",
        threads=2,
        versions=(Package("rdkit", "1"),),
        notes=("a note",),
        digest=digest(hits),
        hits=hits,
    )
    text = write_run(run)
    if suffix == ".html":
        return [f"<html><body>{PAGE_START}{html.escape(text)}{PAGE_END}</body></html>".encode()]
    if suffix == ".json":
        return [text.encode()]
    stream = io.BytesIO()
    write = write_excel if suffix == ".xlsx" else write_parquet
    write([(Molecule("CCO", "a", (Entry(1, "CCO", "smiles"),)), {"rank": 1})], stream, text)
    return [stream.getvalue()]


@cache
def library_folder() -> Path:
    """A small stored library."""
    folder = _folder() / "library"
    create_index(folder, "library", "m1", WIDTH).add(batches(6, 3), [rejection(9)])
    return folder


def manifests() -> list[bytes]:
    """The manifest of a stored library."""
    return [(library_folder() / "manifest.json").read_bytes()]


def with_checksum(data: bytes) -> bytes:
    """Put the checksum of a manifest right, where it is one at all, so that a reader looks behind it."""
    try:
        body = json.loads(data)
        layout = body.pop("format")
        body.pop("checksum")
        text = json.dumps(body, sort_keys=True)
        return json.dumps({"format": layout, **body, "checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return data


def tables() -> list[bytes]:
    """The table of molecules of a stored library."""
    return [_table(library_folder()).read_bytes()]


def replace_table(folder: Path, data: bytes) -> None:
    """Write other bytes for the table of molecules, with size and hash put right in the manifest."""
    path = _table(folder)
    path.write_bytes(data)
    body = json.loads((folder / "manifest.json").read_bytes())
    for segment in body["segments"]:
        for part in segment["parts"]:
            if part["file"] == path.name:
                part |= {"start": 0, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_bytes(with_checksum(json.dumps(body).encode()))


def _table(folder: Path) -> Path:
    return min(folder.glob("molecules-*.arrow"))


def names() -> list[bytes]:
    """Names of libraries and files that lead astray on one platform or another."""
    some = [
        "mine.smi",
        "../../etc/passwd.csv",
        "/absolute.sdf",
        "C:\\x.sdf.gz",
        "con.csv",
        "aux",
        "nul.",
        "LPT1",
        "COM9",
    ]
    some += ["a" * 300, "é" * 90, "\u202etxt.smi", ".", "..", "~", "a\x00b.csv", "a\nb", "-rf", "%2e%2e%2f", "𝕬", " "]
    return [name.encode() for name in some]


def ranks() -> list[bytes]:
    """A rank file."""
    return [b"row\tsmiles\ttext_rank\tmolecule_rank\tall\n1\tC\t1\t2\t1\n2\tCC\t2.5\t3.5\t0\n"]


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="molsearch-seeds-")
    _KEPT.append(folder)
    return Path(folder.name)
