"""Eternal orchestrations: a run of very many generations costs no more files, memory or work than one of few."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import dfcli as df
from dfcli.host.host import Host
from dfcli.storage.settings import HubSettings
from tests.host.running import VirtualMachine, in_virtual_time

GENERATIONS = 1_500

app = df.DFApp()


@app.activity_trigger()
def tick(number: int) -> int:
    return number


@app.orchestration_trigger()
def eternal(context: df.DurableOrchestrationContext) -> Any:
    """Input: [generation, last generation]."""
    number, last = context.get_input()
    yield context.call_activity(tick, number)
    if number < last:
        context.continue_as_new([number + 1, last])
        return None
    return number


@app.orchestration_trigger()
def collector(context: df.DurableOrchestrationContext) -> Any:
    """Takes one event each generation."""
    taken = context.get_input()
    taken.append((yield context.wait_for_external_event("Item")))
    if len(taken) < 20:
        context.continue_as_new(taken)
        return None
    return taken


def history_files(machine: VirtualMachine) -> int:
    files = machine.files
    return sum(len(files.list(f"/hub/instances/{shard}")) for shard in files.list("/hub/instances"))


def test_only_the_newest_generations_have_files_however_many_there_were() -> None:
    machine = VirtualMachine()
    most = 0

    async def run(host: Host) -> Any:
        nonlocal most
        await host.client.start_new("eternal", "e", [1, GENERATIONS])
        while not (status := await host.client.get_status("e")).output:
            host.hub.materialise_step()
            most = max(most, history_files(machine))
            await asyncio.sleep(0.01)
        host.hub.materialise_step(everything=True)
        return status.output

    assert machine.run(app, run) == GENERATIONS
    assert history_files(machine) == HubSettings().keep_executions
    assert most <= HubSettings().keep_executions + 1


def test_generations_that_no_file_step_has_seen_are_never_written() -> None:
    """The run is over before the files are looked at for the first time: a fast one must not fill the folder."""
    machine = VirtualMachine()

    async def run(host: Host) -> Any:
        await host.client.start_new("eternal", "e", [1, 200])
        await host.client.wait("e")
        made = [work.key.exec for work in host.hub._published.take_tails(None)]
        host.hub.materialise_step(everything=True)
        return made, [len(host.history("e", number)) for number in host.hub.executions("e")]

    made, lengths = machine.run(app, run)
    assert made == [198, 199, 200]
    assert lengths == [8, 8, 8]


def test_memory_does_not_grow_with_the_generations() -> None:
    def objects_after(generations: int) -> int:
        async def run(host: Host) -> int:
            await host.client.start_new("eternal", "e", [1, generations])
            await host.client.wait("e")
            host.hub.materialise_step(everything=True)
            gc.collect()
            return len(gc.get_objects())

        return in_virtual_time(app, run)

    objects_after(10)  # what is made once
    few, many = objects_after(10), objects_after(GENERATIONS)
    assert many - few < GENERATIONS / 10


def test_each_generation_writes_the_same_number_of_lines() -> None:
    async def run(host: Host) -> list[int]:
        await host.client.start_new("eternal", "e", [1, 50])
        await host.client.wait("e")
        return [len(host.lines("e", number)) for number in host.hub.executions("e")]

    assert in_virtual_time(app, run) == [8, 8, 8]


def test_events_that_come_faster_than_generations_are_taken_once_each_and_in_order() -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("collector", "c", [])
        for number in range(20):
            await host.client.raise_event("c", "Item", number)
        return (await host.client.wait("c")).output

    assert in_virtual_time(app, run) == list(range(20))
