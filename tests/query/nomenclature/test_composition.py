"""Names composed of the parts that prose lists; what OPSIN makes of them is in test_derive."""

import pytest

from molsearch.query.nomenclature.composition import RULES, group_name


def names(rule: str, text: str) -> list[str]:
    return [name.name for name in RULES[rule](text)]


CASES = (
    (
        "peptide",
        "A tripeptide composed of L-leucine, L-tryptophan, and L-aspartic acid joined in sequence by peptide linkages.",
        ["L-leucyl-L-tryptophyl-L-aspartic acid"],
    ),
    ("peptide", "A dipeptide formed from two L-tryptophan residues.", ["L-tryptophyl-L-tryptophan"]),
    (
        "peptide",
        "A tetrapeptide composed of L-glutamic acid, L-phenylalanine and two L-glutamine units joined by "
        "peptide linkages.",
        ["L-alpha-glutamyl-L-phenylalanyl-L-glutaminyl-L-glutamine"],
    ),
    (
        "acyl groups",
        "A phosphatidylcholine 33:1 in which the 1- and 2-acyl groups are specified as pentadecanoyl and oleoyl "
        "respectively.",
        ["1-pentadecanoyl-2-oleoyl-sn-glycero-3-phosphocholine"],
    ),
    # The positions told the other way round.
    (
        "acyl groups",
        "A 2-acyl-1-alkyl-sn-glycero-3-phosphocholine in which the acyl and the alkyl groups at positions 2 and 1 are "
        "specified as acetyl and hexadecyl respectively.",
        ["1-hexadecyl-2-acetyl-sn-glycero-3-phosphocholine"],
    ),
    (
        "acyl groups",
        "A phosphatidylcholine 32:2 in which both phosphatidyl acyl groups are specified as palmitoleoyl.",
        ["1-palmitoleoyl-2-palmitoleoyl-sn-glycero-3-phosphocholine"],
    ),
    (
        "acyl groups",
        "A 1-hexanoyl-2-acyl-sn-glycero-3-phosphocholine in which the acyl group at position 2 is specified as "
        "heptanoyl.",
        ["1-hexanoyl-2-heptanoyl-sn-glycero-3-phosphocholine"],
    ),
    (
        "acyl groups",
        "A N-acylsphingosine 1-phosphate(2-) in which the N-acyl group is specified as hexadecanoyl (palmitoyl).",
        ["N-hexadecanoylsphingosine 1-phosphate(2-)"],
    ),
    (
        "acyl groups",
        "An O-acylcarnitine in which the acyl group is specified as pentadecanoyl.",
        ["O-pentadecanoyl-L-carnitine", "O-pentadecanoylcarnitine"],
    ),
    # No name of OPSIN's for cytidine diphosphate diglycerides: none is better than a wrong one.
    (
        "acyl groups",
        "A CDP-diacylglycerol in which the acyl groups at positions 1 and 2 are specified as myristoyl.",
        [],
    ),
    (
        "glycoside",
        "A quercetin O-glucoside in which a glucosyl residue is attached at position 3 of quercetin via a "
        "beta-glycosidic linkage.",
        ["3-O-[beta-D-glucosyl]quercetin"],
    ),
    (
        "glycoside",
        "A flavone C-glycoside that is apigenin substituted by a beta-D-glucopyranosyl residue at position 8 via a "
        "C-glycosidic linkage.",
        [],
    ),
    ("ester", "It is the ethyl ester of p-coumaric acid. It is an ester.", ["p-coumaric acid ethyl ester"]),
    ("salt", "The hydrochloride salt of bambuterol. A drug.", ["bambuterol hydrochloride"]),
    ("salt", "A hydrate that is the monohydrate form of magnesium dichloride.", ["magnesium dichloride monohydrate"]),
    (
        "salt",
        "A salt resulting from the reaction of equimolar amounts of tiagabine and hydrogen chloride.",
        ["tiagabine hydrochloride"],
    ),
)


@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_parts_give_the_name(rule: str, text: str, expected: list[str]) -> None:
    assert names(rule, text) == expected


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, expected in CASES if expected} == set(RULES)


@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_a_name_tells_where_its_words_stand(rule: str, text: str, expected: list[str]) -> None:
    for name in RULES[rule](text):
        assert 0 <= name.start < name.end <= len(text)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize(
    "text",
    ["", "A peptide.", "A salt of an ester of a peptide", "specified as", "osyl residue at position 3 of", "a " * 900],
)
def test_prose_that_lists_nothing_gives_no_name(rule: str, text: str) -> None:
    assert [name for name in names(rule, text) if name.startswith(("1-", "3-", "L-"))] == []


@pytest.mark.parametrize(
    ("words", "group"),
    [
        ("hexadecanoyl (palmitoyl)", "hexadecanoyl"),
        ("(9Z)-octadecenoyl", "(9Z)-octadec-9-enoyl"),
        ("9Z,12Z-octadecadienoyl (linoleoyl)", "(9Z,12Z)-octadeca-9,12-dienoyl"),
        ("(5Z,8Z,11Z,14Z)-eicosatetraenoyl", "(5Z,8Z,11Z,14Z)-icosa-5,8,11,14-tetraenoyl"),
        ("oleoyl", "oleoyl"),
    ],
)
def test_a_group_is_written_as_opsin_reads_it(words: str, group: str) -> None:
    assert group_name(words) == group
