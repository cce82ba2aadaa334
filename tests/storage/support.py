"""Hubs and histories for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from dfcli.env.clock import VirtualClock
from dfcli.env.disk import DiskFiles
from dfcli.env.environment import Env
from dfcli.env.files import Files
from dfcli.env.ids import SeededIds
from dfcli.env.memory import MemoryFiles
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Transaction

START = 1_767_225_600.0
SMALL = HubSettings(free_bytes_min=0)


def env_on(files: Files) -> Env:
    return Env(clock=VirtualClock(START), ids=SeededIds(7), files=files, spawn=None)


def disk_env() -> Env:
    return env_on(DiskFiles())


def memory_env() -> Env:
    return env_on(MemoryFiles())


def at(second: float) -> str:
    return timestamp_from_epoch(START + second)


def first_episode(
    *, input: bytes = b'"Tokyo"', generation: int = 0, second: float = 0.0, start: int = 1
) -> list[h.Event]:
    """Start, and an episode that calls one activity: lines 1 to 4."""
    now = at(second)
    return [
        h.ExecutionStarted(
            seq=start,
            event_id=-1,
            timestamp=now,
            name="Hello",
            execution_id="e1",
            input=Raw(input),
            generation=generation,
        ),
        h.OrchestratorStarted(seq=start + 1, event_id=-1, timestamp=now, consumed=start),
        h.TaskScheduled(seq=start + 2, event_id=0, timestamp=now, name="SayHello", input=Raw(input)),
        h.OrchestratorCompleted(seq=start + 3, event_id=-1, timestamp=now),
    ]


def last_episode(*, result: bytes = b'"Hello Tokyo"', second: float = 1.0) -> list[h.Event]:
    """The answer and the episode that ends the execution: lines 5 to 8."""
    now = at(second)
    return [
        h.TaskCompleted(seq=5, event_id=-1, timestamp=now, task_scheduled_id=0, result=Raw(result)),
        h.OrchestratorStarted(seq=6, event_id=-1, timestamp=now, consumed=5),
        h.ExecutionCompleted(seq=7, event_id=1, timestamp=now, orchestration_status="Completed", result=Raw(result)),
        h.OrchestratorCompleted(seq=8, event_id=-1, timestamp=now),
    ]


def generation(number: int) -> list[h.Event]:
    """A whole execution that continues as new at once."""
    now = at(number)
    return [
        h.ExecutionStarted(
            seq=1, event_id=-1, timestamp=now, name="Hello", execution_id=f"e{number}", generation=number - 1
        ),
        h.OrchestratorStarted(seq=2, event_id=-1, timestamp=now, consumed=1),
        h.ContinueAsNew(seq=3, event_id=0, timestamp=now, input=Raw(b"1")),
        h.OrchestratorCompleted(seq=4, event_id=-1, timestamp=now),
    ]


def commit(hub: TaskHub, *appends: tuple[ExecutionKey, Sequence[h.Event]]) -> None:
    """One transaction, durable."""
    hub.submit(Transaction([Append(key, events) for key, events in appends]))
    hub.commit_step()


def plain(events: Sequence[h.Event]) -> list[object]:
    """Events in a form that compares payloads by their bytes."""
    return [h.encode_members(event) for event in events]
