"""Frozen records as JSON and back: written readably, read strictly, every field checked against its type.

What is read may come from anyone. Nothing in it is run, unknown fields and wrong types are refused, sizes are bounded
before and while it is read, and each refusal names the place in one sentence.
"""

import json
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from molsearch.errors import InputError

T = TypeVar("T")

MAX_DEPTH = 16  # of brackets; the deepest record of this project needs nine
MAX_VALUES = 2_000_000  # commas and brackets outside of strings, so that a small file cannot fill the memory
MAX_CHARS = 2_000_000  # of one string, as of one record of a library
MAX_ITEMS = 100_000  # of one list or table
LARGEST_INT = 2**53  # what every reader of JSON keeps exact

_hints: Callable[[type], dict[str, Any]] = cache(get_type_hints)  # a file holds thousands of records of a class
_EXPECTED: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
# Possessive, and content with a string that never ends, so that both are linear in the text, whatever the text.
_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_INNERMOST = re.compile(r"\[[^\[\]{}]*+\]|\{[^\[\]{}]*+\}")


def dump(record: object) -> str:
    """Write a record as JSON text, one field a line.

    Lone surrogates, which undecodable bytes of a file leave in its texts, stay escapes, so that the text is UTF-8.
    """
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False, default=_fields)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def load(kind: type[T], text: str) -> T:
    """Read a record that ``dump`` wrote.

    Args:
        kind: The class of the record, a dataclass.
        text: JSON text of unknown origin.

    Raises:
        InputError: If it is no JSON, too deep, too large, or a field is missing, unknown or of another type.
    """
    return build(kind, parse(text))


def parse(text: str) -> object:
    """Read JSON text into plain values, within bounds that hold before anything is built.

    Raises:
        InputError: If it is no JSON, names a field twice, or is too deep or too large.
    """
    _measure(text)
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError(
            f"The file cannot be read as JSON: {error.msg} in line {error.lineno}; choose a file that was saved here."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The file cannot be read as JSON: {error}; choose a file that was saved here.") from error


def build(kind: type[T], value: object, place: str = "the file") -> T:
    """Make a record out of plain values.

    Args:
        kind: The class of the record, a dataclass.
        value: What ``parse`` gave, or a part of it.
        place: Where it stands, for the sentence of an error.

    Raises:
        InputError: If a field is missing, unknown or of another type.
    """
    if not isinstance(value, dict):
        raise _wrong(place, value, "an object with fields")
    hints = _hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in value:
        if name not in known:
            raise InputError(
                f"In {place} stands the unknown field {name[:40]!r}: a newer version may have written the file, or "
                "it was changed by hand; open it with that version, or take the field out."
            )
    built: dict[str, Any] = {}
    for name, field in known.items():
        if name in value:
            built[name] = _value(hints[name], value[name], f"{place}, {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"In {place} the field {name!r} is missing; choose a file that was saved here.")
    return kind(**built)


def can_be_shown(record: object) -> bool:
    """Return whether all texts of a record are whole characters; no page shows half of one (a lone surrogate)."""
    try:
        json.dumps(record, ensure_ascii=False, default=_fields).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _value(hint: Any, value: object, place: str) -> Any:
    """Check one value against its type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [each for each in arguments if each is not type(None)]
        return None if value is None and len(inner) < len(arguments) else _value(inner[0], value, place)
    if origin is Literal:
        if not any(type(value) is type(each) and value == each for each in arguments):
            raise _wrong(place, value, f"one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple or origin is Sequence:
        return _items(arguments[0], value, place)
    if origin is Mapping:
        return _table(value, place)
    if is_dataclass(hint):
        return build(hint, value, place)  # type: ignore[arg-type]
    return _atom(hint, value, place)


def _items(hint: Any, value: object, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(place, value, "a list")
    if len(value) > MAX_ITEMS:
        raise InputError(f"In {place} stand {len(value):,} items, expected at most {MAX_ITEMS:,}.")
    return tuple(_value(hint, item, f"{place} {number}") for number, item in enumerate(value, start=1))


def _table(value: object, place: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _wrong(place, value, "an object of texts")
    if len(value) > MAX_ITEMS:
        raise InputError(f"In {place} stand {len(value):,} fields, expected at most {MAX_ITEMS:,}.")
    return {_atom(str, name, place): _atom(str, item, f"{place}, {name[:40]!r}") for name, item in value.items()}


def _atom(hint: Any, value: object, place: str) -> Any:
    """Check a text, number or truth value; a whole number counts as a float where one is expected."""
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        if len(value) > MAX_CHARS:
            raise InputError(f"In {place} stands a text of {len(value):,} characters, expected at most {MAX_CHARS:,}.")
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_INT:
        if hint is float:
            return float(value)
        if hint is int and isinstance(value, int):
            return value
    if hint is float and isinstance(value, float) and math.isfinite(value):
        return value
    raise _wrong(place, value, _EXPECTED[hint])


def _wrong(place: str, value: object, expected: str) -> InputError:
    if isinstance(value, dict | list):
        shown = "an object" if isinstance(value, dict) else "a list"
    else:
        shown = repr(value[:40] if isinstance(value, str) else value)[:60]
    return InputError(f"In {place} stands {shown}, expected {expected}; choose a file that was saved here.")


def _measure(text: str) -> None:
    """Refuse text whose brackets go too deep or which holds too many values."""
    bare = _QUOTED.sub("", text)
    values = sum(map(bare.count, ",[{"))
    if values > MAX_VALUES:
        raise InputError(f"The file holds {values:,} values, expected at most {MAX_VALUES:,}; save less in one file.")
    for _ in range(MAX_DEPTH):  # each round takes the innermost brackets away
        bare, removed = _INNERMOST.subn("", bare)
        if not removed:
            return
    if "[" in bare or "{" in bare:
        raise InputError(f"The file nests deeper than {MAX_DEPTH} levels; choose a file that was saved here.")


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields_by_name = dict(pairs)
    if len(fields_by_name) < len(pairs):
        raise ValueError("a field stands twice in one object")
    return fields_by_name


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _fields(record: Any) -> dict[str, object]:
    """Return what stands in a record or a table, for the JSON encoder, which knows neither."""
    if isinstance(record, Mapping):
        return dict(record)
    return {field.name: getattr(record, field.name) for field in fields(record)}


def plain(value: object) -> Any:
    """Turn records, arrays, paths and tuples into what JSON knows; a number that is not finite becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars, array.array
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form here")
