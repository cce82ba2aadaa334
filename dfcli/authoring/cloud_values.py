"""What a cloud service hands to a function that it triggers, made of data given by hand: one class for all services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dfcli.errors import InvalidArgument

_BY_HAND = "by-hand"
_MOMENT_MEMBERS = """
    enqueued_time enqueued_time_utc event_time expiration_time expires_at_utc insertion_time locked_until
    scheduled_enqueue_time_utc time time_next_visible
"""
_OTHER_MEMBERS = """
    content_type correlation_id data_version dead_letter_error_description dead_letter_reason dead_letter_source
    enqueued_sequence_number event_type headers key label lock_token name offset partition partition_key pop_receipt
    reply_to reply_to_session_id sequence_number session_id source state subject time_to_live timestamp to topic
    transaction_partition_key uri
"""
_MOMENTS = frozenset(_MOMENT_MEMBERS.split())
_OTHERS = frozenset(_OTHER_MEMBERS.split())
_GIVEN: Mapping[str, Any] = {
    "id": _BY_HAND,
    "message_id": _BY_HAND,
    "dequeue_count": 1,
    "delivery_count": 1,
    "application_properties": {},
    "user_properties": {},
    "iothub_metadata": {},
    "blob_properties": {},
}
_EVENT_TEXTS = {"topic": "", "subject": "", "event_type": "", "data_version": ""}
_EVENT_MEMBERS: Mapping[str, str] = {
    "eventType": "event_type",
    "eventTime": "event_time",
    "dataVersion": "data_version",
}


class CloudMessage:
    """A message, event, blob or row, with the members that functions use of each.

    `data` is its content; `binding` what function.json calls its trigger or input, such as `queueTrigger`; `metadata`
    the members that are known, such as the name of a blob. The others are None, or as a first delivery has them.
    """

    def __init__(self, data: bytes, binding: str = "", metadata: Mapping[str, Any] | None = None) -> None:
        self._data = data
        self._position = 0
        self.binding = binding
        self.length = len(data)
        self.metadata = {name: _moment(name, value) for name, value in (metadata or {}).items()}

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("metadata", ()):
            return self.metadata[name]
        if name in _GIVEN:
            return _GIVEN[name]
        if name in _MOMENTS or name in _OTHERS:
            return None
        raise AttributeError(f"a message has no member {name!r}")

    @property
    def service(self) -> str:
        """`queue`, `blob`, `eventhub`, whether it is a trigger or an input."""
        return self.binding.casefold().removesuffix("trigger")

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
        return f"<{self.service or 'message'} of {self.length} bytes>"


def check_members(metadata: Mapping[str, Any]) -> None:
    """Raises InvalidArgument for a member that no message has."""
    for name in metadata:
        if name not in _GIVEN and name not in _MOMENTS and name not in _OTHERS:
            raise InvalidArgument(
                f"no message has a member {name[:80]!r}", why="it is written as in Python: message_id"
            )


def as_event(message: CloudMessage) -> CloudMessage:
    """An event of Event Grid, whose content is the event's data, of a whole event or of the data alone."""
    given = message.get_json()
    event = given if isinstance(given, dict) and "data" in given else {"data": given}
    members = {str(_EVENT_MEMBERS.get(name, name)): value for name, value in event.items() if name != "data"}
    content = json.dumps(event["data"]).encode()
    return CloudMessage(content, message.binding, {**_EVENT_TEXTS, **members, **message.metadata})


def split(message: CloudMessage) -> list[CloudMessage]:
    """The messages of a batch: the elements of a JSON array, and what is none as the only one."""
    try:
        given = message.get_json()
    except ValueError:
        return [message]
    if not isinstance(given, list):
        return [message]
    texts = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in given)
    return [CloudMessage(text.encode(), message.binding, message.metadata) for text in texts]


def plain_value(message: CloudMessage, annotation: Any) -> Any:
    """The message as a function wants it by its annotation: text, bytes, decoded JSON, or the message itself."""
    wanted = word_of(annotation)
    if wanted == "str":
        return message.text()
    if wanted == "bytes":
        return message.get_body()
    if message.service == "eventgrid":
        message = as_event(message)
    if message.service in _ROWS:
        rows = message.get_json()
        return rows if isinstance(rows, list) else [rows]
    return message.get_json() if wanted in ("dict", "list") else message


_ROWS = frozenset({"cosmosdb", "sql", "mysql"})


def word_of(annotation: Any) -> str:
    """The last name in an annotation, without its arguments: `list` of `typing.List[str]`."""
    text = annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", ""))
    word = text.partition("[")[0].rpartition(".")[2]
    return "list" if word == "List" else "dict" if word == "Dict" else word


def _moment(name: str, value: Any) -> Any:
    """A point in time of its text."""
    if name not in _MOMENTS or not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise InvalidArgument(f"{value[:80]!r} is no point in time", why=f"it is given as {name}") from None
