"""How a run ends: the last event of an execution, and episodes that end one without running its code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.tasks import Task
from dfcli.engine.frames import OWN_FILES
from dfcli.errors import PayloadTooLarge
from dfcli.model import history as h
from dfcli.model.failure import FailureDetails, cut, describe, printable
from dfcli.model.payload import NOTHING, PAYLOAD_BYTES_MAX, Payload, encode


@dataclass(slots=True)
class Episode:
    """One advance of an execution: what to record, and what the host has to do about it once that is committed."""

    events: list[h.Event]
    """OrchestratorStarted, decisions, the end of the run if it ended, OrchestratorCompleted."""
    started: h.ExecutionStarted
    """The execution's first line."""
    custom_status: Payload
    """The last value set in this execution, as continue-as-new carries it over."""
    finished: bool = False
    cancelled_timers: list[int] = field(default_factory=list)
    """Event ids of timers that need not fire any more."""
    carried: list[h.EventRaised] = field(default_factory=list)
    """Once finished: events that no wait took, in order of arrival."""
    suspension: h.ExecutionSuspended | None = None
    """Once finished: a suspension that arrived after the end in the same batch, and holds for what continues it."""


def output(value: object, encode: Callable[[Any], Payload] = encode) -> Payload:
    """The payload of what an orchestrator returned. Raises TypeError or PayloadTooLarge in words for its author."""
    if isinstance(value, Task):
        raise TypeError(f"the orchestrator returned {value!r} itself: yield or await the task and return its result")
    payload = encode(value)
    if payload.size > PAYLOAD_BYTES_MAX:
        raise PayloadTooLarge(f"the output of {payload.size} bytes exceeds the limit of {PAYLOAD_BYTES_MAX}")
    return payload


def completed(seq: int, event_id: int, timestamp: str, result: Payload) -> h.ExecutionCompleted:
    return h.ExecutionCompleted(
        seq=seq,
        event_id=event_id,
        timestamp=timestamp,
        orchestration_status="Completed",
        result=result.raw,
        result_text=result.text,
    )


def failed(
    seq: int, event_id: int, timestamp: str, name: str, error: BaseException, wordless: str = ""
) -> h.ExecutionCompleted:
    """The end of a run whose code raised `error`. `wordless` is shown instead of an empty text; its type by default."""
    wordless = wordless or type(error).__name__
    try:
        text = str(error) or wordless
    except Exception:  # a user's __str__ may itself fail
        text = wordless
    result = encode(printable(f"Orchestrator function '{name}' failed: {cut(text)}"))
    return h.ExecutionCompleted(
        seq=seq,
        event_id=event_id,
        timestamp=timestamp,
        orchestration_status="Failed",
        result=result.raw,
        result_text=result.text,
        failure_details=describe(error, hide=OWN_FILES),
        caused_by=_root_cause(error),
    )


def terminated(seq: int, event_id: int, timestamp: str, reason: str) -> h.ExecutionCompleted:
    result = encode(reason)
    return h.ExecutionCompleted(
        seq=seq,
        event_id=event_id,
        timestamp=timestamp,
        orchestration_status="Terminated",
        result=result.raw,
        result_text=result.text,
    )


def ended(
    started: h.OrchestratorStarted,
    execution: h.ExecutionStarted,
    next_event_id: int,
    status: str,
    reason: str,
    *,
    failure_details: FailureDetails | None = None,
    custom_status: Payload = NOTHING,
) -> Episode:
    """An episode that ends a run without its code, for one that is not loaded or cannot be: `status` is Terminated
    or Failed, `reason` becomes the output.
    """
    result = encode(reason)
    last = h.ExecutionCompleted(
        seq=started.seq + 1,
        event_id=next_event_id,
        timestamp=started.timestamp,
        orchestration_status=status,
        result=result.raw,
        result_text=result.text,
        failure_details=failure_details,
    )
    closing = h.OrchestratorCompleted(seq=started.seq + 2, event_id=h.NO_EVENT_ID, timestamp=started.timestamp)
    return Episode([started, last, closing], execution, custom_status, finished=True)


def next_event_id(history: Iterable[h.Event]) -> int:
    """The event id that an execution's next decision gets."""
    return max((event.event_id for event in history), default=h.NO_EVENT_ID) + 1


def _root_cause(error: BaseException | None) -> int | None:
    """The seq of the failure line from which an exception stems, as far down its chain as can be followed."""
    found: int | None = None
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, TaskFailedError) and error.seq:
            found = error.seq
        error = error.__cause__ or error.__context__
    return found
