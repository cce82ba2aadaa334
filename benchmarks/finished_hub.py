"""A task hub with very many finished instances: `python -m benchmarks.finished_hub [--size N] [--folder DIR]`.

The hub is written through the real storage: journal, history files, index, compactions. Then a real `dfcli run` is
started on it, asked for pages by every kind of filter, killed and started again. A million instances take some 5 GB and
as many files; everything is removed at the end unless `--keep`, and `--hub-of FOLDER` measures a kept one again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from msgspec import Raw

from benchmarks import report
from benchmarks.http_client import DURABLE
from benchmarks.machine import facts, resident_bytes
from benchmarks.over_http import Server
from dfcli.env.environment import Env
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Transaction

FIRST_START = 1_767_225_600.0
PER_COMMIT = 1_000
"""Instances; a batch holds at most 8,192 lines."""
PAGE = 100
ASKED = 20
"""How often each page is asked for."""
STATUSES = ("Completed", "Completed", "Completed", "Completed", "Failed")


def instance(number: int) -> tuple[ExecutionKey, list[h.Event]]:
    """One activity and its result; every fifth instance has failed. One starts each tenth of a second."""
    begun, ended = FIRST_START + number / 10, FIRST_START + number / 10 + 0.02
    then, now = timestamp_from_epoch(begun), timestamp_from_epoch(ended)
    value = Raw(b'{"order":%d}' % number)
    status = STATUSES[number % len(STATUSES)]
    events: list[h.Event] = [
        h.ExecutionStarted(
            seq=1,
            event_id=-1,
            timestamp=then,
            name=f"process_order_{number % 7}",
            execution_id=f"{number:032x}",
            input=value,
            origin="client",
            code_id="0" * 32,
        ),
        h.OrchestratorStarted(seq=2, event_id=-1, timestamp=then, consumed=1),
        h.TaskScheduled(seq=3, event_id=0, timestamp=then, name="charge", input=value),
        h.OrchestratorCompleted(seq=4, event_id=-1, timestamp=then),
        h.TaskCompleted(seq=5, event_id=-1, timestamp=now, task_scheduled_id=0, result=value),
        h.OrchestratorStarted(seq=6, event_id=-1, timestamp=now, consumed=5),
        h.ExecutionCompleted(seq=7, event_id=1, timestamp=now, orchestration_status=status, result=value),
        h.OrchestratorCompleted(seq=8, event_id=-1, timestamp=now),
    ]
    return ExecutionKey(hashlib.md5(b"%d" % number).hexdigest(), 1), events


def write_hub(path: str, count: int) -> None:
    """Through the storage's own writer: journal, history files, index, compactions."""
    hub = TaskHub.open(path, Env(), HubSettings())
    for first in range(0, count, PER_COMMIT):
        for number in range(first, min(first + PER_COMMIT, count)):
            key, events = instance(number)
            hub.submit(Transaction([Append(key, events)]))
        while hub.queued_lines:
            hub.commit_step()
        hub.materialise_step(everything=True)
        if hub.compaction_due():
            hub.compact()
    hub.close()


FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "failed": {"runtimeStatus": "Failed"},
    "failed and completed": {"runtimeStatus": "Failed,Completed"},
    "running (none)": {"runtimeStatus": "Running"},
    "prefix of one": {"instanceIdPrefix": "c4ca4238a0b92382"},
    "prefix of 1/16": {"instanceIdPrefix": "c"},
    "created in the middle": {
        "createdTimeFrom": timestamp_from_epoch(FIRST_START + 40_000),
        "createdTimeTo": timestamp_from_epoch(FIRST_START + 40_100),
    },
}


def page(url: str, which: dict[str, Any], token: str = "") -> tuple[float, str]:
    """Milliseconds that a page took, and the token of the next one."""
    query = urlencode({"top": PAGE, "showInput": "false", **which}, quote_via=quote)
    request = Request(f"{url}{DURABLE}/instances?{query}", headers={"x-ms-continuation-token": token} if token else {})
    begun = time.perf_counter()
    with urlopen(request, timeout=60) as answer:
        answer.read()
        return (time.perf_counter() - begun) * 1e3, answer.headers.get("x-ms-continuation-token") or ""


def pages(url: str) -> dict[str, list[float]]:
    """Milliseconds for a page of each filter, and for pages one after the other."""
    found = {name: [page(url, which)[0] for _ in range(ASKED)] for name, which in FILTERS.items()}
    token = ""
    found["turning pages"] = []
    for _ in range(ASKED):
        took, token = page(url, {}, token)
        found["turning pages"].append(took)
    return found


def measure(folder: str) -> None:
    """Start on the hub in `folder` after a clean stop, list, and start again after a kill."""
    begun = time.perf_counter()
    with Server(folder) as server:
        print(f"ready after {time.perf_counter() - begun:.2f} s, {resident_bytes(server.process.pid) / 1e6:.0f} MB")
        for name, times in pages(server.url).items():
            print(f"  page of {PAGE}, {name}: median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms")
        print(f"after the pages: {resident_bytes(server.process.pid) / 1e6:.0f} MB")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    begun = time.perf_counter()
    with Server(folder) as server:
        seconds = time.perf_counter() - begun
        print(f"ready again after a kill: {seconds:.2f} s, {resident_bytes(server.process.pid) / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000, metavar="N", help="how many instances (1,000,000)")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the hub is put")
    parser.add_argument("--keep", action="store_true", help="leave the hub there, and say where")
    parser.add_argument("--hub-of", metavar="FOLDER", help="measure the hub that an earlier run has kept")
    parser.add_argument("--rebuild", action="store_true", help="also remove the index and see it made again")
    options = parser.parse_args()
    folder = options.hub_of or tempfile.mkdtemp(prefix="dfcli-finished-", dir=options.folder)
    hub = os.path.join(folder, ".dfcli", "default")
    try:
        print("\n".join(report.machine_lines(facts(folder))), flush=True)
        if not options.hub_of:
            begun = time.perf_counter()
            os.makedirs(os.path.dirname(hub), mode=0o700)
            write_hub(hub, options.size)
            print(f"{options.size:,} instances written in {time.perf_counter() - begun:.0f} s", flush=True)
        print(f"index: {os.path.getsize(os.path.join(hub, 'index.sqlite')) / 1e6:.0f} MB", flush=True)
        measure(folder)
        if options.rebuild:
            os.unlink(os.path.join(hub, "index.sqlite"))
            begun = time.perf_counter()
            with Server(folder):
                print(f"ready with the index made again: {time.perf_counter() - begun:.2f} s")
    finally:
        if options.keep or options.hub_of:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
