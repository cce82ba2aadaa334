"""Pages of other origins: allowed ones may call the app's functions, and nobody's page reaches the management API."""

from __future__ import annotations

import pytest

from dfcli.http.cors import Cors
from tests.http.asgi_client import BASE, Answer, AsgiClient
from tests.http.fake_host import FakeHost, function

PAGE = "http://localhost:3000"


def asked(method: str, path: str, cors: Cors | None, prefix: str = "api", **headers: str) -> Answer:
    host = FakeHost([function("orders")])
    host.answer = lambda *_: "here"
    client = AsgiClient(host, cors=cors, route_prefix=prefix)
    return client.ask(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def preflight(path: str, cors: Cors | None, origin: str = PAGE) -> Answer:
    return asked(
        "OPTIONS",
        path,
        cors,
        Origin=origin,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type",
        Sec_Fetch_Site="cross-site",
    )


def test_an_allowed_page_may_call_functions_and_read_their_answers() -> None:
    answer = asked("GET", "/api/orders", Cors([PAGE + "/"]), Origin=PAGE, Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.body) == (200, b"here")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    answer = asked("GET", "/api/nothing", Cors([PAGE]), Origin=PAGE)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, PAGE)


def test_the_question_before_is_answered_for_it_and_runs_nothing() -> None:
    answer = preflight("/api/orders", Cors([PAGE], credentials=True))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
@pytest.mark.parametrize(
    "path",
    [f"{BASE}/instances", "/dfcli/v1/instances", "/admin/functions", "/rpc/token-nobody-guesses/durabletask/instances",
     "/", "/healthz", "//runtime/webhooks/durabletask/instances", "/apis/orders"],
)  # fmt: skip
def test_no_page_reaches_anything_but_functions(origins: list[str], path: str) -> None:
    for cors in (Cors(origins), Cors(origins, route_prefix="")):
        if path in ("/healthz", "/apis/orders") and cors.allows(path.encode(), PAGE.encode()):
            continue  # with no prefix any other path is the app's
        assert asked("GET", path, cors, Origin=PAGE).status == 403
        assert preflight(path, cors).status == 403


@pytest.mark.parametrize("origin", ["http://localhost:3001", "https://localhost:3000", "null", "", "http://evil.com"])
def test_other_pages_are_refused_as_ever(origin: str) -> None:
    for cors in (Cors([PAGE]), Cors([]), None):
        assert asked("GET", "/api/orders", cors, Origin=origin).status == 403
        assert preflight("/api/orders", cors, origin).status == 403


def test_a_star_lets_any_page_in_but_none_without_an_origin_and_never_with_credentials() -> None:
    star = Cors(["*"], credentials=True)
    answer = asked("GET", "/api/orders", star, Origin="https://anywhere.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert asked("GET", "/api/orders", star, Origin="null").status == 403
    assert asked("GET", "/api/orders", star, Sec_Fetch_Site="cross-site").status == 403


def test_two_origins_are_refused_though_one_is_allowed() -> None:
    client = AsgiClient(FakeHost([function("orders")]), cors=Cors([PAGE]))
    for origins in ([PAGE, "http://evil.com"], ["http://evil.com", PAGE]):
        assert client.ask("GET", "/api/orders", headers=[("Origin", origin) for origin in origins]).status == 403


def test_programs_are_not_concerned() -> None:
    answer = asked("GET", "/api/orders", Cors(["*"]))
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
