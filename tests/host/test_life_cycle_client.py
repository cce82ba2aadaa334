"""The durable client's verbs under the names of both lines of the SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InstanceExists, NotFound
from dfcli.host.host import Host
from tests.host.running import in_virtual_time

app = df.DFApp()
broken: set[str] = set()


@app.activity_trigger()
def ship(number: Any) -> str:
    if broken:
        raise ValueError("no ship")
    return f"shipped {number}"


@app.orchestration_trigger()
def order(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity("ship", context.get_input()))


@app.orchestration_trigger()
def parent(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_sub_orchestrator("waits", None, "child"))


@app.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("go"))


def test_rewind_and_restart() -> None:
    async def scenario(host: Host) -> None:
        client = host.client
        broken.add("ship")
        await client.start_new("order", "i", 1)
        assert (await client.wait("i")).runtime_status is df.OrchestrationRuntimeStatus.Failed
        broken.clear()
        await client.rewind("i", "fixed")
        assert (await client.wait("i")).output == "shipped 1"
        other = await client.restart("i")
        assert (await client.wait(other)).output == "shipped 1"
        assert await client.restart("i", restart_with_new_instance_id=False) == "i"
        with pytest.raises(NotFound):
            await client.rewind("nobody", "")

    in_virtual_time(app, scenario)


def test_the_names_of_the_second_line() -> None:
    async def scenario(host: Host) -> None:
        client = host.client
        instance_id = await client.schedule_new_orchestration(waits, input={"a": 1}, instance_id="w")
        await client.raise_orchestration_event(instance_id, "go", data=5)
        state = await client.wait_for_orchestration_completion(instance_id, timeout=30)
        assert (state.output, state.input_) == (5, {"a": 1})
        assert await client.get_orchestration_state("nobody") is None
        assert await client.restart_orchestration("w") == "w"
        with pytest.raises(InstanceExists):
            await client.restart_orchestration("w")
        await client.suspend_orchestration("w")
        await client.resume_orchestration("w")
        await client.schedule_new_orchestration("parent", instance_id="p")
        while not await client.get_status("child"):
            await client.get_status("p")
            import asyncio

            await asyncio.sleep(1)
        await client.terminate_orchestration("p", output="enough")
        assert (await client.get_status("child")).runtime_status is df.OrchestrationRuntimeStatus.Terminated
        assert (await client.purge_orchestration("p")).instances_deleted == 2
        await client.terminate_orchestration("w")
        await client.wait("w")
        assert (await client.purge_orchestrations_by(datetime(2020, 1, 1, tzinfo=UTC))).instances_deleted == 1

    in_virtual_time(app, scenario)


def test_a_start_for_later() -> None:
    async def scenario(host: Host) -> None:
        begin = datetime.fromtimestamp(host.env.clock.time(), UTC)
        await host.client.start_new("order", "i", 1, start_at=begin + timedelta(hours=1))
        await host.client.wait("i")
        assert host.env.clock.time() >= begin.timestamp() + 3600

    in_virtual_time(app, scenario)
