"""Runs workloads, each several times and in turn, and gathers the measurements."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks import over_http
from benchmarks.measurement import IN_PROCESS, OVER_HTTP, Measurement
from benchmarks.workloads import Workload

Say = Callable[[str], None]
Runs = dict[tuple[str, str], list[Measurement]]
"""By name of the workload and way."""


def run_all(workloads: Sequence[Workload], ways: Sequence[str], runs: int, folder: str, quick: bool, say: Say) -> Runs:
    """Every workload `runs` times in each of its ways. Rounds follow each other, so that a slow minute hits all."""
    found: Runs = {}
    with _place_for_hubs(folder) as place:
        for number in range(1, runs + 1):
            for workload in workloads:
                size = workload.quick if quick else workload.size
                for way in ways:
                    if way == IN_PROCESS or workload.over_http:
                        say(f"round {number} of {runs}: {workload.name} {size:,}, {way}")
                        measured = run_once(workload.name, way, size, tempfile.mkdtemp(dir=place))
                        found.setdefault((workload.name, way), []).append(measured)
    return found


@contextmanager
def _place_for_hubs(folder: str) -> Iterator[str]:
    """Everything is removed at the end only: ext4 does not use the inodes of removed files again for some minutes, and
    until then passes over each of them for every file that is made, which can cost more than all else."""
    place = tempfile.mkdtemp(prefix="dfcli-bench-", dir=folder)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run_once(name: str, way: str, size: int, folder: str) -> Measurement:
    """One measurement with a new hub in an empty folder."""
    place = os.path.join(folder, "run")
    if name == "cold":
        return _cold(way, place)
    if way == OVER_HTTP:
        return over_http.run(name, size, place)
    command = [sys.executable, "-m", "benchmarks.in_process", name, str(size), place]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: see above")
    return Measurement(**json.loads(done.stdout))


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
        kernel_seconds=0.0,
        syncs=0,
        bytes_written=0,
        resident_bytes=0,
    )
