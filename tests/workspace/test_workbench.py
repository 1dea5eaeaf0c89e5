"""The workbench end to end: what a session picks out of its rankings, maps, saves and exports."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from molsearch.errors import InputError, LibraryError
from molsearch.records import Query, Ranking
from molsearch.screener import Screener
from molsearch.settings import Settings
from molsearch.workspace.basket import Basket, pick_of, question_of
from molsearch.workspace.workbench import Workbench

PASTED = "CCCCCCO hexanol\nCCCCCCCO heptanol\nNS(=O)(=O)c1ccc(N)cc1 sulfanilamide\nCCO =ethanol\n"


@pytest.fixture
def bench(tmp_path: Path, tiny_models: Path) -> Workbench:
    """A session with the private library "mine"."""
    (tmp_path / "data").mkdir()
    bench = Workbench(Screener(Settings(home=tmp_path / "home", models=tiny_models, data=tmp_path / "data")))
    bench.add(bench.read_text(PASTED), "mine")
    return bench


@pytest.fixture
def ranking(bench: Workbench) -> Ranking:
    return bench.search(Query("an alcohol"), "mine")


@pytest.fixture
def basket(bench: Workbench, ranking: Ranking) -> Basket:
    """All hits, the first with a note."""
    origin = bench.origin("mine")
    basket = (
        Basket().remember(question_of(ranking), origin).add([pick_of(hit, ranking) for hit in ranking.hits], origin)
    )
    return basket.annotate(ranking.hits[0].molecule.key, "=first")


def test_a_pick_knows_where_it_came_from(ranking: Ranking, basket: Basket) -> None:
    hit, pick = ranking.hits[1], basket.picks[1]
    assert pick.found is not None
    assert (pick.molecule, pick.library, pick.model_id) == (hit.molecule, "mine", ranking.model_id)
    assert (pick.found.text, pick.found.rank, pick.found.score) == ("an alcohol", 2, hit.score)


def test_a_basket_outlives_its_library(bench: Workbench, basket: Basket) -> None:
    bench.remove("mine")
    assert bench.open_basket(bench.save_basket(basket)) == basket
    bench.export_basket(basket, ".sdf", stream := BytesIO())
    assert stream.getvalue().count(b"$$$$") == 4


def test_the_saved_library_is_known_by_its_hash(bench: Workbench, basket: Basket) -> None:
    (origin,) = basket.origins
    assert (origin.name, origin.molecules) == ("mine", 4)
    bench.add(bench.read_text("CCN"), "mine")
    assert bench.origin("mine").sha256 != origin.sha256


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_tables_hold_every_pick_with_rank_model_and_note(bench: Workbench, basket: Basket, suffix: str) -> None:
    bench.export_basket(basket, suffix, stream := BytesIO())
    read = {".csv": pd.read_csv, ".xlsx": pd.read_excel, ".parquet": pd.read_parquet}[suffix]
    table = read(BytesIO(stream.getvalue()))
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert set(table["model_id"]) == {basket.picks[0].model_id} and set(table["library"]) == {"mine"}
    assert table["note"][0] == ("'=first" if suffix == ".csv" else "=first")
    assert set(table["smiles"]) == basket.keys


@pytest.mark.parametrize("suffix", [".smi", ".exe", ""])
def test_a_kind_of_file_that_is_not_written_is_a_sentence(bench: Workbench, basket: Basket, suffix: str) -> None:
    with pytest.raises(InputError, match="choose one of"):
        bench.export_basket(basket, suffix, BytesIO())


def test_picks_and_clusters_of_a_ranking(bench: Workbench, ranking: Ranking) -> None:
    molecules = sorted((hit.molecule for hit in ranking.hits), key=lambda one: one.name)
    names = [one.name for one in molecules]
    assert names[bench.diverse(molecules, 2)[1]] == "sulfanilamide"  # far from ethanol, which stands first
    largest = bench.clusters(molecules, 0.6)[0]
    assert {names[member] for member in largest.members} == {"hexanol", "heptanol"}


def test_the_map_has_a_place_for_each_molecule_and_is_made_once(bench: Workbench) -> None:
    space = bench.chemspace("mine")
    assert space.points.shape == (4, 2)
    assert bench.chemspace("mine") is space
    bench.add(bench.read_text("CCN"), "mine")
    assert bench.chemspace("mine").points.shape == (5, 2)


def test_rows_and_molecules_of_a_library_agree(bench: Workbench, ranking: Ranking) -> None:
    keys = [hit.molecule.key for hit in ranking.hits]
    rows = bench.rows_of("mine", [*keys, "not here"])
    assert [one.key for one in bench.molecules_at("mine", [rows[key] for key in keys])] == keys
    assert "not here" not in rows


def test_the_map_of_a_library_that_is_gone_is_a_sentence(bench: Workbench) -> None:
    with pytest.raises(LibraryError):
        bench.chemspace("nothing")


def test_a_question_is_kept_with_its_filters(bench: Workbench, ranking: Ranking) -> None:
    asked = question_of(replace(ranking, query=replace(ranking.query, smarts="O")))
    assert bench.open_basket(bench.save_basket(Basket().remember(asked))).asked == (asked,)
