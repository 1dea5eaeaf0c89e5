"""Texts to words, and words to hashed features: the strings both text paths start from."""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")


def words(text: str) -> list[str]:
    """Split into runs of letters, runs of digits and single signs; single letters keep their case (N, R, S, D, L)."""
    return [word if len(word) == 1 else word.lower() for word in _WORD.findall(text)]


def word_places(text: str) -> list[tuple[int, int]]:
    """Return where each of ``words(text)`` stands: ``text[start:end]`` is the word before its case was changed."""
    return [match.span() for match in _WORD.finditer(text)]


def hashed(feature: str, size: int) -> int:
    """Number a string in ``range(size)``, the same on every machine."""
    return zlib.crc32(feature.encode()) % size


def character_ngrams(word: str, lengths: Sequence[int]) -> list[str]:
    """Cut a word, fenced by < and >, into its character n-grams."""
    fenced = f"<{word}>"
    return [fenced[i : i + n] for n in lengths for i in range(len(fenced) - n + 1)]


@lru_cache(maxsize=100_000)
def _long_word_grams(word: str) -> tuple[str, ...]:
    return tuple("#" + word[i : i + n] for n in (4, 5, 6) for i in range(len(word) - n + 1))


def text_grams(text: str) -> set[str]:
    """Collect words, neighbouring word pairs and the character 4- to 6-grams of words longer than four letters."""
    sequence = words(text)
    grams = set(sequence)
    grams.update(f"{a}_{b}" for a, b in pairwise(sequence))
    for word in grams.copy():
        if len(word) > 4 and word.isalpha():
            grams.update(_long_word_grams(word))
    return grams
