"""Both text encoders: padding, company, length limits, and a pretrained folder made on disk."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from molsearch.errors import ModelError
from molsearch.model.text import TransformerConfig, TransformerEncoder, WordConfig, WordEncoder
from molsearch.model.tokens import Tokens
from molsearch.training.tokenizer import train_tokenizer

TEXTS = [
    "an acid",
    "The molecule is a sulfonamide with an aromatic amine, used as an antibacterial.",
    "a polyprenol glycosyl phosphate",
]


def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 120)


def word_encoder() -> WordEncoder:
    torch.manual_seed(0)
    config = WordConfig(width=16, layers=2, heads=2, feedforward=16, table=512, max_words=8)
    return WordEncoder(config, tokenizer()).eval()


def transformer() -> TransformerEncoder:
    torch.manual_seed(0)
    config = TransformerConfig(width=16, hidden=12, layers=2, heads=2, feedforward=16, max_tokens=24)
    return TransformerEncoder(config, tokenizer()).eval()


ENCODERS = pytest.mark.parametrize("encoder", [word_encoder(), transformer()], ids=["words", "transformer"])
Encoder = WordEncoder | TransformerEncoder


def structures(counts: tuple[int, ...]) -> Tokens:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(len(counts), max(counts), 16, generator=generator)
    mask = torch.arange(max(counts))[None] < torch.tensor(counts)[:, None]
    return Tokens(x, mask)


@ENCODERS
@torch.no_grad()
def test_company_and_padding_never_change_a_text(encoder: Encoder) -> None:
    together = encoder(encoder.prepare(TEXTS))  # type: ignore[arg-type]
    for row, text in enumerate(TEXTS):
        alone = encoder(encoder.prepare([text]))  # type: ignore[arg-type]
        length = int(alone.mask.sum())
        assert int(together.mask[row].sum()) == length
        assert torch.allclose(together.x[row, :length], alone.x[0], atol=1e-5)


@ENCODERS
@torch.no_grad()
def test_structures_of_other_texts_never_change_a_text(encoder: Encoder) -> None:
    slots = structures((1, 3, 2))
    together = encoder(encoder.prepare(TEXTS), slots)  # type: ignore[arg-type]
    alone = encoder(encoder.prepare(TEXTS[:1]), Tokens(slots.x[:1, :1], slots.mask[:1, :1]))  # type: ignore[arg-type]
    assert torch.allclose(together.x[0][together.mask[0]], alone.x[0][alone.mask[0]], atol=1e-5)


@ENCODERS
@torch.no_grad()
def test_the_order_of_words_matters(encoder: Encoder) -> None:
    first, second = (encoder(encoder.prepare([text])).mean() for text in ("acid amine", "amine acid"))  # type: ignore[arg-type]
    assert (first - second).abs().max() > 1e-3


@ENCODERS
@pytest.mark.parametrize("text", ["", "   ", "\u0394\u2192\u4e2d", "acid " * 10_000])
@torch.no_grad()
def test_any_text_becomes_at_least_one_finite_token(encoder: Encoder, text: str) -> None:
    tokens = encoder(encoder.prepare([text]))  # type: ignore[arg-type]
    assert tokens.mask.any()
    assert tokens.x.isfinite().all()


def test_words_past_the_limit_are_left_out() -> None:
    encoder = word_encoder()
    assert encoder.prepare(["one two three four five six seven eight nine ten"]).mask.sum() == 8


def test_word_pieces_past_the_limit_are_left_out() -> None:
    assert transformer().prepare([TEXTS[1] * 5]).mask.sum() == 24


@torch.no_grad()
def test_a_word_is_the_mean_of_its_features() -> None:
    encoder = word_encoder()
    batch = encoder.prepare(["acid amine acid"])
    assert batch.rows.tolist() == [[0, 1, 0]]
    spans = [batch.features[: batch.offsets[1]], batch.features[batch.offsets[1] :]]
    assert set(spans[0].tolist()) == set(encoder._features("acid").tolist())
    vectors = encoder.words(batch.features, batch.offsets)
    assert torch.allclose(vectors[1], encoder.words.weight[spans[1]].mean(0), atol=1e-6)


@torch.no_grad()
def test_a_name_never_seen_shares_its_pieces_with_those_that_were() -> None:
    encoder = word_encoder()
    shared = set(encoder._features("methylpyridine").tolist()) & set(encoder._features("ethylpyridine").tolist())
    other = set(encoder._features("methylpyridine").tolist()) & set(encoder._features("sodium").tolist())
    assert len(shared) > 3 * max(1, len(other))


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    """A BERT as the hub gives it, tiny, saved by transformers, with its tokenizer.json."""
    torch.manual_seed(1)
    words = tokenizer()
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=words.get_vocab_size(), **sizes)).save_pretrained(tmp_path / "bert")
    words.save(str(tmp_path / "bert" / "tokenizer.json"))
    return tmp_path / "bert"


@torch.no_grad()
def test_a_pretrained_folder_gives_its_own_states_brought_to_the_shared_width(pretrained: Path) -> None:
    torch.manual_seed(0)
    encoder = TransformerEncoder.from_pretrained(TransformerConfig(width=16, pretrained=str(pretrained))).eval()
    reference = BertModel.from_pretrained(pretrained).eval()
    batch = encoder.prepare(TEXTS[:1])
    states = reference(input_ids=batch.ids).last_hidden_state
    assert torch.allclose(encoder(batch).x, encoder.norm(encoder.out(states)), atol=1e-5)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_pretrained_folder_without_one_of_its_files_is_told(pretrained: Path, damage: str) -> None:
    (pretrained / damage).unlink()
    with pytest.raises(ModelError, match=r"No pretrained text encoder in .*expected config\.json"):
        TransformerEncoder.from_pretrained(TransformerConfig(width=16, pretrained=str(pretrained)))


def test_a_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelError, match="No pretrained text encoder in nowhere"):
        TransformerEncoder.from_pretrained(TransformerConfig(pretrained="nowhere"))


def test_a_damaged_body_configuration_is_told() -> None:
    for text in ("{", '{"model_type": "no such thing"}', "[]"):
        with pytest.raises(ModelError, match="configuration of the text encoder"):
            TransformerEncoder.body_from(text)
