"""External events under a host: order, buffering, several waits on one name, and names that almost match."""

from __future__ import annotations

import asyncio
from typing import Any

import dfcli as df
from dfcli.host.host import Host
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()


@app.activity_trigger()
def echo(value: Any) -> Any:
    return value


@app.orchestration_trigger()
def takes(context: df.DurableOrchestrationContext) -> Any:
    """As many events as the input says, after an activity."""
    yield context.call_activity(echo, None)
    taken = []
    for _ in range(context.get_input()):
        taken.append((yield context.wait_for_external_event("Item")))
    return taken


@app.orchestration_trigger()
def three_waits(context: df.DurableOrchestrationContext) -> Any:
    """Three waits on one name at once."""
    return (yield context.task_all([context.wait_for_external_event("Item") for _ in range(3)]))


@app.orchestration_trigger()
def approval(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("Approved"))


def test_events_are_taken_in_the_order_in_which_they_were_acknowledged() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("takes", "t", 200)
        for number in range(200):
            await host.client.raise_event("t", "Item" if number % 2 else "ITEM", number)
        return (await host.client.wait("t")).output

    assert in_virtual_time(app, run) == list(range(200))


def test_events_raised_at_once_lose_none() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("takes", "t", 50)
        await asyncio.gather(*(host.client.raise_event("t", "Item", number) for number in range(50)))
        return (await host.client.wait("t")).output

    assert sorted(in_virtual_time(app, run)) == list(range(50))


def test_events_that_come_before_the_code_first_runs_wait_for_it_also_across_a_kill() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("takes", "t", 2)
        await host.client.raise_event("t", "Item", "early")

    async def finish(host: Host) -> Any:
        await host.client.raise_event("t", "Item", "late")
        return (await host.client.wait("t")).output

    machine.run(app, begin, clean=False, runs_code=False)
    assert machine.run(app, finish) == ["early", "late"]


def test_of_several_waits_on_one_name_the_first_gets_the_first_event() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("three_waits", "w")
        for number in range(3):
            await host.client.raise_event("w", "item", number)
        return (await host.client.wait("w")).output

    assert in_virtual_time(app, run) == [0, 1, 2]


def test_a_name_that_almost_matches_is_shown_beside_what_is_waited_for() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("approval", "a")
        await host.client.raise_event("a", "approve", True)
        await asyncio.sleep(1)
        return host.waits("a")

    [wait] = in_virtual_time(app, run)
    assert (wait.kind, wait.name, wait.detail) == ("event", "Approved", 'got "approve"')
    assert wait.location is not None
    assert wait.location.function == "approval"
