"""`df.EntityId`: which entity is meant, by the name of its function and a key."""

from __future__ import annotations

from typing import Any

from dfcli.errors import InvalidArgument
from dfcli.model.entity_ids import entity_instance_id, parse_entity_id


class EntityId:
    """One entity: the name of its function, in any case, and a key. Equal when both mean the same entity."""

    __slots__ = ("key", "name")

    def __init__(self, name: str, key: str) -> None:
        """Raises ValueError when name or key is empty or holds what an id cannot hold."""
        self.name = name
        self.key = key
        try:
            entity_instance_id(name, key)
        except InvalidArgument as error:
            raise ValueError(f"{error.what}: {error.why}") from None

    @staticmethod
    def get_scheduler_id(entity_id: EntityId) -> str:
        """The id under which the entity is listed: `@name@key`."""
        return str(entity_id)

    @staticmethod
    def get_entity_id(scheduler_id: str) -> EntityId:
        """The entity that an id like `@name@key` means."""
        return EntityId(*parse_entity_id(scheduler_id))

    @staticmethod
    def get_entity_id_url_path(entity_id: EntityId) -> str:
        """The end of the entity's address in the HTTP API."""
        return f"entities/{entity_id.name}/{entity_id.key}"

    parse = get_entity_id

    @property
    def entity(self) -> str:
        """The name, as newer Durable Functions calls it."""
        return self.name

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "key": self.key}

    @staticmethod
    def from_json(data: Any) -> EntityId:
        return EntityId(data["name"], data["key"])

    def __str__(self) -> str:
        return entity_instance_id(self.name, self.key)

    def __repr__(self) -> str:
        return f"EntityId({self.name!r}, {self.key!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, EntityId) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


def entity_id_text(entity: Any) -> str:
    """`@name@key` of an EntityId, of that text itself, or of an object with name and key. TypeError, ValueError."""
    if isinstance(entity, EntityId):
        return str(entity)
    if isinstance(entity, str):
        return str(EntityId.get_entity_id(entity))
    name, key = getattr(entity, "name", getattr(entity, "entity", None)), getattr(entity, "key", None)
    if isinstance(name, str) and isinstance(key, str):
        return str(EntityId(name, key))
    raise TypeError(f"an entity is meant by df.EntityId(name, key), not by {type(entity).__name__}")
