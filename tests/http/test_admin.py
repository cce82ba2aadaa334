"""Below `/admin`: how the host is, its functions, and timers run by hand."""

from __future__ import annotations

from pathlib import Path

import dfcli as df
from dfcli.host.host import Host
from dfcli.registry.registry import Registry
from tests.http.asgi_client import HOST, AsgiClient
from tests.http.fake_host import FakeHost, function
from tests.http.serving import serving
from tests.http.test_with_the_real_host import Caller


def test_the_state_follows_from_the_hosts_health() -> None:
    host = FakeHost()
    client = AsgiClient(host)
    found = {}
    for host.health in ("ok", "degraded", "no space", "stopped", "stopping"):
        found[host.health] = client.get("/admin/host/status").json["state"]
    assert found == {
        "ok": "Running",
        "degraded": "Running",
        "no space": "Error",
        "stopped": "Stopped",
        "stopping": "Stopping",
    }
    assert client.get("/ADMIN/Host/Status/").json["id"] == "default"


def test_functions_are_shown_with_their_triggers_and_addresses() -> None:
    host = FakeHost(http=[function("begin", route="begin/{name}", methods=["POST"])])
    shown = AsgiClient(host).get("/admin/functions").json
    assert [each["name"] for each in shown] == ["begin", "hello"]
    begin, hello = shown
    assert begin["invoke_url_template"] == f"http://{HOST}/api/begin/{{name}}"
    assert begin["href"] == f"http://{HOST}/admin/functions/begin"
    (trigger,) = begin["config"]["bindings"]
    assert (trigger["type"], trigger["route"], trigger["methods"]) == ("httpTrigger", "begin/{name}", ["POST"])
    assert hello["config"]["bindings"][0]["type"] == "orchestrationTrigger"
    assert hello["invoke_url_template"] is None


def test_a_timer_runs_by_hand_and_keeps_its_schedule(tmp_path: Path) -> None:
    app = df.DFApp()
    runs: list[df.TimerRequest] = []

    @app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer")
    def yearly(timer: df.TimerRequest) -> None:
        runs.append(timer)
        if len(runs) == 1:
            raise ValueError("the first fails")

    registry = Registry.from_app(app)
    with serving(lambda: Host(registry, hub=str(tmp_path / "default"))) as running:
        call = Caller(running)
        timers = running.host.timer_triggers
        due = timers.next_run("yearly")
        for count in (1, 2):
            answer = call("POST", "/admin/functions/Yearly", '{"input":null}', Content_Type="application/json")
            assert (answer.status, answer.body) == (202, b"")
            while timers.is_running:
                pass
            assert len(runs) == count
        assert timers.next_run("yearly") == due
        assert not runs[1].past_due
        assert runs[1].schedule_status["Next"] == due
        assert call("POST", "/admin/functions/yearly?taskHub=elsewhere").status == 202
        refused = call("POST", "/admin/functions/nobody")
        assert (refused.status, refused.body) == (404, b"")
