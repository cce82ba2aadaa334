"""Run with `pytest`: activities are plain functions, and whole orchestrations run on a task hub of the test's own."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dfcli as df
import pytest

import function_app
import looking


class Site:
    """A web server on this machine that gives each of `answers` in turn, and the last one ever after."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.asked = 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code = site.answers[min(site.asked, len(site.answers) - 1)]
                site.asked += 1
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    """Down twice, then up."""
    site = Site(503, 503, 200)
    yield site
    site.close()


def watch(tmp_path: Path, client_input: Any) -> df.DurableOrchestrationStatus:
    """Run one watch to its end; no port is opened."""

    async def to_the_end() -> df.DurableOrchestrationStatus:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            instance_id = await host.client.start_new("watch", client_input=client_input)
            return await host.client.wait(instance_id, timeout=30)

    return asyncio.run(to_the_end())


def test_it_looks_until_the_site_is_up_and_tells(tmp_path: Path, site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    status = watch(tmp_path, {"url": site.url, "every_seconds": 0.01, "for_seconds": 60})
    assert status.output == {"up": True, "looks": 3, "last": "200 OK"}
    assert status.custom_status["last"] == "200 OK"
    assert site.asked == 3
    assert capfd.readouterr().out == f"{site.url} is up: 200 OK\n"


def test_it_gives_up_when_the_time_is_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site = Site(503)
    try:
        status = watch(tmp_path, {"url": site.url, "every_seconds": 0.05, "for_seconds": 0.2})
    finally:
        site.close()
    assert status.output["up"] is False
    assert status.output["last"] == "503 Service Unavailable"
    assert 1 <= status.output["looks"] <= 4
    assert "did not come up" in capfd.readouterr().out


def test_a_long_watch_goes_on_over_generations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_app, "LOOKS_PER_GENERATION", 2)
    site = Site(*[500] * 7, 204)
    try:
        status = watch(tmp_path, {"url": site.url, "every_seconds": 0.01, "for_seconds": 60})
    finally:
        site.close()
    assert status.output == {"up": True, "looks": 8, "last": "204 No Content"}


@pytest.mark.parametrize(
    "wrong", [None, {"url": 7}, {"url": "file:///etc/passwd"}, {"url": "http://x/", "every_seconds": 0}]
)
def test_a_wrong_input_fails_the_watch_and_says_why(tmp_path: Path, wrong: Any) -> None:
    status = watch(tmp_path, wrong)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Failed
    assert "must be" in str(status.output)


def test_a_site_that_cannot_be_reached_is_down() -> None:
    site = Site(200)
    site.close()
    seen = looking.look(site.url)
    assert seen["is_up"] is False
    assert "refused" in seen["what"]
