"""Versions of orchestrations: which this host runs, what becomes of the others, and what new instances get."""

from __future__ import annotations

import asyncio

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.host.versioning import compare, refusal
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()


@app.orchestration_trigger()
def versioned(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    child = yield context.call_sub_orchestrator("tell")
    old = yield context.call_sub_orchestrator("tell", version="0.9")
    return [context.version, child, old]


@app.orchestration_trigger()
def tell(context: df.DurableOrchestrationContext) -> str | None:
    return context.version


@app.orchestration_trigger()
def wait(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    return (yield context.wait_for_external_event("go"))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (None, "1"),
        ("", "0.0"),
        ("1.2", "1.10"),
        ("1.2", "1.2.0"),
        ("1.2.3.4", "1.2.3.5"),
        ("10", "9"),  # no dots: text, as in Durable Functions
        ("alpha", "BETA"),
        ("1.0", "x"),
    ],
)
def test_versions_are_ordered_as_durable_functions_orders_them(older: str | None, newer: str) -> None:
    assert compare(older, newer) < 0 < compare(newer, older)


@pytest.mark.parametrize(("one", "other"), [(None, ""), ("1.0", "1.0"), ("V1", "v1"), ("01.2", "1.2")])
def test_equal_versions(one: str | None, other: str) -> None:
    assert compare(one, other) == 0


@pytest.mark.parametrize(
    ("strategy", "ours", "version", "runs"),
    [
        ("none", "1.0", "2.0", True),
        ("strict", "1.0", "1.0", True),
        ("strict", "1.0", "1.0.0", False),
        ("strict", "1.0", None, False),
        ("strict", "", "1.0", False),
        ("current_or_older", "1.5", "1.4", True),
        ("current_or_older", "1.5", None, True),
        ("current_or_older", "1.5", "1.6", False),
        ("current_or_older", "", "1.6", True),
    ],
)
def test_the_strategy_decides_which_versions_run(strategy: str, ours: str, version: str | None, runs: bool) -> None:
    settings = HostSettings(default_version=ours, version_match=strategy)  # type: ignore[arg-type]
    assert (refusal(version, settings) == "") is runs


def test_new_instances_and_their_children_get_the_default_version_unless_they_are_given_one() -> None:
    async def scenario(host: Host) -> list[object]:
        started = await host.client.start_new("versioned")
        given = await host.client.start_new("versioned", version="0.5")
        return [(await host.client.wait(i)).output for i in (started, given)]

    outputs = in_virtual_time(app, scenario, settings=HostSettings(default_version="1.0"))
    assert outputs == [["1.0", "1.0", "0.9"], ["0.5", "1.0", "0.9"]]


def test_an_instance_of_a_newer_version_waits_and_says_why_until_a_host_runs_it() -> None:
    machine = VirtualMachine()

    async def newer(host: Host) -> None:
        await host.client.start_new("wait", "w", version="2.0")
        await host.client.raise_event("w", "go", 7)

    async def older(host: Host) -> tuple[str, str]:
        await asyncio.sleep(1)
        summary = host.summary("w")
        assert summary is not None
        return summary.status, host.parked("w")

    async def again(host: Host) -> object:
        return (await host.client.wait("w")).output

    assert machine.run(app, older_then(newer), settings=HostSettings(default_version="1.0")) == (
        "Pending",
        "it has version '2.0', and this host runs '1.0' and older ones",
    )
    assert machine.run(app, older, settings=HostSettings(default_version="1.0"))[0] == "Pending"
    assert machine.run(app, again, settings=HostSettings(default_version="2.0")) == 7


def older_then(begin):  # type: ignore[no-untyped-def]
    async def scenario(host: Host) -> tuple[str, str]:
        await begin(host)
        await asyncio.sleep(1)
        summary = host.summary("w")
        assert summary is not None
        return summary.status, host.parked("w")

    return scenario


def test_an_instance_that_was_running_is_refused_after_a_restart_and_can_be_terminated() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("wait", "w", version="2.0")

    async def end(host: Host) -> str:
        await host.client.raise_event("w", "go")
        await asyncio.sleep(1)
        assert "version '2.0'" in host.parked("w")
        await host.client.terminate("w", "enough")
        return str((await host.client.wait("w")).runtime_status)

    machine.run(app, begin, settings=HostSettings(default_version="2.0"))
    assert machine.run(app, end, settings=HostSettings(default_version="1.0")) == "Terminated"


@pytest.mark.parametrize("restarts", [False, True])
def test_the_failure_strategy_fails_an_instance_of_another_version(restarts: bool) -> None:
    machine = VirtualMachine()
    settings = HostSettings(default_version="1.0", version_match="strict", version_failure="fail")

    async def begin(host: Host) -> None:
        await host.client.start_new("wait", "w", version="2.0")

    async def look(host: Host) -> tuple[str, str, bool]:
        if not restarts:
            await begin(host)
        else:
            await host.client.raise_event("w", "go")
        status = await host.client.wait("w")
        assert status.failure_details is not None
        failure = status.failure_details
        return str(status.runtime_status), f"{failure.error_type}: {failure.error_message}", failure.is_non_retriable

    if restarts:
        machine.run(app, begin, settings=HostSettings(default_version="2.0"))
    message = "VersionMismatch: Orchestration version did not comply with Worker Versioning"
    assert machine.run(app, look, settings=settings) == ("Failed", message, True)


def test_a_version_that_is_refused_and_terminated_at_once_ends() -> None:
    async def scenario(host: Host) -> str:
        starting = asyncio.ensure_future(host.client.start_new("wait", "w", version="2.0"))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(host.client.terminate("w", "enough"))
        await asyncio.gather(starting, ending)
        return str((await host.client.wait("w")).runtime_status)

    assert in_virtual_time(app, scenario, settings=HostSettings(default_version="1.0")) == "Terminated"
