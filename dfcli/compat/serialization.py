"""Payloads of Azure apps: what they can write, and what becomes of what they read.

An object with `to_json` is written in its wrapping, `{"__class__", "__module__", "__data__"}`; beside such objects only
plain JSON can be written. A wrapping is read as an object of the class it names, by the class's `from_json`, when a
module that is loaded already has that class: nothing in a payload makes anything be imported. With the app value
`AZURE_FUNCTIONS_DURABLE_STRICT_TYPING` set, the SDK's own codec decides.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Raw, UnsetType

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.authoring.typed import Decoder
from dfcli.compat.leniency import tell
from dfcli.model.payload import Payload, decode, encode
from dfcli.model.scope import own_name

_WRAPPING = frozenset({"__class__", "__module__", "__data__"})
_MARK = b'"__class__"'


def dumps(value: Any) -> Payload:
    """The payload of a value. TypeError for what Azure Functions refuses too: dates, sets, bytes, dataclasses."""
    return encode(value, _wrapped)


def dumps_result(value: Any) -> Payload:
    """The same of an activity's result, refused in Azure Functions' words."""
    try:
        return encode(value, _wrapped)
    except TypeError as error:
        raise ValueError(f"activity trigger output must be json serializable ({value})") from error


def dumps_output(function: FunctionDefinition, value: Any) -> Payload:
    """The same of what an orchestrator returns; Azure's SDK refuses objects there."""

    def wrapped(part: Any) -> Any:
        written = _wrapped(part)
        tell("DFA105", function)
        return written

    return encode(value, wrapped)


class Loaded(Decoder):
    """Reads a payload for an Azure app. The type that the app expects matters in strict mode only."""

    __slots__ = ("_expected",)

    def __init__(self, expected_type: type | None = None) -> None:
        self._expected = expected_type

    def __call__(self, raw: Raw | UnsetType, text: str | UnsetType) -> Any:
        if _strict:
            return _loads_strictly(Payload(raw, text).json_text, self._expected)
        value = decode(raw, text)
        if (raw is not UNSET and _MARK in bytes(raw)) or (raw is UNSET and text is not UNSET):
            return rebuilt(value)
        return value


@lru_cache(maxsize=1024)
def loaded(expected_type: Any = None) -> Loaded:
    """What a task is told to expect. What is no class says nothing, as in Azure Functions."""
    return Loaded(expected_type if isinstance(expected_type, type) else None)


def rebuilt(value: Any) -> Any:
    """A decoded value with the objects that its wrappings stand for, innermost first."""
    if isinstance(value, list):
        return [rebuilt(part) for part in value]
    if not isinstance(value, dict):
        return value
    parts = {name: rebuilt(part) for name, part in value.items()}
    if not parts.keys() >= _WRAPPING:
        return parts
    module_name, name = parts["__module__"], parts["__class__"]
    module = sys.modules.get(module_name)
    if module is None:
        raise ValueError(f"cannot deserialize custom object: module {module_name!r} is not loaded")
    kind = getattr(module, name, None)
    if kind is None:
        raise AttributeError(f"cannot deserialize custom object: module {module_name!r} has no class {name!r}")
    if not hasattr(kind, "from_json"):
        raise TypeError(f"class {kind!r} does not expose a `from_json` function")
    return kind.from_json(parts["__data__"])


def _wrapped(value: Any) -> Any:
    kind = type(value)
    to_json = getattr(kind, "to_json", None)
    if to_json is None:
        raise TypeError(f"class {kind} does not expose a `to_json` function")
    return {"__class__": kind.__name__, "__module__": own_name(kind.__module__), "__data__": to_json(value)}


def read_strictness() -> None:
    """Look whether the app wants strict mode: once when it is loaded, since each payload asks."""
    global _strict
    _strict = os.environ.get("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "").strip().lower() in ("1", "true", "yes")


_strict = False


def _loads_strictly(text: str | None, expected_type: type | None) -> Any:
    if text is None:
        return None
    from azure.functions._durable_functions import df_loads  # since azure-functions 1.26

    return df_loads(text, expected_type)
