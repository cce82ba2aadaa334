"""How many entities run operations at a time, and that those held back meanwhile all have their turn."""

from __future__ import annotations

import asyncio

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from tests.host.running import in_virtual_time

app = df.DFApp()
under_way: list[str] = []
most = 0


@app.entity_trigger()
async def slow(context: df.DurableEntityContext) -> None:
    global most
    under_way.append(context.entity_key)
    most = max(most, len(under_way))
    await asyncio.sleep(1)
    under_way.remove(context.entity_key)
    context.set_state((context.get_state() or 0) + 1)


async def states(host: Host, keys: str) -> list[object]:
    return [(await host.client.read_entity_state(df.EntityId("slow", key))).entity_state for key in keys]


def test_entities_that_were_held_back_more_than_once_do_not_keep_others_from_their_turn() -> None:
    async def scenario(host: Host) -> None:
        for _ in range(3):
            for key in "abcdefg":
                await host.client.signal_entity(df.EntityId("slow", key), "add")
        await asyncio.sleep(60)
        assert await states(host, "abcdefg") == [3] * 7
        assert most == 2

    in_virtual_time(app, scenario, settings=HostSettings(max_concurrent_entities=2))


def test_an_entity_that_is_purged_while_it_is_held_back_gives_its_turn_to_the_next() -> None:
    async def scenario(host: Host) -> None:
        for key in "abcd":
            await host.client.signal_entity(df.EntityId("slow", key), "add")
        await asyncio.sleep(0.1)
        assert await host.purge("@slow@b") == 1
        await asyncio.sleep(60)
        assert await states(host, "abcd") == [1, None, 1, 1]

    in_virtual_time(app, scenario, settings=HostSettings(max_concurrent_entities=1))
