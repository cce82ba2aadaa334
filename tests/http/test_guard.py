"""Host, origin and limits are checked on every route, known or not, before anything else happens."""

from __future__ import annotations

import pytest

from dfcli.http.app import AREAS, WORKER, root_routes
from dfcli.http.guard import LOOPBACK_NAMES, host_refusal
from dfcli.http.routing import Access, RouteTable
from dfcli.model import payload
from tests.http.asgi_client import BASE, HOST, AsgiClient
from tests.http.fake_host import FakeHost, function


def words(text: str) -> list[str]:
    return text.split()


ACCEPTED = words("""
localhost localhost:7071 LOCALHOST LocalHost:80 127.0.0.1 127.0.0.1:1 127.0.0.1:65535 [::1] [::1]:7071 localhost:00080
""")
FOREIGN = words("""
evil.com evil.com:7071 localhost.evil.com localhost.evil.com:7071 127.0.0.1.nip.io 127.0.0.1.evil.com evil.localhost
localhost. localhost.localdomain 0.0.0.0 0.0.0.0:7071 127.0.0.2 127.0.1 127.1 127.0.0.1. 0 0177.0.0.1 0x7f.0.0.1
0x7f000001 2130706433 017700000001 127.000.000.001 [::] [::]:7071 [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
[fe80::1] [::2] [0::1] 10.0.0.1 192.168.1.1 169.254.169.254 metadata.google.internal xn--lclhst-0ta localhost-x
local localhos localhostt 1.0.0.127 _localhost localhost_ 127.0.0.1-x host.docker.internal 127-0-0-1.sslip.io
""")
MALFORMED = [
    "",
    " ",
    " localhost",
    "localhost ",
    "localhost:",
    "localhost:x",
    "localhost:70:71",
    "localhost:65536",
    "localhost:999999",
    "localhost:-1",
    "user@localhost",
    "user:pass@localhost:7071",
    "evil.com@localhost",
    "localhost@evil.com",
    "localhost, evil.com",
    "localhost,localhost",
    "localhost/",
    "localhost/path",
    "localhost?x",
    "localhost#x",
    "http://localhost",
    "localhost\tx",
    "localhost\x00",
    "localhost%00",
    "loc%61lhost",
    "::1",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1%25lo]",
    "[localhost]",
    "[]",
    "ｌocalhost",
    "löcalhost",
    "localhost\\evil.com",
    "*",
    "localhost;evil.com",
    "x" * 254,
]


def test_the_table_has_at_least_sixty_forms() -> None:
    assert len(ACCEPTED) + len(FOREIGN) + len(MALFORMED) >= 60


@pytest.mark.parametrize("host", ACCEPTED)
def test_a_host_header_that_names_this_host_is_accepted(host: str) -> None:
    assert host_refusal(host.encode(), LOOPBACK_NAMES) is None


@pytest.mark.parametrize("host", FOREIGN)
def test_a_host_header_that_names_another_host_is_forbidden(host: str) -> None:
    refusal = host_refusal(host.encode(), LOOPBACK_NAMES)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", MALFORMED)
def test_a_host_header_that_is_malformed_is_a_bad_request(host: str) -> None:
    refusal = host_refusal(host.encode(), LOOPBACK_NAMES)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "bad_request")


def every_route() -> list[tuple[str, str]]:
    """Method and path of everything that can be asked, things that do not exist included."""
    found = [(route.method, "/" + route.path) for route in root_routes.routes]
    for area in AREAS:
        base = "/" + "/".join(FakeHost.rpc_token if part == WORKER else part for part in area.base)
        found += [(route.method, f"{base}/{route.path}") for route in area.table.routes]
    filled = [
        (
            "POST" if method == "*" else method,
            path.replace("{id}", "a").replace("{name}", "hello").replace("{event}", "e"),
        )
        for method, path in found
    ]
    return [
        *filled,
        ("GET", "/api/orders"),
        ("POST", "/api/orders"),
        ("OPTIONS", "/api/orders"),
        ("GET", "/nothing"),
        ("GET", "/api/nothing"),
        ("OPTIONS", BASE),
        ("PUT", BASE + "/instances/a"),
        ("GET", "/rpc/wrong/durabletask/instances"),
    ]


ROUTES = every_route()
JSON = ("Content-Type", "application/json")
REFUSALS: list[tuple[str, list[tuple[str, str]], int, str]] = [
    ("no host", [("Host", None)], 400, "bad_request"),  # type: ignore[list-item]
    ("two hosts", [("Host", HOST), ("Host", HOST)], 400, "bad_request"),
    ("a foreign host", [("Host", "evil.com")], 403, "host_not_allowed"),
    ("a rebound host", [("Host", "127.0.0.1.nip.io:7071")], 403, "host_not_allowed"),
    ("a foreign origin", [("Origin", "http://evil.com")], 403, "origin_not_allowed"),
    ("another port's origin", [("Origin", "http://127.0.0.1:7072")], 403, "origin_not_allowed"),
    ("another scheme's origin", [("Origin", f"https://{HOST}")], 403, "origin_not_allowed"),
    ("a null origin", [("Origin", "null")], 403, "origin_not_allowed"),
    ("an empty origin", [("Origin", "")], 403, "origin_not_allowed"),
    ("two origins", [("Origin", f"http://{HOST}"), ("Origin", "http://evil.com")], 403, "origin_not_allowed"),
    ("a cross-site fetch", [("Sec-Fetch-Site", "cross-site")], 403, "origin_not_allowed"),
    ("a same-site fetch", [("Sec-Fetch-Site", "same-site")], 403, "origin_not_allowed"),
    ("a nonsense fetch", [("Sec-Fetch-Site", "")], 403, "origin_not_allowed"),
    ("a lying fetch", [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.com")], 403, "origin_not_allowed"),
    ("many headers", [(f"x-{n}", "y") for n in range(100)], 431, "too_large"),
    ("long headers", [("x", "y" * 32_768)], 431, "too_large"),
    ("a compressed body", [("Content-Encoding", "gzip")], 415, "unsupported_media_type"),
    ("two lengths", [("Content-Length", "1"), ("Content-Length", "2")], 400, "bad_request"),
    ("a length and chunks", [("Content-Length", "1"), ("Transfer-Encoding", "chunked")], 400, "bad_request"),
    ("a length in words", [("Content-Length", "one")], 400, "bad_request"),
    ("a negative length", [("Content-Length", "-1")], 400, "bad_request"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal[0])
def test_every_route_refuses_what_it_should(refusal: tuple[str, list[tuple[str, str]], int, str]) -> None:
    _, headers, status, code = refusal
    host = FakeHost([function("orders")])
    host.put("a", "Completed", output=payload.encode(1))
    client = AsgiClient(host)
    for method, path in ROUTES:
        answer = client.ask(method, path, headers=[*headers, JSON])
        assert (answer.status, answer.json["error"]["code"]) == (status, code), (method, path)
        assert answer.json["Message"]
        assert len(answer.json["error"]["requestId"]) == 32
        assert_secured(answer.headers)
    assert host.told == []
    assert list(host.instances) == ["a"]


def assert_secured(headers: dict[str, str]) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in headers


def test_every_answer_carries_the_security_headers() -> None:
    host = FakeHost([function("orders")])
    client = AsgiClient(host)
    for method, path in ROUTES:
        host.put("a", "Running")
        assert_secured(client.ask(method, path, headers=[JSON]).headers)


@pytest.mark.parametrize("path", ["/healthz", f"{BASE}/instances", "/api/orders"])
def test_the_own_origin_may_do_everything(path: str) -> None:
    client = AsgiClient(FakeHost([function("orders")]))
    for host in ("127.0.0.1:7071", "localhost:7071", "[::1]:7071"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert client.get(path, headers=headers).status < 300


def test_a_typed_address_may_read_and_nothing_else() -> None:
    host = FakeHost()
    host.put("a", "Running")
    client = AsgiClient(host)
    typed = {"Sec-Fetch-Site": "none"}
    assert client.get(f"{BASE}/instances/a", headers=typed).status == 202
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.ask(method, f"{BASE}/instances/a", headers=typed).status == 403


def test_an_absolute_target_is_checked_like_a_host_header() -> None:
    client = AsgiClient(FakeHost())
    assert client.get("http://localhost:7071/healthz").status == 200
    assert client.get("http://localhost").status == 200
    assert client.get("http://evil.com/healthz").status == 403
    assert client.get("http://user@localhost/healthz").status == 400
    assert client.get("ftp://localhost/healthz").status == 400
    assert client.ask("OPTIONS", "*").status == 400


def test_a_long_address_is_414() -> None:
    client = AsgiClient(FakeHost())
    assert client.get("/" + "x" * 8191).status == 404
    assert client.get("/" + "x" * 8192).status == 414
    assert client.get("/healthz?" + "x" * 8190).status == 414


def test_a_query_has_a_bounded_number_of_parameters() -> None:
    client = AsgiClient(FakeHost([function("orders")]))
    many = "&".join(f"p{n}=1" for n in range(33))
    for path in (f"{BASE}/instances", "/api/orders", "/dfcli/v1/instances"):
        assert client.get(f"{path}?{many}").status == 400
    assert client.get(f"{BASE}/instances?x=%ff").status == 400


@pytest.mark.parametrize(
    ("path", "size_max"),
    [
        (f"{BASE}/instances/a/terminate", 1024 * 1024),
        (f"{BASE}/orchestrators/hello", 16 * 1024 * 1024),
        (f"{BASE}/instances/a/raiseEvent/e", 16 * 1024 * 1024),
        ("/dfcli/v1/orchestrators/hello", 16 * 1024 * 1024),
        ("/api/orders", 100 * 1024 * 1024),
    ],
)
def test_bodies_are_counted_while_they_are_read(path: str, size_max: int) -> None:
    host = FakeHost([function("orders")])
    host.put("a", "Running")
    client = AsgiClient(host)
    declared = client.post(path, headers={"Content-Length": str(size_max + 1), "Content-Type": "application/json"})
    assert (declared.status, declared.json["error"]["code"]) == (413, "too_large")
    if size_max <= 16 * 1024 * 1024:
        chunk = b" " * (size_max // 4)
        chunked = client.post(path, parts=[chunk] * 4 + [b" "], headers={"Content-Type": "application/json"})
        assert chunked.status == 413
        assert chunked.headers["connection"] == "close"
        assert client.post(path, parts=[chunk] * 4, headers={"Content-Type": "application/json"}).status < 300


def test_too_many_waiting_requests_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    client = AsgiClient(FakeHost())
    monkeypatch.setattr("dfcli.http.guard.PENDING_MAX", 0)
    answer = client.get("/healthz")
    assert (answer.status, answer.json["error"]["code"]) == (503, "backpressure")
    assert answer.headers["retry-after"] == "1"


def test_a_caller_that_hangs_up_while_sending_starts_nothing() -> None:
    host = FakeHost()
    answer = AsgiClient(host).ask("POST", f"{BASE}/orchestrators/hello", parts=[b"{", b"}"], hangs_up=True)
    assert answer.status == 0
    assert host.told == []


def test_reading_changes_nothing() -> None:
    host = FakeHost([function("orders")])
    host.put("a", "Running")
    client = AsgiClient(host)
    before = repr(host.instances)
    for _ in range(2):
        for method, path in ROUTES:
            if method in ("GET", "HEAD") and not path.startswith("/api"):
                client.ask(method, path + "?_method=DELETE")
    assert repr(host.instances) == before
    assert host.told == []


def test_a_route_without_an_access_level_cannot_be_added() -> None:
    table = RouteTable()
    with pytest.raises(TypeError):
        table.add("GET", "open")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        table.add("GET", "open", access=None)  # type: ignore[arg-type]
    assert all(isinstance(route.access, Access) for area in AREAS for route in area.table.routes)
