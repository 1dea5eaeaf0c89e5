"""What needs no trained space, or less of one: figures to hold a model's against, on the same pool, ties ranked alike.

Each baseline gives scores of texts against the pool, as a model does, and is ranked by the same code.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from molsearch.chem.fingerprints import morgan_bits, tanimoto
from molsearch.chem.io.pairs import PairRow, read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation.candidates import (
    CandidatePool,
    Floats,
    Ranks,
    Tally,
    blocks,
    find_targets,
    molecule_keys,
    part,
    with_text,
)
from molsearch.evaluation.document import Measurement
from molsearch.evaluation.figure_tables import RANK_COLUMNS, Data, markdown, rank_cells, span
from molsearch.evaluation.metrics import both_directions, difference, direction
from molsearch.evaluation.registry import Request
from molsearch.evaluation.text_only import TextOnlyModel
from molsearch.model.dual import DualEncoder
from molsearch.query.names import Mention, find_mentions
from molsearch.records import Progress

_CHUNK = 64  # texts at once: the fingerprints found for 64 texts against 33,010 molecules are 84 MB
EXACT = 2.0  # score of a molecule that a text names; a Tanimoto similarity is at most 1
SHIPPED = "this model"


class Candidates:
    """The molecules to rank, with what the baselines know of them, computed once for any number of texts.

    Attributes:
        rows: The N molecules.
    """

    def __init__(self, rows: Sequence[PairRow]) -> None:
        self.rows = tuple(rows)

    @cached_property
    def prints(self) -> Any:
        """Fingerprints, (N, BITS) sparse."""
        return morgan_bits([row.smiles for row in self.rows])

    @cached_property
    def numbers(self) -> Mapping[str, Sequence[int]]:
        """Rows by the molecule's key."""
        numbers: dict[str, list[int]] = {}
        for number, key in enumerate(molecule_keys(self.rows)):
            numbers.setdefault(key, []).append(number)
        return numbers


@dataclass(frozen=True, slots=True)
class Bench:
    """What every baseline is measured on.

    Attributes:
        texts: The Q queries.
        pool: The N molecules to rank.
        training: Captions with their molecules that may be learned from; () where none were given.
    """

    texts: tuple[str, ...]
    pool: Candidates
    training: tuple[PairRow, ...] = ()


def name_lookup(bench: Bench) -> Iterator[Floats]:
    """Score by the names in a text alone, (chunk, N): no learning, no training captions.

    A molecule that a name resolves to scores EXACT; any other its largest Tanimoto similarity to a structure named.
    Where nothing resolves all tie.
    """
    for start in range(0, len(bench.texts), _CHUNK):
        mentions = find_mentions(bench.texts[start : start + _CHUNK])
        distinct = list(dict.fromkeys(mention.smiles for of_text in mentions for mention in of_text))
        likeness = tanimoto(morgan_bits(distinct), bench.pool.prints)  # (U, N)
        places = {smiles: place for place, smiles in enumerate(distinct)}
        exact = {smiles: bench.pool.numbers.get(key, ()) for smiles, key in _keys(distinct).items()}
        yield np.stack([_name_scores(of_text, likeness, places, exact) for of_text in mentions])


def _keys(smiles: Sequence[str]) -> dict[str, str]:
    whole = [structure for structure in smiles if "*" not in structure]
    return dict(zip(whole, molecule_keys([PairRow("", structure) for structure in whole]), strict=True))


def _name_scores(
    mentions: Sequence[Mention],
    likeness: npt.NDArray[np.float32],
    places: Mapping[str, int],
    exact: Mapping[str, Sequence[int]],
) -> Floats:
    scores = np.zeros(likeness.shape[1], np.float32)
    for mention in mentions:
        scores = np.maximum(scores, likeness[places[mention.smiles]])
    for mention in mentions:
        scores[list(exact.get(mention.smiles, ()))] = EXACT
    return scores


@dataclass(frozen=True, slots=True)
class Bm25:
    """BM25 weights (Robertson & Zaragoza, 2009) of words in training captions."""

    k1: float = 1.5
    b: float = 0.75

    def weights(self, counts: Any) -> Any:
        """Weigh each word of each caption.

        Args:
            counts: (D, V) sparse, how often caption d holds word v.

        Returns:
            (D, V) sparse: idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length)).
        """
        lengths = np.asarray(counts.sum(1)).ravel()
        held = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = np.log1p((counts.shape[0] - held + 0.5) / (held + 0.5))
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        damped = self.k1 * (1 - self.b + self.b * lengths / lengths.mean())[rows]
        data = idf[counts.indices] * counts.data * (self.k1 + 1) / (counts.data + damped)
        return csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def caption_neighbours(bench: Bench, nearest: int = 10) -> Iterator[Floats]:
    """Score by fingerprints of the molecules whose training captions are nearest by BM25, (chunk, N).

    A molecule's score is its Tanimoto similarity to those molecules, averaged by their BM25 score.

    Raises:
        InputError: If no training captions were given.
    """
    if not bench.training:
        raise InputError("BM25 needs training captions to search, got none; give --training-pairs FILE.")
    reader = CountVectorizer(token_pattern=r"[A-Za-z0-9]+")
    counts = reader.fit_transform(row.text for row in bench.training)
    weights = Bm25().weights(counts).T.tocsr()  # (V, D)
    words = reader.transform(bench.texts)  # (Q, V)
    words.data[:] = 1
    for start in range(0, len(bench.texts), _CHUNK):
        scores = (words[start : start + _CHUNK] @ weights).toarray()  # (chunk, D)
        first = np.argsort(-scores, axis=1, kind="stable")[:, :nearest]
        worth = np.take_along_axis(scores, first, 1)
        worth = worth / np.maximum(worth.sum(1, keepdims=True), 1e-9)
        prints = morgan_bits([bench.training[number].smiles for number in first.ravel()])
        likeness = tanimoto(prints, bench.pool.prints).reshape(*first.shape, -1)  # (chunk, nearest, N)
        yield np.einsum("cn,cnm->cm", worth, likeness)


#: Baselines that need no model: what each is called, and its scores.
BASELINES: Mapping[str, Callable[[Bench], Iterator[Floats]]] = {
    "name lookup (OPSIN)": name_lookup,
    "BM25 to training captions, then fingerprint neighbours": caption_neighbours,
}


def rank_baselines(
    bench: Bench, targets: npt.NDArray[np.int64], models: Mapping[str, Path], progress: Progress | None = None
) -> dict[str, Ranks]:
    """Rank the pool by every baseline, and by models read without names.

    Args:
        bench: Texts, pool and training captions.
        targets: (Q,) row of each text's molecule in the pool.
        models: Model folders by the name to report them by.
        progress: Told of the texts done.
    """
    total = len(bench.texts) * (len(BASELINES) + len(models))
    ranks: dict[str, Ranks] = {}
    for name, baseline in BASELINES.items():
        ranks[name] = _ranks(baseline(bench), targets, part(progress, len(ranks) * len(targets), total))
    for name, folder in models.items():
        model = TextOnlyModel(DualEncoder.load(folder))
        pool = CandidatePool(model, bench.pool.rows)
        steps = part(progress, len(ranks) * len(targets), total)
        ranks[name] = _ranks(blocks(model, model.encode_texts(bench.texts), pool), targets, steps)
    return ranks


def _ranks(scores: Iterator[Floats], targets: npt.NDArray[np.int64], progress: Progress | None) -> Ranks:
    tally = Tally(targets)
    for block in scores:
        tally.add(block)
        if progress:
            progress(tally.seen, len(targets))
    return tally.result()


def measure(request: Request) -> dict[str, object]:
    """Measure the baselines, and models read without names, by the pool protocol.

    Raises:
        InputError: If a file is missing, cannot be read or holds no text, or a pair's molecule is not in the pool.
    """
    if request.training_pairs is None:
        raise InputError("Baselines search the training captions: give --training-pairs FILE.")
    pool_file = request.pool()
    pairs, pool = read_pairs(request.pairs, request.text_column), read_pool(pool_file)
    rows = with_text(pairs, request.text_column)
    targets = find_targets(rows, pairs.name, pool)
    bench = Bench(tuple(row.text for row in rows), Candidates(pool.rows), _captions(request.training_pairs))
    ranked = rank_baselines(bench, targets, request.baselines, request.progress)
    return {
        "pool": len(pool.rows),
        "queries": len(rows),
        "baselines": {
            name: both_directions(ranks.text, ranks.molecule, request.seed) for name, ranks in ranked.items()
        },
    }


def _captions(training_file: Path) -> tuple[PairRow, ...]:
    return tuple(row for row in read_pairs(training_file).rows if not row.empty)


def figures(run: Measurement) -> dict[str, object]:
    """Hold the baselines against the model, on masked and on named texts."""
    training = _captions(run.training)
    texts, candidates = {}, Candidates(run.pool.rows)
    for name, (_, answers) in run.answers.items():
        bench = Bench(tuple(row.text for row in answers.rows), candidates, training)
        baselines = rank_baselines(bench, answers.targets, run.baselines, run.progress)
        systems = {"this model, exact names off": answers.plain, **baselines}
        own = answers.lifted.text
        texts[name] = {SHIPPED: {"text_to_molecule": direction(own, run.seed)}} | {
            system: {
                "text_to_molecule": direction(ranks.text, run.seed),
                "behind": difference(ranks.text, own, run.seed)["hits@1"],
            }
            for system, ranks in systems.items()
        }
    below = "The last column is the system minus this model, by paired bootstrap over the same queries."
    return {"pool": len(run.pool), "texts": texts, "below": below}


def table(data: Data) -> str:
    """Write one row a kind of text and system."""
    rows = []
    for text, systems in data["texts"].items():
        for name, system in systems.items():
            gap = system.get("behind")
            behind = f"{gap['difference']:+.1f} {span(gap['interval'])}" if gap else "–"
            rows.append([text, name, *rank_cells(system["text_to_molecule"]), behind])
    return markdown(["validation text", "system", *RANK_COLUMNS, "Hits@1 against the model (95 %)"], rows)
