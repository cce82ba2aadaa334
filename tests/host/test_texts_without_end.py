"""Texts of user code that no history line can hold: whoever wrote them fails, and everyone else goes on."""

from __future__ import annotations

from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InvalidArgument
from dfcli.host.host import Host
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()
LONG = "x" * 2_000_000
HALF = "\ud800"


@app.activity_trigger()
def shout(message: str) -> None:
    raise ValueError(message * 2_000_000)


@app.orchestration_trigger()
def calls_a_shouting_activity(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("shout", "a")


@app.orchestration_trigger()
def shouts(context: df.DurableOrchestrationContext) -> Any:
    raise ValueError(LONG)
    yield


@app.orchestration_trigger()
def calls_a_long_name(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity(LONG)


@app.orchestration_trigger()
def calls_half_a_character(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity(HALF)


@app.orchestration_trigger()
def starts_a_long_name(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator(LONG)


@app.orchestration_trigger()
def starts_a_long_version(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator("waiting", version=LONG)


@app.orchestration_trigger()
def starts_a_version_that_is_no_text(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator("waiting", version=5)  # type: ignore[arg-type]


@app.orchestration_trigger()
def starts_an_id_that_is_no_text(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator("waiting", instance_id=5)  # type: ignore[arg-type]


@app.orchestration_trigger()
def nested(context: df.DurableOrchestrationContext) -> Any:
    depth = context.get_input()
    if not depth:
        raise LookupError("the bottom of it " * 10)
    yield context.call_sub_orchestrator("nested", depth - 1)


@app.orchestration_trigger()
def waiting(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("go"))


@pytest.mark.parametrize(
    "name",
    [
        "calls_a_shouting_activity",
        "shouts",
        "calls_a_long_name",
        "calls_half_a_character",
        "starts_a_long_name",
        "starts_a_long_version",
        "starts_a_version_that_is_no_text",
        "starts_an_id_that_is_no_text",
    ],
)
def test_an_instance_fails_with_a_text_too_long_and_the_others_go_on(name: str) -> None:
    async def scene(host: Host) -> None:
        await host.client.start_new("waiting", "other")
        await host.client.start_new(name, "loud")
        assert (await host.wait("loud", 60)).status == "Failed"
        await host.client.raise_event("other", "go", 1)
        assert (await host.wait("other", 60)).status == "Completed"

    in_virtual_time(app, scene)


def test_a_failure_that_rises_through_hundreds_of_sub_orchestrations_ends_all_of_them() -> None:
    machine = VirtualMachine()

    async def scene(host: Host) -> None:
        await host.client.start_new("nested", "top", 200)
        assert (await host.wait("top", 600)).status == "Failed"

    async def look(host: Host) -> None:
        summary = host.summary("top")
        assert summary is not None
        assert summary.failure is not None
        root = summary.failure
        while root.inner_failure is not None:
            root = root.inner_failure
        assert root.error_type == "LookupError"

    machine.run(app, scene)
    machine.run(app, look)


@pytest.mark.parametrize("reason", [LONG, HALF, 5])
@pytest.mark.parametrize("verb", ["terminate", "suspend", "resume"])
def test_a_reason_that_no_line_can_hold_is_refused_and_changes_nothing(verb: str, reason: Any) -> None:
    async def scene(host: Host) -> None:
        await host.client.start_new("waiting", "a")
        if verb == "resume":
            await host.client.suspend("a")
        with pytest.raises(InvalidArgument):
            await getattr(host.client, verb)("a", reason)
        if verb == "resume":
            await host.client.resume("a")
        await host.client.raise_event("a", "go", "on")
        assert (await host.wait("a", 60)).status == "Completed"

    in_virtual_time(app, scene)


@pytest.mark.parametrize("version", [LONG, HALF, 5])
def test_a_version_that_no_line_can_hold_is_refused(version: Any) -> None:
    async def scene(host: Host) -> None:
        with pytest.raises(InvalidArgument):
            await host.client.start_new("waiting", "a", version=version)
        assert host.summary("a") is None

    in_virtual_time(app, scene)
