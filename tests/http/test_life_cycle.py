"""Rewind, restart, recursive verbs and scheduled starts over HTTP, on the real host."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from typing import Any

import pytest

import dfcli as df
from dfcli import errors
from dfcli.host.host import Host
from dfcli.http.remote_client import RemoteControl
from dfcli.model import payload
from dfcli.registry.registry import Registry
from tests.http.serving import Serving, serving
from tests.http.test_with_the_real_host import BASE, Caller

broken: set[str] = set()
app = df.DFApp()


@app.activity_trigger()
def ship(number: Any) -> str:
    if "ship" in broken:
        raise ValueError("no ship")
    return f"shipped {number}"


@app.orchestration_trigger()
def order(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity("ship", context.get_input()))


@app.orchestration_trigger()
def waits(context: df.DurableOrchestrationContext) -> Any:
    if context.get_input() == "parent":
        return (yield context.call_sub_orchestrator("waits"))
    return (yield context.wait_for_external_event("go"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    hub = str(tmp_path_factory.mktemp("hub") / "default")
    registry = Registry.from_app(app)
    with serving(lambda: Host(registry, hub=hub)) as found:
        yield found


@pytest.fixture
def call(running: Serving) -> Caller:
    return Caller(running)


@pytest.fixture
def control(running: Serving) -> RemoteControl:
    return RemoteControl(running.url)


def failed(control: RemoteControl, instance_id: str) -> None:
    broken.add("ship")
    control.start("order", payload.encode(1), instance_id=instance_id)
    assert control.wait(instance_id, 30).summary.status == "Failed"
    broken.clear()


def test_a_failed_instance_is_rewound_over_the_durable_api(call: Caller, control: RemoteControl) -> None:
    failed(control, "r1")
    answer = call("POST", f"{BASE}/instances/r1/rewind?reason=fixed")
    assert (answer.status, answer.body) == (202, b"")
    summary = control.wait("r1", 30).summary
    assert (summary.status, summary.output.json_text, summary.rewinds) == ("Completed", '"shipped 1"', 1)
    shown = call("GET", f"{BASE}/instances/r1?showHistory=true").json["historyEvents"]
    assert [event["EventType"] for event in shown] == [
        "ExecutionStarted",
        "ExecutionRewound",
        "TaskCompleted",
        "ExecutionCompleted",
    ]


def test_a_rewind_of_what_has_not_failed_is_412_and_of_nothing_404_in_the_vendors_words(
    call: Caller, control: RemoteControl
) -> None:
    control.start("waits", payload.NOTHING, instance_id="r2")
    answer = call("POST", f"{BASE}/instances/r2/rewind")
    assert answer.status == 412
    assert answer.json in [
        f'This orchestration has status {status}, but only orchestrations in the "Failed" state can be rewound.'
        for status in ("Pending", "Running")
    ]
    control.terminate("r2", "")
    control.wait("r2", 30)
    assert call("POST", f"{BASE}/instances/r2/rewind").status == 412
    answer = call("POST", f"{BASE}/instances/nobody/rewind")
    assert (answer.status, answer.json) == (404, 'No orchestration with instance ID "$nobody" found.')


def test_the_report_of_a_rewind_travels_whole(control: RemoteControl) -> None:
    failed(control, "r3")
    planned = control.rewind("r3", "", dry_run=True)
    assert planned.runs_again == ["ship #0"]
    assert control.status("r3").summary.status == "Failed"
    done = control.rewind("r3", "why", cut=planned.cut)
    assert (done.voided, done.verified) == (planned.voided, True)
    assert control.wait("r3", 30).summary.status == "Completed"
    with pytest.raises(errors.WrongState, match="only orchestrations in the"):
        control.rewind("r3", "")
    with pytest.raises(errors.NotFound):
        control.rewind("nobody", "")


def test_a_restart_over_the_durable_api(call: Caller, control: RemoteControl) -> None:
    control.start("order", payload.encode(7), instance_id="s1")
    control.wait("s1", 30)
    answer = call("POST", f"{BASE}/instances/s1/restart?timeout=30")
    assert (answer.status, answer.json) == (200, "shipped 7")
    answer = call("POST", f"{BASE}/instances/s1/restart")
    assert answer.status == 202
    assert answer.json["id"] != "s1"
    answer = call("POST", f"{BASE}/instances/s1/restart?restartWithNewInstanceId=false")
    assert (answer.status, answer.json["id"]) == (202, "s1")
    answer = call("POST", f"{BASE}/instances/s1/restart?timeout=1&pollingInterval=2")
    assert answer.status == 400


def test_refused_restarts_use_the_vendors_words(call: Caller, control: RemoteControl) -> None:
    answer = call("POST", f"{BASE}/instances/nobody/restart")
    assert answer.status == 400
    assert answer.json["Message"] == "InstanceId does not match a valid orchestration instance."
    assert answer.json["ExceptionMessage"] == "An orchestrastion with the instanceId nobody was not found."
    control.start("waits", payload.NOTHING, instance_id="s2")
    answer = call("POST", f"{BASE}/instances/s2/restart?restartWithNewInstanceId=false")
    assert answer.status == 409
    assert answer.json["Message"] == "A non-terminal instance with this instance ID already exists."
    assert answer.json["ExceptionMessage"]


def test_families_are_terminated_and_purged_over_the_own_routes(control: RemoteControl) -> None:
    control.start("waits", payload.encode("parent"), instance_id="f")
    while control.status("f").summary.status == "Pending" or not control.query(_children("f")).items:
        pass
    control.terminate("f", "enough", recursive=True)
    assert control.status("f:1:0").summary.status == "Terminated"
    assert control.purge("f", recursive=True) == 2
    with pytest.raises(errors.NotFound):
        control.status("f:1:0")


def _children(instance_id: str) -> Any:
    from dfcli.model.query import InstanceFilter

    return InstanceFilter(parent_id=instance_id)


def test_a_start_may_wait_and_may_replace(control: RemoteControl) -> None:
    control.start("waits", payload.NOTHING, instance_id="later", start_at="2999-01-01T00:00:00.000000Z")
    status = control.status("later")
    assert (status.summary.status, status.summary.scheduled_start) == ("Pending", "2999-01-01T00:00:00.000000Z")
    with pytest.raises(errors.InstanceExists):
        control.start("order", payload.NOTHING, instance_id="later")
    control.start("order", payload.encode(2), instance_id="later", replace=True)
    assert control.wait("later", 30).summary.output.json_text == '"shipped 2"'


def test_of_fifty_callers_over_http_exactly_one_starts_the_singleton(call: Caller) -> None:
    def start(number: int) -> int:
        return call("POST", f"{BASE}/orchestrators/waits/singleton", str(number)).status

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = sorted(pool.map(start, range(50)))
    assert statuses == [202, *[409] * 49]
