"""What the program reads in a text and how it ranks, as plain values under names that no renaming touches.

``python -m tests.golden`` compares all of it with the files beside this module; ``--write`` writes them anew, which
only a change that is meant to read differently may do.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.candidates import CandidatePool, answer
from molsearch.model.grounding import read_texts
from molsearch.query.account import read_query
from molsearch.query.amounts import spell_amount
from molsearch.query.constraints import Constraints, read_constraints
from molsearch.query.names import find_mentions
from molsearch.records import Query
from molsearch.screener import EXAMPLES, Screener
from molsearch.settings import Settings

FOLDER = Path(__file__).parent
QUERIES, CAPTIONS, RANKS = FOLDER / "queries.jsonl", FOLDER / "captions.tsv", FOLDER / "ranks.tsv"

Reading = dict[str, Any]


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table without quoting."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, dialect=csv.excel_tab, quoting=csv.QUOTE_NONE))


def shipped_queries() -> list[str]:
    """List the distinct queries of ``data/eval``."""
    files = sorted((Settings().data / "eval").glob("*.tsv"))
    texts = [row.get("query") or row.get("text") or next(iter(row.values())) for path in files for row in rows_of(path)]
    return list(dict.fromkeys(texts))


def captions(shared: Path) -> dict[str, str]:
    """Choose 500 validation captions by their CID and column, half of them with their names."""
    rows = rows_of(shared / "data" / "chebi20_val.tsv")
    masked = {f"{row['cid']} text": row["text"] for row in rows[::13][:250]}
    named = {f"{row['cid']} text_named": row["text_named"] for row in rows[5::13] if row["text_named"]}
    return masked | dict(list(named.items())[:250])


@contextmanager
def encoded_together(screener: Screener, texts: Sequence[str]) -> Iterator[None]:
    """Encode in batches what searches for these texts will encode, for as long as the block lasts.

    One by one they take most of the time of a reading, which depends on no bit of their vectors.
    """
    model = screener.model
    kept: dict[str, None] = {}
    for text in texts:
        with suppress(InputError):
            kept |= {phrase.kept: None for phrase in read_query(Query(text), model.lexicon).phrases if phrase.kept}
    vectors = dict(zip(kept, model.encode_texts(list(kept)), strict=True))
    with patch.object(model, "encode_texts", lambda texts: np.stack([vectors[text] for text in texts])):
        yield


def reading(screener: Screener, text: str) -> Reading:
    """Read a text in every way in which a search does; what is empty is left out."""
    try:
        ranking = screener.search(Query(text, k=1), EXAMPLES)
    except InputError as error:
        return {"refused": str(error)}
    model, read = screener.model, ranking.read
    kept = [phrase.kept for phrase in read.phrases if phrase.kept]
    found: Reading = {
        "embedded": [phrase.kept for phrase in read.phrases],
        "filters": [[it.kind, it.words, it.read_as, it.from_text] for it in read.exclusions],
        "left": [[step.what, step.left] for step in ranking.narrowing.steps],
        "shown": [
            [it.kind, it.words, it.start, it.end, it.read_as, it.rule, it.in_library]
            for phrase in read.phrases
            for it in phrase.readings
        ],
        "unread words": sum(phrase.unread_words for phrase in read.phrases),
        "notes": list(ranking.notes),
        "grounding": [
            [list(it.structures), list(it.relations), list(it.classes)] for it in read_texts(kept, model.lexicon)
        ],
        "mentions": [
            [mention.name, mention.start, mention.end, mention.smiles, mention.relation]
            for mentions in find_mentions(kept, model.lexicon)
            for mention in mentions
        ],
        "named": [
            [it.name, it.start, it.end, it.key, it.bonus, it.rule]
            for text in kept
            for it in model.named_structures(text)
        ],
    }
    for constraints in read_constraints(kept, model.lexicon, roles=model.role_names):
        found |= soft_conditions(constraints)
    return {name: value for name, value in found.items() if value}


def soft_conditions(constraints: Constraints) -> Reading:
    """List what a text asks of a molecule that counts by odds."""
    criteria = constraints.criteria
    return {
        "classes": [[it.name, it.row, it.start, it.end, it.choice] for it in criteria.classes],
        "amounts": [[spell_amount(it), it.name, it.start, it.end, it.exact] for it in criteria.amounts],
        "structure": [[it.condition.words, it.start, it.end] for it in criteria.conditions],
        "coverage": round(criteria.coverage, 9),
        "parts": [[it.smiles, int(it.kind), it.start, it.end] for it in constraints.parts],
        "stereo": dict(sorted(constraints.configuration.items())),
        "roles": [[list(it.numbers), it.start, it.end] for it in constraints.roles],
    }


def written(text: str, found: Reading) -> str:
    """Write a reading as one line of JSON."""
    return json.dumps({"text": text, **found}, ensure_ascii=False, sort_keys=True)


def digest(found: Reading) -> str:
    """Hash a reading, so that the text of a caption need not stand in the project."""
    return hashlib.sha256(written("", found).encode()).hexdigest()[:16]


def rank_lines(screener: Screener, shared: Path) -> Iterator[str]:
    """Rank the 3,301 validation molecules for 300 of their captions, and the captions for each molecule.

    Each line: CID, rank with and without what exact names add, rank of the caption, score of the own molecule.
    """
    rows = rows_of(shared / "data" / "chebi20_val.tsv")
    pool = CandidatePool(screener.model, [PairRow("", row["smiles"]) for row in rows])
    numbers = list(range(0, 3300, 11))
    pairs = [PairRow(rows[number]["text"], rows[number]["smiles"]) for number in numbers]
    answers = answer(screener.model, pairs, pool, np.array(numbers))
    columns: Sequence[Any] = (answers.lifted.text, answers.plain.text, answers.lifted.molecule)
    for place, number in enumerate(numbers):
        ranks = "\t".join(f"{column[place]:g}" for column in columns)
        yield f"{rows[number]['cid']}\t{ranks}\t{float(answers.lifted.own[place, place]).hex()}"
