"""One line per transition: what a person watching the host sees of each instance, in Durable Functions' words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias, assert_never

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.host.lane import Lane
from dfcli.host.open_work import OpenWork, seconds_between
from dfcli.model import history as h
from dfcli.model.payload import Payload
from dfcli.storage.transaction import Append

LATE_SECONDS = 0.05
"""A timer that fires later than this is said to be late."""


class Transition(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One committed fact. `verb` is one of the words Durable Functions logs: started, scheduled, completed, …"""

    timestamp: str
    instance_id: str
    verb: str
    kind: str = msgspec.field(default_factory=lambda: "orchestrator")  # a factory, so that it is always written
    """`orchestrator`, `activity`, `sub-orchestration`, `timer`, `event` or `entity`."""
    level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    function_name: str = ""
    event_name: str = ""
    detail: str = ""
    task_event_id: int | None = None
    """The event id of the decision that scheduled the task."""
    sequence: int = 0
    """The line in the instance's history."""
    runtime_status: str = ""
    duration_ms: float | None = None
    """From the schedule to the answer, or from the start to the end."""
    input_bytes: int | None = None
    output_bytes: int | None = None
    input: Raw | UnsetType = UNSET
    output: Raw | UnsetType = UNSET
    """Payloads, where the settings ask for them."""
    hub_name: str = ""


class Rules(NamedTuple):
    """What goes into a transition."""

    hub_name: str = ""
    payloads: bool = False
    """Whether inputs and outputs are shown, and not only their sizes."""
    details: bool = False
    """Whether the ends of episodes are told, too: at level debug."""


def transitions(append: Append, lane: Lane | None, open_work: OpenWork, rules: Rules) -> Iterator[Transition]:
    """The transitions that committed lines stand for; bookkeeping lines give none. HOT while a host is watched."""
    instance_id = append.key.instance_id
    for event in append.events:
        if type(event) in _BOOKKEEPING and not (rules.details and type(event) is h.OrchestratorCompleted):
            continue
        members = _members(append, event, lane, open_work)
        for name in ("input", "output"):
            payload: Payload | None = members.pop(name, None)
            if payload is not None:
                members[f"{name}_bytes"] = payload.size
                if rules.payloads and payload.raw is not UNSET:
                    members[name] = payload.raw
        yield Transition(
            timestamp=event.timestamp,
            instance_id=instance_id,
            sequence=event.seq,
            hub_name=rules.hub_name,
            **members,
        )


_BOOKKEEPING = (h.OrchestratorStarted, h.OrchestratorCompleted, h.ContinueAsNew)

_Scheduling: TypeAlias = h.TaskScheduled | h.SubOrchestrationInstanceCreated
_Failure: TypeAlias = h.TaskFailed | h.SubOrchestrationInstanceFailed
_Answer: TypeAlias = h.TaskCompleted | h.SubOrchestrationInstanceCompleted | _Failure
_Message: TypeAlias = (
    h.EventSent
    | h.ExecutionSuspended
    | h.ExecutionResumed
    | h.ExecutionTerminated
    | h.ExecutionRewound
    | h.EntityEvent
    | h.OrchestratorStarted
    | h.ContinueAsNew
)


def _members(append: Append, event: h.Event, lane: Lane | None, open_work: OpenWork) -> dict[str, Any]:
    """What is particular to the event; the most frequent come first."""
    match event:
        case h.TaskScheduled():
            return _scheduled(append, event, "activity", f"#{event.event_id}", open_work)
        case h.TaskCompleted():
            return _answered(append, event, "activity", open_work) | {"output": h.result_of(event)}
        case h.TaskFailed():
            return _answered(append, event, "activity", open_work)
        case h.ExecutionStarted():
            open_work.began(append.key, event)
            verb = "continued as new" if event.generation else "started"
            return {
                "verb": verb,
                "function_name": event.name,
                "input": h.input_of(event),
                "runtime_status": "Running",
            }
        case h.ExecutionCompleted():
            return _ended(append, event, lane, open_work)
        case h.OrchestratorCompleted():
            return {"verb": "awaited", "level": "debug", "function_name": lane.name if lane is not None else ""}
        case h.SubOrchestrationInstanceCreated():
            return _scheduled(append, event, "sub-orchestration", event.child_instance_id, open_work)
        case h.SubOrchestrationInstanceCompleted():
            return _answered(append, event, "sub-orchestration", open_work) | {"output": h.result_of(event)}
        case h.SubOrchestrationInstanceFailed():
            return _answered(append, event, "sub-orchestration", open_work)
        case h.TimerCreated():
            open_work.opened(append.key, event)
            before = " before the last failure surfaces" if event.follows_last_attempt else " before the next attempt"
            detail = event.fire_at + (before if event.call is not None else "")
            return {"verb": "waits for", "kind": "timer", "task_event_id": event.event_id, "detail": detail}
        case h.TimerFired():
            return _fired(append, event, open_work)
        case h.EventRaised():
            return _raised(event, lane)
        case _:
            return _of_messages(event)


def _scheduled(append: Append, event: _Scheduling, kind: str, what: str, open_work: OpenWork) -> dict[str, Any]:
    open_work.opened(append.key, event)
    return {
        "verb": "scheduled",
        "kind": kind,
        "function_name": event.name,
        "task_event_id": event.event_id,
        "detail": what + _attempt(event.attempt),
        "input": h.input_of(event),
    }


def _fired(append: Append, event: h.TimerFired, open_work: OpenWork) -> dict[str, Any]:
    created = open_work.answered(append.key, event.timer_id)
    late = seconds_between(event.fire_at, event.timestamp)
    return {
        "verb": "fired",
        "kind": "timer",
        "task_event_id": event.timer_id,
        "detail": f"#{event.timer_id}" + (f" {late:.3f} s late" if late >= LATE_SECONDS else ""),
        "duration_ms": _milliseconds(created, event),
    }


def _raised(event: h.EventRaised, lane: Lane | None) -> dict[str, Any]:
    if event.sender is not None:
        return {"verb": "received", "kind": "entity", "event_name": event.name, "detail": event.sender}
    execution = lane.execution if lane is not None else None
    beside = execution.waits_beside(event) if execution is not None else None
    members = {"verb": "received", "kind": "event", "event_name": event.name, "input": h.input_of(event)}
    if beside is not None:
        names = ", ".join(f'"{name}"' for name in beside)
        members |= {"verb": "buffered", "detail": f"the code waits for {names}" if names else ""}
    return members


def _of_messages(event: _Message) -> dict[str, Any]:
    """Requests, and what entities do."""
    match event:
        case h.EventSent():
            return {"verb": "sent", "kind": "event", "event_name": event.name, "detail": event.target_instance_id}
        case h.ExecutionSuspended():
            return {"verb": "suspended", "detail": _first_line(event.reason), "runtime_status": "Suspended"}
        case h.ExecutionResumed():
            return {"verb": "resumed", "detail": _first_line(event.reason), "runtime_status": "Running"}
        case h.ExecutionTerminated():
            return {"verb": "asked to terminate", "level": "warning", "detail": _first_line(event.reason)}
        case h.ExecutionRewound():
            return {"verb": "rewound", "detail": _first_line(event.reason), "runtime_status": "Running"}
        case h.EntityOperationReceived():
            if event.lock_set is not None:
                caller = event.caller.instance_id if event.caller is not None else ""
                return {"verb": "asked for lock", "kind": "entity", "detail": caller}
            sort = "signal" if event.signal else "call"
            return {"verb": "received", "kind": "entity", "event_name": event.operation, "detail": sort}
        case h.EntityBatchCompleted():
            failed = sum(result.failure is not None for result in event.results)
            verb, count = ("failed", f", {failed} failed") if failed == len(event.results) else ("completed", "")
            return {
                "verb": verb,
                "kind": "entity",
                "level": "warning" if failed else "info",
                "detail": f"{len(event.results)} operations{count}",
            }
        case h.EntityLockGranted():
            return {"verb": "granted lock", "kind": "entity", "detail": event.owner.instance_id}
        case h.EntityLockReleased():
            detail = _first_line(event.reason or event.owner.instance_id)
            return {"verb": "released lock", "kind": "entity", "detail": detail}
        case h.OrchestratorStarted() | h.ContinueAsNew():
            raise AssertionError(f"{type(event).__name__} is bookkeeping")
        case _:
            assert_never(event)


def _answered(append: Append, event: _Answer, kind: str, open_work: OpenWork) -> dict[str, Any]:
    """A task has its answer: what it was, as far as this process has seen it scheduled."""
    opened = open_work.answered(append.key, event.task_scheduled_id)
    name = getattr(opened, "name", "")
    detail = f"#{event.task_scheduled_id}" + _attempt(getattr(opened, "attempt", 1))
    members = {
        "verb": "completed",
        "kind": kind,
        "function_name": name,
        "task_event_id": event.task_scheduled_id,
        "duration_ms": _milliseconds(opened, event),
        "detail": detail,
    }
    if isinstance(event, _Failure):
        members |= {"verb": "failed", "level": "warning", "detail": f"{detail} {_first_line(event.reason)}"}
    return members


def _ended(append: Append, event: h.ExecutionCompleted, lane: Lane | None, open_work: OpenWork) -> dict[str, Any]:
    status = event.orchestration_status
    started = open_work.ended(append.key)
    detail = str(event.failure_details) if event.failure_details is not None else ""
    return {
        "verb": status.lower(),
        "level": {"Failed": "error", "Terminated": "warning"}.get(status, "info"),
        "function_name": lane.name if lane is not None else "",
        "runtime_status": status,
        "duration_ms": _milliseconds(started, event),
        "output": h.result_of(event),
        "detail": _first_line(detail),
    }


def _milliseconds(opened: h.HistoryEvent | None, event: h.HistoryEvent) -> float | None:
    return None if opened is None else round(seconds_between(opened.timestamp, event.timestamp) * 1000, 3)


def _attempt(attempt: int) -> str:
    return f" attempt {attempt}" if attempt > 1 else ""


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200]
