"""Entities over the durable API: signal, read, list; and where an entity is shown as an instance."""

from __future__ import annotations

import pytest

from dfcli.model import payload
from dfcli.model.entity_status import EntityFacts
from dfcli.model.payload import NOTHING, Payload
from tests.http.asgi_client import BASE, HOST, AsgiClient
from tests.http.fake_host import FakeHost

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def client(host: FakeHost) -> AsgiClient:
    return AsgiClient(host)


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        ("", {}, None),
        ("", JSON, None),
        (" \n", JSON, None),
        ('{ "n": 1 }', JSON, '{"n":1}'),
        ("5", {"Content-Type": "Application/JSON; charset=utf-8"}, "5"),
        ("5", {}, '"5"'),
        ("5", {"Content-Type": "text/plain"}, '"5"'),
        ("{not json", {"Content-Type": "text/plain"}, '"{not json"'),
        ("ü", {"Content-Type": "text/plain"}, '"ü"'),
    ],
)
def test_the_body_is_json_where_it_says_so_and_else_text(
    client: AsgiClient, host: FakeHost, body: str, headers: dict[str, str], told: str | None
) -> None:
    answer = client.post(f"{BASE}/entities/Counter/My%20Key?op=add", body, headers=headers)
    assert (answer.status, answer.body) == (202, b"")
    assert host.told == [("signal", "Counter", "My Key", "add", told, None, None)]


def test_an_operation_may_have_no_name_and_a_delete_is_one_named_so(client: AsgiClient, host: FakeHost) -> None:
    assert client.post(f"{BASE}/entities/c/k").status == 202
    assert client.delete(f"{BASE}/entities/c/k?op=ignored").status == 202
    assert client.post(f"{BASE}/ENTITIES/c/k/?OP=add", headers={"Idempotency-Key": "one"}).status == 202
    assert [told[3:] for told in host.told] == [
        ("", None, None, None),
        ("delete", None, None, None),
        ("add", None, None, "one"),
    ]


def test_bad_bodies_and_addresses_without_name_or_key_are_refused(client: AsgiClient, host: FakeHost) -> None:
    answer = client.post(f"{BASE}/entities/c/k?op=add", "{", headers=JSON)
    assert answer.status == 400
    assert answer.json["Message"].startswith("Could not parse JSON content: ")
    assert answer.json["ExceptionMessage"]
    assert answer.json["ExceptionType"] == "System.ArgumentException"
    assert client.post(f"{BASE}/entities/c/k?op=add", b"\xff", headers={"Content-Type": "text/plain"}).status == 400
    for method in ("POST", "DELETE"):
        for path, missing in (("entities", "name"), ("entities/c", "key")):
            answer = client.ask(method, f"{BASE}/{path}?op=add")
            assert (answer.status, missing in answer.json["ExceptionMessage"]) == (400, True)
            assert answer.json["Message"] == "One or more of the arguments submitted is incorrect"
    assert client.ask("PUT", f"{BASE}/entities/c/k").status == 404
    assert client.ask("PATCH", f"{BASE}/entities").body == b""
    assert host.told == []


@pytest.mark.parametrize("stored", [payload.encode({"n": 1}), payload.encode(None), payload.encode(0)])
def test_the_state_is_the_whole_answer(client: AsgiClient, host: FakeHost, stored: Payload) -> None:
    host.put_entity("counter", "Key", stored)
    answer = client.get(f"{BASE}/entities/COUNTER/Key")
    assert (answer.status, answer.body.decode()) == (200, stored.json_text)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_an_entity_without_a_state_is_not_found(client: AsgiClient, host: FakeHost) -> None:
    host.put_entity("counter", "gone", NOTHING)
    host.put_entity("counter", "Key", payload.encode(1))
    for path in ("counter/gone", "counter/key", "counter/$", "other/Key"):
        answer = client.get(f"{BASE}/entities/{path}")
        assert (answer.status, answer.body) == (404, b"")
    assert client.get(f"{BASE}/entities/counter/a%2Fb").status == 400


def test_a_list_has_what_was_asked_for_in_pages(client: AsgiClient, host: FakeHost) -> None:
    for day in range(1, 6):
        host.put_entity("counter", f"k{day}", payload.encode(day), f"2026-01-0{day}T00:00:00.000000Z")
    host.put_entity("other", "x", payload.encode("x"), "2026-01-03T00:00:00.000000Z")
    host.put_entity("counter", "deleted", NOTHING)
    assert client.get(f"{BASE}/entities/Counter?top=1&fetchState=true").json == [
        {
            "entityId": {"name": "counter", "key": "k1"},
            "lastOperationTime": "2026-01-01T00:00:00.000000Z",
            "state": 1,
        }
    ]
    assert client.get(f"{BASE}/entities/counter?top=1").json[0]["state"] is None
    seen, token = [], ""
    while True:
        answer = client.get(f"{BASE}/entities?top=4", headers={"x-ms-continuation-token": token} if token else {})
        seen += [item["entityId"]["key"] for item in answer.json]
        token = answer.headers["x-ms-continuation-token"]
        if not token:
            break
    assert seen == ["k1", "k2", "k3", "k4", "k5", "x"]
    narrow = "lastOperationTimeFrom=2026-01-03&lastOperationTimeTo=2026-01-04T00:00:00Z"
    assert [item["entityId"]["key"] for item in client.get(f"{BASE}/entities?{narrow}").json] == ["k3", "k4", "x"]
    assert len(client.get(f"{BASE}/entities?lastOperationTimeFrom=soon").json) == 6
    assert client.get(f"{BASE}/entities/none").json == []
    assert client.get(f"{BASE}/entities", headers={"x-ms-continuation-token": "forged!"}).status == 400
    for number in range(150):
        host.put_entity("many", f"{number:03}", payload.encode(number))
    assert len(client.get(f"{BASE}/entities/many").json) == 100
    assert len(client.get(f"/rpc/{host.rpc_token}/durabletask/entities/many").json) == 150
    assert len(client.get(f"/rpc/{host.rpc_token}/durabletask/entities/many?top=7").json) == 7


def test_an_entity_is_shown_as_an_instance_that_runs(client: AsgiClient, host: FakeHost) -> None:
    facts = EntityFacts(state=payload.encode(3).raw, waiting=2)
    host.put("@counter@Key", "Running", name="@counter", entity=facts)
    target = f"{BASE}/instances/@Counter@Key"
    answer = client.get(target)
    assert (answer.status, answer.headers["location"]) == (202, f"http://{HOST}{target}")
    assert (answer.json["instanceId"], answer.json["runtimeStatus"]) == ("@counter@Key", "Running")
    assert answer.json["customStatus"] == {"entityExists": True, "queueSize": 2}
    assert answer.json["input"]["state"] == "3"
    for path in ("@counter@key", "@counter", "@", "@@x"):
        assert client.get(f"{BASE}/instances/{path}").status == 404
    assert client.delete(f"{BASE}/instances/@counter@nobody").json == {"instancesDeleted": 0}
    host.put("i", "Running")
    assert [item["instanceId"] for item in client.get(f"{BASE}/instances").json] == ["i"]
    listed = client.get(f"{BASE}/instances?instanceIdPrefix=%40counter").json
    assert [item["instanceId"] for item in listed] == ["@counter@Key"]
    for operation in ("terminate", "suspend", "resume", "raiseEvent/x"):
        assert client.post(f"{BASE}/instances/@counter@Key/{operation}").status == 404
