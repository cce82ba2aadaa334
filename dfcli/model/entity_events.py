"""The lines of an entity's own file: what it was asked for, what came of it, who holds its lock.

An entity is an instance named `@name@key`. Its file begins with an `ExecutionStarted` whose `name` is `@name`, whose
`rules` are `entity/1` and whose input is the state it was rolled over with (absent: it has none). Entities are not
replayed: their state is that of the last batch, and what waits is what was received and has no result.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.failure import FailureDetails
from dfcli.model.history_event import CarriedFrom, HistoryEvent
from dfcli.model.payload import Payload

ENTITY_RULES = "entity/1"
"""`ExecutionStarted.rules` of an entity."""


class Caller(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True, gc=False):
    """The execution that sent a message. `seq` is the line that did: EventSent, or an entity's batch."""

    instance_id: str
    exec: int
    execution_id: str
    seq: int = 0
    event_id: int = -1


class OperationResult(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True, gc=False):
    """How one operation of a batch ended. A result that is long stands with the caller only."""

    seq: int
    result: Raw | UnsetType = UNSET
    failure: FailureDetails | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True, gc=False):
    """What an operation sent: a signal to an entity, or (`operation` empty) the start of an instance.

    The input stands on the target's line, in the same batch of the journal.
    """

    target_instance_id: str
    name: str
    """Of the operation, or of the orchestrator that is started."""
    is_start: bool = False


class EntityOperationReceived(HistoryEvent, tag="EntityOperationReceived", frozen=True, kw_only=True):
    """Inbound: an operation, or a request for the lock when `lock_set` is there. `caller` is absent for a client."""

    request_id: str
    operation: str = ""
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    signal: bool = False
    """Nobody waits for the result."""
    caller: Caller | None = None
    due: str | None = None
    """Not before then: a delayed signal."""
    lock_set: list[str] | None = None
    """The entities to be locked, in the order in which the request goes from one to the next."""
    position: int = 0
    """Which of the lock set this entity is."""
    keyed: bool = False
    """The client chose the request id, so that a repetition counts once."""
    carried_from: CarriedFrom | None = None

    @property
    def payload(self) -> Payload:
        return Payload(self.input, self.input_text)


class EntityBatchCompleted(HistoryEvent, tag="EntityBatchCompleted", frozen=True, kw_only=True):
    """Operations were run, in the order of `results`. Without a state and not `deleted`, the state is as before."""

    results: list[OperationResult]
    state: Raw | UnsetType = UNSET
    state_text: str | UnsetType = UNSET
    deleted: bool = False
    sent: list[Sent] = msgspec.field(default_factory=list)
    """The first of them, when there are very many."""
    sent_count: int = 0


class EntityLockGranted(HistoryEvent, tag="EntityLockGranted", frozen=True, kw_only=True):
    """The lock request `request_id` has its turn: until the release only its caller's operations are run."""

    request_id: str
    owner: Caller
    carried_from: CarriedFrom | None = None


class EntityLockReleased(HistoryEvent, tag="EntityLockReleased", frozen=True, kw_only=True):
    """Inbound: a lock, or a request for it that still waits, is given up: by its caller, or because that has ended."""

    request_id: str
    owner: Caller
    reason: str = ""
    """Empty when the caller released it."""
