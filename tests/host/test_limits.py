"""Limits of the settings: activities at a time, decisions of one execution, events to instances that are not there."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from tests.host.running import in_real_time, in_virtual_time

app = df.DFApp()
inside = most = 0
lock = threading.Lock()


def _count(step: int) -> None:
    global inside, most
    with lock:
        inside += step
        most = max(most, inside)


@app.activity_trigger()
async def slowly(number: int) -> int:
    _count(1)
    await asyncio.sleep(0.001)
    _count(-1)
    return number


@app.activity_trigger()
def plain(number: int) -> int:
    _count(1)
    threading.Event().wait(0.001)
    _count(-1)
    return number


@app.orchestration_trigger()
def fan(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    calls = [context.call_activity(("slowly", "plain")[n % 2], n) for n in range(context.get_input())]
    return sum((yield context.task_all(calls)))


@app.orchestration_trigger()
def step_by_step(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    for number in range(context.get_input()):
        yield context.call_activity("plain", number)


def calls(host: Host, instance_id: str) -> int:
    return sum(isinstance(event, h.TaskScheduled) for event in host.history(instance_id))


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_activities_are_under_way_than_the_setting_allows(limit: int, tmp_path: Path) -> None:
    global most
    most = 0

    async def scenario(host: Host) -> object:
        instance_id = await host.client.start_new("fan", client_input=20)
        return (await host.client.wait(instance_id, 30)).output

    settings = HostSettings(max_concurrent_activities=limit)
    assert in_real_time(app, str(tmp_path / "hub"), scenario, settings=settings) == sum(range(20))
    assert most == limit


def test_a_stop_does_not_wait_for_activities_that_wait_for_their_turn(tmp_path: Path) -> None:
    async def scenario(host: Host) -> None:
        await host.client.start_new("fan", "f", client_input=50)
        while not inside:
            await asyncio.sleep(0)

    settings = HostSettings(max_concurrent_activities=1, drain_seconds=3600)
    in_real_time(app, str(tmp_path / "hub"), scenario, settings=settings)

    async def rest(host: Host) -> object:
        return (await host.client.wait("f", 30)).output

    assert in_real_time(app, str(tmp_path / "hub"), rest) == sum(range(50))


@pytest.mark.parametrize("name", ["fan", "step_by_step"])
def test_an_execution_with_more_decisions_than_allowed_fails_in_durable_functions_words(name: str) -> None:
    async def scenario(host: Host) -> tuple[str, object, int]:
        instance_id = await host.client.start_new(name, client_input=6)
        status = await host.client.wait(instance_id)
        return str(status.runtime_status), status.output, calls(host, instance_id)

    status, output, scheduled = in_virtual_time(app, scenario, settings=HostSettings(max_orchestration_actions=5))
    assert status == "Failed"
    assert output == (
        "Maximum amount of orchestration actions (5) has been reached. This value can be configured in host.json file "
        "as MaxOrchestrationActions."
    )
    assert scheduled <= 5


@pytest.mark.parametrize("name", ["fan", "step_by_step"])
def test_an_execution_that_just_reaches_the_limit_goes_on(name: str) -> None:
    async def scenario(host: Host) -> str:
        instance_id = await host.client.start_new(name, client_input=5)
        return str((await host.client.wait(instance_id)).runtime_status)

    assert in_virtual_time(app, scenario, settings=HostSettings(max_orchestration_actions=5)) == "Completed"


def test_many_decisions_are_named_once_where_no_limit_is_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dfcli.host.endings.MANY_ACTIONS", 4)

    async def scenario(host: Host) -> str:
        instance_id = await host.client.start_new("step_by_step", client_input=9)
        return str((await host.client.wait(instance_id)).runtime_status)

    with caplog.at_level(logging.WARNING, "dfcli.host"):
        assert in_virtual_time(app, scenario) == "Completed"
    assert len([record for record in caplog.records if "decisions in one execution" in record.message]) == 1


def test_an_event_to_nobody_is_refused_or_dropped_as_the_settings_say() -> None:
    async def scenario(host: Host) -> None:
        await host.client.raise_event("nobody", "go")

    with pytest.raises(df.DfError):
        in_virtual_time(app, scenario)
    in_virtual_time(app, scenario, settings=HostSettings(raise_event_strict=False))
