"""What a host says of instances whose version it does not run: at the first question, and before a rewind."""

from __future__ import annotations

import asyncio
from typing import Any

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from tests.host.running import VirtualMachine

WHY = "it has version '2.0', and this host runs '1.0' and older ones"
app = df.DFApp()


@app.orchestration_trigger()
def wait(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger()
def fails(context: df.DurableOrchestrationContext) -> Any:
    yield context.create_timer(context.current_utc_datetime)
    raise ValueError("no")


def on_an_older_host(scenario: Any) -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        for name in ("wait", "fails"):
            await host.client.start_new(name, name, version="2.0")
        await asyncio.sleep(1)

    machine.run(app, begin, settings=HostSettings(default_version="2.0"))
    machine.run(app, scenario, settings=HostSettings(default_version="1.0"))


def test_the_first_question_after_a_restart_tells_why_an_instance_does_not_go_on() -> None:
    async def scenario(host: Host) -> None:
        assert [(wait.kind, wait.detail) for wait in host.waits("wait")] == [("code", WHY)]

    on_an_older_host(scenario)


def test_a_rewind_warns_of_an_instance_that_this_host_does_not_run() -> None:
    async def scenario(host: Host) -> None:
        report = await host.rewind("fails", dry_run=True)
        assert report.warnings == [f"fails does not go on: {WHY}"]

    on_an_older_host(scenario)
