"""A host that stops, or is killed, and another that goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InstanceExists, InstanceGone, NotFound, WrongState
from dfcli.host.host import Host
from dfcli.host.offline import OfflineControl
from dfcli.model.payload import encode
from dfcli.model.query import InstanceFilter
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()
ran: list[str] = []


@app.activity_trigger()
def note(what: str) -> str:
    ran.append(what)
    return what


@app.orchestration_trigger()
def steps(context: df.DurableOrchestrationContext) -> Any:
    first = yield context.call_activity("note", "first")
    yield context.wait_for_external_event("go")
    yield context.create_timer(timedelta(hours=1))
    second = yield context.call_activity("note", "second")
    return [first, second]


@app.orchestration_trigger()
def mother(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_sub_orchestrator("steps", instance_id="child"))


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def settle(host: Host) -> None:
    """Until nothing moves and everything is durable."""
    import asyncio

    for _ in range(50):
        await asyncio.sleep(0)
    await host.committer.barrier()


@pytest.mark.parametrize("clean", [True, False])
def test_an_instance_goes_on_after_each_stop_without_repeating_what_was_recorded(clean: bool) -> None:
    machine = VirtualMachine()

    async def start(host: Host) -> None:
        await host.client.start_new("mother", instance_id="m")
        await settle(host)

    async def raise_event(host: Host) -> None:
        await host.client.raise_event("child", "go")
        await settle(host)

    async def finish(host: Host) -> Any:
        return (await host.client.wait("m", 7200)).output

    machine.run(app, start, clean=clean)
    assert ran == ["first"]
    machine.run(app, raise_event, clean=clean)
    machine.clock.advance(1800)
    assert machine.run(app, finish, clean=clean) == ["first", "second"]
    assert ran == ["first", "second"]


def test_an_overdue_timer_fires_at_the_start() -> None:
    machine = VirtualMachine()

    async def start(host: Host) -> None:
        await host.client.start_new("steps", instance_id="s")
        await host.client.raise_event("s", "go")
        await settle(host)

    async def finish(host: Host) -> Any:
        before = machine.clock.seconds
        await host.client.wait("s", 10)
        return machine.clock.seconds - before

    machine.run(app, start)
    machine.clock.advance(7200)
    assert machine.run(app, finish) < 1


def test_a_clock_that_was_set_back_never_makes_timestamps_decrease() -> None:
    machine = VirtualMachine()

    async def scenario(host: Host) -> Any:
        await host.client.start_new("steps", instance_id="s")
        machine.clock.advance(-3600)
        await host.client.raise_event("s", "go")
        await host.client.wait("s", 20_000)
        return [event.timestamp for event in host.history("s")]

    stamps = machine.run(app, scenario)
    assert stamps == sorted(stamps)


def test_a_live_id_cannot_be_started_again_and_an_ended_one_can() -> None:
    async def scenario(host: Host) -> Any:
        await host.client.start_new("steps", instance_id="x")
        with pytest.raises(InstanceExists, match="status Running already exists"):
            await host.client.start_new("steps", instance_id="x")
        await host.client.terminate("x", "")
        await host.client.start_new("steps", instance_id="x")
        return host.summary("x").exec, host.hub.executions("x")  # type: ignore[union-attr]

    assert in_virtual_time(app, scenario) == (2, [1, 2])


def test_a_repeated_start_with_the_same_request_id_starts_once() -> None:
    async def scenario(host: Host) -> Any:
        first = await host.start_instance("steps", request_id="r-1")
        second = await host.start_instance("steps", request_id="r-1")
        return first == second, len(host.query(InstanceFilter()).items)

    assert in_virtual_time(app, scenario) == (True, 1)


def test_a_repeated_event_with_the_same_request_id_counts_once() -> None:
    async def scenario(host: Host) -> Any:
        await host.client.start_new("steps", instance_id="x")
        for _ in range(2):
            await host.raise_event("x", "go", request_id="r")
        return sum(type(event).__name__ == "EventRaised" for event in host.history("x"))

    assert in_virtual_time(app, scenario) == 1


def test_an_ended_instance_takes_no_events_and_an_unknown_one_is_not_found() -> None:
    async def scenario(host: Host) -> None:
        await host.client.start_new("steps", instance_id="x")
        with pytest.raises(WrongState, match="in a terminal state can be purged"):
            await host.purge("x")
        await host.client.terminate("x", "")
        with pytest.raises(InstanceGone):
            await host.client.raise_event("x", "go")
        with pytest.raises(NotFound):
            await host.client.raise_event("y", "go")
        assert await host.purge("x") == 1
        with pytest.raises(NotFound):
            await host.client.raise_event("x", "go")

    in_virtual_time(app, scenario)


def test_an_orchestrator_that_is_gone_parks_its_instance_and_it_can_still_be_terminated() -> None:
    machine = VirtualMachine()
    other = df.DFApp()

    async def start(host: Host) -> None:
        await host.client.start_new("steps", instance_id="s")
        await settle(host)

    async def look(host: Host) -> Any:
        await host.client.raise_event("s", "go")
        await settle(host)
        parked = host.parked("s")
        await host.client.terminate("s", "cleaned up")
        return parked, (await host.client.wait("s", 10)).output

    machine.run(app, start)
    parked, output = machine.run(other, look)
    assert "no orchestrator 'steps'" in parked
    assert output == "cleaned up"


def test_changed_code_parks_the_instance_and_the_old_code_takes_it_up_again() -> None:
    changed = df.DFApp()

    @changed.orchestration_trigger(orchestration="steps")
    def changed_steps(context: df.DurableOrchestrationContext) -> Any:
        yield context.call_activity("another", "first")

    async def scenario(host: Host) -> Any:
        await host.client.start_new("steps", instance_id="s")
        await settle(host)
        old = host.registry
        from dfcli.registry.registry import Registry

        parked = await host.reload(Registry.from_app(changed), "new")
        reason = host.parked("s")
        await host.client.raise_event("s", "go")  # durable though nobody runs it
        assert await host.reload(old, "old") == []
        return parked, reason, (await host.client.wait("s", 7200)).output

    parked, reason, output = in_virtual_time(app, scenario)
    assert parked == ["s"]
    assert "history recorded activity `note`, the code now asks for activity `another`" in reason
    assert output == ["first", "second"]


def test_changed_code_fails_the_instance_where_the_settings_say_so() -> None:
    from dfcli.host.settings import HostSettings
    from dfcli.registry.registry import Registry

    changed = df.DFApp()

    @changed.orchestration_trigger(orchestration="steps")
    def changed_steps(context: df.DurableOrchestrationContext) -> Any:
        yield context.call_activity("another", "first")

    async def scenario(host: Host) -> Any:
        await host.client.start_new("steps", instance_id="s")
        await settle(host)
        await host.reload(Registry.from_app(changed), "new")
        return await host.client.wait("s", 10)

    status = in_virtual_time(app, scenario, settings=HostSettings(on_nondeterminism="fail"))
    assert status.runtime_status == "Failed"
    assert status.failure_details.error_type == "NonDeterminismError"


def test_with_no_host_a_command_records_starts_and_events_and_ends_instances_itself() -> None:
    machine = VirtualMachine()
    from dfcli.registry.registry import Registry

    control = OfflineControl("/hub", registry=Registry.from_app(app), env=machine.env)
    assert control.start("steps", encode(None), instance_id="a") == "a"
    control.start("mother", encode(None), instance_id="m")
    control.raise_event("a", "go", encode(None))
    assert control.status("a").summary.status == "Pending"
    control.close()

    async def run(host: Host) -> Any:
        await settle(host)
        return ran.copy(), host.summary("child").status  # type: ignore[union-attr]

    assert machine.run(app, run) == (["first", "first"], "Running")

    control = OfflineControl("/hub", env=machine.env)
    control.suspend("a", "")
    assert control.status("a").summary.status == "Suspended"
    control.resume("a", "")
    control.terminate("child", "enough")
    assert control.status("child").summary.status == "Terminated"
    assert control.status("m").summary.status == "Running"
    assert control.purge("child") == 1
    control.close()

    async def finish(host: Host) -> Any:
        return [(await host.client.wait(i, 7200)).runtime_status.value for i in ("a", "m")]

    assert machine.run(app, finish) == ["Completed", "Failed"]
