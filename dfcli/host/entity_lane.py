"""The lane of an entity: the entity in memory, ahead of the disk by what is queued to be committed."""

from __future__ import annotations

from msgspec import UNSET

from dfcli.engine.entity import Entity
from dfcli.engine.entity_batch import Batch
from dfcli.host.lane import Lane
from dfcli.model.history import EntityOperationReceived, Event
from dfcli.model.ids import ExecutionKey

LINE_BYTES = 200
"""About what a line has beside its payload."""


class EntityLane(Lane):
    """Owned by the host's loop thread. One batch of operations at a time, of lines that are durable."""

    __slots__ = ("batch", "bytes", "durable", "entity", "generation", "last_batch", "timer", "waiting_bytes")

    def __init__(self, key: ExecutionKey, entity: Entity, *, execution_id: str) -> None:
        super().__init__(key, name=f"@{entity.id.name}", execution_id=execution_id, parent=None)
        self.entity = entity
        self.batch: Batch | None = None
        """What runs now."""
        self.durable = 0
        """The highest line of this execution that is known to be on the disk."""
        self.last_batch = 0
        """The line of the last batch: the next one begins once that is durable."""
        self.bytes = 0
        """About how much the execution has on the disk, long states included."""
        self.waiting_bytes = 0
        """About how much of that is operations that wait."""
        self.generation = 0
        """How many times it has rolled over."""
        self.timer = ""
        """The due time for which a wake-up is armed."""

    def receive(self, event: Event) -> None:
        """Take a line numbered by `next_seq`: it counts at once, and is durable with the transaction that sends it."""
        self.entity.apply(event)
        self.unsent.append(event)
        size = line_bytes(event)
        self.bytes += size
        if isinstance(event, EntityOperationReceived):
            self.waiting_bytes += size

    @property
    def is_idle(self) -> bool:
        """Whether it can leave the memory: nothing waits, nothing runs, everything is durable."""
        return not (self.entity.has_work or self.batch or self.uncommitted or self.unsent or self.acknowledgements)

    def roll_over(self, key: ExecutionKey, execution_id: str) -> None:
        """Become the next execution of the entity; the lines that tell what it takes along follow."""
        self.key = key
        self.execution_id = execution_id
        self.last_seq = 0
        self.durable = self.last_batch = 0
        self.bytes = self.waiting_bytes = 0
        self.generation += 1
        self.entity = Entity(key.instance_id)


def line_bytes(event: Event) -> int:
    """About how much a line has, its long payloads included."""
    size = LINE_BYTES
    for member in ("input", "input_text", "state", "state_text"):
        value = getattr(event, member, UNSET)
        if value is not UNSET:
            size += len(value) if isinstance(value, str) else len(bytes(value))
    return size
