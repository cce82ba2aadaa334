"""What an entity is, folded from its lines, and how Durable Functions shows that in the status of an instance."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.entity_ids import parse_entity_id
from dfcli.model.history import (
    EntityBatchCompleted,
    EntityEvent,
    EntityLockGranted,
    EntityLockReleased,
    EntityOperationReceived,
    ExecutionStarted,
)
from dfcli.model.payload import NOTHING, Payload

_encode = msgspec.json.Encoder().encode


class EntityFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The state and what waits. Replaced with each line, never changed: a copy of a summary may share it."""

    state: Raw | UnsetType = UNSET
    state_text: str | UnsetType = UNSET
    """Neither: the entity does not exist, it has no state."""
    waiting: int = 0
    """Operations and lock requests without a result, delayed ones included."""
    locked_by: str | None = None
    """The instance that holds the lock."""
    lock_request: str | None = None

    @property
    def exists(self) -> bool:
        return self.state is not UNSET or self.state_text is not UNSET

    @property
    def payload(self) -> Payload:
        """The state."""
        return Payload(self.state, self.state_text)

    @property
    def has_work(self) -> bool:
        """Whether somebody waits for something of it, so that it cannot be left alone."""
        return self.waiting > 0 or self.locked_by is not None

    def after(self, event: EntityEvent) -> EntityFacts:
        """The facts once one more line is there."""
        match event:
            case EntityOperationReceived():
                return _replace(self, waiting=self.waiting + 1)
            case EntityBatchCompleted():
                waiting = self.waiting - len(event.results)
                if event.deleted or event.state is not UNSET or event.state_text is not UNSET:
                    return _replace(self, waiting=waiting, state=event.state, state_text=event.state_text)
                return _replace(self, waiting=waiting)
            case EntityLockGranted():
                waiting = self.waiting - (event.carried_from is None)
                owner = event.owner.instance_id
                return _replace(self, waiting=waiting, locked_by=owner, lock_request=event.request_id)
            case EntityLockReleased():
                if event.request_id == self.lock_request:
                    return _replace(self, locked_by=None, lock_request=None)
                return _replace(self, waiting=self.waiting - 1)


def _replace(facts: EntityFacts, **members: object) -> EntityFacts:
    replaced: EntityFacts = msgspec.structs.replace(facts, **members)
    return replaced


class EntityView(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as those who ask for it are told."""

    name: str
    key: str
    state: Payload
    """NOTHING when it has none, or none was asked for."""
    exists: bool
    """Whether it has a state."""
    last_operation_time: str
    """Timestamp of the last line about an operation."""
    waiting: int
    locked_by: str | None

    @property
    def instance_id(self) -> str:
        return f"@{self.name}@{self.key}"


class EntityPage(msgspec.Struct, frozen=True):
    """Entities in order of their ids. `continuation` is empty on the last page."""

    items: list[EntityView]
    continuation: str = ""


class CleanedEntities(msgspec.Struct, frozen=True):
    """What a clean-up has removed."""

    empty_entities_removed: int
    orphaned_locks_released: int


def view_of(instance_id: str, facts: EntityFacts, updated: str, *, with_state: bool = True) -> EntityView:
    """What is told of an entity whose last line is of the time `updated`."""
    name, key = parse_entity_id(instance_id)
    return EntityView(
        name=name,
        key=key,
        state=facts.payload if with_state else NOTHING,
        exists=facts.exists,
        last_operation_time=updated,
        waiting=facts.waiting,
        locked_by=facts.locked_by,
    )


def facts_at_start(started: ExecutionStarted) -> EntityFacts:
    """The facts of an entity's execution that has just begun."""
    return EntityFacts(state=started.input, state_text=started.input_text)


def shown_state(facts: EntityFacts) -> Raw:
    """The `input` of the status of an entity."""
    text = facts.payload.json_text
    shown = {"exists": facts.exists, "state": text, "queue": facts.waiting, "lockedBy": facts.locked_by}
    return Raw(_encode(shown))


def shown_status(facts: EntityFacts) -> Raw:
    """The `customStatus` of the status of an entity."""
    shown: dict[str, object] = {"entityExists": facts.exists, "queueSize": facts.waiting}
    if facts.locked_by is not None:
        shown["lockedBy"] = facts.locked_by
    return Raw(_encode(shown))
