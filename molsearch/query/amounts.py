"""What a text says of computed properties: "a molecular weight below 300", "two aromatic rings", "very lipophilic".

Words give gradual limits and numbers sharp ones; ``fit`` says how well a molecule agrees with either.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from molsearch.chem.properties import PRESETS
from molsearch.query.quantities import BY_NAME, QUANTITIES, WORDS, Quantity, Word
from molsearch.query.wording import COUNTS, DENYING, LEVELS, LIMITS, NUM, SOFTER, STRONGER, number_of
from molsearch.records import PropertyRange

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
_LINK = (
    r"\s*(?:\([\w ]+\)\s*)?(?:count|number|score|value)?s?\s*"
    r"(?:(?:of|is|are|was|being|that is|which is|lies|ranging|ranges|values?|range|=|:"
    r"|in the range)\s+)*"
)
_BEFORE = [
    (re.compile(rf"(?:^|(?<=[\s(,])){pattern}\s+(?:[a-z]+ly |free |marked |known )?$"), kind)
    for pattern, kind in (*LIMITS, *COUNTS, *LEVELS)
]
_AFTER = [(re.compile(_LINK + pattern + r"(?!\w)"), kind) for pattern, kind in (*LIMITS, *LEVELS)]
_MODIFIERS = re.compile(
    rf"(?:(?P<stronger>{STRONGER})|(?P<softer>{SOFTER})|(?P<denying>{DENYING})|quite)(?:(?<=un)|[- ]+)$"
)
_UNIT = re.compile(
    r"(?:\s*(?:k?da(?:ltons?)?|g\s?/\s?mol|g mol-1|å2|å²|å\^2|amu|a\^?2"
    r"|(?:square |sq\.? )?(?:ångstr[öo]ms?|angstroms?|å)|log units?|units?))(?!\w)"
)
_SECOND = re.compile(
    r",? (?:but|and|yet|and also|though) "
    r"(?=(?:more|greater|higher|fewer|less|lower|at|no|not|above|below|over|under)\b)"
)
_NEAR = 64  # characters in which a limit and its noun stand
#: What begins a limit of its own: in "under 300 and two rings" the numbers are no range.
_LIMITED = re.compile(r"(?:\b(?:under|below|over|above|than|least|most|exactly|about|to)|[<>≤≥=~])\s*$")
_COMPARED = re.compile(r"(?<!\w)(more|fewer|less) (?:[a-z]+ )?$")
_THAN = re.compile(rf" than (?P<n>{NUM})(?!\w)")
_BOTH = [(re.compile(rf"(?<!\w){pattern},? (?:but|and|yet) $"), kind) for pattern, kind in LIMITS if kind != "equal"]
_AGAIN = [(re.compile(rf"{pattern}(?!\w)"), kind) for pattern, kind in LIMITS if kind != "equal"]
_CALLED = [re.compile(rf"(?<![\w-]){quantity.nouns}{_LINK}$") for quantity in QUANTITIES]
_NOUNS = [(re.compile(rf"(?<![\w-]){quantity.nouns}"), quantity) for quantity in QUANTITIES]
_ADJECTIVES = [(re.compile(rf"(?<!\w){word.pattern}(?!\w)"), word) for word in WORDS]
_BROKEN = re.compile(
    r"(?:break|broke|violat|fail|disobey|beyond|outside)\w*(?: (?:of|to (?:obey|meet|pass|satisfy)))?(?: the)?\s+$"
)
_SIZES = frozenset({"mass_da", "logp"})
_LEAD = (
    PropertyRange("mass_da", low=250.0, high=350.0),
    PropertyRange("logp", high=3.5),
    PropertyRange("rotatable_bonds", high=7.0),
)  # Irwin & Shoichet, J. Chem. Inf. Model. 2005, 45, 177
_RULES = {
    re.compile(r"lead[- ]?like(?:ness)?"): _LEAD,
    re.compile(r"(?<!not )fragment[- ]?like(?:ness)?"): PRESETS["Rule of three"],
    re.compile(r"(?:\bro5\b|rule[- ]of[- ](?:five|5)|lipinski\w*(?:'s)?(?: (?:rules?|criteria|limits))?)"): PRESETS[
        "Lipinski"
    ],
    re.compile(r"(?:\bro3\b|rule[- ]of[- ](?:three|3))"): PRESETS["Rule of three"],
    re.compile(r"veber\w*(?: rules?)?"): PRESETS["Veber"],
}
_UNKNOWN_STEP = 1.0  # of a counted property that has no row in QUANTITIES


def read_amounts(text: str) -> list[AmountCriterion]:
    """Read what a text says of computed properties, in text order; no two overlap but the limits of one rule."""
    plain = text.lower() if len(text.lower()) == len(text) else text  # lower case must not move the words
    stated = [*_stated(plain), *_presets(plain)]
    numbers = {amount.name for amount in stated if amount.exact}
    described = (amount for amount, word in _described(plain) if not (word.beside and amount.name in numbers))
    return sorted(_without_overlap([*stated, *described]), key=lambda amount: amount.start)


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


def misses(criterion: AmountCriterion, values: Floats) -> Floats:
    """Say how far values miss an amount that is all that a text says, (N,) in 0 to 1.

    A number that is stated parts right from wrong at once; words count by ``fit``.
    """
    disagreement = 1 - fit(criterion, values)
    if not criterion.exact:
        return np.asarray(disagreement, np.float32)
    outside = ~((criterion.low <= values) & (values <= criterion.high))
    return np.asarray((outside + disagreement) / 2, np.float32)


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
    """Read amounts of a property that is called by its noun: "a molecular weight below 300", "two aromatic rings"."""
    for pattern, quantity in _NOUNS:
        for noun in pattern.finditer(plain):
            amount = quantified(plain, noun.start(), noun.end(), quantity)
            if amount:
                yield from _to_unit(plain, amount, quantity)


def _to_unit(plain: str, amount: AmountCriterion, quantity: Quantity) -> Iterator[AmountCriterion]:
    """Let an amount end behind its unit, and read the second limit of "more than 3 but fewer than 6"."""
    unit = _UNIT.match(plain, amount.end)
    whole = replace(amount, end=unit.end()) if unit else amount
    yield whole
    if not amount.exact:
        return
    # A bare number is no second limit: "under 300 and two rings".
    for pattern, kind in _BOTH if amount.low != amount.high else ():
        first = pattern.search(plain, 0, amount.start)  # "more than 3 but fewer than 6 rings"
        if first and not _called(plain, first.start()):  # "MW under 300 and at least two rings"
            yield _amount(quantity, kind, first, first.start(), first.end(), "")
            break
    second = _SECOND.match(plain, whole.end)  # "fewer than 6 rings but more than 3"
    for pattern, kind in _AGAIN if second else ():
        if limit := pattern.match(plain, second.end() if second else 0):
            yield _amount(quantity, kind, limit, limit.start(), limit.end(), "")
            break


def _called(plain: str, end: int) -> bool:
    """Return whether what stands before a limit is the noun that it belongs to."""
    before = plain[max(0, end - _NEAR) : end]
    return any(noun.search(before) for noun in _CALLED)


def quantified(plain: str, start: int, end: int, quantity: Quantity) -> AmountCriterion | None:
    """Read how much there is of what ``plain[start:end]``, in lower case, calls by its noun; None where that is open.

    Args:
        plain: The text in lower case.
        start: Where the noun begins.
        end: Where it ends.
        quantity: What it is called.
    """
    before, after = plain[max(0, start - 48) : start], plain[end : end + _NEAR]
    if (word := _COMPARED.search(before)) and (than := _THAN.match(after)):  # "more heteroatoms than seven"
        kind = "more" if word[1] == "more" else "less"
        return _amount(quantity, kind, than, start - len(before) + word.start(), end + than.end(), "")
    for pattern, kind in _BEFORE:
        if (match := pattern.search(before)) and not _LIMITED.search(before, 0, match.start()):
            first = start if kind == "neither" else start - len(before) + match.start()
            return _amount(quantity, kind, match, first, end, plain[start:end])
    for pattern, kind in _AFTER:
        if (match := pattern.match(after)) and match.group().strip():
            return _amount(quantity, kind, match, start, end + match.end(), plain[start : end + match.end() + 6])
    return None


def _amount(quantity: Quantity, kind: str, match: re.Match[str], start: int, end: int, written: str) -> AmountCriterion:
    groups = match.groupdict()
    very = quantity.step if groups.get("very") else 0.0
    counted = quantity.count
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
        low, high = sorted((number_of(groups["from"]), number_of(groups["to"])))
        return AmountCriterion(quantity.name, low, high, quantity.step, True, start, end)
    value = number_of(groups["n"])
    if quantity.name == "mass_da" and "kda" in written:
        value *= 1_000
    near = 0.0 if counted else quantity.step
    ranges = {
        "at least": (value, _INF),
        "more": (value + 1 if counted else value, _INF),
        "at most": (-_INF, value),
        "less": (-_INF, value - 1 if counted else value),
        "equal": (value - near, value + near),
    }
    return AmountCriterion(quantity.name, *ranges[kind], quantity.step, True, start, end)


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


def _described(plain: str) -> Iterator[tuple[AmountCriterion, Word]]:
    """Read amounts that an adjective states: "rigid", "very lipophilic", "not aromatic"."""
    for pattern, word in _ADJECTIVES:
        step = _step(word.name)
        for match in pattern.finditer(plain):
            low, high, start = word.low, word.high, match.start()
            if modifier := _MODIFIERS.search(plain, 0, start):
                start = modifier.start()
                if word.beside and modifier["denying"]:
                    continue
                if modifier["softer"]:
                    low, high = _softer(low, high, step)
                elif modifier["denying"]:
                    low, high = _denied(low, high, step)
                elif modifier["stronger"]:
                    low, high = low + step, high - step
            counted = low == high or word.name == "charge"  # "neutral" and "bicyclic" are as sharp as numbers
            yield AmountCriterion(word.name, low, high, step, counted, start, match.end()), word


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


def _without_overlap(amounts: Sequence[AmountCriterion]) -> list[AmountCriterion]:
    """Keep the longer of two that read the same words; the limits of one rule share theirs."""
    kept: list[AmountCriterion] = []
    for amount in sorted(amounts, key=lambda amount: (amount.start - amount.end, amount.start)):
        if not any(_clash(amount, other) for other in kept):
            kept.append(amount)
    return kept


def _clash(amount: AmountCriterion, other: AmountCriterion) -> bool:
    if (amount.start, amount.end) == (other.start, other.end) and amount.name != other.name:
        return False
    return amount.start < other.end and other.start < amount.end
