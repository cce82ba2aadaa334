"""The raw history of Durable Functions beside ours: what is compared, what is not, and ours made of theirs.

Two histories of one run are equal but for this list, which is all that `comparable` and `without_extra_timers` undo:

1. Times. When a timer fires is compared as seconds after the episode that created it, to a tenth.
2. `IsPlayed`, which is about the moment of reading.
3. Generated ids: execution ids, those of requests to entities, and those of sub-orchestrations that the code did not
   name, by the order of their appearance. `{ExecutionId}:{n}` there is `{parent}:{Exec}:{n}` here.
4. What the Functions host, not the executor, adds to failures: `Details` and `FailureDetails`, and the separator that
   the executor leaves where there are no details.
5. `Generation`: the vendor's host counts it in a way of its own.
6. The type of error in an entity's answer: only that there is one; and our answers' `failureDetails`.
7. Members of an HTTP request that are null, and the order of the others.
8. The timer that follows the last attempt of a retried call there: due at once, and nothing happens at it. The native
   flavour has none, so later ids are lower by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dfcli.model import history as h
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.model.projection import STATUS_NUMBERS, TYPE_NUMBERS

Event = dict[str, Any]

NAMES = {number: name for name, number in TYPE_NUMBERS.items()}
STATUSES = {number: name for name, number in STATUS_NUMBERS.items()}
OPENS, CLOSES = TYPE_NUMBERS["OrchestratorStarted"], TYPE_NUMBERS["OrchestratorCompleted"]
TIMER_CREATED, TIMER_FIRED = TYPE_NUMBERS["TimerCreated"], TYPE_NUMBERS["TimerFired"]
FAILURES = (TYPE_NUMBERS["TaskFailed"], TYPE_NUMBERS["SubOrchestrationInstanceFailed"])
PAYLOADS = ("Input", "Result")
IGNORED = ("Timestamp", "IsPlayed", "Details", "FailureDetails", "Generation")
HTTP_MEMBERS = ("method", "uri", "headers", "content")
NO_DETAILS = " \n "
GENERATED = re.compile(r"^([0-9a-f]{32}:\d+|i1:\d+:\d+|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")


def comparable(history: Sequence[Event], ids: dict[str, str]) -> list[Event]:
    """The events without what may differ. `ids` names generated ids, the same for all executions of one run."""
    due: dict[int, float] = {}
    opened = 0.0
    found = []
    for event in history:
        shown = {name: value for name, value in event.items() if name not in IGNORED}
        if event["EventType"] == OPENS:
            opened = _seconds(event["Timestamp"])
        elif event["EventType"] == TIMER_CREATED:
            due[event["EventId"]] = shown["FireAt"] = round(_seconds(event["FireAt"]) - opened, 1)
        elif event["EventType"] == TIMER_FIRED:
            shown["FireAt"] = due[event["TimerId"]]
        for name in PAYLOADS:
            if isinstance(shown.get(name), str):
                shown[name] = _payload(event, name)
        found.append({"EventType": NAMES[shown.pop("EventType")], **_named(shown, ids)})
    return found


def without_extra_timers(history: Sequence[Event]) -> list[Event]:
    """The history as the native flavour has it: no timer after the last attempt of a retried call."""
    events = [dict(event) for event in history]
    while (extra := _extra_timer(events)) is not None:
        number = events[extra]["EventId"]
        fired = next(i for i, event in enumerate(events) if event.get("TimerId") == number)
        # The failure's episode and the timer's are one: the code goes on in the episode that saw the failure.
        events = events[:extra] + events[fired + 1 :]
        for event in events:
            for member in ("EventId", "TaskScheduledId", "TimerId"):
                if event.get(member, -1) > number:
                    event[member] -= 1
    return events


def lines(history: Sequence[Event], instance_id: str) -> list[h.Event]:
    """A raw history as lines on disk: inbound ones before their episode, names for numbers, payloads as values."""
    members: list[Event] = []
    rest = list(history)
    while rest:
        end = next(i for i, event in enumerate(rest) if event["EventType"] == CLOSES)
        episode, rest = rest[: end + 1], rest[end + 1 :]
        inbound = [event for event in episode if _is_inbound(event)]
        decided = [event for event in episode[1:] if not _is_inbound(event)]
        members += inbound
        members.append({**episode[0], "Consumed": len(members)})
        members += decided
    return [_line(event, seq + 1, instance_id) for seq, event in enumerate(members)]


def _line(event: Event, seq: int, instance_id: str) -> h.Event:
    name = NAMES[event["EventType"]]
    line = {key: value for key, value in event.items() if value is not None and key != "IsPlayed"}
    line.update(EventType=name, Seq=seq)
    if name == "ExecutionStarted":
        line["ExecutionId"] = line.pop("OrchestrationInstance")["ExecutionId"]
        parent = line.pop("ParentInstance", None)
        if parent is not None:
            origin = parent["OrchestrationInstance"]
            line["Parent"] = {
                "InstanceId": origin["InstanceId"],
                "Exec": 1,
                "ExecutionId": origin["ExecutionId"],
                "TaskScheduledId": parent["TaskScheduleId"],
                "Seq": 3,
                "Name": parent["Name"],
            }
    if name == "SubOrchestrationInstanceCreated":
        line["ChildInstanceId"] = line.pop("InstanceId")
    if name == "EventSent":
        line["TargetInstanceId"] = line.pop("InstanceId")
    if name == "ExecutionTerminated":
        line["Reason"] = line.pop("Input")
    if name == "ExecutionCompleted":
        line["OrchestrationStatus"] = STATUSES[line["OrchestrationStatus"]]
    if name == "ContinueAsNew":
        line["Input"] = line.pop("Result")
        del line["OrchestrationStatus"]
    for member in PAYLOADS:
        if member in line and name != "ExecutionTerminated":
            line[member] = _payload(line, member)
    line["InstanceId"] = instance_id
    return h.decode_line(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode())


def _is_inbound(event: Event) -> bool:
    return issubclass(getattr(h, NAMES[event["EventType"]]), h.INBOUND_TYPES)


def _extra_timer(events: Sequence[Event]) -> int | None:
    """Where the first timer is created that is due at the time of an episode which saw a failure."""
    opened, failed = "", False
    for index, event in enumerate(events):
        if event["EventType"] == OPENS:
            opened, failed = event["Timestamp"], False
        failed = failed or event["EventType"] in FAILURES
        if event["EventType"] == TIMER_CREATED and failed and event["FireAt"] == opened:
            return index
    return None


def _payload(event: Event, member: str) -> Any:
    """A payload of an event as a value; HTTP requests in one form."""
    value = _value(event[member])
    if event.get("Name") == HTTP_ACTIVITY and isinstance(value, dict):
        return {name: value[name] for name in HTTP_MEMBERS if value.get(name) is not None}
    return value


def _value(text: str) -> Any:
    """The payload, or the text itself where a failed run's output is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text.replace(NO_DETAILS, "")


def _named(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if name != "failureDetails"}
        return {name: "an error" if name == "exceptionType" else _named(part, ids) for name, part in kept.items()}
    if isinstance(value, list):
        return [_named(part, ids) for part in value]
    if isinstance(value, str):
        if GENERATED.match(value):
            return ids.setdefault(value, f"id {len(ids)}")
        return value.replace(NO_DETAILS, "").rstrip()
    return value


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
