"""One entity in memory: its state and what waits, folded from its lines, and what may be done next.

Entities are not replayed. What an operation did is the line of its batch; what was received and is in no batch waits.
Memory and file agree because both are changed by the same lines: `apply` is given each as it is made.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

from dfcli.model import history as h
from dfcli.model.entity_ids import EntityName, parse_entity_id
from dfcli.model.payload import NOTHING, Payload

Operation: TypeAlias = h.EntityOperationReceived
"""An operation, or a lock request."""

RECENT_REQUESTS_MAX = 256
"""Request ids that clients have chosen and an entity remembers."""


class Entity:
    """Belongs to one thread."""

    __slots__ = (
        "_delayed",
        "_owned",
        "_queue",
        "_senders",
        "instance_id",
        "locked_by",
        "operations",
        "recent",
        "state",
    )

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.state: Payload = NOTHING
        """NOTHING: the entity does not exist."""
        self.locked_by: h.EntityLockGranted | None = None
        self.operations = 0
        """Run in this execution."""
        self.recent: dict[str, None] = {}
        """Request ids that clients chose, the newest last."""
        self._queue: OrderedDict[int, Operation] = OrderedDict()
        """By seq, in the order in which they are to be run. Not a dict: taking from its head costs more and more."""
        self._owned: OrderedDict[int, Operation] = OrderedDict()
        """While it is locked: what its owner has sent."""
        self._delayed: list[tuple[str, int, Operation]] = []
        self._senders: dict[tuple[str, str], int] = {}
        """How many queued operations, lock requests left out, each execution has sent."""

    @classmethod
    def of(cls, instance_id: str, history: Sequence[h.Event]) -> Entity:
        """The entity as its newest execution tells."""
        entity = cls(instance_id)
        for event in history:
            entity.apply(event)
        return entity

    @property
    def id(self) -> EntityName:
        return parse_entity_id(self.instance_id)

    @property
    def waiting(self) -> int:
        """Operations and lock requests without a result."""
        return len(self._queue) + len(self._owned) + len(self._delayed)

    @property
    def has_work(self) -> bool:
        return self.waiting > 0 or self.locked_by is not None

    @property
    def next_due(self) -> str | None:
        """When the next delayed signal is due."""
        return self._delayed[0][0] if self._delayed else None

    def operations_waiting(self) -> list[Operation]:
        """All of them, in the order in which they would be run."""
        delayed = [operation for _, _, operation in sorted(self._delayed, key=lambda item: item[:2])]
        return [*self._owned.values(), *self._queue.values(), *delayed]

    def delayed_seqs(self) -> set[int]:
        """The operations that wait for their due time."""
        return {seq for _, seq, _ in self._delayed}

    # -- lines ---------------------------------------------------------------------------------------------------

    def apply(self, event: h.Event) -> None:
        """Take the next line of the entity's execution."""
        match event:
            case h.EntityOperationReceived():
                self._receive(event)
            case h.EntityBatchCompleted():
                for result in event.results:
                    self._forget(result.seq)
                self.operations += len(event.results)
                state = Payload(event.state, event.state_text)
                if event.deleted or state != NOTHING:
                    self.state = state
            case h.EntityLockGranted():
                self._lock(event)
            case h.EntityLockReleased():
                self._release(event)
            case h.ExecutionStarted():
                self.state = h.input_of(event)
                self.recent = dict.fromkeys(event.recent_requests or ())
            case _:
                pass  # ContinueAsNew: the next execution says the rest

    def _receive(self, event: Operation) -> None:
        if event.keyed:
            self.recent[event.request_id] = None
            while len(self.recent) > RECENT_REQUESTS_MAX:
                del self.recent[next(iter(self.recent))]
        if event.due is not None:
            heapq.heappush(self._delayed, (event.due, event.seq, event))
        elif self.locked_by is not None and _is_of(event, self.locked_by.owner) and event.lock_set is None:
            self._owned[event.seq] = event
        else:
            self._enqueue(event)

    def _enqueue(self, event: Operation) -> None:
        self._queue[event.seq] = event
        if event.caller is not None and event.lock_set is None:
            sender = _execution(event.caller)
            self._senders[sender] = self._senders.get(sender, 0) + 1

    def _forget(self, seq: int) -> None:
        """It is done, or given up."""
        if self._owned.pop(seq, None) is not None:
            return
        event = self._queue.pop(seq, None)
        if event is None:
            self._delayed = [item for item in self._delayed if item[1] != seq]
            heapq.heapify(self._delayed)
        elif event.caller is not None and event.lock_set is None:
            sender = _execution(event.caller)
            self._senders[sender] -= 1
            if not self._senders[sender]:
                del self._senders[sender]

    def _lock(self, event: h.EntityLockGranted) -> None:
        if event.carried_from is None:
            self._drop_request(event.request_id)
        self.locked_by = event
        if self._senders.get(_execution(event.owner)):  # sent before the lock was granted, and not to be overtaken
            for operation in [o for o in self._queue.values() if _is_of(o, event.owner) and o.lock_set is None]:
                self._forget(operation.seq)
                self._owned[operation.seq] = operation

    def _release(self, event: h.EntityLockReleased) -> None:
        if self.locked_by is not None and self.locked_by.request_id == event.request_id:
            self.locked_by = None
            owned, self._owned = self._owned, OrderedDict()
            if owned:
                queue, self._queue = self._queue, OrderedDict()
                for operation in owned.values():
                    self._enqueue(operation)
                self._queue.update(queue)
        else:
            self._drop_request(event.request_id)

    def _drop_request(self, request_id: str) -> None:
        """A lock request does not wait any more: it has its turn, and then stands first, or is given up."""
        for operation in self._queue.values():
            if operation.lock_set is not None and operation.request_id == request_id:
                del self._queue[operation.seq]
                return

    # -- what may be done next -----------------------------------------------------------------------------------

    def wake(self, now: str) -> None:
        """Queue the delayed signals that are due, in order of their due times."""
        while self._delayed and self._delayed[0][0] <= now:
            operation = heapq.heappop(self._delayed)[2]
            if self.locked_by is not None and _is_of(operation, self.locked_by.owner):
                self._owned[operation.seq] = operation
            else:
                self._enqueue(operation)

    def next_batch(self, most: int, upto: int) -> list[Operation]:
        """The operations to run now, in order: at most `most`, up to the next lock request, none after line `upto`."""
        batch: list[Operation] = []
        for operation in (self._queue if self.locked_by is None else self._owned).values():
            if operation.lock_set is not None or operation.seq > upto or len(batch) >= most:
                break
            batch.append(operation)
        return batch

    def next_lock(self) -> Operation | None:
        """The lock request whose turn it is."""
        if self.locked_by is not None or not self._queue:
            return None
        first = next(iter(self._queue.values()))
        return first if first.lock_set is not None else None

    def lock_requests(self) -> list[Operation]:
        """The requests for its lock that wait."""
        return [operation for operation in self._queue.values() if operation.lock_set is not None]


def _execution(caller: h.Caller) -> tuple[str, str]:
    return caller.instance_id, caller.execution_id


def _is_of(operation: Operation, owner: h.Caller) -> bool:
    caller = operation.caller
    return caller is not None and _execution(caller) == _execution(owner)
