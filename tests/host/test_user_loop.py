"""The loop for `async def` user code: nothing that a function does on it ends it for the others."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from tests.host.running import in_real_time

app = df.DFApp()
tasks: list[asyncio.Task[None]] = []


async def exit_soon() -> None:
    sys.exit(3)


@app.activity_trigger()
async def leaves_a_task_that_exits(_: None) -> str:
    tasks.append(asyncio.create_task(exit_soon()))
    await asyncio.wait(tasks)
    return "left"


@app.activity_trigger()
async def stops_the_loop(_: None) -> str:
    asyncio.get_running_loop().stop()
    return "stopped"


@app.activity_trigger()
async def exits(_: None) -> None:
    sys.exit(3)


@app.activity_trigger()
async def echo(value: Any) -> Any:
    return value


@app.orchestration_trigger()
def calls(context: df.DurableOrchestrationContext) -> Any:
    with contextlib.suppress(df.TaskFailedError):
        yield context.call_activity(context.get_input())
    return (yield context.call_activity("echo", "still here"))


@pytest.mark.parametrize("name", ["leaves_a_task_that_exits", "stops_the_loop", "exits"])
def test_async_activities_go_on_whatever_one_of_them_did_to_their_loop(name: str, tmp_path: Any) -> None:
    async def scene(host: Host) -> None:
        await host.client.start_new("calls", "a", name)
        assert (await host.wait("a", 30)).status == "Completed"
        assert (await host.client.get_status("a")).output == "still here"

    in_real_time(app, str(tmp_path / "hub"), scene)
    for task in tasks:
        task.exception()
    tasks.clear()
