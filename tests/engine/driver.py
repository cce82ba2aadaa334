"""Runs orchestrators against the engine alone: fake activities, virtual time, every line kept in memory.

A small stand-in for the host. Nothing completes by itself: a test chooses which open piece of work is answered next,
so that any interleaving can be made, and the histories are complete and can be replayed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from msgspec import UNSET

from dfcli.engine.execution import Episode, Execution, Lookup
from dfcli.model import history as h
from dfcli.model.failure import describe
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import Payload, decode, encode
from dfcli.model.time import shifted

START = "2026-01-05T10:00:00.000000Z"


@dataclass
class Driver:
    """One instance, with its history. `activities` are the functions behind names, `orchestrators` the app."""

    orchestrators: Mapping[str, Callable[..., Any]]
    activities: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    instance_id: str = "i1"
    exec: int = 1
    now: str = START
    always_replay: bool = field(default_factory=lambda: "DFCLI_ALWAYS_REPLAY" in os.environ)
    history: list[h.Event] = field(default_factory=list)
    inbox: list[h.Inbound] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    seq: int = 0

    def __post_init__(self) -> None:
        self.execution = Execution(self.lookup, self.key)

    @property
    def key(self) -> ExecutionKey:
        return ExecutionKey(self.instance_id, self.exec)

    def lookup(self, name: str) -> Callable[..., Any] | None:
        return {known.casefold(): function for known, function in self.orchestrators.items()}.get(name.casefold())

    # -- what arrives --------------------------------------------------------------------------------------------

    def arrive(self, kind: type[Any], **members: Any) -> None:
        """Append an inbound line; no episode runs yet."""
        self.seq += 1
        event = kind(seq=self.seq, event_id=-1, timestamp=self.now, **members)
        self.history.append(event)
        self.inbox.append(event)

    def start(self, name: str, input: Any = None, **members: Any) -> Driver:
        payload = encode(input)
        self.arrive(
            h.ExecutionStarted, name=name, execution_id="e" * 32, input=payload.raw, input_text=payload.text, **members
        )
        return self

    def complete(self, event_id: int, value: Any) -> None:
        payload = encode(value)
        self.arrive(h.TaskCompleted, task_scheduled_id=event_id, result=payload.raw, result_text=payload.text)

    def fail(self, event_id: int, error: BaseException, *, non_retriable: bool = False) -> None:
        self.arrive(h.TaskFailed, task_scheduled_id=event_id, **_failure(error, non_retriable))

    def complete_child(self, event_id: int, value: Any) -> None:
        payload = encode(value)
        self.arrive(
            h.SubOrchestrationInstanceCompleted,
            task_scheduled_id=event_id,
            result=payload.raw,
            result_text=payload.text,
        )

    def fail_child(self, event_id: int, error: BaseException) -> None:
        self.arrive(h.SubOrchestrationInstanceFailed, task_scheduled_id=event_id, **_failure(error, False))

    def fire(self, event_id: int) -> None:
        """A timer is due: virtual time moves on to it."""
        fire_at = self.execution.open_timers[event_id].fire_at
        self.now = max(self.now, fire_at)
        self.arrive(h.TimerFired, timer_id=event_id, fire_at=fire_at)

    def raise_event(self, name: str, value: Any = None) -> None:
        payload = encode(value)
        self.arrive(h.EventRaised, name=name, input=payload.raw, input_text=payload.text)

    # -- what happens --------------------------------------------------------------------------------------------

    def episode(self) -> Episode:
        """Deliver the inbox."""
        if self.always_replay:
            self.execution.close()
            self.execution = Execution.replay(self.lookup, self.history, self.key)
            self.inbox = list(self.execution.unconsumed)  # as a host does: what no episode has seen
        inbound, self.inbox = self.inbox, []
        self.seq += 1
        self.now = shifted(self.now, timedelta(milliseconds=10))
        started = h.OrchestratorStarted(
            seq=self.seq, event_id=-1, timestamp=self.now, consumed=inbound[-1].seq if inbound else 0
        )
        episode = self.execution.deliver(inbound, started)
        assert [event.seq for event in episode.events] == list(range(self.seq, self.seq + len(episode.events)))
        self.seq = episode.events[-1].seq
        self.history.extend(episode.events)
        self.episodes.append(episode)
        return episode

    def answer(self, event_id: int) -> None:
        """Run a scheduled activity's function and let its result arrive."""
        scheduled = self.execution.open_tasks[event_id]
        function = self.activities.get(scheduled.name, lambda value: value)
        try:
            result = function(decode(scheduled.input, scheduled.input_text))
        except Exception as error:
            self.fail(event_id, error)
        else:
            self.complete(event_id, result)

    def open_work(self) -> list[tuple[str, int]]:
        """What could be answered next, in order of scheduling."""
        execution = self.execution
        return sorted(
            [("task", n) for n in execution.open_tasks]
            + [("timer", n) for n in execution.open_timers]
            + [("child", n) for n in execution.open_children],
            key=lambda work: work[1],
        )

    def run(self, choose: Callable[[Sequence[tuple[str, int]]], int] = lambda _: 0) -> Driver:
        """Answer open work, one piece per episode, until the instance has ended or only waits for events."""
        if self.inbox:
            self.episode()
        while not self.execution.is_finished and (work := self.open_work()):
            kind, event_id = work[choose(work)]
            self.settle(kind, event_id)
            self.episode()
        return self

    def settle(self, kind: str, event_id: int) -> None:
        if kind == "task":
            self.answer(event_id)
        elif kind == "timer":
            self.fire(event_id)
        else:
            child = self.execution.open_children[event_id]
            inner = Driver(self.orchestrators, self.activities, instance_id=child.child_instance_id)
            inner.start(child.name, decode(child.input, child.input_text)).run()
            if inner.status == "Completed":
                self.complete_child(event_id, inner.output)
            else:
                self.fail_child(event_id, RuntimeError(inner.output))

    def replayed(self, orchestrators: Mapping[str, Callable[..., Any]] | None = None) -> Execution:
        """The whole history replayed on the same or other code."""
        lookup: Lookup = self.lookup if orchestrators is None else Driver(orchestrators).lookup
        return Execution.replay(lookup, self.history, self.key)

    # -- what became of it ---------------------------------------------------------------------------------------

    @property
    def last(self) -> Any:
        """The last decision of the last episode."""
        return self.episodes[-1].events[-2]

    @property
    def status(self) -> str:
        if not self.execution.is_finished:
            return "Running"
        return self.last.orchestration_status if isinstance(self.last, h.ExecutionCompleted) else "ContinuedAsNew"

    @property
    def output(self) -> Any:
        assert isinstance(self.last, h.ExecutionCompleted), self.last
        return decode(self.last.result, self.last.result_text)

    def shape(self) -> list[str]:
        """The history as the notation of the event reference: types, with the numbers of decisions."""
        return [type(event).__name__ + (f"({event.event_id})" if event.event_id >= 0 else "") for event in self.history]


def decisions(episode: Episode) -> list[h.Event]:
    """What an episode decided, without its frame."""
    return episode.events[1:-1]


def names(episode: Episode) -> list[str]:
    """The same as text: `TaskScheduled(0) say`."""
    return [
        f"{type(event).__name__}({event.event_id})" + (f" {event.name}" if hasattr(event, "name") else "")
        for event in decisions(episode)
    ]


def members(event: h.Event) -> dict[str, Any]:
    """An event's members as JSON has them."""
    found: dict[str, Any] = json.loads(h.encode_members(event))
    return found


def value_of(payload: Payload) -> Any:
    return None if payload.raw is UNSET and payload.text is UNSET else decode(*payload)


def _failure(error: BaseException, non_retriable: bool) -> dict[str, Any]:
    details = describe(error)
    if non_retriable:
        details = h.FailureDetails(
            error_type=details.error_type, error_message=details.error_message, is_non_retriable=True
        )
    return {
        "reason": f"Activity function 'F' failed:  {details.error_type}: {details.error_message}",
        "failure_details": details,
    }
