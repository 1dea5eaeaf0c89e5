"""How numbers, limits, degrees and denials are written: "at least three", "between 200 and 300", "no", "very high".

Each limit is a regular expression of lower-case text with its kind; ``n``, ``from`` and ``to`` are the numbers.
"""

import re

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_HUNDREDS = {f"{word} hundred": 100 * number for number, word in enumerate(_DIGITS) if number} | {"a hundred": 100}
NUMBERS = (
    {word: number for number, word in enumerate((*_DIGITS, *_TEENS))}
    | {word: 10 * number for number, word in enumerate(_TENS, 3)}
    | _HUNDREDS
    | {
        "a single": 1,
        "single": 1,
        "a pair of": 2,
        "a couple of": 2,
        "a dozen": 12,
        "a thousand": 1000,
        "one thousand": 1000,
    }
)
NUM = r"(?:[-−–+]?\d+(?:[.,]\d+)*|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + r")"
# Words that deny, by what reads them; DENYING, below, denies degrees. A word belongs in each that should know it.
_JOIN = r"(?:(?:that|which|but|and) )?"
#: Before what a filter takes out ("without a lactone").
EXCLUDES = (
    rf"(?:(?<!or )without|{_JOIN}(?:with|has|have|having|bearing|contains|containing|shows|showing) no|but no|no"
    rf"|{_JOIN}(?:lacking|lacks|lack)|(?:with )?neither"
    rf"|{_JOIN}(?:do|does|must|should|may|can)(?: not|n't) (?:contain|include|have|bear|carry|hold|possess|be)"
    rf"|{_JOIN}(?:is|are|was|were)(?: not|n't)(?= (?:an?|any|the)\b)"
    rf"|{_JOIN}not (?:containing|including|having|bearing|carrying|being)|(?:but )?not(?= (?:an?|any|the)\b)|but not"
    r"|devoid of|free (?:of|from)|in the absence of|excluding|except(?: for)?|other than|apart from)"
)
#: Behind it ("nitro-free").
EXCLUDES_BEHIND = r"[\s-]free\b(?![\s-](?:base|acid|amine|energy|radical|form|nh|oh|of\b|from\b))"
#: Before structure that counts against a molecule, where no filter was made of it.
DENIES_STRUCTURE = (
    r"(?:no|not|non|without|lacking|lacks|lack|free (?:of|from)|devoid of|excluding|except(?: for)?|other than"
    r"|rather than|neither|nor|absence of|absent|instead of|minus)"
)
#: Before a role that the molecule does not have.
DENIES_ROLE = (
    r"(?:no|not|never|without|lack(?:s|ing)?|free\s+(?:of|from)|devoid\s+of|neither|nor|excluding|except(?:\s+for)?"
    r"|(?:other|rather)\s+than|instead\s+of|absence\s+of|minus)"
)
#: Before what is counted: an amount of zero.
NONE = (
    r"(?:no|without(?: any| an?| having(?: any)?)?|zero|lack\w*(?: any| a)?|free (?:of|from)|devoid of|not any"
    r"|neither|nor|absence of|not a single|not (?:contain|have|bear|carry)\w*(?: any| an?)?)"
)
_AT_LEAST = (
    r"(?:at (?:the )?(?:very )?least|(?:no|not) (?:fewer|less|lower|lighter|smaller|under|below) than"
    r"|not (?:under|below)|a minimum of|minimum(?: of)?|min\.?|from|upwards? of|≥|>=|=>)"
)
_MORE = (
    r"(?:(?:more|greater|larger|higher|heavier|bigger) than|over|above|exceed\w*|in excess of|beyond|surpass\w*"
    r"|well (?:over|above)|>)"
)
_AT_MOST = (
    r"(?:at (?:the )?(?:very )?most|(?:no|not) (?:more|heavier|larger|higher|greater|bigger) than"
    r"|not (?:exceeding|over|above)|up to|a maximum of|maximum(?: of)?|max\.?|≤|<=|=<|at or (?:below|under)|within)"
)
_LESS = r"(?:(?:fewer|less|smaller|lower|lighter) than|below|under|beneath|well (?:under|below)|short of|<)"
_ABOUT = r"(?:exactly|precisely|just|only|equal to|about|around|approximately|near|roughly|close to|some|~|=)"
LIMITS = (
    (
        rf"(?:(?:somewhere |anywhere )?(?:between |from |in the range(?: of)? ))?(?P<from>{NUM})"
        rf"(?: and | to | or |[-–])(?P<to>{NUM})",
        "between",
    ),
    (rf"(?P<n>{NUM})\+?(?: or (?:more|above|larger|higher|greater)| and (?:more|above)|\+)", "at least"),
    (rf"(?P<n>{NUM}) or (?:fewer|less|below|lower|smaller)", "at most"),
    (rf"{_AT_MOST} (?P<n>{NUM})", "at most"),
    (rf"{_AT_LEAST} (?P<n>{NUM})", "at least"),
    (rf"{_MORE} (?P<n>{NUM})", "more"),
    (rf"{_LESS} (?P<n>{NUM})", "less"),
    (
        rf"(?:{_ABOUT} ?)?(?P<n>{NUM})(?: or so)?",
        "equal",
    ),
)
STRONGER = r"very|highly|extremely|strongly|exceptionally|unusually|really|so"
SOFTER = r"moderately|somewhat|fairly|slightly|mildly|of moderate(?:ly)?"
DENYING = (
    r"not(?: at all| very| too| so| particularly| especially)?|hardly|poorly|weakly|barely|scarcely|far from|un|non"
)
_DEGREE = rf"(?:(?P<very>{STRONGER}) )?"
LEVELS = (
    (rf"{_DEGREE}(?:high|large|great|big|considerable|elevated|extended|extensive|rich|strong|long|good)", "high"),
    (rf"{_DEGREE}(?:low|small|little|minimal|reduced|limited|poor|short|tiny|negligible)", "low"),
    (r"(?:moderate|medium|intermediate|average|balanced|middling|mid)", "middle"),
)
COUNTS = (
    # Before "no": "almost no" ends with it.
    (
        rf"{_DEGREE}(?:few|(?:hardly|scarcely|barely) any|(?:almost|virtually|practically|next to) no"
        r"|an? (?:low|small) number of|poor in|little)",
        "low",
    ),
    (NONE, "none"),
    (rf"{NONE} [\w -]{{1,40}} (?:or|nor)", "neither"),
    (
        rf"{_DEGREE}(?:many|several|numerous|multiple|(?:lots|plenty) of|an? (?:large|high) number of|rich in|full of)",
        "high",
    ),
)


def number_of(word: str) -> float:
    """Read a number in figures or words."""
    word = word.strip().replace("−", "-").replace("–", "-")
    return float(NUMBERS[word]) if word in NUMBERS else float(re.sub(r",(?=\d{3})", "", word).replace(",", "."))
