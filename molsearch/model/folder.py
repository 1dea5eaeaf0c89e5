"""A model on disk: a folder of readable configuration, packed weights, lexicon, names of roles and tokenizer."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from tokenizers import Tokenizer
from torch import Tensor

from molsearch.errors import ModelError
from molsearch.model import weights
from molsearch.model.config import DualConfig, config_table, missing_parts, read_config

CONFIG, WEIGHTS, TOKENIZER, LEXICON = "model.toml", "weights.safetensors", "tokenizer.json", "lexicon.json"
ROLES = "roles.json"  # only where roles were learned
BODY = "text_body.json"  # only where the text encoder began as a pretrained one


@dataclass(frozen=True, slots=True)
class Parts:
    """What a model folder holds.

    Attributes:
        config: Which parts the model has.
        state: The weights by name.
        lexicon: Trivial names in lower case with their SMILES.
        roles: Roles that the model has learned, in the order of its head.
        tokenizer: The text side's own, or None.
        body: The transformers configuration of a text encoder that began as a pretrained one, as JSON, or "".
    """

    config: DualConfig
    state: Mapping[str, Tensor]
    lexicon: Mapping[str, str]
    roles: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None
    body: str = ""


def write_parts(folder: Path, parts: Parts) -> None:
    """Write a model folder; files of an older model there are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(tomli_w.dumps(config_table(parts.config)), encoding="utf-8")
    weights.write(parts.state, folder / WEIGHTS)
    (folder / LEXICON).write_text(json.dumps(dict(parts.lexicon), indent=0, sort_keys=True), encoding="utf-8")
    for name in (TOKENIZER, BODY, ROLES):
        (folder / name).unlink(missing_ok=True)
    if parts.roles:
        (folder / ROLES).write_text(json.dumps(parts.roles, indent=0), encoding="utf-8")
    if parts.tokenizer is not None:
        parts.tokenizer.save(str(folder / TOKENIZER), pretty=False)
    if parts.body:
        (folder / BODY).write_text(parts.body, encoding="utf-8")


def read_parts(folder: Path) -> Parts:
    """Read a model folder.

    Raises:
        ModelError: If a file is missing or damaged.
    """
    texts = {name: _text(folder, name) for name in (CONFIG, LEXICON)}
    config = read_config(texts[CONFIG], str(folder / CONFIG))
    if missing := missing_parts(texts[CONFIG], config):
        raise ModelError(f"{folder / CONFIG} lacks {missing}, as a copy does that was cut off; copy the folder again.")
    return Parts(
        config=config,
        state=weights.read(folder / WEIGHTS),
        lexicon=_lexicon(texts[LEXICON], folder / LEXICON),
        roles=_roles(_text(folder, ROLES), folder / ROLES) if (folder / ROLES).is_file() else (),
        tokenizer=_tokenizer(folder / TOKENIZER),
        body=_text(folder, BODY) if (folder / BODY).is_file() else "",
    )


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"No model in {folder}: {name}: {error.strerror}; expected {CONFIG}, {WEIGHTS} and {LEXICON}. "
            "Copy the folder again."
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder / name} is not a text file: {error}; copy the model folder again.") from error


def _lexicon(text: str, path: Path) -> dict[str, str]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"The lexicon {path} cannot be read: {error}; copy the model folder again.") from error
    if not isinstance(table, dict):
        raise ModelError(f"The lexicon {path} holds a {type(table).__name__}, expected names with their SMILES.")
    return {str(name): str(smiles) for name, smiles in table.items()}


def _roles(text: str, path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"The roles {path} cannot be read: {error}; copy the model folder again.") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"The roles {path} are no list of names; copy the model folder again.")
    return tuple(names)


def _tokenizer(path: Path) -> Tokenizer | None:
    if not path.is_file():
        return None
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"The tokenizer {path} cannot be read: {error}; copy the model folder again.") from error


def folder_id(folder: Path) -> str:
    """Hash a model's configuration, weights, tokenizer, lexicon and roles, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS, TOKENIZER, LEXICON, *([ROLES] if (folder / ROLES).is_file() else [])):
        path = folder / name
        digest.update(name.encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:16]
