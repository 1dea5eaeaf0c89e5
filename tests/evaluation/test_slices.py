"""Slices: which rows are hard for which reason, and that their figures are those of these rows alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from molsearch.chem.io.pairs import PairRow, PairTable
from molsearch.errors import InputError
from molsearch.evaluation.candidates import Answers, CandidatePool, Ranks
from molsearch.evaluation.metrics import rank_metrics
from molsearch.evaluation.slices import (
    Seen,
    holds,
    names_in,
    names_itself,
    own_names,
    read_seen,
    slice_figures,
    slices_of,
    wording,
)

GAS, SPIRIT = "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "OKKJLVBELUTLKV-UHFFFAOYSA-N"  # ethanol and methanol


@dataclass(frozen=True)
class Name:
    key: str
    bonus: float
    rule: str = "named"


class OneVector:
    """A model that gives every molecule the same vector: only the pool's keys matter here."""

    def encode_molecules(self, smiles, progress=None):  # type: ignore[no-untyped-def]
        return np.ones((len(smiles), 1), np.float32)

    def constants(self, vectors):  # type: ignore[no-untyped-def]
        return np.zeros(len(vectors), np.float32)


def answers_of(rows: tuple[PairRow, ...], *named: tuple[Name, ...]) -> Answers:
    """Ranks 1, 2, 3 ... with names, ten times as deep without."""
    order = np.arange(1.0, len(rows) + 1)
    square, rivals = np.zeros((len(rows), len(rows))), np.zeros(len(rows), int)
    lifted, plain = (Ranks(order * n, order[::-1] * n, square, rivals) for n in (1, 10))
    return Answers(rows, np.arange(len(rows)), named or ((),) * len(rows), lifted, plain)


def test_a_name_is_what_stands_where_the_caption_is_masked() -> None:
    masked = ["The molecule is an alcohol.", "The molecule is an acid.", "An acid."]
    named = ["Ethanol is an alcohol.", "", "Acetic acid."]
    assert own_names(masked, named) == ["Ethanol", "", ""]


@pytest.mark.parametrize(
    ("text", "name", "is_held"),
    [
        ("It is ethanol.", "Ethanol", True),
        ("It derives from an ethanolamine.", "Ethanol", False),
        ("It is (R)-lactic acid.", "(R)-lactic acid", True),
        ("It is an acid.", "", False),
    ],
)
def test_a_text_holds_a_name_as_whole_words(text: str, name: str, is_held: bool) -> None:
    assert holds(text, name) is is_held


def test_a_structure_read_in_the_text_is_a_name_too_but_not_one_that_follows_from_another() -> None:
    rows = tuple(
        PairRow(text, "CCO") for text in ("ethyl alcohol", "conjugate acid of ethoxide", "methanol", "nothing")
    )
    named = ((Name("CCO", 1),), (Name("CCO", 1, "protonation"),), (Name("CO", 1),), ())
    pool = CandidatePool(OneVector(), rows)  # type: ignore[arg-type]
    assert names_itself(answers_of(rows, *named), pool, [""] * 4).tolist() == [True, False, False, False]


def test_the_pool_s_keys_are_compared_after_clean_up() -> None:
    rows = (PairRow("nitromethane", "CN(=O)=O"),)
    pool = CandidatePool(OneVector(), rows)  # type: ignore[arg-type]
    assert names_itself(answers_of(rows, (Name("C[N+](=O)[O-]", 1),)), pool, [""]).tolist() == [True]


def test_names_come_from_the_two_columns_of_the_same_record(tmp_path: Path) -> None:
    file = tmp_path / "v.tsv"
    poison, drink = "CO\tThe molecule is a poison.\t", "CCO\tThe molecule is a drink.\tEthanol is a drink."
    file.write_text("\n".join(("smiles\ttext\ttext_named", "C\t\t", poison, drink)) + "\n")
    rows = (PairRow("The molecule is a poison.", "CO", row=2), PairRow("The molecule is a drink.", "CCO", row=3))
    assert names_in(file, PairTable("v.tsv", ("smiles", "text", "text_named"), rows), rows) == ["", "Ethanol"]
    assert names_in(file, PairTable("v.tsv", ("smiles", "text"), rows), rows) == ["", ""]


def test_masked_and_named_copies_of_a_caption_say_the_same() -> None:
    assert wording("Ethanol is an  Alcohol.") == wording("The molecule is an alcohol.") == "an alcohol."
    assert wording("Natural product found in yeast") == "natural product found in yeast"


def seen_by(tmp_path: Path, *lines: str) -> Seen:
    (tmp_path / "train.tsv").write_text("\n".join(("inchikey\tsmiles\ttext", *lines)) + "\n")
    return read_seen(tmp_path / "train.tsv")


def test_training_is_remembered_by_skeleton_and_wording(tmp_path: Path) -> None:
    seen = seen_by(tmp_path, f"{GAS}\tCCO\tThe molecule is a drink.")
    assert seen == Seen(frozenset({"LFQSCWFLJHTTHZ"}), frozenset({"a drink."}))


def test_without_an_inchikey_skeletons_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="InChIKey in 1 of 2 rows"):
        seen_by(tmp_path, f"{GAS}\tCCO\ta", "\tCO\tb")


ROWS = (
    PairRow("The molecule is a drink.", "CCO", inchikey=GAS),
    PairRow("The molecule is a poison.", "CO", inchikey=SPIRIT),
    PairRow("The molecule is a fuel.", "CO", inchikey=SPIRIT),
)
TABLE = PairTable("v.tsv", ("inchikey", "smiles", "text"), ROWS)


def test_slices_leave_out_what_makes_a_row_easy(tmp_path: Path) -> None:
    seen = seen_by(tmp_path, f"{GAS}\tCCO\tEthanol is a poison.")
    itself = np.array([False, False, True])
    cut = {part.name: part.mask.tolist() for part in slices_of(TABLE, answers_of(ROWS), itself, seen)}
    assert cut["own name not in the text"] == [True, True, False]
    assert cut["skeleton not in training"] == [False, True, True]
    assert cut["text not in training"] == [True, False, True]
    assert cut["all three"] == [False, False, False]
    assert list(cut) == [
        "all",
        "exact names off",
        "own name not in the text",
        "skeleton not in training",
        "text not in training",
        "all three",
        "all three, exact names off",
    ]


def test_without_the_training_file_only_what_can_be_told_is() -> None:
    names = [part.name for part in slices_of(TABLE, answers_of(ROWS), np.zeros(3, bool), None)]
    assert names == ["all", "exact names off", "own name not in the text"]


def test_figures_are_those_of_the_slice_s_rows(tmp_path: Path) -> None:
    answers = answers_of(ROWS)
    parts = slices_of(TABLE, answers, np.array([True, False, False]), seen_by(tmp_path, f"{GAS}\tCCO\tx"))
    figures = slice_figures(answers, parts)
    assert figures["all"]["n"] == 3  # type: ignore[index]
    own = figures["own name not in the text"]
    assert own["n"] == 2  # type: ignore[index]
    assert rank_metrics(np.array([2.0, 3.0])).items() <= own["text_to_molecule"].items()  # type: ignore[index]
    assert rank_metrics(np.array([2.0, 1.0])).items() <= own["molecule_to_text"].items()  # type: ignore[index]
    assert figures["exact names off"]["text_to_molecule"]["mean_rank"] == 20  # type: ignore[index]


def test_an_empty_slice_has_its_count_alone() -> None:
    answers = answers_of(ROWS)
    assert slice_figures(answers, slices_of(TABLE, answers, np.ones(3, bool), None))["own name not in the text"] == {
        "n": 0
    }


def test_names_off_as_the_headline_switches_them_off_in_every_slice() -> None:
    answers = answers_of(ROWS)
    figures = slice_figures(answers, slices_of(TABLE, answers, np.zeros(3, bool), None), exact_names=False)
    assert figures["own name not in the text"] == figures["exact names off"]
