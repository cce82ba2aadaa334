"""Our history in the two forms of Durable Functions: the raw history, and `historyEvents` of the status query.

Our lines differ from the raw history in four ways, all undone here: inbound lines stand before the episode that saw
them (there: after its OrchestratorStarted), types are names (there: numbers), payloads are JSON values (there: JSON
text), and `InstanceId` means the owner of the file (there: also the child or target). Inbound lines that no episode
has seen yet are queued messages in Durable Functions and belong to neither form.

A history that was rewound is shown as Durable Functions rewrites it: without the voided lines, under the newest
execution id.

Payloads are never decoded: members that show them parsed hold `Raw`, so the results are meant for `encode`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Raw

from dfcli.model import history as h
from dfcli.model.entity_projection import vendor_event
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.voids import effective

Projected = dict[str, object]
"""One event, members in order; values are JSON values or `Raw`."""

TYPE_NUMBERS = {
    "ExecutionStarted": 0,
    "ExecutionCompleted": 1,
    "ExecutionTerminated": 3,
    "TaskScheduled": 4,
    "TaskCompleted": 5,
    "TaskFailed": 6,
    "SubOrchestrationInstanceCreated": 7,
    "SubOrchestrationInstanceCompleted": 8,
    "SubOrchestrationInstanceFailed": 9,
    "TimerCreated": 10,
    "TimerFired": 11,
    "OrchestratorStarted": 12,
    "OrchestratorCompleted": 13,
    "EventSent": 14,
    "EventRaised": 15,
    "ContinueAsNew": 16,
    "GenericEvent": 17,
    "ExecutionSuspended": 19,
    "ExecutionResumed": 20,
    "ExecutionRewound": 21,
}
STATUS_NUMBERS = {
    "Running": 0,
    "Completed": 1,
    "ContinuedAsNew": 2,
    "Failed": 3,
    "Canceled": 4,
    "Terminated": 5,
    "Pending": 6,
    "Suspended": 7,
}

encode = msgspec.json.Encoder().encode
"""Projections and status objects as JSON bytes."""

_NULL = Raw(b"null")
_SCHEDULING = (h.TaskScheduled, h.SubOrchestrationInstanceCreated)
_ANSWERING = (
    h.TaskCompleted,
    h.TaskFailed,
    h.SubOrchestrationInstanceCompleted,
    h.SubOrchestrationInstanceFailed,
)


def in_azure_order(events: Iterable[h.Event]) -> list[h.Event]:
    """The events of one execution with each episode's inbound events behind its OrchestratorStarted."""
    ordered: list[h.Event] = []
    queued: list[h.Event] = []
    for event in effective(list(events)):
        if h.is_inbound(event):
            queued.append(event)
            continue
        ordered.append(event)
        if isinstance(event, h.OrchestratorStarted):
            seen = sum(1 for inbound in queued if inbound.seq <= event.consumed)
            ordered += queued[:seen]
            del queued[:seen]
    return ordered


def azure_history(
    events: Iterable[h.Event], instance_id: str, *, names: bool = False, inputs: bool = False
) -> list[Projected]:
    """The raw history of Durable Functions. `names`: event types as words; `inputs`: keep the inputs of activities,
    which Durable Functions stores only when it is told to."""
    projected = []
    execution_id = ""
    for event in in_azure_order(events):
        if isinstance(event, h.ExecutionRewound):
            execution_id = event.execution_id
        kind = type(event).__name__
        entity = vendor_event(event) if isinstance(event, h.ENTITY_TYPES) else None
        if entity is not None:
            kind = entity.kind
        head: Projected = {
            "EventType": kind if names else TYPE_NUMBERS[kind],
            "EventId": event.event_id,
            "IsPlayed": False,
            "Timestamp": event.timestamp,
        }
        head.update(entity.members if entity is not None else _azure_members(event, instance_id, inputs))
        projected.append(head)
    if execution_id:
        _rename(projected, execution_id)
    return projected


def history_events(
    events: Sequence[h.Event], *, show_input: bool = True, show_output: bool = False, inputs: bool = False
) -> list[Projected]:
    """`historyEvents` of the status query: each finished call is one event, ids and episodes are gone. `inputs`: show
    those of activities too, which Durable Functions does only when it is told to store them."""
    ordered = in_azure_order(events)
    answered = {event.task_scheduled_id for event in ordered if isinstance(event, _ANSWERING)}
    calls: dict[int, h.TaskScheduled | h.SubOrchestrationInstanceCreated] = {}
    projected: list[Projected] = []
    for event in ordered:
        if isinstance(event, _SCHEDULING):
            calls[event.event_id] = event
            if event.event_id in answered:
                continue
        elif isinstance(event, h.OrchestratorStarted | h.OrchestratorCompleted):
            continue
        head: Projected = {"EventType": type(event).__name__, "Timestamp": event.timestamp}
        if isinstance(event, h.ENTITY_TYPES):
            head["EventType"], members = vendor_event(event)
            head.update((name, value) for name, value in members.items() if show_input or name != "Input")
        elif isinstance(event, _ANSWERING):
            head.update(_answer(event, calls.get(event.task_scheduled_id), show_input, show_output))
        else:
            head.update(_http_members(event, show_input, show_output))
        if inputs and show_input:
            answered_call = calls.get(event.task_scheduled_id) if isinstance(event, _ANSWERING) else event
            if isinstance(answered_call, h.TaskScheduled):
                head["Input"] = h.input_of(answered_call).json_text
        projected.append(head)
    return projected


def shown(payload: Payload) -> Raw:
    """A payload as a JSON value: text that is no JSON appears as a string, nothing as null."""
    if payload.raw is not UNSET:
        return payload.raw
    if payload.text is UNSET:
        return _NULL
    try:
        return msgspec.json.decode(payload.text, type=Raw)
    except msgspec.MsgspecError:
        return Raw(encode(payload.text if payload.text.strip() else ""))


def failure_members(failure: FailureDetails | None) -> Projected | None:
    """Failure details with every member Durable Functions has."""
    if failure is None:
        return None
    return {
        "ErrorType": failure.error_type,
        "ErrorMessage": failure.error_message,
        "StackTrace": failure.stack_trace,
        "InnerFailure": failure_members(failure.inner_failure),
        "IsNonRetriable": failure.is_non_retriable,
        "Properties": None,
    }


def _azure_members(event: h.Event, instance_id: str, inputs: bool) -> Projected:
    """What follows the four members each event of the raw history begins with."""
    match event:
        case h.ExecutionStarted():
            return _started(event, instance_id)
        case h.TaskScheduled():
            return {
                "Name": event.name,
                "Version": event.version,
                "Input": h.input_of(event).json_text if inputs else None,
            }
        case h.TaskCompleted() | h.SubOrchestrationInstanceCompleted():
            return {"TaskScheduledId": event.task_scheduled_id, "Result": h.result_of(event).json_text}
        case h.TaskFailed() | h.SubOrchestrationInstanceFailed():
            return {"TaskScheduledId": event.task_scheduled_id, **_failed(event)}
        case h.SubOrchestrationInstanceCreated():
            return {
                "Name": event.name,
                "Version": event.version,
                "InstanceId": event.child_instance_id,
                "Input": h.input_of(event).json_text,
            }
        case h.TimerCreated():
            return {"FireAt": event.fire_at}
        case h.TimerFired():
            return {"TimerId": event.timer_id, "FireAt": event.fire_at}
        case h.EventSent():
            return _sent(event)
        case h.EventRaised():
            return {"Name": event.name, "Input": h.input_of(event).json_text}
        case h.ExecutionSuspended() | h.ExecutionResumed():
            return {"Reason": event.reason}
        case h.ExecutionRewound():
            return {
                "Reason": event.reason,
                "ParentExecutionId": event.parent_execution_id,
                "InstanceId": instance_id if event.parent_execution_id else None,
                "ParentTraceContext": None,
            }
        case h.ExecutionTerminated():
            return {"Input": event.reason}
        case h.ExecutionCompleted():
            return {
                "OrchestrationStatus": STATUS_NUMBERS[event.orchestration_status],
                "Result": h.result_of(event).json_text,
                "FailureDetails": failure_members(event.failure_details),
            }
        case h.ContinueAsNew():
            return {
                "OrchestrationStatus": STATUS_NUMBERS["ContinuedAsNew"],
                "Result": h.input_of(event).json_text,
                "FailureDetails": None,
            }
        case _:
            return {}


def _started(event: h.ExecutionStarted, instance_id: str) -> Projected:
    parent = event.parent
    return {
        "OrchestrationInstance": {"InstanceId": instance_id, "ExecutionId": event.execution_id},
        "ParentInstance": None
        if parent is None
        else {
            "Name": parent.name,
            "OrchestrationInstance": {"InstanceId": parent.instance_id, "ExecutionId": parent.execution_id},
            "TaskScheduleId": parent.task_scheduled_id,
            "Version": None,
        },
        "Name": event.name,
        "Version": event.version,
        "Input": h.input_of(event).json_text,
        "Tags": event.tags,
        **_correlation(event),
    }


def _rename(projected: Iterable[Projected], execution_id: str) -> None:
    """The start of a rewound execution names the id that it has now."""
    for event in projected:
        instance = event.get("OrchestrationInstance")
        if isinstance(instance, dict):
            instance["ExecutionId"] = execution_id


def _correlation(event: h.ExecutionStarted) -> Projected:
    return {
        "Correlation": None,
        "ScheduledStartTime": event.scheduled_start_time,
        "Generation": event.generation,
    }


def _failed(event: h.TaskFailed | h.SubOrchestrationInstanceFailed) -> Projected:
    return {
        "Reason": event.reason,
        "Details": event.details,
        "FailureDetails": failure_members(event.failure_details),
    }


def _sent(event: h.EventSent) -> Projected:
    return {
        "InstanceId": event.target_instance_id,
        "Name": event.name,
        "Input": Payload(event.input, event.input_text).json_text,
    }


def _answer(
    event: h.TaskCompleted | h.TaskFailed | h.SubOrchestrationInstanceCompleted | h.SubOrchestrationInstanceFailed,
    call: h.TaskScheduled | h.SubOrchestrationInstanceCreated | None,
    show_input: bool,
    show_output: bool,
) -> Projected:
    """A finished call. The inputs of activities are not kept in a history, those of sub-orchestrations are."""
    members: Projected = {
        "ScheduledTime": call.timestamp if call is not None else None,
        "FunctionName": call.name if call is not None else None,
    }
    if show_input:
        kept = isinstance(call, h.SubOrchestrationInstanceCreated)
        members["Input"] = h.input_of(call).json_text if kept and call is not None else None
    if isinstance(event, h.TaskFailed | h.SubOrchestrationInstanceFailed):
        members.update(_failed(event))
    elif show_output:
        members["Result"] = shown(h.result_of(event))
    return members


def _http_members(event: h.Event, show_input: bool, show_output: bool) -> Projected:
    """What `historyEvents` keeps of an event that is not the end of a call."""
    members: Projected
    match event:
        case h.ExecutionStarted():
            start = {"Input": h.input_of(event).json_text} if show_input else {}
            return {"FunctionName": event.name, **start, **_correlation(event)}
        case h.TaskScheduled():
            members = {"Name": event.name, "Input": None}
        case h.SubOrchestrationInstanceCreated():
            text = h.input_of(event).json_text
            members = {"Name": event.name, "InstanceId": event.child_instance_id, "Input": text}
        case h.TimerCreated() | h.TimerFired():
            return {"FireAt": event.fire_at}
        case h.EventRaised():
            members = {"Name": event.name, "Input": h.input_of(event).json_text}
        case h.EventSent():
            members = _sent(event)
        case h.ExecutionSuspended() | h.ExecutionResumed() | h.ExecutionRewound():
            return {"Reason": event.reason}
        case h.ExecutionTerminated():
            members = {"Input": event.reason}
        case h.ExecutionCompleted():
            result = {"Result": shown(h.result_of(event))} if show_output else {}
            details = {"FailureDetails": failure_members(event.failure_details)}
            return {"OrchestrationStatus": event.orchestration_status, **result, **details}
        case h.ContinueAsNew():
            result = {"Result": shown(h.input_of(event))} if show_output else {}
            return {"OrchestrationStatus": "ContinuedAsNew", **result, "FailureDetails": None}
        case _:
            return {}
    if not show_input:
        del members["Input"]
    return members
