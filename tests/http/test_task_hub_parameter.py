"""`taskHub`: requests for another task hub of the app, whether a host runs it or nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dfcli.host.host import Host
from dfcli.http.remote_client import RemoteControl
from dfcli.registry.registry import Registry
from tests.http.fuzzing import app
from tests.http.serving import serving
from tests.http.test_with_the_real_host import BASE, Caller

JSON = {"Content_Type": "application/json"}


@pytest.fixture(params=["through its host", "on its files"])
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Caller]:
    """A host of the hub `default`, beside the hub `Archive` that another host runs, or has run."""
    registry = Registry.from_app(app)
    other = str(tmp_path / "Archive")
    with ExitStack() as held:
        archive = held.enter_context(ExitStack())
        served = archive.enter_context(serving(lambda: Host(registry, hub=other, hub_name="Archive")))
        if request.param == "on its files":
            archive.close()
        own = held.enter_context(serving(lambda: Host(registry, hub=str(tmp_path / "default"))))
        if request.param == "through its host":
            own.host.reach = lambda path: RemoteControl(served.url) if path == other else None
        call = Caller(own)
        call.has_host = request.param == "through its host"  # type: ignore[attr-defined]
        yield call


def test_every_verb_works_on_another_hub_and_leaves_the_own_one_alone(call: Caller) -> None:
    hub = "taskHub=archive&connection=Storage"
    answer = call("POST", f"{BASE}/orchestrators/approval/a?{hub}", "1")
    assert (answer.status, answer.json["id"]) == (202, "a")
    assert "taskHub=Archive" in answer.json["statusQueryGetUri"]
    assert call("POST", f"{BASE}/orchestrators/approval/a?{hub}").status == 409
    shown = call("GET", f"{BASE}/instances/a?{hub}&showHistory=true")
    assert (shown.status, shown.json["input"]) == (202, 1)
    assert call("GET", f"{BASE}/instances/a").status == 404
    assert [item["instanceId"] for item in call("GET", f"{BASE}/instances?{hub}").json] == ["a"]
    assert call("GET", f"{BASE}/instances").json == []
    assert call("POST", f"{BASE}/instances/a/suspend?{hub}&reason=r").status == 202
    assert call("POST", f"{BASE}/instances/a/resume?{hub}").status == 202
    assert call("POST", f"{BASE}/instances/nobody/resume?{hub}").status == 404
    assert call("POST", f"{BASE}/instances/a/raiseEvent/Approval?{hub}", "1", **JSON).status == 202
    if call.has_host:  # type: ignore[attr-defined]
        while call("GET", f"{BASE}/instances/a?{hub}").status == 202:
            pass
    else:
        assert call("POST", f"{BASE}/instances/a/terminate?{hub}").status == 202
    assert call("POST", f"{BASE}/instances/a/raiseEvent/Approval?{hub}", "1", **JSON).status == 410
    assert call("POST", f"{BASE}/instances/a/rewind?{hub}").status == 412
    again = call("POST", f"{BASE}/instances/a/restart?{hub}")
    assert again.status == 202
    assert call("DELETE", f"{BASE}/instances/{again.json['id']}?{hub}").status == 412
    assert call("DELETE", f"{BASE}/instances/a?{hub}").json == {"instancesDeleted": 1}
    assert call("DELETE", f"{BASE}/instances?{hub}&createdTimeFrom=2020-01-01").status == 404


def test_a_start_on_another_hub_waits_if_a_host_runs_it(call: Caller) -> None:
    answer = call("POST", f"{BASE}/orchestrators/echo?taskHub=ARCHIVE&timeout=10", '"Hi"')
    if call.has_host:  # type: ignore[attr-defined]
        assert (answer.status, answer.json) == (200, "Hi")
    else:
        assert answer.status == 202
        assert call("GET", answer.json["statusQueryGetUri"].partition(str(call.port))[2]).json["output"] is None
    keyed = call("POST", f"{BASE}/orchestrators/echo?taskHub=Archive", "1", Idempotency_Key="k")
    assert keyed.status == 400
    assert "Idempotency-Key" in keyed.json["ExceptionMessage"]


def test_entities_of_another_hub(call: Caller) -> None:
    hub = "taskHub=Archive"
    assert call("POST", f"{BASE}/entities/counter/c?{hub}&op=set", "5", **JSON).status == 202
    assert call("POST", f"{BASE}/entities/nothing/c?{hub}&op=set", "5", **JSON).status == 400
    assert call("GET", f"{BASE}/entities/counter/c").status == 404
    if call.has_host:  # type: ignore[attr-defined]
        while (state := call("GET", f"{BASE}/entities/counter/c?{hub}")).status == 404:
            pass
        assert state.json == 5
        listed = call("GET", f"{BASE}/entities/Counter?{hub}&fetchState=true").json
        assert [(item["entityId"], item["state"]) for item in listed] == [({"name": "counter", "key": "c"}, 5)]
        assert call("GET", f"{BASE}/entities?{hub}&lastOperationTimeFrom=2100-01-01").json == []
    assert call("GET", f"{BASE}/instances/@counter@c?{hub}").status == 202


@pytest.mark.parametrize("name", ["elsewhere", "..", "x", "Archive%2F..", "%00", "archive%20x"])
def test_a_hub_that_is_none_is_not_found_and_not_made(call: Caller, name: str, tmp_path: Path) -> None:
    for method, path in (
        ("POST", "orchestrators/echo"),
        ("GET", "instances"),
        ("POST", "instances/a/rewind"),
        ("GET", "entities"),
    ):
        answer = call(method, f"{BASE}/{path}?taskHub={name}")
        assert (answer.status, answer.body) == (404, b"")
    assert call("GET", f"/dfcli/v1/instances?taskHub={name}").status == 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Archive", "default"]
