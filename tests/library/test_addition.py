"""An addition that was interrupted goes on where it stood, or says in a sentence why it cannot."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molsearch.bench.faults import contents
from molsearch.errors import Cancelled, InputError, LibraryError, ModelError
from molsearch.library import embedding
from molsearch.library.addition import journal_of
from molsearch.library.journal import Computed, Journal
from molsearch.records import IngestionProgress
from molsearch.screener import Screener
from molsearch.settings import Settings
from molsearch.workspace.session import SessionScreener

ROOT = Path(__file__).resolve().parents[2]
TEXT = "\n".join("C" * length + f"O a{length}" for length in range(1, 21)) + "\nC1CC broken\nOCC again\n"
MOLECULES, BATCH, RECORDS = 20, 4, 22


@pytest.fixture
def screener(tmp_path: Path, tiny_models: Path) -> Screener:
    (tmp_path / "data").mkdir()
    settings = Settings(home=tmp_path / "home", models=tiny_models, model="default", data=tmp_path / "data")
    return Screener(replace(settings, batch_molecules=BATCH))


def stop_at(most: int):
    def progress(done: int, total: int) -> None:
        if done >= most:
            raise Cancelled("stopped")

    return progress


def interrupt(screener: Screener, name: str = "mine", text: str = TEXT, after: int = 3 * BATCH) -> None:
    """Stop an addition once so many molecules are encoded."""
    with screener.read_text(text) as library, pytest.raises(Cancelled):
        screener.add(library, name, stop_at(after))


def go_on(screener: Screener, name: str = "mine", text: str = TEXT):
    with screener.read_text(text) as library:
        return screener.add(library, name, resume=True)


def undisturbed(screener: Screener, name: str = "whole"):
    with screener.read_text(TEXT) as library:
        screener.add(library, name)
    return contents(screener.settings.libraries / name)


def encoded(monkeypatch: pytest.MonkeyPatch, screener: Screener) -> list[int]:
    """The sizes of the batches that the model encodes from now on."""
    sizes: list[int] = []
    encode = screener.model.vectors_of_graphs
    monkeypatch.setattr(
        screener.model, "vectors_of_graphs", lambda store, **k: sizes.append(len(store)) or encode(store, **k)
    )
    return sizes


@pytest.mark.slow
def test_killed_twenty_times_at_random_it_is_bit_for_bit_that_of_an_undisturbed_run(
    tmp_path: Path, tiny_models: Path
) -> None:
    command = [sys.executable, "-m", "tests.library.killed", str(tmp_path), str(tiny_models)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["deaths"] >= 24
    assert found["gone on"] >= 5


def test_going_on_computes_only_what_is_missing(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = undisturbed(screener)
    interrupt(screener)
    sizes = encoded(monkeypatch, screener)
    assert go_on(screener).records == RECORDS
    assert sizes == [BATCH] * (MOLECULES // BATCH - 2)  # the third batch was encoded, but not kept before the stop
    assert contents(screener.settings.libraries / "mine") == whole


def test_what_was_interrupted_is_told_for_these_records_alone(screener: Screener) -> None:
    interrupt(screener)
    with screener.read_text(TEXT) as same, screener.read_text("CCO") as other:
        assert screener.interrupted(same, "mine") == IngestionProgress("mine", 2 * BATCH, MOLECULES)
        assert screener.interrupted(other, "mine") is None
        assert screener.interrupted(same, "yours") is None
        assert screener.interrupted(same, " ") is None
        screener.add(same, "mine", resume=True)
        assert screener.interrupted(same, "mine") is None


def test_without_an_interrupted_one_it_begins(screener: Screener) -> None:
    assert go_on(screener).molecules == MOLECULES


def test_what_is_stored_is_not_stored_again(screener: Screener) -> None:
    whole = go_on(screener)
    assert go_on(screener) == whole
    with screener.read_text(TEXT) as library:
        assert screener.add(library, "mine").records == 2 * RECORDS  # without resume a library grows, as ever


def test_changed_records_are_refused_and_nothing_is_lost(screener: Screener) -> None:
    interrupt(screener)
    with pytest.raises(InputError, match=r"began with other records \(22, got 22\): the file has changed"):
        go_on(screener, text=TEXT.replace("a7", "b7"))
    assert screener.libraries() == []
    assert go_on(screener).molecules == MOLECULES


def test_another_model_is_refused(screener: Screener) -> None:
    interrupt(screener)
    screener.model.model_id, right = "0123456789abcdef", screener.model.model_id
    try:
        with pytest.raises(ModelError, match=rf"embedded by model {right}, but model 0123456789abcdef is in use"):
            go_on(screener)
    finally:
        screener.model.model_id = right


def test_other_programs_are_refused(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(screener)
    monkeypatch.setattr(embedding, "__version__", "9.9")
    with pytest.raises(LibraryError, match=r"computed by molsearch [0-9.]+, .*but this is molsearch 9\.9, .*rounds"):
        go_on(screener)


def test_a_library_that_changed_meanwhile_is_left_alone(screener: Screener) -> None:
    interrupt(screener)
    screener.store.fill("mine", screener.model.model_id, screener.model.width, [], [])
    with screener.read_text("CCO\nC1CC\n") as library:
        rejections = list(library.rejections())
    screener.store.fill("mine", screener.model.model_id, screener.model.width, [], rejections)
    with pytest.raises(LibraryError, match="'mine' changed since the addition to it was interrupted"):
        go_on(screener)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_batch_is_computed_again(screener: Screener, damage: bytes | None) -> None:
    whole = undisturbed(screener)
    interrupt(screener)
    path = journal_of(screener.journals, "mine").folder / "batch-000000.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data) if damage is None else damage)
    go_on(screener)
    assert contents(screener.settings.libraries / "mine") == whole


def test_a_damaged_account_begins_anew(screener: Screener) -> None:
    whole = undisturbed(screener)
    interrupt(screener)
    (journal_of(screener.journals, "mine").folder / "addition.json").write_text("{")
    go_on(screener)
    assert contents(screener.settings.libraries / "mine") == whole


def test_what_is_kept_goes_when_it_is_stored_and_with_the_library(screener: Screener) -> None:
    folder = journal_of(screener.journals, "mine").folder
    interrupt(screener)
    assert len(list(folder.glob("*.npz"))) == 2
    go_on(screener)
    assert [path.name for path in folder.iterdir()] == ["addition.json"]
    screener.remove("mine")
    assert not folder.exists()


def test_an_added_library_grows_by_the_same_bits(screener: Screener) -> None:
    for name in ("mine", "whole"):
        with screener.read_text("CCO\nCCN\n") as library:
            screener.add(library, name)
    whole = undisturbed(screener)
    interrupt(screener)
    go_on(screener)
    assert contents(screener.settings.libraries / "mine") == whole


def test_a_second_addition_at_once_is_refused_and_the_first_loses_nothing(screener: Screener) -> None:
    refused: list[str] = []

    def second(done: int, total: int) -> None:
        if done == 2 * BATCH and not refused:
            with screener.read_text(TEXT) as library, pytest.raises(LibraryError) as error:
                screener.add(library, "mine")
            refused.append(str(error.value))

    with screener.read_text(TEXT) as library:
        screener.add(library, "mine", second)
    assert "is being changed by another process or window" in refused[0]
    assert contents(screener.settings.libraries / "mine") == undisturbed(screener)


def test_a_session_goes_on_with_its_own(screener: Screener) -> None:
    session = SessionScreener(screener)
    interrupt(session)
    with screener.read_text(TEXT) as library:
        assert session.interrupted(library, "mine") == IngestionProgress("mine", 2 * BATCH, MOLECULES)
        assert screener.interrupted(library, "mine") is None
    assert go_on(session).molecules == MOLECULES
    assert contents(session._folder / "mine") == undisturbed(screener)


def test_a_batch_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.random(shape, np.float32) for shape in ((3, 8), (3,), (3, 2))]
    computed = Computed(5, {1: "bad \udcff µ", 4: "worse"}, *arrays, rng.integers(0, 255, (3, 4), np.uint8))
    journal = Journal(tmp_path / "journal", "x")
    journal.folder.mkdir()
    journal.save(0, computed)
    found = journal.load(0)
    assert found is not None
    assert (found.taken, found.refused, journal.done()) == (5, computed.refused, 5)
    for name in ("vectors", "constants", "properties", "flags"):
        np.testing.assert_array_equal(getattr(found, name), getattr(computed, name))
    assert journal.load(1) is None
