"""The same ranks on the harder parts of a pair file: figures that stand beside the headline and keep it sober.

A row may be easy for reasons that are no merit of a model: the text holds the compound's own name, a molecule of the
same skeleton was in training, or its very words were. Each slice leaves such rows out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from molsearch.chem.io.pairs import PairRow, PairTable, read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.candidates import Answers, CandidatePool
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import RANK_COLUMNS, Data, markdown, rank_cells
from molsearch.evaluation.metrics import both_directions

Bools = npt.NDArray[np.bool_]

MASKED_SUBJECT = "The molecule"  # what stands for the name in a masked caption
NAMED_COLUMN = "text_named"
_SKELETON_CHARS = 14  # first block of an InChIKey: the connections, without stereo, charge and isotopes


@dataclass(frozen=True, slots=True)
class Seen:
    """What training has seen.

    Attributes:
        skeletons: First InChIKey blocks of its molecules.
        texts: Its captions, as ``wording`` writes them.
    """

    skeletons: frozenset[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A part of the rows.

    Attributes:
        name: What it is called.
        mask: (Q,) which rows are in it.
        exact_names: Whether exact names lift molecules in it; None leaves that as it was asked for.
    """

    name: str
    mask: Bools
    exact_names: bool | None = None


def wording(text: str) -> str:
    """Write a caption without its subject and letter case, so that masked and named copies of one are the same."""
    subject, verb, rest = text.partition(" is ")
    return " ".join((rest if verb else subject).casefold().split())


def read_seen(path: Path) -> Seen:
    """Read what a training file shows.

    Raises:
        InputError: If it cannot be read, or tells no InChIKey.
    """
    pairs = read_pairs(path)
    return Seen(frozenset(_skeletons(pairs, pairs.rows)), frozenset(wording(row.text) for row in pairs.rows))


def _skeletons(pairs: PairTable, rows: Sequence[PairRow]) -> list[str]:
    skeletons = [row.inchikey[:_SKELETON_CHARS] for row in rows]
    if not all(skeletons):
        raise InputError(
            f"{pairs.name} lacks an InChIKey in {skeletons.count('')} of {len(skeletons)} rows, by which skeletons are "
            "told apart; fill the column 'inchikey', or leave out --training-pairs."
        )
    return skeletons


def own_names(masked: Sequence[str], named: Sequence[str]) -> list[str]:
    """Read each compound's name off a masked caption and its named copy: what stands where the other is masked.

    Args:
        masked: (Q,) captions such as "The molecule is an alcohol."
        named: (Q,) the same such as "Ethanol is an alcohol.", or "".

    Returns:
        (Q,) names; "" where the two are no copies of each other.
    """
    names = []
    for before, after in zip(masked, named, strict=True):
        rest = before.removeprefix(MASKED_SUBJECT)
        names.append(after.removesuffix(rest) if rest != before and after.endswith(rest) else "")
    return names


def holds(text: str, name: str) -> bool:
    """Return whether a text holds a name as whole words, in any letter case."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def names_itself(answers: Answers, pool: CandidatePool, names: Sequence[str]) -> Bools:
    """Mark the rows whose text holds their compound's name, (Q,).

    That is where the name given in ``names`` stands in the text, or where a name in the text reads as the very
    structure. What follows from another name by its chemistry ("the conjugate base of X") is not its own name.
    """
    keys = pool.keys() if any(answers.named) else [""] * len(pool)
    itself = []
    for row, target, structures, name in zip(answers.rows, answers.targets, answers.named, names, strict=True):
        read = any(structure.rule == "named" and structure.key == keys[target] for structure in structures)
        itself.append(read or holds(row.text, name))
    return np.array(itself, dtype=np.bool_)


def names_in(pairs_file: Path, pairs: PairTable, rows: Sequence[PairRow]) -> list[str]:
    """Read the names of the compounds of ``rows`` off a file that holds masked and named captions; else "" each."""
    if not {"text", NAMED_COLUMN} <= set(pairs.columns):
        return [""] * len(rows)
    masked, named = read_pairs(pairs_file, "text").rows, read_pairs(pairs_file, NAMED_COLUMN).rows
    numbers = [row.row - 1 for row in rows]
    return own_names([masked[n].text for n in numbers], [named[n].text for n in numbers])


def slices_of(pairs: PairTable, answers: Answers, itself: Bools, seen: Seen | None) -> tuple[Slice, ...]:
    """Cut the rows into the slices that can be told, the whole first.

    Args:
        pairs: The pair file.
        answers: What the model made of its rows.
        itself: (Q,) rows whose text holds their compound's name.
        seen: What training has seen; without it the slices that need it are left out.
    """
    everything = np.ones(len(answers.rows), dtype=np.bool_)
    parts = [Slice("all", everything), Slice("exact names off", everything, exact_names=False)]
    parts.append(Slice("own name not in the text", ~itself))
    if seen is None:
        return tuple(parts)
    skeletons = _skeletons(pairs, answers.rows)
    fresh = np.array([skeleton not in seen.skeletons for skeleton in skeletons], dtype=np.bool_)
    unread = np.array([wording(row.text) not in seen.texts for row in answers.rows], dtype=np.bool_)
    parts.append(Slice("skeleton not in training", fresh))
    parts.append(Slice("text not in training", unread))
    strict = ~itself & fresh & unread
    return (*parts, Slice("all three", strict), Slice("all three, exact names off", strict, exact_names=False))


def slice_figures(
    answers: Answers, parts: Sequence[Slice], exact_names: bool = True, seed: int = 0
) -> dict[str, dict[str, object]]:
    """Compute the figures of each slice by name; one without rows has only its count."""
    return {part.name: _slice_figures(answers, part, exact_names, seed) for part in parts}


def _slice_figures(answers: Answers, part: Slice, exact_names: bool, seed: int) -> dict[str, object]:
    ranks = answers.ranks(exact_names if part.exact_names is None else part.exact_names)
    count = int(part.mask.sum())
    return {"n": count, **(both_directions(ranks.text[part.mask], ranks.molecule[part.mask], seed) if count else {})}


def figures(run: Measurement) -> dict[str, object]:
    """Measure every slice of masked and named texts."""
    seen = read_seen(run.training)
    texts = {}
    for name, (pairs, answers) in run.answers.items():
        names = names_in(run.validation, pairs, answers.rows)
        parts = slices_of(pairs, answers, names_itself(answers, run.pool, names), seen)
        texts[name] = slice_figures(answers, parts, seed=run.seed)
    return {"pool": len(run.pool), "texts": texts}


def table(data: Data) -> str:
    """Write one row a kind of text and slice."""
    rows = []
    for text, parts in data["texts"].items():
        for name, part in parts.items():
            cells = rank_cells(part["text_to_molecule"]) if part["n"] else ["–"] * len(RANK_COLUMNS)
            rows.append([text, name, f"{part['n']:,}", *cells])
    return markdown(["validation text", "rows", "n", *RANK_COLUMNS], rows)
