"""The whole way: HTTP in, the real host and hub behind it, HTTP out."""

from __future__ import annotations

import http.client
import json
from asyncio import CancelledError
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dfcli import errors
from dfcli.authoring.app import DFApp
from dfcli.authoring.http import HttpRequest, HttpResponse
from dfcli.host.host import Host
from dfcli.http.remote_client import RemoteControl
from dfcli.model import payload
from dfcli.model.query import InstanceFilter
from dfcli.registry.registry import Registry
from tests.http.serving import Serving, serving

BASE = "/runtime/webhooks/durabletask"

app = DFApp()


@app.orchestration_trigger(context_name="context")
def hello(context: Any) -> Any:
    first = yield context.call_activity("greet", context.get_input())
    return [first]


@app.orchestration_trigger(context_name="context")
def approval(context: Any) -> Any:
    context.set_custom_status({"step": 1})
    return (yield context.wait_for_external_event("Approval"))


@app.orchestration_trigger(context_name="context")
def broken(context: Any) -> Any:
    yield context.call_activity("fail")


@app.activity_trigger(input_name="name")
def greet(name: Any) -> str:
    return f"Hello {name}"


@app.activity_trigger(input_name="nothing")
def fail(nothing: Any) -> None:
    raise ValueError("boom")


@app.route(route="begin/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def begin(req: HttpRequest, client: Any) -> HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], None, req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.route(route="plain/{name?}")
def plain(req: HttpRequest) -> str:
    return f"plain {req.route_params.get('name', 'nobody')}"


RAISED = {kind.__name__: kind for kind in (ValueError, SystemExit, KeyboardInterrupt, StopIteration, CancelledError)}


@app.route(route="raise/{kind}")
def raises(req: HttpRequest) -> str:
    raise RAISED[req.route_params["kind"]]


@app.route(route="async/raise/{kind}")
async def raises_async(req: HttpRequest) -> str:
    raise RAISED[req.route_params["kind"]]


@app.route(route="async/echo/{word}")
async def echo_async(req: HttpRequest) -> str:
    return str(req.route_params["word"])


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    def __init__(self, running: Serving) -> None:
        self.port = running.port

    def __call__(self, method: str, target: str, body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, given)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()


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


def test_a_run_from_start_to_output(call: Caller) -> None:
    answer = call("POST", f"{BASE}/orchestrators/Hello/run-1?timeout=20", '"Tokyo"')
    assert (answer.status, answer.json) == (200, ["Hello Tokyo"])
    found = call("GET", f"{BASE}/instances/run-1?showHistory=true&showHistoryOutput=true")
    assert found.status == 200
    assert found.json["runtimeStatus"] == "Completed"
    assert [(event["EventType"], event.get("Result")) for event in found.json["historyEvents"]] == [
        ("ExecutionStarted", None),
        ("TaskCompleted", "Hello Tokyo"),
        ("ExecutionCompleted", ["Hello Tokyo"]),
    ]
    assert call("DELETE", f"{BASE}/instances/run-1").json == {"instancesDeleted": 1}
    assert call("GET", f"{BASE}/instances/run-1").status == 404


def test_an_event_completes_a_waiting_run(call: Caller, control: RemoteControl) -> None:
    links = call("POST", f"{BASE}/orchestrators/approval", "null").json
    waiting = control.status(links["id"])
    while not waiting.waits or waiting.summary.custom_status.json_text is None:
        waiting = control.status(links["id"])
    assert waiting.waits[0].kind == "event"
    assert waiting.waits[0].location is not None
    assert waiting.waits[0].location.file.endswith("test_with_the_real_host.py")
    shown = call("GET", links["statusQueryGetUri"].partition(str(call.port))[2])
    assert (shown.status, shown.json["customStatus"]) == (202, {"step": 1})
    target = links["sendEventPostUri"].partition(str(call.port))[2].replace("{eventName}", "approval")
    assert call("POST", target, '{"ok":true}', Content_Type="application/json").status == 202
    assert control.wait(links["id"], 20).summary.output.json_text == '{"ok":true}'
    assert call("POST", target, "1", Content_Type="application/json").status == 410


def test_a_failed_run_says_why(call: Caller) -> None:
    answer = call("POST", f"{BASE}/orchestrators/broken?timeout=20&returnInternalServerErrorOnFailure=true")
    assert answer.status == 500
    assert answer.json["runtimeStatus"] == "Failed"
    assert "boom" in answer.json["output"]
    assert "boom" in json.dumps(answer.json["failureDetails"])


def test_suspend_resume_terminate(call: Caller, control: RemoteControl) -> None:
    call("POST", f"{BASE}/orchestrators/approval/steered")
    assert call("POST", f"{BASE}/orchestrators/approval/steered").status == 409
    assert call("POST", f"{BASE}/instances/steered/resume").status == 409
    assert call("POST", f"{BASE}/instances/steered/suspend?reason=hold").status == 202
    while control.status("steered").summary.status != "Suspended":
        pass
    again = call("POST", f"{BASE}/instances/steered/suspend")
    assert again.json["ExceptionMessage"] == (
        "Cannot suspend the orchestration instance steered because instance is in the Suspended state."
    )
    assert call("POST", f"{BASE}/instances/steered/resume").status == 202
    assert call("DELETE", f"{BASE}/instances/steered").status == 412
    assert call("POST", f"{BASE}/instances/steered/terminate?reason=enough").status == 202
    assert control.wait("steered", 20).summary.output.json_text == '"enough"'
    assert call("POST", f"{BASE}/instances/steered/terminate").status == 410
    kinds = [type(event).__name__ for event in control.history("steered")]
    assert kinds.count("ExecutionTerminated") == 1
    assert all(b'"Crc":"' in line for line in control.lines("steered"))
    assert len(control.lines("steered")) == len(kinds)


def test_refusals_of_a_start(call: Caller) -> None:
    unknown = call("POST", f"{BASE}/orchestrators/nope")
    assert unknown.status == 400
    assert unknown.json["ExceptionMessage"] == (
        "The function 'nope' doesn't exist, is disabled, or is not an orchestrator function. Additional info: "
        "The following are the known orchestrator functions: 'approval', 'broken', 'hello'."
    )
    assert call("POST", f"{BASE}/orchestrators/hello", "{").json["Message"] == "Invalid JSON content"


def test_a_repeated_key_starts_once(call: Caller) -> None:
    first = call("POST", f"{BASE}/orchestrators/approval", Idempotency_Key="order-77").json["id"]
    second = call("POST", f"{BASE}/orchestrators/approval", Idempotency_Key="order-77").json["id"]
    assert first == second
    call("POST", f"{BASE}/instances/{first}/terminate")


def test_functions_with_a_client_answer_with_links_that_work(call: Caller) -> None:
    answer = call("POST", "/api/begin/hello", '"Web"')
    assert answer.status == 202
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["location"] == answer.json["statusQueryGetUri"]
    target = answer.json["statusQueryGetUri"].partition(str(call.port))[2]
    while (found := call("GET", target)).status == 202:
        pass
    assert found.json["output"] == ["Hello Web"]
    assert call("GET", "/api/plain").body == b"plain nobody"
    assert call("GET", "/api/plain/Bo").body == b"plain Bo"
    assert call("GET", "/api/begin/hello").status == 404
    assert call("POST", "/api/begin/hello", "no json").status == 500


@pytest.mark.parametrize("kind", sorted(RAISED))
@pytest.mark.parametrize("route", ["/api/raise", "/api/async/raise"])
def test_whatever_a_function_raises_is_500_for_its_caller_and_nothing_for_others(
    call: Caller, route: str, kind: str
) -> None:
    answer = call("GET", f"{route}/{kind}")
    assert (answer.status, answer.body) == (500, b"")
    assert call("GET", "/api/plain").status == 200
    assert call("GET", "/api/async/echo/on").body == b"on"


def test_listing_by_both_routes(call: Caller, control: RemoteControl) -> None:
    for number in range(5):
        control.start("hello", payload.encode(number), instance_id=f"many-{number}")
    for number in range(5):
        control.wait(f"many-{number}", 20)
    token, seen = "", []
    while True:
        answer = call("GET", f"{BASE}/instances?instanceIdPrefix=many-&top=2", x_ms_continuation_token=token)
        seen += [item["instanceId"] for item in answer.json]
        token = answer.headers["x-ms-continuation-token"]
        if not token:
            break
    assert seen == [f"many-{number}" for number in range(5)]
    page = control.query(InstanceFilter(prefix="many-", newest_first=True), top=2)
    assert [item.instance_id for item in page.items] == ["many-4", "many-3"]
    assert call("GET", f"{BASE}/instances", x_ms_continuation_token="forged").status == 400
    control.start("approval", payload.NOTHING, instance_id="twice")
    with pytest.raises(errors.InstanceExists):
        control.start("approval", payload.NOTHING, instance_id="twice")
    deleted = call("DELETE", f"{BASE}/instances?createdTimeFrom=2020-01-01")
    assert deleted.json["instancesDeleted"] >= 5
    assert call("DELETE", f"{BASE}/instances?createdTimeFrom=2020-01-01").status == 404


def test_a_stopped_host_answers_nobody(tmp_path: Path) -> None:
    registry = Registry.from_app(app)
    with serving(lambda: Host(registry, hub=str(tmp_path / "default"))) as running:
        control = RemoteControl(running.url)
        assert control.is_alive(str(tmp_path / "default"))
    assert not control.is_alive(str(tmp_path / "default"))
