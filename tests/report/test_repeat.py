"""A ranking is repeated from its manifest, to the last bit, by another process; what differs is named."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from molsearch.cli.main import app
from molsearch.errors import InputError, ModelError
from molsearch.records import Phrase, PropertyRange, Query
from molsearch.report.exports import EXPORTS, RUN_SUFFIX, export_file
from molsearch.report.repeat import repeat
from molsearch.report.run import Place, RunManifest, digest, first_difference, run_of
from molsearch.report.run_file import find_run, read_run, write_run
from molsearch.screener import Screener
from molsearch.serialization import dump, load
from molsearch.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FILE = """smiles,name,assay
CC(=O)Oc1ccccc1C(=O)O,aspirin,1.5
OC(=O)c1ccccc1O,salicylic acid,2
CCO,ethanol,2.5
OCC,alcohol,2.6
Nc1ccc(S(N)(=O)=O)cc1,sulfanilamide,3.5
CN1C=NC2=C1C(=O)N(C(=O)N2C)C,caffeine,4
C1CC,broken,5
"""
# Every field away from its default, so that a field that is lost is seen.
QUERY = Query(
    text="an acid used against pain, without a sulfonamide",
    k=4,
    ranges=(PropertyRange("mass_da", None, 400.0), PropertyRange("logp", -5.0, None)),
    smarts="c1ccccc1",
    reference="Oc1ccccc1",
    exact_names=False,
    weight=0.75,
    phrases=(Phrase("a phenol", 0.5),),
    without=("caffeine",),
    allowed=("nothing of the sort",),
)


@dataclass(frozen=True)
class Home:
    """A folder with a library "drugs" of FILE, and the screener that holds it."""

    folder: Path
    screener: Screener

    @property
    def file(self) -> Path:
        return self.folder / "drugs.csv"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("repeat")
    (folder / "drugs.csv").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLSEARCH_HOME", str(folder / "home"))
        patch.setenv("MOLSEARCH_MODELS", str(tiny_models))
        patch.delenv("MOLSEARCH_MODEL", raising=False)
        screener = Screener(replace(Settings(), data=folder / "no examples"))
        with screener.read(folder / "drugs.csv") as library:
            screener.add(library, "drugs")
        yield Home(folder, screener)


@pytest.fixture(scope="module")
def run(home: Home) -> RunManifest:
    return run_of(home.screener.search(QUERY, "drugs"), home.screener)


def command(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


# --- the manifest ------------------------------------------------------------------------------------------------


def test_every_field_of_a_query_is_away_from_its_default_here() -> None:
    usual = Query("")
    same = [field.name for field in fields(Query) if getattr(QUERY, field.name) == getattr(usual, field.name)]
    assert [name for name in same if field_of(name).type not in ("bool", bool)] == []


def field_of(name: str) -> "dataclasses.Field[Any]":
    return next(field for field in fields(Query) if field.name == name)


@pytest.mark.parametrize("name", [field.name for field in fields(Query)])
def test_every_field_of_a_query_survives_the_round_trip(name: str) -> None:
    for query in (QUERY, flipped(QUERY)):
        assert getattr(load(Query, dump(query)), name) == getattr(query, name)


def flipped(query: Query) -> Query:
    """The query with every truth value turned round, so that one that is lost is seen."""
    values = {field.name: getattr(query, field.name) for field in fields(query)}
    return replace(query, **{name: not value for name, value in values.items() if isinstance(value, bool)})


def test_a_manifest_is_read_as_it_was_written(run: RunManifest) -> None:
    assert read_run(write_run(run)) == run


def test_a_manifest_says_what_was_asked_of_what_and_by_what(run: RunManifest, home: Home) -> None:
    told = json.loads(write_run(run))
    assert told["query"]["text"] == QUERY.text
    assert told["model_id"] == home.screener.card().model_id
    assert (told["library"]["records"], told["library"]["repeats"], told["library"]["molecules"]) == (7, 1, 5)
    assert told["library"]["rejected"] == [{"what": "unreadable", "records": 1}]
    assert {package["name"] for package in told["versions"]} >= {"molsearch", "python", "rdkit", "torch"}
    assert len(told["library"]["sha256"]) == len(told["digest"]) == 64


def test_scores_survive_as_the_same_float32(run: RunManifest) -> None:
    again = read_run(write_run(run))
    kept = np.array([hit.score for hit in run.hits], np.float32)
    assert kept.tobytes() == np.array([hit.score for hit in again.hits], np.float32).tobytes()
    assert [float(score) for score in kept] == [hit.score for hit in run.hits]


def test_the_counts_lead_from_records_to_hits(run: RunManifest) -> None:
    left = [run.narrowing.molecules, *(step.left for step in run.narrowing.steps)]
    assert left[0] == run.library.molecules == 5
    assert left[-1] == run.scored == len(run.hits)
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "other"}, "no run manifest"),
        ({"version": 2}, "version 2"),
        ({"digest": "0" * 64}, "was changed"),
        ({"unheard": 1}, "unknown field"),
        ({"query": {"text": 1}}, "expected a text"),
        ({"threads": "many"}, "expected a whole number"),
    ],
)
def test_a_manifest_that_was_changed_is_refused_in_a_sentence(
    run: RunManifest, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_run(json.dumps(json.loads(write_run(run)) | change))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": NaN}', "[" * 100_000])
def test_what_is_no_manifest_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        read_run(text)


def test_a_digest_hangs_on_every_bit_and_on_the_order() -> None:
    one, two = Place("CCO", 0.5, 0.25), Place("CC", 0.25, 0.5)
    nudged = Place("CCO", float(np.nextafter(np.float32(0.5), np.float32(1))), 0.25)
    assert len({digest((one, two)), digest((two, one)), digest((nudged, two)), digest((one,))}) == 4


@pytest.mark.parametrize(
    ("other", "rank"),
    [
        ((Place("C", 0.5, 0.5), Place("CC", 0.25, 0.25)), None),
        ((Place("C", 0.5, 0.5), Place("CC", 0.25000003, 0.25)), 2),
        ((Place("O", 0.5, 0.5), Place("CC", 0.25, 0.25)), 1),
        ((Place("C", 0.5, 0.5),), 2),
    ],
)
def test_the_first_rank_that_differs_is_named(other: tuple[Place, ...], rank: int | None) -> None:
    assert first_difference((Place("C", 0.5, 0.5), Place("CC", 0.25, 0.25)), other) == rank


# --- the repetition ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_process_makes_the_same_ranking_of_the_file(home: Home, tmp_path: Path) -> None:
    """The whole way: filters, exclusions, phrases, a reference and tested compounds, with another count of threads."""
    with home.screener.read_text("CCO\nOC(=O)c1ccccc1O") as listed:
        tested = home.screener.tested(listed)
    ranking = home.screener.search(QUERY, "drugs", tested)
    assert ranking.hits
    export_file(ranking, home.screener, tmp_path / "hits.sdf")
    words = ("repeat", str(tmp_path / f"hits.sdf{RUN_SUFFIX}"), "--file", str(home.file), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "molsearch", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["repetition"]
    assert told["same"] and told["same_library"]
    assert told["digest"] == run_of(ranking, home.screener).digest


@pytest.mark.parametrize("suffix", EXPORTS)
def test_every_export_carries_its_manifest_or_has_it_beside(
    home: Home, run: RunManifest, tmp_path: Path, suffix: str
) -> None:
    ranking = home.screener.search(QUERY, "drugs")
    files = export_file(ranking, home.screener, tmp_path / f"hits{suffix}")
    found = find_run(files[-1])
    assert len(files) == (1 if EXPORTS[suffix].holds_run else 2)
    assert replace(found, made="") == replace(run, made="")


def test_the_same_library_repeats_the_ranking(home: Home, run: RunManifest) -> None:
    made = repeat(run, home.screener, "drugs")
    assert made.same and made.same_library and made.status == 0
    assert "same bit for bit" in made.sentences[0]


def test_an_export_of_an_old_ranking_says_that_its_library_has_changed(home: Home, run: RunManifest) -> None:
    screener = home.screener
    with screener.read_text("CCCO propanol") as library:
        screener.add(library, "growing")
        ranking = screener.search(Query("an alcohol"), "growing")
    with screener.read_text("CCCCO butanol") as library:
        screener.add(library, "growing")
    late = run_of(ranking, screener)
    assert "was changed since" in late.notes[-1]
    made = repeat(late, screener, "growing")
    assert not made.same_library and made.status == 4
    screener.remove("growing")
    assert "was removed since" in run_of(ranking, screener).notes[-1]


def test_another_library_is_named_with_the_first_rank_that_differs(home: Home, run: RunManifest) -> None:
    with home.screener.read_text("c1ccccc1O phenol\nCc1ccccc1 toluene") as library:
        home.screener.add(library, "others")
    made = repeat(run, home.screener, "others")
    assert (made.same, made.same_library, made.status, made.first_difference) == (False, False, 4, 1)
    assert any("5 molecules then, 2 now" in sentence for sentence in made.sentences)
    home.screener.remove("others")


def test_another_bit_of_a_score_is_another_ranking(home: Home, run: RunManifest) -> None:
    last = run.hits[-1]
    off = replace(last, score=float(np.nextafter(np.float32(last.score), np.float32(9))))
    changed = replace(run, hits=(*run.hits[:-1], off))
    made = repeat(changed, home.screener, "drugs")
    assert (made.same, made.status, made.first_difference) == (False, 5, len(run.hits))
    assert any("order are the same" in sentence for sentence in made.sentences)


def test_other_versions_are_named_but_decide_nothing(home: Home, run: RunManifest) -> None:
    old = tuple(replace(one, version="1999") if one.name == "rdkit" else one for one in run.versions)
    made = repeat(replace(run, versions=old), home.screener, "drugs")
    assert made.status == 0
    assert "rdkit 1999 then" in made.sentences[-1]


def test_another_model_is_refused_by_name(home: Home, run: RunManifest) -> None:
    with pytest.raises(ModelError, match="Another model answered: the manifest names model other"):
        repeat(replace(run, model_id="other"), home.screener, "drugs")


def test_a_repetition_runs_on_the_threads_of_the_manifest(home: Home, run: RunManifest) -> None:
    before = torch.get_num_threads()
    try:
        repeat(replace(run, threads=before + 1), home.screener, "drugs")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [0, -1, 10**6])
def test_a_count_of_threads_that_no_machine_has_is_refused(home: Home, run: RunManifest, threads: int) -> None:
    with pytest.raises(InputError, match="threads"):
        repeat(replace(run, threads=threads), home.screener, "drugs")


def test_a_tested_list_that_is_only_hashed_must_be_given(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molsearch.report.run.MAX_TESTED", 0)
    with home.screener.read_text("CCO") as listed:
        tested = home.screener.tested(listed)
    run = run_of(home.screener.search(Query("a drug"), "drugs", tested), home.screener)
    with pytest.raises(InputError, match="--tested FILE"):
        repeat(run, home.screener, "drugs")
    assert repeat(run, home.screener, "drugs", tested).status == 0


# --- the command -------------------------------------------------------------------------------------------------


def test_search_exports_and_repeat_repeats(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "hits.xlsx"
    asked = ("search", "an acid", "--library", "drugs", "--range", "logp=:3", "--without", "caffeine")
    assert command(*asked, "--export", out).exit_code == 0
    done = command("repeat", out)
    assert done.exit_code == 0, done.stderr
    assert "same bit for bit" in done.stderr


@pytest.mark.parametrize(
    ("change", "status"),
    [({"model_id": "other"}, 3), ({"library": "gone"}, 4), ({"hits": ()}, 5), ({"threads": 0}, 2)],
)
def test_each_difference_has_its_exit_status(
    home: Home, run: RunManifest, tmp_path: Path, change: dict[str, Any], status: int
) -> None:
    changed = replace(run, **change) if "library" not in change else replace(run, library=gone(run))
    changed = replace(changed, digest=digest(changed.hits))
    (tmp_path / "run.json").write_text(write_run(changed))
    done = command("repeat", tmp_path / "run.json", "--json")
    assert done.exit_code == status, done.stderr
    assert json.loads(done.stdout)


def gone(run: RunManifest) -> Any:
    return replace(run.library, name="gone")


@pytest.mark.parametrize("name", ["a.json", "a.html", "a.xlsx", "a.parquet", "a.txt"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe\x00", b"PK\x03\x04junk"])
def test_a_file_that_holds_no_manifest_is_a_sentence(home: Home, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    done = command("repeat", tmp_path / name)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
