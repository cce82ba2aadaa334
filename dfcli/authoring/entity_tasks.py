"""Tasks around entities: a call, a signal, and a critical section, which is entered by waiting for its lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.tasks import Task, succeed


class EntityCallTask(Task):
    """A called operation of an entity."""

    __slots__ = ("entity_id", "since")
    kind = "entity"

    def __init__(self, id: int, operation: str, expected_type: Any, entity_id: str, since: str) -> None:
        super().__init__(id, operation, expected_type)
        self.entity_id = entity_id
        """`@name@key`."""
        self.since = since
        """The orchestrator's time when it called, as a timestamp."""


class EntitySignalTask(Task):
    """A signal to an entity: over at once, so that yielding it does no harm. Its result is None."""

    __slots__ = ()
    kind = "signal"

    def __init__(self, id: int, operation: str) -> None:
        super().__init__(id, operation)
        succeed(self, None)


class EntityLockTask(EntityCallTask):
    """A wait for the lock of several entities; its result is the critical section.

    `with (yield context.lock_entities([...])):` in a generator; in an `async def` `with await ...` or
    `async with context.lock_entities([...]):`.
    """

    __slots__ = ()
    kind = "lock"

    async def __aenter__(self) -> CriticalSection:
        section: CriticalSection = await self
        return section

    async def __aexit__(self, *_: object) -> None:
        if isinstance(self._outcome, CriticalSection):
            self._outcome.release()


class CriticalSection:
    """The entities that an orchestrator has locked; leaving the `with` releases them, as does the instance's end."""

    __slots__ = ("_release", "entities")

    def __init__(self, entities: list[str], release: Callable[[], None]) -> None:
        self.entities = entities
        """`@name@key` of each, in the order in which they were locked."""
        self._release = release

    def release(self) -> None:
        """Leave the section; a second time does nothing."""
        self._release()

    def __enter__(self) -> CriticalSection:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    async def __aenter__(self) -> CriticalSection:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()
