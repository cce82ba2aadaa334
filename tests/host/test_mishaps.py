"""What goes wrong beside the work: repeated requests in one breath, hosts that die, ids that come again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Awaitable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

import dfcli as df
from dfcli.env.environment import Env
from dfcli.env.ids import SeededIds
from dfcli.env.memory import MemoryFiles
from dfcli.errors import (
    HostStopped,
    InvalidArgument,
    NoSpace,
    OutcomeUnknown,
    Quarantined,
    Unavailable,
    WrongState,
)
from dfcli.host.host import Host
from dfcli.host.lane import RECENT_REQUESTS_MAX
from dfcli.host.settings import HostSettings
from dfcli.host.timers import SWEEP_MIN
from dfcli.model import history as h
from dfcli.model.ids import REQUEST_ID_LENGTH_MAX
from dfcli.registry.registry import Registry
from tests.host.running import VirtualMachine, in_virtual_time
from tests.simulation.faulty_files import FaultyFiles

app = df.DFApp()
ran: list[int] = []


@app.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger()
def has_child(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_sub_orchestrator("waits"))


@app.orchestration_trigger()
def sleeps(context: df.DurableOrchestrationContext) -> Any:
    """For so many seconds, or until told to go."""
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([deadline, event])
    if winner is event:
        deadline.cancel()
    return "woken" if winner is event else "slept"


@app.orchestration_trigger()
def spins(context: df.DurableOrchestrationContext) -> Any:
    context.continue_as_new(None)
    yield context.create_timer(context.current_utc_datetime)


@app.activity_trigger()
async def naps(number: int) -> int:
    ran.append(number)
    await asyncio.sleep(60)
    return number


@app.activity_trigger()
def double(number: int) -> int:
    return 2 * number


@app.orchestration_trigger()
def fans_out(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.task_all([context.call_activity("naps", n) for n in range(3)]))


@app.orchestration_trigger()
def doubles(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity("double", 21))


@app.orchestration_trigger()
def goes_on(context: df.DurableOrchestrationContext) -> Any:
    if context.get_input() is None:
        yield context.wait_for_external_event("go")
        context.continue_as_new("as new")
    return context.get_input()


class Nasty(Exception):
    @property
    def failure_details(self) -> Any:
        raise ValueError("not even this")


@app.activity_trigger()
def nasty(_: None) -> None:
    raise Nasty


@app.orchestration_trigger()
def nasty_caller(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity("nasty")
    except df.TaskFailedError as error:
        return error.error_type


async def _shows(request: Awaitable[object], host: Host, kind: type[h.HistoryEvent]) -> bool:
    """Whether the committed history of `x` holds such an event at the moment the request is answered."""
    with contextlib.suppress(WrongState):
        await request
    return any(isinstance(event, kind) for event in host.history("x"))


def test_a_repeated_event_is_acknowledged_only_once_the_first_is_durable() -> None:
    async def scene(host: Host) -> list[bool]:
        await host.client.start_new("waits", instance_id="x")
        requests = [host.raise_event("x", "other", request_id="same") for _ in range(2)]
        return await asyncio.gather(*(_shows(request, host, h.EventRaised) for request in requests))

    assert in_virtual_time(app, scene) == [True, True]


def test_a_second_suspend_is_refused_only_once_the_first_is_durable() -> None:
    async def scene(host: Host) -> list[bool]:
        await host.client.start_new("waits", instance_id="x")
        return await asyncio.gather(*(_shows(host.suspend("x"), host, h.ExecutionSuspended) for _ in range(2)))

    assert in_virtual_time(app, scene) == [True, True]


def test_fifty_callers_that_start_the_same_id_at_once_start_it_once() -> None:
    async def scene(host: Host) -> tuple[int, list[int]]:
        starts = [host.start_instance("waits", instance_id="x") for _ in range(50)]
        answers = await asyncio.gather(*starts, return_exceptions=True)
        return answers.count("x"), host.hub.executions("x")

    assert in_virtual_time(app, scene) == (1, [1])


class FaultyMachine(VirtualMachine):
    """Its disk can be told to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = FaultyFiles(Random(1))
        self.env = Env(clock=self.clock, ids=SeededIds(0), files=self.disk, spawn=None)


def test_a_host_that_stops_itself_leaves_nobody_waiting() -> None:
    machine = FaultyMachine()

    async def scene(host: Host) -> Any:
        await host.client.start_new("waits", instance_id="x")
        end = asyncio.ensure_future(host.wait("x"))
        await asyncio.sleep(0)
        machine.disk.faults.sync_failures = 1.0
        with pytest.raises((OutcomeUnknown, HostStopped)):
            await host.raise_event("x", "go")
        for late in (end, asyncio.ensure_future(host.wait("x"))):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(late, 5)

    machine.run(app, scene, clean=False)


def test_a_start_that_fails_lets_go_of_the_hub() -> None:
    machine = FaultyMachine()

    async def nothing(_: Host) -> None: ...

    machine.run(app, nothing)
    closed: list[Host] = []

    class Full(Host):
        def _take_up(self, summary: Any) -> None:
            closed.append(self)
            raise NoSpace("full")

    async def start(host: Host) -> None:
        await host.client.start_new("doubles", instance_id="x")

    machine.run(app, start, clean=False)

    async def fails() -> None:
        host = Full(app, hub="/hub", env=machine.env)
        with pytest.raises(NoSpace):
            await host.start()
        assert host.is_closed
        with pytest.raises(HostStopped):
            host.hub.commit_step()

    asyncio.run(fails())
    assert closed


def test_whoever_waits_for_an_id_that_is_started_again_at_once_is_told_of_an_end() -> None:
    async def scene(host: Host) -> str:
        await host.client.start_new("waits", instance_id="x")
        end = asyncio.ensure_future(host.wait("x", 100))
        await asyncio.sleep(0)
        # Both in one breath: the new run is there before the waiter looks.
        await asyncio.gather(host.terminate("x"), _start_when_it_can(host))
        await asyncio.sleep(1)
        await host.raise_event("x", "go")
        return (await end).status

    assert in_virtual_time(app, scene) in ("Terminated", "Completed")


async def _start_when_it_can(host: Host) -> None:
    await asyncio.sleep(0)
    await host.start_instance("waits", instance_id="x")


def test_a_child_of_a_purged_run_does_not_stand_in_the_way_of_the_next_run() -> None:
    async def scene(host: Host) -> Any:
        for _ in range(2):
            await host.client.start_new("has_child", instance_id="x")
            await asyncio.sleep(1)
            if host.summary("x:1:0").parent.execution_id == host.summary("x").execution_id:  # type: ignore[union-attr]
                await host.terminate("x")  # its child lives on
                await host.purge("x")
                host.hub.compact()  # from now on execution numbers begin anew
        assert host.summary("x").exec == 1  # type: ignore[union-attr]
        created = next(e for e in host.history("x") if isinstance(e, h.SubOrchestrationInstanceCreated))
        assert created.child_instance_id != "x:1:0"
        await host.reload(Registry.from_app(app))  # the replay finds nothing wrong with the id
        await host.raise_event(created.child_instance_id, "go")
        return (await host.client.wait("x", 10)).runtime_status.value

    assert in_virtual_time(app, scene) == "Completed"


def test_a_timer_of_a_purged_run_does_not_fire_in_the_next_run() -> None:
    async def scene(host: Host) -> float:
        await host.client.start_new("sleeps", instance_id="x", client_input=100)
        await host.terminate("x")
        await host.purge("x")
        host.hub.compact()  # from now on execution numbers begin anew
        await host.client.start_new("sleeps", instance_id="x", client_input=5_000)
        assert host.summary("x").exec == 1  # type: ignore[union-attr]
        before = host.env.clock.time()
        await host.client.wait("x", 10_000)
        return host.env.clock.time() - before

    assert in_virtual_time(app, scene) >= 5_000


def test_deadlines_that_were_cancelled_do_not_fill_the_memory() -> None:
    async def scene(host: Host) -> int:
        for number in range(SWEEP_MIN + 50):
            await host.client.start_new("sleeps", instance_id=f"x{number}", client_input=30 * 86_400)
            await host.raise_event(f"x{number}", "go")
        return len(host._timers)

    assert in_virtual_time(app, scene) < 100


def test_an_unknown_orchestrator_fails_though_it_was_suspended_before_its_first_turn() -> None:
    machine = VirtualMachine()

    async def start(host: Host) -> None:
        await asyncio.gather(host.start_instance("waits", instance_id="x"), _suspend_at_once(host))

    async def resume(host: Host) -> str:
        await host.resume("x")
        return (await host.wait("x", 10)).status

    machine.run(app, start)
    other = df.DFApp()
    assert machine.run(other, resume) == "Failed"


async def _suspend_at_once(host: Host) -> None:
    while host.scheduler.lane("x") is None:
        await asyncio.sleep(0)
    await host.suspend("x")


def test_a_host_stops_though_an_instance_never_comes_to_rest() -> None:
    machine = VirtualMachine()

    async def scene(host: Host) -> None:
        await host.client.start_new("spins", instance_id="x")

        async def give_up() -> None:
            for _ in range(500):
                await asyncio.sleep(0)
            assert host.is_closed

        await asyncio.gather(host.stop(), give_up())

    machine.run(app, scene, clean=True)


def test_a_stop_on_a_full_disk_does_not_wait_for_space() -> None:
    machine = FaultyMachine()

    async def scene(host: Host) -> None:
        await host.client.start_new("waits", instance_id="x")
        event = asyncio.ensure_future(host.raise_event("x", "go"))
        await asyncio.sleep(0)  # taken, and not durable yet
        machine.disk.faults.is_full = True
        await asyncio.wait_for(host.stop(), 20)
        with pytest.raises(OutcomeUnknown):
            await event

    machine.run(app, scene, clean=True)


def test_waiting_async_activities_do_not_begin_when_a_stop_cancels_those_before_them() -> None:
    ran.clear()

    async def scene() -> None:
        settings = HostSettings(async_activities_max=1, drain_seconds=0)
        env = Env(files=MemoryFiles())
        async with Host(app, hub="/hub", env=env, settings=settings) as host:
            await host.client.start_new("fans_out", instance_id="x")
            while not ran:
                await asyncio.sleep(0.001)
        for _ in range(20):
            await asyncio.sleep(0.001)

    asyncio.run(scene())
    assert ran == [0]


def test_an_onlooker_that_fails_keeps_nothing_from_happening() -> None:
    def broken(_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "nobody reads")

    async def scene(host: Host) -> Any:
        await host.client.start_new("doubles", instance_id="x")
        return (await host.client.wait("x", 10)).output

    assert in_virtual_time(app, scene, on_transition=broken) == 42


def test_a_host_is_idle_once_the_instance_whose_timer_it_found_at_the_start_has_ended() -> None:
    machine = VirtualMachine()

    async def start(host: Host) -> None:
        await host.client.start_new("sleeps", instance_id="x", client_input=86_400)

    async def go_on(host: Host) -> bool:
        await host.raise_event("x", "go")
        await host.wait("x", 10)
        return host.is_idle

    machine.run(app, start)
    assert machine.run(app, go_on)


def test_as_many_of_the_longest_request_ids_as_a_run_remembers_fit_into_one_line() -> None:
    async def scene(host: Host) -> Any:
        await host.client.start_new("goes_on", instance_id="x")
        with pytest.raises(InvalidArgument, match="request id"):
            await host.raise_event("x", "other", request_id="k" * (REQUEST_ID_LENGTH_MAX + 1))
        for number in range(RECENT_REQUESTS_MAX):
            key = f"{number:\x01>{REQUEST_ID_LENGTH_MAX}}"  # six bytes each, once they are escaped
            await host.raise_event("x", "other", request_id=key)
        await host.raise_event("x", "go")
        return (await host.client.wait("x", 10)).output

    assert in_virtual_time(app, scene) == "as new"


def test_an_activity_whose_exception_cannot_even_be_described_fails() -> None:
    async def scene(host: Host) -> Any:
        await host.client.start_new("nasty_caller", instance_id="x")
        return (await host.client.wait("x", 10)).output

    assert in_virtual_time(app, scene) == "Nasty"


@pytest.mark.parametrize("is_resident", [True, False])
def test_an_instance_whose_damage_a_reader_finds_takes_no_more_lines(is_resident: bool) -> None:
    machine = VirtualMachine()

    async def scene(host: Host) -> list[Any]:
        await host.client.start_new("has_child", instance_id="mother")
        await asyncio.sleep(1)
        host.hub.materialise_step(everything=True)
        lane = host.scheduler.lanes["mother"]
        if not is_resident:
            host.scheduler.drop(lane)
        path = host.hub._filing._parts.instances.path(lane.key)
        file = machine.files.open(path, write=True)
        file.pwrite(b"#", file.size() // 2)
        with pytest.raises(Quarantined):
            host.history("mother")
        with pytest.raises(Quarantined):
            await host.raise_event("mother", "go")
        await host.raise_event("mother:1:0", "go")  # whose answer nobody takes
        assert (await host.wait("mother:1:0", 10)).status == "Completed"
        with pytest.raises(Quarantined):
            await host.start_instance("waits", instance_id="mother")
        assert await host.purge("mother") == 1
        await host.start_instance("doubles", instance_id="mother")
        return [(await host.client.wait("mother", 10)).output, host.stopped]

    assert machine.run(app, scene) == [42, None]
