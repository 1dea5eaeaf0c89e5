"""Real structures and patterns that RDKit does not finish: each costs itself a bounded time, and nothing else."""

import io
import os
import time
from importlib import import_module

import pytest

from molsearch.chem import drawing, masking, substructure
from molsearch.chem.conformer import conformer
from molsearch.chem.features import graph, pool
from molsearch.chem.features.features import features_of
from molsearch.chem.features.graph import featurise
from molsearch.chem.features.pool import FeaturePool
from molsearch.chem.io.library import ReadOptions, read_library
from molsearch.chem.masking import without_each_atom
from molsearch.chem.sandbox import call as sandbox
from molsearch.chem.sandbox.process import CALLABLE, WorkerDied
from molsearch.chem.sandbox.risk import is_simple, is_simple_pattern
from molsearch.chem.substructure import matches
from molsearch.errors import InputError
from molsearch.library.embedding import embed
from molsearch.records import Entry, Molecule, Reason, Rejection
from tests.hostile import bipartite, complete, torus

HANGS_READING = bipartite(20)
HANGS_LATER = torus(30, 30)  # it ends after half a minute, far beyond the limits set here
CAGE = complete(7)  # intricate, but done at once
ENDLESS = "[$(" + "*~" * 12 + "Br)]"  # every path of twelve atoms is gone along
MORPHINE = "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5"


def test_the_structures_that_hang_are_not_simple_and_drugs_are() -> None:
    assert not any(map(is_simple, (HANGS_READING, HANGS_LATER, CAGE, "C" * 121, "InChI=1S/CH4/h1H4")))
    assert all(map(is_simple, ("C", MORPHINE, "[Na+].[Cl-]", "C" * 120)))
    assert is_simple("\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n", "molblock")
    assert not is_simple("\n\n\n 60 90  0  0  0  0  0  0  0  0999 V2000\n", "molblock")
    assert not is_simple("\n\n\n  0  0  0     0  0            999 V3000\n", "molblock")


def test_a_short_pattern_is_simple_and_a_recursive_or_long_one_is_not() -> None:
    assert is_simple_pattern("S(=O)(=O)N")
    assert is_simple_pattern("[CX3](=[OX1])[OX2H1]")
    assert not is_simple_pattern("[$(CO)]")
    assert not is_simple_pattern(ENDLESS)


@pytest.mark.parametrize("filename", ["list.smi", "table.csv"])
def test_a_structure_that_really_hangs_costs_its_record_and_its_time(filename: str) -> None:
    header = ["smiles,name"] if filename.endswith("csv") else []
    file = io.BytesIO(
        "\n".join([*header, "CO,a", f"{HANGS_READING},b", "CN,c"]).replace(",", "," if header else " ").encode()
    )
    with read_library(file, filename=filename, options=ReadOptions(timeout_s=1.5)) as library:
        assert [one.key for one in library.molecules()] == ["CO", "CN"]
        assert [(lost.entry.row, lost.reason) for lost in library.rejections()] == [(2, Reason.TIMED_OUT)]


@pytest.mark.slow
def test_one_that_hangs_behind_many_is_given_no_more_time_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO("\n".join([*["C" * (n % 50 + 1) for n in range(1_000)], HANGS_READING, "CCO"]).encode())
    started = time.monotonic()
    with read_library(file, filename="list.smi", options=ReadOptions(timeout_s=3)) as library:
        assert [lost.entry.row for lost in library.rejections()] == [1_001]
    assert time.monotonic() - started < 180  # a chunk of this size once had 260 s more for its records


@pytest.mark.slow
def test_a_file_full_of_them_is_given_up_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molsearch.chem.io.cleaning.MOST_LATE", 2)
    rows = [HANGS_READING, "CO", HANGS_READING, HANGS_READING, "CN", HANGS_READING]
    with read_library(
        io.BytesIO("\n".join(rows).encode()), filename="list.smi", options=ReadOptions(timeout_s=1.0)
    ) as library:
        lost = list(library.rejections())
        assert [one.key for one in library.molecules()] == ["CO", "CN"]
    assert [(one.entry.row, one.detail[:9]) for one in lost] == [
        (1, "RDKit did"),
        (3, "RDKit did"),
        (4, "Not tried"),
        (6, "Not tried"),
    ]


@pytest.mark.slow
def test_features_of_one_that_hangs_are_refused_and_those_beside_it_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SECONDS", 2.0)
    with FeaturePool(1) as one:
        found = one.features(["CO", HANGS_LATER, "CN", CAGE])
        chunk = next(one.map([["CO", HANGS_LATER, "CN", CAGE]], ahead=0))
    for each in (found, chunk):
        assert each.kept == (0, 2, 3)
        assert each.refused == {1: "Computing its features did not end in 3 s."}
        assert each.store is not None
        alone = features_of(["CO", "CN", CAGE])
        assert alone.store is not None
        assert each.store.graph.atoms.tolist() == alone.store.graph.atoms.tolist()
        assert each.properties.tobytes() == alone.properties.tobytes()


@pytest.mark.slow
def test_many_that_hang_cost_no_simple_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SECONDS", 1.0)
    monkeypatch.setattr(pool, "MOST_LOST", 1)
    with FeaturePool(1) as one:
        found = one.features([HANGS_LATER, "CO", HANGS_LATER, HANGS_LATER, "CN"])
    assert found.kept == (1, 4)
    assert found.refused[2] == found.refused[3] != found.refused[0]


@pytest.mark.slow
def test_a_small_library_with_one_that_hangs_is_embedded_without_it(
    monkeypatch: pytest.MonkeyPatch, tiny_model: object
) -> None:
    monkeypatch.setattr(pool, "SECONDS", 2.0)
    molecules = [
        Molecule(key, "", (Entry(row, key, "smiles"),)) for row, key in enumerate(["CO", HANGS_LATER, "CN"], 1)
    ]
    lost: list[Rejection] = []
    (batch,) = embed(molecules, tiny_model, reject=lost.append)  # type: ignore[arg-type]
    assert [one.key for one in batch.molecules] == ["CO", "CN"]
    assert [one.entry.row for one in lost] == [2]


@pytest.mark.slow
def test_a_reference_structure_that_hangs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (featurise(CAGE).edges == features_of([CAGE]).store.graph.edges).all()  # type: ignore[union-attr]
    monkeypatch.setattr(graph, "SECONDS", 2.0)
    with pytest.raises(InputError, match="too intricate to compute with"):
        featurise(HANGS_LATER)


@pytest.mark.slow
def test_a_pattern_that_does_not_end_is_refused_and_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(matches(["CO", CAGE, "BrCC", MORPHINE], "[$([Br]C),$(*1****1)]")) == [False, True, True, True]
    monkeypatch.setattr(substructure, "SECONDS", 2.0)
    with pytest.raises(InputError, match="takes too long"):
        list(matches([complete(15)], ENDLESS))


@pytest.mark.slow
def test_a_drawing_that_does_not_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawing.draw.__wrapped__(CAGE) == drawing.drawn(CAGE, False, (), "", (), (260, 180))
    monkeypatch.setattr(drawing, "MOST_SECONDS", 1.0)
    assert "too intricate to draw" in drawing.draw.__wrapped__(complete(40))


def test_a_shape_of_a_cage_is_refused_with_a_sentence() -> None:
    with pytest.raises(InputError, match="No 3D shape"):
        conformer(complete(15), timeout_s=1)


@pytest.mark.slow
def test_an_intricate_molecule_without_each_of_its_atoms_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(without_each_atom(CAGE)) == 7
    monkeypatch.setattr(masking, "SECONDS", 1.0)
    with pytest.raises(InputError, match="too intricate to be taken apart"):
        masking.without_atoms(complete(40), [(atom,) for atom in range(40)])


def test_an_error_of_the_function_comes_back_as_it_was() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        sandbox.call(substructure.matched, ["CO"], "S(=O", seconds=60)


def dies() -> None:
    os._exit(3)


def test_a_function_outside_the_chemistry_is_not_called() -> None:
    with pytest.raises(WorkerDied):
        sandbox.call(dies, seconds=60)


def test_a_function_of_the_chemistry_that_is_no_row_is_not_called() -> None:
    with pytest.raises(WorkerDied):
        sandbox.call(substructure.compile_smarts, "C", seconds=60)


def test_every_row_of_what_may_be_called_is_there() -> None:
    assert all(callable(getattr(import_module(module), name)) for module, names in CALLABLE.items() for name in names)
