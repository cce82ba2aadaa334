"""Whose id a start may take, when it begins, and what restarts, recursive terminations and purges do."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InstanceExists, NotFound, WrongState
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.storage.invariants import verify
from tests.host.running import VirtualMachine, in_real_time, in_virtual_time

Steps = Generator[Any, Any, Any]
app = df.DFApp()


@app.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger()
def returns(context: df.DurableOrchestrationContext) -> Any:
    return [context.get_input(), str(context.version), context.current_utc_datetime.isoformat()]


@app.orchestration_trigger()
def family(context: df.DurableOrchestrationContext) -> Steps:
    depth = context.get_input()
    if depth == 0:
        return (yield context.wait_for_external_event("go"))
    return (yield context.task_all([context.call_sub_orchestrator("family", depth - 1) for _ in range(2)]))


def status_of(host: Host, instance_id: str = "i") -> str:
    summary = host.summary(instance_id)
    assert summary is not None
    return summary.status


def output_of(host: Host, instance_id: str) -> Any:
    summary = host.summary(instance_id)
    assert summary is not None
    return payloads.decode(*summary.output)


@pytest.mark.parametrize("real", [False, True])
def test_of_fifty_callers_at_once_exactly_one_starts_the_singleton(real: bool, tmp_path: Any) -> None:
    async def scenario(host: Host) -> None:
        async def start(number: int) -> bool:
            try:
                await host.start_instance("waits", payloads.encode(number), instance_id="singleton")
            except InstanceExists:
                return False
            return True

        won = await asyncio.gather(*(start(number) for number in range(50)))
        assert sum(won) == 1
        assert host.hub.executions("singleton") == [1]
        assert host.summary("singleton").input.json_text == str(won.index(True))  # type: ignore[union-attr]

    if real:
        in_real_time(app, str(tmp_path / "hub"), scenario)
    else:
        in_virtual_time(app, scenario)


@pytest.mark.parametrize("by_setting", [False, True])
def test_a_start_that_may_replace_ends_the_live_instance_in_the_same_transaction(by_setting: bool) -> None:
    settings = HostSettings(overridable_states="any" if by_setting else "non_running")

    async def scenario(host: Host) -> None:
        await host.start_instance("waits", instance_id="i")
        await asyncio.sleep(1)
        waiter = asyncio.ensure_future(host.wait("i"))
        await asyncio.sleep(0)
        batches = host.hub.batches_committed
        await host.start_instance("waits", instance_id="i", replace=None if by_setting else True)
        assert host.hub.batches_committed - batches <= 2
        assert host.hub.executions("i") == [1, 2]
        ended = next(e for e in host.history("i", 1) if isinstance(e, h.ExecutionCompleted))
        assert ended.orchestration_status == "Terminated"
        await host.raise_event("i", "go", payloads.encode("second"))
        assert payloads.decode(*(await waiter).output) == "second"

    in_virtual_time(app, scenario, settings=settings)


def test_a_live_instance_is_not_replaced_by_default_and_an_ended_one_is() -> None:
    async def scenario(host: Host) -> None:
        await host.start_instance("waits", instance_id="i")
        with pytest.raises(InstanceExists, match=r"An Orchestration instance with the status \w+ already exists\."):
            await host.start_instance("waits", instance_id="i")
        await host.terminate("i")
        await host.wait("i")
        await host.start_instance("waits", instance_id="i")
        assert host.hub.executions("i") == [1, 2]

    in_virtual_time(app, scenario)


def later(host: Host, seconds: float) -> str:
    from dfcli.model.time import timestamp_from_epoch

    return timestamp_from_epoch(host.env.clock.time() + seconds)


@pytest.mark.parametrize("clean", [True, False])
def test_a_scheduled_start_stays_pending_over_a_restart_and_begins_when_it_is_due(clean: bool) -> None:
    machine = VirtualMachine()

    async def starts(host: Host) -> str:
        due = later(host, 3600)
        await host.start_instance("returns", payloads.encode(1), instance_id="i", start_at=due)
        await asyncio.sleep(1800)
        assert status_of(host) == "Pending"
        assert [wait.due for wait in host.waits("i")] == [due]
        assert not host.is_idle
        return due

    async def begins(host: Host, due: str) -> None:
        assert status_of(host) == "Pending"
        await host.wait("i")
        begun = next(e for e in host.history("i") if isinstance(e, h.OrchestratorStarted))
        assert due <= begun.timestamp < due[:17] + "59"
        assert host.history("i")[0].scheduled_start_time == due  # type: ignore[union-attr]

    due = machine.run(app, starts, clean=clean)
    machine.run(app, lambda host: begins(host, due))
    assert verify("/hub", machine.env) == []


def test_a_scheduled_start_that_was_due_while_no_host_ran_begins_at_once() -> None:
    machine = VirtualMachine()

    async def starts(host: Host) -> None:
        await host.start_instance("returns", instance_id="i", start_at=later(host, 60))

    async def begins(host: Host) -> None:
        await host.wait("i", 1)

    machine.run(app, starts)
    machine.clock.advance(3600)
    machine.run(app, begins)


def test_a_scheduled_instance_can_be_terminated_suspended_and_sent_events_before_it_begins() -> None:
    async def scenario(host: Host) -> None:
        await host.start_instance("waits", instance_id="a", start_at=later(host, 60))
        await host.terminate("a", "not needed")
        await host.wait("a", 1)
        assert (status_of(host, "a"), output_of(host, "a")) == ("Terminated", "not needed")
        await host.start_instance("waits", instance_id="b", start_at=later(host, 60))
        await host.suspend("b")
        await host.raise_event("b", "go", payloads.encode("early"))
        assert status_of(host, "b") == "Pending"
        await asyncio.sleep(120)
        assert status_of(host, "b") == "Suspended"
        await host.resume("b")
        await host.wait("b")
        assert output_of(host, "b") == "early"

    in_virtual_time(app, scenario)


def test_a_restart_begins_again_with_the_same_input_under_a_new_id_or_the_same() -> None:
    async def scenario(host: Host) -> None:
        await host.start_instance("returns", payloads.encode({"n": 1}), instance_id="i", version="2")
        await host.wait("i")
        other = await host.restart("i")
        assert other != "i"
        await host.wait(other)
        assert output_of(host, other)[:2] == [{"n": 1}, "2"]
        assert await host.restart("i", new_id=False) == "i"
        await host.wait("i")
        assert host.hub.executions("i") == [1, 2]
        with pytest.raises(NotFound, match="An orchestrastion with the instanceId nobody was not found"):
            await host.restart("nobody")
        await host.start_instance("waits", instance_id="live")
        with pytest.raises(InstanceExists, match="A non-terminal instance with this instance ID already exists"):
            await host.restart("live", new_id=False)
        assert await host.restart("live") != "live"

    in_virtual_time(app, scenario)


def test_a_recursive_termination_ends_a_family_in_one_transaction_and_a_plain_one_the_parent_alone() -> None:
    async def scenario(host: Host) -> None:
        for instance_id in ("all", "one"):
            await host.start_instance("family", payloads.encode(2), instance_id=instance_id)
        await asyncio.sleep(1)
        batches = host.hub.batches_committed
        await host.terminate("all", "enough", recursive=True)
        assert host.hub.batches_committed == batches + 1
        members = ["all", "all:1:0", "all:1:1", "all:1:0:1:0", "all:1:0:1:1", "all:1:1:1:0", "all:1:1:1:1"]
        assert {status_of(host, member) for member in members} == {"Terminated"}
        await host.terminate("one", "enough")
        await host.wait("one")
        assert status_of(host, "one:1:0") == "Running"

    in_virtual_time(app, scenario)


def test_a_recursive_purge_removes_a_family_or_nothing() -> None:
    async def scenario(host: Host) -> None:
        await host.start_instance("family", payloads.encode(2), instance_id="all")
        await asyncio.sleep(1)
        await host.terminate("all")
        await host.wait("all")
        with pytest.raises(WrongState, match=r"ID all:1:[01].* has status Running"):
            await host.purge("all", recursive=True)
        assert status_of(host, "all") == "Terminated"
        for child in ("all:1:0", "all:1:1"):
            await host.terminate(child, recursive=True)
        assert await host.purge("all", recursive=True) == 7
        assert host.summary("all") is None
        assert host.summary("all:1:1:1:1") is None
        with pytest.raises(NotFound):
            await host.purge("all", recursive=True)

    in_virtual_time(app, scenario)


def test_a_recursive_termination_without_code_ends_the_family_too() -> None:
    machine = VirtualMachine()

    async def starts(host: Host) -> None:
        await host.start_instance("family", payloads.encode(1), instance_id="all")
        await asyncio.sleep(1)

    async def ends(host: Host) -> None:
        await host.terminate("all", recursive=True)
        assert {status_of(host, each) for each in ("all", "all:1:0", "all:1:1")} == {"Terminated"}

    machine.run(app, starts)
    machine.run(app, ends, runs_code=False)
