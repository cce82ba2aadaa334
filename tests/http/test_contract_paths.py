"""What holds for every route: methods, case, slashes, the bases, encodings, and what is refused before any route."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dfcli.http import guard
from dfcli.http.app import SERVED
from dfcli.http.contract import BEFORE_ANY_ROUTE
from dfcli.http.routing import Route
from tests.http.asgi_client import BASE, HOST, Answer, AsgiClient
from tests.http.contract_world import Contract
from tests.http.fake_host import FakeHost

CONTRACT = Contract(SERVED)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
VALUES = {"id": "i1", "name": "hello", "key": "k", "event": "Go"}
JSON = {"Content-Type": "application/json"}
EACH = pytest.mark.parametrize("name", sorted(CONTRACT.routes))
EACH_PATH = sorted({(base, route.path) for base, route in CONTRACT.routes.values()})


@pytest.fixture
def host() -> FakeHost:
    found = FakeHost()
    found.put("i1", "Failed")
    return found


@pytest.fixture
def client(host: FakeHost) -> AsgiClient:
    return AsgiClient(host)


def target(base: str, path: str, values: dict[str, str] = VALUES) -> str:
    filled = re.sub(r"{(\w+)}", lambda found: values[found[1]], path)
    query = "?nonce=0123456789abcdef" if path == "challenge" else ""
    return f"{base}/{filled}{query}"


def ask(client: AsgiClient, name: str, base: str = "", **given: Any) -> Answer:
    own_base, route = CONTRACT.routes[name]
    method = "POST" if route.method == "*" else route.method
    return client.ask(method, target(base or own_base, route.path), **given)


def methods_of(base: str, path: str) -> set[str]:
    """Of routes that only refuse, too."""
    tables = [served.table for served in SERVED if served.base == base]
    return {route.method for table in tables for route in table.routes if route.path == path}


@pytest.mark.parametrize(("base", "path"), EACH_PATH, ids=lambda part: part)
def test_a_method_that_does_not_fit_is_404_on_durable_routes_and_405_with_the_right_ones_on_others(
    client: AsgiClient, host: FakeHost, base: str, path: str
) -> None:
    fitting = methods_of(base, path)
    if "*" in fitting:
        return
    for method in METHODS:
        if method in fitting:
            continue
        answer = client.ask(method, target(base, path), '{"n":1}', headers=JSON)
        if base in (BASE, "/admin"):
            assert (answer.status, answer.body) == (404, b""), method
        else:
            assert answer.status == 405, method
            assert set(answer.headers["allow"].split(", ")) == fitting
    assert host.told == []


@EACH
def test_literal_parts_match_in_any_case_and_slashes_at_the_end_do_not_count(name: str) -> None:
    base, route = CONTRACT.routes[name]
    method = "POST" if route.method == "*" else route.method
    shouted = "/".join(part if part.startswith("{") else part.upper() for part in f"{base}/{route.path}".split("/"))
    found = set()
    for path in (f"{base}/{route.path}", shouted):
        host = FakeHost()
        host.put("i1", "Failed")
        written, _, query = target("", path.lstrip("/")).partition("?")
        query = query or ("nonce=0123456789abcdef" if name == "challenge" else "")
        answer = AsgiClient(host).ask(method, f"{written}{'' if path is not shouted else '//'}?{query}")
        found.add((answer.status, answer.body, str(host.told)))
    assert len(found) == 1


@pytest.mark.parametrize("name", sorted(name for name, (base, _) in CONTRACT.routes.items() if base == BASE))
def test_the_three_bases_serve_the_same(name: str) -> None:
    answers = []
    for base in (BASE, "/admin/extensions/DurableTaskExtension", f"/rpc/{FakeHost.rpc_token}/durabletask"):
        host = FakeHost()
        host.put("i1", "Failed")
        answers.append((ask(AsgiClient(host), name, base), host.told))
    statuses = {(answer.status, answer.body if name != "start" else b"", str(told)) for answer, told in answers}
    assert len(statuses) == 1
    assert {answer.headers.get("content-type") for answer, _ in answers} <= {None, "application/json; charset=utf-8"}
    wrong = ask(AsgiClient(FakeHost()), name, "/rpc/token-somebody-guessed/durabletask")
    assert wrong.status == 404


REFUSED: dict[int, dict[str, Any]] = {
    400: {"headers": [("Host", HOST), ("Host", HOST)]},
    403: {"headers": {"Host": "rebound.example"}},
    415: {"headers": {"Content-Encoding": "gzip"}},
    431: {"headers": [(f"x-{n}", "v") for n in range(guard.HEADERS_MAX + 1)]},
    414: {},
    500: {},
    503: {},
}


def test_each_code_that_may_come_before_any_route_is_tried() -> None:
    assert set(REFUSED) == set(BEFORE_ANY_ROUTE)


@EACH
@pytest.mark.parametrize("code", sorted(REFUSED))
def test_what_is_refused_before_any_route_is_refused_on_every_route(
    client: AsgiClient, host: FakeHost, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    base, route = CONTRACT.routes[name]
    if code == 414:
        method = "POST" if route.method == "*" else route.method
        answer = client.ask(method, target(base, route.path) + "?" + "q" * guard.REQUEST_TARGET_BYTES_MAX)
    else:
        if code == 500:
            monkeypatch.setattr("dfcli.http.app.Call", broken)
        elif code == 503:
            client.app._pending = guard.PENDING_MAX
        answer = ask(client, name, **REFUSED[code])
    assert answer.status == code
    assert answer.json["Message"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert host.told == []
    if route.method != "HEAD":
        CONTRACT.check(name, answer)


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")


def with_parameters() -> list[tuple[str, Route, str]]:
    found = ((base, route) for base, route in CONTRACT.routes.values() if "{" in route.path)
    return [(base, route, part[1:-1]) for base, route in found for part in route.segments if part.startswith("{")]


@pytest.mark.parametrize(
    ("base", "route", "parameter"), with_parameters(), ids=lambda value: getattr(value, "path", None) or str(value)
)
def test_a_segment_that_is_not_utf_8_is_refused_on_every_route(
    client: AsgiClient, host: FakeHost, base: str, route: Route, parameter: str
) -> None:
    answer = client.ask(route.method, target(base, route.path, {**VALUES, parameter: "%FF%FE"}))
    assert answer.status == 400
    assert "not UTF-8" in answer.json["error"]["what"]
    assert host.told == []


@pytest.mark.parametrize("name", sorted(n for n, (_, route) in CONTRACT.routes.items() if route.promises.body))  # type: ignore[union-attr]
@pytest.mark.parametrize("body", ["{", "01", "'a'", '{"a":1,"a":2}', "\ufeff1", "NaN", "1 2", "[" * 5000])
def test_a_body_that_is_no_strict_json_is_refused_by_every_route_that_takes_json(
    client: AsgiClient, host: FakeHost, name: str, body: str
) -> None:
    base, route = CONTRACT.routes[name]
    host.put("i1", "Running")
    answer = client.ask(route.method, target(base, route.path), body, headers=JSON)
    assert answer.status == 400
    assert answer.json["Message"]
    assert host.told == []
    CONTRACT.check(name, answer)
