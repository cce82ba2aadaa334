"""What the figures were measured on: processor, file system, and what one sync costs there."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from typing import Any

SYNC_PROBES = 200
PROBE_BYTES = 1024


def facts(folder: str) -> dict[str, Any]:
    """About the machine that runs this; `folder` is where hubs are put."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "file_system": _file_system(folder),
        "sync_us": round(sync_seconds(folder) * 1e6),
    }


def sync_seconds(folder: str) -> float:
    """The median time of an append of 1 KiB with its fdatasync, as one commit makes it."""
    sync = getattr(os, "fdatasync", os.fsync)
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNC_PROBES):
            begun = time.perf_counter()
            file.write(b"x" * PROBE_BYTES)
            sync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


def resident_bytes(pid: int | str = "self") -> int:
    """Resident memory of a process; 0 where /proc is missing."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0


def cpu_seconds(pid: int) -> tuple[float, float]:
    """The time that a process has used so far, all its threads: of its own, and in the kernel for it."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


def bytes_written(pid: int | str = "self") -> int:
    """Bytes that a process has handed to `write` so far; 0 where /proc is missing."""
    try:
        with open(f"/proc/{pid}/io") as file:
            return int(next(line for line in file if line.startswith("wchar:")).split()[1])
    except FileNotFoundError:
        return 0


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (FileNotFoundError, StopIteration):
        return platform.processor() or "unknown"


def _file_system(folder: str) -> str:
    """The type of the mount that holds a folder."""
    best = ("", "unknown")
    try:
        with open("/proc/mounts") as file:
            for line in file:
                _, mount, kind, *_ = line.split()
                inside = os.path.realpath(folder).startswith(mount.rstrip("/") + "/") or mount == "/"
                if inside and len(mount) >= len(best[0]):
                    best = (mount, kind)
    except FileNotFoundError:
        pass
    return best[1]
