import pytest
from hypothesis import given
from hypothesis import strategies as st

from molsearch.errors import InputError
from molsearch.index.naming import MAX_FOLDER_BYTES, folder_name, library_folder, library_name


@given(st.text(min_size=1, max_size=40))
@pytest.mark.slow
def test_every_accepted_name_comes_back_from_its_folder(name):
    try:
        folder = folder_name(name)
    except InputError:
        return
    assert library_name(folder) == name


@given(st.text(min_size=1, max_size=40))
def test_no_folder_name_can_leave_its_home(tmp_path_factory, name):
    try:
        folder = library_folder(tmp_path_factory.getbasetemp(), name)
    except InputError:
        return
    assert folder.parent == tmp_path_factory.getbasetemp()
    assert set(folder.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_%")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("ChEMBL-33_a", "ChEMBL-33_a"),
        ("../../x", "%2E%2E%2F%2E%2E%2Fx"),
        ("my drugs", "my%20drugs"),
        ("Säure", "S%C3%A4ure"),
        ("100%25", "100%2525"),
        ("con", "%63on"),
        ("LPT1", "%4CPT1"),
        ("C:\\x", "C%3A%5Cx"),
    ],
)
def test_names_by_hand(name, folder):
    assert folder_name(name) == folder
    assert library_name(folder) == name


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "\u202ekcab", "\ud800", "x" * 201, "分" * 23])
def test_unusable_names_are_refused_in_a_sentence(name):
    with pytest.raises(InputError, match="library name"):
        folder_name(name)


def test_the_longest_names_still_fit():
    assert len(folder_name("分" * 22)) <= MAX_FOLDER_BYTES
    assert len(folder_name("x" * MAX_FOLDER_BYTES)) == MAX_FOLDER_BYTES


@pytest.mark.parametrize("folder", ["..", "a b", "%2e", "%C3", "con", "", ".removed-1"])
def test_folders_that_no_name_makes_are_refused(folder):
    with pytest.raises(InputError):
        library_name(folder)
