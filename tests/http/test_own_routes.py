"""The house's own routes: as rich as the files, refusals with what, why and hint."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
import pytest

from dfcli.http import wire
from dfcli.model import history as h
from dfcli.model import payload
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter
from tests.http.asgi_client import AsgiClient
from tests.http.fake_host import FakeHost, function

OWN = "/dfcli/v1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def host() -> FakeHost:
    return FakeHost([function("web", route="w", methods=["GET"])])


@pytest.fixture
def client(host: FakeHost) -> AsgiClient:
    return AsgiClient(host)


def test_a_summary_survives_the_wire_whole(host: FakeHost) -> None:
    summary = host.put(
        "a",
        "Failed",
        input=payload.encode({"x": [1]}),
        output=Payload(text="NaN"),
        failure=FailureDetails(error_type="E", error_message="m", is_non_retriable=True),
        parent=h.Parent(instance_id="p", exec=2, execution_id="e", task_scheduled_id=0, seq=5),
        tags={"k": "v"},
        open_tasks={3: 7},
        open_timers={4: "t"},
        open_children={5: "c"},
        next_timer="t",
        suspended=True,
        complete=False,
        generation=3,
        bytes=9,
    )
    assert set(wire.WireSummary.__struct_fields__) >= set(type(summary).__struct_fields__)
    travelled = msgspec.json.decode(wire.encode(wire.to_wire(summary)), type=wire.WireSummary)
    assert wire.from_wire(travelled) == summary


def test_the_status_tells_what_the_instance_waits_for(client: AsgiClient, host: FakeHost) -> None:
    host.put("a", "Running")
    found = client.get(f"{OWN}/instances/a").json
    assert found["summary"]["status"] == "Running"
    assert found["waits"] == [{"kind": "event", "name": "Approval"}]
    host.put("a", "Completed")
    assert "waits" not in client.get(f"{OWN}/instances/a").json


def test_events_and_lines_come_one_per_line(client: AsgiClient, host: FakeHost) -> None:
    events: list[h.Event] = [
        h.ExecutionStarted(
            seq=1, event_id=-1, timestamp="t", name="hello", execution_id="e", input=payload.encode("a\u2028b").raw
        ),
        h.OrchestratorStarted(seq=2, event_id=-1, timestamp="t", consumed=1),
    ]
    host.put("a", "Running")
    host.histories["a"] = events
    assert wire.decode_events(client.get(f"{OWN}/instances/a/events?exec=1").body) == events
    assert wire.split_lines(client.get(f"{OWN}/instances/a/lines").body) == host.lines("a")
    assert client.get(f"{OWN}/instances/b/lines").status == 404


def test_the_hub_and_its_functions_are_named(client: AsgiClient) -> None:
    hub = client.get(f"{OWN}/hub").json
    assert (hub["hubName"], hub["hubPath"], hub["version"]) == ("default", "/fake/hub", "0")
    functions = client.get(f"{OWN}/functions").json
    assert functions[0] == {
        "name": "web",
        "kind": "http",
        "file": "function_app.py",
        "line": 3,
        "route": "w",
        "methods": ["GET"],
    }
    assert client.get(f"{OWN}/health").json == {"status": "ok"}
    client.service.stopping.set()
    assert client.get(f"{OWN}/health").json == {"status": "stopping"}
    assert client.get("/healthz").status == 503


def test_a_refusal_says_what_why_and_how_to_go_on(client: AsgiClient, host: FakeHost) -> None:
    host.put("a", "Running")
    answer = client.delete(f"{OWN}/instances/a")
    assert answer.status == 409
    assert answer.json["error"]["code"] == "conflict"
    assert answer.json["error"]["hint"] == "dfcli terminate a"
    assert "has status Running" in answer.json["error"]["what"]
    for method, path, status in (
        ("GET", "instances/x", 404),
        ("POST", "instances/x/terminate", 404),
        ("GET", "instances?top=0", 400),
        ("GET", "instances?top=1001", 400),
        ("GET", "instances?createdFrom=soon", 400),
        ("GET", "instances?continuation=forged!", 400),
        ("GET", "instances/a%00b", 400),
        ("GET", "nothing", 404),
    ):
        refused = client.ask(method, f"{OWN}/{path}")
        assert refused.status == status, path
        assert refused.json["error"]["what"]


def test_a_wrong_method_is_405_and_names_the_right_ones(client: AsgiClient) -> None:
    answer = client.ask("PUT", f"{OWN}/instances/a")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET")


def test_a_body_must_be_json(client: AsgiClient, host: FakeHost) -> None:
    assert client.post(f"{OWN}/orchestrators/hello", "1", headers={"Content-Type": "text/plain"}).status == 415
    assert client.post(f"{OWN}/orchestrators/hello?instanceId=a", "1", headers=JSON).json == {"id": "a"}
    assert client.post(f"{OWN}/orchestrators/hello?instanceId=a", "1", headers=JSON).status == 409
    assert client.post(f"{OWN}/instances/a/events/Go", "true", headers=JSON).status == 202
    assert client.post(f"{OWN}/instances/a/suspend?reason=r").status == 202
    assert client.post(f"{OWN}/instances/a/resume?reason=r").status == 202
    assert client.post(f"{OWN}/instances/a/terminate?reason=r").status == 202
    assert client.delete(f"{OWN}/instances/a").json == {"instancesDeleted": 1}


def test_every_filter_travels(client: AsgiClient, host: FakeHost) -> None:
    host.put(
        "a,1",
        "Running",
        name="X",
        parent=h.Parent(instance_id="p&q", exec=1, execution_id="e", task_scheduled_id=0, seq=1),
    )
    host.put("b", "Running", name="X")
    which = InstanceFilter(
        statuses=frozenset({"Running", "Failed"}),
        names=frozenset({"x", "y"}),
        prefix="a,",
        created_from="2020-01-01T00:00:00.000000Z",
        created_to="2030-01-01T00:00:00.000000Z",
        parent_id="p&q",
        newest_first=True,
    )
    answer = client.get(f"{OWN}/instances?{urlencode(wire.filter_query(which))}")
    assert [item.instance_id for item in wire.decode_page(answer.body).items] == ["a,1"]
