"""All that a text asks of a molecule and that can be checked: classes, amounts, parts, stereodescriptors and roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from molsearch.query.criteria import Criteria, inside, read_criteria
from molsearch.query.names import Mention, find_mentions
from molsearch.query.parts import Part, parts_of
from molsearch.query.roles import NamedRole, find_roles
from molsearch.query.stereo import stated_configuration

LEAST = 0.4  # how far a text must say nothing else to be worth looking further
_SHORT = 10  # words up to which a text counts as short
_STATED = 0.85  # how far a short text that states a number counts as saying nothing else


@dataclass(frozen=True, slots=True)
class Constraints:
    """What one text says that can be checked of a molecule.

    Attributes:
        criteria: Classes, amounts and other conditions on the structure.
        parts: Named structures.
        configuration: How many of each stereodescriptor it states.
        roles: Roles that it names, where it says little else; of those in a longer text nothing is made, since what
            captions state of roles was measured to gain nothing (models/TRIALS.md).
        share: Weight of the text among all that are asked together, 0 to 1.
        words: Words of the text.
        text: The text.
    """

    criteria: Criteria
    parts: tuple[Part, ...]
    configuration: Mapping[str, int] = field(default_factory=dict)
    roles: tuple[NamedRole, ...] = ()
    share: float = 1.0
    words: int = 1
    text: str = ""

    @property
    def alone(self) -> float:
        """Return how far the text says nothing but this, 0 to 1: the share that was read, of a text that is short.

        A caption that was read by half still says much that only likeness can tell; a query read by half does not.
        """
        return self.criteria.coverage * min(1.0, _SHORT / self.words)

    @property
    def certain(self) -> float:
        """Return the same for what numbers state, which is meant whatever else a short text says."""
        stated = any(amount.exact for amount in self.criteria.amounts) and self.words <= _SHORT
        return max(self.alone, _STATED if stated else 0.0)


def read_constraints(
    texts: Sequence[str],
    lexicon: Mapping[str, str] | None = None,
    shares: Sequence[float] | None = None,
    roles: Sequence[str] = (),
) -> list[Constraints]:
    """Read what texts say that can be checked of a molecule.

    Args:
        texts: The texts.
        lexicon: Trivial names in lower case with their SMILES, asked before OPSIN.
        shares: Weight of each text; 1 where None.
        roles: Names of the roles that a model has learned.
    """
    constraints = []
    weights = [1.0] * len(texts) if shares is None else shares
    for text, mentions, share in zip(texts, find_mentions(texts, lexicon), weights, strict=True):
        words = max(1, len(text.split()))
        named_roles = find_roles(text, roles) if words * LEAST <= _SHORT else ()
        with_roles = _constraints_of(text, mentions, named_roles, share, words)
        constraints.append(
            _constraints_of(text, mentions, (), share, words)
            if named_roles and with_roles.alone < LEAST
            else with_roles
        )
    return constraints


def _constraints_of(
    text: str, mentions: Sequence[Mention], roles: tuple[NamedRole, ...], share: float, words: int
) -> Constraints:
    """Read one text; words within a role's name are not read as anything smaller."""
    spans = [(role.start, role.end) for role in roles]
    parts = parts_of([mention for mention in mentions if not inside(mention, spans)])
    places = [(part.start, part.end) for part in parts]
    criteria = read_criteria(text, places, [part.smiles for part in parts], spans)
    return Constraints(criteria, tuple(parts), stated_configuration(text), roles, share, words, text)
