"""Executions that only wait leave memory, and come back by replay when something arrives."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from tests.host.running import in_virtual_time

LIMIT = 20
MANY = 600

app = df.DFApp()
unwound: list[str] = []


@app.activity_trigger()
def prepare(number: int) -> int:
    return number


@app.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Any:
    number = yield context.call_activity("prepare", context.get_input())
    answer = yield context.wait_for_external_event("go")
    return [number, answer]


@contextmanager
def cleanup(context: df.DurableOrchestrationContext) -> Iterator[None]:
    try:
        yield
    finally:
        unwound.append(context.instance_id)
        context.set_custom_status("unwound")  # refused: nothing of this may reach the history


@app.orchestration_trigger()
def waits_in_a_with_block(context: df.DurableOrchestrationContext) -> Any:
    with cleanup(context):
        return (yield context.wait_for_external_event("go"))


def live_generators() -> int:
    """Suspended generators of the orchestrator, wherever anybody holds one."""
    return sum(
        isinstance(thing, types.GeneratorType) and thing.gi_code.co_name == "waits" and thing.gi_frame is not None
        for thing in gc.get_objects()
    )


def test_live_generators_never_exceed_the_limit_and_every_instance_completes() -> None:
    async def scenario(host: Host) -> Any:
        most = 0
        for number in range(MANY):
            await host.client.start_new("waits", instance_id=f"i{number}", client_input=number)
            most = max(most, host.scheduler.resident)
            if number % 100 == 0:
                assert live_generators() <= LIMIT
        await asyncio.sleep(1)
        assert live_generators() <= LIMIT
        for number in range(MANY):
            await host.client.raise_event(f"i{number}", "go", -number)
            most = max(most, host.scheduler.resident)
        outputs = [(await host.client.wait(f"i{number}", 60)).output for number in range(MANY)]
        return most, outputs, host.scheduler.replays, host.scheduler.replayed_events

    most, outputs, replays, events = in_virtual_time(app, scenario, settings=HostSettings(resident_limit=LIMIT))
    assert most <= LIMIT
    assert outputs == [[number, -number] for number in range(MANY)]
    assert MANY - LIMIT <= replays <= 2 * MANY  # each comes back once or twice, not at every step
    assert events / replays < 12  # and is fed its own short history, not more


@pytest.mark.resident
def test_a_resident_instance_is_never_replayed_however_long_it_runs() -> None:
    @app.orchestration_trigger(orchestration=f"long_{id(object())}")
    def long(context: df.DurableOrchestrationContext) -> Any:
        for number in range(2_000):
            yield context.call_activity("prepare", number)

    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new(long)
        await host.client.wait(instance_id, 60)
        return host.scheduler.replays, host.scheduler.episodes

    assert in_virtual_time(app, scenario) == (0, 2_001)


@pytest.mark.resident
def test_what_stands_in_a_with_block_is_dropped_last_and_its_unwinding_reaches_no_history() -> None:
    unwound.clear()

    async def scenario(host: Host) -> Any:
        await host.client.start_new("waits_in_a_with_block", instance_id="w")
        for number in range(2 * LIMIT):
            await host.client.start_new("waits", instance_id=f"i{number}", client_input=number)
        await asyncio.sleep(1)
        spared = not unwound
        for number in range(LIMIT + 5):
            await host.client.start_new("waits_in_a_with_block", instance_id=f"w{number}")
        await asyncio.sleep(1)
        assert "w" in unwound
        await host.client.raise_event("w", "go", 1)
        status = await host.client.wait("w", 60)
        return spared, status.output, status.custom_status

    spared, output, custom = in_virtual_time(app, scenario, settings=HostSettings(resident_limit=LIMIT))
    assert spared
    assert (output, custom) == (1, "unwound")  # set once, by the run that ended


def test_a_limit_of_one_still_runs_parents_and_children() -> None:
    family = df.DFApp()

    @family.activity_trigger()
    def half(number: int) -> int:
        return number // 2

    @family.orchestration_trigger()
    def halve(context: df.DurableOrchestrationContext) -> Any:
        number = yield context.call_activity("half", context.get_input())
        if number:
            return 1 + (yield context.call_sub_orchestrator("halve", number))
        return 1

    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("halve", client_input=1_000)
        return (await host.client.wait(instance_id, 60)).output

    assert in_virtual_time(family, scenario, settings=HostSettings(resident_limit=1)) == 10


@pytest.mark.parametrize("limit", [1, 1_000])
def test_the_outcome_does_not_depend_on_the_limit(limit: int) -> None:
    async def scenario(host: Host) -> Any:
        for number in range(30):
            await host.client.start_new("waits", instance_id=f"i{number}", client_input=number)
            if number % 2 == 0:
                await host.client.raise_event(f"i{number // 2}", "go", number)
        await asyncio.sleep(1)
        return [host.summary(f"i{number}").status for number in range(15)]  # type: ignore[union-attr]

    assert in_virtual_time(app, scenario, settings=HostSettings(resident_limit=limit)) == ["Completed"] * 15
