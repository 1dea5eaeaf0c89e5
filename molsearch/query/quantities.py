"""How chemists speak of amounts: the words for each property, and what "low", "high" or "many" of it means.

The cut points are conventions of medicinal chemistry (Lipinski 1997, Veber 2002, Congreve 2003 and the like), not
properties of any library; a word shifts a ranking gradually, it never filters.
"""

import math
from dataclasses import dataclass

_INF = math.inf


@dataclass(frozen=True, slots=True)
class Quantity:
    """A property as it is spoken of.

    Attributes:
        name: Row of properties.PROPERTIES.
        nouns: Regular expression of what it is called, lower case.
        low: Up to here a value counts as low, or few.
        high: From here on as high, or many.
        step: What makes a clear difference; the width of every gradual limit.
        count: Whether it counts things, so that "no", "two" and "many" can stand before the noun.
    """

    name: str
    nouns: str
    low: float
    high: float
    step: float
    count: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """An adjective or phrase that says how much there is of something: ``low <= value <= high``.

    Attributes:
        pattern: Regular expression of the word, lower case.
        name: Row of properties.PROPERTIES.
        low: Least value, or minus infinity.
        high: Largest value, or infinity.
        beside: Whether it only goes with what the words say first: not where they are denied or a number is stated.
    """

    pattern: str
    name: str
    low: float = -_INF
    high: float = _INF
    beside: bool = False


_HYDROGEN_BOND = r"(?:hydrogen[- ]bond(?:ing)?|h[- ]bond(?:ing)?|hb)"
QUANTITIES = (
    Quantity(
        "mass_da",
        r"(?:(?:molecular|molar|formula|relative molecular) (?:weight|mass)(?:es)?|mol\.? ?w(?:eigh)?t\.?|\bmw\b"
        r"|\bmass(?:es)?\b|\bweight\b|\bweigh(?:s|ing)?\b|\bdaltons?\b|\bk?da\b|\bg/mol\b|\bamu\b)",
        230, 450, 50,
    ),
    Quantity(
        "logp",
        r"(?:\bc?log ?p(?:ow)?\b|slogp\b|alogp\b|x?logp3?\b|lipophilicity|hydrophobicity"
        r"|(?:octanol[-–/ ]water )?partition coefficients?)",
        1, 4, 0.7,
    ),
    Quantity("tpsa_a2", r"(?:(?:topological |total )?polar (?:molecular )?surface(?: areas?)?|t?psa\b|polarity"
             r"|å²|å2)", 45, 110, 15),
    Quantity("donors", rf"(?:{_HYDROGEN_BOND}[- ]donors?|hbds?\b|hydrogen donors?"
             r"|donors? (?:(?:and|or|nor) acceptors? )?of hydrogen bonds?|(?<!electron[- ])(?<!proton[- ])donors?\b)",
             1, 4, 0.7, count=True),
    Quantity("acceptors", rf"(?:{_HYDROGEN_BOND}[- ]acceptors?|hbas?\b"
             r"|(?:donors? (?:and|or|nor) )?acceptors? of hydrogen bonds?"
             r"|(?:(?<=donor or )|(?<=donors or )|(?<=donors nor )|(?<=donor nor )|(?<=donors and ))acceptors?"
             r"|(?<!michael )(?<!electron[- ])(?<!proton[- ])acceptors?\b)",
             2, 7, 1.0, count=True),
    Quantity("rotatable_bonds", r"(?:rotatable (?:single )?bonds?|rotatables\b|(?:freely )?rotating bonds?|rotors?\b"
             r"|free rotations?|(?:conformational|torsional) (?:freedom|flexibility)|flexibility|torsions?\b)",
             2, 8, 1.5, count=True),
    Quantity("aromatic_rings", r"(?:aromatic (?:rings?|ring systems?|cycles?|nucle(?:us|i))|arene rings?|aryl rings?"
             r"|aromaticity)",
             0, 3, 0.7, count=True),
    Quantity("rings", r"(?<!aromatic )(?:rings?\b|ring systems?|cycles?\b)", 0, 4, 0.7, count=True),
    Quantity("heavy_atoms", r"(?:(?:heavy|non[- ]hydrogen) atoms?|(?<!carbon )(?<!hetero )atoms?\b)",
             12, 28, 3, count=True),
    Quantity("heteroatoms", r"hetero[- ]?atoms?", 1, 8, 1.0, count=True),
    Quantity("n_o", r"(?:nitrogens? (?:and|or|and/or|plus|nor|\+) oxygens?(?: atoms?)?"
             r"|oxygens? (?:and|or|and/or|plus|nor|\+) nitrogens?(?: atoms?)?|\bn ?(?:and|or|\+|plus|/) ?o atoms?)",
             2, 8, 1.0, count=True),
    Quantity("nh_oh", r"(?:\bn-?h (?:or|and|and/or|plus) o-?h(?: groups?| bonds?)?|\bo-?h (?:or|and|and/or|plus) n-?h"
             r"(?: groups?| bonds?)?|\b[no]-?h/[no]-?h(?: groups?| bonds?)?"
             r"|(?:polar|exchangeable|labile|heteroatom-bound) (?:hydrogens?|protons?)(?: atoms?)?)",
             1, 4, 0.7, count=True),
    Quantity(
        "fraction_csp3",
        r"(?:fraction of sp[3³](?:[- ]hybridi[sz]ed)? carbons?|f?[- ]?sp[3³](?!\w)"
        r"(?:[- ](?:carbons?|hybridi[sz]ed carbons?|character|content|fraction))?|saturation"
        r"|tetrahedral carbons?)",
        0.15, 0.6, 0.1,
    ),
    Quantity(
        "stereocentres",
        r"(?:stereo(?:genic )?[- ]?cent(?:re|er)s?|chirality|stereochemistry"
        r"|(?:chiral|asymmetric|stereogenic) (?:cent(?:re|er)s?|carbons?|atoms?))",
        0, 3, 0.7, count=True,
    ),
    Quantity("charge", r"(?:(?:net |formal )?charges?)", -1, 1, 0.3),
    Quantity("qed", r"(?:drug[- ]?likeness|qed\b)", 0.35, 0.75, 0.08),
    Quantity("molar_refractivity", r"(?:(?:molar )?refractivity|\bmr\b)", 50, 110, 10),
)  # fmt: skip
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}

_SOLUBLE = (
    r"(?:water[- ]soluble|(?<!in)soluble in (?:water|aqueous\w*)|water[- ]loving|likes water"
    r"|water[- ]miscible|aqueous(?:ly)? soluble|dissolves? (?:well |readily |easily )?in water)"
)
_INSOLUBLE = (
    r"(?:(?:water[- ]insoluble|insoluble in water|water[- ](?:hating|repelling|fearing))"
    r"|(?:poorly|sparingly|barely|scarcely|hardly|slightly) "
    r"(?:water[- ])?soluble(?: in water)?|(?:poor|low) (?:water |aqueous )?solubility|"
    r"(?:hardly|barely|scarcely) dissolves? in water|does not dissolve in water)"
)
_BRAIN = (
    r"(?:brain[- ]penetra\w+|(?:cross|pass|enter|penetrate)\w* (?:\w+ ){0,2}(?:brain|blood[-– ]brain barrier)"
    r"|blood[-– ]brain[- ]barrier|cns[- ](?:active|penetra\w+|permeable|like))"
)  # size, polarity and donors: Pajouhesh & Lenz, NeuroRx 2005, 2, 541
_THROUGH = r"(?:(?:cross|permeate|penetrate|pass|get|go|diffuse|move)(?:s|es)?(?: (?:through|across|over|into))?)"
_MEMBRANE = r"(?:an? |the |any )?(?:(?:cell|lipid|plasma|biological|cellular) )*(?:membranes?|bilayers?)\b"
_NOT_AROMATIC = r"(?:non[- ]?aromatic|alicyclic|aliphatic)"
_ALL_ALIPHATIC = (
    rf"(?:all (?:of )?(?:the |its )?rings (?:are |being )?{_NOT_AROMATIC}"
    rf"|(?:only|exclusively|purely) {_NOT_AROMATIC} rings)"
)
_WHOLLY = r"(?:fully|entirely|completely|wholly|all|purely)"
_UNABLE = r"(?:cannot|can not|could not|unable|does not|do not|not able|nothing|neither)"
_HYDROGEN = rf"(?:{_HYDROGEN_BOND}[- ]|(?<!electron[- ])(?<!proton[- ])(?<!pi[- ])(?<!donor[- ]))"
_KIND = r"(?:compounds?|molecules?|ones?|members?|hits?|structures?|drugs?|fragments?)\b"
_MOLECULE = rf"(?= {_KIND}|\s*(?:$|[,;.]))"
WORDS = (
    Word(r"(?:tiny|minute)", "mass_da", high=150),
    Word(rf"(?:small|little|light(?:weight)?|(?:small|light)(?:er|est){_MOLECULE}|low[- ]molecular[- ](?:weight|mass))",
         "mass_da", high=230),
    Word(r"(?:medium|mid|drug|average)[- ]?sized?|of (?:medium|average|intermediate) size", "mass_da", 250, 380),
    Word(rf"(?:large|big|heavy|bulky|(?:larg|bigg|heavi|bulki)(?:er|est){_MOLECULE}"
         r"|high[- ]molecular[- ](?:weight|mass))", "mass_da", low=450),
    Word(r"(?:huge|giant|enormous)", "mass_da", low=650),
    Word(rf"fragment[- ]sized|compact(?=(?: \w+)? {_KIND})", "mass_da", high=300),
    Word(_INSOLUBLE, "logp", low=4.5),
    Word(rf"(?:{_SOLUBLE}|(?:good|high) (?:water |aqueous )?solubility|hydrophilic|lipophobic)", "logp", high=0.5),
    Word(r"(?:lipophilic|hydrophobic|greasy|oily|waxy|(?:fat|lipid|oil)[- ](?:soluble|loving)|soluble in "
         r"(?:fats?|lipids?|oils?|octanol|hexane|organic solvents?)|fatty)", "logp", low=4),
    Word(r"(?:highly|very|readily|freely|good|well)[- ]soluble(?! in)", "logp", high=0.5),
    Word(r"balanced (?:polarity|lipophilicity)", "logp", 1, 3),
    Word(r"(?:non|a)[- ]?polar", "tpsa_a2", high=10),
    Word(r"polar(?! surface)", "tpsa_a2", low=90),
    Word(_BRAIN, "tpsa_a2", high=70),
    Word(_BRAIN, "mass_da", high=400, beside=True),
    Word(_BRAIN, "donors", high=2, beside=True),
    Word(r"(?:membrane|cell)[- ]permea\w+", "tpsa_a2", high=70),
    Word(rf"{_THROUGH} {_MEMBRANE}", "tpsa_a2", high=90),
    Word(rf"too polar to (?:{_THROUGH} {_MEMBRANE}|be absorbed)", "tpsa_a2", low=120),
    Word(rf"{_HYDROGEN}donor[- ]rich|rich in (?:{_HYDROGEN_BOND}[- ])?donors", "donors", low=4),
    Word(rf"{_HYDROGEN}acceptor[- ]rich|rich in (?:{_HYDROGEN_BOND}[- ])?acceptors", "acceptors", low=7),
    Word(rf"{_UNABLE} (?:to )?donates?(?: (?:or|nor) accepts?)? (?:in |an? |any )?{_HYDROGEN_BOND}s?",
         "donors", high=0),
    Word(rf"{_UNABLE} (?:to )?(?:donates? (?:or|nor) )?accepts? (?:in |an? |any )?{_HYDROGEN_BOND}s?",
         "acceptors", high=0),
    Word(r"hetero[- ]?atom[- ]rich|rich in hetero[- ]?atoms", "heteroatoms", low=8),
    Word(r"(?:(?:conformationally )?(?:flexible|floppy)|conformationally (?:free|mobile))", "rotatable_bonds", low=8),
    Word(r"(?:(?:conformationally )?(?:rigid|stiff|inflexible)|rigidified"
         r"|conformationally (?:restricted|constrained|locked))", "rotatable_bonds", high=1),
    Word(r"(?:a|non[- ]?)cyclic|open[- ]chain|ring[- ]free|ringless", "rings", high=0),
    Word(r"(?:monocyclic|single[- ]ring|one[- ]ring)", "rings", 1, 1),
    Word(r"(?:bicyclic|two[- ]ring)", "rings", 2, 2),
    Word(r"(?:tricyclic|three[- ]ring)", "rings", 3, 3),
    Word(r"(?:tetracyclic|four[- ]ring)", "rings", 4, 4),
    Word(r"(?:pentacyclic|five[- ]ring)", "rings", 5, 5),
    Word(r"(?:poly|multi)[- ]?cyclic|multi[- ]ring", "rings", low=4),
    Word(rf"(?:{_NOT_AROMATIC}|(?:nothing|not anything) aromatic)", "aromatic_rings", high=0),
    Word(_ALL_ALIPHATIC, "aromatic_rings", high=0),
    Word(_ALL_ALIPHATIC, "rings", low=1),
    Word(r"poly[- ]?aromatic|(?:highly|very|strongly) aromatic", "aromatic_rings", low=3),
    Word(r"(?:flat|planar|two[- ]dimensional)", "fraction_csp3", high=0.05),
    Word(r"sp[3³][- ]rich|rich in (?:sp[3³]|saturated carbons?)", "fraction_csp3", low=0.6),
    Word(r"sp2[- ]rich|rich in sp2|sp[3³][- ]poor", "fraction_csp3", high=0.15),
    Word(rf"{_WHOLLY}[- ]aromatic", "fraction_csp3", high=0),
    Word(rf"{_WHOLLY}[- ]aromatic", "aromatic_rings", low=1, beside=True),
    Word(rf"{_WHOLLY}[- ]saturated", "fraction_csp3", low=1),
    Word(r"(?<!un)saturated(?! (?:hetero|carbo)?cycl)", "fraction_csp3", low=0.9),
    Word(r"unsaturated", "fraction_csp3", high=0.4),
    Word(r"(?:three[- ]dimensional|3[- ]?d[- ](?:shaped|like)|globular|spherical)", "fraction_csp3", low=0.6),
    Word(r"(?:net )?positive(?: net)? charges?", "charge", low=1),
    Word(r"(?:net )?negative(?: net)? charges?", "charge", high=-1),
    Word(r"(?:positively charged|cationic|cations?\b)", "charge", low=1),
    Word(r"(?:negatively charged|anionic|anions?\b)", "charge", high=-1),
    Word(r"(?:neutral|uncharged|without (?:a |any |net )?charge)", "charge", 0, 0),
    Word(r"achiral|non-chiral|not chiral|no chirality", "stereocentres", high=0),
    Word(r"stereochemically (?:rich|complex)|stereo[- ]?rich|richly stereo\w+", "stereocentres", low=3),
    Word(r"(?<!a)chiral(?! cent| carbon)", "stereocentres", low=1),
    Word(r"(?:salts?\b|multi[- ]?component|counter[- ]?ions?)", "fragments", low=2),
    Word(r"drug[- ]?like", "qed", low=0.75),
    Word(r"(?:hydrocarbons?\b|heteroatom[- ]free|only carbon and hydrogen)", "heteroatoms", high=0),
)  # fmt: skip
