"""Values of the app's own types in and out of payloads.

The code that receives a value chooses its type, by an annotation or by `expected_type`: dataclasses, pydantic models,
classes with `from_json`, enums, dates, and lists and dicts of them. An annotation of plain JSON types is a promise of
the author's and is not enforced, as in Durable Functions.

Without a type, an object that was written with `to_json()` is rebuilt only when its class is the app's own: in a module
that is loaded already and lies in a folder of the app, defined there, with `from_json`. Nothing in a payload makes
anything be imported.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.payload import decode

_ENVELOPE = {"__class__", "__module__", "__data__"}
_MARK = b'"__class__"'
_WRITTEN_AS_TEXT = (datetime, date, time, timedelta, Decimal, UUID)


class Decoder:
    """Stands for an expected type where another library's rules say what becomes of a payload."""

    __slots__ = ()

    def __call__(self, raw: Raw | UnsetType, text: str | UnsetType) -> Any:
        """The value for the code that receives it."""
        raise NotImplementedError


app_folders: set[str] = set()
"""Where the code of apps of this process lies; whoever loads one adds to it."""


def value_of(raw: Raw | UnsetType, text: str | UnsetType, expected_type: Any = None) -> Any:
    """The value of a payload for the code that receives it. Raises what `from_json` raises, and TypeError naming the
    place inside the value that does not fit. HOT."""
    if isinstance(expected_type, Decoder):
        return expected_type(raw, text)
    value = decode(raw, text)
    if expected_type is not None:
        return as_type(value, expected_type)
    if raw is not UNSET and _MARK in bytes(raw):
        return _rebuilt(value)
    return value


def as_type(value: Any, expected_type: Any) -> Any:
    """`value` as `expected_type`, when that names a type of the app's; unchanged otherwise."""
    if expected_type is None or value is None or not is_structured(expected_type):
        return value
    return _converted(_bare(value), expected_type)


def _converted(value: Any, expected_type: Any) -> Any:
    """Of a value without wrappings. Lists and dicts of classes that build themselves are taken apart here: msgspec
    would build a dataclass from its fields and pass over its `from_json`."""
    origin, arguments = typing.get_origin(expected_type), typing.get_args(expected_type)
    if origin is list and len(arguments) == 1 and isinstance(value, list):
        return [_converted(part, arguments[0]) for part in value]
    if origin is dict and len(arguments) == 2 and arguments[0] is str and isinstance(value, dict):
        return {name: _converted(part, arguments[1]) for name, part in value.items()}
    if type(None) in arguments:
        if value is None:
            return None
        others = [argument for argument in arguments if argument is not type(None)]
        if len(others) == 1:
            return _converted(value, others[0])
    if isinstance(expected_type, type) and _is_custom(expected_type):
        return _build(expected_type, value)
    try:
        return msgspec.convert(value, expected_type, dec_hook=_build)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if cause is not None and not isinstance(cause, msgspec.MsgspecError):
            raise cause from None  # what `from_json` or the model itself raised
        raise TypeError(f"the value is no {_name(expected_type)}: {error}") from None


@lru_cache(maxsize=1024)
def is_structured(expected_type: Any) -> bool:
    """Whether a type needs more than JSON has: a class of the app's, an enum, a date, or a collection of such."""
    arguments = typing.get_args(expected_type)
    if arguments:
        return any(is_structured(argument) for argument in arguments if not isinstance(argument, str | int | bytes))
    return isinstance(expected_type, type) and (
        _is_custom(expected_type)
        or dataclasses.is_dataclass(expected_type)
        or issubclass(expected_type, enum.Enum | msgspec.Struct)
        or expected_type in _WRITTEN_AS_TEXT
        or typing.is_typeddict(expected_type)
        or (issubclass(expected_type, tuple) and hasattr(expected_type, "_fields"))
    )


def annotation(function: Callable[..., Any], name: str) -> Any:
    """The structured type that a function names for a parameter, or for `return`; None when it names none."""
    try:
        found = typing.get_type_hints(function).get(name)
    except Exception:  # names that only type checkers know: the function runs without them
        return None
    try:
        return found if found is not None and is_structured(found) else None
    except TypeError:  # an annotation that is no type
        return None


def _is_custom(kind: type) -> bool:
    return hasattr(kind, "from_json") or hasattr(kind, "model_validate")


def _build(kind: type, value: Any) -> Any:
    """What msgspec does not build itself: classes with `from_json` and pydantic models."""
    if hasattr(kind, "from_json"):
        return kind.from_json(value)
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    raise NotImplementedError


def _bare(value: Any) -> Any:
    """Without the wrappings that `to_json()` was written with: the receiver says what it expects."""
    if isinstance(value, dict):
        if value.keys() == _ENVELOPE:
            return _bare(value["__data__"])
        return {name: _bare(part) for name, part in value.items()}
    return [_bare(part) for part in value] if isinstance(value, list) else value


def _rebuilt(value: Any) -> Any:
    if isinstance(value, list):
        return [_rebuilt(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != _ENVELOPE:
        return {name: _rebuilt(part) for name, part in value.items()}
    kind = _own_class(value["__module__"], value["__class__"])
    data = _rebuilt(value["__data__"])
    return {**value, "__data__": data} if kind is None else kind.from_json(data)


def _own_class(module_name: Any, name: Any) -> Any:
    """The app's class of that name; None for everything else."""
    module = sys.modules.get(module_name) if isinstance(module_name, str) else None
    kind = getattr(module, name, None) if isinstance(name, str) else None
    if not isinstance(kind, type) or kind.__module__ != module_name or not hasattr(kind, "from_json"):
        return None
    file = getattr(module, "__file__", None) or ""
    return kind if any(file.startswith(folder) for folder in app_folders) else None


def _name(kind: Any) -> str:
    return kind.__qualname__ if isinstance(kind, type) else str(kind)
