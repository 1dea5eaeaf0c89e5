"""Scores of texts against a pool, as a search gives them: the one place that every protocol takes them from.

Shapes: Q queries (pairs with a text), N molecules of the pool, D width.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.chem.features.features import features_of
from molsearch.chem.io.pairs import PairRow, PairTable, read_pairs, read_pool
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.standardize import standardize
from molsearch.errors import InputError
from molsearch.model.alignment import ranks
from molsearch.model.dual import DualEncoder
from molsearch.query.constraints import Constraints, read_constraints
from molsearch.records import Entry, Molecule, Progress
from molsearch.search.scoring import (
    criteria_penalty,
    part_depth,
    part_penalty,
    possible_matches,
    role_penalty,
    stereo_penalty,
    structure_penalty,
    with_conditions,
)

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

#: Queries scored at once: 256 x 33,010 float32 are 34 MB.
CHUNK = 256
#: Molecules whose graphs are held at once.
GRAPHS = 4096
_REPORT_EVERY = 500  # molecules


class NamedTarget(Protocol):
    """A structure that a text names, or that follows from what it names."""

    @property
    def key(self) -> str:
        """Isomeric SMILES after clean-up: a molecule of this key gets the bonus."""

    @property
    def bonus(self) -> float:
        """What it gains."""

    @property
    def rule(self) -> str:
        """ "named", or the rule by which it follows."""


class Scorer(Protocol):
    """What is asked of a model: score = cosine + the molecule's constant + the bonus of its exact name."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode texts: (Q, D) unit rows."""

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode molecules: (N, D) unit rows."""

    def constants(self, vectors: np.ndarray) -> np.ndarray:
        """Return each molecule's constant, (N,)."""

    def named_structures(self, text: str) -> Sequence[NamedTarget]:
        """Find the structures that a text names."""


class CandidatePool:
    """The molecules to rank among, encoded once for any number of texts; Columns of ``search.scoring``, too.

    Attributes:
        rows: The N molecules, never deduplicated.
        constants: (N,).
    """

    def __init__(self, model: Scorer, rows: Sequence[PairRow], progress: Progress | None = None) -> None:
        self.rows = tuple(rows)
        self._flags: npt.NDArray[np.uint8] | None = None
        self._properties = np.zeros((len(rows), len(PROPERTIES)), np.float32)
        self._vectors = self._encode(model, [row.smiles for row in rows], progress)  # (N, D)
        self.constants = model.constants(self._vectors)  # (N,)
        self._keys: list[str] = []
        self._numbers: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def _encode(self, model: Scorer, smiles: Sequence[str], progress: Progress | None) -> npt.NDArray[np.float32]:
        """Encode the molecules some at a time: the graphs of 33,010 at once take 2 GiB."""
        if not isinstance(model, DualEncoder):
            return model.encode_molecules(smiles, progress)
        vectors, flags = [], []
        for start in range(0, len(smiles), GRAPHS):
            features = features_of(smiles[start : start + GRAPHS])
            if features.refused or features.store is None:
                raise InputError(next(iter(features.refused.values())))
            vectors.append(model.vectors_of_graphs(features.store, progress=part(progress, start, len(smiles))))
            flags.append(features.store.class_bits())
            self._properties[start : start + GRAPHS] = features.properties
        self._flags = np.concatenate(flags) if flags else None
        return np.concatenate(vectors) if vectors else np.zeros((0, model.width), np.float32)

    def keys(self, progress: Progress | None = None) -> Sequence[str]:
        """Return each molecule's key after clean-up; a large pool takes half a minute, once."""
        if not self._keys:
            self._keys = molecule_keys(self.rows, progress)
        return self._keys

    def vectors(self) -> npt.NDArray[np.float32]:
        """Return the vectors of all molecules, (N, D)."""
        return self._vectors

    def flags(self) -> npt.NDArray[np.uint8] | None:
        """Return the packed class bits of all molecules, (N, F); None where the model is none that weighs them."""
        return self._flags

    def properties(self, name: str) -> npt.NDArray[np.float32]:
        """Return one property of all molecules, (N,)."""
        return self._properties[:, list(PROPERTIES).index(name)]

    def bonuses(self, structures: Iterable[NamedTarget], progress: Progress | None = None) -> dict[int, float]:
        """Return the bonus of each row that the structures name; of one that is named twice, the larger."""
        if not self._numbers:
            for number, key in enumerate(self.keys(progress)):
                self._numbers.setdefault(key, []).append(number)
        return {
            number: structure.bonus
            for structure in sorted(structures, key=lambda structure: structure.bonus)
            for number in self._numbers.get(structure.key, ())
        }


def constraints_in(model: Scorer, texts: Sequence[str]) -> list[Constraints]:
    """Read what texts say that can be computed; nothing where the model has no odds for it."""
    if not isinstance(model, DualEncoder) or not model.odds.measured:
        return []
    return read_constraints(texts, model.lexicon, roles=model.role_names)


def blocks(
    model: Scorer, vectors: Floats, pool: CandidatePool, constraints: Sequence[Constraints] = ()
) -> Iterator[Floats]:
    """Score texts against a pool, CHUNK texts at a time, without what exact names and parts add: (chunk, N) each.

    Args:
        model: What scores.
        vectors: (Q, D) of the texts.
        pool: The molecules.
        constraints: Of each text, where classes, amounts and roles are to count.
    """
    for start in range(0, len(vectors), CHUNK):
        block = vectors[start : start + CHUNK] @ pool.vectors().T + pool.constants
        for line, text in zip(block, constraints[start : start + CHUNK], strict=False):
            if isinstance(model, DualEncoder):
                for penalty in (
                    criteria_penalty([text], pool, model.odds),
                    role_penalty([text], pool.vectors(), pool.flags(), model.odds),
                ):
                    line += 0 if penalty is None else penalty
        yield block


def with_parts(model: Scorer, block: Floats, pool: CandidatePool, constraints: Sequence[Constraints]) -> Floats:
    """Count in each row of a (chunk, N) block the conditions of its text, and the parts that it names.

    Parts are looked for among the leading molecules; one that was not looked at counts as the worst of those that were.
    """
    if not isinstance(model, DualEncoder) or not (
        part_depth(constraints) or any(text.criteria.conditions for text in constraints)
    ):
        return block
    adjusted, keys = block.copy(), pool.keys()
    flags = pool.flags()
    for line, text in zip(adjusted, constraints, strict=True):
        if flags is not None and with_conditions([text], model.odds):
            order = np.argsort(-line, kind="stable")
            order = order[possible_matches(text, flags)[order]]
            line += structure_penalty(text, order, len(line), lambda rows: [keys[row] for row in rows], model.odds)
        elif depth := part_depth([text]):
            first = np.argsort(-line, kind="stable")[:depth]
            penalty = part_penalty([text], [keys[number] for number in first], model.odds)
            line[first] += penalty - penalty.min()
            line += penalty.min()
    return adjusted


def caption_constants(model: Scorer, vectors: Floats) -> Floats:
    """Return what is added to each text's scores where texts are ranked for a molecule, (Q,); 0 from other scorers."""
    return model.caption_constants(vectors) if isinstance(model, DualEncoder) else np.zeros(len(vectors), np.float32)


def caption_penalties(model: Scorer, pool: CandidatePool, constraints: Sequence[Constraints], targets: Ints) -> Floats:
    """Compute what texts as descriptions of the Q molecules of ``targets`` lose by their stereodescriptors, (chunk, Q).

    One row of zeros where no text states any. Parts and roles do not count in that direction, since texts cannot be
    compared by what they lose by them: what roles have taken off is given back.
    """
    if not isinstance(model, DualEncoder) or not any(text.configuration or text.roles for text in constraints):
        return np.zeros((1, len(targets)), np.float32)
    keys = [pool.keys()[number] for number in targets.tolist()]
    flags = pool.flags()
    flags = None if flags is None else flags[targets]
    penalties = np.stack([stereo_penalty([text], keys, model.odds) for text in constraints])
    for line, text in zip(penalties, constraints, strict=True):
        taken = role_penalty([text], pool.vectors()[targets], flags, model.odds)
        line -= 0 if taken is None else taken
    return penalties


def with_bonuses(block: Floats, bonuses: Sequence[Mapping[int, float]]) -> Floats:
    """Add to each row of a (chunk, N) block what exact names add to its molecules."""
    adjusted = block.copy()
    for line, gains in zip(adjusted, bonuses, strict=True):
        for number, bonus in gains.items():
            line[number] += bonus
    return adjusted


def searched(
    model: Scorer, texts: Sequence[str], pool: CandidatePool, exact_names: bool = True, progress: Progress | None = None
) -> Floats:
    """Score a few texts as a search does, with all that it counts: (Q, N)."""
    constraints = constraints_in(model, texts)
    scores = np.concatenate(list(blocks(model, model.encode_texts(texts, progress), pool, constraints)))
    if exact_names:
        named = [model.named_structures(text) for text in texts]
        scores = with_bonuses(scores, [pool.bonuses(structures) if structures else {} for structures in named])
    return with_parts(model, scores, pool, constraints)


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Where each pair was found.

    Attributes:
        text: (Q,) rank of each text's molecule in the pool.
        molecule: (Q,) rank of each molecule's text among the texts.
        own: (Q, Q) scores of the texts against the pairs' own molecules.
        rivals: (Q,) row of the pool's best molecule other than the text's own.
    """

    text: Floats
    molecule: Floats
    own: Floats
    rivals: Ints


class Tally:
    """Ranks each text's target in its row of scores, block after block, and each target's text in its column."""

    def __init__(self, targets: Ints) -> None:
        """Begin.

        Args:
            targets: (Q,) column of each text's own molecule.
        """
        self._targets = targets
        self._text: list[Floats] = []
        self._own: list[Floats] = []
        self._rivals: list[Ints] = []
        self.seen = 0

    def add(self, block: Floats, own: Floats | None = None) -> None:
        """Rank the next texts by their (chunk, N) scores.

        Args:
            block: The scores.
            own: (chunk, Q) scores against the pairs' own molecules for the other direction; of ``block`` if None.
        """
        targets = self._targets[self.seen : self.seen + len(block)]
        self._text.append(ranks(block, targets))
        self._own.append(block[:, self._targets] if own is None else own)
        others = block.copy()
        others[np.arange(len(block)), targets] = -np.inf
        self._rivals.append(others.argmax(1))
        self.seen += len(block)

    def result(self) -> Ranks:
        """Return the ranks of all texts, once every block has been added."""
        own = np.concatenate(self._own)
        columns = np.arange(len(self._targets))
        return Ranks(np.concatenate(self._text), ranks(own.T, columns), own, np.concatenate(self._rivals))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model makes of the pairs of a file.

    Attributes:
        rows: The Q pairs, each with a text.
        targets: (Q,) row of each pair's molecule in the pool.
        named: For each text the structures that it names.
        lifted: Ranks with what exact names add.
        plain: Ranks without.
    """

    rows: tuple[PairRow, ...]
    targets: Ints
    named: tuple[tuple[NamedTarget, ...], ...]
    lifted: Ranks
    plain: Ranks

    def ranks(self, exact_names: bool) -> Ranks:
        """Choose between ranks with and without what exact names add."""
        return self.lifted if exact_names else self.plain


def answer(
    model: Scorer, rows: Sequence[PairRow], pool: CandidatePool, targets: Ints, progress: Progress | None = None
) -> Answers:
    """Rank the pool for each text with and without exact names, and the texts for each molecule."""
    texts = [row.text for row in rows]
    total = len(rows) + len(pool)  # texts, and the molecules' keys
    named = tuple(tuple(model.named_structures(text)) for text in texts)
    after = part(progress, len(rows), total)
    constraints = constraints_in(model, texts)
    plain, lifted = Tally(targets), Tally(targets)
    vectors = model.encode_texts(texts, part(progress, 0, total))
    hubs = caption_constants(model, vectors)
    for number, block in enumerate(blocks(model, vectors, pool, constraints)):
        here = slice(number * CHUNK, (number + 1) * CHUNK)
        chunk = constraints[here]
        penalties = caption_penalties(model, pool, chunk, targets) + hubs[here, None]
        whole = with_parts(model, block, pool, chunk)
        plain.add(whole, block[:, targets] + penalties)
        # Cleaning a large pool takes half a minute, so it is left out where no text names anything.
        bonuses = [pool.bonuses(structures, after) if structures else {} for structures in named[here]]
        with_names = with_bonuses(block, bonuses)
        own = with_names[:, targets] + penalties
        for row in [row for row, gains in enumerate(bonuses) if gains]:  # of the others nothing changes
            whole[row] = with_parts(model, with_names[row : row + 1], pool, chunk[row : row + 1])[0]
        lifted.add(whole, own)
    if progress:
        progress(total, total)
    return Answers(tuple(rows), targets, named, lifted.result(), plain.result())


def answer_file(
    model: Scorer, pairs_file: Path, pool_file: Path, text_column: str = "text", progress: Progress | None = None
) -> tuple[PairTable, Answers, CandidatePool]:
    """Rank a pool file for each text of a pair file.

    Raises:
        InputError: If a file cannot be read, holds no text, or a pair's molecule is not in the pool.
    """
    pairs, molecules = read_pairs(pairs_file, text_column), read_pool(pool_file)
    rows = with_text(pairs, text_column)
    targets = find_targets(rows, pairs.name, molecules)
    total = len(rows) + 2 * len(molecules.rows)  # molecules, texts, and the molecules' keys
    pool = CandidatePool(model, molecules.rows, part(progress, 0, total))
    return pairs, answer(model, rows, pool, targets, part(progress, len(pool), total)), pool


def with_text(pairs: PairTable, text_column: str) -> tuple[PairRow, ...]:
    """Leave out the rows without a text.

    Raises:
        InputError: If no row has one.
    """
    rows = tuple(row for row in pairs.rows if not row.empty)
    if not rows:
        raise InputError(f"Column {text_column!r} of {pairs.name} is empty in every row; choose one that holds texts.")
    return rows


def part(progress: Progress | None, before: int, whole: int) -> Progress | None:
    """Let a step report its share of a longer one."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(before + done, whole)

    return report


def find_targets(rows: Sequence[PairRow], name: str, pool: PairTable) -> np.ndarray:
    """Find each pair's molecule in the pool: (Q,) row numbers, the first where the pool repeats it.

    Args:
        rows: The pairs.
        name: Name of their file, for messages.
        pool: The molecules to rank among.

    Raises:
        InputError: If any is missing.
    """
    by_cid: dict[str, int] = {}
    for number, molecule in enumerate(pool.rows):
        if molecule.cid:
            by_cid.setdefault(molecule.cid, number)
    targets = [by_cid.get(row.cid, -1) for row in rows]
    if -1 in targets:
        by_key: dict[str, int] = {}
        for number, key in enumerate(molecule_keys(pool.rows)):
            by_key.setdefault(key, number)
        unplaced = [i for i, number in enumerate(targets) if number < 0]
        for i, key in zip(unplaced, molecule_keys([rows[i] for i in unplaced]), strict=True):
            targets[i] = by_key.get(key, -1)
    missing = [row for row, number in zip(rows, targets, strict=True) if number < 0]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(rows)} molecules of {name} are not in the pool {pool.name}, the first in row "
            f"{missing[0].row} ({missing[0].smiles[:60]}); give the pool that holds them, or leave those rows out."
        )
    return np.array(targets, dtype=np.int64)


def molecule_keys(rows: Sequence[PairRow], progress: Progress | None = None) -> list[str]:
    """Clean each row's structure up to its molecule key; an unreadable SMILES is its own key."""
    keys = []
    for done, row in enumerate(rows, 1):
        cleaned = standardize(Entry(row.row, row.key or row.smiles, "smiles"))
        keys.append(cleaned.key if isinstance(cleaned, Molecule) else row.smiles)
        if progress and (done % _REPORT_EVERY == 0 or done == len(rows)):
            progress(done, len(rows))
    return keys
