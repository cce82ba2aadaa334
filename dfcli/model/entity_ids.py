"""Ids of entities: `@name@key`. The name in lower case, since it means a function; the key exactly as it is."""

from __future__ import annotations

from typing import NamedTuple

from dfcli.errors import InvalidArgument
from dfcli.model.ids import FORBIDDEN_IN_IDS, INSTANCE_ID_LENGTH_MAX

ENTITY_PREFIX = "@"
AFTER_ENTITIES = chr(ord(ENTITY_PREFIX) + 1)
"""Ids of entities are those from "@" up to this."""


class EntityName(NamedTuple):
    """The two parts of an entity's id."""

    name: str
    key: str


def is_entity_id(instance_id: str) -> bool:
    """Whether the id belongs to an entity; no other id may begin so."""
    return instance_id.startswith(ENTITY_PREFIX)


def entity_instance_id(name: str, key: str) -> str:
    """The id of an entity. Raises InvalidArgument naming the first thing wrong with name or key."""
    fault = _fault(name, key)
    if fault:
        raise InvalidArgument(
            f"the entity {name!r} with key {key[:80]!r} cannot be used"
            if isinstance(key, str)
            else "no entity is meant",
            why=fault,
            hint="choose another key, such as 'user-42'",
        )
    return f"@{name.lower()}@{key}"


def parse_entity_id(instance_id: str) -> EntityName:
    """Name and key of an id like `@counter@a`. Raises InvalidArgument for any other text."""
    name, separator, key = instance_id[1:].partition("@")
    if not is_entity_id(instance_id) or not separator:
        raise InvalidArgument(
            f"{instance_id[:80]!r} is not the id of an entity",
            why="an entity's id is '@', its name, '@' and its key",
            hint="write it like '@counter@my-key'",
        )
    entity_instance_id(name, key)
    return EntityName(name.lower(), key)


def _fault(name: object, key: object) -> str:
    if not isinstance(name, str) or not isinstance(key, str):
        return "name and key are text"
    if not name or not key:
        return f"its {'key' if name else 'name'} is empty"
    if "@" in name:
        return "a name holds no '@'"
    if len(name) + len(key) + 2 > INSTANCE_ID_LENGTH_MAX:
        return f"name and key have {len(name) + len(key)} characters; {INSTANCE_ID_LENGTH_MAX - 2} are allowed"
    for character in name + key:
        if character in FORBIDDEN_IN_IDS or ord(character) < 32 or 127 <= ord(character) < 160:
            return f"it holds {character!r}; '/', '\\', '#', '?' and control characters are not allowed"
        if 0xD800 <= ord(character) <= 0xDFFF:
            return "it holds half of a surrogate pair, which is not a character"
    return ""
