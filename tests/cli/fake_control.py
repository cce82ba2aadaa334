"""A control over instances in a dictionary, for tests of commands that need no host."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from dfcli.cli import connection, main
from dfcli.cli.options import Place
from dfcli.errors import InstanceExists, InstanceGone, NotFound, TimedOut, Unavailable, WrongState
from dfcli.host.control import InstanceStatus
from dfcli.model import history as h
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.rewound import RewindReport
from dfcli.model.status import InstanceSummary


class FakeControl:
    """Does to summaries what a host would, and notes what it was asked."""

    def __init__(self, online: bool = True) -> None:
        self.online = online
        self.instances: dict[str, InstanceSummary] = {}
        self.waits: dict[str, list[Wait]] = {}
        self.histories: dict[str, list[h.Event]] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.pages = 0
        self.closed = False

    def add(self, instance_id: str, status: str = "Running", name: str = "hello", **members: Any) -> InstanceSummary:
        minute = len(self.instances)
        summary = InstanceSummary(
            instance_id=instance_id,
            exec=1,
            name=name,
            status=status,
            created=f"2026-01-02T03:{minute:02d}:00.000000Z",
            updated=f"2026-01-02T03:{minute:02d}:30.000000Z",
            **members,
        )
        self.instances[instance_id] = summary
        return summary

    def start(
        self,
        name: str,
        payload: Payload,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
    ) -> str:
        key = instance_id or "0123456789abcdef0123456789abcdef"
        if key in self.instances and self.instances[key].is_live:
            raise InstanceExists(f"instance {key!r} is running")
        self.asked.append(("start", name, payload.json_text, key, version))
        self.add(key, name=name, input=payload)
        return key

    def status(self, instance_id: str) -> InstanceStatus:
        summary = self._find(instance_id)
        waits = self.waits.get(instance_id, []) if summary.is_live else []
        return InstanceStatus(summary=summary, waits=waits, host_running=self.online)

    def history(self, instance_id: str, exec: int | None = None) -> list[h.Event]:
        self._find(instance_id)
        return self.histories[instance_id]

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return [h.encode_members(event) for event in self.history(instance_id, exec)]

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        self.pages += 1
        found = [summary for summary in self.instances.values() if which.matches(summary)]
        if which.newest_first:
            found.reverse()
        start = int(continuation or 0)
        more = str(start + top) if start + top < len(found) else ""
        return Page(found[start : start + top], more)

    def raise_event(self, instance_id: str, name: str, payload: Payload) -> None:
        self._live(instance_id)
        self.asked.append(("raise", instance_id, name, payload.json_text))

    def signal_entity(self, name: str, key: str, operation: str, payload: Payload, *, due: str | None = None) -> None:
        self.asked.append(("signal", name, key, operation, payload.json_text, due))

    def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None:
        self._live(instance_id).status = "Terminated"
        self.asked.append(("terminate", instance_id, reason))

    def suspend(self, instance_id: str, reason: str) -> None:
        summary = self._live(instance_id)
        if summary.status == "Suspended":
            raise WrongState(f"instance {instance_id!r} is suspended already")
        summary.status = "Suspended"
        self.asked.append(("suspend", instance_id, reason))

    def resume(self, instance_id: str, reason: str) -> None:
        self._live(instance_id).status = "Running"
        self.asked.append(("resume", instance_id, reason))

    def rewind(
        self, instance_id: str, reason: str, *, cut: int | None = None, dry_run: bool = False, verify: bool = True
    ) -> RewindReport:
        found = self._find(instance_id)
        if found.status != "Failed":
            raise WrongState("it has not failed")
        if not dry_run:
            found.status = "Running"
        return RewindReport(instance_id=instance_id, cut=cut or 1, verified=verify)

    def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        found = self._find(instance_id)
        return self.start(found.name, found.input, instance_id=None if new_id else instance_id)

    def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        if self._find(instance_id).is_live:
            raise WrongState(f"instance {instance_id!r} is live")
        del self.instances[instance_id]
        return 1

    def wait(self, instance_id: str, timeout: float | None) -> InstanceStatus:
        if not self.online:
            raise Unavailable("no host is running")
        if self._find(instance_id).is_live:
            raise TimedOut(f"instance {instance_id!r} has not ended")
        return self.status(instance_id)

    def close(self) -> None:
        self.closed = True

    def _find(self, instance_id: str) -> InstanceSummary:
        if instance_id not in self.instances:
            raise NotFound(f"there is no instance {instance_id!r}")
        return self.instances[instance_id]

    def _live(self, instance_id: str) -> InstanceSummary:
        summary = self._find(instance_id)
        if not summary.is_live:
            raise InstanceGone(f"instance {instance_id!r} has ended")
        return summary


class Said(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs `dfcli` in this process against a fake control."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.control = FakeControl()
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(connection, "reading", self._open)
        monkeypatch.setattr(connection, "changing", self._open)

    @contextmanager
    def _open(self, where: Place, *, creating: bool = False, with_app: bool = False) -> Iterator[FakeControl]:
        try:
            yield self.control
        finally:
            self.control.close()

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        stream = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        self._monkeypatch.setattr(sys, "stdin", stream)
        code = main.main(arguments)
        captured = self._capsys.readouterr()
        return Said(code, captured.out, captured.err)


def history_of(name: str = "hello") -> list[h.Event]:
    """A finished run of two events of its own."""
    at = "2026-01-02T03:00:0{}.000000Z".format
    raw = Payload
    from msgspec import Raw

    return [
        h.ExecutionStarted(seq=1, event_id=-1, timestamp=at(0), name=name, execution_id="e", input=Raw(b'"Bo"')),
        h.OrchestratorStarted(seq=2, event_id=-1, timestamp=at(0), consumed=1),
        h.TaskScheduled(seq=3, event_id=0, timestamp=at(0), name="say", input=Raw(b'"Bo"')),
        h.OrchestratorCompleted(seq=4, event_id=-1, timestamp=at(0)),
        h.TaskCompleted(seq=5, event_id=-1, timestamp=at(2), task_scheduled_id=0, result=Raw(b'"Hi Bo"')),
        h.OrchestratorStarted(seq=6, event_id=-1, timestamp=at(2), consumed=5),
        h.ExecutionCompleted(
            seq=7, event_id=1, timestamp=at(2), orchestration_status="Completed", result=raw(Raw(b'"Hi Bo"')).raw
        ),
        h.OrchestratorCompleted(seq=8, event_id=-1, timestamp=at(2)),
    ]


__all__ = ["NOTHING", "CommandLine", "FakeControl", "Said", "history_of"]
