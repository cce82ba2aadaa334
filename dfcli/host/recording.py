"""Turning an episode into one transaction: its lines, and the lines of others that belong with them.

A child's first line stands with the line that created it, a child's end with its parent's result line, and the next
execution with the one that continued as new: all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from dfcli.engine.execution import Episode
from dfcli.host.activities import ActivityCall
from dfcli.host.arrivals import child_ended
from dfcli.host.callers import has_answer, still_waits
from dfcli.host.codes import Codes
from dfcli.host.draft import Draft
from dfcli.host.lane import Lane
from dfcli.model import history as h
from dfcli.model.failure import FailureDetails, details_text
from dfcli.model.history import Event, Inbound
from dfcli.model.ids import ExecutionKey, child_instance_id, stand_in_child_id
from dfcli.model.trace import TraceContext, within

if TYPE_CHECKING:
    from dfcli.host.entity_delivery import EntityDelivery


class Lanes(Protocol):
    """What recording needs of the scheduler."""

    lanes: dict[str, Lane]
    codes: Codes
    default_version: str | None
    quarantined: Mapping[str, str]
    traces: bool
    delivery: EntityDelivery

    def now(self) -> str: ...

    def new_id(self) -> str: ...

    def next_exec(self, instance_id: str) -> int: ...

    def lane(self, instance_id: str) -> Lane | None: ...

    def open_lane(self, key: ExecutionKey, started: h.ExecutionStarted) -> Lane: ...

    def ready(self, lane: Lane) -> None: ...

    def drop(self, lane: Lane) -> None: ...

    def whole_history(self, lane: Lane) -> list[Event]: ...


class Recorder:
    """Writes episodes into drafts; knows the other lanes through the scheduler alone."""

    def __init__(self, scheduler: Lanes) -> None:
        self._scheduler = scheduler

    def record(self, lane: Lane, events: list[Event], episode: Episode, draft: Draft) -> None:
        """Add `events` (inbound, just received) and the episode that consumed them, and all that follows from it."""
        recorded = episode.events
        lane.last_seq = recorded[-1].seq
        children: list[h.SubOrchestrationInstanceCreated] = []
        sent: list[h.EventSent] = []
        for position in range(1, len(recorded) - 1):
            event = recorded[position]
            match event:
                case h.TaskScheduled():
                    lane.in_flight.add(event.event_id)
                    draft.calls.append(ActivityCall(lane.key, lane.execution_id, event, lane.code_id))
                case h.TimerCreated():
                    lane.armed[event.event_id] = event.fire_at
                    draft.timers.append((lane.key, event.event_id, event.fire_at))
                case h.SubOrchestrationInstanceCreated():
                    created = self._with_exec(lane, event)
                    recorded[position] = created
                    children.append(created)
                case h.EventSent():
                    sent.append(event)
                case _:
                    pass  # the end of the execution, dealt with below
        for timer in episode.cancelled_timers:
            lane.armed.pop(timer, None)
        draft.add(lane, events + recorded)
        for created in children:
            self._start_child(lane, created, draft)
        for message in sent:
            self._scheduler.delivery.send(lane, message, draft, goes_on=not episode.finished)
        if episode.finished:
            self._end(lane, recorded[-2], episode, draft)
        elif lane.inbox:
            self._scheduler.ready(lane)

    # -- children ------------------------------------------------------------------------------------------------

    def _with_exec(self, parent: Lane, created: h.SubOrchestrationInstanceCreated) -> h.SubOrchestrationInstanceCreated:
        """The line with the number the child's execution gets; None when a live or damaged one holds the id."""
        child_id = created.child_instance_id
        if child_id in self._scheduler.quarantined:
            return created
        lane = self._scheduler.lane(child_id)
        if lane is not None and not lane.finished:
            if child_id != child_instance_id(parent.key, parent.execution_id, created.event_id):
                return created
            return self._under_another_id(parent, created)
        number = lane.key.exec + 1 if lane is not None else self._scheduler.next_exec(child_id)
        return msgspec.structs.replace(created, child_exec=number)

    def _under_another_id(
        self, parent: Lane, created: h.SubOrchestrationInstanceCreated
    ) -> h.SubOrchestrationInstanceCreated:
        """Nobody chose the id that is taken, so nobody misses it: execution numbers come again after a purge, and a
        child of the purged execution may live on."""
        child_id = stand_in_child_id(parent.execution_id, created.event_id)
        created = msgspec.structs.replace(created, child_instance_id=child_id, child_exec=1)
        if parent.execution is not None and created.event_id in parent.execution.open_children:
            parent.execution.open_children[created.event_id] = created
        return created

    def _start_child(self, parent: Lane, created: h.SubOrchestrationInstanceCreated, draft: Draft) -> None:
        scheduler = self._scheduler
        other = scheduler.lanes.get(created.child_instance_id)
        if created.child_exec is None or (other is not None and not other.finished):
            # Taken: by a live instance, or by a sibling created a moment ago in this very episode.
            self._fail_child(parent, created, draft)
            return
        execution_id = scheduler.new_id()
        code_id = scheduler.codes.code_of_child(parent.code_id)
        started = h.ExecutionStarted(
            seq=1,
            event_id=-1,
            timestamp=scheduler.now(),
            name=created.name,
            execution_id=execution_id,
            version=created.version or scheduler.default_version,
            input=created.input,
            input_text=created.input_text,
            parent=h.Parent(
                instance_id=parent.key.instance_id,
                exec=parent.key.exec,
                execution_id=parent.execution_id,
                task_scheduled_id=created.event_id,
                seq=created.seq,
                name=parent.name,
            ),
            rules=scheduler.codes.rules_of(code_id),
            code_id=code_id,
            parent_trace_context=self._trace_of_child(parent, created),
        )
        child = scheduler.open_lane(ExecutionKey(created.child_instance_id, created.child_exec), started)
        draft.send(child)
        scheduler.ready(child)

    def _trace_of_child(self, parent: Lane, created: h.SubOrchestrationInstanceCreated) -> TraceContext | None:
        started = parent.execution.started if parent.execution is not None else None
        if started is None or not (self._scheduler.traces or started.parent_trace_context is not None):
            return None
        return within(
            parent.execution_id, started.parent_trace_context, created.event_id, first_id=started.execution_id
        )

    def _fail_child(self, parent: Lane, created: h.SubOrchestrationInstanceCreated, draft: Draft) -> None:
        reason = f"An Orchestration instance with the ID {created.child_instance_id} already exists."
        failure = FailureDetails(error_type="InstanceExists", error_message=reason)
        self._answer(
            parent,
            h.SubOrchestrationInstanceFailed(
                seq=parent.next_seq(),
                event_id=-1,
                timestamp=parent.last_timestamp,
                task_scheduled_id=created.event_id,
                reason=reason,
                details=details_text(failure) if self._scheduler.codes.registry.rules == h.AZURE_RULES else "",
                failure_details=failure,
            ),
            draft,
        )

    def _answer(self, lane: Lane, event: Inbound, draft: Draft) -> None:
        """Put an inbound line of another lane into this transaction, behind whatever that lane has not sent yet."""
        lane.receive(event)
        draft.send(lane)
        self._scheduler.ready(lane)

    # -- ends ----------------------------------------------------------------------------------------------------

    def _end(self, lane: Lane, last: Event, episode: Episode, draft: Draft) -> None:
        self._scheduler.drop(lane)
        if lane.key.instance_id in self._scheduler.delivery.owners:
            self._scheduler.delivery.owner_ended(lane.key.instance_id, "its owner has ended", draft)
        lane.armed.clear()
        lane.in_flight.clear()
        match last:
            case h.ContinueAsNew():
                self._continue(lane, last, episode, draft)
            case h.ExecutionCompleted():
                lane.finished = True
                draft.finished.append(lane)
                if lane.parent is not None:
                    self._tell_parent(lane, lane.parent, last, draft)
            case _:
                raise AssertionError(f"an episode ends with {type(last).__name__}")

    def _continue(self, lane: Lane, last: h.ContinueAsNew, episode: Episode, draft: Draft) -> None:
        """The next execution: its first line, and a copy of each event that nobody has read."""
        scheduler = self._scheduler
        before = episode.started
        timestamp = lane.stamp(scheduler.now())
        recent = lane.recent_requests()
        lane.continue_as(ExecutionKey(lane.key.instance_id, lane.key.exec + 1), scheduler.new_id())
        started = h.ExecutionStarted(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=timestamp,
            name=lane.name,
            execution_id=lane.execution_id,
            version=before.version,
            input=last.input,
            input_text=last.input_text,
            parent=lane.parent,
            tags=before.tags,
            rules=scheduler.codes.registry.rules,
            code_id=scheduler.codes.code_id,  # a new execution: how an eternal orchestration gets new code
            generation=before.generation + 1,
            recent_requests=recent or None,
            request_id=before.request_id,
            parent_trace_context=before.parent_trace_context
            or (within(before.execution_id, None) if scheduler.traces else None),
            custom_status=episode.custom_status.raw,
            custom_status_text=episode.custom_status.text,
        )
        lane.code_id = started.code_id
        lane.receive(started)
        old_exec = lane.key.exec - 1
        for event in episode.carried:
            lane.receive(
                msgspec.structs.replace(
                    event,
                    seq=lane.next_seq(),
                    timestamp=timestamp,
                    carried_from=event.carried_from or h.CarriedFrom(exec=old_exec, seq=event.seq),
                )
            )
        if episode.suspension is not None:
            lane.receive(msgspec.structs.replace(episode.suspension, seq=lane.next_seq(), timestamp=timestamp))
        draft.send(lane)
        scheduler.ready(lane)

    def _tell_parent(self, child: Lane, parent: h.Parent, last: h.ExecutionCompleted, draft: Draft) -> None:
        """The parent's result line, unless the parent has ended, moved on, or knows already."""
        scheduler = self._scheduler
        waiting = scheduler.lane(parent.instance_id)
        if waiting is None or not still_waits(waiting, parent):
            return
        if child.rewound is not None and has_answer(scheduler.whole_history(waiting), waiting.inbox, parent):
            return
        answer = child_ended(
            waiting,
            parent.task_scheduled_id,
            last.orchestration_status,
            h.result_of(last),
            last.failure_details,
            scheduler.now(),
            scheduler.codes.registry.rules,
        )
        self._answer(waiting, answer, draft)
