"""Rewinds of instances that have to do with entities: failed answers, calls under way, and critical sections."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.storage.invariants import verify
from tests.host.running import VirtualMachine, in_virtual_time
from tests.host.test_rewind import all_sound, failed, output_of

Steps = Generator[Any, Any, Any]
broken: set[str] = set()
app = df.DFApp()


@app.entity_trigger()
def account(context: df.DurableEntityContext) -> None:
    balance = context.get_state(lambda: 0)
    if context.operation_name == "add":
        balance += context.get_input()
        context.set_state(balance)
    elif broken:
        raise ValueError("the account is closed")
    context.set_result(balance)


@app.activity_trigger()
def check(value: Any) -> str:
    if broken:
        raise ValueError("refused")
    return "checked"


@app.orchestration_trigger()
def asks(context: df.DurableOrchestrationContext) -> Steps:
    a = df.EntityId("account", "a")
    context.signal_entity(a, "add", 1)
    first = yield context.call_entity(a, "add", 10)
    return [first, (yield context.call_entity(a, "get"))]


@app.orchestration_trigger()
def transfers(context: df.DurableOrchestrationContext) -> Steps:
    a, b = df.EntityId("account", "a"), df.EntityId("account", "b")
    before = yield context.call_activity("check", None) if context.get_input() else context.call_entity(a, "add", 0)
    with (yield context.lock_entities([a, b])):
        yield context.call_entity(a, "add", -5)
        yield context.call_activity("check", None)
        yield context.call_entity(b, "add", 5)
    return before


async def state_of(host: Host, key: str) -> Any:
    view = await host.client.read_entity_state(df.EntityId("account", key))
    return view.entity_state


def test_a_failed_answer_of_an_entity_is_asked_for_again_and_what_went_well_is_not() -> None:
    async def scenario(host: Host) -> None:
        broken.add("x")
        await failed(host, "asks")
        broken.clear()
        report = await host.rewind("i")
        assert [line.event_type for line in report.voided] == ["EventSent", "EventRaised", "ExecutionCompleted"]
        await host.wait("i")
        assert output_of(host) == [11, 11]
        assert await state_of(host, "a") == 11
        all_sound(host)

    in_virtual_time(app, scenario)


def test_a_cut_inside_a_critical_section_moves_to_before_its_lock_request() -> None:
    machine = VirtualMachine()

    async def scenario(host: Host) -> None:
        broken.add("x")
        await failed(host, "transfers")
        assert await state_of(host, "a") == -5
        broken.clear()
        planned = await host.rewind("i", dry_run=True)
        assert planned.critical_section == "@account@a, @account@b"
        report = await host.rewind("i")
        assert report.cut == planned.cut
        await host.wait("i")
        assert output_of(host) == 0
        assert (await state_of(host, "a"), await state_of(host, "b")) == (-10, 5), "the section ran twice, as told"
        requests = [e for e in host.history("i") if isinstance(e, h.EventSent) and b"lockset" in bytes(e.input)]  # type: ignore[arg-type]
        assert len({bytes(e.input) for e in requests}) == 2, "the lock is asked for under another id"  # type: ignore[arg-type]
        all_sound(host)

    machine.run(app, scenario)
    assert verify("/hub", machine.env) == []


@pytest.mark.parametrize("late", [False, True])
def test_a_call_of_an_entity_without_an_answer_at_the_failure_is_made_again(late: bool) -> None:
    other = df.DFApp()

    @other.entity_trigger()
    async def slow(context: df.DurableEntityContext) -> None:
        await asyncio.sleep(60)
        context.set_result("answer")

    @other.activity_trigger()
    def trips(value: Any) -> str:
        if broken:
            raise ValueError("trips")
        return "fine"

    @other.orchestration_trigger()
    def both(context: df.DurableOrchestrationContext) -> Steps:
        asked = context.call_entity(df.EntityId("slow", "a"), "get")
        tripped = yield context.call_activity("trips", 1)
        return [tripped, (yield asked)]

    async def scenario(host: Host) -> None:
        broken.add("x")
        await failed(host, "both")
        if late:
            await asyncio.sleep(3600)  # the entity has found nobody who waits for its answer
        broken.clear()
        await host.rewind("i")
        await host.wait("i", 600)
        assert output_of(host) == ["fine", "answer"]
        all_sound(host)

    in_virtual_time(other, scenario)


def test_a_rewound_child_of_a_handler_and_locks_survive_a_crash() -> None:
    machine = VirtualMachine()

    async def fails(host: Host) -> None:
        broken.add("x")
        await host.start_instance("transfers", payloads.encode(None), instance_id="i")
        await host.wait("i")
        broken.clear()
        await host.rewind("i")

    async def ends(host: Host) -> None:
        await host.wait("i")
        assert output_of(host) == 0
        all_sound(host)

    machine.run(app, fails, clean=False)
    machine.run(app, ends)
    assert verify("/hub", machine.env) == []
