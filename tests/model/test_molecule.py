"""Both molecule encoders: shapes, atom order, padding, and what each can see."""

from dataclasses import replace

import pytest
import torch
from rdkit import Chem
from torch import nn

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.graph import featurise
from molsearch.model.molecule import GcnConfig, GcnEncoder, GineConfig, GineEncoder, MoleculeBatch
from molsearch.model.tokens import Tokens

#: Pairs that differ only in what a caption may speak of.
TWINS = {
    "stereo centre": ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
    "meso and active": ("O[C@H](C)[C@@H](C)O", "O[C@H](C)[C@H](C)O"),
    "double bond": ("OC(=O)/C=C/C(=O)O", "OC(=O)/C=C\\C(=O)O"),
    "isotope": ("C(C(=O)O)N", "[13CH2](C(=O)O)N"),
    "deuterium": ("[2H]OC", "OC"),
    "charge": ("CC(=O)O", "CC(=O)[O-]"),
    "radical": ("C[CH2]", "CC"),
    "bond order": ("CC=CC", "CCCC"),
}


def gine() -> GineEncoder:
    torch.manual_seed(0)
    return GineEncoder(GineConfig(width=16, layers=3, hidden=16)).eval()


def gcn() -> GcnEncoder:
    torch.manual_seed(0)
    return GcnEncoder(GcnConfig(width=16, hidden=20)).eval()


ENCODERS = pytest.mark.parametrize("encoder", [gine(), gcn()], ids=["gine", "gcn"])


def batch(*smiles: str) -> MoleculeBatch:
    return MoleculeBatch.of(GraphStore.of([featurise(key) for key in smiles]))


def summary(tokens: Tokens) -> torch.Tensor:
    return torch.cat([tokens.mean(), tokens.maximum()], -1)


@ENCODERS
@torch.no_grad()
def test_there_is_one_token_for_each_atom(encoder: nn.Module) -> None:
    tokens = encoder(batch("CCO", "c1ccccc1", "[Na+]"))
    assert tokens.x.shape == (3, 6, 16)
    assert tokens.mask.sum(1).tolist() == [3, 6, 1]


@ENCODERS
@torch.no_grad()
def test_company_and_padding_never_change_a_molecule(encoder: nn.Module) -> None:
    alone = encoder(batch("CC(=O)Oc1ccccc1C(=O)O"))
    among = encoder(batch("[Na+].[Cl-]", "CC(=O)Oc1ccccc1C(=O)O", "C" * 40))
    assert torch.allclose(among.x[1, :13], alone.x[0], atol=1e-5)


@ENCODERS
@pytest.mark.parametrize(
    "smiles", ["C[C@H](N)C(=O)N[C@@H](CO)C(=O)[O-]", "C/C=C\\c1ccc([N+](=O)[O-])cc1", "OCC1CC1.Cl"]
)
@torch.no_grad()
def test_atom_order_never_changes_a_molecule(encoder: nn.Module, smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    turned = [Chem.MolToSmiles(mol, doRandom=True, canonical=False) for _ in range(6)]
    assert len(set(turned)) > 1
    vectors = summary(encoder(batch(smiles, *turned)))
    assert torch.allclose(vectors, vectors[:1].expand_as(vectors), atol=1e-5)


@pytest.mark.parametrize("kind", TWINS)
@torch.no_grad()
def test_the_default_encoder_tells_twins_apart(kind: str) -> None:
    first, second = summary(gine()(batch(*TWINS[kind])))
    assert (first - second).abs().max() > 1e-2


@torch.no_grad()
def test_bond_features_reach_the_default_encoder_and_not_the_paper_s() -> None:
    molecules = batch("CC=CC#N")
    bare = replace(molecules, bonds=torch.zeros_like(molecules.bonds))
    assert torch.equal(gcn()(bare).x, gcn()(molecules).x)
    assert (gine()(bare).x - gine()(molecules).x).abs().max() > 1e-2


@torch.no_grad()
def test_the_gcn_is_normalised_neighbour_sums_with_relu_between() -> None:
    encoder, molecules = gcn(), batch("CC(C)O")
    # Kipf and Welling 2017: D^-1/2 (A + I) D^-1/2 x W + b
    adjacency = torch.eye(4)
    adjacency[molecules.edges[0], molecules.edges[1]] = 1
    root = adjacency.sum(1).rsqrt()
    spread = root[:, None] * adjacency * root[None]
    x = encoder.environments(molecules.environments)
    for number, conv in enumerate(encoder.convs):
        x = spread @ (x @ conv.lin.weight.T) + conv.bias
        x = x.relu() if number < 2 else x
    assert torch.allclose(encoder(molecules).x[0], encoder.mlp(x), atol=1e-5)


@torch.no_grad()
def test_a_gine_layer_adds_its_atoms_and_bonds_to_the_atom_as_it_was() -> None:
    encoder, molecules = gine(), batch("CC=O")
    layer = encoder.layers[0]
    x = torch.randn(3, 16)
    bonds = layer.bonds(molecules.bonds)
    sums = layer.norm(x).clone()
    for (source, target), bond in zip(molecules.edges.T.tolist(), bonds, strict=True):
        sums[target] += (layer.norm(x)[source] + bond).relu()
    assert torch.allclose(layer(x, molecules.edges, molecules.bonds), x + layer.conv.nn(sums), atol=1e-5)


@torch.no_grad()
def test_an_atom_s_input_is_the_mean_of_its_morgan_environments() -> None:
    encoder, molecules = gine(), batch("CCO")
    table = encoder.environments.table.weight
    vectors = encoder.environments(molecules.environments)
    for atom, numbers in enumerate(molecules.environments.tolist()):
        there = [number for number in numbers if number >= 0]
        assert torch.allclose(vectors[atom], table[there].mean(0), atol=1e-6)


def test_the_paper_s_sizes_are_the_defaults_of_its_encoder() -> None:
    encoder = GcnEncoder(GcnConfig())
    assert [tuple(conv.lin.weight.shape) for conv in encoder.convs] == [(600, 300), (600, 600), (600, 600)]
    shapes = [tuple(layer.weight.shape) for layer in encoder.mlp if isinstance(layer, nn.Linear)]
    assert shapes == [(600, 600), (600, 600), (300, 600)]
