"""What works here and not on Azure: each code is provoked, and told once per run and function."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as vendors
import pytest

import dfcli
from dfcli.compat import leniency
from dfcli.compat.app import functions_of
from dfcli.host.host import Host
from dfcli.model.payload import NOTHING
from tests.compat.hosting import hosted
from tests.compat.test_leniencies_at_load import PROVOKED as AT_LOAD
from tests.compat.test_leniencies_of_runs import CASES as AT_RUN
from tests.conformance.constructs import COUNTER, activities
from tests.host.running import VirtualMachine


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    leniency._told.clear()
    yield
    leniency._told.clear()


def app() -> Any:
    made = vendors.DFApp()
    for name, function in activities().items():
        made.activity_trigger(input_name="value", activity=name)(function)

    @made.activity_trigger(input_name="value", activity="registered")
    def python_name(value: Any) -> Any:
        return value

    @made.entity_trigger(context_name="context", entity_name="counter")
    def counter(context: Any) -> None:
        context.set_result(context.get_input())
        if context.operation_name == "fail":
            context.set_state(1)
            raise ValueError("after it was set")

    made.python_name = python_name
    return made


class Thing:
    @staticmethod
    def to_json(_: Thing) -> dict[str, int]:
        return {}


def returns_an_object(context: Any, _: Any) -> Any:
    yield context.call_activity("ok", 1)
    return Thing()


def calls_by_object(context: Any, made: Any) -> Any:
    return (yield context.call_activity(made.python_name, 1))


def leaves_a_timer(context: Any, _: Any) -> Any:
    timer = context.create_timer(context.current_utc_datetime.replace(year=2099))
    yield context.task_any([timer, context.call_activity("ok", 1)])


def leaves_a_call(context: Any, _: Any) -> Any:
    yield context.task_any([context.call_activity("slow", 9), context.call_activity("ok", 1)])


def shows_nothing(context: Any, _: Any) -> Any:
    context.set_custom_status("")
    yield context.call_activity("ok", 1)


def takes_a_duration(context: Any, _: Any) -> Any:
    yield context.create_timer(timedelta(seconds=1))


def retries_with_ours(context: Any, _: Any) -> Any:
    yield context.call_activity_with_retry("ok", dfcli.RetryOptions(1, 2), 1)


def locks(context: Any, _: Any) -> Any:
    with (yield context.lock_entities([COUNTER])):
        pass


def does_nothing(context: Any, _: Any) -> Any:
    yield context.call_activity("ok", 1)


def fails_after_setting(context: Any, _: Any) -> Any:
    try:
        yield context.call_entity(COUNTER, "fail", 1)
    except Exception:
        return "failed"


WHEN_RUN = {
    "DFA104": calls_by_object,
    "DFA105": returns_an_object,
    "DFA106": leaves_a_timer,
    "DFA107": leaves_a_call,
    "DFA108": shows_nothing,
    "DFA109": takes_a_duration,
    "DFA110": retries_with_ours,
    "DFA111": locks,
    "DFA112": does_nothing,  # a client signals without an input
    "DFA113": fails_after_setting,
}


@pytest.mark.parametrize("code", WHEN_RUN)
def test_it_is_told_once_however_many_instances_do_it(code: str, caplog: pytest.LogCaptureFixture) -> None:
    made = app()
    body = WHEN_RUN[code]

    def orchestrator(context: Any) -> Any:
        return (yield from body(context, made))

    made.orchestration_trigger(context_name="context", orchestration="o")(orchestrator)

    async def play(host: Host) -> None:
        for _ in range(3):
            instance_id = await host.client.start_new("o")
            await host.signal_entity("counter", "signalled", "get", NOTHING)
            status = await host.client.wait(instance_id, timeout=1_000)
            assert status.runtime_status.name == "Completed", status.output
        await asyncio.sleep(20)

    with caplog.at_level(logging.WARNING, "dfcli.azure"):
        VirtualMachine().run(functions_of(made), play)
    told = [record.getMessage() for record in caplog.records if record.name == "dfcli.azure"]
    assert [line.partition(":")[0] for line in told if line.startswith(code)] == [code]
    assert "test_leniency.py:" in next(line for line in told if line.startswith(code))


@pytest.mark.parametrize("code", ["DFA104", "DFA105", "DFA106", "DFA108", "DFA109"])
def test_a_replay_tells_nothing_anew(code: str) -> None:
    made = app()
    body = WHEN_RUN[code]

    def orchestrator(context: Any) -> Any:
        found = yield from body(context, made)
        leniency._told.clear()
        yield context.wait_for_external_event("never")
        return found

    made.orchestration_trigger(context_name="context", orchestration="o")(orchestrator)
    machine = VirtualMachine()
    registry = functions_of(made)

    async def begin(host: Host) -> None:
        await host.client.start_new("o", "a")
        await asyncio.sleep(30)

    async def come_back(host: Host) -> None:
        assert host.waits("a")
        leniency._told.clear()
        await host.reload(registry, "other")

    machine.run(registry, begin)
    machine.run(registry, come_back)
    assert not leniency._told


STATIC = """
@app.route(route="sync")
@app.durable_client_input(client_name="client")
def sync_client(req, client) -> str:
    return client.create_http_management_payload("x")["id"]


@app.orchestration_trigger(context_name="ctx")
def other_name(ctx):
    return (yield ctx.call_activity("one", 1))


@app.orchestration_trigger(context_name="context")
async def coroutine(context):
    return await context.call_activity("one", 1)


@app.activity_trigger(input_name="value")
def one(value):
    return value
"""


def test_what_is_seen_at_the_load_is_told_by_dfcli_run_and_works_here(tmp_path: Path) -> None:
    with hosted(tmp_path, STATIC) as host:
        assert host.outcome(host.start("other_name", None))["output"] == 1
        assert host.outcome(host.start("coroutine", None))["output"] == 1
        assert host.stop() == 0
        assert host.process.stderr is not None
    log = (tmp_path / ".dfcli" / "default" / "logs" / "host.jsonl").read_text()
    for code in ("DFA101", "DFA102", "DFA103"):
        assert log.count(code) == 1, code


def test_every_code_is_provoked_here_and_stands_in_the_docs() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "azure.md").read_text()
    assert {*WHEN_RUN, *AT_LOAD, *AT_RUN} == set(leniency.LENIENCIES)
    assert [code for code in leniency.LENIENCIES if f"| {code} |" not in docs] == []
