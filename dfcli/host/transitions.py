"""One line per transition: what a person watching the host sees of each instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from dfcli.model import history as h
from dfcli.storage.transaction import Append


class Transition(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One committed fact. `verb` is one of the words Durable Functions logs: started, scheduled, completed, …"""

    timestamp: str
    instance_id: str
    verb: str
    kind: str = "orchestrator"
    """`orchestrator`, `activity`, `sub-orchestration`, `timer`, `event` or `entity`."""
    name: str = ""
    detail: str = ""


def transitions(append: Append) -> Iterator[Transition]:
    """The transitions that committed lines stand for; bookkeeping lines give none. HOT while a host is watched."""
    instance_id = append.key.instance_id
    for event in append.events:
        if type(event) not in _BOOKKEEPING:
            verb, kind, name, detail = _words(event)
            yield Transition(
                timestamp=event.timestamp, instance_id=instance_id, verb=verb, kind=kind, name=name, detail=detail
            )


_BOOKKEEPING = (h.OrchestratorStarted, h.OrchestratorCompleted, h.ContinueAsNew)


def _words(event: h.Event) -> tuple[str, str, str, str]:
    """Verb, kind, name and detail; the most frequent events come first."""
    match event:
        case h.TaskScheduled():
            return "scheduled", "activity", event.name, f"#{event.event_id}" + _attempt(event.attempt)
        case h.TaskCompleted():
            return "completed", "activity", "", f"#{event.task_scheduled_id}"
        case h.ExecutionStarted():
            return ("continued as new" if event.generation else "started"), "orchestrator", event.name, ""
        case h.TaskFailed():
            return "failed", "activity", "", f"#{event.task_scheduled_id} {_first_line(event.reason)}"
        case h.SubOrchestrationInstanceCreated():
            return "scheduled", "sub-orchestration", event.name, event.child_instance_id + _attempt(event.attempt)
        case h.SubOrchestrationInstanceCompleted():
            return "completed", "sub-orchestration", "", f"#{event.task_scheduled_id}"
        case h.SubOrchestrationInstanceFailed():
            return "failed", "sub-orchestration", "", f"#{event.task_scheduled_id} {_first_line(event.reason)}"
        case h.TimerCreated():
            return "waits for", "timer", "", event.fire_at
        case h.TimerFired():
            return "fired", "timer", "", f"#{event.timer_id}"
        case h.EventRaised():
            return "received", "event" if event.sender is None else "entity", event.name, event.sender or ""
        case h.EventSent():
            return "sent", "event", event.name, event.target_instance_id
        case h.ExecutionSuspended() | h.ExecutionResumed() | h.ExecutionTerminated():
            verb = type(event).__name__.removeprefix("Execution").lower()
            return verb, "orchestrator", "", _first_line(event.reason)
        case h.ExecutionCompleted():
            detail = str(event.failure_details) if event.failure_details is not None else ""
            return event.orchestration_status.lower(), "orchestrator", "", _first_line(detail)
        case h.EntityOperationReceived():
            if event.lock_set is not None:
                return "asked for lock", "entity", "", event.caller.instance_id if event.caller is not None else ""
            return "received", "entity", event.operation, "signal" if event.signal else "call"
        case h.EntityBatchCompleted():
            failed = sum(result.failure is not None for result in event.results)
            verb, count = ("failed", f", {failed} failed") if failed == len(event.results) else ("completed", "")
            return verb, "entity", "", f"{len(event.results)} operations{count}"
        case h.EntityLockGranted():
            return "granted lock", "entity", "", event.owner.instance_id
        case h.EntityLockReleased():
            return "released lock", "entity", "", _first_line(event.reason or event.owner.instance_id)
        case h.OrchestratorStarted() | h.OrchestratorCompleted() | h.ContinueAsNew():
            raise AssertionError(f"{type(event).__name__} is bookkeeping")
        case _:
            assert_never(event)


def _attempt(attempt: int) -> str:
    return f" attempt {attempt}" if attempt > 1 else ""


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200]
