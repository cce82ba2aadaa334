"""Critical sections and delayed signals on the host: who is served, and that no lock outlives its owner."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from dfcli.registry.registry import Registry
from dfcli.storage import invariants
from tests.host.running import VirtualMachine, in_virtual_time

Gen = Generator[Any, Any, Any]
A, B, C = (df.EntityId("account", key) for key in "abc")
app = df.DFApp()


@app.entity_trigger()
def account(context: df.DurableEntityContext) -> None:
    balance = context.get_state(lambda: 100)
    if context.operation_name == "add":
        context.set_state(balance + context.get_input())
    context.set_result(balance)


@app.entity_trigger()
def log(context: df.DurableEntityContext, value: Any) -> None:
    context.set_state([*(context.get_state() or []), value])


@app.orchestration_trigger()
def transfer(context: df.DurableOrchestrationContext) -> Gen:
    """Moves as much as there is, in two steps that nobody may come between."""
    source, target = context.get_input()
    with (yield context.lock_entities([source, target])):
        amount = yield context.call_entity(source, "get")
        yield context.create_timer(timedelta(seconds=5))
        yield context.call_entity(source, "add", -amount)
        yield context.call_entity(target, "add", amount)
    return amount


@app.orchestration_trigger()
def hold(context: df.DurableOrchestrationContext) -> Gen:
    """Holds two locks until an event comes, and then ends as it says."""
    with (yield context.lock_entities([A, B])):
        context.set_custom_status("inside")
        end = yield context.wait_for_external_event("end")
        if end == "fail":
            raise RuntimeError("as told")
        if end == "again":
            context.continue_as_new(None)
            yield context.wait_for_external_event("never")
    return end


@app.orchestration_trigger()
def asks(context: df.DurableOrchestrationContext) -> Gen:
    """Asks for the lock and does not wait for it to be granted."""
    context.lock_entities([A, B])
    yield context.wait_for_external_event("end")


@app.orchestration_trigger()
def takes(context: df.DurableOrchestrationContext) -> Gen:
    """Takes the lock and never gives it back."""
    yield context.lock_entities([A, B])
    context.set_custom_status("inside")
    yield context.wait_for_external_event("end")


async def inside(host: Host, instance_id: str) -> None:
    while (await host.client.get_status(instance_id)).custom_status != "inside":
        await asyncio.sleep(0.1)


def locked(host: Host) -> dict[str, str | None]:
    return {view.key: view.locked_by for view in host.list_entities("account", include_empty=True).items}


async def balance(host: Host, entity: df.EntityId) -> Any:
    found = await host.client.read_entity_state(entity)
    return found.entity_state if found.entity_exists else 100


def test_sections_over_the_same_entities_do_not_mix_and_do_not_block_each_other() -> None:
    async def scenario(host: Host) -> None:
        pairs = [(A, B), (B, A), (A, C), (C, B), (B, C)] * 3
        ids = [await host.client.start_new("transfer", None, [str(x) for x in pair]) for pair in pairs]
        for instance_id in ids:
            assert (await host.client.wait(instance_id, 1_000)).runtime_status == "Completed"
        assert sum([await balance(host, entity) for entity in (A, B, C)]) == 300
        assert min([await balance(host, entity) for entity in (A, B, C)]) >= 0
        assert set(locked(host).values()) == {None}

    in_virtual_time(app, scenario)


def test_while_it_is_locked_others_wait_and_are_served_in_order_afterwards() -> None:
    async def scenario(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")
        assert locked(host) == {"a": "holder", "b": "holder"}
        await host.client.signal_entity(A, "add", 1)
        await asyncio.sleep(100)
        assert await balance(host, A) == 100
        view = host.entity("account", "a")
        assert view is not None
        assert (view.waiting, view.locked_by) == (1, "holder")
        await host.client.raise_event("holder", "end", "well")
        await host.client.wait("holder", 100)
        await asyncio.sleep(1)
        assert await balance(host, A) == 101
        assert locked(host) == {"a": None, "b": None}

    in_virtual_time(app, scenario)


@pytest.mark.parametrize("orchestrator", ["hold", "takes"])
@pytest.mark.parametrize("end", ["return", "fail", "again", "terminate", "purge"])
def test_the_locks_of_an_instance_end_with_it_in_the_same_batch(orchestrator: str, end: str) -> None:
    async def scenario(host: Host) -> None:
        await host.client.start_new(orchestrator, "holder")
        await inside(host, "holder")
        await host.client.start_new("asks", "second")
        await asyncio.sleep(1)
        if end in ("terminate", "purge"):
            await host.client.terminate("holder", "enough")
        else:
            await host.client.raise_event("holder", "end", end)
        if end != "again" or orchestrator == "takes":
            await host.client.wait("holder", 100)
        else:
            await asyncio.sleep(1)
            (generation,) = {(await host.client.get_status("holder")).runtime_status}
            assert generation == "Running"
        if end == "purge":
            await host.client.purge_instance_history("holder")
        await asyncio.sleep(1)
        assert locked(host) == {"a": "second", "b": "second"}
        if end == "again" and orchestrator == "hold":
            await host.client.terminate("holder", "enough")
        await host.client.terminate("second", "enough")
        await host.client.wait("second", 100)
        await asyncio.sleep(1)
        assert locked(host) == {"a": None, "b": None}

    machine = VirtualMachine()
    machine.run(app, scenario)
    assert invariants.verify("/hub", machine.env) == []


def test_a_lock_request_that_waits_ends_with_its_instance_too() -> None:
    async def scenario(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")
        await host.client.start_new("takes", "waiting")
        await asyncio.sleep(1)
        await host.client.terminate("waiting", "enough")
        await host.client.wait("waiting", 100)
        await host.client.raise_event("holder", "end", "well")
        await host.client.wait("holder", 100)
        await asyncio.sleep(1)
        assert locked(host) == {"a": None, "b": None}
        assert host.entities.delivery.owners == {}
        assert all(view.waiting == 0 for view in host.list_entities(include_empty=True).items)

    in_virtual_time(app, scenario)


@pytest.mark.parametrize("clean", [True, False])
def test_a_lock_is_held_over_a_restart_and_by_an_execution_that_was_dropped(clean: bool) -> None:
    machine = VirtualMachine()
    settings = HostSettings(resident_limit=1)

    async def begin(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")
        await host.client.start_new("asks", "second")  # there is room for one only: the holder's code is dropped
        await asyncio.sleep(1)
        assert locked(host) == {"a": "holder", "b": "holder"}

    async def end(host: Host) -> None:
        assert locked(host) == {"a": "holder", "b": "holder"}
        await host.client.raise_event("holder", "end", "well")
        await host.client.wait("holder", 100)
        await asyncio.sleep(1)
        assert locked(host) == {"a": "second", "b": "second"}

    machine.run(app, begin, clean=clean, settings=settings)
    machine.run(app, end, settings=settings)
    assert invariants.verify("/hub", machine.env) == []


def other_app() -> Registry:
    other = df.DFApp()
    other.functions += [f for f in app.functions if f.kind == "entity"]

    @other.orchestration_trigger()
    def hold(context: df.DurableOrchestrationContext) -> Gen:
        yield context.wait_for_external_event("something else")

    return Registry.from_app(other)


def test_an_instance_that_fails_because_its_code_changed_gives_up_its_locks() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")

    async def end(host: Host) -> None:
        await host.client.raise_event("holder", "end", "x")
        status = await host.client.wait("holder", 100)
        assert status.runtime_status == "Failed"
        await asyncio.sleep(1)
        assert locked(host) == {"a": None, "b": None}

    machine.run(app, begin)
    machine.run(other_app(), end, settings=HostSettings(on_nondeterminism="fail"))


def test_an_instance_that_is_terminated_without_its_code_gives_up_its_locks() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")

    async def terminate(host: Host) -> None:
        await host.terminate("holder", "without code")

    async def look(host: Host) -> None:
        assert locked(host) == {"a": None, "b": None}

    machine.run(app, begin)
    machine.run(app, terminate, runs_code=False)
    machine.run(app, look)


def test_locks_whose_owner_is_gone_without_a_word_are_given_up_at_a_start_and_now_and_then() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")

    async def lose(host: Host) -> None:
        host.scheduler.delivery.owners.clear()  # as if the end did not know of the locks
        await host.terminate("holder")
        await asyncio.sleep(1)
        assert locked(host) == {"a": "holder", "b": "holder"}

    async def look(host: Host) -> None:
        await host.committer.barrier()
        await asyncio.sleep(1)
        assert locked(host) == {"a": None, "b": None}

    async def later(host: Host) -> None:
        await begin_again(host)
        lane = host.scheduler.lanes["holder"]
        owners = dict(host.entities.delivery.owners)
        host.entities.delivery.owners.clear()
        await host.terminate("holder")
        await asyncio.sleep(1)
        assert lane.finished
        host.entities.delivery.owners.update(owners)
        assert locked(host) == {"a": "holder", "b": "holder"}
        await asyncio.sleep(100)
        assert locked(host) == {"a": None, "b": None}

    async def begin_again(host: Host) -> None:
        await host.client.start_new("hold", "holder")
        await inside(host, "holder")

    machine.run(app, begin)
    machine.run(app, lose)
    machine.run(app, look)
    machine.run(app, later)


def test_calls_and_signals_that_the_owner_sent_before_the_lock_are_not_overtaken() -> None:
    mixed = df.DFApp()
    mixed.functions += app.functions

    @mixed.orchestration_trigger()
    def sends(context: df.DurableOrchestrationContext) -> Gen:
        entity = df.EntityId("log", "x")
        request = context.lock_entities([entity])
        context.signal_entity(df.EntityId("log", "y"), "note", "outside")
        with (yield request):
            yield context.call_entity(entity, "note", "first")
            yield context.call_entity(entity, "note", "second")

    async def scenario(host: Host) -> None:
        for number in range(3):
            await host.client.signal_entity(df.EntityId("log", "x"), "note", number)
        instance_id = await host.client.start_new("sends")
        await host.client.wait(instance_id, 100)
        await asyncio.sleep(1)
        assert (await host.client.read_entity_state("@log@x")).entity_state == [0, 1, 2, "first", "second"]

    in_virtual_time(mixed, scenario)


def test_delayed_signals_come_in_order_of_their_due_times_not_early_and_survive_a_restart() -> None:
    machine = VirtualMachine()
    entity = df.EntityId("log", "x")

    async def begin(host: Host) -> None:
        now = host.env.clock.time()
        for delay in (300, 100, 200):
            due = datetime.fromtimestamp(now + delay, UTC)
            await host.client.signal_entity(entity, "note", delay, signal_time=due)
        await host.client.signal_entity(entity, "note", 0)
        await asyncio.sleep(99)
        assert (await host.client.read_entity_state(entity)).entity_state == [0]
        assert not host.is_idle
        await asyncio.sleep(2)
        assert (await host.client.read_entity_state(entity)).entity_state == [0, 100]

    async def end(host: Host) -> None:
        await asyncio.sleep(300)
        assert (await host.client.read_entity_state(entity)).entity_state == [0, 100, 200, 300]
        assert host.is_idle

    machine.run(app, begin, clean=False)
    machine.run(app, end)


def test_an_orchestrator_sends_delayed_signals() -> None:
    timed = df.DFApp()
    timed.functions += app.functions

    @timed.orchestration_trigger()
    def remind(context: df.DurableOrchestrationContext) -> None:
        due = context.current_utc_datetime + timedelta(hours=1)
        context.signal_entity("@log@x", "note", "late", due)
        context.signal_entity("@log@x", "note", "soon", context.current_utc_datetime - timedelta(hours=1))

    async def scenario(host: Host) -> None:
        await host.client.start_new("remind")
        await asyncio.sleep(10)
        assert (await host.client.read_entity_state("@log@x")).entity_state == ["soon"]
        await asyncio.sleep(3_600)
        assert (await host.client.read_entity_state("@log@x")).entity_state == ["soon", "late"]

    in_virtual_time(timed, scenario)


def test_a_roll_over_takes_state_lock_delayed_signals_and_request_ids_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfcli.host.entity_recording.OPERATIONS_MAX", 10)
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        due = datetime.fromtimestamp(host.env.clock.time() + 5_000, UTC)
        await host.client.signal_entity(A, "add", 1_000, signal_time=due)
        await host.client.signal_entity(A, "add", 1, request_id="once")
        for _ in range(60):
            await host.client.signal_entity(A, "add", 1)
            await asyncio.sleep(1)
        assert host.hub.executions("@account@a")[-1] >= 4
        await host.client.signal_entity(A, "add", 1, request_id="once")
        await host.client.start_new("takes", "holder")
        await inside(host, "holder")
        await host.client.signal_entity(A, "add", 10_000)
        await asyncio.sleep(1)

    async def end(host: Host) -> None:
        assert locked(host)["a"] == "holder"
        assert await balance(host, A) == 161
        await asyncio.sleep(6_000)
        assert await balance(host, A) == 161
        await host.client.signal_entity(A, "add", 1, request_id="once")
        await host.terminate("holder")
        await asyncio.sleep(1)
        assert await balance(host, A) == 11_161

    machine.run(app, begin, clean=False)
    machine.run(app, end)
    assert invariants.verify("/hub", machine.env) == []


def test_a_lock_that_is_held_survives_a_roll_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfcli.host.entity_recording.OPERATIONS_MAX", 5)
    rolling = df.DFApp()
    rolling.functions += app.functions

    @rolling.orchestration_trigger()
    def many(context: df.DurableOrchestrationContext) -> Gen:
        with (yield context.lock_entities([A])):
            for _ in range(12):
                yield context.call_entity(A, "add", 1)
        return (yield context.call_entity(A, "get"))

    async def scenario(host: Host) -> None:
        instance_id = await host.client.start_new("many")
        await asyncio.sleep(0)
        assert (await host.client.wait(instance_id, 100)).output == 112
        events = [e for number in host.hub.executions("@account@a") for e in host.history("@account@a", number)]
        carried = [e for e in events if isinstance(e, h.EntityLockGranted) and e.carried_from is not None]
        assert len(carried) == 2
        assert locked(host) == {"a": None}

    machine = VirtualMachine()
    machine.run(rolling, scenario)
    assert invariants.verify("/hub", machine.env) == []
