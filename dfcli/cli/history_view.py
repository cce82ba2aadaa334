"""A history as a person reads it: one row per event, with the name of the call that an answer belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfcli.model import entity_story
from dfcli.model import history as h
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.model.payload import Payload
from dfcli.model.time import epoch_from_timestamp

DETAIL_CHARACTERS = 160


class EventRow(NamedTuple):
    """One event in words. `seconds` is how long after the scheduling line an answer came, or None."""

    event: h.Event
    kind: str
    number: str
    name: str
    detail: str
    seconds: float | None = None


def rows(events: Sequence[h.Event]) -> Iterator[EventRow]:
    """The rows of a history, in its order."""
    calls: dict[int, h.Event] = {}
    for event in events:
        if event.event_id >= 0:
            calls[event.event_id] = event
        number, name, detail, call = _words(event, calls)
        seconds = None
        if call is not None:
            seconds = epoch_from_timestamp(event.timestamp) - epoch_from_timestamp(call.timestamp)
        yield EventRow(event, type(event).__name__, number, name, detail, seconds)


def _words(event: h.Event, calls: dict[int, h.Event]) -> tuple[str, str, str, h.Event | None]:
    number = f"#{event.event_id}" if event.event_id >= 0 else ""
    match event:
        case h.ExecutionStarted():
            parent = f"for {event.parent.instance_id}" if event.parent else ""
            return number, event.name, _joined(_text(h.input_of(event)), parent), None
        case h.TaskScheduled():
            text = _shortened(masked(event))
            return number, event.name, _joined(text, _attempt(event.attempt)), None
        case h.SubOrchestrationInstanceCreated():
            child = f"instance {event.child_instance_id}"
            return number, event.name, _joined(child, _text(h.input_of(event)), _attempt(event.attempt)), None
        case h.TaskCompleted() | h.SubOrchestrationInstanceCompleted():
            call = calls.get(event.task_scheduled_id)
            return f"→ #{event.task_scheduled_id}", _name(call), _text(h.result_of(event)), call
        case h.TaskFailed() | h.SubOrchestrationInstanceFailed():
            call = calls.get(event.task_scheduled_id)
            reason = str(event.failure_details) if event.failure_details else event.reason
            return f"→ #{event.task_scheduled_id}", _name(call), reason.split("\n", 1)[0], call
        case h.TimerCreated():
            return number, "", _timer(event), None
        case h.TimerFired():
            return f"→ #{event.timer_id}", "", f"due {event.fire_at}", calls.get(event.timer_id)
        case h.EventRaised(sender=str()):
            return "", event.sender or "", entity_story.answered(event), None
        case h.EventRaised():
            return number, event.name, _text(h.input_of(event)), None
        case h.EventSent():
            asked = entity_story.sent(event)
            if asked:
                return number, event.name, asked, None
            target = f"to {event.target_instance_id}"
            return number, event.name, _joined(target, _text(Payload(event.input, event.input_text))), None
        case h.EntityOperationReceived() | h.EntityBatchCompleted() | h.EntityLockGranted() | h.EntityLockReleased():
            return number, getattr(event, "operation", ""), entity_story.sentence(event), None
        case _:
            return number, "", _other(event), None


def _other(event: h.Event) -> str:
    match event:
        case h.ExecutionCompleted():
            failure = str(event.failure_details).split("\n", 1)[0] if event.failure_details else ""
            return _joined(event.orchestration_status, failure or _text(h.result_of(event)))
        case h.ContinueAsNew():
            return _text(h.input_of(event))
        case h.ExecutionSuspended() | h.ExecutionResumed() | h.ExecutionTerminated():
            return event.reason
        case h.ExecutionRewound():
            return _joined(f"to before {event.cut}", event.reason)
        case h.OrchestratorCompleted():
            status = _text(Payload(event.custom_status, event.custom_status_text))
            return f"custom status {status}" if status else ""
        case _:
            return ""


def _name(call: h.Event | None) -> str:
    return call.name if isinstance(call, h.TaskScheduled | h.SubOrchestrationInstanceCreated) else ""


def _timer(event: h.TimerCreated) -> str:
    if event.call is None:
        return f"due {event.fire_at}"
    why = f"the last attempt of #{event.call} failed" if event.follows_last_attempt else f"retry of #{event.call}"
    return f"due {event.fire_at}, {why}"


def masked(scheduled: h.TaskScheduled) -> str:
    """The input of a call, without the credentials that a durable HTTP call carries in its headers."""
    text = h.input_of(scheduled).json_text or ""
    return _CREDENTIAL.sub(r'\1"********"', text) if scheduled.name == HTTP_ACTIVITY else text


_CREDENTIAL = re.compile(
    r"(\"(?:authorization|proxy-authorization|cookie|x-functions-key)\":)\"(?:[^\"\\]|\\.)*\"", re.IGNORECASE
)


def _text(payload: Payload) -> str:
    return _shortened(payload.json_text or "")


def _shortened(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 1] + "…"


def _attempt(attempt: int) -> str:
    return f"attempt {attempt}" if attempt > 1 else ""


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)
