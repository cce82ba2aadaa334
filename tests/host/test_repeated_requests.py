"""A client that had no answer asks again with the same key: what it asked for happens once."""

from __future__ import annotations

from typing import Any

import pytest

import dfcli as df
from dfcli.errors import InstanceExists, InstanceGone
from dfcli.host.host import Host
from dfcli.model.payload import encode
from tests.host.running import VirtualMachine

app = df.DFApp()


@app.orchestration_trigger()
def collect(context: df.DurableOrchestrationContext) -> Any:
    """One event per execution, then as new, until there are three."""
    seen = context.get_input() or []
    seen.append((yield context.wait_for_external_event("note")))
    if len(seen) < 3:
        context.continue_as_new(seen)
        return None
    return seen


async def settle(host: Host) -> None:
    import asyncio

    for _ in range(20):
        await asyncio.sleep(0)
    await host.committer.barrier()


async def raise_note(host: Host, number: int) -> None:
    await host.raise_event("a", "note", encode(number), request_id=f"key {number}")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_repeated_event_counts_once_though_its_reader_has_continued_as_new(restarted: bool) -> None:
    machine = VirtualMachine()

    async def first(host: Host) -> None:
        await host.start_instance("collect", instance_id="a")
        await raise_note(host, 1)
        await settle(host)
        await raise_note(host, 2)
        await settle(host)

    async def again(host: Host) -> Any:
        await raise_note(host, 1)
        await raise_note(host, 2)
        await raise_note(host, 3)
        return (await host.client.wait("a", 10)).output

    async def both(host: Host) -> Any:
        await first(host)
        return await again(host)

    if restarted:
        machine.run(app, first, clean=False)
    assert machine.run(app, again if restarted else both, clean=True) == [1, 2, 3]


def test_an_event_for_an_execution_that_is_not_durable_yet_is_taken() -> None:
    async def scene(host: Host) -> Any:
        import asyncio

        await host.start_instance("collect", instance_id="a")
        # Each of these finds the instance between two executions, the newer one still on its way to the disk.
        await asyncio.gather(*(raise_note(host, number) for number in (1, 2, 3)))
        return (await host.client.wait("a", 10)).output

    assert VirtualMachine().run(app, scene, clean=True) == [1, 2, 3]


def test_a_repeated_event_is_acknowledged_though_its_reader_has_ended() -> None:
    machine = VirtualMachine()

    async def scene(host: Host) -> None:
        await host.start_instance("collect", instance_id="a")
        for number in (1, 2, 3):
            await raise_note(host, number)
        await host.client.wait("a", 10)
        await raise_note(host, 3)
        with pytest.raises(InstanceGone):
            await raise_note(host, 4)

    machine.run(app, scene, clean=True)

    async def after_a_restart(host: Host) -> None:
        await raise_note(host, 3)
        with pytest.raises(InstanceGone):
            await raise_note(host, 4)

    machine.run(app, after_a_restart, clean=True)


def test_a_repeated_start_starts_once_though_the_instance_has_continued_as_new_or_ended() -> None:
    async def scene(host: Host) -> None:
        async def start() -> str:
            return await host.start_instance("collect", instance_id="a", request_id="start a")

        await start()
        await raise_note(host, 1)
        await settle(host)
        assert host.summary("a").exec == 2  # type: ignore[union-attr]
        assert await start() == "a"
        with pytest.raises(InstanceExists):
            await host.start_instance("collect", instance_id="a", request_id="another")
        for number in (2, 3):
            await raise_note(host, number)
        await host.client.wait("a", 10)
        assert await start() == "a"
        assert host.summary("a").exec == 3  # type: ignore[union-attr]

    VirtualMachine().run(app, scene, clean=True)


def test_a_new_run_of_an_id_takes_keys_that_an_earlier_run_has_seen() -> None:
    async def scene(host: Host) -> Any:
        for _ in range(2):
            await host.start_instance("collect", instance_id="a")
            for number in (1, 2, 3):
                await raise_note(host, number)
            output = (await host.client.wait("a", 10)).output
        return output

    assert VirtualMachine().run(app, scene, clean=True) == [1, 2, 3]


def test_a_request_is_remembered_over_more_generations_than_are_kept() -> None:
    machine = VirtualMachine()
    many = df.DFApp()

    @many.orchestration_trigger()
    def counts(context: df.DurableOrchestrationContext) -> Any:
        yield context.wait_for_external_event("tick")
        context.continue_as_new((context.get_input() or 0) + 1)

    async def tick(host: Host) -> None:
        if host.summary("c") is None:
            await host.start_instance("counts", instance_id="c")
        for number in range(12):
            await host.raise_event("c", "tick", request_id=f"r{number}")
        await host.raise_event("c", "tick", request_id="r0")

    async def generation(host: Host) -> int:
        summary = host.summary("c")
        assert summary is not None
        return summary.generation

    machine.run(many, tick)
    machine.run(many, tick, clean=False)
    assert machine.run(many, generation) == 12
