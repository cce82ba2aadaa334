"""A task hub with very many finished instances, written through the real storage: `python -m benchmarks.finished_hub`.

Then a real `dfcli run` is started on it and asked for pages: `start ≤ 5 s with index, list page ≤ 100 ms, memory ≤ 300 MB`
at a million instances. Only syncs are left out while the hub is written; one `sync` of everything follows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

from msgspec import Raw

from benchmarks.machine import facts, resident_bytes
from benchmarks.over_http import APP, Server
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

if __name__ == "__main__":
    t=time.perf_counter(); write_hub(sys.argv[1], int(sys.argv[2])); print(time.perf_counter()-t)
