"""Leniencies that show only when an instance runs: told when they happen, with the line or the name, and only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import azure.durable_functions as vendors
import pytest

from dfcli.compat import leniency
from dfcli.compat.app import functions_of
from dfcli.host import endings
from dfcli.host.host import Host
from tests.compat.hosting import hosted
from tests.conformance.constructs import COUNTER, activities
from tests.host.running import VirtualMachine
from tests.host.test_durable_http import DONE, Wire, accepted

Body = Callable[[Any], Generator[Any, Any, Any]]
Drive = Callable[[Host, str], Awaitable[None]]


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    leniency._told.clear()
    yield
    leniency._told.clear()


def app(body: Body) -> Any:
    made = vendors.DFApp()
    for name, function in activities().items():
        made.activity_trigger(input_name="value", activity=name)(function)

    @made.entity_trigger(context_name="context", entity_name="counter")
    def counter(context: Any) -> None:
        context.set_result(context.get_state(5) if context.operation_name == "by value" else 1)

    made.orchestration_trigger(context_name="context", orchestration="o")(body)
    return made


async def waits(_: Host, __: str) -> None:
    """Only wait for the end."""


def raising(*names: str, after: float = 5, apart: float = 1) -> Drive:
    """Raise events, so many seconds after the start and apart."""

    async def drive(host: Host, instance_id: str) -> None:
        await asyncio.sleep(after)
        for number, name in enumerate(names):
            await host.client.raise_event(instance_id, name, number)
            await asyncio.sleep(apart)

    return drive


class Case(NamedTuple):
    body: Body
    drive: Drive = waits
    status: str = "Completed"
    line: str = ""
    """A part of the line that is named, where one is."""


def naive(context: Any) -> Any:
    yield context.create_timer(datetime(2020, 1, 1))  # noqa: DTZ001


def waits_again(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    first = yield context.wait_for_external_event("x")
    second = yield context.wait_for_external_event("x")
    return [first, second]


def spells_otherwise(context: Any) -> Any:
    return (yield context.wait_for_external_event("Approval"))


def spells_an_early_one_otherwise(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    return (yield context.wait_for_external_event("Approval"))


def goes_on(context: Any) -> Any:
    if context.get_input():
        return 1
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    context.continue_as_new(1)
    return None


def polls(context: Any) -> Any:
    return (yield context.call_http("GET", "http://there.test/work"))


def cancels_a_long_timer(context: Any) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=7))
    yield context.task_any([timer, context.call_activity("ok", 1)])
    timer.cancel()


def gives_a_generator(context: Any) -> Any:
    yield context.task_all(context.call_activity("ok", n) for n in range(2))


def shares_a_task(context: Any) -> Any:
    calls = [context.call_activity("ok", n) for n in range(2)]
    first, both = context.task_any(calls), context.task_all(calls)
    yield first
    yield both


def completes_twice(context: Any) -> Any:
    parts = context.task_all([context.call_activity("fails", 1), context.call_activity("slow", 5)])
    try:
        yield context.task_all([parts, context.call_activity("ok", 1)])
    except Exception:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))


def names_an_entity_by_text(context: Any) -> Any:
    return (yield context.call_entity("@counter@a", "get"))


def signals_by_text(context: Any) -> Any:
    context.signal_entity("@counter@a", "get")
    yield context.call_activity("ok", 1)


def goes_on_without_an_input(context: Any) -> Any:
    yield context.call_activity("ok", 1)
    if context.custom_status is None:
        context.set_custom_status("again")
        context.continue_as_new()


def decides_much(context: Any) -> Any:
    for number in range(8):
        yield context.call_activity("ok", number)


def fails_with_a_timer(context: Any) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    yield context.task_any([timer, context.call_activity("ok", 1)])
    raise ValueError("with a timer")


def leaves_an_entity_alone(context: Any) -> Any:
    yield context.task_any([context.call_entity(COUNTER, "get") for _ in range(2)])


def asks_for_a_state_by_value(context: Any) -> Any:
    yield context.call_entity(COUNTER, "by value", 1)


CASES: dict[str, list[Case]] = {
    "DFA106": [Case(fails_with_a_timer, status="Failed")],
    "DFA107": [Case(leaves_an_entity_alone)],
    "DFA124": [Case(naive, line="datetime(2020")],
    "DFA125": [Case(waits_again, raising("x", "x")), Case(waits_again, raising("x", "x", apart=100))],
    "DFA126": [Case(spells_otherwise, raising("approval")), Case(spells_an_early_one_otherwise, raising("APPROVAL"))],
    "DFA127": [Case(goes_on, raising("nobody waits for this"))],
    "DFA128": [Case(polls)],
    "DFA129": [Case(cancels_a_long_timer, line="timer.cancel()")],
    "DFA130": [Case(gives_a_generator, line="task_all(")],
    "DFA131": [Case(shares_a_task, line="context.task_any(calls), context.task_all(calls)")],
    "DFA132": [Case(completes_twice)],
    "DFA133": [
        Case(names_an_entity_by_text, line='call_entity("@'),
        Case(signals_by_text, line='signal_entity("@'),
    ],
    "DFA134": [Case(goes_on_without_an_input, line="continue_as_new()")],
    "DFA135": [],  # see below: it comes over HTTP
    "DFA136": [Case(decides_much)],
    "DFA138": [Case(asks_for_a_state_by_value, line="context.get_state(5)")],
}


def told_by(case: Case, caplog: pytest.LogCaptureFixture, instances: int = 3) -> list[str]:
    """What is told while so many instances run to their end."""
    machine = VirtualMachine()

    async def play(host: Host) -> None:
        for _ in range(instances):
            instance_id = await host.client.start_new("o")
            await case.drive(host, instance_id)
            status = await host.client.wait(instance_id, timeout=1_000_000)
            assert status.runtime_status.name == case.status, status.output

    answers = [accepted(**{"Retry-After": "5"}), DONE] * instances
    with caplog.at_level(logging.WARNING, "dfcli.azure"), mock.patch.object(endings, "MANY_ACTIONS", 5):
        machine.run(functions_of(app(case.body)), play, outgoing=Wire(machine, *answers).outgoing())
    return [record.getMessage() for record in caplog.records if record.name == "dfcli.azure"]


@pytest.mark.parametrize(("code", "case"), [(code, case) for code, cases in CASES.items() for case in cases])
def test_it_is_told_once_with_its_place(code: str, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    told = told_by(case, caplog)
    assert [line.partition(":")[0] for line in told] == [code]
    assert told[0].startswith(f"{code}: {'counter' if code == 'DFA138' else 'o'} at ")
    if case.line:
        place = told[0].partition(" at ")[2].partition(" ")[0]
        file, _, line = place.rpartition(":")
        assert case.line in Path(file).read_text().splitlines()[int(line) - 1]


def waits_for_both(context: Any) -> Any:
    first = yield context.wait_for_external_event("x")
    second = yield context.wait_for_external_event("x")
    yield context.create_timer(context.current_utc_datetime + timedelta(days=7))
    parts = context.task_all([context.call_activity("ok", 1)])
    winner = yield context.task_any([parts, context.create_timer(datetime(2020, 1, 1, tzinfo=UTC))])
    return [first, second, winner is not None, (yield parts)]


def takes_an_early_one_once(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    return (yield context.wait_for_external_event("x"))


def tries_again_in_turns(context: Any) -> Any:
    calls = [context.call_activity("ok", n) for n in range(3)]
    while calls:
        done = yield context.task_any(calls)
        calls.remove(done)


def catches_a_failed_all(context: Any) -> Any:
    try:
        yield context.task_all([context.call_activity("fails", 1), context.call_activity("slow", 5)])
    except Exception:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    context.continue_as_new(None) if context.get_input() else None


@pytest.mark.parametrize(
    "case",
    [
        Case(waits_for_both, raising("x", "x")),
        Case(waits_for_both, raising("x", "x", after=0)),
        Case(takes_an_early_one_once, raising("x")),
        Case(tries_again_in_turns),
        Case(catches_a_failed_all),
    ],
)
def test_what_does_the_same_on_azure_is_not_told(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    assert told_by(case, caplog) == []


@pytest.mark.parametrize("case", [CASES["DFA125"][0], CASES["DFA126"][0], CASES["DFA130"][0], CASES["DFA133"][0]])
def test_the_replay_of_it_after_a_restart_tells_nothing(case: Case) -> None:
    def and_waits(context: Any) -> Any:
        yield from case.body(context)
        yield context.wait_for_external_event("never")

    registry = functions_of(app(and_waits))
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await case.drive(host, await host.client.start_new("o", "a"))
        await asyncio.sleep(100)

    async def come_back(host: Host) -> None:
        leniency._told.clear()
        assert host.waits("a")
        await host.reload(registry, "other")

    machine.run(registry, begin)
    assert leniency._told
    machine.run(registry, come_back)
    assert not leniency._told


OVER_HTTP = """
@app.orchestration_trigger(context_name="context")
def tour(context):
    return context.get_input()

@app.orchestration_trigger(context_name="context")
def other(context):
    return context.get_input()
"""


def test_an_instance_that_is_started_over_http_with_a_list_is_told_and_through_the_client_not(tmp_path: Path) -> None:
    with hosted(tmp_path, OVER_HTTP) as host:
        address = f"{host.url}/runtime/webhooks/durabletask/orchestrators"
        assert host.outcome(host.request("POST", f"{address}/tour", [1]))["output"] == [1]
        assert host.outcome(host.request("POST", f"{address}/tour", "Rome"))["output"] == "Rome"
        assert host.outcome(host.request("POST", f"{address}/other", {"city": "Rome"}))["output"] == {"city": "Rome"}
        assert host.outcome(host.start("other", [1]))["output"] == [1]
    log = (tmp_path / ".dfcli" / "default" / "logs" / "host.jsonl").read_text()
    assert log.count("DFA135: tour at ") == 1
    assert log.count("DFA135") == 1
