"""What one execution has decided: the decisions of the current episode, and everything that is still open.

This is what stands behind an orchestrator's context. A decision becomes an event the moment the code asks for it;
during a replay the cursor gives the recorded event instead, so live and replayed code take the same path.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from dfcli.authoring.entity_tasks import EntityCallTask, EntityLockTask, EntitySignalTask
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import ActivityTask, EventTask, SubOrchestrationTask, Task, TimerTask
from dfcli.authoring.triggers import Notice
from dfcli.engine.answers import succeed_with
from dfcli.engine.cursor import CodeStopped, Cursor
from dfcli.engine.entity_calls import EntityCalls
from dfcli.engine.http_call import HttpCall
from dfcli.engine.mailbox import Mailbox
from dfcli.engine.noticing import Noticing
from dfcli.engine.retrying import RetryingCall
from dfcli.engine.rules import NATIVE, Rules
from dfcli.errors import InvalidArgument
from dfcli.model import history as h
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.model.ids import ExecutionKey, check_instance_id, child_instance_id, stand_in_child_id
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.time import shifted

REFUSALS_MAX = 100


class Decisions(Noticing):
    """The `Wishes` of one execution's context."""

    __slots__ = (
        "_refusals",
        "all_fails_fast",
        "cancelled_timers",
        "continuing_with",
        "cursor",
        "custom_status",
        "deferred",
        "early",
        "entities",
        "events",
        "execution_id",
        "input",
        "instance_id",
        "is_closed",
        "is_muted",
        "is_replaying",
        "key",
        "mailbox",
        "new_custom_status",
        "next_event_id",
        "next_seq",
        "notice",
        "open_children",
        "open_tasks",
        "open_timers",
        "opened",
        "parent_instance_id",
        "pending",
        "rules",
        "status_is_due",
        "timestamp",
        "uuids",
        "version",
        "will_continue_as_new",
    )

    def __init__(self, key: ExecutionKey, started: h.ExecutionStarted, rules: Rules = NATIVE) -> None:
        self.key = key
        self.rules = rules
        self.all_fails_fast = rules.all_fails_fast
        self.instance_id = key.instance_id
        self.execution_id = started.execution_id
        self.parent_instance_id = started.parent.instance_id if started.parent else None
        self.version = started.version
        self.input = h.input_of(started)
        self.custom_status = Payload(started.custom_status, started.custom_status_text)
        self.is_replaying = False
        self.timestamp = started.timestamp
        self.next_seq = 0
        self.next_event_id = 0
        self.uuids = 0
        self.events: list[h.Event] = []
        """Of the current episode, from OrchestratorStarted on."""
        self.cursor: Cursor | None = None
        """Set while an episode is replayed."""
        self.new_custom_status: Payload | None = None
        """Set in this episode."""
        self.cancelled_timers: list[int] = []
        self.deferred: list[tuple[int, Any]] = []
        """What the code decided anew in episodes before a rewind, behind the seq of that rewind: to be recorded in the
        episode that sees it."""
        self.status_is_due = False
        """A custom status was set in such an episode."""
        self.will_continue_as_new = False
        self.continuing_with: Payload = NOTHING
        self.is_closed = False
        """The code is being dropped: nothing it does counts."""
        self.is_muted = False
        """Wishes are dropped: the code is closed, diverged, or has asked to continue as new."""
        self._refusals = 0
        self.pending: dict[int, Task | RetryingCall] = {}
        """What takes the answer to each open decision, by event id."""
        self.open_tasks: dict[int, h.TaskScheduled] = {}
        self.open_timers: dict[int, h.TimerCreated] = {}
        self.open_children: dict[int, h.SubOrchestrationInstanceCreated] = {}
        self.mailbox = Mailbox(newest_first=rules.newest_wait_first)
        self.notice: Callable[[Notice, str], None] | None = None
        """Who wants to know what the code's own library would do otherwise."""
        self.opened = 0
        """The seq that opened the first episode."""
        self.early: set[str] = set()
        """Folded names of events that came before a wait; kept only for `notice`."""
        self.entities: EntityCalls | None = None
        """Once the execution has had to do with one."""

    # -- episodes ------------------------------------------------------------------------------------------------

    def begin(self, started: h.OrchestratorStarted, cursor: Cursor | None) -> None:
        """Open an episode."""
        self.timestamp = started.timestamp
        self.next_seq = started.seq + 1
        self.events = [started]
        self.cursor = cursor
        self.is_replaying = cursor is not None
        self.opened = self.opened or started.seq
        self.new_custom_status = None
        self.cancelled_timers = []

    def record(self, asked: Any) -> Any:
        """Add a decision or the end of the run. Returns it, or its recorded form in a replay; None when a rewind
        puts it off."""
        event = asked
        if self.cursor is not None:
            try:
                event = self.cursor.match(asked)
            except CodeStopped:
                self.is_muted = True
                raise
            if event is None:
                self.deferred.append((self.cursor.put_off_until, asked))
                return None
        self.next_seq += 1
        self.events.append(event)
        return event

    def drop_open(self) -> None:
        """The run has ended: nothing is waited for any more, and no wait takes the events that are left."""
        self.pending.clear()
        self.open_tasks.clear()
        self.open_timers.clear()
        self.open_children.clear()
        self.mailbox.drop_waits()
        if self.entities is not None:
            self.entities.drop_waits()

    def rewound(self, event: h.ExecutionRewound) -> None:
        """The execution was rewound: what was put off is recorded now, under the numbers it has."""
        self.execution_id = event.execution_id
        due = sorted((asked for until, asked in self.deferred if until <= event.seq), key=lambda asked: asked.event_id)
        self.deferred = [put_off for put_off in self.deferred if put_off[0] > event.seq]
        for asked in due:
            if type(asked) is h.EventSent and self.entities is not None:
                asked = self.entities.addressed_anew(asked)
            recorded = self.record(msgspec.structs.replace(asked, seq=self.next_seq, timestamp=self.timestamp))
            if recorded is not None:
                self._reopen(recorded)
        if self.status_is_due and not self.deferred:
            self.status_is_due = False
            self.new_custom_status = self.custom_status

    def _reopen(self, recorded: Any) -> None:
        event_id = recorded.event_id
        answered = self.pending.get(event_id)
        if answered is None:  # the run has ended since, or the timer was cancelled
            if type(recorded) is h.TimerCreated:
                self.cancelled_timers.append(event_id)
            return
        match recorded:
            case h.TaskScheduled():
                self.open_tasks[event_id] = recorded
            case h.TimerCreated():
                self.open_timers[event_id] = recorded
                if isinstance(answered, RetryingCall):
                    answered.delay = recorded
            case h.SubOrchestrationInstanceCreated():
                self.open_children[event_id] = recorded
            case h.EventSent() if self.entities is not None:
                self.entities.await_answer(recorded)

    @property
    def has_diverged(self) -> bool:
        return self.cursor is not None and self.cursor.error is not None

    # -- wishes of the context -----------------------------------------------------------------------------------

    def call_activity(self, name: str, input: Payload, retry: RetryOptions | None, expected_type: Any) -> Task:
        task = ActivityTask(self.next_event_id, name, expected_type)
        if self.is_muted:
            self.refuse()
        elif retry is None and not self.rules.waits_schedule:
            self._schedule_activity(task, name, input, None, 1)
        elif retry is None:
            task.id, task._schedule = None, partial(self._schedule_first, task, name, input)
        else:

            def attempt(call: RetryingCall, first: int | None, number: int) -> None:
                self._schedule_activity(call, name, input, first, number)

            self._begin(task, lambda: RetryingCall(task, retry, attempt, self).begin())
        return task

    def call_sub_orchestrator(
        self,
        name: str,
        input: Payload,
        instance_id: str | None,
        version: str | None,
        retry: RetryOptions | None,
        expected_type: Any,
    ) -> Task:
        task = SubOrchestrationTask(self.next_event_id, name, expected_type)
        if self.is_muted:
            self.refuse()
            return task
        if instance_id is not None:
            self._check_child_id(instance_id)
        if self.entities is not None:
            self.entities.check_sub_orchestration()

        def attempt(call: Task | RetryingCall, first: int | None, number: int) -> None:
            event_id = self.next_event_id
            created = self.record(
                h.SubOrchestrationInstanceCreated(
                    seq=self.next_seq,
                    event_id=event_id,
                    timestamp=self.timestamp,
                    name=name,
                    child_instance_id=instance_id or self._child_id(event_id),
                    version=version,
                    input=input.raw,
                    input_text=input.text,
                    call=first,
                    attempt=number,
                )
            )
            self.next_event_id = event_id + 1
            if created is not None:
                self.open_children[event_id] = created
            self.pending[event_id] = call

        if retry is None:
            self._begin(task, lambda: attempt(task, None, 1))
        else:
            self._begin(task, lambda: RetryingCall(task, retry, attempt, self).begin())
        return task

    def call_http(self, request: Payload, retry: RetryOptions | None, expected_type: Any) -> Task:
        task = ActivityTask(self.next_event_id, HTTP_ACTIVITY, expected_type)
        if self.is_muted:
            self.refuse()
            return task

        def attempt(call: RetryingCall, first: int | None, number: int) -> None:
            assert isinstance(call, HttpCall)
            self._schedule_activity(call, HTTP_ACTIVITY, call.input, first, number)

        self._begin(task, lambda: HttpCall(task, request, retry, attempt, self).begin())
        return task

    def create_timer(self, fire_at: str) -> TimerTask:
        task = TimerTask(self.next_event_id, self._cancel)
        if self.is_muted:
            self.refuse()
        else:
            self._begin(task, partial(self._schedule_timer, task, fire_at, None))
        return task

    def wait_for_event(self, name: str, expected_type: Any) -> EventTask:
        task = EventTask(name, expected_type, self.timestamp)
        if self.is_muted:
            self.refuse()
            return task
        self._begin(task, lambda: self._begin_wait(task))
        return task

    def call_entity(self, entity_id: str, operation: str, input: Payload, expected_type: Any) -> EntityCallTask:
        calls = self._entity_calls()
        task = calls.new_call(entity_id, operation, expected_type)
        if self.is_muted:
            self.refuse()
        else:
            self._begin(task, lambda: calls.call(task, input))
        return task

    def signal_entity(self, entity_id: str, operation: str, input: Payload, due: str | None) -> EntitySignalTask:
        return self._entity_calls().signal(entity_id, operation, input, due)

    def lock_entities(self, entity_ids: list[str]) -> EntityLockTask:
        return self._entity_calls().lock(entity_ids)

    def is_answer(self, event: h.EventRaised) -> bool:
        """Whether an event is an entity's answer, which no wait for an external event may take."""
        return event.sender is not None if self.entities is None else self.entities.is_answer(event)

    def _entity_calls(self) -> EntityCalls:
        if self.entities is None:
            self.entities = EntityCalls(self)
        return self.entities

    def continue_as_new(self, input: Payload) -> None:
        if self.is_muted:
            self.refuse()
        self.will_continue_as_new = self.is_muted = True
        self.continuing_with = input

    def set_custom_status(self, status: Payload) -> None:
        if self.is_muted:
            self.refuse()
        self.custom_status = self.new_custom_status = status

    def next_guid(self) -> int:
        self.uuids += 1
        return self.uuids - 1

    # -- wishes of retry policies --------------------------------------------------------------------------------

    def delay_retry(self, call: RetryingCall, delay: timedelta, first: int) -> h.TimerCreated:
        """A timer between two attempts."""
        return self._schedule_timer(call, shifted(self.timestamp, delay), first)

    def delay_poll(self, call: RetryingCall, delay: timedelta) -> h.TimerCreated:
        """A timer before a durable HTTP call asks again."""
        self.note("poll")
        return self._schedule_timer(call, shifted(self.timestamp, delay), None)

    # ------------------------------------------------------------------------------------------------------------

    def _begin(self, task: Task, act: Callable[[], object]) -> None:
        """Schedule a task now, or once the code waits for it; it has no number until then."""
        if self.rules.waits_schedule:
            task.id, task._schedule = None, partial(self._schedule, task, act)
        else:
            act()

    def _schedule(self, task: Task, act: Callable[[], object]) -> None:
        task.id = self.next_event_id
        act()

    def _schedule_first(self, task: Task, name: str, input: Payload) -> None:
        task.id = self.next_event_id
        self._schedule_activity(task, name, input, None, 1)

    def _begin_wait(self, task: EventTask) -> None:
        task.id, task.since = -1, self.timestamp
        event = self.mailbox.take(task.name)
        if event is None:
            self.mailbox.wait(task)
        else:
            succeed_with(task, event.input, event.input_text)
        if self.notice is not None:
            self.note_wait(task.name, event)

    def _child_id(self, event_id: int) -> str:
        if self.rules.child_ids_are_opaque:
            return stand_in_child_id(self.execution_id, event_id)
        return child_instance_id(self.key, self.execution_id, event_id)

    def _schedule_activity(
        self, answered: Task | RetryingCall, name: str, input: Payload, first: int | None, number: int
    ) -> None:
        event_id = self.next_event_id
        scheduled = self.record(
            h.TaskScheduled(
                seq=self.next_seq,
                event_id=event_id,
                timestamp=self.timestamp,
                name=name,
                input=input.raw,
                input_text=input.text,
                call=first,
                attempt=number,
            )
        )
        self.next_event_id = event_id + 1
        if scheduled is not None:
            self.open_tasks[event_id] = scheduled
        self.pending[event_id] = answered

    def _schedule_timer(self, answered: Task | RetryingCall, fire_at: str, first: int | None) -> h.TimerCreated:
        event_id = self.next_event_id
        asked = h.TimerCreated(
            seq=self.next_seq, event_id=event_id, timestamp=self.timestamp, fire_at=fire_at, call=first
        )
        created: h.TimerCreated | None = self.record(asked)
        self.next_event_id = event_id + 1
        if created is not None:
            self.open_timers[event_id] = created
        self.pending[event_id] = answered
        return created or asked

    def _cancel(self, task: TimerTask) -> None:
        self.refuse()
        if self.pending.pop(task.id, None) is not None:
            self.open_timers.pop(task.id, None)
            self.cancelled_timers.append(task.id)

    def _check_child_id(self, instance_id: str) -> None:
        if check_instance_id(instance_id) in (self.instance_id, self.parent_instance_id):
            raise InvalidArgument(
                f"a sub-orchestration cannot have the id {instance_id!r}",
                why="it is the id of this instance or of its parent",
                hint="choose another id, or give none",
            )

    def refuse(self) -> None:
        """What is asked after continue_as_new is dropped; code that is closed or has diverged is stopped.

        Code that catches everything in a loop would be refused for ever. It gets its tasks after a while, which do
        nothing: it waits for one, and can be left.
        """
        if self.is_closed or self.has_diverged:
            self._refusals += 1
            if self._refusals <= REFUSALS_MAX:
                raise CodeStopped
