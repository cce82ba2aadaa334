"""Our host and Durable Functions' own executor write the same history of the same program.

The golden files in `tests/golden/vendor` were made by `python -m tests.conformance --write`: here they are made again,
compared with what our host writes, and replayed by our engine. `tests/conformance/forms.py` lists all that may differ.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import azure.durable_functions
import msgspec
import pytest

import dfcli as df
from dfcli import replay
from dfcli.host.host import Host
from dfcli.model import payload as payloads
from dfcli.model.durable_http import HttpCallRequest, HttpCallResult
from dfcli.model.ids import ExecutionKey
from dfcli.model.projection import azure_history, encode
from dfcli.model.query import InstanceFilter
from tests.conformance.forms import Event, comparable, lines, without_extra_timers
from tests.conformance.programs import INSTANCE, SCENARIOS, Activities, Scenario, entities, orchestrators, respond
from tests.host.running import VirtualMachine

REPOSITORY = Path(__file__).parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden" / "vendor"
SECONDS_MAX = 60 * 24 * 3600

by_name = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


class Recorded:
    """One execution of a golden file, or of our host."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.instance_id = header["InstanceId"]
        self.status = header["RuntimeStatus"]
        self.custom_status = header["CustomStatus"]
        self.history: list[dict[str, Any]] = []


def golden(scenario: Scenario) -> list[Recorded]:
    executions: list[Recorded] = []
    for line in (GOLDEN / f"{scenario.name}.jsonl").read_text().splitlines()[1:]:
        members = json.loads(line)
        if "EventType" in members:
            executions[-1].history.append(members)
        else:
            executions.append(Recorded(members))
    return executions


def app_with(sdk: Any) -> Any:
    """All functions of the scenarios, declared with the decorators of an SDK."""
    app = sdk.DFApp()
    for name, function in orchestrators(sdk).items():
        app.orchestration_trigger(context_name="context", orchestration=name)(function)
    for name, function in Activities().functions().items():

        def activity(value: Any, function: Any = function) -> Any:
            return function(value)

        activity.__name__ = f"activity_{name}"  # the vendor wants names that differ
        app.activity_trigger(input_name="value", activity=name)(activity)
    for name, function in entities().items():
        app.entity_trigger(context_name="context", entity_name=name)(function)
    return app


def ours(scenario: Scenario, app: Any) -> list[Recorded]:
    """The scenario on our host, on virtual time, its histories projected to the vendor's form."""

    async def play(host: Host) -> list[Recorded]:
        client = host.client
        await client.start_new(scenario.start, INSTANCE, scenario.input, scenario.version)
        passed = 0.0
        for step in scenario.script:
            await asyncio.sleep(step.at - passed)
            passed = step.at
            if step.verb == "raise":
                await client.raise_event(INSTANCE, step.text, step.value)
            else:
                await getattr(client, step.verb)(INSTANCE, step.text)
        await client.wait(INSTANCE, timeout=SECONDS_MAX)
        return [recorded for summary in host.query(InstanceFilter()).items for recorded in executions(host, summary)]

    with mock.patch("dfcli.host.http_calls.perform", performed):
        return VirtualMachine().run(app, play)


def performed(request: HttpCallRequest, _: Any) -> HttpCallResult:
    """In place of the network."""
    return msgspec.convert(respond(request.method, request.uri, request.content), HttpCallResult)


def executions(host: Host, summary: Any) -> list[Recorded]:
    found = []
    for number in range(1, summary.exec + 1):
        is_last = number == summary.exec
        status = {
            "InstanceId": summary.instance_id,
            "RuntimeStatus": summary.status if is_last else "ContinuedAsNew",
            "CustomStatus": payloads.decode(*summary.custom_status) if is_last else None,
        }
        recorded = Recorded(status)
        projected = azure_history(host.history(summary.instance_id, number), summary.instance_id, inputs=True)
        recorded.history = json.loads(encode(projected))
        found.append(recorded)
    return found


def by_start(executions: list[Recorded]) -> list[Recorded]:
    """A parent before its children, which may begin at the same moment of virtual time, and those in their order."""

    def key(recorded: Recorded) -> tuple[str, int]:
        started = recorded.history[1]
        parent = started["ParentInstance"]
        return str(started["Timestamp"]), -1 if parent is None else parent["TaskScheduleId"]

    return sorted(executions, key=key)


@pytest.fixture(scope="module")
def made_again() -> dict[str, str]:
    """Every golden text, by the executor that is installed; in its own process, for the SDK warns about much."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.conformance"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    texts: dict[str, str] = json.loads(made.stdout)
    return texts


@by_name
def test_a_golden_history_is_what_the_vendors_executor_makes(scenario: Scenario, made_again: dict[str, str]) -> None:
    assert made_again[scenario.name] == (GOLDEN / f"{scenario.name}.jsonl").read_text()


@by_name
def test_our_host_writes_the_history_that_the_vendors_executor_makes(scenario: Scenario) -> None:
    _are_the_same(scenario, ours(scenario, app_with(df)), without_extra_timers)


@by_name
def test_an_azure_app_on_our_host_writes_it_with_the_vendors_extra_timers(scenario: Scenario) -> None:
    with mock.patch("dfcli.host.arrivals.details_text", return_value=""):  # the vendor's host here gives none
        found = ours(scenario, app_with(azure.durable_functions))
    _are_the_same(scenario, found, list)


def _are_the_same(scenario: Scenario, found: list[Recorded], native: Callable[[list[Event]], list[Event]]) -> None:
    theirs, mine = by_start(golden(scenario)), by_start(found)
    their_ids: dict[str, str] = {}
    my_ids: dict[str, str] = {}
    for their, my in zip(theirs, mine, strict=True):
        wanted = comparable(native(their.history), their_ids)
        assert comparable(my.history, my_ids) == wanted
        assert my.status == their.status
        if their.status != "ContinuedAsNew":
            assert my.custom_status == their.custom_status


@by_name
def test_our_engine_replays_the_history_that_the_vendors_executor_made(scenario: Scenario) -> None:
    functions = orchestrators(df)
    for recorded in golden(scenario):
        history = lines(without_extra_timers(recorded.history), recorded.instance_id)
        view = replay.run(history, functions.get, key=ExecutionKey(recorded.instance_id, 1))
        assert (view.divergence, view.warnings) == (None, [])
        assert sorted(step.seq for step in view.steps) == [event.seq for event in history]


def test_a_changed_program_is_noticed() -> None:
    [recorded] = golden(SCENARIOS[0])
    events = [dict(event) for event in recorded.history]
    events[2]["Name"] = "shout"
    view = replay.run(lines(events, INSTANCE), orchestrators(df).get, key=ExecutionKey(INSTANCE, 1))
    assert view.divergence is not None


def test_each_golden_file_has_its_scenario() -> None:
    assert sorted(file.stem for file in GOLDEN.glob("*.jsonl")) == sorted(scenario.name for scenario in SCENARIOS)
