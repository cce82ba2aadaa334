"""The part of the durable client that is about entities, under Durable Functions' names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from dfcli.authoring.context import timestamp_of
from dfcli.authoring.entity import check_operation
from dfcli.authoring.entity_id import EntityId, entity_id_text
from dfcli.authoring.typed import as_type
from dfcli.model import payload as payloads
from dfcli.model.entity_ids import parse_entity_id
from dfcli.model.entity_status import CleanedEntities, EntityView
from dfcli.model.time import to_datetime

if TYPE_CHECKING:
    from dfcli.host.host import Host

R = TypeVar("R")


class EntityStateResponse:
    """What `read_entity_state` tells: whether the entity has a state, and the state."""

    def __init__(self, entity_exists: bool, entity_state: Any = None) -> None:
        self.entity_exists = entity_exists
        self.entity_state = entity_state

    def __repr__(self) -> str:
        return f"EntityStateResponse({self.entity_exists}, {self.entity_state!r})"


class EntityMetadata:
    """One entity, as `get_entity` and `get_all_entities` tell of it."""

    def __init__(self, view: EntityView) -> None:
        self.id = EntityId(view.name, view.key)
        self.exists = view.exists
        self.last_modified = to_datetime(view.last_operation_time)
        self.backlog_queue_size = view.waiting
        self.locked_by = view.locked_by
        """The instance that holds its lock."""
        self.state = payloads.decode(*view.state)

    def get_state(self, expected_type: Any = None) -> Any:
        """The state, as a type if one is given; None when there is none or it was not asked for."""
        return as_type(self.state, expected_type)

    def __repr__(self) -> str:
        return f"<entity {self.id}: {self.state!r}>"


class EntityClient:
    """Signal, read, list and clean up entities. Errors are `DfError`s."""

    _host: Host

    async def _run(self, act: Callable[[], Coroutine[Any, Any, R]]) -> R:
        raise NotImplementedError

    def _check_hub(self, task_hub_name: str | None) -> None:
        raise NotImplementedError

    async def signal_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  the name in Durable Functions
        operation_name: str,
        operation_input: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
        *,
        signal_time: datetime | None = None,
        request_id: str | None = None,
    ) -> None:
        """Have an entity do something, not before `signal_time`. Durable when this returns. UnknownFunction.

        Calls with the same `request_id` count once.
        """
        del connection_name
        self._check_hub(task_hub_name)
        check_operation(operation_name)
        name, key = parse_entity_id(entity_id_text(entityId))
        payload = payloads.encode(operation_input)
        due = timestamp_of(signal_time) if signal_time is not None else None
        await self._run(
            lambda: self._host.signal_entity(name, key, operation_name, payload, due=due, request_id=request_id)
        )

    async def read_entity_state(
        self,
        entityId: EntityId | str,  # noqa: N803  the name in Durable Functions
        task_hub_name: str | None = None,
        connection_name: str | None = None,
        expected_type: Any = None,
    ) -> EntityStateResponse:
        """The state after the last operations that are durable."""
        del connection_name
        self._check_hub(task_hub_name)
        found = await self.get_entity(entityId)
        if found is None or not found.exists:
            return EntityStateResponse(False)
        return EntityStateResponse(True, found.get_state(expected_type))

    async def get_entity(self, entity_id: EntityId | str, include_state: bool = True) -> EntityMetadata | None:
        """An entity; None when there has never been an operation for it, or it was purged."""
        name, key = parse_entity_id(entity_id_text(entity_id))

        async def read() -> EntityMetadata | None:
            view = self._host.entity(name, key)
            return None if view is None else EntityMetadata(view)

        found = await self._run(read)
        if found is not None and not include_state:
            found.state = None
        return found

    async def get_all_entities(
        self,
        name: str = "",
        last_modified_from: datetime | None = None,
        last_modified_to: datetime | None = None,
        include_state: bool = True,
        include_empty: bool = False,
    ) -> list[EntityMetadata]:
        """Every entity of a name, or of all names, in order of their ids; those without a state only if asked for."""
        first = timestamp_of(last_modified_from) if last_modified_from is not None else None
        last = timestamp_of(last_modified_to) if last_modified_to is not None else None

        async def read() -> list[EntityMetadata]:
            found: list[EntityMetadata] = []
            continuation = ""
            while True:
                page = self._host.list_entities(
                    name,
                    last_operation_from=first,
                    last_operation_to=last,
                    top=1_000,
                    continuation=continuation,
                    fetch_state=include_state,
                    include_empty=include_empty,
                )
                found += map(EntityMetadata, page.items)
                continuation = page.continuation
                if not continuation:
                    return found
                await asyncio.sleep(0)

        return await self._run(read)

    async def clean_entity_storage(
        self, remove_empty_entities: bool = True, release_orphaned_locks: bool = True
    ) -> CleanedEntities:
        """Remove entities without a state that nobody waits for; give up locks whose owners are gone."""
        return await self._run(
            lambda: self._host.clean_entities(
                remove_empty=remove_empty_entities, release_orphaned_locks=release_orphaned_locks
            )
        )
