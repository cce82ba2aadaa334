"""Start if absent, by fifty callers at once: over HTTP on a real disk, and from threads of the host's own process."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dfcli.authoring.app import DFApp
from dfcli.errors import InstanceExists
from dfcli.host.client import SyncDurableOrchestrationClient
from dfcli.host.host import Host
from tests.http.serving import Serving, serving

CALLERS = 50

app = DFApp()
began: list[str] = []


@app.activity_trigger()
def begin(instance_id: str) -> None:
    began.append(instance_id)


@app.orchestration_trigger()
def singleton(context: Any) -> Any:
    yield context.call_activity(begin, context.instance_id)
    return (yield context.wait_for_external_event("Stop"))


def all_at_once(call: Callable[[int], Any]) -> list[Any]:
    """What each caller got, with nobody beginning before everybody is ready."""
    ready = threading.Barrier(CALLERS)

    def one(number: int) -> Any:
        ready.wait(30)
        return call(number)

    with ThreadPoolExecutor(CALLERS) as threads:
        return list(threads.map(one, range(CALLERS)))


def post(place: Serving, path: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_of_fifty_callers_over_http_exactly_one_starts(tmp_path: Path) -> None:
    began.clear()
    with serving(lambda: Host(app, hub=str(tmp_path / "hub"))) as place:
        path = "/runtime/webhooks/durabletask/orchestrators/singleton/the-one"
        codes = [code for code, _ in all_at_once(lambda number: post(place, path, number))]
        post(place, "/runtime/webhooks/durabletask/instances/the-one/raiseEvent/Stop", True)
        status = place.on_loop(place.host.wait("the-one", 30))
    assert sorted(codes) == [202, *[409] * (CALLERS - 1)]
    assert status.exec == 1
    assert began == ["the-one"]


def test_of_fifty_threads_with_the_client_exactly_one_starts(tmp_path: Path) -> None:
    began.clear()
    with serving(lambda: Host(app, hub=str(tmp_path / "hub"))) as place:
        client = SyncDurableOrchestrationClient(place.host.client)

        def start(number: int) -> str:
            try:
                return str(client.start_new("singleton", "the-one", number))
            except InstanceExists:
                return "exists"

        answers = all_at_once(start)
        client.raise_event("the-one", "Stop", True)
        place.on_loop(place.host.wait("the-one", 30))
    assert sorted(answers) == ["exists"] * (CALLERS - 1) + ["the-one"]
    assert began == ["the-one"]
