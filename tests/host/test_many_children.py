"""Sub-orchestrations in numbers: deep, wide, and with names that belong to somebody else."""

from __future__ import annotations

from typing import Any

import dfcli as df
from dfcli.host.host import Host
from dfcli.model.query import InstanceFilter
from tests.host.running import VirtualMachine, in_virtual_time

WIDTH = 1_000
DEPTH = 5

app = df.DFApp()


@app.activity_trigger()
def echo(value: Any) -> Any:
    return value


@app.activity_trigger()
def boom(value: Any) -> None:
    raise ValueError(f"at the bottom: {value}")


@app.orchestration_trigger()
def deep(context: df.DurableOrchestrationContext) -> Any:
    """Input: [levels below, name of the activity at the bottom]."""
    levels, bottom = context.get_input()
    if levels == 0:
        return [context.instance_id, (yield context.call_activity(bottom, "leaf"))]
    below = yield context.call_sub_orchestrator(deep, [levels - 1, bottom])
    return [context.instance_id, context.parent_instance_id, *below]


@app.orchestration_trigger()
def leaf(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity(echo, context.get_input()))


@app.orchestration_trigger()
def wide(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.task_all([context.call_sub_orchestrator(leaf, n) for n in range(context.get_input())]))


@app.orchestration_trigger()
def waiting_parent(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_sub_orchestrator(patient, instance_id="the-child", version="2.0"))


@app.orchestration_trigger()
def patient(context: df.DurableOrchestrationContext) -> Any:
    word = yield context.wait_for_external_event("Word")
    return [word, context.version]


def test_five_levels_deep_each_knows_its_parent() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("deep", "top", [DEPTH, "echo"])
        output = (await host.client.wait("top")).output
        return output, len(host.query(InstanceFilter()).items)

    output, instances = in_virtual_time(app, run)
    assert output[:3] == ["top", None, "top:1:0"]
    assert output[3] == "top"  # the parent of the first child
    assert output[-2:] == [":".join(["top", *["1:0"] * DEPTH]), "leaf"]
    assert instances == DEPTH + 1


def test_a_failure_five_levels_down_reaches_the_top_with_its_root_cause() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("deep", "top", [DEPTH, "boom"])
        status = await host.client.wait("top")
        failure, levels = status.failure_details, 0
        while failure.inner_failure is not None:
            failure, levels = failure.inner_failure, levels + 1
        return status.runtime_status.name, failure.error_type, failure.error_message, levels

    name, error_type, message, levels = in_virtual_time(app, run)
    assert (name, error_type, message) == ("Failed", "ValueError", "at the bottom: leaf")
    assert levels >= DEPTH


def test_a_thousand_children_at_once_answer_in_the_order_of_the_calls() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("wide", "w", WIDTH)
        output = (await host.client.wait("w")).output
        page = host.query(InstanceFilter(parent_id="w"), top=WIDTH + 1)
        return output, len(page.items), len(host.scheduler.lanes)

    output, children, lanes = in_virtual_time(app, run)
    assert output == list(range(WIDTH))
    assert children == WIDTH
    assert lanes == 0


def test_a_thousand_children_survive_a_kill_in_the_middle() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> int:
        await host.client.start_new("wide", "w", WIDTH)
        return len(host.scheduler.lanes)

    async def finish(host: Host) -> Any:
        return (await host.client.wait("w")).output

    machine.run(app, begin, clean=False)
    assert machine.run(app, finish) == list(range(WIDTH))


def test_a_child_that_waits_outlives_its_hosts_and_answers_its_parent() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("waiting_parent", "p")
        await host.client.get_status("the-child")

    async def finish(host: Host) -> Any:
        await host.client.raise_event("the-child", "Word", "now")
        return (await host.client.wait("p")).output

    machine.run(app, begin, clean=False)
    assert machine.run(app, finish) == ["now", "2.0"]
