"""Parts of captions, as short as what people type: one sentence or one phrase of each."""

import re
import zlib

_SENTENCE_END = re.compile(r"(?<=[a-z)\]0-9])\. (?=[A-Z])")
# "a plant metabolite", "an aromatic ether": up to where the next phrase or a clause begins.
_PHRASE = re.compile(
    r"\b(an? [^\s,.;][^,.;]*?)(?=,|;|\.|$| and an? | that | which | with | carrying | having | where | in which"
    r" | obtained | substituted )"
)
_MOST_WORDS = 7


def sentences(caption: str) -> list[str]:
    """Cut a caption into its sentences."""
    return [part.strip().rstrip(".") for part in _SENTENCE_END.split(caption) if part.strip(" .")]


def phrases(caption: str) -> list[str]:
    """Find the noun phrases of a caption that begin with an article and have at most seven words, each once."""
    candidates = (phrase.strip() for phrase in _PHRASE.findall(caption))
    return list(dict.fromkeys(phrase for phrase in candidates if len(phrase.split()) <= _MOST_WORDS))


def sentence(caption: str) -> str:
    """Choose a sentence of a caption, always the same one; the caption itself where there is none."""
    return _choose(sentences(caption), caption)


def phrase(caption: str) -> str:
    """Choose a phrase of a caption, always the same one; its first sentence where there is none."""
    return _choose(phrases(caption), next(iter(sentences(caption)), caption))


def _choose(excerpts: list[str], otherwise: str) -> str:
    return excerpts[zlib.crc32(otherwise.encode()) % len(excerpts)] if excerpts else otherwise
