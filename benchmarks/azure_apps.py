"""`python -m benchmarks.azure_apps [--steps N] [--runs N]`: an app for Azure beside the same app for dfcli.

How long `dfcli run` takes until it is ready, in a process of its own with bytecode in place; and what a step costs: one
instance that calls N activities one after the other, and one that calls them all at once. The flavours take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = "import dfcli as df\n"
AZURES = "import azure.durable_functions as df\n"
APP = """
app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def sequence(context):
    total = 0
    for number in range(context.get_input()):
        total += yield context.call_activity("add", number)
    return total


@app.orchestration_trigger(context_name="context")
def fan_out(context):
    return sum((yield context.task_all([context.call_activity("add", n) for n in range(context.get_input())])))


@app.activity_trigger(input_name="number")
def add(number):
    return number + 1
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--measure", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(steps(options.measure, options.steps))))
        return
    with tempfile.TemporaryDirectory() as folder:
        flavours = {"dfcli": write(Path(folder, "ours"), OURS), "azure": write(Path(folder, "azures"), AZURES)}
        ready: dict[str, list[float]] = {name: [] for name in flavours}
        costs: dict[str, list[dict[str, float]]] = {name: [] for name in flavours}
        for path in flavours.values():
            started(path)  # once for the bytecode and the disk's cache
        for _ in range(options.runs):
            for name, path in flavours.items():
                ready[name].append(started(path))
                costs[name].append(measured(path, options.steps))
    for name in flavours:
        print(f"{name:6} ready after {spread(ready[name])} ms")
    for what in ("sequence", "fan_out"):
        ours, azures = ([cost[what] for cost in costs[name]] for name in ("dfcli", "azure"))
        share = statistics.median(azures) / statistics.median(ours) - 1
        print(f"{what:9} CPU per step: dfcli {spread(ours)} us, azure {spread(azures)} us, {share:+.0%}")


def write(folder: Path, head: str) -> Path:
    folder.mkdir()
    (folder / "function_app.py").write_text(head + APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def started(folder: Path) -> float:
    """Milliseconds from the start of the process to its line that it is ready."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "dfcli", "run", "--port", "0", "--no-watch"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    elapsed = (time.perf_counter() - began) * 1000
    process.terminate()
    process.communicate()
    return elapsed


def measured(folder: Path, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.azure_apps", "--measure", str(folder), "--steps", str(count)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    return found


async def steps(folder: str, count: int) -> dict[str, float]:
    """Microseconds of CPU, of all threads, per activity."""
    from dfcli.host.host import Host
    from dfcli.project.load import load_app

    registry = load_app(folder).registry
    found = {}
    with tempfile.TemporaryDirectory() as hub:
        async with Host(registry, hub=hub) as host:
            await host.client.wait(await host.client.start_new("sequence", client_input=200), timeout=60)
            for name in ("sequence", "fan_out"):
                began = time.process_time()
                instance_id = await host.client.start_new(name, client_input=count)
                await host.client.wait(instance_id, timeout=300)
                found[name] = (time.process_time() - began) / count * 1e6
    return found


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


if __name__ == "__main__":
    main()
