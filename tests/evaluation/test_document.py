"""Figures from files to documents: what is measured is written, once, and README and model folder agree."""

import shutil
from pathlib import Path

import pytest

from molsearch.errors import InputError
from molsearch.evaluation.document import Circumstances, Measurement, record, rewrite_documents
from molsearch.evaluation.figure_tables import read_metrics
from molsearch.evaluation.registry import TABLES
from molsearch.model.card import METRICS, read_card
from molsearch.model.folder import folder_id
from molsearch.settings import Settings

WHEN = Circumstances("2026-11-24", "a machine")
MEASURED = [name for name, protocol in TABLES.items() if not protocol.needs and name != "times"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the four files, 66 alcohols long."""
    folder = tmp_path_factory.mktemp("data")

    def write(name: str, *lines: str) -> None:
        (folder / name).write_text("\n".join(lines) + "\n")

    def caption(n: int) -> str:
        return f"is alcohol number {n}. It has a role as {'an antifreeze' if n % 5 else 'a fuel'}."

    chains = [(n, f"{'C' * n}O", f"KEY{n:011d}-UHFFFAOYSA-N") for n in range(1, 67)]
    write("chebi20_pool.tsv", "cid\tsmiles", *(f"{n}\t{smiles}" for n, smiles, _ in chains), "67\tCCN")
    write(
        "chebi20_val.tsv",
        "cid\tinchikey\tsmiles\ttext\ttext_named",
        *(f"{n}\t{key}\t{smiles}\tThe molecule {caption(n)}\tAlkanol {n} {caption(n)}" for n, smiles, key in chains),
    )
    write(
        "pcdes_val.tsv", "inchikey\tsmiles\ttext", *(f"{key}\t{smiles}\tit {caption(n)}" for n, smiles, key in chains)
    )
    write("train_pairs.tsv", "inchikey\tsmiles\ttext", f"{chains[0][2]}\tCO\tThe molecule is wood spirit.")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Path:
    """A copy of the tiny model's folder, to write into."""
    return Path(shutil.copytree(tiny_models / "default", tmp_path_factory.mktemp("figures") / "model"))


@pytest.fixture(scope="module")
def measured(folder: Path, data: Path) -> Path:
    """That folder after every table that needs no library was measured."""
    run = Measurement(folder, data, None, Settings().data / "eval", baselines={"words alone": folder})
    for name in MEASURED:
        record(folder, name, TABLES[name].figures(run), WHEN)
    return folder


@pytest.mark.slow
def test_every_table_has_its_figures_and_the_model_they_belong_to(measured: Path) -> None:
    tables = read_metrics(measured / METRICS)["tables"]
    assert set(tables) == set(MEASURED)
    assert {table["model_id"] for table in tables.values()} == {folder_id(measured)}
    assert tables["retrieval"]["pool"] == 67 and tables["slices"]["texts"]["masked"]["all"]["n"] == 66
    assert tables["slices"]["texts"]["named"]["own name not in the text"]["n"] == 0
    assert tables["slices"]["texts"]["masked"]["skeleton not in training"]["n"] == 65
    assert tables["roles"]["queries"] == 2 and tables["pcdes"]["models"]["all pairs (this model)"]["pool"] == 66
    assert len(tables["baselines"]["texts"]["named"]) == 5


@pytest.mark.slow
def test_the_model_card_reads_the_same_figures(measured: Path) -> None:
    card = read_card(measured, "x")
    slices = read_metrics(measured / METRICS)["tables"]["slices"]["texts"]
    for text in ("masked", "named"):
        figure = slices[text]["all"]["text_to_molecule"]["hits@1"]
        assert card.metrics[f"ChEBI-20 val, {text}, text_to_molecule hits@1"] == figure


@pytest.mark.slow
def test_the_shipped_baseline_is_the_model_itself(measured: Path) -> None:
    tables = read_metrics(measured / METRICS)["tables"]
    own = tables["baselines"]["texts"]["masked"]["this model"]["text_to_molecule"]
    assert own == tables["retrieval"]["texts"]["masked"]["all"]["text_to_molecule"]
    assert "behind" not in tables["baselines"]["texts"]["masked"]["this model"]


@pytest.mark.slow
def test_documents_are_written_once(measured: Path, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(
        "".join(f"# {name}\n<!-- figures: {name} -->\n<!-- /figures -->\n" for name in [*MEASURED, "queries"])
    )
    assert rewrite_documents(measured, [document]) == [document]
    text = document.read_text()
    assert text.count("Measured 2026-11-24, a machine.") == len(MEASURED)
    assert rewrite_documents(measured, [document]) == []


@pytest.mark.slow
def test_measuring_again_gives_the_same_figures(measured: Path, data: Path) -> None:
    before = (measured / METRICS).read_text()
    run = Measurement(measured, data, None, Settings().data / "eval")
    for name in ("retrieval", "misses"):
        record(measured, name, TABLES[name].figures(run), WHEN)
    assert (measured / METRICS).read_text() == before


def test_times_are_those_that_the_command_takes(folder: Path, data: Path) -> None:
    def latencies(model: object, evaluation: Path, captions: Path, seed: int) -> dict[str, dict[str, int]]:
        return {f"{captions.name}, {seed}": {"both": 7}}

    run = Measurement(folder, data, None, Settings().data / "eval", seed=5, latencies=latencies)
    assert TABLES["times"].figures(run)["kinds"] == {"chebi20_val.tsv, 5": {"both": 7}}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("times", "molsearch figures"),
        ("queries", "--libraries DIR"),
        ("learning curve", "--learning-curve DIR"),
        ("ablation", "--ablation DIR"),
    ],
)
def test_a_table_whose_files_are_missing_says_what_to_give(folder: Path, data: Path, name: str, option: str) -> None:
    with pytest.raises(InputError, match=option):
        TABLES[name].figures(Measurement(folder, data, None, Settings().data / "eval"))
