"""What a cloud service hands to a function that it triggers, made of data given by hand: one class for all services."""

from __future__ import annotations

import json
from typing import Any


class CloudMessage:
    """A message, event, blob or batch of changes, with the members that functions use of each.

    `data` is its content; `type` the trigger's type in function.json, such as `queueTrigger`.
    """

    def __init__(self, data: bytes, type: str = "", name: str = "") -> None:
        self._data = data
        self.type = type
        self.name = name
        """A blob's."""
        self.length = len(data)
        self.id = "by-hand"
        self.metadata: dict[str, Any] = {}
        self._position = 0

    def get_body(self) -> bytes:
        return self._data

    def get_json(self) -> Any:
        """The decoded content. Raises ValueError when it is not JSON."""
        return json.loads(self._data)

    def read(self, size: int = -1) -> bytes:
        """The content as a stream gives it."""
        end = len(self._data) if size is None or size < 0 else self._position + size
        part = self._data[self._position : end]
        self._position += len(part)
        return part

    def text(self) -> str:
        """Raises ValueError when it is no UTF-8."""
        return self._data.decode()

    def __repr__(self) -> str:
        return f"<{self.type or 'message'} of {self.length} bytes>"


_LISTS = frozenset({"cosmosdbtrigger", "sqltrigger", "mysqltrigger"})


def plain_value(message: CloudMessage, annotation: Any) -> Any:
    """The message as a function wants it by its annotation: text, bytes, decoded JSON, or the message itself."""
    kind = getattr(annotation, "__name__", annotation)
    if kind == "str":
        return message.text()
    if kind == "bytes":
        return message.get_body()
    if kind in ("dict", "list") or message.type.casefold() in _LISTS:
        return message.get_json()
    return message
