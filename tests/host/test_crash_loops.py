"""A task that takes the host down each time it runs ends up failed; the tasks beside it go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.storage.settings import HubSettings
from tests.host.running import VirtualMachine

app = df.DFApp()
ran: list[str] = []


@app.activity_trigger()
def poison(_: None) -> None:
    ran.append("poison")


@app.activity_trigger()
def harmless(_: None) -> str:
    ran.append("harmless")
    return "fine"


@app.orchestration_trigger()
def both(context: df.DurableOrchestrationContext) -> Any:
    good = context.call_activity("harmless")
    bad = context.call_activity("poison")
    try:
        yield bad
    except df.TaskFailedError as error:
        return [error.error_type, (yield good)]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_poisonous_activity_runs_alone_after_some_crashes_and_fails_after_one_more(limit: int) -> None:
    machine = VirtualMachine()
    settings = HubSettings(crash_limit=limit)

    def never_answers(host: Host) -> None:
        """Outcomes of the poison never come back: the process is gone by then."""
        take = host._activities._take  # type: ignore[attr-defined]
        host._activities._take = lambda outcomes: take(  # type: ignore[attr-defined]
            [o for o in outcomes if o.call.scheduled.name != "poison"]
        )

    async def live(host: Host) -> Any:
        never_answers(host)
        if host.summary("x") is None:
            await host.client.start_new("both", instance_id="x")
        for _ in range(100):
            await asyncio.sleep(0)
        summary = host.summary("x")
        return ran.copy(), summary.status, host

    lives = []
    for _ in range(limit + 6):
        ran.clear()
        what_ran, status, _ = machine.run(app, live, clean=False, hub_settings=settings)
        lives.append(what_ran)
        if status != "Running":
            break
    assert status == "Completed"
    assert lives[0] == ["harmless", "poison"]
    assert lives[-2] == ["poison"]  # alone, and once more down
    assert "poison" not in lives[-1]
    assert len(lives) == limit + 3  # the first life, `limit` more, alone, and the one that fails it

    async def read(host: Host) -> Any:
        return (await host.client.get_status("x")).output

    assert machine.run(app, read, hub_settings=settings) == ["HostCrashed", "fine"]


def test_clean_stops_are_no_crashes() -> None:
    machine = VirtualMachine()
    settings = HubSettings(crash_limit=1)

    async def live(host: Host) -> Any:
        if host.summary("x") is None:
            await host.client.start_new("both", instance_id="x")
        return len(host.hub.recovery.suspects)

    assert [machine.run(app, live, hub_settings=settings) for _ in range(4)] == [0, 0, 0, 0]
