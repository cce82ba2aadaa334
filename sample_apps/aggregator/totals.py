"""Counting up readings, without a word about entities."""

from __future__ import annotations

import json
import math
from typing import Any


def nothing() -> dict[str, Any]:
    """The totals before the first reading."""
    return {"count": 0, "sum": 0.0, "lowest": None, "highest": None, "last": None}


def checked(reading: Any) -> float:
    """The reading. ValueError when it is no number."""
    if isinstance(reading, bool) or not isinstance(reading, int | float) or not math.isfinite(reading):
        raise ValueError(f"a reading is a number, not {json.dumps(reading)}")
    return float(reading)


def with_reading(before: dict[str, Any], reading: float) -> dict[str, Any]:
    """New totals with one reading more."""
    value = checked(reading)
    return {
        "count": before["count"] + 1,
        "sum": before["sum"] + value,
        "lowest": value if before["lowest"] is None else min(value, before["lowest"]),
        "highest": value if before["highest"] is None else max(value, before["highest"]),
        "last": value,
    }


def summary(kept: dict[str, Any]) -> dict[str, Any]:
    """What is told of the totals: the mean instead of the sum."""
    mean = kept["sum"] / kept["count"] if kept["count"] else None
    return {"count": kept["count"], "mean": mean, **{name: kept[name] for name in ("lowest", "highest", "last")}}


def warmest(gathered: dict[str, dict[str, Any]]) -> str | None:
    """The name with the highest mean; None when nobody has a reading."""
    with_readings = {name: found for name, found in gathered.items() if found["count"]}
    return max(with_readings, key=lambda name: with_readings[name]["mean"], default=None)


def as_json(value: Any) -> str:
    return json.dumps(value)
