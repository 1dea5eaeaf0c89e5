"""Ranks on disk: what is written is read, and two systems are compared on the same queries only."""

from pathlib import Path

import numpy as np
import pytest

from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.candidates import Answers, Ranks
from molsearch.evaluation.metrics import paired_interval
from molsearch.evaluation.rank_file import compare, read_ranks, write_ranks
from molsearch.evaluation.slices import Slice

ROWS = tuple(PairRow(f"text {n}", "C" * n, row=n) for n in range(1, 5))
HARD = np.array([False, True, True, True])
PARTS = (Slice("all", HARD | True), Slice("off", HARD | True, exact_names=False), Slice("hard", HARD))


def answers(*text_ranks: float) -> Answers:
    text = np.array(text_ranks)
    lifted = Ranks(text, text + 1, np.zeros((4, 4)), np.zeros(4, int))
    plain = Ranks(text * 10, text, np.zeros((4, 4)), np.zeros(4, int))
    return Answers(ROWS, np.arange(4), ((),) * 4, lifted, plain)


def saved(path: Path, *text_ranks: float) -> Path:
    write_ranks(path, answers(*text_ranks), PARTS)
    return path


def test_ranks_and_slices_come_back(tmp_path: Path) -> None:
    table = read_ranks(saved(tmp_path / "a.tsv", 1, 2.5, 3, 33010))
    assert table.ranks["text_to_molecule"].tolist() == [1, 2.5, 3, 33010]
    assert table.ranks["molecule_to_text"].tolist() == [2, 3.5, 4, 33011]
    assert {name: mask.tolist() for name, mask in table.slices.items()} == {
        "all": [True] * 4,
        "hard": [False, True, True, True],
    }


def test_no_caption_is_written(tmp_path: Path) -> None:
    assert "text 1" not in saved(tmp_path / "a.tsv", 1, 2, 3, 4).read_text()


def test_ranks_without_names_are_written_where_they_were_asked_for(tmp_path: Path) -> None:
    write_ranks(tmp_path / "a.tsv", answers(1, 2, 3, 4), PARTS, exact_names=False)
    assert read_ranks(tmp_path / "a.tsv").ranks["text_to_molecule"].tolist() == [10, 20, 30, 40]


def test_a_comparison_is_paired_query_by_query_in_every_slice(tmp_path: Path) -> None:
    comparison = compare(saved(tmp_path / "a.tsv", 1, 1, 1, 50), saved(tmp_path / "b.tsv", 1, 1, 9, 50))
    assert comparison["queries"] == 4
    hits = comparison["slices"]["all"]["text_to_molecule"]["hits@1"]  # type: ignore[index]
    assert (hits["a"], hits["b"], hits["difference"]) == (75, 50, 25)
    assert hits["interval"] == list(paired_interval(np.array([1, 1, 1, 50.0]), np.array([1, 1, 9, 50.0])))
    hard = comparison["slices"]["hard"]  # type: ignore[index]
    assert hard["n"] == 3
    assert hard["text_to_molecule"]["mean_rank"]["difference"] == pytest.approx(-8 / 3)


def test_other_queries_are_refused(tmp_path: Path) -> None:
    a, b = (saved(tmp_path / name, 1, 2, 3, 4) for name in ("a.tsv", "b.tsv"))
    b.write_text(b.read_text().replace("\tCC\t", "\tCN\t"))
    with pytest.raises(InputError, match=r"a.tsv \(4 queries\) and b.tsv .* same pair file"):
        compare(a, b)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "no rank file"),
        ("smiles\ttext\nC\tgas\n", "no rank file"),
        ("row\tsmiles\ttext_rank\tmolecule_rank\n", "no rank file"),
        ("row\tsmiles\ttext_rank\tmolecule_rank\n1\tC\t1\n", "no rank file"),
        ("row\tsmiles\ttext_rank\tmolecule_rank\n1\tC\tfirst\t1\n", "no number"),
        ("row\tsmiles\ttext_rank\tmolecule_rank\n1\tC\t0\t1\n", "below 1"),
        ("row\tsmiles\ttext_rank\tmolecule_rank\n1\tC\tnan\t1\n", "below 1"),
    ],
)
def test_what_is_no_rank_file_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "x.tsv").write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_ranks(tmp_path / "x.tsv")


def test_a_missing_rank_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_ranks(tmp_path / "nothing.tsv")
