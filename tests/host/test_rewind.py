"""Rewinding on a host: what runs again, what does not, children, restarts, and refusals."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.engine.execution import Execution
from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.errors import NotFound, WrongState
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.storage.invariants import check_execution, verify
from tests.host.running import VirtualMachine, in_virtual_time

Steps = Generator[Any, Any, Any]
RETRY = df.RetryOptions(1_000, 3)
shared = df.Blueprint()


class World:
    """An app whose activities fail while they are named in `broken`, and count their successes."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.done: Counter[str] = Counter()
        self.app = df.DFApp()
        for name in ("pay", "ship", "tidy"):
            self.app.activity_trigger()(self.app.function_name(name)(self._activity(name)))
        self.app.register_functions(shared)

    def _activity(self, name: str) -> Any:
        def run(value: Any) -> Any:
            if name in self.broken:
                raise ValueError(f"{name} is broken")
            self.done[name] += 1
            return f"{name} {value}"

        return run


@shared.orchestration_trigger()
def order(context: df.DurableOrchestrationContext) -> Steps:
    paid = yield context.call_activity("pay", 1)
    shipped = yield context.call_activity("ship", 2)
    return [paid, shipped]


@shared.orchestration_trigger()
def parent(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_sub_orchestrator("order"))


@shared.orchestration_trigger()
def careful(context: df.DurableOrchestrationContext) -> Steps:
    try:
        return (yield context.call_activity_with_retry("ship", RETRY, 1))
    except df.TaskFailedError:
        yield context.call_sub_orchestrator("waits")
        raise


@shared.orchestration_trigger()
def wide(context: df.DurableOrchestrationContext) -> Steps:
    children = [context.call_sub_orchestrator("order", n) for n in range(5)]
    return len((yield context.task_all(children)))


@shared.orchestration_trigger()
def deep(context: df.DurableOrchestrationContext) -> Steps:
    level = context.get_input()
    if level == 0:
        return (yield context.call_activity("ship", "bottom"))
    return (yield context.call_sub_orchestrator("deep", level - 1))


@shared.orchestration_trigger()
def slow_beside(context: df.DurableOrchestrationContext) -> Steps:
    held = context.call_activity("hold", 1)
    child = context.call_sub_orchestrator("waits")
    timer = context.create_timer(timedelta(hours=1))
    shipped = yield context.call_activity("ship", 1)
    yield timer
    return [shipped, (yield held), (yield child)]


@shared.orchestration_trigger()
def named(context: df.DurableOrchestrationContext) -> Steps:
    try:
        return (yield context.call_activity("ship", 1))
    except df.TaskFailedError:
        child = context.call_sub_orchestrator("waits", None, "helper")
        yield context.task_any([child, context.create_timer(timedelta(seconds=5))])
        raise


@shared.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.wait_for_external_event("go"))


@shared.activity_trigger()
async def hold(seconds: int) -> str:
    await asyncio.sleep(3600)
    return "held"


async def failed(host: Host, name: str, value: Any = None, instance_id: str = "i") -> None:
    await host.start_instance(name, payloads.encode(value), instance_id=instance_id)
    assert (await host.wait(instance_id)).status == "Failed"


def output_of(host: Host, instance_id: str = "i") -> Any:
    summary = host.summary(instance_id)
    assert summary is not None
    assert summary.status == "Completed", summary
    return payloads.decode(*summary.output)


def all_sound(host: Host) -> None:
    """Every history obeys the invariants and replays."""
    for item in host.query(InstanceFilter(), top=1_000).items:
        for number in host.hub.executions(item.instance_id):
            history = host.history(item.instance_id, number)
            assert check_execution(history) == [], item.instance_id
            execution = Execution.replay(host.registry.lookup, history, ExecutionKey(item.instance_id, number))
            assert execution.differences == []
            execution.close()


def test_only_the_failed_activity_runs_again() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "order")
        world.broken.clear()
        report = await host.rewind("i", "fixed")
        assert (report.runs_again, report.fails_again, report.verified) == (["ship #1"], "", True)
        await host.wait("i")
        assert output_of(host) == ["pay 1", "ship 2"]
        assert world.done == {"pay": 1, "ship": 1}
        assert [type(e).__name__ for e in host.history("i")].count("ExecutionRewound") == 1
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_what_is_still_broken_fails_again_and_can_be_rewound_again() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "order")
        for _ in range(3):
            await host.rewind("i")
            assert (await host.wait("i")).status == "Failed"
        world.broken.clear()
        await host.rewind("i")
        await host.wait("i")
        assert output_of(host) == ["pay 1", "ship 2"]
        assert world.done["pay"] == 1
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_a_dry_run_tells_and_changes_nothing() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "order")
        before = host.lines("i")
        report = await host.rewind("i", dry_run=True)
        assert [(line.event_type, line.name) for line in report.voided] == [
            ("TaskScheduled", "ship"),
            ("TaskFailed", ""),
            ("ExecutionCompleted", ""),
        ]
        assert report.runs_again == ["ship #1"]
        assert host.lines("i") == before
        assert host.summary("i").status == "Failed"  # type: ignore[union-attr]

    in_virtual_time(world.app, scenario)


def test_failed_children_are_rewound_with_their_parent_five_levels_down() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "deep", 5)
        world.broken.clear()
        batches = host.hub.batches_committed
        report = await host.rewind("i")
        assert len(report.rewound_children) == 5
        assert report.runs_again == []
        await host.wait("i")
        assert host.hub.batches_committed > batches
        assert output_of(host) == "ship bottom"
        assert world.done == {"ship": 1}
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_of_many_children_those_that_failed_are_rewound() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "wide")
        world.broken.clear()
        report = await host.rewind("i")
        assert len(report.rewound_children) == 5
        await host.wait("i")
        assert output_of(host) == 5
        assert world.done == {"pay": 5, "ship": 5}
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_a_child_rewound_by_itself_completes_and_its_parent_takes_that_result_when_it_is_rewound() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "parent")
        world.broken.clear()
        await host.rewind("i:1:0")
        await host.wait("i:1:0")
        assert output_of(host, "i:1:0") == ["pay 1", "ship 2"]
        assert host.summary("i").status == "Failed"  # type: ignore[union-attr]
        report = await host.rewind("i")
        assert report.rewound_children == []
        await host.wait("i")
        assert output_of(host) == ["pay 1", "ship 2"]
        assert world.done == {"pay": 1, "ship": 1}
        all_sound(host)

    in_virtual_time(world.app, scenario)


@pytest.mark.parametrize("how", ["purged", "terminated", "replaced"])
def test_a_failed_child_that_is_no_more_is_started_anew(how: str) -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "parent")
        world.broken.clear()
        if how == "terminated":
            await host.rewind("i:1:0", verify=False)
            await host.terminate("i:1:0")
            await host.wait("i:1:0")
        else:
            await host.purge("i:1:0")
        if how == "replaced":
            await host.start_instance("order", instance_id="i:1:0")
            await host.wait("i:1:0")
        report = await host.rewind("i")
        assert report.rewound_children == []
        assert report.new_children == ["i:1:0"]
        await host.wait("i")
        assert output_of(host) == ["pay 1", "ship 2"]
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_a_child_of_the_handler_is_terminated_and_asked_for_anew_under_its_own_id() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "named")
        assert host.summary("helper").status == "Running"  # type: ignore[union-attr]
        report = await host.rewind("i")
        assert report.ended_children == ["helper"]
        assert (await host.wait("i")).status == "Failed"
        assert [host.hub.executions("helper"), host.summary("helper").status] == [[1, 2], "Running"]  # type: ignore[union-attr]
        ended = next(e for e in host.history("helper", 1) if isinstance(e, h.ExecutionCompleted))
        assert ended.orchestration_status == "Terminated"
        world.broken.clear()
        await host.rewind("i")
        await host.wait("i")
        assert output_of(host) == "ship 1"
        assert (await host.wait("helper")).status == "Terminated"
        all_sound(host)

    in_virtual_time(world.app, scenario)


@pytest.mark.parametrize("restarted", [False, True])
def test_work_that_was_open_at_the_failure_goes_on(restarted: bool) -> None:
    world = World("ship")
    machine = VirtualMachine()

    async def fails_and_is_rewound(host: Host) -> None:
        await failed(host, "slow_beside")
        world.broken.clear()
        report = await host.rewind("i")
        assert report.runs_again == ["hold #0", "ship #3"]
        if not restarted:
            await ends(host)

    async def ends(host: Host) -> None:
        await host.raise_event("i:1:1", "go", payloads.encode("went"))
        await host.wait("i")
        assert output_of(host) == ["ship 1", "held", "went"]
        assert restarted or world.done == {"ship": 1}
        all_sound(host)

    machine.run(world.app, fails_and_is_rewound, clean=not restarted)
    if restarted:
        machine.run(world.app, ends)
    assert verify("/hub", machine.env) == []


def test_a_child_that_ended_after_its_parent_failed_has_its_result_taken_along() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "slow_beside")
        await host.raise_event("i:1:1", "go", payloads.encode("early"))
        await host.wait("i:1:1")
        world.broken.clear()
        await host.rewind("i")
        await host.wait("i")
        assert output_of(host) == ["ship 1", "held", "early"]
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_a_rewind_is_whole_or_not_at_all_after_a_crash() -> None:
    world = World("ship")
    machine = VirtualMachine()

    async def fails(host: Host) -> None:
        await failed(host, "deep", 3)

    async def rewinds(host: Host) -> None:
        world.broken.clear()
        await host.rewind("i")

    async def ends(host: Host) -> None:
        await host.wait("i")
        assert output_of(host) == "ship bottom"
        all_sound(host)

    machine.run(world.app, fails, clean=False)
    machine.run(world.app, rewinds, clean=False)
    machine.run(world.app, ends)


def test_without_code_it_is_recorded_and_runs_when_a_host_starts() -> None:
    world = World("ship")
    machine = VirtualMachine()

    async def fails(host: Host) -> None:
        await failed(host, "parent")

    async def rewinds(host: Host) -> None:
        report = await host.rewind("i")
        assert report.verified
        assert host.summary("i").status == "Running"  # type: ignore[union-attr]

    async def ends(host: Host) -> None:
        await host.wait("i")
        assert output_of(host) == ["pay 1", "ship 2"]

    machine.run(world.app, fails)
    world.broken.clear()
    machine.run(world.app, rewinds, runs_code=False)
    machine.run(world.app, ends)


def test_a_rewound_instance_can_be_terminated_without_code_and_replays() -> None:
    world = World("ship")
    machine = VirtualMachine()

    async def fails(host: Host) -> None:
        await failed(host, "order")

    async def rewinds(host: Host) -> None:
        await host.rewind("i")
        await host.terminate("i", "enough")

    async def is_terminated(host: Host) -> None:
        assert host.summary("i").status == "Terminated"  # type: ignore[union-attr]
        all_sound(host)

    machine.run(world.app, fails)
    machine.run(world.app, rewinds, runs_code=False)
    machine.run(world.app, is_terminated)


def test_code_that_does_not_repeat_what_stays_is_refused_and_nothing_is_written() -> None:
    world = World("ship")
    other = df.DFApp()

    @other.orchestration_trigger()
    def order(context: df.DurableOrchestrationContext) -> Steps:
        yield context.call_activity("tidy", 1)

    async def scenario(host: Host) -> None:
        await failed(host, "order")
        from dfcli.registry.registry import Registry

        await host.reload(Registry.from_app(other))
        before = host.lines("i")
        with pytest.raises(NonDeterminismError, match="activity `pay`, the code now asks for activity `tidy`"):
            await host.rewind("i")
        assert host.lines("i") == before

    in_virtual_time(world.app, scenario)


def test_only_failed_instances_are_rewound() -> None:
    world = World()

    async def scenario(host: Host) -> None:
        await host.start_instance("order", instance_id="i")
        await host.wait("i")
        await host.start_instance("waits", instance_id="live")
        for instance_id, status in (("i", "Completed"), ("live", "Pending|Running")):
            with pytest.raises(WrongState, match=f"This orchestration has status ({status}), but only"):
                await host.rewind(instance_id)
        with pytest.raises(NotFound, match=r'No orchestration with instance ID "\$nobody" found\.'):
            await host.rewind("nobody")

    in_virtual_time(world.app, scenario)


def test_a_late_result_of_an_activity_that_stays_scheduled_counts_and_one_of_a_voided_line_does_not() -> None:
    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "slow_beside")
        world.broken.clear()
        await host.rewind("i")
        await host.raise_event("i:1:1", "go")
        await host.wait("i")
        results = [e for e in host.history("i") if isinstance(e, h.TaskCompleted) and e.task_scheduled_id == 0]
        assert len(results) == 1
        all_sound(host)

    in_virtual_time(world.app, scenario)


def test_every_episode_replayed_rewinds_alike() -> None:
    from dfcli.host.settings import HostSettings

    world = World("ship")

    async def scenario(host: Host) -> None:
        await failed(host, "deep", 2)
        world.broken.clear()
        await host.rewind("i")
        await host.wait("i")
        assert output_of(host) == "ship bottom"

    in_virtual_time(world.app, scenario, settings=HostSettings(always_replay=True))
