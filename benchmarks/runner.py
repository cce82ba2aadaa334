"""Runs workloads, each several times and in turn, and gathers the measurements."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from benchmarks import over_http
from benchmarks.measurement import IN_PROCESS, OVER_HTTP, Measurement
from benchmarks.workloads import Workload

Say = Callable[[str], None]


def run_all(workloads: Sequence[Workload], ways: Sequence[str], runs: int, folder: str, quick: bool, say: Say) -> Runs:
    """Every workload `runs` times in each of its ways. Rounds follow each other, so that a slow minute hits all."""
    found: Runs = {}
    for round_number in range(1, runs + 1):
        for workload in workloads:
            size = workload.quick if quick else workload.size
            for way in ways:
                if way == OVER_HTTP and not workload.over_http:
                    continue
                say(f"round {round_number} of {runs}: {workload.name} {size:,}, {way}")
                found.setdefault((workload.name, way), []).append(run_once(workload.name, way, size, folder))
    return found


Runs = dict[tuple[str, str], list[Measurement]]


def run_once(name: str, way: str, size: int, folder: str) -> Measurement:
    """One measurement with a new hub, which is removed again."""
    place = tempfile.mkdtemp(prefix="dfcli-bench-", dir=folder)
    hub = os.path.join(place, "run")
    try:
        if name == "cold":
            return _cold(way, hub)
        if way == OVER_HTTP:
            return over_http.run(name, size, hub)
        return Measurement(**json.loads(_child(name, size, hub)))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _child(name: str, size: int, folder: str) -> str:
    command = [sys.executable, "-m", "benchmarks.in_process", name, str(size), folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: see above")
    return done.stdout


def _cold(way: str, folder: str) -> Measurement:
    begun = time.perf_counter()
    if way == IN_PROCESS:
        command = [sys.executable, "-m", "benchmarks.in_process", "cold", "1", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            if child.stdout.readline() != "done\n":
                raise RuntimeError("cold failed: see above")
            seconds = time.perf_counter() - begun
    else:
        seconds = over_http.cold(folder)
    return Measurement(
        workload="cold",
        how=way,
        unit="start",
        units=1,
        seconds=seconds,
        filed_seconds=seconds,
        cpu_seconds=0.0,
        syncs=0,
        bytes_written=0,
        resident_bytes=0,
    )
