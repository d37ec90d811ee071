"""Frozen dataclasses to plain JSON and back, every field checked.

Used wherever JSON from outside this process enters: settings, model folders, messages of the engine, recipes. It knows
the few types that those records need; a record with another type fails when it is first read, which a test would see.
"""

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

Record = TypeVar("Record")


class RecordError(ValueError):
    """The data does not fit the record; the text names the field."""


def to_plain(value: Any) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def from_plain(record: type[Record], data: Any) -> Record:
    """Build the record from plain data; absent fields take their default, unknown keys are ignored.

    Raises:
        RecordError: A field is missing or of another type.
    """
    if not isinstance(data, Mapping):
        raise RecordError(f"{record.__name__}: expected an object, got {type(data).__name__}")
    values = {}
    types_by_field = _types_of(cast("Hashable", record))
    for field in dataclasses.fields(cast("Any", record)):
        if field.name in data:
            values[field.name] = _convert(types_by_field[field.name], data[field.name], field.name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RecordError(f"{record.__name__}: {field.name} is missing")
    try:
        return record(**values)
    except ValueError as error:
        raise RecordError(f"{record.__name__}: {error}") from error


@cache
def _types_of(record: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(record)


def _convert(kind: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _convert_union(arguments, value, name)
    if origin is tuple:
        return _convert_tuple(arguments, value, name)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise RecordError(f"{name}: expected an object, got {type(value).__name__}")
        return {str(key): _convert(arguments[1], item, f"{name}.{key}") for key, item in value.items()}
    return _convert_scalar(kind, value, name)


def _convert_union(options: tuple[Any, ...], value: Any, name: str) -> Any:
    if value is None and type(None) in options:
        return None
    for option in options:
        if option is not type(None):
            try:
                return _convert(option, value, name)
            except RecordError as error:
                problem = error
    raise problem


def _convert_tuple(arguments: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise RecordError(f"{name}: expected a list, got {type(value).__name__}")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_convert(arguments[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    if len(arguments) != len(value):
        raise RecordError(f"{name}: expected {len(arguments)} items, got {len(value)}")
    return tuple(_convert(a, v, f"{name}[{i}]") for i, (a, v) in enumerate(zip(arguments, value, strict=True)))


def _convert_scalar(kind: Any, value: Any, name: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        try:
            return from_plain(cast("type", kind), value)
        except RecordError as error:
            raise RecordError(f"{name}: {error}") from error
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(value, name)
    if isinstance(kind, type) and issubclass(kind, (enum.Enum, Path)) and isinstance(value, str):
        try:
            return kind(value)
        except ValueError as error:
            raise RecordError(f"{name}: {error}") from error
    if kind in (str, int, bool) and type(value) is kind:
        return value
    raise RecordError(f"{name}: expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")


def _finite(value: float, name: str) -> float:
    try:
        found = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        found = math.inf
    if not math.isfinite(found):
        raise RecordError(f"{name}: {str(value)[:40]} is not a finite number")
    return found
