"""One durable HTTP request against real servers on loopback: redirects, credentials, limits, secrets, failures."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from dfcli.host import http_calls, http_transport
from dfcli.host.addresses import AddressPolicy
from dfcli.host.http_calls import HttpCallFailed, HttpStatusError, HttpTimeout, NotAllowed, Outgoing, perform
from dfcli.model.durable_http import HttpCallRequest, HttpCallResult, TokenSource
from tests.host.loopback_servers import Asked, reply, serving

CANARY = "canary-5f0d"
NOW = 1_767_607_200.0  # 2026-01-05T10:00:00Z


def outgoing(policy: AddressPolicy | None = None, **secrets: str) -> Outgoing:
    return Outgoing(policy or AddressPolicy(), 30.0, lambda: NOW, time.monotonic, secrets.get)


def send(url: str, method: str = "GET", settings: Outgoing | None = None, **members: Any) -> HttpCallResult:
    return perform(HttpCallRequest(method=method, uri=url, **members), settings or outgoing())


def hello(handler: BaseHTTPRequestHandler, _: Asked) -> None:
    reply(handler, 200, "Grüße".encode(), Content_Type="text/plain; charset=utf-8", X_Twice="one")


def test_a_request_brings_back_status_headers_and_text() -> None:
    with serving(hello) as server:
        result = send(server.url + "/a b?q=ü", "POST", content='{"n": 1}', headers={"X-Mine": "yes"})
        assert (result.status_code, result.content, result.poll) == (200, "Grüße", None)
        assert result.headers["X-Twice"] == "one"
        (asked,) = server.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/a%20b?q=%C3%BC", b'{"n": 1}')
        assert asked.headers["X-Mine"] == "yes"
        assert asked.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert asked.headers["Host"] == server.url.removeprefix("http://")
        assert asked.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_status_is_an_answer_and_no_failure(status: int) -> None:
    with serving(lambda handler, _: reply(handler, status, b"no")) as server:
        assert send(server.url).status_code == status


def test_a_status_that_the_retry_options_name_is_a_failure() -> None:
    with serving(lambda handler, _: reply(handler, 503, b"later")) as server:
        with pytest.raises(HttpStatusError, match="503: later"):
            send(server.url, retried_statuses=[])
        with pytest.raises(HttpStatusError):
            send(server.url, retried_statuses=[429, 503])
        assert send(server.url, retried_statuses=[429]).status_code == 503


@pytest.mark.parametrize(
    ("status", "method", "expected", "keeps_body"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "HEAD", "HEAD", False),
        (307, "POST", "POST", True),
        (308, "PUT", "PUT", True),
        (301, "GET", "GET", False),
    ],
)
def test_a_redirect_is_followed_with_the_right_method(
    status: int, method: str, expected: str, keeps_body: bool
) -> None:
    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        if asked.path == "/from":
            reply(handler, status, Location="to")
        else:
            reply(handler, 200, b"" if asked.method == "HEAD" else b"there")

    with serving(answer) as server:
        body = "x" if method in ("POST", "PUT") else None
        assert send(server.url + "/from", method, content=body).status_code == 200
        assert [asked.path for asked in server.asked] == ["/from", "/to"]
        assert server.asked[1].method == expected
        assert (server.asked[1].body == b"x") is keeps_body


def test_credentials_and_secrets_do_not_follow_to_another_server() -> None:
    with serving(hello) as other:

        def redirect(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
            reply(handler, 307, Location=other.url + "/elsewhere" if asked.path == "/away" else "/away")

        with serving(redirect) as server:
            headers = {
                "Authorization": "Bearer x",
                "Cookie": "c",
                "X-Functions-Key": "k",
                "Proxy-Authorization": "p",
                "X-Secret": {"secret": "MINE"},
                "X-Plain": "stays",
            }
            send(server.url, headers=headers, settings=outgoing(MINE=CANARY))
            assert [asked.headers.get("Authorization") for asked in server.asked] == ["Bearer x", "Bearer x"]
            assert server.asked[1].headers["X-Secret"] == CANARY
    (asked,) = other.asked
    assert asked.headers["X-Plain"] == "stays"
    lost = {"authorization", "cookie", "x-functions-key", "proxy-authorization", "x-secret"}
    assert not lost & {name.lower() for name in asked.headers}


def test_a_redirect_to_an_address_that_is_never_called_is_refused() -> None:
    def redirect(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        reply(handler, 302, Location="http://169.254.169.254/latest")

    with serving(redirect) as server, pytest.raises(NotAllowed, match="metadata"):
        send(server.url)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "gopher://x", "http://", "http://a:99999/"])
def test_a_redirect_to_what_is_no_http_address_fails(location: str) -> None:
    with serving(lambda handler, _: reply(handler, 302, Location=location)) as server, pytest.raises(HttpCallFailed):
        send(server.url)


def test_redirects_come_to_an_end() -> None:
    with serving(lambda handler, _: reply(handler, 302, Location="/again")) as server:
        with pytest.raises(HttpCallFailed, match="more than 5 times"):
            send(server.url)
        assert len(server.asked) == 6


def test_https_is_never_left_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = http_transport.Exchange(302, {"Location": "http://example.test/"}, b"")
    settings = outgoing(AddressPolicy(resolve=lambda *_: ["8.8.8.8"]))._replace(exchange=lambda *_, **__: moved)
    with pytest.raises(HttpCallFailed, match="from https to http"):
        send("https://example.test/", settings=settings)


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "RESPONSE_BYTES_MAX", 100_000)

    def endless(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    with serving(endless) as server, pytest.raises(HttpCallFailed, match="longer than 100000 bytes"):
        send(server.url)


@pytest.mark.parametrize("drips", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"])
def test_a_server_that_drips_is_left_at_the_deadline(drips: bytes) -> None:
    """However often something comes, the time of the whole exchange counts."""
    ticks = iter(float(n) for n in range(10_000))

    def drip(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.wfile.write(drips)
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()

    settings = outgoing()._replace(ticks=lambda: next(ticks))
    with serving(drip) as server, pytest.raises((HttpTimeout, HttpCallFailed)):
        send(server.url, settings=settings, timeout=20.0)


def test_nobody_listening_is_a_failure_in_words() -> None:
    with serving(hello) as server:
        url = server.url
    with pytest.raises(HttpCallFailed, match="could not be sent: ConnectionRefusedError"):
        send(url)


def test_a_server_that_talks_no_http_is_a_failure_in_words() -> None:
    def talk(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.wfile.write(b"220 hello\r\n\r\n")

    with serving(talk) as server, pytest.raises(HttpCallFailed, match="BadStatusLine"):
        send(server.url)


def test_a_secret_is_looked_up_when_the_request_is_sent_and_a_missing_one_is_named() -> None:
    with serving(hello) as server:
        send(server.url, headers={"X-Key": {"secret": "MINE"}}, settings=outgoing(MINE=CANARY))
        assert server.asked[0].headers["X-Key"] == CANARY
        with pytest.raises(HttpCallFailed, match="'NOBODY', which is not set"):
            send(server.url, headers={"X-Key": {"secret": "NOBODY"}})
        with pytest.raises(HttpCallFailed, match="line break"):
            send(server.url, headers={"X-Key": {"secret": "MINE"}}, settings=outgoing(MINE="a\r\nb: c"))


def test_a_token_of_a_managed_identity_comes_from_a_setting_or_its_lack_is_told() -> None:
    source = TokenSource(resource="https://vault.example")
    with serving(hello) as server:
        with pytest.raises(HttpCallFailed, match="DFCLI_MANAGED_IDENTITY_TOKEN"):
            send(server.url, token_source=source)
        send(server.url, token_source=source, settings=outgoing(DFCLI_MANAGED_IDENTITY_TOKEN=CANARY))
        assert server.asked[0].headers["Authorization"] == f"Bearer {CANARY}"


def test_an_answer_of_202_says_what_is_to_be_asked_next() -> None:
    with serving(lambda handler, _: reply(handler, 202, Location="/status/7", Retry_After="5")) as server:
        headers = {"Authorization": "a", "X-Functions-Key": "k", "Content-Type": "application/json"}
        result = send(server.url + "/work", "POST", content="{}", headers=headers, polling_timeout=60.0)
        assert result.poll is not None
        assert result.poll.seconds == 5.0
        request = result.poll.request
        assert (request.method, request.uri, request.content) == ("GET", server.url + "/status/7", None)
        assert request.headers == {"Authorization": "a"}  # function keys go to no poll
        assert request.poll_until == "2026-01-05T10:01:00.000000Z"
        assert send(server.url, asynchronous_pattern_enabled=False).poll is None
        late = outgoing()._replace(clock=lambda: NOW + 58)
        with pytest.raises(HttpTimeout, match="has not finished by 2026-01-05T10:01"):
            send(server.url, poll_until="2026-01-05T10:01:00.000000Z", settings=late)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("5", 5.0),
        ("0", 1.0),
        ("Mon, 05 Jan 2026 10:02:00 GMT", 120.0),
        ("Mon, 05 Jan 2026 09:00:00 GMT", 1.0),
        ("999999999", 86_400.0),
        ("soon", 30.0),
        ("-5", 30.0),
        ("", 30.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_reason(retry_after: str, seconds: float) -> None:
    with serving(lambda handler, _: reply(handler, 202, Location="/s", Retry_After=retry_after)) as server:
        result = send(server.url)
        assert result.poll is not None
        assert result.poll.seconds == seconds


def test_an_answer_of_202_without_location_is_the_answer() -> None:
    with serving(lambda handler, _: reply(handler, 202, b"taken")) as server:
        result = send(server.url)
        assert (result.status_code, result.content, result.poll) == (202, "taken", None)


def test_a_poll_of_another_server_gets_no_credentials() -> None:
    with serving(lambda handler, _: reply(handler, 202, Location="http://other.test/s")) as server:
        headers = {"Authorization": "a", "X-Plain": "p", "X-Secret": {"secret": "S"}}
        source = TokenSource(resource="r")
        settings = outgoing(S="s", DFCLI_MANAGED_IDENTITY_TOKEN="t")
        result = send(server.url, headers=headers, token_source=source, settings=settings)
        assert result.poll is not None
        assert result.poll.request.headers == {"X-Plain": "p"}
        assert result.poll.request.token_source is None


def test_constants_are_what_the_documents_say() -> None:
    assert (http_calls.REDIRECTS_MAX, http_transport.RESPONSE_BYTES_MAX) == (5, 16 * 1024 * 1024)
