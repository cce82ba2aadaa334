"""Many instances at once: list, filter, page, purge."""

from __future__ import annotations

import pytest

from dfcli.model import payload
from tests.http.asgi_client import BASE, AsgiClient
from tests.http.fake_host import FakeHost

STATES = ("Pending", "Running", "ContinuedAsNew", "Suspended", "Completed", "Failed", "Terminated", "Canceled")
LIVE = STATES[:4]


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def client(host: FakeHost) -> AsgiClient:
    return AsgiClient(host)


def test_a_list_is_paged_with_the_continuation_token(client: AsgiClient, host: FakeHost) -> None:
    for number in range(5):
        host.put(f"i{number}", "Completed", input=payload.encode(number))
    seen: list[str] = []
    token = ""
    while True:
        answer = client.get(f"{BASE}/instances?top=2", headers={"x-ms-continuation-token": token} if token else {})
        seen += [item["instanceId"] for item in answer.json]
        token = answer.headers["x-ms-continuation-token"]
        if not token:
            break
    assert seen == ["i0", "i1", "i2", "i3", "i4"]
    assert client.get(f"{BASE}/instances", headers={"x-ms-continuation-token": "forged!"}).status == 400
    assert client.get(f"{BASE}/instances?top=-1").status == 200
    assert len(client.get(f"{BASE}/instances?top=abc&showHistory=true").json) == 5
    assert {item["input"] for item in client.get(f"{BASE}/instances?showInput=False").json} == {None}
    assert client.get(f"{BASE}/instances?instanceIdPrefix=zzz").json == []


def test_the_workers_address_lists_everything_at_once(client: AsgiClient, host: FakeHost) -> None:
    for number in range(150):
        host.put(f"i{number:03}", "Completed")
    assert len(client.get(f"{BASE}/instances").json) == 100
    assert len(client.get(f"/rpc/{host.rpc_token}/durabletask/instances/").json) == 150


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "abc"),
        ("runtimeStatus=Running", "a"),
        ("runtimeStatus=running,COMPLETED", "ab"),
        ("runtimeStatus=Running&runtimestatus=Completed", "ab"),
        ("runtimeStatus=0,3", "ac"),
        ("runtimeStatus=Nonsense", "abc"),
        ("runtimeStatus=Nonsense,Failed", "c"),
        ("createdTimeFrom=2026-01-02T00:00:00Z", "bc"),
        ("createdTimeFrom=2026-01-02", "bc"),
        ("createdTimeFrom=2026-01-02T01:00:00%2B01:00", "bc"),
        ("createdTimeFrom=2026-01-02T01:00:00+01:00", "bc"),
        ("createdTimeTo=2026-01-02T00:00:00.0000000Z", "ab"),
        ("createdTimeFrom=yesterday", "abc"),
        ("createdTimeFrom=1-01-01T00:00:00.000000Z", "abc"),
        ("instanceIdPrefix=b", "b"),
        ("createdTimeFrom=2026-01-02&runtimeStatus=Failed,Running", "c"),
    ],
)
def test_a_list_is_filtered(client: AsgiClient, host: FakeHost, query: str, wanted: str) -> None:
    for day, (instance_id, status) in enumerate((("a", "Running"), ("b", "Completed"), ("c", "Failed")), 1):
        host.put(instance_id, status, created=f"2026-01-0{day}T00:00:00.000000Z")
    answer = client.get(f"{BASE}/instances?{query}")
    assert answer.status == 200
    assert "".join(item["instanceId"] for item in answer.json) == wanted


def test_purging_many_needs_a_time_and_spares_the_living(client: AsgiClient, host: FakeHost) -> None:
    for number, status in enumerate(STATES):
        host.put(f"i{number}", status)
    answer = client.delete(f"{BASE}/instances")
    assert (answer.status, answer.json) == (400, "Please provide value for 'createdTimeFrom' parameter.")
    assert client.delete(f"{BASE}/instances?createdTimeFrom=soon").status == 400
    assert client.delete(f"{BASE}/instances?createdTimeFrom=2030-01-01").status == 404
    assert client.delete(f"{BASE}/instances?createdTimeFrom=2020-01-01&createdTimeTo=2021-01-01").body == b""
    one = client.delete(f"{BASE}/instances/?createdTimeFrom=2020-01-01&runtimeStatus=Failed,Running")
    assert one.json == {"instancesDeleted": 1}
    assert client.delete(f"{BASE}/instances?createdTimeFrom=2020-01-01").json == {"instancesDeleted": 3}
    assert {summary.status for summary in host.instances.values()} == set(LIVE)
