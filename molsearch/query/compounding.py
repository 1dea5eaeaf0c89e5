"""Class names inside words: "bromophenol" is a phenol and an organobromine compound, "acylhydrazone" a hydrazone.

Chemists compound words freely, so no table of names can hold them all. A word, or a hyphenated one, that the table does
not know is parted into a class name at its end and substituents before it; a few words that stand alone ("brominated",
"cyclic") name a class likewise.
"""

import re
from collections.abc import Iterator

from molsearch.chem.ontology.classes import class_named, find_classes

# What a substituent makes of the molecule that carries it.
SUBSTITUENTS = {
    "fluoro": "organofluorine compound",
    "chloro": "organochlorine compound",
    "bromo": "organobromine compound",
    "iodo": "organoiodine compound",
    "halo": "organohalogen compound",
    "trifluoromethyl": "trifluoromethyl compound",
    "nitro": "nitro compound",
    "nitroso": "nitroso compound",
    "azido": "azide",
    "azo": "azo compound",
    "diazo": "diazo compound",
    "cyano": "nitrile",
    "amino": "amine",
    "imino": "imine",
    "hydroxy": "organooxygen compound",
    "hydroxyl": "organooxygen compound",
    "methoxy": "ether",
    "ethoxy": "ether",
    "alkoxy": "ether",
    "aryloxy": "aromatic ether",
    "phenoxy": "aromatic ether",
    "benzyloxy": "benzyl ether",
    "oxo": "carbonyl compound",
    "keto": "ketone",
    "carboxy": "carboxylic acid",
    "acyl": "carbonyl compound",
    "aroyl": "carbonyl compound",
    "acetyl": "carbonyl compound",
    "benzoyl": "carbonyl compound",
    "carbamoyl": "carboxamide",
    "amido": "carboxamide",
    "sulfonyl": "organosulfur compound",
    "sulfanyl": "thioether",
    "mercapto": "thiol",
    "thio": "organosulfur compound",
    "aryl": "aromatic compound",
    "phenyl": "benzenes",
    "biphenyl": "biphenyls",
    "benzyl": "benzenes",
    "naphthyl": "naphthalenes",
    "benzo": "benzenes",
    "pyridyl": "pyridines",
    "pyridinyl": "pyridines",
    "furyl": "furans",
    "thienyl": "thiophenes",
    "indolyl": "indoles",
    "heteroaryl": "heteroaromatic compound",
    "cyclopropyl": "cyclopropanes",
    "cyclobutyl": "cyclobutanes",
    "cyclopentyl": "cyclopentanes",
    "cyclohexyl": "cyclohexanes",
    "adamantyl": "adamantanes",
    "piperidinyl": "piperidines",
    "piperazinyl": "piperazines",
    "morpholino": "morpholines",
    "vinyl": "alkene",
    "allyl": "alkene",
    "alkenyl": "alkene",
    "alkynyl": "alkyne",
    "ethynyl": "alkyne",
    "propargyl": "alkyne",
    "phospho": "organophosphorus compound",
    "silyl": "organosilicon compound",
    "boryl": "organoboron compound",
    "cyclo": "cyclic compound",
    "spiro": "spiro compound",
    "glyco": "glycoside",
}
# Words that stand alone before or after a class name.
QUALIFIERS = {
    "fluorinated": "organofluorine compound",
    "chlorinated": "organochlorine compound",
    "brominated": "organobromine compound",
    "iodinated": "organoiodine compound",
    "halogenated": "organohalogen compound",
    "halogen": "organohalogen compound",
    "nitrated": "nitro compound",
    "hydroxylated": "organooxygen compound",
    "aryl": "aromatic compound",
    "aromatic": "aromatic compound",
    "phenyl": "benzenes",
    "benzylic": "benzenes",
    "benzyl": "benzenes",
    "heteroaryl": "heteroaromatic compound",
    "heteroaromatic": "heteroaromatic compound",
    "heterocyclic": "heterocyclic compound",
    "heterocycle": "heterocyclic compound",
    "cyclic": "cyclic compound",
    "spirocyclic": "spiro compound",
    "bridged": "bridged compound",
    "macrocyclic": "macrocycle",
    "vinyl": "alkene",
    "vinylic": "alkene",
    "allylic": "alkene",
    "allyl": "alkene",
    "propargylic": "alkyne",
    "propargyl": "alkyne",
    "fluoride": "organofluorine compound",
    "chloride": "organochlorine compound",
    "bromide": "organobromine compound",
    "iodide": "organoiodine compound",
}
_WORD = re.compile(r"[^\W\d_]{4,}")
_MULTIPLIER = re.compile(r"^(?:mono|di|tri|tetra|penta|hexa|bis|poly|per|n|o|s|alkyl|methyl|ethyl|propyl|butyl)")
_PLAIN_END = re.compile(r"(?:mono|di|tri|tetra|penta|hexa|bis|poly|per|alkyl|methyl|ethyl|propyl|butyl)$")
_LEAST_SUFFIX = 4


def find_compounds(text: str) -> list[tuple[str, int, int]]:
    """Find classes inside the words of a text that the class table does not know as they stand.

    Returns:
        (class name, start, end) in text order; a word that holds several names them all with its own span.
    """
    taken = [(start, end) for _, start, end in find_classes(text)]
    compounds = []
    for word in _WORD.finditer(text):
        if any(start < word.end() and word.start() < end for start, end in taken):
            continue
        plain = word.group().lower()
        names = [QUALIFIERS[plain]] if plain in QUALIFIERS else list(dict.fromkeys(_parted(plain)))
        compounds += [(name, word.start(), word.end()) for name in names]
    return compounds


def _parted(word: str) -> Iterator[str]:
    """Yield the class at the end of a word and those of the substituents before it, if it parts without a rest."""
    for cut in range(2, len(word) - _LEAST_SUFFIX + 1):  # the longest class name first
        ending = find_classes(word[cut:])
        if len(ending) == 1 and ending[0][1:] == (0, len(word) - cut):
            lead = list(_substituents(word[:cut]))
            if "" not in lead:
                yield class_named(ending[0][0]).name
                yield from lead
                return


def _substituents(lead: str) -> Iterator[str]:
    """Yield the classes of substituents written one after another; "" where letters are left over."""
    while lead:
        known = max((name for name in SUBSTITUENTS if lead.endswith(name)), key=len, default="")
        if known:
            yield SUBSTITUENTS[known]
            lead = lead[: -len(known)]
        elif (multiplier := _MULTIPLIER.match(lead)) and multiplier.end() == len(lead):
            return
        else:
            trimmed = _PLAIN_END.sub("", lead)
            if trimmed == lead:
                yield ""
                return
            lead = trimmed
