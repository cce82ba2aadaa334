"""The keys of dfcli.toml: what each allows, and how text from a variable becomes a value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dfcli.errors import InvalidArgument
from dfcli.model.ids import check_hub_name


class Key(NamedTuple):
    allowed: str
    """In words, for messages: "a whole number from 0 to 65535"."""
    take: Callable[[Any], Any]
    """The value for what was read, a TOML value or text. Raises ValueError."""


def _whole(low: int, high: int | None = None) -> Key:
    def take(value: Any) -> int:
        if isinstance(value, str):
            value = int(value.strip(), 10)
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            raise ValueError
        return value

    return Key(f"a whole number from {low} to {high}" if high is not None else f"a whole number of {low} or more", take)


def _seconds() -> Key:
    def take(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
        if not math.isfinite(number) or number < 0:
            raise ValueError
        return number

    return Key("a number of seconds, 0 or more", take)


def _yes_or_no() -> Key:
    def take(value: Any) -> bool:
        word = str(value).strip().lower() if isinstance(value, str | bool | int) else ""
        if word not in ("true", "false", "1", "0"):
            raise ValueError
        return word in ("true", "1")

    return Key("true or false", take)


def _one_of(*words: str) -> Key:
    def take(value: Any) -> str:
        if not isinstance(value, str) or value.strip().lower() not in words:
            raise ValueError
        return value.strip().lower()

    return Key(f"one of {', '.join(words)}", take)


def _hub() -> Key:
    def take(value: Any) -> str:
        try:
            return check_hub_name(value) if isinstance(value, str) else check_hub_name("")
        except InvalidArgument as error:
            raise ValueError(error.why) from None

    return Key("a name of 3 to 45 letters and digits that begins with a letter", take)


def _folder() -> Key:
    def take(value: Any) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise ValueError
        return value

    return Key("the path of a folder", take)


def _text() -> Key:
    def take(value: Any) -> str:
        if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX or not value.isprintable():
            raise ValueError
        return value.strip()

    return Key(f"text of at most {TEXT_CHARACTERS_MAX} characters", take)


def _words() -> Key:
    def take(value: Any) -> tuple[str, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            raise ValueError
        return tuple(part.strip() for part in parts if part.strip())

    return Key("a list of texts, or one text with commas", take)


def _zone() -> Key:
    def take(value: Any) -> str:
        import zoneinfo  # only for the few apps that name one: every command reads settings

        if not isinstance(value, str):
            raise ValueError
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, OSError):
            raise ValueError from None
        return value

    return Key("the name of a time zone, such as UTC or Europe/Rome", take)


def _prefix() -> Key:
    def take(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._~/-]*", value.strip("/")):
            raise ValueError
        return value.strip("/")

    return Key("a path such as api, or nothing", take)


TEXT_CHARACTERS_MAX = 256

KEYS: dict[str, Key] = {
    "hub": _hub(),
    "hub_dir": _folder(),
    "port": _whole(0, 65535),
    "workers": _whole(0, 1024),
    "resident_limit": _whole(1),
    "activity_threads": _whole(1, 10_000),
    "max_concurrent_activities": _whole(1),
    "on_nondeterminism": _one_of("auto", "park", "fail"),
    "always_replay": _yes_or_no(),
    "drain_seconds": _seconds(),
    "keep_executions": _whole(1),
    "free_bytes_min": _whole(0),
    "crash_limit": _whole(0),
    "materialise_seconds": _seconds(),
    "pin": _yes_or_no(),
    "default_version": _text(),
    "version_match": _one_of("none", "strict", "current_or_older"),
    "version_failure": _one_of("reject", "fail"),
    "overridable_states": _one_of("non_running", "any"),
    "max_concurrent_orchestrators": _whole(1),
    "max_concurrent_entities": _whole(1),
    "max_entity_batch": _whole(1),
    "rollback_entity_operations": _yes_or_no(),
    "max_orchestration_actions": _whole(0),
    "store_inputs": _yes_or_no(),
    "raise_event_strict": _yes_or_no(),
    "http_strict": _yes_or_no(),
    "http_allow": _words(),
    "http_deny": _words(),
    "http_poll_seconds": _seconds(),
    "graceful_shutdown": _yes_or_no(),
    "function_timeout": _seconds(),
    "route_prefix": _prefix(),
    "max_http_requests": _whole(0),
    "cors": _words(),
    "cors_credentials": _yes_or_no(),
    "auth": _yes_or_no(),
    "time_zone": _zone(),
    "otel": _yes_or_no(),
    "log_payloads": _yes_or_no(),
    "log_replay": _yes_or_no(),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "log_file_bytes": _whole(10_000),
    "log_files": _whole(0, 1000),
}
"""In the order in which they are listed."""
