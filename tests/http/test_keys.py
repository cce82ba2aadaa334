"""With keys on: every route asks for one of the right scope, however sent; wrong ones tell nothing and are slowed."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from typing import Any

import pytest

from dfcli.authoring.triggers import AuthLevel
from dfcli.env.clock import VirtualClock
from dfcli.env.environment import Env
from dfcli.http import app as application
from dfcli.http.app import AREAS, SCOPES
from dfcli.http.key_proof import proof_of
from dfcli.http.keys import KeyGate, KeyRing
from dfcli.http.routing import Access
from dfcli.storage.keys import KeyFile, KeyScope
from tests.http.asgi_client import BASE, AsgiClient
from tests.http.fake_host import FakeHost, function

OWN = "/dfcli/v1"
FUNCTIONS = {
    "open": AuthLevel.ANONYMOUS,
    "closed": AuthLevel.FUNCTION,
    "guarded": AuthLevel.ADMIN,
}


class Locked:
    """An application that asks for keys, and the keys."""

    def __init__(self, folder: str) -> None:
        self.clock = VirtualClock()
        self.file = KeyFile(folder, Env(clock=self.clock))
        self.file.ensure()
        functions = [function(name) for name in FUNCTIONS]
        for definition in functions:
            definition.auth_level = FUNCTIONS[definition.name]
        self.host = FakeHost(functions)
        self.host.answer = lambda definition, *_: definition.name
        self.client = AsgiClient(self.host)
        self.client.service.gate = KeyGate(KeyRing(self.file, self.clock))

    def key(self, scope: str) -> str:
        return self.file.current(KeyScope(scope)).value

    def status(self, method: str, path: str, key: str = "", **given: Any) -> int:
        self.host.put("a", "Running")
        headers = {"Content-Type": "application/json", **({"x-functions-key": key} if key else {})}
        return self.client.ask(method, path, headers=headers, **given).status


@pytest.fixture
def locked(tmp_path: Any) -> Locked:
    return Locked(str(tmp_path))


def every_route() -> Iterator[tuple[str, str, frozenset[KeyScope] | None]]:
    """Method, path and the scopes that open it, of all routes there are, as the tables have them."""
    for area in AREAS:
        if area.is_worker:
            continue
        for route in area.table.routes:
            path = "/" + "/".join([*area.base, *route.segments])
            for name in ("id", "name", "event", "key"):
                path = path.replace(f"{{{name}}}", "a")
            yield "POST" if route.method == "*" else route.method, path, SCOPES[route.access]
        yield "GET", "/" + "/".join([*area.base, "nothing"]), SCOPES[area.access]
        yield "PATCH", "/" + "/".join([*area.base, "instances"]), SCOPES[area.access]
    for route in application.root_routes.routes:
        yield route.method, "/" + route.path, SCOPES[route.access]
    for name, level in FUNCTIONS.items():
        yield "GET", f"/api/{name}", SCOPES[level]


ROUTES = list(every_route())


@pytest.mark.parametrize(
    ("method", "path", "scopes"), ROUTES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_route_asks_for_its_key(
    locked: Locked, method: str, path: str, scopes: frozenset[KeyScope] | None
) -> None:
    closed = scopes is not None
    told = len(locked.host.told)
    assert (locked.status(method, path) == 401) is closed
    assert (locked.status(method, path, "x" * 43) == 401) is closed
    for scope in KeyScope:
        if closed and scope not in scopes:  # type: ignore[operator]
            assert locked.status(method, path, locked.key(scope)) == 403
    if closed:
        assert len(locked.host.told) == told, "nothing was done without a key"
    for scope in scopes or KeyScope:
        assert locked.status(method, path, locked.key(scope)) not in (401, 403, 429)


def test_the_walk_meets_every_kind_of_access() -> None:
    met = {scopes for _, _, scopes in ROUTES}
    assert met >= {SCOPES[Access.OPEN], SCOPES[Access.SYSTEM], SCOPES[Access.ADMIN], SCOPES[Access.FUNCTION]}
    assert set(Access) <= set(SCOPES)
    assert set(AuthLevel) <= set(SCOPES)
    assert len(ROUTES) > 40


def test_a_key_may_be_sent_in_three_ways(locked: Locked) -> None:
    key = locked.key("system")
    for headers in ({"x-functions-key": key}, {"X-Functions-Key": key}, {"Authorization": f"bearer {key}"}):
        assert locked.client.get(f"{BASE}/instances", headers=headers).status == 200
    assert locked.client.get(f"{BASE}/instances?code={key}").status == 200
    assert locked.client.get(f"{BASE}/instances?CODE={key}").status == 200
    assert locked.client.get(f"{OWN}/instances?code={key}").status == 200
    assert locked.client.get(f"{BASE}/instances", headers={"Authorization": f"Basic {key}"}).status == 401
    assert locked.client.get(f"{BASE}/instances?code=", headers={"x-functions-key": key}).status == 200


def test_a_refusal_tells_neither_the_key_nor_what_is_there(locked: Locked) -> None:
    wrong = locked.client.get(f"{BASE}/instances/a?code=guessed")
    unknown = locked.client.get(f"{BASE}/instances/nobody?code=guessed")
    for answer in (wrong, unknown):
        assert answer.json["error"]["code"] == "unauthorized"
        assert b"guessed" not in answer.body
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert wrong.json["Message"] == unknown.json["Message"]
    function_refusal = locked.client.get("/api/closed")
    assert (function_refusal.status, function_refusal.body) == (401, b"")


def test_each_candidate_is_compared_whether_or_not_one_has_matched(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counting(a: Any, b: Any) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    keys = [locked.key("master"), locked.key("function"), "wrong", ""]
    monkeypatch.setattr("dfcli.http.keys.hmac.compare_digest", counting)
    for key in keys:
        compared.clear()
        locked.status("GET", f"{BASE}/instances", key)
        assert compared == [(32, 32)] * 3


def test_twenty_wrong_keys_close_the_gate_for_ten_seconds(locked: Locked, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr("dfcli.http.keys._now", lambda: seconds[0])
    right = locked.key("system")
    for _ in range(19):
        seconds[0] += 0.1
        assert locked.status("GET", f"{BASE}/instances", "wrong") == 401
    assert locked.status("GET", f"{BASE}/instances", right) == 200
    assert locked.status("GET", f"{BASE}/instances", "wrong") == 401
    answer = locked.client.get(f"{BASE}/instances", headers={"x-functions-key": right})
    assert (answer.status, answer.json["error"]["code"], answer.headers["retry-after"]) == (429, "rate_limited", "10")
    assert locked.client.get("/api/closed").status == 429
    assert locked.client.get("/healthz").status == 200
    seconds[0] += 10
    assert locked.status("GET", f"{BASE}/instances", right) == 200


def test_wrong_keys_now_and_then_and_requests_without_any_close_nothing(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("dfcli.http.keys._now", lambda: seconds[0])
    for _ in range(60):
        seconds[0] += 1
        assert locked.status("GET", f"{BASE}/instances", "wrong") == 401
        assert [locked.status("GET", f"{BASE}/instances") for _ in range(3)] == [401] * 3


def test_a_rotated_or_revoked_key_counts_from_the_next_request_on(locked: Locked) -> None:
    old = locked.key("system")
    locked.file.rotate(KeyScope.SYSTEM, 60)
    new = locked.key("system")
    assert [locked.status("GET", f"{BASE}/instances", key) for key in (old, new)] == [200, 200]
    locked.clock.advance(61)
    assert [locked.status("GET", f"{BASE}/instances", key) for key in (old, new)] == [401, 200]
    locked.file.revoke("system")
    assert locked.status("GET", f"{BASE}/instances", new) == 401
    assert locked.status("GET", f"{BASE}/instances", locked.key("system")) == 200


def test_keys_that_become_readable_for_others_or_vanish_open_nothing_until_that_is_repaired(
    locked: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    key = locked.key("system")
    os.chmod(locked.file.path, 0o644)
    assert locked.status("GET", f"{BASE}/instances", key) == 401
    assert "no key is valid until this is repaired" in caplog.text
    assert key not in caplog.text
    os.chmod(locked.file.path, 0o600)
    assert locked.status("GET", f"{BASE}/instances", key) == 200
    os.unlink(locked.file.path)
    assert locked.status("GET", f"{BASE}/instances", key) == 401


def test_links_carry_the_current_system_key_and_work(locked: Locked) -> None:
    master = locked.key("master")
    started = locked.client.post(
        f"{BASE}/orchestrators/hello?code={master}", "1", headers={"Content-Type": "application/json"}
    )
    assert started.status == 202
    for name, link in started.json.items():
        if name != "id":
            assert f"code={locked.key('system')}" in link, name
            assert master not in link
    assert locked.client.get(started.json["statusQueryGetUri"].removeprefix("http://127.0.0.1:7071")).status == 202


def test_the_workers_address_asks_for_no_key_and_a_wrong_one_is_nowhere(locked: Locked) -> None:
    token = locked.host.rpc_token
    assert locked.client.get(f"/rpc/{token}/durabletask/instances").status == 200
    assert locked.client.get("/rpc/guess/durabletask/instances").status == 404


def test_a_host_proves_that_it_knows_the_key_for_the_address_it_listens_on(locked: Locked) -> None:
    nonce = "n" * 32
    answer = locked.client.get(f"{OWN}/challenge?nonce={nonce}")
    assert answer.json["proof"] == proof_of(locked.key("system"), nonce, "127.0.0.1:7071")
    assert answer.json["proof"] != proof_of(locked.key("system"), nonce, "127.0.0.1:7072")
    for bad in ("", "short", "n" * 129, "n" * 20 + "%00"):
        assert locked.client.get(f"{OWN}/challenge?nonce={bad}").status == 400
    locked.client.service.gate = None
    assert locked.client.get(f"{OWN}/challenge?nonce={nonce}").json == {"proof": ""}


def test_without_keys_nothing_is_asked_for(locked: Locked) -> None:
    locked.client.service.gate = None
    for method, path, _ in ROUTES:
        assert locked.status(method, path) not in (401, 403, 429), path
