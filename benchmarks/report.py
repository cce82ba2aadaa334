"""Measurements as a table for people and as JSON for the next program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.measurement import IN_PROCESS, Measurement, Median, medians
from benchmarks.runner import Runs
from benchmarks.workloads import BY_NAME

HEADINGS = ("workload", "how", "size", "s", "a second", "± %", "filed/s", "CPU µs", "kernel", "syncs", "bytes", "MB")
LEFT = 2
"""Columns of words."""


def machine_lines(facts: dict[str, Any]) -> list[str]:
    return [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}",
        f"hubs on {facts['file_system']}; an append of 1 KiB with its fdatasync takes {facts['sync_us']} µs (median)",
    ]


def table(runs: Runs) -> list[str]:
    """Medians; ± is half the range of seconds over the runs. From CPU on, figures are for each unit; `kernel` is the
    part of CPU spent there."""
    rows = [HEADINGS, *(_row(measured) for measured in runs.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        texts = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        texts[:LEFT] = [text.ljust(width) for text, width in zip(row, widths, strict=True)][:LEFT]
        lines.append("  ".join(texts).rstrip())
    return lines


def remarks(runs: Runs) -> list[str]:
    """What a workload says beside the common figures."""
    lines = []
    for (name, way), measured in runs.items():
        more = medians(measured)
        figures = [f"{figure} {_short(more[figure].value)}" for figure in measured[0].more]
        if figures:
            lines.append(f"{name}, {way}: {', '.join(figures)}")
    return lines


def about(runs: Runs) -> list[str]:
    names = dict.fromkeys(name for name, _ in runs)
    return [f"{name}: {BY_NAME[name].about}" for name in names]


def as_json(facts: dict[str, Any], runs: Runs) -> dict[str, Any]:
    """The medians and every raw run."""
    results = []
    for (name, way), measured in runs.items():
        figures = {figure: _spread(median) for figure, median in medians(measured).items()}
        results.append({"workload": name, "how": way, "figures": figures, "runs": [run.as_json() for run in measured]})
    return {"machine": facts, "results": results}


def _row(measured: Sequence[Measurement]) -> tuple[str, ...]:
    first, figures = measured[0], medians(measured)
    seconds = figures["seconds"]
    row = [first.workload, first.how, f"{first.units:,} {first.unit}", f"{seconds.value:.3f}"]
    if first.workload == "cold":
        return (*row, *[""] * (len(HEADINGS) - len(row)))
    spread = (seconds.high - seconds.low) / 2 / seconds.value * 100
    filed = f"{figures['filed_per_second'].value:,.0f}" if first.how == IN_PROCESS else ""
    row += [f"{figures['per_second'].value:,.0f}", f"{spread:.0f}", filed]
    row += [f"{figures['cpu_us'].value:.1f}", f"{figures['kernel_us'].value:.1f}", f"{figures['syncs'].value:.3f}"]
    return (*row, f"{figures['bytes'].value:,.0f}", f"{figures['resident_mb'].value:.0f}")


def _spread(median: Median) -> dict[str, float]:
    return {"median": median.value, "low": median.low, "high": median.high}


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
