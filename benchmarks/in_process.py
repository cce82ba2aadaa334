"""One run of one workload on an embedded host: `python -m benchmarks.in_process WORKLOAD SIZE FOLDER`.

A process of its own for each run, so that memory and CPU are this run's alone. Prints a Measurement as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from types import GeneratorType
from typing import Any

import dfcli as df
from benchmarks.app import function_app
from benchmarks.machine import bytes_written, resident_bytes, sync_seconds
from benchmarks.measurement import IN_PROCESS, Measurement, latency_figures
from benchmarks.workloads import IN_FLIGHT
from dfcli.host.settings import HostSettings

WARM_UP = 20
WINDOW = 1_000
"""Steps whose cost is compared, at the beginning of a long run and at its end."""


class Meter:
    """Takes the time from `begin` to `end` of one host."""

    def __init__(self, host: df.Host, workload: str, folder: str) -> None:
        self._host = host
        self._workload = workload
        self.folder = folder

    def begin(self) -> None:
        gc.collect()
        self._host.hub.materialise_step(everything=True)
        self._syncs = self._host.hub.batches_committed
        self._bytes = bytes_written()
        self._system = os.times().system
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def end(self, unit: str, units: int, more: dict[str, float] | None = None) -> Measurement:
        seconds = time.perf_counter() - self._wall
        syncs = self._host.hub.batches_committed - self._syncs
        self._host.hub.materialise_step(everything=True)
        filed_seconds = time.perf_counter() - self._wall
        cpu_seconds, system = time.process_time() - self._cpu, os.times().system - self._system
        return Measurement(
            workload=self._workload,
            how=IN_PROCESS,
            unit=unit,
            units=units,
            seconds=seconds,
            filed_seconds=filed_seconds,
            cpu_seconds=cpu_seconds,
            kernel_seconds=system,
            syncs=syncs,
            bytes_written=bytes_written() - self._bytes,
            resident_bytes=resident_bytes(),
            more=more or {},
        )


async def in_flight(count: int, most: int, one: Callable[[int], Awaitable[Any]]) -> None:
    """Call `one` with 0 to count - 1, at most `most` at a time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(worker() for _ in range(min(most, count))))


async def sequence(host: df.Host, size: int, meter: Meter) -> Measurement:
    client = host.client

    async def one(_: int) -> None:
        status = await client.wait(await client.start_new("sequence"))
        assert status.output == 10, status

    await in_flight(WARM_UP, WARM_UP, one)
    meter.begin()
    await in_flight(size, IN_FLIGHT, one)
    return meter.end("activity", 5 * size)


async def fan_out(host: df.Host, size: int, meter: Meter) -> Measurement:
    client = host.client
    await client.wait(await client.start_new("fan_out", client_input=WARM_UP))
    meter.begin()
    status = await client.wait(await client.start_new("fan_out", client_input=size))
    assert status.output == size, status
    return meter.end("activity", size)


async def long(host: df.Host, size: int, meter: Meter) -> Measurement:
    """Compares steps 100 to 1,100 with the last 1,000 where there are enough."""
    client = host.client
    window = min(WINDOW, size // 3)
    marked = [100, 100 + window, size - window - 1, size - 1]
    await client.wait(await client.start_new("long", client_input={"steps": WARM_UP, "marks": []}))
    meter.begin()
    await client.wait(await client.start_new("long", client_input={"steps": size, "marks": marked}))
    early, early_end, late, late_end = (function_app.marks[step] for step in marked)
    more = {
        "early_cpu_us": (early_end[0] - early[0]) / window * 1e6,
        "late_cpu_us": (late_end[0] - late[0]) / window * 1e6,
        "cpu_growth": (late_end[0] - late[0]) / (early_end[0] - early[0]),
        "wall_growth": (late_end[1] - late[1]) / (early_end[1] - early[1]),
    }
    return meter.end("activity", size, more)


async def events(host: df.Host, size: int, meter: Meter) -> Measurement:
    """The clock runs from the first event to the last end."""
    client = host.client
    ids: list[str] = []

    async def begin(_: int) -> None:
        ids.append(await client.start_new("approval"))

    async def one(number: int) -> None:
        await client.raise_event(ids[number], "go", number)
        await client.wait(ids[number])

    await in_flight(size, IN_FLIGHT, begin)
    meter.begin()
    await in_flight(size, IN_FLIGHT, one)
    return meter.end("event", size)


async def timers(host: df.Host, size: int, meter: Meter) -> Measurement:
    client = host.client
    early: list[Any] = []

    async def one(_: int) -> None:
        status = await client.wait(await client.start_new("sleep", client_input=1.0))
        early.append(status.output)

    meter.begin()
    await in_flight(size, size, one)
    assert not any(early), f"{sum(map(bool, early))} timers fired early"
    return meter.end("timer", size)


async def timers_idle(host: df.Host, size: int, meter: Meter) -> Measurement:
    """How late whoever waits learns of a timer: the wake-up, the sync of its line and the episode."""
    client = host.client
    late: list[float] = []

    async def one(_: int) -> None:
        status = await client.wait(await client.start_new("alarm", client_input=0.05))
        late.append((time.time() - status.output) * 1e3)

    await in_flight(WARM_UP, 1, one)
    late.clear()
    meter.begin()
    await in_flight(size, 1, one)
    assert min(late) >= 0, "a timer was early"
    more = {"late_p50_ms": statistics.median(late), "late_p95_ms": statistics.quantiles(late, n=20)[-1]}
    return meter.end("timer", size, {**more, "late_max_ms": max(late)})


async def children(host: df.Host, size: int, meter: Meter) -> Measurement:
    client = host.client
    await client.wait(await client.start_new("parent", client_input=WARM_UP))
    meter.begin()
    status = await client.wait(await client.start_new("parent", client_input=size))
    assert status.output == size, status
    return meter.end("child", size)


async def eternal(host: df.Host, size: int, meter: Meter) -> Measurement:
    """Compares early generations with the last ones, as `long` compares steps."""
    client = host.client
    window = min(WINDOW, size // 3)
    marked = [100, 100 + window, size - window, size]
    await client.wait(await client.start_new("eternal", client_input=[1, WARM_UP, []]))
    meter.begin()
    before = resident_bytes()
    instance_id = await client.start_new("eternal", client_input=[1, size, marked])
    await client.wait(instance_id)
    early, early_end, late, late_end = (function_app.marks[generation] for generation in marked)
    measured = meter.end("generation", size)
    more = {
        "early_cpu_us": (early_end[0] - early[0]) / window * 1e6,
        "late_cpu_us": (late_end[0] - late[0]) / window * 1e6,
        "cpu_growth": (late_end[0] - late[0]) / (early_end[0] - early[0]),
        "resident_growth_mb": (resident_bytes() - before) / 1e6,
        "files": float(len(host.hub.executions(instance_id))),
    }
    measured.more.update(more)
    return measured


async def latency(host: df.Host, size: int, meter: Meter) -> Measurement:
    client = host.client
    times: list[float] = []

    async def one(_: int) -> None:
        begun = time.perf_counter()
        await client.wait(await client.start_new("sequence"))
        times.append(time.perf_counter() - begun)

    await in_flight(WARM_UP, 1, one)
    times.clear()
    meter.begin()
    await in_flight(size, 1, one)
    measured = meter.end("activity", 5 * size)
    measured.more.update(latency_figures(times, measured.syncs / size, sync_seconds(meter.folder)))
    return measured


async def waiting(host: df.Host, size: int, meter: Meter) -> Measurement:
    """Live generators are counted in the garbage collector's own list, not by the host's word."""
    code = function_app.approval.__code__
    client = host.client
    ids: list[str] = []
    alive = most_resident = 0

    def count() -> None:
        nonlocal alive, most_resident
        suspended = sum(isinstance(o, GeneratorType) and o.gi_code is code for o in gc.get_objects())
        alive, most_resident = max(alive, suspended), max(most_resident, host.scheduler.resident)

    async def begin(number: int) -> None:
        ids.append(await client.start_new("approval"))
        if number % (size // 8) == 1:
            count()

    async def one(number: int) -> None:
        await client.raise_event(ids[number], "go", number)
        await client.wait(ids[number])
        if number % (size // 8) == 1:
            count()

    begun = time.perf_counter()
    await in_flight(size, IN_FLIGHT, begin)
    started = time.perf_counter() - begun
    count()
    waiting_bytes = resident_bytes()
    scheduler = host.scheduler
    replays, replayed, episodes = scheduler.replays, scheduler.replayed_events, scheduler.episodes
    meter.begin()
    await in_flight(size, IN_FLIGHT, one)
    more = {
        "start_seconds": started,
        "waiting_mb": waiting_bytes / 1e6,
        "live_generators_max": float(alive),
        "resident_max": float(most_resident),
        "resident_limit": float(host.settings.resident_limit),
        "replays": float(scheduler.replays - replays),
        "events_per_replay": (scheduler.replayed_events - replayed) / max(1, scheduler.replays - replays),
        "replayed_per_step": (scheduler.replayed_events - replayed) / max(1, scheduler.episodes - episodes),
    }
    return meter.end("event", size, more)


Run = Callable[[df.Host, int, Meter], Awaitable[Measurement]]

RUNS: dict[str, Run] = {
    "sequence": sequence,
    "sustained": sequence,
    "fan-out": fan_out,
    "fan-out-large": fan_out,
    "long": long,
    "long-large": long,
    "events": events,
    "timers": timers,
    "timers-idle": timers_idle,
    "children": children,
    "eternal": eternal,
    "latency": latency,
    "waiting": waiting,
}


async def run(workload: str, size: int, folder: str) -> Measurement:
    """One measurement on a new hub below `folder`."""
    settings = HostSettings(resident_limit=max(100, size // 100)) if workload == "waiting" else HostSettings()
    async with df.Host(function_app.app, hub=f"{folder}/hub", settings=settings) as host:
        return await RUNS[workload](host, size, Meter(host, workload, folder))


async def first_result(folder: str) -> None:
    """For `cold`: prints once there is a result, measured by whoever started this process."""
    async with df.Host(function_app.app, hub=f"{folder}/hub") as host:
        await host.client.wait(await host.client.start_new("sequence"))
        print("done", flush=True)


def main() -> None:
    workload, size, folder = sys.argv[1:]
    if workload == "cold":
        asyncio.run(first_result(folder))
    else:
        os.makedirs(folder, exist_ok=True)
        print(json.dumps(asyncio.run(run(workload, int(size), folder)).as_json()))


if __name__ == "__main__":
    main()
