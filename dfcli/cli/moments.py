"""Times as people write and read them: `10m`, `2026-01-05`, and `3 minutes ago` on a terminal."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta

from dfcli.cli import terminal
from dfcli.env.clock import Clock, SystemClock
from dfcli.errors import InvalidArgument
from dfcli.model.time import epoch_from_timestamp, to_timestamp

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])\Z")


def moment(text: str, option: str, clock: Clock | None = None) -> str:
    """The timestamp of `10m` (ago), `2h`, `3d`, a date or an ISO time; without a zone it is UTC."""
    duration = _DURATION.match(text.strip().lower())
    try:
        if duration:
            seconds = float(duration.group(1)) * _UNITS[duration.group(2)]
            now = datetime.fromtimestamp((clock or SystemClock()).time(), UTC)
            return to_timestamp(now - timedelta(seconds=seconds))
        return to_timestamp(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"{option} {text!r} is not a time",
            why="a time is a duration ago such as 30s, 10m, 2h, 3d or 1w, or a UTC time such as 2026-01-05T10:00",
            hint=f"{option} 10m",
        ) from None


def future(text: str, option: str, clock: Clock | None = None) -> str:
    """The timestamp of `+10m` (from now), a date or an ISO time; without a zone it is UTC."""
    duration = _DURATION.match(text.strip().lower().removeprefix("+"))
    try:
        if duration and text.strip().startswith("+"):
            now = datetime.fromtimestamp((clock or SystemClock()).time(), UTC)
            return to_timestamp(now + timedelta(seconds=float(duration.group(1)) * _UNITS[duration.group(2)]))
        return to_timestamp(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"{option} {text!r} is not a time",
            why="a time is a duration from now such as +30s, +10m, +2h or +3d, or a UTC time such as 2026-01-05T10:00",
            hint=f"{option} +10m",
        ) from None


def seconds_of(text: str, option: str) -> float:
    """The seconds of `90`, `90s`, `2m` or `1h`."""
    duration = _DURATION.match(text.strip().lower())
    try:
        value = float(duration.group(1)) * _UNITS[duration.group(2)] if duration else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InvalidArgument(f"{option} {text!r} is not a time span", hint=f"{option} 30, or {option} 2m") from None
    return value


def elapsed(seconds: float) -> str:
    """A time span in one unit: `3 ms`, `4.2 s`, `7 min`, `3 h`, `12 days`."""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def shown(timestamp: str | None, clock: Clock | None = None) -> str:
    """A timestamp for a person: with how long ago on a terminal, as it is written elsewhere."""
    if not timestamp:
        return ""
    if not terminal.is_terminal(sys.stdout):
        return timestamp
    return f"{timestamp[:10]} {timestamp[11:19]}Z ({relative(timestamp, clock)})"


def relative(timestamp: str, clock: Clock | None = None) -> str:
    """`3 min ago`, or `in 3 min` for what is to come."""
    distance = (clock or SystemClock()).time() - epoch_from_timestamp(timestamp)
    return f"{elapsed(distance)} ago" if distance >= 0 else f"in {elapsed(-distance)}"
