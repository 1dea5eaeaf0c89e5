"""The configuration of a model: plain tables, read from and written to TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from molsearch.errors import ModelError
from molsearch.model.lexical import LexicalConfig
from molsearch.model.molecule import GcnConfig, GineConfig
from molsearch.model.projector import ProjectorConfig
from molsearch.model.text import TransformerConfig, WordConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DualConfig:
    """Which parts a model is made of.

    Attributes:
        text: Row of dual.TEXT_ENCODERS.
        molecule: Row of dual.MOLECULE_ENCODERS.
        words: Sizes of the word encoder, read when ``text`` is "words".
        transformer: Sizes of the BERT encoder, read when ``text`` is "transformer".
        gine: Sizes of the GINE encoder, read when ``molecule`` is "gine".
        gcn: Sizes of the GCN encoder, read when ``molecule`` is "gcn".
        projector: The shared memory bank.
        lexical: The lexical path, read when ``lexical_share`` is above 0.
        grounded: Whether named structures stand beside the word tokens.
        lexical_share: Weight of the lexical path in the score; the token path has the rest.
        beta: Sharpness of the query-bank correction.
        bank_weight: Its weight; at 1 a molecule that the model has seen falls too far behind one it has not.
        caption_weight: Weight of the same correction of captions, where they are ranked for a molecule.
        name_bonus: Added to a library molecule that the text names exactly.
        subject_bonus: The same where the text begins with that name.
        derived_bonus: The same where the structure follows from the text by a rule of query/nomenclature/derive.py.
        evidence: Weight of the log odds of the classes and amounts that a text states (``odds.Odds.scale``).
        evidence_parts: Weight of those of the parts that it names (``odds.Odds.parts_scale``).
        evidence_alone: What both grow by for a text that says nothing else, and the whole weight of roles in it
            (``odds.Odds.weight_when_alone``).
        role_width: Hidden units of the role head, where roles were learned.
    """

    text: Literal["words", "transformer"] = "words"
    molecule: Literal["gine", "gcn"] = "gine"
    words: WordConfig = field(default_factory=WordConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    gine: GineConfig = field(default_factory=GineConfig)
    gcn: GcnConfig = field(default_factory=GcnConfig)
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    lexical: LexicalConfig = field(default_factory=LexicalConfig)
    grounded: bool = True
    lexical_share: float = 0.5
    beta: float = 40.0
    bank_weight: float = 0.5
    caption_weight: float = 0.25
    name_bonus: float = 0.0
    subject_bonus: float = 0.5
    derived_bonus: float = 0.3
    evidence: float = 0.01
    evidence_parts: float = 0.02
    evidence_alone: float = 0.2
    role_width: int = 256

    @property
    def pretrained(self) -> bool:
        """Whether the text encoder began as a pretrained one."""
        return self.text == "transformer" and bool(self.transformer.pretrained)


_NESTED = {
    "words": WordConfig,
    "transformer": TransformerConfig,
    "gine": GineConfig,
    "gcn": GcnConfig,
    "projector": ProjectorConfig,
    "lexical": LexicalConfig,
}


def fits(value: object, default: object, hint: object) -> bool:
    """Check whether a setting read from TOML is of the kind its field wants."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if is_dataclass(default):
        return isinstance(value, type(default))
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def _fill(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    if not isinstance(table, Mapping):
        raise ModelError(f"{where} holds {table!r}, expected a table of settings.")
    known = {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
    unknown = set(table) - known
    if unknown:
        raise ModelError(f"{where} has the unknown settings {sorted(unknown)}; expected some of {sorted(known)}.")
    defaults, hints = kind(), get_type_hints(kind)
    for name, value in table.items():
        if not fits(value, default := getattr(defaults, name), hints[name]):
            raise ModelError(f"{where} sets {name} to {value!r}, expected something like {default!r}; correct it.")
    return kind(**table)


def dual_config(table: Mapping[str, Any], where: str = "model.toml") -> DualConfig:
    """Build a configuration from nested tables.

    Raises:
        ModelError: If a setting is unknown.
    """
    nested: dict[str, Any] = {
        name: _fill(kind, table[name], f"{where} [{name}]") for name, kind in _NESTED.items() if name in table
    }
    return _fill(DualConfig, {**table, **nested}, where)


def read_config(text: str, where: str = "model.toml") -> DualConfig:
    """Read a configuration from TOML text.

    Raises:
        ModelError: If it is not TOML or holds an unknown setting.
    """
    try:
        return dual_config(tomllib.loads(text), where)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where} is not readable TOML: {error}; copy the model folder again.") from error


def config_table(config: DualConfig) -> dict[str, Any]:
    """Turn a configuration into plain nested tables, leaving out the encoders that are not in use."""
    table = asdict(config)
    table.pop("transformer" if config.text == "words" else "words")
    table.pop("gcn" if config.molecule == "gine" else "gine")
    if config.lexical_share == 0:
        table.pop("lexical")
    return table


def missing_parts(text: str, config: DualConfig) -> str:
    """Name what a file of settings lacks that ``config_table`` writes; "" where nothing is missing.

    A single setting may be missing, as one that is younger than the file: it stands as the default has it.
    """
    table = tomllib.loads(text)
    names = [name for name, value in config_table(config).items() if isinstance(value, dict) and name not in table]
    return ", ".join([*(f"[{name}]" for name in names), *([] if text.endswith("\n") else ["the end of its last line"])])
