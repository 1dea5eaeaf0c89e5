"""Texts to word tokens: a small transformer over hashed words, or any local pretrained transformer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertConfig, BertModel

from molsearch.errors import ModelError
from molsearch.model.tokens import Tokens
from molsearch.model.words import character_ngrams, hashed, word_places, words


@dataclass(frozen=True, slots=True)
class WordConfig:
    """Sizes of the word encoder; ``table`` counts the rows shared by all hashed word features."""

    width: int = 256
    layers: int = 2
    heads: int = 4
    feedforward: int = 512
    table: int = 24_576
    max_words: int = 112
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class WordBatch:
    """Texts as rows of distinct words.

    Attributes:
        features: Hashed feature numbers of the distinct words, end to end.
        offsets: (U,) where each distinct word's features begin.
        rows: (B, L) which distinct word stands where.
        mask: (B, L) bool.
    """

    features: Tensor
    offsets: Tensor
    rows: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> "WordBatch":
        """Move to a device."""
        return WordBatch(*(getattr(self, name).to(device) for name in ("features", "offsets", "rows", "mask")))


class WordEncoder(nn.Module):
    """A token per word: its word pieces and character n-grams, then BERT layers over the sentence.

    Word vectors are means of hashed n-gram embeddings (Bojanowski et al., 2017), so that a chemical name never seen in
    training still has a vector; the layers are transformers' BERT (Devlin et al., 2019), trained from scratch.

    Shapes:
        WordBatch of (B, L) words -> Tokens (B, L, D); with structure tokens (B, S, D) -> (B, L + S, D)
    """

    def __init__(self, config: WordConfig, tokenizer: Tokenizer | None = None) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self._numbers: dict[str, np.ndarray] = {}
        self.words = nn.EmbeddingBag(config.table, config.width, mode="mean")
        nn.init.normal_(self.words.weight, std=0.5)
        self.norm = nn.LayerNorm(config.width)
        self.body = BertModel(
            BertConfig(
                vocab_size=1,  # never looked up: the body is fed word vectors
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.feedforward,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=0.0,
                max_position_embeddings=config.max_words + 16,
                type_vocab_size=2,  # 0 a word, 1 a structure
            ),
            add_pooling_layer=False,
        )

    def _features(self, word: str) -> np.ndarray:
        known = self._numbers.get(word)
        if known is None:
            features = {word}
            if len(word) > 3:
                features.update("#" + gram for gram in character_ngrams(word, (3, 4, 5, 6)))
            if self.tokenizer is not None:
                features.update("=" + piece for piece in self.tokenizer.encode(word, add_special_tokens=False).tokens)
            known = np.unique(np.array([hashed(feature, self.config.table) for feature in features], np.int64))
            if len(self._numbers) < 200_000:
                self._numbers[word] = known
        return known

    def prepare(self, texts: Sequence[str]) -> WordBatch:
        """Split texts into words; those past ``max_words`` are left out."""
        split = [words(text)[: self.config.max_words] or ["?"] for text in texts]
        numbers: dict[str, int] = {}
        rows = np.zeros((len(split), max(map(len, split))), np.int64)
        mask = np.zeros(rows.shape, bool)
        for i, line in enumerate(split):
            rows[i, : len(line)] = [numbers.setdefault(word, len(numbers)) for word in line]
            mask[i, : len(line)] = True
        features = [self._features(word) for word in numbers]
        offsets = np.concatenate([[0], np.cumsum([len(hashes) for hashes in features])[:-1]])
        arrays = (np.concatenate(features), offsets.astype(np.int64), rows, mask)
        return WordBatch(*(torch.from_numpy(array) for array in arrays))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where in a text each of its tokens stands, (L,); what is past the last one is not read."""
        return word_places(text)[: self.config.max_words]

    def forward(self, batch: WordBatch, structures: Tokens | None = None) -> Tokens:
        """Encode words, with the structures named among them standing behind."""
        vectors = self.norm(self.words(batch.features, batch.offsets))  # (U, D)
        tokens = Tokens(F.embedding(batch.rows, vectors), batch.mask)  # (B, L, D)
        kinds = torch.zeros_like(batch.rows)
        positions = torch.arange(batch.rows.shape[1], device=batch.rows.device).expand_as(batch.rows)
        if structures is not None:
            tokens = tokens.append(replace(structures, x=structures.x.to(tokens.x.dtype)))
            slots = torch.arange(structures.mask.shape[1], device=batch.rows.device).expand_as(structures.mask)
            kinds = torch.cat([kinds, torch.ones_like(slots)], 1)
            positions = torch.cat([positions, slots + self.config.max_words], 1)
        output = self.body(
            inputs_embeds=tokens.x, attention_mask=tokens.mask.long(), token_type_ids=kinds, position_ids=positions
        )
        return Tokens(output.last_hidden_state, tokens.mask)


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """The paper's text encoder: a BERT, its tokens brought to the shared width.

    ``pretrained`` names a local folder (such as SciBERT) to start from; "" trains a small BERT from scratch.
    """

    width: int = 300
    pretrained: str = ""
    hidden: int = 256
    layers: int = 3
    heads: int = 4
    feedforward: int = 1024
    max_tokens: int = 256
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class PieceBatch:
    """Texts as word pieces: ids (B, L) and mask (B, L) bool."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> "PieceBatch":
        """Move to a device."""
        return PieceBatch(self.ids.to(device), self.mask.to(device))


class TransformerEncoder(nn.Module):
    """All token states of a BERT, each brought to the shared width by a linear layer and LayerNorm.

    Text encoder of arXiv 2410.23715, section on representation: SciBERT tokens, Linear 768 -> 300.

    Shapes:
        PieceBatch (B, L) -> Tokens (B, L, D); structure tokens (B, S, D) are set behind
    """

    def __init__(self, config: TransformerConfig, tokenizer: Tokenizer, body: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.body = body if body is not None else self._from_scratch()
        hidden = int(self.body.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.out = nn.Linear(hidden, config.width)
        self.norm = nn.LayerNorm(config.width)

    @classmethod
    def from_pretrained(cls, config: TransformerConfig) -> "TransformerEncoder":
        """Start from a local folder of a pretrained transformer.

        Raises:
            ModelError: If the folder cannot be read.
        """
        folder = Path(config.pretrained)
        try:
            body = AutoModel.from_pretrained(str(folder), local_files_only=True).float()
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(
                f"No pretrained text encoder in {folder}: {error}; expected config.json, weights and tokenizer.json."
            ) from error
        return cls(config, tokenizer, body)

    @staticmethod
    def body_from(text: str) -> nn.Module:
        """Build the transformer that a JSON configuration describes, with fresh weights.

        Raises:
            ModelError: If it is no configuration of a transformer that transformers knows.
        """
        try:
            table = json.loads(text)
            body: nn.Module = AutoModel.from_config(AutoConfig.for_model(**table))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"The configuration of the text encoder cannot be read: {error}.") from error
        return body

    def _from_scratch(self) -> BertModel:
        config = self.config
        return BertModel(
            BertConfig(
                vocab_size=self.tokenizer.get_vocab_size(),
                hidden_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.feedforward,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                max_position_embeddings=config.max_tokens,
            ),
            add_pooling_layer=False,
        )

    def prepare(self, texts: Sequence[str]) -> PieceBatch:
        """Cut texts into word pieces; those past ``max_tokens`` are left out."""
        encoded = [encoding.ids[: self.config.max_tokens] for encoding in self.tokenizer.encode_batch(list(texts))]
        ids = torch.zeros(len(encoded), max(1, *map(len, encoded)), dtype=torch.long)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        for i, row in enumerate(encoded):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = True
        return PieceBatch(ids, mask)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where in a text each of its tokens stands, (L,); a sign that the tokenizer added stands at (0, 0)."""
        offsets: list[tuple[int, int]] = self.tokenizer.encode(text).offsets
        return offsets[: self.config.max_tokens]

    def forward(self, batch: PieceBatch, structures: Tokens | None = None) -> Tokens:
        """Encode word pieces."""
        states = self.body(input_ids=batch.ids, attention_mask=batch.mask.long()).last_hidden_state
        tokens = Tokens(self.norm(self.out(states)), batch.mask)
        return tokens if structures is None else tokens.append(replace(structures, x=structures.x.to(tokens.x.dtype)))
