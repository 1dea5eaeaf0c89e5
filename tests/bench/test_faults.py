"""Full disks, folders that cannot be written and models copied by half: a sentence, and every library as it was."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from molsearch.bench.faults import contents, measure_faults
from molsearch.cli.main import app
from molsearch.errors import InputError, LibraryError, ModelError, MolsearchError
from molsearch.index.base import open_index
from molsearch.model.dual import DualEncoder
from molsearch.records import Query
from molsearch.screener import Screener
from molsearch.settings import Settings

LINES = ["C" * (number % 40 + 1) + "N" * (number // 40 + 1) + "O" for number in range(120)]
MORE = "\n".join(LINES)
PAGE = 4096
DISK = 2 << 20  # bytes


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that this test fills")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mount.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def screener(disk: Path, tmp_path: Path, tiny_models: Path) -> Screener:
    """A screener whose libraries lie on the small disk, with one, "drugs"."""
    (tmp_path / "data").mkdir()
    settings = Settings(home=disk, models=tiny_models, model="default", data=tmp_path / "data")
    screener = Screener(replace(settings, batch_molecules=30))
    screener.add(screener.read_text("CCO\nCCN\nc1ccccc1"), "drugs")
    return screener


def fill(disk: Path, free: int) -> Path:
    """Leave so many bytes of the disk free."""
    filler = disk / "filler"
    size = shutil.disk_usage(disk).free - free
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, size)
    return filler


@pytest.mark.slow
def test_wherever_the_disk_fills_up_the_library_stands_and_the_addition_goes_on(screener: Screener, disk: Path) -> None:
    drugs = screener.settings.libraries / "drugs"
    before = contents(drugs)
    shutil.copytree(drugs, disk / "copy")
    with screener.read_text(MORE) as library:
        screener.add(library, "drugs")
        after = contents(drugs)
        sentences = set()
        for free in [*range(0, 40 * PAGE, 2 * PAGE), *range(40 * PAGE, 90 * PAGE, 10 * PAGE)]:
            screener.remove("drugs")
            shutil.copytree(disk / "copy", drugs)
            filler = fill(disk, free)
            try:
                screener.add(library, "drugs")
                filler.unlink()
            except MolsearchError as error:
                sentences.add(str(error).partition(":")[0])
                assert "No space left on device" in str(error)
                assert "free space" in str(error)
                assert contents(drugs) == before
                open_index(drugs, screener.model.model_id).verify()
                filler.unlink()
                screener.add(library, "drugs", resume=True)
            assert contents(drugs) == after
    assert len(sentences) == 2, sentences  # the journal could not be written, or the library


def test_a_disk_that_is_full_while_a_file_is_read_ends_in_a_sentence(
    screener: Screener, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    table = disk.parent / "table.csv"
    table.write_text("smiles,note\n" + "".join(f"{line},{'x' * 1000}\n" for line in LINES))
    refused = 0
    for free in range(0, 40 * PAGE, 3 * PAGE):
        filler = fill(disk, free)
        try:
            screener.read(table).close()
        except MolsearchError as error:
            refused += 1
            assert "What is read cannot be kept in the folder for temporary files" in str(error)
            assert not list(disk.glob("molsearch-*/library.sqlite"))
        filler.unlink()
    assert refused > 5
    with screener.read(table) as library:
        assert library.molecule_count == len(LINES)


def test_a_read_only_disk_is_searched_and_refuses_additions_in_a_sentence(screener: Screener, disk: Path) -> None:
    before = contents(screener.settings.libraries / "drugs")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("drugs", "new"):
        with screener.read_text(MORE) as library, pytest.raises(LibraryError, match="Read-only file system"):
            screener.add(library, name)
    with pytest.raises(LibraryError, match="Read-only file system"):
        screener.remove("drugs")
    assert len(screener.search(Query("an alcohol", k=3), "drugs").hits) == 3
    assert contents(screener.settings.libraries / "drugs") == before


def test_a_command_tells_the_fault_as_one_sentence(
    screener: Screener, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLSEARCH_HOME", str(disk))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(screener.settings.models))
    file = disk.parent / "more.smi"
    file.write_text(MORE)
    filler = fill(disk, 0)
    told = CliRunner().invoke(app, ["add", str(file), "--name", "more", "--json"])
    assert told.exit_code == 4
    assert "No space left on device" in json.loads(told.stdout)["error"]
    filler.unlink()
    told = CliRunner().invoke(app, ["add", str(file), "--name", "more", "--json", "--resume"])
    assert json.loads(told.stdout)["molecules"] == len(LINES)


# --- a model folder that was copied by half ----------------------------------------------------------------------


def cuts(data: bytes) -> list[int]:
    """Where a copy may have stopped: at pages, at lines, and somewhere."""
    lines = [place + 1 for place, byte in enumerate(data) if byte == 10][:: max(1, data.count(b"\n") // 60)]
    return sorted({0, *range(0, len(data), PAGE), *range(0, len(data), max(1, len(data) // 60)), *lines} - {len(data)})


@pytest.mark.parametrize("name", ["model.toml", "weights.safetensors", "lexicon.json"])
def test_a_model_file_that_was_copied_by_half_is_refused(tiny_models: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(tiny_models / "default", tmp_path / "model"))
    data, whole = (folder / name).read_bytes(), DualEncoder.load(folder).config
    for size in cuts(data):
        (folder / name).write_bytes(data[:size])
        try:
            assert DualEncoder.load(folder).config == whole, size  # what was cut off are settings as they are anyway
            assert name == "model.toml"
        except ModelError as error:
            assert str(folder) in str(error)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        DualEncoder.load(folder)


def test_a_library_stays_closed_to_a_model_of_which_a_file_is_another(screener: Screener, tmp_path: Path) -> None:
    models = Path(shutil.copytree(screener.settings.models, tmp_path / "models"))
    lexicon = models / "default" / "lexicon.json"
    lexicon.write_text(json.dumps({**json.loads(lexicon.read_text()), "water": "O"}))
    other = Screener(replace(screener.settings, models=models))
    with pytest.raises(LibraryError, match="was embedded by model"):
        other.search(Query("an alcohol"), "drugs")
    with other.read_text(MORE) as library, pytest.raises(LibraryError, match="was embedded by model"):
        other.add(library, "drugs")
    assert open_index(screener.settings.libraries / "drugs", screener.model.model_id).info.molecules == 3


# --- the large form ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_large_form_kills_real_processes_and_finds_the_same_bits(tiny_models: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", models=tiny_models, model="default", batch_molecules=8)
    report = measure_faults(settings, 40, 1, seed=5)  # whose first moment is amid the work, not close to its end
    assert (report.molecules, report.batch, report.deaths, report.identical) == (40, 8, 1, True)
    assert report.peak_mib > 0
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_a_process_that_fails_by_itself_is_no_death(tmp_path: Path) -> None:
    with pytest.raises(MolsearchError, match=r"An addition ended by itself: .*ModelError"):
        measure_faults(Settings(home=tmp_path, models=tmp_path), 3, 1)
    with pytest.raises(InputError, match="The number of deaths is -1, expected 0 or more"):
        measure_faults(Settings(home=tmp_path, models=tmp_path), 3, -1)
