"""Timestamps: UTC text of fixed width, `2026-01-02T03:04:05.678901Z`, so that text order is time order.

History lines carry this text; only code that computes with time turns it into a `datetime`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

TIMESTAMP_WIDTH = 27


@lru_cache(maxsize=64)
def _second(epoch_second: int) -> str:
    return datetime.fromtimestamp(epoch_second, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def timestamp_from_epoch(seconds: float) -> str:
    """The timestamp of a wall-clock time in seconds since 1970, to the microsecond."""
    microseconds = round(seconds * 1_000_000)
    return f"{_second(microseconds // 1_000_000)}.{microseconds % 1_000_000:06d}Z"


def epoch_from_timestamp(timestamp: str) -> float:
    """Seconds since 1970 of a timestamp made here."""
    return to_datetime(timestamp).timestamp()


def to_datetime(timestamp: str) -> datetime:
    """The aware UTC datetime of a timestamp. Raises ValueError for other text."""
    return datetime.fromisoformat(timestamp)


def to_timestamp(moment: datetime) -> str:
    """The timestamp of a datetime; a naive one is taken as UTC, as Durable Functions does."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def shifted(timestamp: str, by: timedelta) -> str:
    """`timestamp` moved by a duration; the ends of the calendar are kept."""
    try:
        return to_timestamp(to_datetime(timestamp) + by)
    except OverflowError:
        return to_timestamp(datetime.max if by > timedelta() else datetime.min)
