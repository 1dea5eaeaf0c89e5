"""The model that ships: it loads, and its first hits among the shipped examples are of the family asked for."""

import csv

import pytest
from rdkit import Chem

from molsearch.query.account import sentences
from molsearch.query.opsin import available
from molsearch.records import Query
from molsearch.screener import EXAMPLES, Screener
from molsearch.settings import Settings

SHIPPED = Settings()
FAMILIES = [
    ("a sulfonamide with an aromatic amine, used as an antibacterial", "[NH2]c1ccc(cc1)S(=O)(=O)[NH,NH2]"),
    ("a beta-lactam antibiotic with a phenyl side chain", "O=C1C(NC(=O)Cc2ccccc2)CN1"),
    ("a steroid hormone with a ketone conjugated to a double bond", "C1CC2C3CCC4~C~C~C~CC4(*)C3CCC2(*)C1"),
    (
        "a flavonoid with several phenolic hydroxy groups and antioxidant action",
        "c1ccccc1-[#6]2~[#6]~[#6]c3ccccc3~[#8]2",
    ),
]

pytestmark = pytest.mark.skipif(
    not (SHIPPED.models / "default" / "model.toml").is_file(), reason=f"no model ships in {SHIPPED.models / 'default'}"
)


@pytest.fixture(scope="module")
def screener(tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """The shipped model over the shipped examples, stored in a folder of the test's own."""
    home = tmp_path_factory.mktemp("home")
    return Screener(Settings(home=home, models=SHIPPED.models, model="default", data=SHIPPED.data))


@pytest.fixture(scope="module")
def examples(screener: Screener) -> list[Chem.Mol]:
    """Every shipped example."""
    assert [info.name for info in screener.libraries()] == [EXAMPLES]
    return [Chem.MolFromSmiles(molecule.key) for molecule in screener.molecules(EXAMPLES)]


def test_the_model_says_what_it_learned_from_and_how_good_it_is(screener: Screener) -> None:
    card = screener.card()
    assert "not stated" not in (card.trained_on, card.licence)
    assert card.metrics
    assert card.text != "This model has no card."


@pytest.mark.parametrize(("text", "smarts"), FAMILIES)
def test_the_family_asked_for_heads_the_list(
    screener: Screener, examples: list[Chem.Mol], text: str, smarts: str
) -> None:
    family = Chem.MolFromSmarts(smarts)
    size = sum(mol.HasSubstructMatch(family) for mol in examples)
    assert 3 <= size <= 10  # of some 230 molecules, so that chance puts none of them first
    hits = screener.search(Query(text, k=size), EXAMPLES).hits
    of_family = [Chem.MolFromSmiles(hit.molecule.key).HasSubstructMatch(family) for hit in hits]
    assert of_family[0]
    assert sum(of_family) >= size * 2 / 3


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("an antibacterial agent", "antibacterial"),
        ("a painkiller", "pain and inflammation"),
        ("an antiviral drug", "antiviral"),
    ],
)
def test_a_role_finds_its_drugs_and_is_read_as_one(screener: Screener, text: str, category: str) -> None:
    with (SHIPPED.data / "examples.csv").open(encoding="utf-8", newline="") as stream:
        family = {row["name"] for row in csv.DictReader(stream) if row["category"] == category}
    told = screener.search(Query(text, k=len(family)), EXAMPLES)
    found = {hit.molecule.name for hit in told.hits} & family
    assert len(found) >= len(family) / 2
    assert "role" in {one.kind for one in told.read.phrases[0].readings}
    assert any(sentence.startswith("Read as roles") for sentence in sentences(told))
    words = screener.search(Query(text, k=len(family), criteria=False), EXAMPLES)
    assert len(found) > len({hit.molecule.name for hit in words.hits} & family)
    assert "role" not in {one.kind for one in words.read.phrases[0].readings}


def test_scores_differ_between_texts_and_between_molecules(screener: Screener) -> None:
    first, second = (screener.search(Query(text, k=5), EXAMPLES) for text, _ in FAMILIES[:2])
    assert {hit.molecule.key for hit in first.hits}.isdisjoint(hit.molecule.key for hit in second.hits[:1])
    assert len({round(hit.score, 4) for hit in first.hits}) == 5


@pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")
def test_a_systematic_name_finds_its_molecule_first(screener: Screener) -> None:
    hits = screener.search(Query("2-(4-isobutylphenyl)propanoic acid", k=3), EXAMPLES).hits
    assert hits[0].molecule.name == "Ibuprofen"
