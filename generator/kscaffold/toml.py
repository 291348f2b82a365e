"""Read TOML that a person wrote into typed tables; errors name the key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin

import msgspec

from kscaffold.errors import Place, TemplateError, UnknownKeyError
from kscaffold.hints import enumerated, near_or_all

T = TypeVar("T", bound=msgspec.Struct)
_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    Mapping: "a table",
}


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a TOML file; unknown keys are errors."""


# Nesting depth: more than anybody writes, and less than Python can print.
DEEPEST = 100
_TOO_DEEP = "lists or tables are nested too deeply"


class TomlError(ValueError):
    """A text that is not TOML, or bytes that are not UTF-8; the message says why."""


def parse_toml(content: bytes | str) -> dict[str, Any]:
    """Parse TOML; raises `TomlError`."""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        values = tomllib.loads(text)
    except ValueError as error:  # some numbers raise no TOMLDecodeError
        raise TomlError(str(error)) from None
    except RecursionError:
        raise TomlError(_TOO_DEEP) from None
    level: list[Any] = [values]
    for _ in range(DEEPEST):
        level = [
            each
            for value in level
            for each in (value.values() if isinstance(value, dict) else value)
            if isinstance(each, (dict, list))
        ]
    if level:
        raise TomlError(_TOO_DEEP)
    return values


def read_table(kind: type[T], values: object, place: Place) -> T:
    """Convert a table to its type; raises `TemplateError` with the place and the key."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise next(mistakes(kind, values, place), TemplateError(f"{error}", place=place)) from None


def mistakes(kind: type[msgspec.Struct], values: object, place: Place) -> Iterator[TemplateError]:
    """Yield the mistakes in a table, and in the tables inside it."""
    if not isinstance(values, dict):
        yield TemplateError("must be a table", place=place)
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in values.items():
        if key in fields:
            yield from _mistakes_of(fields[key].type, value, place, key)
        elif kind.__struct_config__.forbid_unknown_fields:
            hint = near_or_all(key, fields)
            yield UnknownKeyError("unknown key", place=place, key=key, hint=hint)
    for key, field in fields.items():
        if field.required and key not in values:
            yield TemplateError("is missing", place=place, key=key)


def _mistakes_of(kind: Any, value: object, place: Place, key: str | int) -> Iterator[TemplateError]:
    """Yield the mistakes in the value of a key, or in an entry of a list."""
    origin, arguments = get_origin(kind), get_args(kind)
    if _is_table(kind):
        yield from mistakes(kind, value, place.below(key))
    elif origin in (Union, UnionType) and _is_table(arguments[0]):
        yield from _mistakes_of(arguments[0], value, place, key)
    elif origin is tuple and _is_table(arguments[0]) and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _mistakes_of(arguments[0], each, place.below(key), number)
    elif origin is Mapping and isinstance(value, dict):
        for name, each in value.items():
            if not fits(arguments[0], name):
                yield TemplateError(
                    f"the name must be {words(arguments[0])}", place=place.below(key, name)
                )
            yield from _mistakes_of(arguments[1], each, place.below(key), name)
    elif not fits(kind, value):
        yield TemplateError(f"must be {words(kind)}, not {value!r}", place=place, key=str(key))


def _is_table(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def fits(kind: Any, value: object) -> bool:
    """Return whether a value is of a type."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def words(kind: Any) -> str:
    """Return a type in words, such as "a string" or "true or false"."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return str(arguments[1].title or words(arguments[0]))
    if origin is Literal:
        return enumerated(arguments)
    if origin is tuple:
        return f"a list of {'tables' if _is_table(arguments[0]) else 'strings'}"
    if origin in (Union, UnionType):
        return enumerated(words(each) for each in arguments if each is not NoneType)
    return _WORDS[origin or kind]
