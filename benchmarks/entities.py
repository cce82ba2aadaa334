"""Entities in very large numbers: `python -m benchmarks.entities [--operations N] [--entities N] [--folder DIR]`.

First one entity that is signalled very often: time, memory and files per hundred thousand operations must not grow.
Then very many entities that are signalled once each and left alone: what they leave in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import sys
import tempfile
import time

import dfcli as df
from benchmarks import report
from benchmarks.machine import facts, resident_bytes

AT_ONCE = 1_000
"""Signals under way."""
PARTS = 10

app = df.DFApp()


@app.entity_trigger()
def counter(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_state(lambda: 0) + context.get_input())


async def signal(host: df.Host, ids: list[df.EntityId]) -> None:
    """One operation for each id, so many at once; done when every state is durable."""
    for start in range(0, len(ids), AT_ONCE):
        await asyncio.gather(*(host.client.signal_entity(each, "add", 1) for each in ids[start : start + AT_ONCE]))
    while not host.entities.is_quiet:
        await asyncio.sleep(0.01)
    await host.committer.barrier()


def files_of(hub: str) -> tuple[int, int]:
    """How many history files there are, and the bytes of the largest."""
    sizes = [
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(os.path.join(hub, "instances"))
        for name in names
    ]
    return len(sizes), max(sizes, default=0)


def line(label: str, operations: int, seconds: float, cpu: float, hub: str) -> str:
    count, largest = files_of(hub)
    return (
        f"{label:>12}  {operations / seconds:8,.0f} operations/s  {cpu / operations * 1e6:6.0f} µs CPU each  "
        f"{resident_bytes() / 1e6:6.0f} MB resident  {count:7,} files, the largest {largest / 1e6:.1f} MB"
    )


async def measure(hub: str, operations: int, entities: int) -> None:
    async with df.Host(app, hub=hub) as host:
        print("one entity, signalled very often")
        one = df.EntityId("counter", "one")
        for part in range(1, PARTS + 1):
            begun, cpu = time.perf_counter(), time.process_time()
            await signal(host, [one] * (operations // PARTS))
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            print(line(f"{part * operations // PARTS:,}", operations // PARTS, seconds, cpu, hub), flush=True)
        state = (await host.client.read_entity_state(one)).entity_state
        if state != operations // PARTS * PARTS:
            sys.exit(f"the state is {state} after {operations} operations")
        print("very many entities, signalled once each")
        for part in range(1, PARTS + 1):
            ids = [df.EntityId("counter", f"{part}-{number}") for number in range(entities // PARTS)]
            begun, cpu = time.perf_counter(), time.process_time()
            await signal(host, ids)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            await asyncio.sleep(1)  # files and index catch up
            gc.collect()
            print(line(f"{part * entities // PARTS:,}", len(ids), seconds, cpu, hub), flush=True)
        print(f"in memory: {len(host.entities.lanes):,} lanes, {len(host.hub._published.summaries):,} summaries")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.entities", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the hub is put: the disk to measure")
    options = parser.parse_args()
    print("\n".join(report.machine_lines(facts(options.folder))), flush=True)
    folder = tempfile.mkdtemp(prefix="dfcli-entities-", dir=options.folder)
    try:
        asyncio.run(measure(os.path.join(folder, "hub"), options.operations, options.entities))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
