"""`context.call_http` under a host: polls by durable timers, retries, restarts, secrets, and what is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import dfcli as df
from dfcli.host.addresses import AddressPolicy
from dfcli.host.host import Host
from dfcli.host.http_calls import Outgoing
from dfcli.host.http_transport import Exchange
from dfcli.model import history as h
from tests.host.loopback_servers import Asked, reply, serving
from tests.host.running import VirtualMachine, in_real_time, in_virtual_time

app = df.DFApp()


@app.orchestration_trigger()
def fetch(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    response = yield context.call_http(**context.get_input())
    return [response.status_code, response["content"], dict(response.headers)]


@app.orchestration_trigger()
def fetch_stubbornly(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    options = df.RetryOptions(5_000, 3)
    try:
        response = yield context.call_http("GET", "http://there.test/", retry_options=options)
    except df.TaskFailedError as error:
        return f"{error.error_type}: {error.error_message}"
    return response.content


@app.orchestration_trigger()
def reach_behind(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    return (yield context.call_activity(context.get_input(), {"method": "GET", "uri": "http://there.test/"}))


class Wire:
    """Answers in turn, and remembers at which virtual time what was asked."""

    def __init__(self, machine: VirtualMachine, *answers: Exchange | Exception) -> None:
        self.machine = machine
        self.answers = list(answers)
        self.asked: list[tuple[str, str, float]] = []
        self.began = machine.clock.time()

    def __call__(
        self, scheme: str, host: str, port: int, _: Any, method: str, target: str, *__: Any, **___: Any
    ) -> Exchange:
        self.asked.append((method, f"{scheme}://{host}{target}", round(self.machine.clock.time() - self.began)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def outgoing(self) -> Outgoing:
        clock = self.machine.clock.time
        return Outgoing(AddressPolicy(resolve=lambda *_: ["8.8.8.8"]), 30.0, clock, clock, lambda _: None, self)


def accepted(location: str = "/status", **headers: str) -> Exchange:
    return Exchange(202, {"Location": location, **headers}, b"working")


DONE = Exchange(200, {"X-Answer": "yes"}, b"done")


def output_of(name: str, client_input: Any = None) -> Callable[[Host], Any]:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new(name, "h", client_input=client_input)
        status = await host.client.wait(instance_id)
        return status.output

    return scenario


def test_an_accepted_request_is_polled_with_durable_timers_until_it_is_done() -> None:
    machine = VirtualMachine()
    wire = Wire(machine, accepted(**{"Retry-After": "5"}), accepted("later"), DONE)
    request = {"method": "post", "uri": "http://there.test/work", "content": {"n": 1}}

    async def scenario(host: Host) -> tuple[Any, list[str]]:
        output = await output_of("fetch", request)(host)
        kinds = [type(e).__name__ for e in host.history("h") if isinstance(e, h.TaskScheduled | h.TimerCreated)]
        return output, kinds

    output, kinds = machine.run(app, scenario, outgoing=wire.outgoing())
    assert output == [200, "done", {"X-Answer": "yes"}]
    assert wire.asked == [
        ("POST", "http://there.test/work", 0),
        ("GET", "http://there.test/status", 5),
        ("GET", "http://there.test/later", 35),
    ]
    assert kinds == ["TaskScheduled", "TimerCreated", "TaskScheduled", "TimerCreated", "TaskScheduled"]


def test_polling_goes_on_after_a_kill_and_sends_nothing_twice() -> None:
    machine = VirtualMachine()
    wire = Wire(machine, accepted(**{"Retry-After": "60"}), DONE)

    async def begin(host: Host) -> None:
        await host.client.start_new("fetch", "h", {"method": "POST", "uri": "http://there.test/work"})
        while not any(isinstance(event, h.TimerCreated) for event in host.history("h")):
            await host.committer.barrier()
            await host.scheduler.round()

            await asyncio.sleep(0.01)

    async def rest(host: Host) -> Any:
        return (await host.client.wait("h")).output

    machine.run(app, begin, clean=False, outgoing=wire.outgoing())
    assert machine.run(app, rest, outgoing=wire.outgoing())[0] == 200
    assert [method for method, *_ in wire.asked] == ["POST", "GET"]
    assert wire.asked[1][2] >= 60


def test_a_status_shows_that_a_call_waits_to_ask_again() -> None:
    machine = VirtualMachine()
    wire = Wire(machine, accepted(**{"Retry-After": "60"}), DONE)

    async def scenario(host: Host) -> list[tuple[str, str | None]]:

        await host.client.start_new("fetch", "h", {"method": "POST", "uri": "http://there.test/work"})
        await asyncio.sleep(1)
        return [(wait.kind, wait.name) for wait in host.waits("h")]

    assert machine.run(app, scenario, outgoing=wire.outgoing()) == [("poll", "BuiltIn::HttpActivity")]


def test_a_retry_policy_repeats_failures_and_error_statuses_and_then_fails() -> None:
    machine = VirtualMachine()
    busy = Exchange(503, {}, b"busy")
    wire = Wire(machine, busy, ConnectionResetError("gone"), DONE)
    assert machine.run(app, output_of("fetch_stubbornly"), outgoing=wire.outgoing()) == "done"
    assert [at for *_, at in wire.asked] == [0, 5, 10]

    other = VirtualMachine()
    wire = Wire(other, busy, busy, busy)
    output = other.run(app, output_of("fetch_stubbornly"), outgoing=wire.outgoing())
    assert output == "HttpStatusError: the server answered 503: busy"


def test_a_failed_poll_is_tried_again_and_the_request_is_not() -> None:
    machine = VirtualMachine()
    wire = Wire(machine, accepted(**{"Retry-After": "2"}), Exchange(500, {}, b"no"), DONE)
    assert machine.run(app, output_of("fetch_stubbornly"), outgoing=wire.outgoing()) == "done"
    assert [(target.rpartition("/")[2], at) for _, target, at in wire.asked] == [("", 0), ("status", 2), ("status", 7)]


def test_polling_ends_at_its_deadline() -> None:
    machine = VirtualMachine()
    wire = Wire(machine, *[accepted(**{"Retry-After": "10"}) for _ in range(9)])
    request = {"method": "GET", "uri": "http://there.test/", "polling_timeout": 25}
    output = machine.run(app, output_of("fetch", request), outgoing=wire.outgoing())
    assert "has not finished by" in output
    assert len(wire.asked) == 3


@pytest.mark.parametrize("name", ["BuiltIn::HttpActivity", "builtin::httpactivity", "BuiltIn__HttpActivity"])
def test_the_built_in_activity_can_neither_be_called_nor_started_by_its_name(name: str) -> None:
    async def scenario(host: Host) -> str:
        with pytest.raises(df.DfError):
            await host.client.start_new(name)
        return str(await output_of("reach_behind", name)(host))

    output = in_virtual_time(app, scenario)
    assert "cannot be called by its name" in output
    assert "call_http" not in output or "failed" in output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"method": "GET", "uri": "ftp://x"}, "begins with http:// or https://"),
        ({"method": "GET", "uri": "http://"}, "names a host"),
        ({"method": "GET", "uri": "http://user:pw@x/"}, "user name"),
        ({"method": "GE T", "uri": "http://x"}, "no HTTP method"),
        ({"method": "GET", "uri": "http://x", "headers": {"a b": "c"}}, "no name of an HTTP header"),
        ({"method": "GET", "uri": "http://x", "headers": {"a": "b\r\nc: d"}}, "line break"),
        ({"method": "GET", "uri": "http://x", "headers": {"a": {"sekret": "b"}}}, "secret"),
        (
            {"method": "GET", "uri": "http://x", "content": 1, "is_raw_str": True},
            "Invalid use of 'is_raw_str' parameter",
        ),
        ({"method": "GET", "uri": "http://x", "timeout": 0}, "timeout"),
        ({"method": "GET", "uri": 7}, "text, not int"),
    ],
)
def test_what_can_be_no_request_fails_where_it_is_asked_for(arguments: dict[str, Any], error: str) -> None:
    assert error in in_virtual_time(app, output_of("fetch", arguments))


def test_against_a_real_server_with_a_secret_that_is_never_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_KEY", "canary-5f0d")
    polls = 0

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        nonlocal polls
        assert asked.headers["X-Key"] == "canary-5f0d"
        if asked.method == "POST":
            reply(handler, 202, Location="/status", Retry_After="1")
            return
        polls += 1
        reply(handler, 200, b'{"ok": true}', Content_Type="application/json")

    with serving(answer) as server:
        request = {"method": "POST", "uri": server.url, "headers": {"X-Key": {"secret": "SERVICE_KEY"}}}
        hub = tmp_path / "hub"
        output = in_real_time(app, str(hub), output_of("fetch", request))
        assert output[:2] == [200, '{"ok": true}']
        assert polls == 1
    written = [path for path in hub.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"canary-5f0d" in path.read_bytes()]


def test_a_server_that_never_answers_holds_no_stop(tmp_path: Path) -> None:
    def silent(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.rfile.read(1)

    async def scenario(host: Host) -> float:
        await host.client.start_new("fetch", "h", {"method": "GET", "uri": url})
        while not server.asked:
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        await host.stop(drain_seconds=0.05)
        return time.monotonic() - begun

    with serving(silent) as server:
        url = server.url
        assert in_real_time(app, str(tmp_path / "hub"), scenario) < 30
