"""One run of one workload in figures, and what several runs come to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

IN_PROCESS = "in process"
OVER_HTTP = "HTTP"


@dataclass(frozen=True)
class Measurement:
    """`units` are what the workload counts: activities, events, timers. CPU is the host's, files and index included."""

    workload: str
    how: str
    unit: str
    units: int
    seconds: float
    """Until the last result."""
    filed_seconds: float
    """Until history files and index have caught up, too."""
    cpu_seconds: float
    kernel_seconds: float
    """The part of it spent in the kernel: writing, syncing, making files."""
    syncs: int
    bytes_written: int
    resident_bytes: int
    """Of the host, at the end."""
    more: dict[str, float] = field(default_factory=dict)
    """Figures of this workload alone, by name with their unit last."""

    @property
    def figures(self) -> dict[str, float]:
        """What is compared, by name with its unit last."""
        return {
            "seconds": self.seconds,
            "per_second": self.units / self.seconds,
            "filed_per_second": self.units / self.filed_seconds,
            "cpu_us": self.cpu_seconds / self.units * 1e6,
            "kernel_us": self.kernel_seconds / self.units * 1e6,
            "syncs": self.syncs / self.units,
            "bytes": self.bytes_written / self.units,
            "resident_mb": self.resident_bytes / 1e6,
            **self.more,
        }

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Median:
    """A figure over several runs."""

    value: float
    low: float
    high: float


def medians(runs: Sequence[Measurement]) -> dict[str, Median]:
    """Each figure's median and range; the runs are of one workload."""
    result = {}
    for name in runs[0].figures:
        values = [run.figures[name] for run in runs]
        result[name] = Median(statistics.median(values), min(values), max(values))
    return result


def latency_figures(times: Sequence[float], syncs: float, sync_seconds: float) -> dict[str, float]:
    """Of one request at a time: how long it takes, and how much of that is not the disk's."""
    p50 = statistics.median(times)
    return {
        "p50_ms": p50 * 1e3,
        "p95_ms": statistics.quantiles(times, n=20)[-1] * 1e3,
        "sync_ms": sync_seconds * 1e3,
        "syncs_each": syncs,
        "overhead_ms": (p50 - syncs * sync_seconds) * 1e3,
    }
