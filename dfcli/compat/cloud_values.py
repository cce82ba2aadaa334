"""What cloud services hand to functions, in the types of the package `azure-functions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.cloud_values import CloudMessage
from dfcli.authoring.http import HttpRequest
from dfcli.authoring.timer import TimerRequest
from dfcli.compat.requests import http_request, timer_request


def cloud_value(value: Any) -> Any:
    """The value of a trigger; what is no cloud message passes, a request in Azure's type."""
    if isinstance(value, HttpRequest):
        return http_request(value)
    if isinstance(value, TimerRequest):
        return timer_request(value)
    if not isinstance(value, CloudMessage):
        return value
    make = _MAKERS.get(value.type.casefold())
    return value if make is None else make(value)


def _queue(message: CloudMessage) -> Any:
    from azure.functions import QueueMessage

    return QueueMessage(id=message.id, body=message.get_body())


def _service_bus(message: CloudMessage) -> Any:
    from azure.functions.servicebus import ServiceBusMessage

    return ServiceBusMessage(
        body=message.get_body(), message_id=message.id, application_properties={}, user_properties={}
    )


def _event_hub(message: CloudMessage) -> Any:
    from azure.functions import EventHubEvent

    return EventHubEvent(body=message.get_body())


def _kafka(message: CloudMessage) -> Any:
    from azure.functions.kafka import KafkaEvent

    return KafkaEvent(body=message.get_body(), key=message.id)


def _blob(message: CloudMessage) -> Any:
    from azure.functions.blob import InputStream

    return InputStream(data=message.get_body(), name=message.name, length=message.length)


def _event_grid(message: CloudMessage) -> Any:
    """Of a whole event, or of its data alone."""
    from azure.functions import EventGridEvent

    given = message.get_json()
    event = given if isinstance(given, dict) and "data" in given else {"data": given}
    return EventGridEvent(
        id=str(event.get("id", message.id)),
        data=event["data"],
        topic=str(event.get("topic", "")),
        subject=str(event.get("subject", "")),
        event_type=str(event.get("eventType", "")),
        event_time=None,
        data_version=str(event.get("dataVersion", "")),
    )


def _documents(message: CloudMessage) -> Any:
    from azure.functions import Document, DocumentList

    given = message.get_json()
    return DocumentList(Document.from_dict(item) for item in (given if isinstance(given, list) else [given]))


_MAKERS: dict[str, Callable[[CloudMessage], Any]] = {
    "queuetrigger": _queue,
    "servicebustrigger": _service_bus,
    "eventhubtrigger": _event_hub,
    "kafkatrigger": _kafka,
    "blobtrigger": _blob,
    "eventgridtrigger": _event_grid,
    "cosmosdbtrigger": _documents,
}
