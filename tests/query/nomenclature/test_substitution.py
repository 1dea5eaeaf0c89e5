"""Names composed out of prose, and that OPSIN reads them as the chemistry says."""

import pytest
from rdkit import Chem

from molsearch.query.nomenclature.substitution import composed_names
from molsearch.query.opsin import available, the_opsin

needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")


def names(text: str) -> list[str]:
    return [name.name for name in composed_names(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A flavone that is flavone substituted by hydroxy groups at positions 5 and 7.",
            "5,7-dihydroxyflavone",
        ),
        (
            "It is toluene substituted by a chloro group at position 4 and a nitro group at position 2.",
            "4-chloro-2-nitrotoluene",
        ),
        # Two names, two positions: one each.
        (
            "It is pyridine substituted by methyl and ethyl groups at positions 2 and 4 respectively.",
            "2-methyl-4-ethylpyridine",
        ),
        # A substituent with a locant of its own is bracketed, and counted with "bis".
        (
            "It is benzene which is substituted by propan-2-yl groups at positions 1 and 4.",
            "1,4-bis(propan-2-yl)benzene",
        ),
        # The locants first.
        (
            "A naphthol that is naphthalen-1-ol substituted at position 4 by a methoxy group.",
            "4-methoxynaphthalen-1-ol",
        ),
        # A hydrogen replaced.
        (
            "An acid that is acetic acid in which one of the methyl hydrogens is replaced by a phenyl group.",
            "phenylacetic acid",
        ),
        (
            "An ether that is quercetin in which the hydroxy hydrogen at position 3 is replaced by a methyl group.",
            "3-O-methylquercetin",
        ),
        ("It is an amine that is aniline in which an amino hydrogen is replaced by a methyl group.", "N-methylaniline"),
    ],
)
def test_prose_gives_the_name(text: str, expected: str) -> None:
    assert expected in names(text)


def test_the_stereo_that_a_text_states_goes_first() -> None:
    text = "An alcohol that is butane substituted by hydroxy groups at positions 2 and 3 (the 2R,3S stereoisomer)."
    assert names(text)[:2] == ["(2R,3S)-2,3-dihydroxybutane", "2,3-dihydroxybutane"]


def test_a_name_tells_the_words_it_rests_on() -> None:
    text = "A flavone that is flavone substituted by hydroxy groups at positions 5 and 7. It has a role as a drug."
    (name,) = composed_names(text)
    assert text[name.start : name.end].startswith("flavone substituted")
    assert "drug" not in text[name.start : name.end]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A natural product found in Penicillium with data available.",
        "It is a conjugate base of a histidine.",
        "A steroid substituted by nothing in particular.",
        "is substituted by groups at position",
        "of " * 500,
    ],
)
def test_prose_that_defines_nothing_gives_no_name(text: str) -> None:
    assert names(text) == []


@needs_opsin
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A flavone that is flavone substituted by hydroxy groups at positions 5 and 7.",
            "O=c1cc(-c2ccccc2)oc2cc(O)cc(O)c12",
        ),
        (
            "It is toluene substituted by a chloro group at position 4 and a nitro group at position 2.",
            "Cc1ccc(Cl)cc1[N+](=O)[O-]",
        ),
        (
            "An acid that is acetic acid in which one of the methyl hydrogens is replaced by a phenyl group.",
            "O=C(O)Cc1ccccc1",
        ),
        (
            "An alcohol that is butane substituted by hydroxy groups at positions 2 and 3 (the 2R,3R stereoisomer).",
            "C[C@@H](O)[C@@H](C)O",
        ),
    ],
)
def test_opsin_reads_the_name_as_the_structure(text: str, expected: str) -> None:
    structures = the_opsin().resolve(names(text))
    assert Chem.CanonSmiles(expected) in {Chem.CanonSmiles(smiles) for smiles in structures.values()}
