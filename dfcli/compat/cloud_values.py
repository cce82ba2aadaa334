"""What cloud services hand to functions, in the types of the package `azure-functions`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from dfcli.authoring.cloud_values import CloudMessage
from dfcli.authoring.http import HttpRequest
from dfcli.authoring.timer import TimerRequest
from dfcli.compat.requests import http_request, timer_request
from dfcli.errors import InvalidArgument


def cloud_value(value: Any) -> Any:
    """The value of a trigger; what is no cloud message passes, a request in Azure's type."""
    if isinstance(value, HttpRequest):
        return http_request(value)
    if isinstance(value, TimerRequest):
        return timer_request(value)
    if isinstance(value, list):
        return [cloud_value(each) for each in value]
    if not isinstance(value, CloudMessage):
        return value
    return _MAKERS.get(value.service, _converted)(value)


def _made(cls: Callable[..., Any], message: CloudMessage, **given: Any) -> Any:
    """Raises InvalidArgument for a member that messages of this kind do not have."""
    wrong = message.metadata.keys() - inspect.signature(cls).parameters.keys()
    if wrong:
        raise InvalidArgument(f"{cls.__name__} has no member {min(wrong)!r}")
    return cls(**{**given, **message.metadata})


def _queue(message: CloudMessage) -> Any:
    from azure.functions.queue import QueueMessage

    return _made(QueueMessage, message, id=message.id, body=message.get_body(), dequeue_count=1)


def _service_bus(message: CloudMessage) -> Any:
    from azure.functions.servicebus import ServiceBusMessage

    members = {"message_id": message.id, "delivery_count": 1, "application_properties": {}, "user_properties": {}}
    return _made(ServiceBusMessage, message, body=message.get_body(), **members)


def _event_hub(message: CloudMessage) -> Any:
    from azure.functions import EventHubEvent

    return _made(EventHubEvent, message, body=message.get_body())


def _kafka(message: CloudMessage) -> Any:
    from azure.functions.kafka import KafkaEvent

    return _made(KafkaEvent, message, body=message.get_body(), key=message.id)


def _blob(message: CloudMessage) -> Any:
    from azure.functions.blob import InputStream

    return _made(InputStream, message, data=message.get_body(), length=message.length)


def _event_grid(message: CloudMessage) -> Any:
    """Of a whole event, in either of the two schemas, or of its data alone."""
    from azure.functions.eventgrid import EventGridEventInConverter
    from azure.functions.meta import Datum

    given = message.get_json()
    event = given if isinstance(given, dict) and "data" in given else {"data": given}
    members = {_EVENT_WORDS.get(name, name): value for name, value in message.metadata.items()}
    event = {"id": message.id, "topic": "", "subject": "", "eventType": "", "dataVersion": "", **event, **members}
    if "specversion" in event:
        event = {name: value for name, value in event.items() if value != "" or name in given}
    text = json.dumps(event, default=lambda moment: moment.isoformat())
    return EventGridEventInConverter.decode(Datum(text, "json"), trigger_metadata={})


_EVENT_WORDS = {"event_type": "eventType", "event_time": "eventTime", "data_version": "dataVersion"}


def _documents(message: CloudMessage) -> Any:
    from azure.functions import Document, DocumentList

    given = message.get_json()
    return DocumentList(Document.from_dict(item) for item in (given if isinstance(given, list) else [given]))


def _converted(message: CloudMessage) -> Any:
    """What the package makes of content of this type; of a type it does not know, text or else bytes."""
    from azure.functions import get_binding_registry
    from azure.functions.meta import Datum

    try:
        content = Datum(message.text(), "string")
    except UnicodeDecodeError:
        content = Datum(message.get_body(), "bytes")
    known: Any = get_binding_registry  # without types in the package
    converter = known().get(message.binding)
    return content.value if converter is None else converter.decode(content, trigger_metadata={})


_MAKERS: dict[str, Callable[[CloudMessage], Any]] = {
    "queue": _queue,
    "servicebus": _service_bus,
    "eventhub": _event_hub,
    "kafka": _kafka,
    "blob": _blob,
    "eventgrid": _event_grid,
    "cosmosdb": _documents,
}
