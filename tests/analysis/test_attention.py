"""What the memory bank attends to: the model's own attention, on tokens that carry their right names."""

import math

import numpy as np
import pytest
import torch

from molsearch.analysis.attention import BankReading, SideReading, attend
from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.graph import featurise
from molsearch.errors import InputError, ModelError
from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import ground, read_texts
from molsearch.model.lexical import LexicalConfig
from molsearch.model.molecule import GcnConfig
from molsearch.model.projector import MemoryBankProjector, ProjectorConfig
from molsearch.model.text import TransformerConfig
from molsearch.model.tokens import Tokens
from molsearch.training.tokenizer import train_tokenizer

TEXT = "The acetate ester of salicylic acid, a drug."
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture(scope="module")
def reading(tiny_model: DualEncoder) -> BankReading:
    return attend(tiny_model, TEXT, ASPIRIN)


@pytest.fixture(scope="module")
def paper_model() -> DualEncoder:
    torch.manual_seed(0)
    config = DualConfig(
        text="transformer",
        molecule="gcn",
        transformer=TransformerConfig(width=12, hidden=8, layers=1, heads=2, feedforward=8, max_tokens=6),
        gcn=GcnConfig(width=12, hidden=16),
        projector=ProjectorConfig(width=12, slots=4, heads=2, out=6, head="paper"),
        grounded=False,
        lexical_share=0.0,
    )
    return DualEncoder(config, train_tokenizer([TEXT], 60)).eval()


def text_tokens(model: DualEncoder, texts: list[str]) -> Tokens:
    grounded, store = ground(read_texts(texts, model.lexicon))
    return model.text_tokens(model.prepare_texts(grounded, store))


def molecule_tokens(model: DualEncoder, *smiles: str) -> Tokens:
    graphs, _ = model.prepare_molecules(GraphStore.of([featurise(key) for key in smiles]))
    assert graphs is not None
    return model.molecule(graphs)


def test_every_slot_spends_all_its_attention(reading: BankReading) -> None:
    for side in (reading.text, reading.molecule):
        np.testing.assert_allclose(side.weights.sum(1), 1, atol=1e-5)
        assert side.shares.sum() == pytest.approx(1) and side.overall.sum() == pytest.approx(1, abs=1e-5)


def test_there_is_one_weight_for_each_token_and_each_atom(tiny_model: DualEncoder, reading: BankReading) -> None:
    slots = tiny_model.config.projector.slots
    assert reading.text.weights.shape == (slots, len(reading.tokens))
    assert reading.molecule.weights.shape == (slots, 13)  # aspirin has 13 heavy atoms


@torch.inference_mode()
def test_padding_gets_nothing(tiny_model: DualEncoder) -> None:
    tokens = molecule_tokens(tiny_model, ASPIRIN, "CCO")
    weights = tiny_model.projector.read(tokens)[1]
    assert weights[1, :, 3:].abs().max() == 0 and weights[1, :, :3].min() > 0


@torch.inference_mode()
def test_a_shorter_text_beside_it_is_padded_and_changes_nothing(tiny_model: DualEncoder, reading: BankReading) -> None:
    weights = tiny_model.projector.read(text_tokens(tiny_model, ["an acid", TEXT]))[1]
    assert weights[0].count_nonzero(1).tolist() == [2] * len(weights[0])  # two words, no structure
    np.testing.assert_allclose(weights[1].numpy(), reading.text.weights, atol=1e-5)


@torch.inference_mode()
def test_the_mean_of_the_slots_is_what_the_paper_s_head_pools(paper_model: DualEncoder) -> None:
    tokens = molecule_tokens(paper_model, ASPIRIN, "CCO")
    outputs = paper_model.projector.read(tokens)[0]
    torch.testing.assert_close(outputs.mean(1) * paper_model.projector.scale, paper_model.projector.pool(tokens))


@torch.inference_mode()
def test_the_largest_slot_values_are_what_the_deep_head_pools(tiny_model: DualEncoder) -> None:
    tokens = text_tokens(tiny_model, [TEXT])
    outputs = tiny_model.projector.read(tokens)[0]
    width = tiny_model.config.projector.width
    torch.testing.assert_close(outputs.amax(1), tiny_model.projector.pool(tokens)[:, width:])


@torch.inference_mode()
def test_the_winners_rebuild_the_pooled_columns(tiny_model: DualEncoder, paper_model: DualEncoder) -> None:
    for model, pooled in ((tiny_model, lambda o: o.amax(1)), (paper_model, lambda o: o.mean(1))):
        outputs = model.projector.read(molecule_tokens(model, ASPIRIN))[0]
        torch.testing.assert_close((outputs * model.projector.winners(outputs)).sum(1), pooled(outputs))


@torch.inference_mode()
def test_the_weights_are_those_of_the_model_s_own_attention(tiny_model: DualEncoder, reading: BankReading) -> None:
    seen: list[torch.Tensor] = []
    attention = tiny_model.projector.attention
    hook = attention.register_forward_hook(lambda _, args, output: seen.append(output[0]))
    try:
        tiny_model.encode_texts([TEXT])
    finally:
        hook.remove()
    # The output of a slot is linear in its weights: rebuilt from them, it must be what the encoding run produced.
    tokens = tiny_model.projector.norm(text_tokens(tiny_model, [TEXT]).x)[0]  # (L, D)
    _, _, value = attention.in_proj_weight.chunk(3)
    values = tokens @ value.T + attention.in_proj_bias.chunk(3)[2]
    heads, width = tiny_model.config.projector.heads, tiny_model.config.projector.width
    by_head = _weights_by_head(tiny_model, tokens)  # (H, K, L)
    np.testing.assert_allclose(by_head.mean(0).numpy(), reading.text.weights, atol=1e-5)
    joined = torch.cat([by_head[h] @ values[:, h * width // heads : (h + 1) * width // heads] for h in range(heads)], 1)
    torch.testing.assert_close(attention.out_proj(joined), seen[0][0], atol=1e-5, rtol=1e-4)


def _weights_by_head(model: DualEncoder, tokens: torch.Tensor) -> torch.Tensor:
    attention, heads = model.projector.attention, model.config.projector.heads
    query, key, _ = attention.in_proj_weight.chunk(3)
    query_bias, key_bias, _ = attention.in_proj_bias.chunk(3)
    queries = (model.projector.memory @ query.T + query_bias).unflatten(1, (heads, -1))  # (K, H, D/H)
    keys = (tokens @ key.T + key_bias).unflatten(1, (heads, -1))  # (L, H, D/H)
    return torch.einsum("khd,lhd->hkl", queries, keys).div(math.sqrt(keys.shape[2])).softmax(2)


def test_words_carry_their_place_in_the_text(reading: BankReading) -> None:
    words = [token for token in reading.tokens if token.kind == "word"]
    assert [TEXT[token.start : token.end] for token in words] == [token.label for token in words]
    assert [token.label for token in words][:4] == ["The", "acetate", "ester", "of"]


def test_structures_that_the_text_names_are_extra_tokens_behind_the_words(reading: BankReading) -> None:
    structures = [token for token in reading.tokens if token.kind == "structure"]
    assert [token.label for token in structures] == ["acetate", "salicylic acid"]
    assert reading.tokens[-2:] == tuple(structures)
    assert [len(featurise(token.smiles).atoms) for token in structures] == [4, 10]


def test_a_text_is_read_to_the_last_word_the_model_takes(tiny_model: DualEncoder, paper_model: DualEncoder) -> None:
    assert attend(tiny_model, "an acid", "CCO").read_to == len("an acid")
    assert attend(paper_model, TEXT * 3, "CCO").read_to < len(TEXT)


def test_a_text_without_named_structures_has_words_only(paper_model: DualEncoder) -> None:
    assert {token.kind for token in attend(paper_model, TEXT, "CCO").tokens} <= {"word", "sign"}


def test_entropy_is_zero_on_one_token_and_log_of_their_number_when_even() -> None:
    side = SideReading(np.array([[1, 0, 0, 0], [0.25] * 4], np.float32), np.array([0.5, 0.5], np.float32))
    assert side.entropies.tolist() == pytest.approx([0, math.log(4)])
    assert side.spread.tolist() == pytest.approx([1, 4])


def test_all_slots_together_count_by_their_share() -> None:
    side = SideReading(np.array([[1, 0], [0, 1]], np.float32), np.array([0.75, 0.25], np.float32))
    assert side.slot(None).tolist() == [0.75, 0.25] and side.slot(1).tolist() == [0, 1]


def test_slots_are_shared_fully_when_both_sides_read_alike(tiny_model: DualEncoder) -> None:
    # One atom leaves nothing to choose between: every slot puts all of its attention there.
    reading = attend(tiny_model, "methane", "C")
    np.testing.assert_allclose(reading.molecule.weights, 1, atol=1e-6)
    assert reading.shared.sum() <= 1 + 1e-6
    assert (reading.shared <= np.minimum(reading.text.shares, reading.molecule.shares) + 1e-6).all()


def test_slots_come_most_shared_first(reading: BankReading) -> None:
    assert sorted(reading.by_sharing) == list(range(len(reading.shared)))
    assert np.diff(reading.shared[reading.by_sharing]).max() <= 0


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_text_without_a_word_is_refused(tiny_model: DualEncoder, text: str) -> None:
    with pytest.raises(InputError, match="no word"):
        attend(tiny_model, text, "CCO")


def test_a_model_without_a_bank_says_so() -> None:
    short = DualEncoder(DualConfig(lexical_share=1.0, lexical=LexicalConfig(grams=64, width=4, hidden=4, out=4)))
    with pytest.raises(ModelError, match="no memory bank"):
        attend(short, "an acid", "CCO")
    tokens = Tokens(torch.zeros(1, 1, 8), torch.ones(1, 1) > 0)
    with pytest.raises(ValueError, match="0 memory slots"):
        MemoryBankProjector(ProjectorConfig(width=8, slots=0, out=4)).read(tokens)
