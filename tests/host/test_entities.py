"""Entities on the host: signals, calls, state, batches, failures, restarts, and what becomes of those who wait."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InvalidArgument, UnknownFunction
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from dfcli.model.query import InstanceFilter
from dfcli.registry.registry import Registry
from dfcli.storage import invariants
from tests.host.running import VirtualMachine, in_real_time, in_virtual_time

Gen = Generator[Any, Any, Any]
app = df.DFApp()
ran: list[str] = []
A = df.EntityId("counter", "a")


@pytest.fixture(autouse=True)
def forget() -> None:
    ran.clear()


@app.entity_trigger()
def counter(context: df.DurableEntityContext) -> None:
    state = context.get_state(lambda: 0)
    ran.append(f"{context.entity_key} {context.operation_name} {context.get_input()}")
    match context.operation_name:
        case "add":
            context.set_state(state + context.get_input())
        case "get":
            context.set_result(state)
        case "delete":
            context.destruct_on_exit()
        case "fail":
            context.set_state(-1)
            context.signal_entity(df.EntityId("counter", "told"), "add", 1)
            raise ValueError("no")
        case "exit":
            sys.exit(3)
        case "tell":
            context.signal_entity(df.EntityId("counter", "told"), "add", state)
            context.set_result(context.start_new("note", "noted", state))
        case other:
            raise LookupError(other)


@app.entity_trigger()
async def slow(context: df.DurableEntityContext, seconds: Any) -> Any:
    await asyncio.sleep(seconds or 0)
    context.set_state((context.get_state() or 0) + 1)
    return seconds


@app.entity_trigger(entity_name="Account")
class Money(df.DurableEntity):
    def deposit(self, amount: int) -> int:
        self.set_state(self.get_state(int, 0) + amount)
        return int(self.get_state(int, 0))

    def balance(self) -> Any:
        return self.get_state(int, 0)

    async def later(self, amount: int) -> int:
        await asyncio.sleep(1)
        return self.deposit(amount)

    def _private(self) -> None: ...


@app.orchestration_trigger()
def note(context: df.DurableOrchestrationContext) -> Any:
    return context.get_input()


@app.orchestration_trigger()
def play(context: df.DurableOrchestrationContext) -> Gen:
    """Plays `[entity, operation, input]` steps; a signal when the operation begins with `!`."""
    done = []
    for entity, operation, value in context.get_input():
        if operation.startswith("!"):
            context.signal_entity(entity, operation[1:], value)
            continue
        try:
            done.append((yield context.call_entity(entity, operation, value)))
        except df.TaskFailedError as error:
            done.append(f"{error.error_type}: {error}")
    return done


@app.orchestration_trigger()
def ask_many(context: df.DurableOrchestrationContext) -> Gen:
    return (yield context.task_all([context.call_entity(A, "get") for _ in range(context.get_input())]))


async def played(host: Host, *steps: Any, instance_id: str | None = None) -> Any:
    started = await host.client.start_new("play", instance_id, [list(step) for step in steps])
    return (await host.client.wait(started, 100)).output


async def settled(host: Host) -> None:
    """Until no entity has anything to do."""
    while not host.entities.is_quiet:
        await asyncio.sleep(0.01)
    await host.committer.barrier()


async def state(host: Host, entity: df.EntityId = A) -> Any:
    found = await host.client.read_entity_state(entity)
    return found.entity_state if found.entity_exists else "none"


def test_a_client_signals_and_reads_the_state() -> None:
    async def scenario(host: Host) -> None:
        assert await state(host) == "none"
        for number in (1, 2, 3):
            await host.client.signal_entity(A, "add", number)
        await settled(host)
        assert await state(host) == 6
        assert await state(host, df.EntityId("COUNTER", "a")) == 6
        assert await state(host, df.EntityId("counter", "A")) == "none"

    in_virtual_time(app, scenario)


def test_an_orchestrator_calls_and_signals_in_order() -> None:
    async def scenario(host: Host) -> None:
        steps = (("@counter@a", "!add", 1), ("@counter@a", "!add", 2), ("@counter@a", "get", None))
        assert await played(host, *steps) == [3]

    in_virtual_time(app, scenario)


def test_operations_of_one_entity_run_one_after_the_other_and_of_others_beside_it() -> None:
    async def scenario(host: Host) -> float:
        begun = host.loop.time()
        for key in ("a", "b"):
            for _ in range(3):
                await host.client.signal_entity(df.EntityId("slow", key), "wait", 10)
        await settled(host)
        assert await state(host, df.EntityId("slow", "a")) == 3
        return host.loop.time() - begun

    assert 30 <= in_virtual_time(app, scenario) < 40


def test_a_failed_operation_leaves_nothing_behind_and_the_next_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(host: Host) -> None:
        await host.client.signal_entity(A, "add", 1)
        with caplog.at_level(logging.WARNING):
            await host.client.signal_entity(A, "fail")
        await host.client.signal_entity(A, "add", 1)
        assert await played(host, ("@counter@a", "fail", None), ("@counter@a", "get", None)) == ["ValueError: no", 2]
        await settled(host)
        assert await state(host, df.EntityId("counter", "told")) == "none"

    in_virtual_time(app, scenario)
    assert "operation 'fail' failed: ValueError: no" in caplog.text


def test_without_roll_back_a_failed_operation_keeps_what_it_did() -> None:
    async def scenario(host: Host) -> None:
        await host.client.signal_entity(A, "fail")
        await settled(host)
        assert await state(host) == -1
        assert await state(host, df.EntityId("counter", "told")) == 1

    in_virtual_time(app, scenario, settings=HostSettings(rollback_entity_operations=False))


def test_sys_exit_in_an_operation_fails_it_and_not_the_host() -> None:
    async def scenario(host: Host) -> None:
        assert await played(host, ("@counter@a", "exit", None), ("@counter@a", "get", None)) == ["SystemExit: 3", 0]

    in_virtual_time(app, scenario)


def test_class_style_entities_have_a_method_for_each_operation() -> None:
    async def scenario(host: Host) -> None:
        got = await played(
            host,
            ("@account@x", "deposit", 5),
            ("@account@x", "later", 2),
            ("@account@x", "Balance", None),
            ("@account@x", "_private", None),
            ("@account@x", "delete", None),
            ("@account@x", "balance", None),
        )
        assert got[:3] == [5, 7, 7]
        assert "has no operation '_private'; it has 'balance', 'delete', 'deposit', 'later'" in got[3]
        assert got[4:] == [None, 0]
        await settled(host)
        assert await state(host, df.EntityId("account", "x")) == "none"

    in_virtual_time(app, scenario)


def test_an_entity_signals_others_and_starts_instances_with_its_state_or_not_at_all() -> None:
    async def scenario(host: Host) -> None:
        got = await played(host, ("@counter@a", "!add", 4), ("@counter@a", "tell", None))
        assert got == ["noted"]
        assert (await host.client.wait("noted", 100)).output == 4
        await settled(host)
        assert await state(host, df.EntityId("counter", "told")) == 4

    in_virtual_time(app, scenario)


def test_an_unknown_entity_is_refused_to_a_client_fails_a_call_and_drops_a_signal() -> None:
    async def scenario(host: Host) -> None:
        with pytest.raises(UnknownFunction, match="known entity functions: 'Account', 'counter', 'slow'"):
            await host.client.signal_entity(df.EntityId("nobody", "a"), "x")
        (text,) = await played(host, ("@nobody@a", "!x", None), ("@nobody@a", "x", None))
        assert text.startswith("UnknownFunction: The function 'nobody' doesn't exist")
        assert host.summary("@nobody@a") is None

    in_virtual_time(app, scenario)


def test_a_call_that_ends_its_orchestrator_in_the_same_episode_gets_no_answer() -> None:
    @app.orchestration_trigger()
    def hasty(context: df.DurableOrchestrationContext) -> str:
        context.call_entity(A, "add", 1)
        context.call_entity("@nobody@x", "add", 1)
        return "gone"

    async def scenario(host: Host) -> None:
        instance_id = await host.client.start_new("hasty")
        assert (await host.client.wait(instance_id, 100)).output == "gone"
        await settled(host)
        assert await state(host) == 1
        assert isinstance(host.history(instance_id)[-1], h.OrchestratorCompleted)

    in_virtual_time(app, scenario)


def test_many_calls_at_once_are_answered_in_argument_order() -> None:
    async def scenario(host: Host) -> None:
        await host.client.signal_entity(A, "add", 7)
        instance_id = await host.client.start_new("ask_many", None, 200)
        assert (await host.client.wait(instance_id, 100)).output == [7] * 200
        batches = [event for event in host.history("@counter@a") if isinstance(event, h.EntityBatchCompleted)]
        assert len(batches) <= 3

    in_virtual_time(app, scenario)


def test_a_batch_is_no_larger_than_the_limit() -> None:
    async def scenario(host: Host) -> None:
        instance_id = await host.client.start_new("ask_many", None, 25)
        await host.client.wait(instance_id, 100)
        batches = [event for event in host.history("@counter@a") if isinstance(event, h.EntityBatchCompleted)]
        assert [len(batch.results) for batch in batches] == [10, 10, 5]

    in_virtual_time(app, scenario, settings=HostSettings(max_entity_batch=10))


def test_a_signal_with_a_request_id_counts_once_also_across_a_restart() -> None:
    machine = VirtualMachine()

    async def twice(host: Host) -> Any:
        for _ in range(2):
            await host.client.signal_entity(A, "add", 1, request_id="r-1")
        await settled(host)
        return await state(host)

    assert machine.run(app, twice) == 1
    assert machine.run(app, twice, clean=False) == 1
    assert machine.run(app, twice) == 1


def test_entities_can_be_listed_by_name_and_by_time_in_pages() -> None:
    async def scenario(host: Host) -> None:
        for key in ("a", "b", "c"):
            await host.client.signal_entity(df.EntityId("counter", key), "add", 1)
            await settled(host)
            await asyncio.sleep(10)
        await host.client.signal_entity(df.EntityId("slow", "s"), "x")
        await host.client.signal_entity(df.EntityId("counter", "gone"), "get")
        await settled(host)
        found = await host.client.get_all_entities()
        assert [str(item.id) for item in found] == ["@counter@a", "@counter@b", "@counter@c", "@slow@s"]
        assert [item.state for item in found] == [1, 1, 1, 1]
        middle = found[1].last_modified
        of_name = await host.client.get_all_entities("Counter", last_modified_from=middle, include_state=False)
        assert [(item.id.key, item.state) for item in of_name] == [("b", None), ("c", None)]
        earlier = await host.client.get_all_entities(last_modified_to=middle - timedelta(seconds=1))
        assert [item.id.key for item in earlier] == ["a"]
        first = host.list_entities("counter", top=2)
        second = host.list_entities("counter", top=2, continuation=first.continuation)
        assert [[item.key for item in page.items] for page in (first, second)] == [["a", "b"], ["c"]]
        assert second.continuation == ""
        with pytest.raises(InvalidArgument, match="continuation token"):
            host.list_entities(continuation="nonsense")
        assert [item.id.key for item in await host.client.get_all_entities("counter", include_empty=True)][-1] == "gone"

    in_virtual_time(app, scenario)


def test_a_clean_up_removes_entities_without_a_state_that_nobody_waits_for() -> None:
    async def scenario(host: Host) -> None:
        await host.client.signal_entity(A, "add", 1)
        await host.client.signal_entity(df.EntityId("counter", "empty"), "get")
        await host.client.signal_entity(df.EntityId("slow", "busy"), "x", 50)
        await host.client.signal_entity(df.EntityId("slow", "busy"), "x", 50)
        await asyncio.sleep(1)
        cleaned = await host.client.clean_entity_storage()
        assert (cleaned.empty_entities_removed, cleaned.orphaned_locks_released) == (1, 0)
        assert host.summary("@counter@empty") is None
        await settled(host)
        assert await state(host, df.EntityId("slow", "busy")) == 2

    in_virtual_time(app, scenario)


def test_purging_an_entity_answers_those_who_wait_and_a_later_operation_makes_it_anew() -> None:
    async def scenario(host: Host) -> None:
        instance_id = await host.client.start_new("play", None, [["@slow@s", "x", 50], ["@slow@s", "x", 0]])
        await asyncio.sleep(1)
        assert (await host.client.purge_instance_history("@slow@s")).instances_deleted == 1
        output = (await host.client.wait(instance_id, 200)).output
        assert output == ["EntityPurged: the entity @slow@s was purged", 0]
        await asyncio.sleep(100)
        assert await state(host, df.EntityId("slow", "s")) == 1
        assert (await host.client.purge_instance_history("@slow@s")).instances_deleted == 1
        assert (await host.client.purge_instance_history("@slow@s")).instances_deleted == 0

    in_virtual_time(app, scenario)


def test_verbs_for_instances_refuse_entities() -> None:
    async def scenario(host: Host) -> None:
        await host.client.signal_entity(A, "add", 1)
        for verb in (host.client.terminate, host.client.suspend, host.client.resume):
            with pytest.raises(InvalidArgument, match="is an entity"):
                await verb("@counter@a", "x")
        with pytest.raises(InvalidArgument, match="is an entity"):
            await host.client.raise_event("@counter@a", "op")
        assert host.query(InstanceFilter()).items == []

    in_virtual_time(app, scenario)


@pytest.mark.parametrize("clean", [True, False])
def test_operations_that_were_acknowledged_are_run_after_a_restart(clean: bool) -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        for _ in range(3):
            await host.client.signal_entity(df.EntityId("slow", "a"), "wait", 1_000)
        await host.client.start_new("play", "caller", [["@slow@a", "wait", 5]])
        await asyncio.sleep(1)

    async def end(host: Host) -> Any:
        output = (await host.client.wait("caller", 10_000)).output
        return output, await state(host, df.EntityId("slow", "a"))

    machine.run(app, begin, clean=clean, settings=HostSettings(drain_seconds=0))
    assert machine.run(app, end) == ([5], 4)
    assert invariants.verify("/hub", machine.env) == []


def test_a_stop_waits_for_the_batch_that_runs() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.signal_entity(df.EntityId("slow", "a"), "wait", 5)
        await asyncio.sleep(1)

    async def look(host: Host) -> Any:
        return await state(host, df.EntityId("slow", "a"))

    machine.run(app, begin)
    assert machine.run(df.DFApp(), look) == 1


def test_an_entity_whose_function_is_gone_keeps_its_operations_until_it_is_back() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.signal_entity(df.EntityId("slow", "a"), "wait", 100)
        await asyncio.sleep(1)

    async def without(host: Host) -> None:
        await asyncio.sleep(1)
        assert host.is_idle
        await host.reload(Registry.from_app(app))
        await settled(host)
        assert await state(host, df.EntityId("slow", "a")) == 1

    machine.run(app, begin, clean=False)
    machine.run(df.DFApp(), without)


def test_entities_that_are_idle_leave_the_memory_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfcli.host.entities.IDLE_LANES_MAX", 5)

    async def scenario(host: Host) -> None:
        for turn in range(2):
            for key in range(20):
                await host.client.signal_entity(df.EntityId("counter", str(key)), "add", 1)
            await settled(host)
            await asyncio.sleep(1)  # the files catch up
            assert len(host.entities.lanes) == 5
            assert len(host.hub._published.summaries) <= 5
            assert [item.state for item in await host.client.get_all_entities()] == [turn + 1] * 20

    in_virtual_time(app, scenario)


def test_a_state_of_a_megabyte_survives_a_restart() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.signal_entity(A, "add", 1)
        for _ in range(12):
            await played(host, ("@keeper@k", "keep", "x" * 1_000_000))
        await settled(host)
        assert host.hub.executions("@keeper@k")[-1] >= 2  # rolled over by bytes

    big = df.DFApp()
    big.functions += app.functions

    @big.entity_trigger()
    def keeper(context: df.DurableEntityContext, value: Any) -> None:
        context.set_state([value, (context.get_state() or ["", 0])[1] + 1])

    async def look(host: Host) -> Any:
        found = await state(host, df.EntityId("keeper", "k"))
        return len(found[0]), found[1]

    machine.run(big, begin)
    assert machine.run(big, look) == (1_000_000, 12)
    assert invariants.verify("/hub", machine.env) == []


def test_on_a_disk_with_threads_a_thousand_calls_come_back(tmp_path: Path) -> None:
    async def scenario(host: Host) -> Any:
        ids = [await host.client.start_new("play", None, [["@counter@a", "!add", 1]] * 10) for _ in range(100)]
        for instance_id in ids:
            await host.client.wait(instance_id, 60)
        return await played(host, ("@counter@a", "get", None))

    assert in_real_time(app, str(tmp_path / "hub"), scenario) == [1000]


def test_a_state_that_is_no_json_fails_the_operation_and_names_the_place() -> None:
    odd = df.DFApp()
    odd.functions += app.functions

    @odd.entity_trigger()
    def setter(context: df.DurableEntityContext, value: Any) -> Any:
        if value == "state":
            context.set_state({"a": [object()]})
        return {"b": object()} if value == "result" else "fine"

    async def scenario(host: Host) -> Any:
        return await played(host, *(("@setter@x", "x", value) for value in ("state", "result", "ok")))

    first, second, third = in_virtual_time(odd, scenario)
    assert "(at $.a[0])" in first
    assert "(at $.b)" in second
    assert third == "fine"
