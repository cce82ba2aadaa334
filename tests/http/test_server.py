"""The server on a real socket: framing, limits, ports, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from dfcli.errors import Unavailable
from dfcli.http.app import build_app
from dfcli.http.server import HttpServer
from tests.http.fake_host import FakeHost, function
from tests.http.serving import Serving, serving

HOST = b"Host: 127.0.0.1\r\n"
CLOSE = HOST + b"Connection: close\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Serving]:
    with serving(FakeHost) as found:
        yield found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_it_answers(running: Serving) -> None:
    answer = running.raw(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert status(answer) == 200
    assert answer.endswith(b"ok\n")
    assert b"\r\nserver:" not in answer.lower()
    assert b"x-content-type-options: nosniff" in answer
    assert answer.lower().count(b"\r\ndate:") == 1


@pytest.mark.parametrize(
    ("request_bytes", "wanted"),
    [
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + CLOSE + HOST + b"\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n", 403),
        (b"GET http://evil.com/healthz HTTP/1.1\r\n" + CLOSE + b"\r\n", 403),
        (b"GET http://127.0.0.1/healthz HTTP/1.1\r\n" + CLOSE + b"\r\n", 200),
        (b"GET http://evil.com@127.0.0.1/healthz HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (b"CONNECT evil.com:443 HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (b"garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"GET /\xff HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (b"POST /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 1x\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"X-A: b\r\n Host: evil.com\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n", 414),
        (b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"X: " + b"y" * 33_000 + b"\r\n\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n", 200),
    ],
)
def test_bad_framing_is_refused_and_the_connection_closed(running: Serving, request_bytes: bytes, wanted: int) -> None:
    answer = running.raw(request_bytes)
    assert status(answer) == wanted, answer[:200]
    assert b"cache-control: no-store" in answer
    if wanted >= 400:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["Message"]


def test_a_head_that_never_ends_is_cut_off(running: Serving) -> None:
    answer = b""
    with socket.create_connection(("127.0.0.1", running.port), 10) as connection:
        # The server closes with bytes unread, so the answer may be lost in a reset; the end of the connection is not.
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"X: ")
            for _ in range(10_000):
                connection.sendall(b"y" * 10_000)
            pytest.fail("a hundred megabytes of header were taken")
        with contextlib.suppress(ConnectionError):
            answer = connection.recv(65536)
    assert answer == b"" or status(answer) == 431


def test_a_bad_chunk_ends_the_connection_and_starts_nothing(running: Serving) -> None:
    target = b"/runtime/webhooks/durabletask/orchestrators/hello"
    answer = running.raw(
        b"POST " + target + b" HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"
    )
    assert answer == b"" or status(answer) == 400
    assert running.host.told == []


def test_a_request_that_lies_about_its_length_starts_nothing(running: Serving) -> None:
    target = b"/runtime/webhooks/durabletask/orchestrators/hello"
    with socket.create_connection(("127.0.0.1", running.port), 10) as connection:
        connection.sendall(b"POST " + target + b" HTTP/1.1\r\n" + CLOSE + b"Content-Length: 100\r\n\r\n{}")
    assert status(running.raw(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")) == 200
    assert running.host.told == []


def test_two_requests_in_one_packet_are_both_answered(running: Serving) -> None:
    answer = running.raw(
        b"GET /healthz HTTP/1.1\r\n"
        + HOST
        + b"\r\nGET /healthz HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 200" in answer
    assert b"HTTP/1.1 403" in answer


def test_it_listens_on_loopback_only(running: Serving) -> None:
    assert running.server._socket.getsockname()[0] == "127.0.0.1"


def test_a_busy_port_says_how_to_go_on(running: Serving) -> None:
    app, service = build_app(FakeHost())
    with pytest.raises(Unavailable) as refused:
        HttpServer(app, service, port=running.port)
    assert refused.value.what == f"port {running.port} is in use"
    assert "--port 0" in refused.value.hint
    with pytest.raises(Unavailable):
        HttpServer(app, service, port=70_000)


def test_a_server_that_never_started_gives_its_port_back() -> None:
    async def scenario() -> None:
        app, service = build_app(FakeHost())
        first = HttpServer(app, service, port=0)
        await first.stop()
        second = HttpServer(app, service, port=first.port)
        await second.stop()

    asyncio.run(scenario())


def test_a_stop_lets_waiting_callers_go_and_frees_the_port() -> None:
    answers: list[bytes] = []
    with serving(FakeHost) as running:
        running.host.put("a", "Running")
        waiting = threading.Thread(
            target=lambda: answers.append(
                running.raw(b"GET /dfcli/v1/instances/a/wait?timeout=60 HTTP/1.1\r\n" + CLOSE + b"\r\n")
            )
        )
        waiting.start()
        while not running.host.waiting:
            running.on_loop(asyncio.sleep(0))
    waiting.join(10)
    assert status(answers[0]) == 503
    assert b"retry-after: 1" in answers[0]
    with contextlib.closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", running.port)) != 0


def test_a_request_that_outlasts_the_servers_patience_gets_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfcli.http.server.STOP_SECONDS", 0)
    answers: list[bytes] = []
    begun = threading.Event()

    class Slow(FakeHost):
        async def run_http_function(self, definition: object, request: object) -> object:
            begun.set()
            return await asyncio.get_running_loop().create_future()

    with serving(lambda: Slow([function("slow")])) as running:
        request = b"GET /api/slow HTTP/1.1\r\n" + CLOSE + b"\r\n"
        waiting = threading.Thread(target=lambda: answers.append(running.raw(request)))
        waiting.start()
        begun.wait(10)
    waiting.join(10)
    assert status(answers[0]) == 503
    assert b'"code":"outcome_unknown"' in answers[0]
    assert b"nosniff" in answers[0]


def test_without_httptools_h11_serves_with_the_same_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dfcli.http.protocol", None)
    with serving(FakeHost) as running:
        assert running.server._server.config.http_protocol_class.__name__ == "H11Protocol"
        for target, host, wanted in (
            (b"/healthz", b"localhost", 200),
            (b"/healthz", b"evil.com", 403),
            (b"http://evil.com/healthz", b"localhost", 403),
            (b"http://localhost/healthz", b"localhost", 200),
            (b"/" + b"x" * 9000, b"localhost", 414),
        ):
            answer = running.raw(b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
            assert status(answer) == wanted, target[:50]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_keep_the_port(running: Serving) -> None:
    descriptor = running.server._socket.fileno()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forking with threads
        child = os.fork()
    if child == 0:  # nothing but plain system calls here: this is a fork of a threaded process
        try:
            os.fstat(descriptor)
            os.write(writing, b"open")
        except OSError:
            os.write(writing, b"closed")
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 10) == b"closed"
    os.close(reading)
    os.waitpid(child, 0)
    assert status(running.raw(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")) == 200
