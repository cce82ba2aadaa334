"""One run of one workload on a real `dfcli run`, driven by a client process. Server figures come from /proc."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from benchmarks.http_client import DURABLE
from benchmarks.machine import bytes_written, cpu_seconds, resident_bytes, sync_seconds
from benchmarks.measurement import OVER_HTTP, Measurement, latency_figures

APP = os.path.join(os.path.dirname(__file__), "app", "function_app.py")
FILING_LAG_SECONDS = 0.6
"""Twice as long as history files and index may lag: by then they have caught up."""
STOP_SECONDS = 20


@dataclass
class Server:
    """`dfcli run` on a free port, with the hub in `folder`, a new one unless there is one."""

    folder: str

    def __enter__(self) -> Server:
        os.makedirs(self.folder, exist_ok=True)
        shutil.copy(APP, self.folder)
        # Its log goes to a file, as that of a service does: what it costs to write is part of the server's CPU.
        self._log = open(os.path.join(self.folder, "log.jsonl"), "w+")
        command = [sys.executable, "-m", "dfcli", "run", "-C", self.folder, "--port", "0", "--no-watch"]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.DEVNULL)
        ready = json.loads(self._first_line())
        self.url: str = ready["url"]
        self.hub: str = ready["hubPath"]
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _first_line(self) -> str:
        while self.process.poll() is None:
            self._log.seek(0)
            line = self._log.readline()
            if line.endswith("\n"):
                return line
            time.sleep(0.002)
        raise RuntimeError(f"`dfcli run` ended with {self.process.returncode}")

    def batches(self) -> int:
        """The number of the journal's last batch: how often it was synced."""
        journal = os.path.join(self.hub, "journal")
        newest = max(os.listdir(journal))
        with open(os.path.join(journal, newest), "rb") as file:
            lines = [line for line in file if line.startswith(b'{"Commit":')]
        return int(json.loads(lines[-1])["Commit"]) if lines else 0


class Usage(NamedTuple):
    """What the server has used since it started."""

    own: float
    kernel: float
    syncs: int
    written: int

    @classmethod
    def of(cls, server: Server) -> Usage:
        """Once files and index have caught up."""
        syncs = server.batches()
        time.sleep(FILING_LAG_SECONDS)
        pid = server.process.pid
        return cls(*cpu_seconds(pid), syncs, bytes_written(pid))

    def since(self, before: Usage) -> Usage:
        return Usage(*(now - then for now, then in zip(self, before, strict=True)))  # type: ignore[arg-type]


def run(workload: str, size: int, folder: str) -> Measurement:
    """One measurement."""
    with Server(folder) as server:
        _drive(server, "sequence", 50)  # what is imported on first use is no part of the figures
        found, usage = _drive(server, workload, size)
        units, unit = counted(workload, size)
        cpu = usage.own + usage.kernel
        more = {"client_cpu_us": found["cpu"] / units * 1e6}
        if workload == "sequence":
            more["server_cpu_us_per_instance"] = cpu / size * 1e6
        if workload == "latency":
            more |= latency_figures(found["times"], usage.syncs / size, sync_seconds(folder))
        return Measurement(
            workload=workload,
            how=OVER_HTTP,
            unit=unit,
            units=units,
            seconds=found["seconds"],
            filed_seconds=found["seconds"],
            cpu_seconds=cpu,
            kernel_seconds=usage.kernel,
            syncs=usage.syncs,
            bytes_written=usage.written,
            resident_bytes=resident_bytes(server.process.pid),
            more=more,
        )


def counted(workload: str, size: int) -> tuple[int, str]:
    """How many of what a workload's figures are for each of."""
    if workload in ("events", "timers"):
        return size, workload.removesuffix("s")
    return (5 * size if workload in ("sequence", "latency") else size), "activity"


def _drive(server: Server, workload: str, size: int) -> tuple[dict[str, Any], Usage]:
    """Have a client process run a workload; what it says, and what the server used meanwhile."""
    command = [sys.executable, "-m", "benchmarks.http_client", server.url, workload, str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        if client.stdout.readline() != "ready\n":
            raise RuntimeError("the client failed before it was ready")
        before = Usage.of(server)
        answer, _ = client.communicate("go\n")
    if client.returncode:
        raise RuntimeError(f"the client ended with {client.returncode}")
    return json.loads(answer), Usage.of(server).since(before)


def cold(folder: str) -> float:
    """Seconds from starting `dfcli run` to the first result over HTTP."""
    begun = time.perf_counter()
    with Server(folder) as server:
        request = Request(f"{server.url}{DURABLE}/orchestrators/sequence?timeout=30", b"", method="POST")
        with urlopen(request, timeout=30) as answer:
            assert answer.read() == b"10"
        return time.perf_counter() - begun
