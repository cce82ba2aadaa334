"""Runs by hand that nobody waits for, and the stop of the host."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import dfcli as df
from dfcli.authoring.cloud_values import CloudMessage, plain_value
from dfcli.errors import InvalidArgument, NotFound
from dfcli.host.by_hand import TriggerInput, shown
from dfcli.host.host import Host
from tests.host.running import in_virtual_time


def app_of(seen: list[Any]) -> df.DFApp:
    app = df.DFApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="Q")
    async def on_queue(message: CloudMessage) -> str:
        seen.append(message.text())
        await asyncio.sleep(5)
        seen.append("done")
        return "returned"

    @app.entity_trigger()
    def counter(context: df.DurableEntityContext) -> None: ...

    return app


@pytest.mark.parametrize(("patience", "at_the_end"), [(10.0, ["text", "done"]), (1.0, ["text"])])
def test_a_stop_waits_for_them_and_cuts_off_what_takes_too_long(
    patience: float, at_the_end: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    async def scene(host: Host) -> None:
        host.begin_by_hand("ON_QUEUE", b"text")
        await asyncio.sleep(0)
        assert not host.is_idle
        await host.stop(drain_seconds=patience)

    in_virtual_time(app_of(seen), scene)
    assert seen == at_the_end
    assert ("1 functions that run by hand are cut off" in caplog.text) is (patience < 5)


def test_what_is_no_such_function_is_refused_before_it_begins() -> None:
    async def scene(host: Host) -> None:
        with pytest.raises(NotFound):
            host.begin_by_hand("nobody", b"")
        with pytest.raises(InvalidArgument, match="counter"):
            host.begin_by_hand("counter", b"")
        with pytest.raises(InvalidArgument, match="counter"):
            await host.run_by_hand("counter", TriggerInput())

    in_virtual_time(app_of([]), scene)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, b"null"),
        (b"\xff", b'{"base64":"/w=="}'),
        (b"text", b'"text"'),
        (CloudMessage(b"body"), b'"body"'),
        (df.HttpResponse("no", status_code=404), b'{"statusCode":404,"body":"no"}'),
        ({1, 2}, b'"{1, 2}"'),
        (float("nan"), b'"NaN"'),
    ],
)
def test_whatever_a_function_returns_can_be_shown(value: Any, text: bytes) -> None:
    assert bytes(shown(value)) == text


def test_a_message_is_read_as_a_stream_and_has_the_members_of_its_kind_alone() -> None:
    message = CloudMessage(b"abcdef", "blobTrigger", {"name": "in/a"})
    assert [message.read(2), message.read(3), message.read(), message.read()] == [b"ab", b"cde", b"f", b""]
    assert (message.name, message.uri, message.blob_properties) == ("in/a", None, {})
    with pytest.raises(AttributeError, match="nothing_such"):
        message.nothing_such  # noqa: B018


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, '[{"a": 1}]'),
        ("bytes", b'[{"a": 1}]'),
        ("typing.List[dict]", [{"a": 1}]),
        (list[dict[str, int]], [{"a": 1}]),
    ],
)
def test_the_annotation_says_what_a_function_takes(annotation: Any, value: Any) -> None:
    assert plain_value(CloudMessage(b'[{"a": 1}]', "queueTrigger"), annotation) == value
