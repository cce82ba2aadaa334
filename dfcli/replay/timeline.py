"""A history as a story: its lines grouped into episodes, each line as one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

import msgspec

from dfcli.model import entity_story
from dfcli.model import history as h
from dfcli.model.payload import Payload

PAYLOAD_CHARACTERS_MAX = 80


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One episode: what the code saw, and what it decided."""

    number: int
    """Counted from 1."""
    started: h.OrchestratorStarted
    arrived: list[h.Event]
    decisions: list[h.Event]
    completed: h.OrchestratorCompleted | None
    """None when the history breaks off inside the episode."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    turns: list[Turn]
    unseen: list[h.Event]
    """What arrived and no episode has seen."""


def timeline(history: Iterable[h.Event]) -> Timeline:
    """The episodes of a history. A line belongs to the first episode whose `consumed` reaches it."""
    arrived: list[h.Event] = []
    turns: list[Turn] = []
    started: h.OrchestratorStarted | None = None
    decisions: list[h.Event] = []

    def close(completed: h.OrchestratorCompleted | None) -> None:
        nonlocal started, decisions, arrived
        if started is not None:
            consumed = started.consumed
            seen = [event for event in arrived if event.seq <= consumed]
            arrived = [event for event in arrived if event.seq > consumed]
            turns.append(
                Turn(number=len(turns) + 1, started=started, arrived=seen, decisions=decisions, completed=completed)
            )
        started, decisions = None, []

    for event in history:
        match event:
            case h.OrchestratorStarted():
                close(None)
                started = event
            case h.OrchestratorCompleted():
                close(event)
            case _ if h.is_inbound(event):
                arrived.append(event)
            case _:
                decisions.append(event)
    close(None)
    return Timeline(turns=turns, unseen=arrived)


class Narrator:
    """Words each line of one history; knows the names behind the numbers that answers carry."""

    def __init__(self, history: Sequence[h.Event]) -> None:
        self._decisions = {event.event_id: event for event in history if event.event_id >= 0}
        self._answers: dict[int, int] = {}
        for event in history:
            answered = _answered(event)
            if answered is not None:
                self._answers.setdefault(answered, event.seq)

    def what(self, event: h.Event) -> str:
        """One sentence without a full stop."""
        match event:
            case h.ExecutionStarted():
                return f"`{event.name}` starts with {_payload(h.input_of(event), 'no input')}"
            case h.OrchestratorStarted():
                return "the episode begins"
            case h.OrchestratorCompleted():
                status = Payload(event.custom_status, event.custom_status_text)
                return "the episode ends" + ("" if status == Payload() else f", custom status {_payload(status)}")
            case h.TaskScheduled():
                return f"calls activity `{event.name}` with {_payload(h.input_of(event))}{_again(event.attempt)}"
            case h.SubOrchestrationInstanceCreated():
                return (
                    f"calls sub-orchestration `{event.name}` as {event.child_instance_id!r} "
                    f"with {_payload(h.input_of(event))}{_again(event.attempt)}"
                )
            case h.TimerCreated():
                if event.call is None:
                    return f"creates a timer due {event.fire_at}"
                name = self._name(event.call)
                if event.follows_last_attempt:
                    return f"does not try `{name}` again; the failure follows with a timer due at once"
                return f"waits until {event.fire_at} before it tries `{name}` again"
            case h.EventSent():
                return entity_story.sent(event) or f"sends event `{event.name}` to {event.target_instance_id!r}"
            case h.ExecutionCompleted():
                return _end(event)
            case h.ContinueAsNew():
                return f"continues as new with {_payload(h.input_of(event))}"
            case (
                h.EntityOperationReceived() | h.EntityBatchCompleted() | h.EntityLockGranted() | h.EntityLockReleased()
            ):
                return entity_story.sentence(event)
            case _:
                return self._arrived(event) + self._late(event)

    def _arrived(
        self,
        event: h.TaskCompleted
        | h.TaskFailed
        | h.SubOrchestrationInstanceCompleted
        | h.SubOrchestrationInstanceFailed
        | h.TimerFired
        | h.EventRaised
        | h.ExecutionSuspended
        | h.ExecutionResumed
        | h.ExecutionTerminated
        | h.ExecutionRewound,
    ) -> str:
        match event:
            case h.TaskCompleted():
                return f"activity `{self._name(event.task_scheduled_id)}` returned {_payload(h.result_of(event))}"
            case h.TaskFailed():
                return f"activity `{self._name(event.task_scheduled_id)}` failed: {_failure(event)}"
            case h.SubOrchestrationInstanceCompleted():
                name = self._name(event.task_scheduled_id)
                return f"sub-orchestration `{name}` returned {_payload(h.result_of(event))}"
            case h.SubOrchestrationInstanceFailed():
                return f"sub-orchestration `{self._name(event.task_scheduled_id)}` failed: {_failure(event)}"
            case h.TimerFired():
                return f"the timer due {event.fire_at} fired"
            case h.EventRaised(sender=str()):
                return entity_story.answered(event)
            case h.EventRaised():
                return f"event `{event.name}` arrived with {_payload(h.input_of(event), 'no payload')}"
            case h.ExecutionSuspended():
                return "the instance is suspended" + _because(event.reason)
            case h.ExecutionResumed():
                return "the instance is resumed" + _because(event.reason)
            case h.ExecutionTerminated():
                return "the instance is terminated" + _because(event.reason)
            case h.ExecutionRewound():
                return f"the instance is rewound to before event {event.cut}" + _because(event.reason)
            case _:
                assert_never(event)

    def _name(self, event_id: int) -> str:
        return str(getattr(self._decisions.get(event_id), "name", f"number {event_id}"))

    def _late(self, event: h.Event) -> str:
        """Only the first answer to a decision counts."""
        answered = _answered(event)
        if answered is None:
            return ""
        if answered not in self._decisions:
            return " (ignored: nothing asked for it)"
        return "" if self._answers[answered] == event.seq else " (ignored: it was answered before)"


def _answered(event: h.Event) -> int | None:
    match event:
        case h.TimerFired():
            return event.timer_id
        case (
            h.TaskCompleted()
            | h.TaskFailed()
            | h.SubOrchestrationInstanceCompleted()
            | h.SubOrchestrationInstanceFailed()
        ):
            return event.task_scheduled_id
        case _:
            return None


def _end(event: h.ExecutionCompleted) -> str:
    if event.orchestration_status == "Completed":
        return f"returns {_payload(h.result_of(event))}: the instance is completed"
    if event.orchestration_status == "Failed":
        failure = event.failure_details
        return f"fails: {failure if failure else _payload(h.result_of(event))}"
    return f"the instance ends as {event.orchestration_status}"


def _failure(event: h.TaskFailed | h.SubOrchestrationInstanceFailed) -> str:
    return str(event.failure_details) if event.failure_details else event.reason


def _payload(payload: Payload, none: str = "nothing") -> str:
    text = payload.json_text
    if text is None:
        return none
    return text if len(text) <= PAYLOAD_CHARACTERS_MAX else text[: PAYLOAD_CHARACTERS_MAX - 3] + "..."


def _again(attempt: int) -> str:
    return f", attempt {attempt}" if attempt > 1 else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
