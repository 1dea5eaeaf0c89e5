"""What a text says of computed properties: "a molecular weight below 300", "two aromatic rings", "very lipophilic".

Words give gradual limits and numbers sharp ones; ``fit`` says how well a molecule agrees with either.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.chem.properties import PRESETS
from molsearch.chem.quantities import BY_NAME, QUANTITIES, WORDS, Quantity

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AmountCriterion:
    """An amount stated in ``text[start:end]``.

    Attributes:
        name: Row of properties.PROPERTIES.
        low: Least value, or minus infinity.
        high: Largest value, or infinity.
        step: Over which distance the agreement falls, in the property's unit.
        exact: Whether numbers were given: then every value inside agrees wholly. Words agree the more, the further.
        start: Where the words begin.
        end: Where they end.
    """

    name: str
    low: float
    high: float
    step: float
    exact: bool
    start: int
    end: int


_INF = float("inf")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: number for number, word in enumerate(_DIGITS)} | {"a single": 1, "single": 1, "twenty": 20}
_NUM = r"(?:[-−–]?\d+(?:[.,]\d+)*|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")"
_NONE = (
    r"(?:no|without(?: any| an?)?|zero|lack\w*(?: any| a)?|free (?:of|from)|devoid of|not any|neither|nor|absence of)"
)
_AT_LEAST = r"(?:at least|no (?:fewer|less) than|not (?:fewer|less) than|a minimum of|minimum|from|≥|>=)"
_MORE = r"(?:more than|greater than|larger than|higher than|heavier than|over|above|exceed\w*|beyond|>)"
_AT_MOST = (
    r"(?:at most|no more than|not more than|not exceeding|up to|a maximum of|maximum|≤|<=|no (?:heavier|larger) than)"
)
_LESS = r"(?:fewer than|less than|smaller than|lower than|lighter than|below|under|<)"
_LIMITS = (
    (rf"(?:between |from )?(?P<from>{_NUM})(?: and | to | or |[-–])(?P<to>{_NUM})", "between"),
    (rf"(?P<n>{_NUM})\+?(?: or (?:more|above|larger|higher|greater)| and (?:more|above)|\+)", "at least"),
    (rf"(?P<n>{_NUM}) or (?:fewer|less|below|lower|smaller)", "at most"),
    (rf"{_AT_MOST} (?P<n>{_NUM})", "at most"),
    (rf"{_AT_LEAST} (?P<n>{_NUM})", "at least"),
    (rf"{_MORE} (?P<n>{_NUM})", "more"),
    (rf"{_LESS} (?P<n>{_NUM})", "less"),
    (rf"(?:(?:exactly|just|only|about|around|approximately|near|roughly|close to|~) ?)?(?P<n>{_NUM})", "equal"),
)
_STRONGER = r"very|highly|extremely|strongly|exceptionally|unusually|really|so"
_SOFTER = r"moderately|somewhat|fairly|slightly|mildly|of moderate(?:ly)?"
_DENYING = r"not(?: very| too)?|hardly|far from|un|non"
_DEGREE = rf"(?:(?P<very>{_STRONGER}) )?"
_LEVELS = (
    (rf"{_DEGREE}(?:high|large|great|big|considerable|elevated|extended|extensive|rich|strong|long)", "high"),
    (rf"{_DEGREE}(?:low|small|little|minimal|reduced|limited|poor|short|tiny)", "low"),
    (r"(?:moderate|medium|intermediate|average|balanced|middling|mid)", "middle"),
)
_COUNTS = (
    (_NONE, "none"),
    (rf"{_NONE} [\w -]{{1,40}} (?:or|nor)", "neither"),
    (
        rf"{_DEGREE}(?:many|several|numerous|multiple|(?:lots|plenty) of|an? (?:large|high) number of|rich in|full of)",
        "high",
    ),
    (rf"{_DEGREE}(?:few|hardly any|almost no|scarcely any|an? (?:low|small) number of|poor in|little)", "low"),
)
_LINK = (
    r"\s*(?:\([\w ]+\)\s*)?(?:(?:of|is|are|was|being|that is|which is|lies|ranging|ranges|values?|range|=|:"
    r"|in the range)\s+)*"
)
_BEFORE = [
    (re.compile(rf"(?:^|(?<=[\s(,])){pattern}\s+(?:[a-z]+ly |free |marked |known )?$"), kind)
    for pattern, kind in (*_LIMITS, *_COUNTS, *_LEVELS)
]
_AFTER = [(re.compile(_LINK + pattern + r"(?!\w)"), kind) for pattern, kind in (*_LIMITS, *_LEVELS)]
_MODIFIERS = re.compile(
    rf"(?:(?P<stronger>{_STRONGER})|(?P<softer>{_SOFTER})|(?P<denying>{_DENYING})|quite)(?:(?<=un)|[- ]+)$"
)
_NOUNS = [(re.compile(rf"(?<![\w-]){quantity.nouns}"), quantity) for quantity in QUANTITIES]
_ADJECTIVES = [(re.compile(rf"(?<!\w){word.pattern}(?!\w)"), word) for word in WORDS]
_BROKEN = re.compile(
    r"(?:break|broke|violat|fail|disobey|beyond|outside)\w*(?: (?:of|to (?:obey|meet|pass|satisfy)))?(?: the)?\s+$"
)
_SIZES = frozenset({"mass_da", "logp"})
_RULES = {
    re.compile(r"(?:rule of (?:five|5)|lipinski\w*(?: rules?)?)"): PRESETS["Lipinski"],
    re.compile(r"(?:rule of (?:three|3))"): PRESETS["Rule of three"],
    re.compile(r"veber\w*(?: rules?)?"): PRESETS["Veber"],
}
_UNKNOWN_STEP = 1.0  # of a counted property that has no row in QUANTITIES


def read_amounts(text: str) -> list[AmountCriterion]:
    """Read what a text says of computed properties, in text order; no two overlap but the limits of one rule."""
    plain = text.lower() if len(text.lower()) == len(text) else text  # lower case must not move the words
    return sorted(_without_overlap([*_stated(plain), *_presets(plain), *_described(plain)]), key=lambda one: one.start)


def fit(criterion: AmountCriterion, values: Floats) -> Floats:
    """Say how well values agree with an amount, (N,) in 0 to 1; a missing value (NaN) does not at all."""
    with np.errstate(over="ignore"):
        if criterion.exact:
            beyond = np.maximum(np.maximum(criterion.low - values, values - criterion.high), 0)
            agreement = 1 / (1 + np.square(beyond / criterion.step))
        else:
            rising = 1 / (1 + np.exp((criterion.low - values) / criterion.step))
            falling = 1 / (1 + np.exp((values - criterion.high) / criterion.step))
            agreement = rising * falling
    return np.asarray(np.nan_to_num(agreement, nan=0.0), np.float32)


def spell_amount(criterion: AmountCriterion) -> str:
    """Write an amount in words: "logp about 4 or more", "aromatic_rings 2"."""
    about = "" if criterion.exact else "about "
    if criterion.low == criterion.high:
        return f"{criterion.name} {criterion.low:g}"
    if criterion.high == _INF:
        return f"{criterion.name} {about}{criterion.low:g} or more"
    if criterion.low == -_INF:
        return f"{criterion.name} {about}{criterion.high:g} or less"
    return f"{criterion.name} {about}{criterion.low:g} to {criterion.high:g}"


def _stated(plain: str) -> Iterator[AmountCriterion]:
    """Amounts of a property that is called by its noun: "a molecular weight below 300", "two aromatic rings"."""
    for pattern, quantity in _NOUNS:
        for noun in pattern.finditer(plain):
            found = _quantified(plain, noun.start(), noun.end(), quantity)
            if found:
                yield found


def _quantified(plain: str, start: int, end: int, quantity: Quantity) -> AmountCriterion | None:
    before, after = plain[max(0, start - 48) : start], plain[end : end + 64]
    for pattern, kind in _BEFORE:
        if match := pattern.search(before):
            first = start if kind == "neither" else start - len(before) + match.start()
            return _amount(quantity, kind, match, first, end, plain[start:end])
    for pattern, kind in _AFTER:
        if (match := pattern.match(after)) and match.group().strip():
            return _amount(quantity, kind, match, start, end + match.end(), plain[start : end + match.end() + 6])
    return None


def _amount(quantity: Quantity, kind: str, match: re.Match[str], start: int, end: int, said: str) -> AmountCriterion:
    groups = match.groupdict()
    very = quantity.step if groups.get("very") else 0.0
    one = quantity.count
    words = {
        "neither": (-_INF, 0.0),
        "none": (0.0 if quantity.name == "charge" else -_INF, 0.0),
        "high": (quantity.high + very, _INF),
        "low": (-_INF, quantity.low - very),
        "middle": (quantity.low, quantity.high),
    }
    if kind in words:
        return AmountCriterion(quantity.name, *words[kind], quantity.step, kind in ("none", "neither"), start, end)
    if kind == "between":
        low, high = sorted((_number(groups["from"]), _number(groups["to"])))
        return AmountCriterion(quantity.name, low, high, quantity.step, True, start, end)
    value = _number(groups["n"])
    if quantity.name == "mass_da" and "kda" in said:
        value *= 1_000
    near = 0.0 if one else quantity.step
    ranges = {
        "at least": (value, _INF),
        "more": (value + 1 if one else value, _INF),
        "at most": (-_INF, value),
        "less": (-_INF, value - 1 if one else value),
        "equal": (value - near, value + near),
    }
    return AmountCriterion(quantity.name, *ranges[kind], quantity.step, True, start, end)


def _number(word: str) -> float:
    word = word.strip().replace("−", "-").replace("–", "-")
    return float(_NUMBERS[word]) if word in _NUMBERS else float(re.sub(r",(?=\d{3})", "", word).replace(",", "."))


def _presets(plain: str) -> Iterator[AmountCriterion]:
    for pattern, ranges in _RULES.items():
        if match := pattern.search(plain):
            broken = _BROKEN.search(plain, 0, match.start()) is not None
            for wanted in ranges:
                low = -_INF if wanted.low is None else wanted.low
                high = _INF if wanted.high is None else wanted.high
                if broken:  # a rule is broken by its size limits first; one is enough
                    low, high = high, _INF
                    if wanted.name not in _SIZES:
                        continue
                step = _step(wanted.name)
                yield AmountCriterion(wanted.name, low, high, step, True, match.start(), match.end())


def _described(plain: str) -> Iterator[AmountCriterion]:
    """Amounts that an adjective states: "rigid", "very lipophilic", "not aromatic"."""
    for pattern, word in _ADJECTIVES:
        step = _step(word.name)
        for match in pattern.finditer(plain):
            low, high, start = word.low, word.high, match.start()
            if modifier := _MODIFIERS.search(plain, 0, start):
                start = modifier.start()
                if modifier["softer"]:
                    low, high = _softer(low, high, step)
                elif modifier["denying"]:
                    low, high = _denied(low, high, step)
                elif modifier["stronger"]:
                    low, high = low + step, high - step
            counted = low == high or word.name == "charge"  # "neutral" and "bicyclic" are as sharp as numbers
            yield AmountCriterion(word.name, low, high, step, counted, start, match.end())


def _step(name: str) -> float:
    return BY_NAME[name].step if name in BY_NAME else _UNKNOWN_STEP


def _softer(low: float, high: float, step: float) -> tuple[float, float]:
    if high == _INF:
        return low - 3 * step, low
    return (high, high + 3 * step) if low == -_INF else (low, high)


def _denied(low: float, high: float, step: float) -> tuple[float, float]:
    if high == _INF:
        return -_INF, low - step
    return (high + step, _INF) if low == -_INF else (-_INF, _INF)


def _without_overlap(found: Sequence[AmountCriterion]) -> list[AmountCriterion]:
    """Keep the longer of two that read the same words; the limits of one rule share theirs."""
    kept: list[AmountCriterion] = []
    for one in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        if not any(_clash(one, other) for other in kept):
            kept.append(one)
    return kept


def _clash(one: AmountCriterion, other: AmountCriterion) -> bool:
    if (one.start, one.end) == (other.start, other.end) and one.name != other.name:
        return False
    return one.start < other.end and other.start < one.end
