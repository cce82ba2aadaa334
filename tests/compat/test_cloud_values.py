"""What functions of Azure apps are handed when they are run by hand: Azure's own types, of every service."""

from __future__ import annotations

from typing import Any

import azure.functions as func
import pytest

from dfcli.authoring.cloud_values import CloudMessage
from dfcli.authoring.timer import TimerRequest
from dfcli.compat.cloud_values import cloud_value
from dfcli.errors import InvalidArgument


def made(binding: str, data: bytes, **metadata: Any) -> Any:
    return cloud_value(CloudMessage(data, binding, metadata))


def test_messages_have_the_members_that_are_given_and_those_of_a_first_delivery() -> None:
    queue = made("queueTrigger", b'{"a": 1}', id="m1", insertion_time="2026-01-05T00:00:00+00:00")
    assert isinstance(queue, func.QueueMessage)
    assert (queue.id, queue.dequeue_count, queue.insertion_time.year) == ("m1", 1, 2026)
    assert queue.get_json() == {"a": 1}
    bus = made("serviceBusTrigger", b"b", subject="s")
    assert isinstance(bus, func.ServiceBusMessage)
    assert (bus.get_body(), bus.message_id, bus.subject) == (b"b", "by-hand", "s")
    hub = made("eventHubTrigger", b"c", partition_key="p")
    assert isinstance(hub, func.EventHubEvent)
    assert (hub.get_body(), hub.partition_key) == (b"c", "p")
    kafka = made("kafkaTrigger", b"d")
    assert isinstance(kafka, func.KafkaEvent)
    assert kafka.get_body() == b"d"


def test_a_member_that_such_messages_do_not_have_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="QueueMessage has no member 'subject'"):
        made("queueTrigger", b"", subject="s")


@pytest.mark.parametrize("binding", ["blobTrigger", "blob"])
def test_blobs_are_streams_with_names(binding: str) -> None:
    blob = made(binding, b"content", name="in/a.txt")
    assert isinstance(blob, func.InputStream)
    assert (blob.read(3), blob.read(), blob.name, blob.length) == (b"con", b"tent", "in/a.txt", 7)


@pytest.mark.parametrize(("binding", "data"), [("cosmosDBTrigger", b'[{"id": "1"}]'), ("cosmosDB", b'{"id": "1"}')])
def test_documents_are_lists_also_of_one(binding: str, data: bytes) -> None:
    documents = made(binding, data)
    assert isinstance(documents, func.DocumentList)
    assert [document["id"] for document in documents] == ["1"]


def test_events_of_both_schemas_are_told_apart() -> None:
    event = made("eventGridTrigger", b'{"n": 1}', subject="s", event_time="2026-01-05T00:00:00")
    assert isinstance(event, func.EventGridEvent)
    assert (event.get_json(), event.subject, event.event_time.year) == ({"n": 1}, "s", 2026)
    cloud = made("eventGridTrigger", b'{"specversion": "1.0", "id": "i", "source": "s", "type": "t", "data": 1}')
    assert isinstance(cloud, func.CloudEvent)
    assert (cloud.id, cloud.type, cloud.get_json(), cloud.extension_attrs) == ("i", "t", 1, {})


def test_the_package_converts_what_it_knows_and_the_rest_is_text_or_bytes() -> None:
    assert isinstance(made("sql", b'[{"a": 1}]'), func.SqlRowList)
    assert type(made("warmupTrigger", b"")).__name__ == "WarmUpContext"
    assert made("madeUpTrigger", b"text") == "text"
    assert made("madeUpTrigger", b"\xff") == b"\xff"


def test_batches_are_lists_and_other_values_pass() -> None:
    batch = cloud_value([CloudMessage(b"a", "eventHubTrigger"), CloudMessage(b"b", "eventHubTrigger")])
    assert [event.get_body() for event in batch] == [b"a", b"b"]
    assert cloud_value("text") == "text"
    assert isinstance(cloud_value(TimerRequest(past_due=True)), func.TimerRequest)
