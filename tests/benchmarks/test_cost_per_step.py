"""CPU, syncs and bytes of a step: stable on a shared machine, unlike wall-clock time. The bounds are generous; what
they catch is a step that begins to cost several times as much, or work that grows with the history."""

import asyncio
from pathlib import Path

from benchmarks.in_process import run
from benchmarks.measurement import Measurement


def measured(workload: str, size: int, folder: Path) -> dict[str, float]:
    """The cheaper of two runs: a neighbour may have spoilt one."""
    runs: list[Measurement] = []
    for attempt in ("first", "second"):
        place = folder / attempt
        place.mkdir()
        runs.append(asyncio.run(run(workload, size, str(place))))
    return min(runs, key=lambda found: found.cpu_seconds).figures


def test_a_sequence_costs_little_cpu_and_shares_its_syncs(tmp_path: Path) -> None:
    figures = measured("sequence", 200, tmp_path)
    assert figures["cpu_us"] < 300
    assert figures["syncs"] < 0.2
    assert figures["bytes"] < 4_000


def test_a_fan_out_is_recorded_in_few_batches(tmp_path: Path) -> None:
    figures = measured("fan-out", 1_000, tmp_path)
    assert figures["cpu_us"] < 100
    assert figures["syncs"] < 0.05


def test_a_step_costs_the_same_early_and_late_in_a_long_history(tmp_path: Path) -> None:
    figures = measured("long", 900, tmp_path)
    assert figures["syncs"] < 1.1
    assert figures["cpu_growth"] < 1.6


def test_waiting_instances_beyond_the_resident_limit_leave_no_generator_behind(tmp_path: Path) -> None:
    figures = measured("waiting", 400, tmp_path)
    assert figures["live_generators_max"] <= figures["resident_limit"]
    assert figures["replayed_per_step"] <= 3


def test_a_generation_costs_the_same_early_and_late_in_an_eternal_run(tmp_path: Path) -> None:
    figures = measured("eternal", 900, tmp_path)
    assert figures["cpu_growth"] < 1.6
    assert figures["resident_growth_mb"] < 10
    assert figures["files"] == 3
