"""Failures: nested to the root cause through activity, child and parent; handlers that fail; limits by a timer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import dfcli as df
from dfcli.cli import failure_view
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model.failure import FailureDetails
from tests.host.running import in_virtual_time

app = df.DFApp()


def connect() -> None:
    raise ConnectionError("bank is down")


@app.activity_trigger()
def pay(number: int) -> None:
    try:
        connect()
    except OSError as error:
        raise ValueError("card refused") from error


@app.activity_trigger()
def refund(number: int) -> None:
    raise LookupError("no such account")


@app.activity_trigger()
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@app.orchestration_trigger()
def mother(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator("daughter", 1)


@app.orchestration_trigger()
def daughter(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity("pay", 1)
    except df.TaskFailedError as error:
        raise RuntimeError("cannot ship") from error


@app.orchestration_trigger()
def handler_fails(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity("pay", 1)
    except df.TaskFailedError:
        yield context.call_activity("refund", 1)


@app.orchestration_trigger()
def forgets(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity("pay", 1)
    except df.TaskFailedError:
        raise RuntimeError("said enough") from None


@app.orchestration_trigger()
def within_time(context: df.DurableOrchestrationContext) -> Any:
    limit = context.create_timer(timedelta(seconds=10))
    work = context.call_activity("slow", context.get_input())
    winner = yield context.task_any([work, limit])
    if winner is work:
        limit.cancel()
        return work.result
    return "too slow"


def failure_of(name: str) -> FailureDetails:
    async def scenario(host: Host) -> Any:
        return (await host.client.wait(await host.client.start_new(name), 60)).failure_details

    found = in_virtual_time(app, scenario)
    assert isinstance(found, FailureDetails)
    return found


def chain(failure: FailureDetails | None) -> list[str]:
    found = []
    while failure is not None:
        found.append(f"{failure.error_type.rpartition('.')[2]}: {failure.error_message}")
        failure = failure.inner_failure
    return found


def test_a_failure_is_nested_from_the_parent_to_the_root_cause_with_the_users_traceback_at_each() -> None:
    failure = failure_of("mother")
    assert chain(failure) == [
        "TaskFailedError: Orchestrator function 'daughter' failed: cannot ship",
        "RuntimeError: cannot ship",
        "ValueError: card refused",
        "ConnectionError: bank is down",
    ]
    details: FailureDetails | None = failure
    for function in ("in mother", "in daughter", "in pay", "in connect"):
        assert details is not None
        assert function in (details.stack_trace or "")
        assert "site-packages" not in (details.stack_trace or "")
        details = details.inner_failure


def test_a_handler_that_fails_itself_tells_of_both_failures() -> None:
    assert chain(failure_of("handler_fails")) == [
        "TaskFailedError: Activity function 'refund' failed:  LookupError: no such account",
        "LookupError: no such account",
        "ValueError: card refused",
        "ConnectionError: bank is down",
    ]


def test_a_failure_raised_from_none_tells_of_itself_alone() -> None:
    assert chain(failure_of("forgets")) == ["RuntimeError: said enough"]


def test_a_person_is_shown_the_whole_chain_with_where_it_happened() -> None:
    shown = list(failure_view.lines(failure_of("mother")))
    heads = [line for line in shown if not line.startswith(" ")]
    assert [head.split()[0] for head in heads] == ["failure", "caused", "caused", "caused"]
    assert heads[-1] == "caused by   ConnectionError: bank is down"
    assert any("in connect" in line for line in shown)
    assert sum("bank is down" in line for line in shown) == 2, "its line of source and itself, not said twice"


def test_of_a_very_long_chain_the_first_causes_and_the_root_are_shown() -> None:
    failure = FailureDetails(error_type="Root", error_message="\x1b[2J")
    for number in range(30):
        failure = FailureDetails(error_type=f"E{number}", error_message="", inner_failure=failure)
    shown = list(failure_view.lines(failure))
    assert len(shown) == 8
    assert "24 causes between" in shown[-2]
    assert shown[-1] == "caused by   Root: \\x1b[2J"


@pytest.mark.parametrize(("seconds", "outcome"), [(1, "done"), (100, "too slow")])
@pytest.mark.parametrize("always", [False, True])
def test_a_race_with_a_timer_limits_the_time(seconds: int, outcome: str, always: bool) -> None:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("within_time", client_input=seconds)
        begun = host.loop.time()
        output = (await host.client.wait(instance_id, 60)).output
        return output, round(host.loop.time() - begun)

    took = 1 if outcome == "done" else 10
    assert in_virtual_time(app, scenario, settings=HostSettings(always_replay=always)) == (outcome, took)
