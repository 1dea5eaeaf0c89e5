"""What one session uploads, no other sees, until it is kept on this computer."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from molsearch.errors import InputError, LibraryError
from molsearch.index.base import library_names
from molsearch.model.dual import DualEncoder
from molsearch.records import Query
from molsearch.screener import EXAMPLES, Screener
from molsearch.settings import Settings
from molsearch.workspace.session import PRIVATE_HOURS, SessionScreener, sweep

PASTED = "CC(=O)Oc1ccccc1C(=O)O aspirin\nCCO ethanol\nC1CC broken\n"
QUERY = Query("an alcohol", k=5)


@pytest.fixture
def shared(tmp_path: Path, tiny_models: Path) -> Screener:
    """The Screener of all sessions, with one kept library."""
    (tmp_path / "data").mkdir()
    screener = Screener(Settings(home=tmp_path / "home", models=tiny_models, data=tmp_path / "data"))
    screener.add(screener.read_text("CCN ethylamine"), "kept")
    return screener


@pytest.fixture
def mine(shared: Screener) -> SessionScreener:
    """A session with the private library "secret"."""
    session = SessionScreener(shared)
    session.add(session.read_text(PASTED), "secret")
    return session


def names(screener: Screener) -> list[str]:
    return [info.name for info in screener.libraries()]


def folders(shared: Screener) -> list[Path]:
    return list(shared.settings.private.glob("*/"))


def test_the_session_sees_kept_and_private_libraries_and_which_is_which(mine: SessionScreener) -> None:
    assert [(info.name, info.private) for info in mine.libraries()] == [("kept", False), ("secret", True)]


def test_no_other_session_sees_a_private_library(shared: Screener, mine: SessionScreener) -> None:
    other = SessionScreener(shared)
    assert names(other) == names(shared) == ["kept"]
    for ask in (lambda: other.search(QUERY, "secret"), lambda: list(other.molecules("secret"))):
        with pytest.raises(LibraryError, match="no library 'secret'"):
            ask()


def test_a_private_library_is_searched_at_once_by_the_shared_model(shared: Screener, mine: SessionScreener) -> None:
    ranking = mine.search(QUERY, "secret")
    assert (ranking.library, ranking.searched) == ("secret", 2)
    assert mine.model is shared.model


def test_a_private_library_ranks_as_the_same_file_kept(shared: Screener, mine: SessionScreener) -> None:
    shared.add(shared.read_text(PASTED), "same")
    theirs, ours = shared.search(QUERY, "same"), mine.search(QUERY, "secret")
    assert [(hit.molecule, hit.score) for hit in ours.hits] == [(hit.molecule, hit.score) for hit in theirs.hits]


def test_two_sessions_may_give_the_same_name_to_different_files(shared: Screener, mine: SessionScreener) -> None:
    other = SessionScreener(shared)
    other.add(other.read_text("CCCl"), "secret")
    assert [molecule.key for molecule in other.molecules("secret")] == ["CCCl"]
    assert mine.search(QUERY, "secret").searched == 2


def test_a_private_library_hides_a_kept_one_of_its_name_for_its_session_alone(shared: Screener) -> None:
    session = SessionScreener(shared)
    session.add(session.read_text("CCCl\nCCBr"), "kept")
    assert session.search(QUERY, "kept").searched == 2
    assert shared.search(QUERY, "kept").searched == 1
    session.remove("kept")
    assert session.search(QUERY, "kept").searched == 1


def test_a_substructure_is_looked_for_in_the_library_that_was_meant(shared: Screener) -> None:
    session = SessionScreener(shared)
    session.add(session.read_text("CCCl"), "kept")  # as large and as young as the kept one of that name
    chlorine = Query("a halide", smarts="Cl")
    assert session.search(chlorine, "kept").searched == 1
    assert shared.search(chlorine, "kept").searched == 0


def test_keeping_makes_it_everyones(shared: Screener, mine: SessionScreener) -> None:
    before = mine.search(QUERY, "secret").hits
    mine.keep("secret")
    assert [(info.name, info.private) for info in mine.libraries()] == [("kept", False), ("secret", False)]
    assert shared.search(QUERY, "secret").hits == before
    assert len(list(shared.rejections("secret"))) == 1


def test_keeping_under_another_name(shared: Screener, mine: SessionScreener) -> None:
    assert mine.keep("secret", "public").name == "public"
    assert names(shared) == names(mine) == ["kept", "public"]


def test_keeping_under_a_taken_name_changes_nothing(shared: Screener, mine: SessionScreener) -> None:
    with pytest.raises(LibraryError, match="another name"):
        mine.keep("secret", "kept")
    assert mine.search(QUERY, "secret").searched == 2
    assert shared.search(QUERY, "kept").searched == 1


def test_a_name_that_no_library_can_have_is_refused(mine: SessionScreener) -> None:
    with pytest.raises(InputError):
        mine.keep("secret", " ")
    assert "secret" in names(mine)


def test_a_library_that_is_being_filled_is_not_kept(mine: SessionScreener) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def wait(done: int, total: int) -> None:
        reached.set()
        go_on.wait(30)

    work = threading.Thread(target=mine.add, args=(mine.read_text("CCBr"), "secret", wait))
    work.start()
    assert reached.wait(30)
    assert [(one.name, one.total, one.private) for one in mine.ingestions()] == [("secret", 1, True)]
    with pytest.raises(LibraryError, match="being filled"):
        mine.keep("secret")
    go_on.set()
    work.join(30)
    assert mine.ingestions() == []
    assert mine.keep("secret").molecules == 3


def test_every_session_sees_that_a_kept_library_is_being_filled(shared: Screener, mine: SessionScreener) -> None:
    seen = []
    other = SessionScreener(shared)
    mine.kept.add(mine.read_text("CCBr"), "new", lambda done, total: seen.extend(other.ingestions()))
    assert {(one.name, one.private) for one in seen} == {("new", False)}
    assert names(other) == ["kept", "new"]


def test_the_name_of_the_shipped_library_is_not_taken(mine: SessionScreener) -> None:
    with pytest.raises(InputError, match="ships with the program"):
        mine.add(mine.read_text("C"), EXAMPLES)


def test_the_folder_is_this_users_alone_and_goes_with_the_session(shared: Screener, mine: SessionScreener) -> None:
    (folder,) = folders(shared)
    assert folder.stat().st_mode & 0o077 == 0 or os.name != "posix"
    del folder
    mine.close()
    assert folders(shared) == [] and names(mine) == ["kept"]


def test_a_session_that_was_dropped_leaves_nothing(shared: Screener) -> None:
    session = SessionScreener(shared)
    session.add(session.read_text("CCO"), "short")
    assert len(folders(shared)) == 1
    del session
    assert folders(shared) == []


def test_a_session_without_an_upload_makes_no_folder(shared: Screener) -> None:
    assert names(SessionScreener(shared)) == ["kept"]
    assert not shared.settings.private.exists()


def test_another_session_sweeps_no_living_one_away(shared: Screener, mine: SessionScreener) -> None:
    SessionScreener(shared)
    sweep(shared.settings.private)
    assert "secret" in names(mine)


def test_what_was_not_used_for_long_is_removed_and_told_once(shared: Screener, mine: SessionScreener) -> None:
    (folder,) = folders(shared)
    long_ago = (folder / "session.used").stat().st_mtime - PRIVATE_HOURS * 3600 - 1
    os.utime(folder / "session.used", (long_ago, long_ago))
    SessionScreener(shared)
    assert names(mine) == ["kept"]
    assert (mine.expired(), mine.expired()) == (["secret"], [])
    mine.add(mine.read_text("CCO"), "anew")
    assert "anew" in names(mine)


def test_what_a_killed_program_left_is_swept_away(shared: Screener, mine: SessionScreener) -> None:
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "import filelock; folder = Path(sys.argv[2]) / 'orphan'; (folder / 'left').mkdir(parents=True)\n"
        "filelock.FileLock(folder / 'session.lock').acquire(); (folder / 'session.used').touch(); os._exit(9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", script, str(root), str(shared.settings.private)]).returncode == 9
    assert len(folders(shared)) == 2
    SessionScreener(shared)
    assert len(folders(shared)) == 1 and "secret" in names(mine)


def test_private_libraries_are_not_among_the_kept_ones_on_disk(shared: Screener, mine: SessionScreener) -> None:
    assert library_names(shared.settings.libraries) == ["kept"]


@pytest.mark.slow
def test_another_model_is_told_to_a_private_library_too(mine: SessionScreener, tiny_model: DualEncoder) -> None:
    assert mine.libraries()[1].model_id == tiny_model.model_id
