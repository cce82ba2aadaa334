"""Payloads: JSON values that travel as raw bytes from disk to wire and are decoded only for user code.

A payload that is strict JSON is kept as its compact bytes (`Raw`). App code may also produce text that is not
strict JSON (NaN, half surrogates); that is kept exactly, as text in a member of its own (`...Text`).
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.errors import InvalidJson
from dfcli.model.scope import own_name

PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
DEPTH_MAX = 64
DIGITS_MAX = 4300
"""CPython refuses longer integers, so a longer one could be stored but never read."""

_encode_scalar = msgspec.json.Encoder().encode
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (DIGITS_MAX + 1))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class BlobRef(msgspec.Struct, frozen=True, rename="pascal"):
    """Where a payload above the inline limit lives: the hash names the file."""

    sha256: str
    bytes: int


class Payload(NamedTuple):
    """One payload in the two forms a history line can hold; at most one is set. Neither: no payload, read as None."""

    raw: Raw | UnsetType = UNSET
    text: str | UnsetType = UNSET

    @property
    def json_text(self) -> str | None:
        """The payload's text as Durable Functions shows it in a history, or None."""
        if self.raw is not UNSET:
            return bytes(self.raw).decode()
        return None if self.text is UNSET else self.text

    @property
    def size(self) -> int:
        """Bytes of its text."""
        if self.raw is not UNSET:
            return len(bytes(self.raw))
        return 0 if self.text is UNSET else len(self.text)


NOTHING = Payload()


def encode(value: Any, custom: Callable[[Any], Any] | None = None) -> Payload:
    """The payload of a value from user code.

    Dataclasses, pydantic models, enums, dates, decimals and UUIDs become plain JSON; an object with `to_json()` becomes
    `{"__class__", "__module__", "__data__"}`, as Durable Functions writes it. Raises TypeError naming the path inside
    the value that is not JSON serialisable. `custom` replaces the rules for what JSON has no form for.
    """
    default = custom or _custom_class
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        try:
            return Payload(Raw(_encode_scalar(value)))
        except (UnicodeEncodeError, OverflowError):
            pass  # half surrogates and integers beyond 64 bits take the slow path
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=default)
        return Payload(Raw(text.encode()))
    except UnicodeEncodeError:
        return Payload(text=json.dumps(value, separators=(",", ":"), default=default))
    except ValueError:
        if not _holds_nan(value):
            raise TypeError("the value refers to itself and cannot be written as JSON") from None
        return Payload(text=json.dumps(value, separators=(",", ":"), default=default))
    except TypeError as error:
        raise TypeError(f"{error} (at {_path_of_fault(value, default)})") from None


def decode(raw: Raw | UnsetType, text: str | UnsetType = UNSET) -> Any:
    """The Python value of a payload; no payload is None, text that is no JSON at all stays text."""
    if raw is not UNSET:
        try:
            return msgspec.json.decode(raw)
        except msgspec.MsgspecError:  # legal JSON that msgspec refuses, such as 1e400
            return json.loads(bytes(raw))
    if text is UNSET:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(body: bytes) -> Payload:
    """The payload of JSON text from outside: strict, compact. Raises InvalidJson saying what is wrong.

    Refuses what two parsers would read differently: duplicate keys, NaN, half surrogates, a byte order mark,
    nesting beyond 64, numbers beyond 4,300 digits.
    """
    check_shape(body)
    try:
        text = body.decode("utf-8")
        json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)
        compact = msgspec.json.format(body, indent=-1)
        if b"\\u" in compact and re.search(rb"\\u[dD][89a-fA-F]", compact):
            json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise InvalidJson("the payload is not UTF-8", why=str(error), hint=_HINT) from None
    except UnicodeEncodeError:
        raise InvalidJson("the payload holds half of a surrogate pair", why="it is no character", hint=_HINT) from None
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidJson("the payload is not JSON", why=str(error) or "it is nested too deeply", hint=_HINT) from None
    return Payload(Raw(compact))


def check_shape(body: bytes) -> None:
    """Refuses nesting and numbers that would make a parser slow or crash, by a scan before any parsing."""
    brackets = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS) if len(body) > DEPTH_MAX else b""
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise InvalidJson("the payload is nested too deeply", why=f"{DEPTH_MAX} levels are allowed", hint=_HINT)
    if len(body) > DIGITS_MAX and _LONG_NUMBER.search(_STRING.sub(b"", body)):
        raise InvalidJson("the payload holds a number that is too long", why=f"{DIGITS_MAX} digits are allowed")


_HINT = "check it with `python -m json.tool`"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the name {key!r} stands twice in one object")
            seen.add(key)
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _custom_class(value: Any) -> Any:
    """What JSON has no form for: an object's `to_json()` in its wrapping; models, dataclasses, enums, dates plain."""
    kind = type(value)
    to_json = getattr(kind, "to_json", None)
    if to_json is not None:
        return {"__class__": kind.__name__, "__module__": own_name(kind.__module__), "__data__": to_json(value)}
    if hasattr(kind, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}
    if isinstance(value, msgspec.Struct | datetime | date | time | timedelta | Decimal | UUID | enum.Enum):
        return msgspec.to_builtins(value, enc_hook=_custom_class)
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")


def _holds_nan(value: Any, depth: int = 0) -> bool:
    if depth > 900:
        return False
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(_holds_nan(v, depth + 1) or _holds_nan(k, depth + 1) for k, v in value.items())
    return isinstance(value, list | tuple) and any(_holds_nan(v, depth + 1) for v in value)


def _path_of_fault(value: Any, default: Callable[[Any], Any], path: str = "$") -> str:
    """Where inside `value` the first part stands that JSON cannot hold."""
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str | int | float | bool | type(None)):
                return f"{path}, key {key!r}"
            if not _is_serialisable(part, default):
                return _path_of_fault(part, default, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for position, part in enumerate(value):
            if not _is_serialisable(part, default):
                return _path_of_fault(part, default, f"{path}[{position}]")
    return path


def _is_serialisable(value: Any, default: Callable[[Any], Any]) -> bool:
    try:
        json.dumps(value, default=default)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
