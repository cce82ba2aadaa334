"""The monitor and the aggregator on the real host, over HTTP, and across a kill."""

from __future__ import annotations

import http.server
import threading
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sample_apps.served import Served, served


class Site(http.server.ThreadingHTTPServer):
    """Answers 503 until `is_up`."""

    is_up = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.send_response(200 if self.server.is_up else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.shutdown()
    site.server_close()


def on(host: Served, url: str) -> str:
    """A link that another host of the same hub has given, on this one."""
    return f"{host.url}/runtime/{url.partition('/runtime/')[2]}"


def test_a_watch_goes_on_after_a_kill_and_ends_when_the_site_is_up(
    fresh_app: Callable[[str], Path], site: Site
) -> None:
    app = fresh_app("monitor")
    with served(app) as host:
        links = host.start("watch", {"url": site.url, "every_seconds": 0.2, "for_seconds": 600})
        host.until_a_timer_is_set()
        host.until_a_timer_is_set()
        host.kill()
    site.is_up = True
    with served(app) as host:
        status = host.outcome({"statusQueryGetUri": on(host, links["statusQueryGetUri"])})
    assert status["output"]["up"] is True
    assert status["output"]["looks"] >= 3
    assert status["customStatus"]["last"] == "200 OK"


def test_readings_that_were_acknowledged_are_counted_once_each_across_a_kill(fresh_app: Callable[[str], Path]) -> None:
    app = fresh_app("aggregator")
    with served(app) as host:
        for value in range(20):
            host.request("POST", f"{host.url}/api/sensors/kitchen/readings", value)
        host.kill()
    with served(app) as host:
        host.request("POST", f"{host.url}/api/sensors/attic/readings", 40.5)
        status = host.outcome(host.start("report", {"sensors": ["kitchen", "attic"]}))
        shown = host.request("GET", f"{host.url}/api/sensors/kitchen")
    assert status["output"]["warmest"] == "attic"
    assert status["output"]["sensors"]["kitchen"] == shown
    assert shown == {"count": 20, "mean": 9.5, "lowest": 0.0, "highest": 19.0, "last": 19.0}


@pytest.mark.parametrize(("path", "body", "code"), [("kitchen/readings", "warm", 400), ("nobody", None, 404)])
def test_the_aggregator_refuses_what_it_cannot_use(
    path: str, body: object, code: int, fresh_app: Callable[[str], Path]
) -> None:
    with served(fresh_app("aggregator")) as host:
        with pytest.raises(urllib.error.HTTPError) as refused:
            host.request("POST" if body else "GET", f"{host.url}/api/sensors/{path}", body)
        with refused.value as answer:
            assert answer.code == code
