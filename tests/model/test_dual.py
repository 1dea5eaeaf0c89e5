"""The whole model: vectors that depend on nothing but text and structure, and a folder that keeps them."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.graph import featurise
from molsearch.chem.ontology.classes import CLASSES, MAX_ROWS
from molsearch.errors import InputError, ModelError
from molsearch.model.batch import TextBatch
from molsearch.model.config import DualConfig, config_table
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import TextStructures, ground
from molsearch.model.molecule import GcnConfig, GineConfig
from molsearch.model.projector import MemoryBankProjector, ProjectorConfig
from molsearch.model.text import TransformerConfig
from molsearch.training.tokenizer import train_tokenizer

TEXTS = [
    "a conjugate base of benzoic acid",
    "The molecule is a sulfonamide with an aromatic amine, used as an antibacterial.",
    "an acid",
    "  ",
]
SMILES = ["O=C([O-])c1ccccc1", "Nc1ccc(S(N)(=O)=O)cc1", "C", "[Na+].[Cl-]", "C[C@H](N)C(=O)O"]
TWINS = [
    ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
    ("OC(=O)/C=C/C(=O)O", "OC(=O)/C=C\\C(=O)O"),
    ("NCC(=O)O", "N[13CH2]C(=O)O"),
    ("CC(=O)O", "CC(=O)[O-]"),
]


def paper(**transformer: object) -> DualConfig:
    return DualConfig(
        text="transformer",
        molecule="gcn",
        transformer=replace(
            TransformerConfig(width=12, hidden=8, layers=1, heads=2, feedforward=8, max_tokens=32), **transformer
        ),
        gcn=GcnConfig(width=12, hidden=16),
        projector=ProjectorConfig(width=12, slots=4, heads=2, out=6, head="paper"),
        grounded=False,
        lexical_share=0.0,
    )


def paper_model() -> DualEncoder:
    torch.manual_seed(0)
    return DualEncoder(paper(), train_tokenizer(TEXTS, 80)).eval()


@pytest.fixture
def folder(tiny_model: DualEncoder, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    tiny_model_copy = DualEncoder(tiny_model.config)
    tiny_model_copy.bank = tiny_model.bank.clone()
    tiny_model_copy.load_state_dict(tiny_model.state_dict())
    tiny_model_copy.lexicon = {"water": "O"}
    tiny_model_copy.save(tmp_path / "model")
    return tmp_path / "model"


# --- vectors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tiny", "paper"])
def test_company_never_changes_a_vector(tiny_model: DualEncoder, kind: str) -> None:
    model = tiny_model if kind == "tiny" else paper_model()
    texts, molecules = model.encode_texts(TEXTS), model.encode_molecules(SMILES)
    for row, text in enumerate(TEXTS):
        assert np.allclose(model.encode_texts([text])[0], texts[row], atol=1e-5)
    for row, smiles in enumerate(SMILES):
        assert np.allclose(model.encode_molecules([smiles])[0], molecules[row], atol=1e-5)


def test_vectors_come_in_the_order_asked_and_have_unit_length(tiny_model: DualEncoder) -> None:
    order = [3, 0, 4, 2, 1]
    turned = tiny_model.encode_molecules([SMILES[i] for i in order])
    assert np.allclose(turned, tiny_model.encode_molecules(SMILES)[order], atol=1e-5)
    for vectors in (turned, tiny_model.encode_texts(TEXTS)):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == tiny_model.width == 16
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("smiles", ["C[C@H](N)C(=O)N[C@@H](CO)C(=O)[O-]", "OC(=O)/C=C\\c1ccc([N+](=O)[O-])cc1"])
def test_atom_order_never_changes_a_vector(tiny_model: DualEncoder, smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    turned = [Chem.MolToSmiles(mol, doRandom=True, canonical=False) for _ in range(5)]
    vectors = tiny_model.encode_molecules([smiles, *turned])
    assert np.allclose(vectors, vectors[:1], atol=1e-5)


@pytest.mark.parametrize("twins", TWINS)
def test_twins_have_vectors_of_their_own(tiny_model: DualEncoder, twins: tuple[str, str]) -> None:
    first, second = tiny_model.encode_molecules(twins)
    assert np.abs(first - second).max() > 1e-3


def test_a_named_structure_changes_the_vector_of_its_text(tiny_model: DualEncoder) -> None:
    # Two isomers' names share their words; only the structures tell them so far apart.
    class Text:
        text, classes = "it derives from the acid", ()

        def __init__(self, structures: tuple[int, ...], relations: tuple[int, ...]) -> None:
            self.structures, self.relations = structures, relations

    store = _store("CCO", "c1ccccc1")
    texts = [Text((), ()), Text((0,), (2,)), Text((1,), (2,)), Text((0,), (3,))]
    vectors = tiny_model.vectors_of_texts(texts, store)
    differences = [np.abs(vectors[i] - vectors[j]).max() for i in range(4) for j in range(i)]
    assert min(differences) > 1e-3


def test_an_empty_list_gives_an_empty_matrix(tiny_model: DualEncoder) -> None:
    assert tiny_model.encode_texts([]).shape == (0, 16)
    assert tiny_model.encode_molecules([]).shape == (0, 16)


def test_a_structure_that_cannot_be_read_is_told(tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match="C1CC"):
        tiny_model.encode_molecules(["CCO", "C1CC"])


def test_progress_counts_to_the_end(tiny_model: DualEncoder) -> None:
    seen: list[tuple[int, int]] = []
    tiny_model.encode_molecules(SMILES, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (5, 5)


def test_every_class_of_the_table_has_a_slot_in_the_model(tiny_model: DualEncoder) -> None:
    last = max(CLASSES, key=lambda chemical: chemical.row)
    assert last.row < MAX_ROWS
    assert np.isfinite(tiny_model.encode_molecules([last.example])).all()
    assert np.isfinite(tiny_model.encode_texts([f"It is a {last.name}.", "an acid"])).all()


def test_the_score_is_the_weighted_mean_of_the_paths_cosines(tiny_model: DualEncoder) -> None:
    text, molecule = tiny_model.encode_texts(TEXTS[:1])[0], tiny_model.encode_molecules(SMILES[:1])[0]
    token, lexical = (
        float(text[part] @ molecule[part] / np.linalg.norm(text[part]) / np.linalg.norm(molecule[part]))
        for part in (slice(0, 8), slice(8, 16))
    )
    assert math.isclose(float(text @ molecule), 0.5 * token + 0.5 * lexical, abs_tol=1e-5)


def test_the_constants_are_a_share_of_minus_the_soft_largest_match_with_the_bank(tiny_model: DualEncoder) -> None:
    vectors = tiny_model.encode_molecules(SMILES)
    beta = tiny_model.config.beta
    for vector, constant in zip(vectors, tiny_model.constants(vectors), strict=True):
        powers = [math.exp(beta * float(vector @ row)) for row in tiny_model.bank.numpy()]
        assert math.isclose(
            constant, -tiny_model.config.bank_weight * math.log(sum(powers) / len(powers)) / beta, abs_tol=1e-5
        )


def test_a_model_without_a_bank_adds_nothing() -> None:
    model = paper_model()
    assert (model.constants(model.encode_molecules(SMILES)) == 0).all()


# --- one projector -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tiny", "paper"])
def test_both_sides_pass_through_one_and_the_same_projector(tiny_model: DualEncoder, kind: str) -> None:
    model = tiny_model if kind == "tiny" else paper_model()
    projectors = [module for module in model.modules() if isinstance(module, MemoryBankProjector)]
    assert len(projectors) == 1
    seen: list[int] = []
    hook = projectors[0].register_forward_hook(lambda module, _, __: seen.append(id(module)))
    model.encode_texts(TEXTS[:1])
    model.encode_molecules(SMILES[:1])
    hook.remove()
    assert seen == [id(projectors[0])] * 2


def test_a_step_on_either_side_moves_the_shared_memory() -> None:
    model = paper_model()
    batch = model.prepare_molecules(_store("CCO", "CCN"))[0]
    model.embed_molecules(batch, None).token.sum().backward()  # type: ignore[union-attr]
    moved = model.projector.memory.grad
    assert moved is not None and moved.abs().max() > 0


def _store(*smiles: str) -> GraphStore:
    return GraphStore.of([featurise(key) for key in smiles])


def test_parts_of_unlike_width_are_told() -> None:
    with pytest.raises(ModelError, match=r"share one token width, got \[12, 16\]"):
        DualEncoder(replace(paper(), gcn=GcnConfig(width=16, hidden=16)), train_tokenizer(TEXTS, 80))


def test_a_transformer_without_a_tokenizer_is_told() -> None:
    with pytest.raises(ModelError, match=r"needs its tokenizer, got none"):
        DualEncoder(paper())


# --- on disk -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        paper(),
        replace(paper(), molecule="gine", gine=GineConfig(width=12, layers=1, hidden=8), grounded=True),
        replace(paper(), lexical_share=0.3),
    ],
    ids=["paper", "transformer and gine, grounded", "paper beside the short path"],
)
def test_a_saved_model_gives_the_same_vectors(tmp_path: Path, config: DualConfig) -> None:
    torch.manual_seed(0)
    model = DualEncoder(config, train_tokenizer(TEXTS, 80)).eval()
    model.lexicon = {"water": "O"}
    model.bank = torch.nn.functional.normalize(torch.randn(5, model.width))
    model.save(tmp_path / "m")
    loaded = DualEncoder.load(tmp_path / "m")
    assert config_table(loaded.config) == config_table(config)
    assert loaded.lexicon == {"water": "O"}
    # Rows of the larger matrices are kept in steps of 1/127 of their largest value.
    assert np.allclose(loaded.encode_texts(TEXTS), model.encode_texts(TEXTS), atol=0.03)
    vectors = model.encode_molecules(SMILES)
    assert np.allclose(loaded.encode_molecules(SMILES), vectors, atol=0.03)
    assert np.allclose(loaded.constants(vectors), model.constants(vectors), atol=0.03)


def test_saving_a_loaded_model_changes_no_vector(folder: Path, tmp_path: Path) -> None:
    first = DualEncoder.load(folder)
    first.save(tmp_path / "again")
    second = DualEncoder.load(tmp_path / "again")
    assert np.allclose(first.encode_molecules(SMILES), second.encode_molecules(SMILES), atol=2e-3)
    assert np.allclose(first.encode_texts(TEXTS), second.encode_texts(TEXTS), atol=2e-3)


def test_a_model_from_a_pretrained_text_encoder_needs_its_folder_no_more(tmp_path: Path) -> None:
    torch.manual_seed(0)
    words, bert = train_tokenizer(TEXTS, 80), tmp_path / "bert"
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=words.get_vocab_size(), **sizes)).save_pretrained(bert)
    words.save(str(bert / "tokenizer.json"))
    model = DualEncoder(paper(pretrained=str(bert))).eval()
    expected = model.encode_texts(TEXTS)
    model.save(tmp_path / "m")
    bert.rename(tmp_path / "moved away")
    assert np.allclose(DualEncoder.load(tmp_path / "m").encode_texts(TEXTS), expected, atol=0.03)


def test_the_id_follows_the_content_of_the_folder_not_its_place(folder: Path, tmp_path: Path) -> None:
    model = DualEncoder.load(folder)
    folder.rename(tmp_path / "elsewhere")
    assert DualEncoder.load(tmp_path / "elsewhere").model_id == model.model_id
    state = load_file(tmp_path / "elsewhere" / "weights.safetensors")
    state["log_scale.token"] = state["log_scale.token"] + 1
    save_file(state, tmp_path / "elsewhere" / "weights.safetensors")
    assert DualEncoder.load(tmp_path / "elsewhere").model_id != model.model_id


def _drop_weight(folder: Path) -> None:
    state = load_file(folder / "weights.safetensors")
    del state["projector.memory"]
    save_file(state, folder / "weights.safetensors")


def _add_weight(folder: Path) -> None:
    state = load_file(folder / "weights.safetensors")
    save_file(state | {"adapter.bias": torch.zeros(2)}, folder / "weights.safetensors")


def _resize_weight(folder: Path) -> None:
    state = load_file(folder / "weights.safetensors")
    save_file(state | {"projector.memory": torch.zeros(5, 16)}, folder / "weights.safetensors")


def _cut(name: str, keep: int = 40) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:keep])

    return damage


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_drop_weight, r"missing \['projector\.memory'\], unexpected \[\]"),
        (_add_weight, r"missing \[\], unexpected \['adapter\.bias'\]"),
        (_resize_weight, r"of another shape \['projector\.memory'\]"),
        (_cut("weights.safetensors"), r"weights in .*cannot be read.*copy the model folder again"),
        (_write("weights.safetensors", b""), r"weights in .*cannot be read"),
        (_remove("weights.safetensors"), r"weights in .*cannot be read"),
        (_remove("model.toml"), r"No model in .*model\.toml.*expected model\.toml, weights\.safetensors"),
        (_remove("lexicon.json"), r"No model in .*lexicon\.json"),
        (_write("model.toml", b"[words\nwidth = 3"), r"model\.toml is not readable TOML"),
        (_write("model.toml", b"\xff\xfe\x00"), r"model\.toml is not a text file"),
        (_write("model.toml", b"depth = 3"), r"unknown settings \['depth'\]"),
        (_write("model.toml", b"[words]\ndepth = 3"), r"\[words\] has the unknown settings \['depth'\]"),
        (_write("model.toml", b"words = 3"), r"\[words\] holds 3, expected a table"),
        (_write("model.toml", b"text = 'letters'"), r"sets text to 'letters'"),
        (_write("model.toml", b"[gine]\nlayers = 'five'"), r"\[gine\] sets layers to 'five'"),
        (_write("lexicon.json", b"{"), r"lexicon .*cannot be read"),
        (_write("lexicon.json", b"[1]"), r"lexicon .*holds a list"),
        (_write("tokenizer.json", b"{}"), r"tokenizer .*cannot be read"),
    ],
)
def test_a_damaged_folder_is_told_in_one_sentence(folder: Path, damage: Callable[[Path], None], sentence: str) -> None:
    DualEncoder.load(folder)
    damage(folder)
    with pytest.raises(ModelError, match=sentence):
        DualEncoder.load(folder)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"No model in .*nothing"):
        DualEncoder.load(tmp_path / "nothing")


def test_the_card_is_read_from_the_folder(folder: Path) -> None:
    (folder / "CARD.md").write_text("# A model\n", encoding="utf-8")
    figures = {"metrics": {"hits@1": 25}, "licence": "MIT", "trained_on": "pairs"}
    (folder / "metrics.json").write_text(json.dumps(figures), encoding="utf-8")
    model = DualEncoder.load(folder)
    card = model.card()
    assert (card.name, card.model_id, card.licence, card.trained_on) == ("model", model.model_id, "MIT", "pairs")
    assert card.metrics == {"hits@1": 25.0}
    assert card.text == "# A model\n"


@pytest.mark.parametrize("content", ["{", "[]", '{"metrics": {"mrr": "high"}}'])
def test_damaged_figures_are_told(folder: Path, content: str) -> None:
    (folder / "metrics.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"metrics\.json cannot be read"):
        DualEncoder.load(folder).card()


def test_a_model_without_a_card_says_so(tiny_model: DualEncoder) -> None:
    card = tiny_model.card()
    assert card.text == "This model has no card."
    assert card.metrics == {}
    assert card.name == "default"


# --- a training batch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tiny", "paper"])
@torch.no_grad()
def test_a_pair_is_embedded_as_its_text_and_its_molecule_are(tiny_model: DualEncoder, kind: str) -> None:
    model = (tiny_model if kind == "tiny" else paper_model()).eval()
    texts, (graphs, fragments) = _texts(model), model.prepare_molecules(_store("CCO", "c1ccccc1", "[Na+].[Cl-]"))
    together = model.embed_pairs(texts, graphs, fragments)
    apart = model.embed_texts(texts), model.embed_molecules(graphs, fragments)
    for embedded, other in zip(together, apart, strict=True):
        assert embedded.paths().keys() == other.paths().keys()
        assert all(torch.allclose(embedded.paths()[name], other.paths()[name], atol=1e-6) for name in embedded.paths())
        assert torch.equal(embedded.mean, other.mean)  # type: ignore[arg-type]


@torch.no_grad()
def test_batch_normalisation_counts_texts_and_molecules_alike() -> None:
    model = paper_model().train()
    texts, (graphs, _) = _texts(model), model.prepare_molecules(_store("CCO", "c1ccccc1", "[Na+].[Cl-]"))
    model.text.eval()  # without dropout, so that the same states can be had twice
    linear, norm, _ = model.projector.head  # type: ignore[misc]
    sides = [model.projector.pool(model.text_tokens(texts)), model.projector.pool(model.molecule(graphs))]
    both = torch.cat([linear(side) for side in sides])
    model.embed_pairs(texts, graphs, None)
    assert torch.allclose(norm.running_mean, 0.1 * both.mean(0), atol=1e-6)
    assert torch.allclose(norm.running_var, 0.9 + 0.1 * both.var(0), atol=1e-6)


def _texts(model: DualEncoder) -> TextBatch:
    grounded, store = ground([TextStructures(text) for text in TEXTS[:3]])
    return model.prepare_texts(grounded, store)
