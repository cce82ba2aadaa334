"""With `always_replay` every generator is dropped after its episode, and nobody can tell but the memory."""

from __future__ import annotations

import asyncio
import gc
import types
from datetime import timedelta
from typing import Any
from unittest import mock

from hypothesis import given, settings

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.residency import Residency
from dfcli.host.settings import HostSettings
from tests.engine.programs import Program, as_generator, programs
from tests.host.running import VirtualMachine, in_virtual_time

ALWAYS = HostSettings(always_replay=True)
app = df.DFApp()
seen: list[tuple[str, bool]] = []
switch = {"activity": "double"}


@app.activity_trigger()
def double(number: int) -> int:
    return 2 * number


@app.activity_trigger()
def triple(number: int) -> int:
    return 3 * number


@app.orchestration_trigger()
def steps(context: df.DurableOrchestrationContext) -> Any:
    seen.append(("start", context.is_replaying))
    first = yield context.call_activity("double", 1)
    seen.append(("one", context.is_replaying))
    context.set_custom_status({"after": first})
    yield context.create_timer(timedelta(seconds=5))
    seen.append(("two", context.is_replaying))
    answer = yield context.wait_for_external_event("go")
    seen.append(("three", context.is_replaying))
    return [first, answer, context.new_uuid(), str(context.current_utc_datetime)]


@app.orchestration_trigger()
def fickle(context: df.DurableOrchestrationContext) -> Any:
    first = yield context.call_activity(switch["activity"], 1)
    yield context.wait_for_external_event("go")
    return first


def suspended() -> int:
    return sum(
        isinstance(thing, types.GeneratorType) and thing.gi_code.co_name == "steps" and thing.gi_frame is not None
        for thing in gc.get_objects()
    )


async def one_of_each_step(host: Host) -> Any:
    await host.client.start_new("steps", instance_id="s")
    await asyncio.sleep(10)
    held = suspended(), host.scheduler.resident
    await host.client.raise_event("s", "go", "gone")
    status = await host.client.wait("s", 60)
    return held, host.scheduler.replays, status.output, status.custom_status


def test_code_is_replaying_up_to_the_first_new_event_of_each_episode_and_not_beyond() -> None:
    seen.clear()
    held, replays, output, custom = in_virtual_time(app, one_of_each_step, settings=ALWAYS)
    start, one, two, three = "start", "one", "two", "three"
    assert seen == [
        (start, False),
        *[(start, True), (one, False)],
        *[(start, True), (one, True), (two, False)],
        *[(start, True), (one, True), (two, True), (three, False)],
    ]
    assert held == (0, 0), "nothing stays in memory between episodes"
    assert replays == 3
    assert output[:2] == [2, "gone"]
    assert custom == {"after": 2}


def test_code_that_differs_is_parked_at_its_next_step_with_event_line_and_both_decisions() -> None:
    async def scenario(host: Host) -> Any:
        switch["activity"] = "double"
        await host.client.start_new("fickle", instance_id="f")
        await asyncio.sleep(1)
        switch["activity"] = "triple"
        await host.client.raise_event("f", "go")
        await asyncio.sleep(1)
        reason = host.parked("f")
        switch["activity"] = "double"
        assert await host.reload(host.registry) == []
        return reason, (await host.client.wait("f", 60)).output

    reason, output = in_virtual_time(app, scenario, settings=ALWAYS)
    assert "replay diverged at event 3: history recorded activity `double`" in reason
    assert "the code now asks for activity `triple`" in reason
    assert "test_always_replay.py:" in reason
    assert " in fickle" in reason
    assert output == 2


def test_a_thousand_waiting_instances_hold_no_generator() -> None:
    async def scenario(host: Host) -> Any:
        most = 0
        for number in range(1_000):
            await host.client.start_new("steps", instance_id=f"s{number}")
            most = max(most, host.scheduler.resident)
        return most, suspended()

    most, left = in_virtual_time(app, scenario, settings=ALWAYS)
    assert most <= 2
    assert left <= 2


class _ChildrenRenamed:
    """A context for programs, which call children by names that activities of the app have."""

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def call_sub_orchestrator(self, name: str, *arguments: Any) -> Any:
        return self._context.call_sub_orchestrator(f"child_{name}", *arguments)

    def call_sub_orchestrator_with_retry(self, name: str, *arguments: Any) -> Any:
        return self._context.call_sub_orchestrator_with_retry(f"child_{name}", *arguments)


def histories(program: Program) -> dict[str, bytes]:
    """Every history file of a run of a random program, with its children and some events."""
    whole = df.DFApp()

    @whole.activity_trigger()
    def ok(number: int) -> int:
        return number

    @whole.activity_trigger()
    def fails(number: int) -> None:
        raise ValueError(number)

    @whole.activity_trigger()
    def flaky(number: int) -> int:
        if df.activity_info().attempt < 3:
            raise ValueError(number)
        return number

    @whole.orchestration_trigger(orchestration="child_ok")
    def child(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity("ok", context.get_input()))

    @whole.orchestration_trigger(orchestration="child_fails")
    def failing_child(context: df.DurableOrchestrationContext) -> Any:
        yield context.call_activity("fails", context.get_input())

    @whole.orchestration_trigger(orchestration="program")
    def program_itself(context: df.DurableOrchestrationContext) -> Any:
        return (yield from as_generator(program)(_ChildrenRenamed(context)))

    async def scenario(host: Host) -> Any:
        await host.client.start_new("program", instance_id="p")
        for name in ("red", "BLUE", "other", "blue", "red"):
            await asyncio.sleep(7)
            summary = host.summary("p")
            if summary is not None and summary.is_live:
                await host.client.raise_event("p", name, name)
        await asyncio.sleep(500)
        found: dict[str, bytes] = {}
        for instance_id in ["p", *(f"p:1:{number}" for number in range(40))]:
            if host.hub.summary(instance_id) is not None:
                found[instance_id] = b"\n".join(host.hub.lines(instance_id))
        return found

    return VirtualMachine(7).run(whole, scenario, settings=ALWAYS)


@given(program=programs)
@settings(max_examples=25, deadline=None, print_blob=True)
def test_histories_are_byte_for_byte_those_of_resident_executions(program: Program) -> None:
    def commit_alone(residency: Residency) -> None:  # at the same moments, so that answers come in the same order
        residency._commit_now()

    replayed = histories(program)
    with mock.patch.object(Residency, "drop_all", commit_alone):
        assert histories(program) == replayed
