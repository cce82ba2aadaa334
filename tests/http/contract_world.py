"""A real host with an instance in whatever state a request wants, and a reader that checks answers by the document."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema_rs

from dfcli.authoring.app import DFApp
from dfcli.host.host import Host
from dfcli.http.openapi import Served, openapi_document
from dfcli.http.remote_client import RemoteControl
from dfcli.http.routing import Route
from dfcli.model import payload
from dfcli.registry.registry import Registry
from tests.http.fake_host import FakeRegistry
from tests.http.serving import Serving, serving
from tests.http.test_with_the_real_host import Answer, Caller

TOO_MUCH = 64 * 1024 * 1024
app = DFApp()
changed: set[str] = set()
"""What of the app's code is other than when it was recorded."""


@app.orchestration_trigger(context_name="context")
def echo(context: Any) -> Any:
    return context.get_input()
    yield


@app.orchestration_trigger(context_name="context")
def approval(context: Any) -> Any:
    return (yield context.wait_for_external_event("Approval"))


@app.orchestration_trigger(context_name="context")
def failing(context: Any) -> Any:
    yield context.call_activity("other" if "failing" in changed else "one")
    yield context.call_activity("fail")


@app.orchestration_trigger(context_name="context")
def later(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime.replace(year=2099))


@app.activity_trigger(input_name="nothing")
def fail(nothing: Any) -> None:
    raise ValueError("boom")


@app.activity_trigger(input_name="nothing")
def one(nothing: Any) -> None:
    pass


@app.activity_trigger(input_name="nothing")
def other(nothing: Any) -> None:
    pass


going = threading.Event()
"""What the timer function waits for."""


@app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer")
def yearly(timer: Any) -> None:
    going.wait(20)


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    if context.operation_name == "delete":
        context.destruct_on_exit()
    else:
        context.set_state(context.get_input())


class World:
    """Makes what stands in braces in a target: `{live}` becomes the id of an instance that waits for an event."""

    def __init__(self, running: Serving, hub: Path) -> None:
        self.running = running
        self.hub = hub
        self.call = Caller(running)
        self.control = RemoteControl(running.url)
        self._numbers = count(1)

    def target(self, pattern: str) -> str:
        for name, make in MADE.items():
            if f"{{{name}}}" in pattern:
                pattern = pattern.replace(f"{{{name}}}", make(self))
        return pattern

    def start(self, name: str, until: str) -> str:
        instance_id = f"{name}-{next(self._numbers)}"
        self.control.start(name, payload.encode({"n": 1}), instance_id=instance_id)
        while self.control.status(instance_id).summary.status != until:
            pass
        return instance_id

    def suspended(self) -> str:
        instance_id = self.start("approval", "Running")
        self.control.suspend(instance_id, "")
        return instance_id

    def quarantined(self, name: str, until: str) -> str:
        instance_id = self.start(name, until)
        self.quarantine(instance_id)
        return instance_id

    def entity(self) -> str:
        key = f"k{next(self._numbers)}"
        self.control.signal_entity("counter", key, "set", payload.encode({"n": 1}))
        while self.call("GET", f"/runtime/webhooks/durabletask/entities/counter/{key}").status == 404:
            pass
        return key

    def damaged_entity(self) -> str:
        key = self.entity()
        self.quarantine(f"@counter@{key}")
        return key

    def changed(self) -> str:
        """A failed instance whose code is not what it was."""
        instance_id = self.start("failing", "Failed")
        changed.add("failing")
        return instance_id

    def damaged(self) -> str:
        """An ended instance whose file lost a byte since it was written."""
        instance_id = self.start("echo", "Completed")

        async def filed() -> None:
            hub = self.running.host.hub
            while hub.materialise_step(everything=True):
                await asyncio.sleep(0)

        self.running.on_loop(filed())
        (file,) = self.hub.rglob(f"*{instance_id}*.jsonl")
        written = file.read_bytes()
        file.write_bytes(written.replace(b"OrchestratorCompleted", b"OrchestratorCompletes"))
        return instance_id

    def quarantine(self, instance_id: str) -> None:
        async def mark() -> None:
            self.running.host.hub.quarantine(instance_id, "its file is damaged")

        self.running.on_loop(mark())

    def idle_timer(self) -> str:
        going.set()
        while self.running.host.timer_triggers.is_running:
            pass
        return "yearly"

    def running_timer(self) -> str:
        self.idle_timer()
        going.clear()
        assert self.call("POST", "/admin/functions/yearly").status == 202
        return "yearly"

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """While it lasts the host knows that there is no space."""
        self.running.host.committer.no_space = True
        try:
            yield
        finally:
            self.running.host.committer.no_space = False

    def oversized(self, method: str, target: str) -> Answer:
        """The answer to a request that only announces a body too large."""
        request = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.running.port}\r\nContent-Length: {TOO_MUCH}\r\n"
        received = self.running.raw(request.encode() + b"Content-Type: application/json\r\n\r\n")
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return Answer(int(status.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


MADE: dict[str, Callable[[World], str]] = {
    "live": lambda world: world.start("approval", "Running"),
    "ended": lambda world: world.start("echo", "Completed"),
    "failed": lambda world: world.start("failing", "Failed"),
    "suspended": World.suspended,
    "quarantined": lambda world: world.quarantined("approval", "Running"),
    "quarantined_failed": lambda world: world.quarantined("failing", "Failed"),
    "changed": World.changed,
    "damaged": World.damaged,
    "key": World.entity,
    "damaged_key": World.damaged_entity,
    "timer": World.idle_timer,
    "running_timer": World.running_timer,
    "long": lambda _: "x" * 257,
}


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    registry = Registry.from_app(app)
    with serving(lambda: Host(registry, hub=str(folder / "default"))) as running:
        yield World(running, folder / "default")


class Contract:
    """What the document promises, asked of answers."""

    def __init__(self, served: tuple[Served, ...]) -> None:
        self.document = openapi_document(served, FakeRegistry(), version="1")
        self.routes: dict[str, tuple[str, Route]] = {
            route.promises.id: (base, route) for base, table in served for route in table.routes if route.promises
        }

    def promised(self) -> set[tuple[str, int]]:
        """Each route with each code that it has of its own."""
        return {(name, code) for name, (_, route) in self.routes.items() for code in route.promises.answers}  # type: ignore[union-attr]

    def check(self, operation_id: str, answer: Answer) -> None:
        """Fails unless code, headers, media type and body are as the document says."""
        base, route = self.routes[operation_id]
        method = "post" if route.method == "*" else route.method.lower()
        responses = self.document["paths"][f"{base}/{route.path}"][method]["responses"]
        response = responses[str(answer.status)]
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        for name in response.get("headers", {}):
            assert name.lower() in answer.headers, f"the header {name} is missing"
        if (operation_id, answer.status) == ("rewind", 404):
            return  # of an instance a JSON string, of a task hub nothing: a document cannot say when which
        if not answer.body:
            assert "content-type" not in answer.headers or route.method == "HEAD"
            assert "content" not in response or route.method == "HEAD" or answer.status == 404, "a body was promised"
            return
        media_type = answer.headers["content-type"].partition(";")[0]
        assert media_type in response["content"], f"{media_type} was not promised"
        if media_type == "application/json":
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            schema = {**response["content"][media_type]["schema"], "components": self.document["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(json.loads(answer.body))
