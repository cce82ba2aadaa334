"""Azure's apps in a host: what their rules mean for failures, changed code, evictions and rewinds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import azure.durable_functions as durable
import pytest

from dfcli import replay
from dfcli.compat.app import functions_of
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.projection import azure_history
from tests.host.running import VirtualMachine, in_virtual_time

broken = {"work": False}
PROJECTED = ("TaskFailed", "SubOrchestrationInstanceFailed")


@pytest.fixture(autouse=True)
def _everything_works() -> None:
    broken["work"] = False


def app_of(first: str = "work") -> Any:
    """An app for Azure whose orchestrators call `first` at first."""
    app = durable.DFApp()

    @app.orchestration_trigger(context_name="context")
    def steps(context: Any) -> Any:
        late = context.call_activity("work", "late")
        early = yield context.call_activity(first, "early")
        yield context.wait_for_external_event("go")
        return [early, (yield late)]

    @app.orchestration_trigger(context_name="context")
    def retries(context: Any) -> Any:
        policy = durable.RetryOptions(1000, 2)
        return (
            yield context.task_all(
                [
                    context.call_activity_with_retry("work", policy, "a"),
                    context.call_sub_orchestrator_with_retry("child", policy, "b"),
                ]
            )
        )

    @app.orchestration_trigger(context_name="context")
    def child(context: Any) -> Any:
        return (yield context.call_activity("work", context.get_input()))

    @app.orchestration_trigger(context_name="context")
    def tells(context: Any) -> Any:
        told = []
        for task in (context.call_activity("work", "a"), context.call_sub_orchestrator("child", "b")):
            try:
                yield task
            except Exception as error:
                told.append(str(error))
        return told

    @app.activity_trigger(input_name="what")
    def work(what: str) -> str:
        if broken["work"]:
            try:
                raise KeyError("cause")
            except KeyError as error:
                raise ValueError(f"{what}\nis broken") from error
        return what

    return app


async def settled(host: Host) -> None:
    """Until nothing moves and everything is durable."""
    for _ in range(50):
        await asyncio.sleep(0)
    await host.committer.barrier()


async def begin(host: Host) -> None:
    await host.client.start_new("steps", instance_id="s")
    await settled(host)


async def finish(host: Host) -> Any:
    await host.client.raise_event("s", "go")
    return await host.client.wait("s", 10)


def test_a_call_that_was_not_waited_for_before_a_restart_runs_once_it_is() -> None:
    machine = VirtualMachine()
    machine.run(app_of(), begin, clean=False)

    async def go_on(host: Host) -> Any:
        status = await finish(host)
        return status.output, host.history("s")

    output, history = machine.run(app_of(), go_on)
    assert output == ["early", "late"]
    inputs = [h.input_of(event).json_text for event in history if isinstance(event, h.TaskScheduled)]
    assert inputs == ['"early"', '"late"']


@pytest.mark.parametrize("setting", ["auto", "fail"])
def test_code_that_does_not_repeat_its_history_fails_the_instance(setting: Any) -> None:
    machine = VirtualMachine()
    machine.run(app_of(), begin)
    status = machine.run(app_of("child"), finish, settings=HostSettings(on_nondeterminism=setting))
    assert status.runtime_status == "Failed"
    assert status.failure_details.error_type == "NonDeterminismError"
    assert "Was a change made to the orchestrator code" in status.output


def test_it_parks_the_instance_where_the_settings_say_so() -> None:
    machine = VirtualMachine()
    machine.run(app_of(), begin)

    async def look(host: Host) -> Any:
        await host.client.raise_event("s", "go")
        await settled(host)
        return host.parked("s")

    reason = machine.run(app_of("child"), look, settings=HostSettings(on_nondeterminism="park"))
    assert "history recorded activity `work`, the code now asks for activity `child`" in reason
    assert machine.run(app_of(), finish).output == ["early", "late"]


def test_a_reload_of_such_code_ends_nothing() -> None:
    async def scenario(host: Host) -> Any:
        await begin(host)
        old = host.registry
        parked = await host.reload(functions_of(app_of("child")), "new")
        assert await host.reload(old, "old") == []
        return parked, (await finish(host)).output

    assert in_virtual_time(app_of(), scenario) == (["s"], ["early", "late"])


def test_a_look_at_such_an_instance_ends_nothing_either() -> None:
    machine = VirtualMachine()
    machine.run(app_of(), begin)

    async def look(host: Host) -> Any:
        return [wait.detail for wait in host.scheduler.waits("s")]

    (detail,) = machine.run(app_of("child"), look)
    assert "the code now asks for activity `child`" in detail
    assert machine.run(app_of(), finish).output == ["early", "late"]


def test_the_text_of_a_failure_is_what_the_history_and_its_projection_hold() -> None:
    broken["work"] = True

    async def scenario(host: Host) -> Any:
        status = await host.client.wait(await host.client.start_new("tells", instance_id="t"), 10)
        return status.output, host.history("t")

    told, history = in_virtual_time(app_of(), scenario)
    recorded = [e for e in history if isinstance(e, h.TaskFailed | h.SubOrchestrationInstanceFailed)]
    assert told == [f"{event.reason} \n {event.details}" for event in recorded]
    projected = [e for e in azure_history(history, "t", names=True) if e["EventType"] in PROJECTED]
    assert told == [f"{event['Reason']} \n {event['Details']}" for event in projected]
    for event in recorded:
        assert "\n" not in event.details
        assert set(json.loads(event.details)) == {"ClassName", "Message", "StackTrace", "InnerException"}
    first = json.loads(recorded[0].details)
    assert (first["ClassName"], first["Message"]) == ("ValueError", "a\nis broken")
    assert first["InnerException"]["ClassName"] == "KeyError"
    assert first["InnerException"]["InnerException"] is None


async def fail(host: Host) -> Any:
    status = await host.client.wait(await host.client.start_new("retries", instance_id="r"), 60)
    assert status.runtime_status == "Failed"
    return host.history("r")


@pytest.mark.parametrize("always_replay", [False, True])
def test_retried_calls_and_children_that_failed_are_rewound_together(always_replay: bool) -> None:
    broken["work"] = True
    machine = VirtualMachine()
    options = {"settings": HostSettings(always_replay=always_replay)}
    machine.run(app_of(), fail, **options)
    broken["work"] = False

    async def again(host: Host) -> Any:
        await host.client.rewind("r", "it works now")
        return (await host.client.wait("r", 60)).output

    assert machine.run(app_of(), again, **options) == ["a", "b"]


def test_the_debugger_tells_that_the_last_attempt_of_a_call_has_failed() -> None:
    broken["work"] = True
    history = in_virtual_time(app_of(), fail)
    view = replay.run(history, functions_of(app_of()).lookup, key=ExecutionKey("r", 1))
    assert (view.divergence, view.warnings, view.is_finished) == (None, [], True)
    told = [step.what for step in view.steps if "again" in step.what]
    assert len([text for text in told if text.startswith("waits until")]) == 2
    assert len([text for text in told if text.startswith("does not try")]) >= 1
