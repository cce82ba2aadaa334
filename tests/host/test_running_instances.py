"""What an instance does under a host: activities, timers, events, children, retries, continue-as-new, failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.model import history as h
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()
attempts: dict[str, int] = {}


@app.activity_trigger()
def double(number: int) -> int:
    return 2 * number


@app.activity_trigger()
async def double_async(number: int) -> int:
    return 2 * number


@app.activity_trigger()
def fail(message: str) -> None:
    raise ValueError(message)


@app.activity_trigger()
def fail_until(call: dict[str, Any]) -> int:
    attempts[call["key"]] = attempts.get(call["key"], 0) + 1
    if attempts[call["key"]] < call["attempt"]:
        raise OSError("not yet")
    return attempts[call["key"]]


@app.activity_trigger()
def tell_the_call(_: None) -> dict[str, Any]:
    info = df.activity_info()
    return {"id": info.instance_id, "name": info.name, "attempt": info.attempt, "key": info.idempotency_key}


@app.orchestration_trigger()
def chain(context: df.DurableOrchestrationContext) -> Any:
    number = context.get_input()
    for _ in range(3):
        number = yield context.call_activity(double, number)
    return number


@app.orchestration_trigger()
async def fan_out(context: df.DurableOrchestrationContext) -> Any:
    calls = [context.call_activity("double_async", n) for n in range(context.get_input())]
    return sum(await context.task_all(calls))


@app.orchestration_trigger()
def sleeper(context: df.DurableOrchestrationContext) -> Any:
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(days=30))
    return (context.current_utc_datetime - before).total_seconds()


@app.orchestration_trigger()
def asks_for_approval(context: df.DurableOrchestrationContext) -> Any:
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=90))
    approval = context.wait_for_external_event("Approval")
    winner = yield context.task_any([approval, deadline])
    if winner is deadline:
        return "too late"
    deadline.cancel()
    return approval.result


@app.orchestration_trigger()
def parent(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.task_all([context.call_sub_orchestrator("chain", n) for n in range(3)]))


@app.orchestration_trigger()
def parent_of_failing(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_sub_orchestrator("failing", "inner")
    except df.TaskFailedError as error:
        return [error.error_type, error.is_caused_by(ValueError), str(error)]


@app.orchestration_trigger()
def parent_of_taken(context: df.DurableOrchestrationContext) -> Any:
    try:
        return (yield context.call_sub_orchestrator("sleeper", instance_id="taken"))
    except df.TaskFailedError as error:
        return str(error)


@app.orchestration_trigger()
def failing(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("fail", context.get_input())


@app.orchestration_trigger()
def compensating(context: df.DurableOrchestrationContext) -> Any:
    undone = []
    try:
        yield context.call_activity("fail", "no")
    except df.TaskFailedError as error:
        undone.append(error.error_message)
        undone.append((yield context.call_activity("double", 21)))
    finally:
        undone.append((yield context.call_activity("double", 1)))
    return undone


@app.orchestration_trigger()
def retrying(context: df.DurableOrchestrationContext) -> Any:
    options = df.RetryOptions(1000, 5, backoff_coefficient=2.0)
    before = context.current_utc_datetime
    attempt = yield context.call_activity_with_retry("fail_until", options, context.get_input())
    return [attempt, (context.current_utc_datetime - before).total_seconds()]


@app.orchestration_trigger()
def counts_down(context: df.DurableOrchestrationContext) -> Any:
    left = context.get_input()
    context.set_custom_status({"left": left})
    if left:
        yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        context.continue_as_new(left - 1)
        return None
    return (yield context.wait_for_external_event("stop"))


@app.orchestration_trigger()
def asks_who_calls(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity("tell_the_call"))


@app.orchestration_trigger()
def exits(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("leaves")


@app.activity_trigger()
def leaves(_: None) -> None:
    raise SystemExit(3)


def outcome(name: str, argument: Any = None) -> Any:
    """Run one instance to its end in virtual time."""

    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new(name, client_input=argument)
        return await host.client.wait(instance_id, timeout=10_000_000)

    return in_virtual_time(app, scenario)


def test_activities_run_one_after_another() -> None:
    assert outcome("chain", 1).output == 8


def test_names_match_in_any_case() -> None:
    assert outcome("CHAIN", 1).output == 8


def test_a_fan_out_gathers_every_result() -> None:
    assert outcome("fan_out", 100).output == 9900


def test_a_thirty_day_timer_fires_on_time_and_never_early() -> None:
    assert outcome("sleeper").output == pytest.approx(30 * 86_400, abs=0.001)
    assert outcome("sleeper").output >= 30 * 86_400


def test_children_run_and_answer_in_argument_order() -> None:
    assert outcome("parent").output == [0, 8, 16]


def test_a_childs_failure_reaches_the_parent_with_its_root_cause() -> None:
    kind, is_value_error, text = outcome("parent_of_failing").output
    assert kind == "dfcli.authoring.failures.TaskFailedError"
    assert is_value_error
    assert text.startswith(
        "Orchestrator function 'failing' failed: Activity function 'fail' failed:  ValueError: inner"
    )


def test_a_child_id_that_a_live_instance_holds_fails_the_call_instead_of_hanging() -> None:
    async def scenario(host: Host) -> Any:
        await host.client.start_new("asks_for_approval", instance_id="taken")
        instance_id = await host.client.start_new("parent_of_taken")
        return (await host.client.wait(instance_id, 60)).output

    assert in_virtual_time(app, scenario) == "An Orchestration instance with the ID taken already exists."


def test_an_uncaught_failure_fails_the_instance_with_type_message_and_traceback() -> None:
    status = outcome("failing", "boom")
    assert status.runtime_status == "Failed"
    assert status.output == "Orchestrator function 'failing' failed: Activity function 'fail' failed:  ValueError: boom"
    inner = status.failure_details.inner_failure
    assert (inner.error_type, inner.error_message) == ("ValueError", "boom")
    assert "raise ValueError(message)" in inner.stack_trace


def test_compensation_in_except_and_finally_runs() -> None:
    assert outcome("compensating").output == ["no", 42, 2]


def test_retries_wait_longer_each_time() -> None:
    attempts.clear()
    attempt, seconds = outcome("retrying", {"key": "a", "attempt": 4}).output
    assert attempt == 4
    assert seconds == pytest.approx(1 + 2 + 4, abs=0.01)


def test_retries_end_after_the_last_attempt() -> None:
    attempts.clear()
    assert outcome("retrying", {"key": "b", "attempt": 9}).runtime_status == "Failed"
    assert attempts["b"] == 5


def test_sys_exit_in_an_activity_fails_the_call_and_not_the_host() -> None:
    status = outcome("exits")
    assert status.runtime_status == "Failed"
    assert "SystemExit" in status.output


def test_an_activity_is_told_whom_it_serves() -> None:
    status = outcome("asks_who_calls")
    assert status.output["id"] == status.instance_id
    assert (status.output["name"], status.output["attempt"]) == ("tell_the_call", 1)
    assert status.output["key"]


def test_an_event_wins_the_race_against_its_deadline() -> None:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("asks_for_approval")
        await host.client.raise_event(instance_id, "approval", {"by": "Bo"})
        return (await host.client.wait(instance_id, 10)).output

    assert in_virtual_time(app, scenario) == {"by": "Bo"}


def test_a_deadline_wins_when_nobody_answers() -> None:
    assert outcome("asks_for_approval").output == "too late"


def test_unread_events_and_the_custom_status_are_carried_over_continue_as_new() -> None:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("counts_down", client_input=3)
        await host.client.raise_event(instance_id, "stop", "now")
        status = await host.client.wait(instance_id, 100_000)
        events = [e for e in host.history(instance_id) if isinstance(e, h.EventRaised)]
        host.hub.compact()
        return status, events, host.hub.executions(instance_id)

    status, events, executions = in_virtual_time(app, scenario)
    assert (status.output, status.custom_status) == ("now", {"left": 0})
    assert [(e.carried_from.exec, e.name) for e in events] == [(1, "stop")]
    assert executions == [2, 3, 4]  # the newest three are kept


def test_a_suspended_instance_holds_what_arrives_until_it_is_resumed() -> None:
    async def scenario(host: Host) -> Any:
        client = host.client
        instance_id = await client.start_new("asks_for_approval")
        await client.suspend(instance_id, "hold")
        await client.raise_event(instance_id, "Approval", 1)
        held = (await client.get_status(instance_id)).runtime_status
        await client.resume(instance_id)
        return held, (await client.wait(instance_id, 10)).output

    assert in_virtual_time(app, scenario) == ("Suspended", 1)


def test_a_terminated_instance_ends_with_the_reason_as_output() -> None:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("sleeper")
        await host.client.terminate(instance_id, "no longer needed")
        return await host.client.wait(instance_id, 10)

    status = in_virtual_time(app, scenario)
    assert (status.runtime_status, status.output) == ("Terminated", "no longer needed")


def test_a_parent_learns_that_its_child_was_terminated() -> None:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("parent_of_taken")
        await host.client.terminate("taken", "stop it")
        return (await host.client.wait(instance_id, 10)).output

    assert in_virtual_time(app, scenario) == "stop it"


def test_the_same_scenario_gives_the_same_files_byte_for_byte() -> None:
    def files() -> dict[str, bytes]:
        machine = VirtualMachine(seed=7)

        async def scenario(host: Host) -> None:
            ids = [await host.client.start_new("parent") for _ in range(5)]
            for instance_id in ids:
                await host.client.wait(instance_id, 100)

        machine.run(app, scenario)
        found: dict[str, bytes] = {}
        for shard in machine.files.list("/hub/instances"):
            for name in machine.files.list(f"/hub/instances/{shard}"):
                file = machine.files.open(f"/hub/instances/{shard}/{name}")
                found[name] = file.pread(file.size(), 0)
        return found

    first = files()
    assert len(first) == 20
    assert first == files()
