"""What one execution asks of entities: calls, signals, and the critical section it is in.

A message is an EventSent; its id, made here and the same on every replay, ties the answer to it. An answer is no
external event: it never reaches a wait for one.
"""

from __future__ import annotations

import uuid
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from dfcli.authoring.entity_tasks import CriticalSection, EntityCallTask, EntityLockTask, EntitySignalTask
from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.tasks import Task, fail, succeed
from dfcli.engine.answers import succeed_with
from dfcli.errors import InvalidArgument
from dfcli.model import history as h
from dfcli.model.entity_messages import OPERATION, RELEASE, Message, encode, message_of, payload_of, response_of
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload, decode

_NAMESPACE = uuid.UUID("9e952958-5e33-4daf-827f-2fa12937b875")


class Deciding(Protocol):
    """The decisions of the execution."""

    instance_id: str
    execution_id: str
    timestamp: str
    next_seq: int
    next_event_id: int
    is_muted: bool
    pending: dict[int, Any]

    def record(self, event: Any) -> Any: ...

    def refuse(self) -> None: ...


class EntityCalls:
    """Made when an execution first has to do with an entity."""

    __slots__ = ("_available", "_decisions", "_is_inside", "_lock_id", "_locked", "_requests", "_waiting")

    def __init__(self, decisions: Deciding) -> None:
        self._decisions = decisions
        self._requests = 0
        self._waiting: dict[str, int] = {}
        """Message id to event id of each call and lock request without an answer."""
        self._locked: list[str] | None = None
        """The entities of the critical section that is entered or asked for."""
        self._lock_id = ""
        """The id of its lock request."""
        self._is_inside = False
        """Whether the request has been granted."""
        self._available: set[str] = set()
        """Locked entities to which no call is under way."""

    # -- wishes --------------------------------------------------------------------------------------------------

    def new_call(self, entity_id: str, operation: str, expected_type: Any) -> EntityCallTask:
        """A call of which nobody knows yet."""
        decisions = self._decisions
        return EntityCallTask(decisions.next_event_id, operation, expected_type, entity_id, decisions.timestamp)

    def call(self, task: EntityCallTask, input: Payload) -> None:
        """Send the message of a call. Raises InvalidArgument within a critical section that it does not fit."""
        if self._locked is not None:
            self._check_call(task.entity_id)
        task.since = self._decisions.timestamp
        self._wait(task, self._send(task.entity_id, OPERATION, Message(op=task.name, input=input.json_text)))

    def signal(self, entity_id: str, operation: str, input: Payload, due: str | None) -> EntitySignalTask:
        decisions = self._decisions
        task = EntitySignalTask(decisions.next_event_id, operation)
        if decisions.is_muted:
            decisions.refuse()
            return task
        if self._locked is not None and entity_id in self._locked:
            raise _refused("Must not signal a locked entity from a critical section.")
        name = OPERATION if due is None else f"{OPERATION}@{due}"
        self._send(entity_id, name, Message(op=operation, signal=True, input=input.json_text, due=due))
        return task

    def lock(self, entity_ids: list[str]) -> EntityLockTask:
        decisions = self._decisions
        if not entity_ids:
            raise ValueError("The set of entities to lock must not be empty.")
        what = ", ".join(entity_ids)
        task = EntityLockTask(decisions.next_event_id, what, None, entity_ids[0], decisions.timestamp)
        if decisions.is_muted:
            decisions.refuse()
            return task
        if self._locked is not None:
            raise _refused("Must not enter another critical section from within a critical section.")
        sent = self._send(entity_ids[0], OPERATION, Message(lockset=entity_ids, pos=0))
        self._locked = message_of(sent).lockset or entity_ids  # the recorded ones hold the lock
        self._lock_id, self._is_inside = message_of(sent).id, False
        self._wait(task, sent)
        return task

    def check_sub_orchestration(self) -> None:
        """A child could ask for what its parent has locked, and both would wait for ever."""
        if self._locked is not None:
            raise _refused("While holding locks, cannot call suborchestrators.")

    def release(self, request_id: str) -> None:
        """The code leaves the critical section."""
        decisions = self._decisions
        if decisions.is_muted:
            decisions.refuse()
            return
        locked = self._locked
        if locked is None or not self._is_inside or self._lock_id != request_id:
            return  # left before
        self._locked = None
        self._available.clear()
        for entity_id in locked:
            self._send(entity_id, RELEASE, Message(id=request_id))

    # -- answers -------------------------------------------------------------------------------------------------

    def is_answer(self, event: h.EventRaised) -> bool:
        """Whether an event answers a message, open or not."""
        return event.sender is not None or event.name in self._waiting

    def take(self, event: h.EventRaised) -> None:
        """Hand an answer to the task that waits for it. One that nobody waits for changes nothing."""
        event_id = self._waiting.pop(event.name, None)
        task = self._decisions.pending.pop(event_id, None) if event_id is not None else None
        if task is None:
            return
        if isinstance(task, EntityLockTask):
            self._enter(task, event)
            return
        if self._locked is not None and task.entity_id in self._locked:
            self._available.add(task.entity_id)
        response = response_of(event)
        if response.exception_type is None:
            succeed_with(task, *payload_of(response.result))
        else:
            fail(task, _failure(task, event))

    def drop_waits(self) -> None:
        """The run has ended."""
        self._waiting.clear()

    def _enter(self, task: EntityLockTask, event: h.EventRaised) -> None:
        locked = self._locked or []
        if response_of(event).exception_type is not None:
            self._locked = None
            fail(task, _failure(task, event))
            return
        self._available, self._is_inside = set(locked), True
        succeed(task, CriticalSection(list(locked), lambda: self.release(event.name)))

    # ------------------------------------------------------------------------------------------------------------

    def _send(self, entity_id: str, name: str, message: Message) -> h.EventSent:
        decisions = self._decisions
        if not message.id:
            # The round-trip form of .NET has seven digits after the point.
            moment = f"{decisions.timestamp[:-1]}0Z"
            made = uuid.uuid5(_NAMESPACE, f"{decisions.instance_id}_{moment}_{self._requests}")
            message = _addressed(message, str(made), decisions)
            self._requests += 1
        else:
            message = _addressed(message, message.id, decisions)
        event_id = decisions.next_event_id
        asked = h.EventSent(
            seq=decisions.next_seq,
            event_id=event_id,
            timestamp=decisions.timestamp,
            target_instance_id=entity_id,
            name=name,
            input=Raw(encode(message)),
        )
        sent: h.EventSent | None = decisions.record(asked)
        decisions.next_event_id = event_id + 1
        return sent or asked

    def _wait(self, task: Task, sent: h.EventSent) -> None:
        """By the recorded id: a history from elsewhere may have made it otherwise."""
        self._waiting[message_of(sent).id] = sent.event_id
        self._decisions.pending[sent.event_id] = task

    # -- rewinds -------------------------------------------------------------------------------------------------

    def addressed_anew(self, asked: h.EventSent) -> h.EventSent:
        """A message that was put off until a rewind: under an id that no answer of before can bear, and from the
        execution as it is called now. A release keeps the id of what it releases."""
        message = message_of(asked)
        self._waiting.pop(message.id, None)
        made = message.id
        if asked.name != RELEASE:
            made = str(uuid.uuid5(_NAMESPACE, f"{message.id}_{self._decisions.execution_id}"))
        if message.lockset is not None and message.id == self._lock_id:
            self._lock_id = made
        return msgspec.structs.replace(asked, input=Raw(encode(_addressed(message, made, self._decisions))))

    def await_answer(self, sent: h.EventSent) -> None:
        """Such a message has been recorded, and somebody waits for its answer."""
        message = message_of(sent)
        if message.lockset is not None:
            self._lock_id = message.id
        self._waiting[message.id] = sent.event_id

    def _check_call(self, entity_id: str) -> None:
        if entity_id in self._available:
            self._available.discard(entity_id)
            return
        if not self._is_inside:
            fault = "Must await the completion of the lock request prior to calling any entity."
        elif self._locked is not None and entity_id in self._locked:
            fault = "Must not call an entity from a critical section while a prior call to the same entity is still "
            fault += "pending."
        else:
            fault = "Must not call an entity from a critical section if it is not one of the locked entities."
        raise _refused(fault)


def _addressed(message: Message, id: str, decisions: Deciding) -> Message:
    return Message(
        op=message.op,
        signal=message.signal,
        input=message.input,
        id=id,
        parent=decisions.instance_id,
        parent_execution=decisions.execution_id,
        due=message.due,
        lockset=message.lockset,
        pos=message.pos,
    )


def _refused(text: str) -> InvalidArgument:
    return InvalidArgument(text, hint="leave the `with` of the critical section first")


def _failure(task: EntityCallTask, event: h.EventRaised) -> TaskFailedError:
    """The failure as Durable Functions words it: the operation's own message."""
    response = response_of(event)
    message = str(decode(*payload_of(response.result)) or response.exception_type)
    details = response.failure_details or FailureDetails(
        error_type=response.exception_type or "", error_message=message
    )
    return TaskFailedError(message, task_name=task.name, failure_details=details, seq=event.seq)
