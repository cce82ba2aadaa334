"""`dfcli doctor`, functions that are switched off, and two task hubs of one app, through real processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess

from tests.cli.real import App


def settings(app: App, name: str, value: object) -> None:
    with open(os.path.join(app.folder, name), "w") as file:
        json.dump(value, file)


def test_every_setting_is_shown_with_its_source_and_secrets_are_masked(app: App) -> None:
    settings(app, "host.json", {"version": "2.0", "extensions": {"durableTask": {"maxEntityOperationBatchSize": 7}}})
    settings(app, "local.settings.json", {"Values": {"API_KEY": "hunter2", "CITY": "Rome"}})
    said = app("doctor", "-o", "json")
    assert said.code == 0
    report = said.json()
    shown = {line["name"]: (line["value"], line["source"]) for line in report["settings"]}
    assert shown["max_entity_batch"] == (7, "host.json")
    assert shown["hub"] == ("default", "default")
    assert shown["app.CITY"] == ("Rome", "local.settings.json")
    assert shown["app.API_KEY"][0] == "********"
    assert report["findings"] == []
    text = app("doctor")
    assert "max_entity_batch" in text.out
    assert "nothing to mend" in text.out
    assert "hunter2" not in said.out + text.out + said.err + text.err
    assert not os.path.exists(app.hub)  # it looked, and made nothing


def test_what_is_to_be_mended_is_told_with_a_hint_and_exit_code_5(app: App) -> None:
    settings(app, "host.json", {"nonsense": 1})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings(app, "local.settings.json", {"Host": {"LocalHttpPort": taken.getsockname()[1]}})
        subprocess.run(["git", "init", "-q", app.folder], check=True)
        subprocess.run(["git", "-C", app.folder, "add", "local.settings.json"], check=True)
        app.write("import nothing_of_that_name\n")
        said = app("doctor", "-o", "json")
    assert said.code == 5
    found = {finding["code"]: finding for finding in said.json()["findings"]}
    assert set(found) == {"app", "settings", "port", "tracked_by_git"}
    assert "nothing_of_that_name" in found["app"]["why"]
    assert "--port 0" in found["port"]["hint"]


def test_unfinished_instances_of_functions_that_are_gone_are_named(app: App) -> None:
    assert app("start", "approval", "--id", "a").code == 0
    app.write("import dfcli as df\n\napp = df.DFApp()\n")
    said = app("doctor", "-o", "id")
    assert (said.code, said.out.split()) == (5, ["unknown_function"])


def test_a_running_host_has_its_port_and_the_doctor_knows(app: App) -> None:
    with app.running() as host:
        report = app("doctor", "-o", "json").json()
        assert report["facts"]["host"] == f"running at {host.facts[0]['url']}"
        assert report["findings"] == []


def test_a_function_that_is_switched_off_is_not_there(app: App) -> None:
    settings(app, "local.settings.json", {"Values": {"AzureWebJobs.hello.Disabled": "true"}})
    assert "hello" not in app("functions", "-o", "id").out.split()
    with app.running() as host:
        assert "hello" not in {function["name"] for function in host.facts[0]["functions"]}
        assert app("start", "hello").code == 2


def test_two_hubs_of_one_app_run_beside_each_other_and_one_hub_has_one_host(app: App) -> None:
    with app.running("--hub", "first") as first, app.running("--hub", "second") as second:
        app("start", "hello", "--id", "a", "--input", "1", "--hub", "first", "--wait")
        app("start", "hello", "--id", "a", "--input", "2", "--hub", "second", "--wait")
        outputs = [app("status", "a", "--hub", hub, "-o", "json").json()["output"] for hub in ("first", "second")]
        assert outputs == ["Hello 1", "Hello 2"]
        refused = app("run", "--port", "0", "--hub", "first")
        assert refused.code == 4
        assert str(first.process.pid) in refused.err
        assert second.stop().code == 0
    assert app("list", "--hub", "nobody").code == 3


def test_a_hub_with_a_bad_name_is_refused(app: App) -> None:
    for name in ("ab", "1abc", "a-b-c", "a" * 46, "../other"):
        refused = app("list", "--hub", name)
        assert refused.code == 2, name
        assert "letters and digits" in refused.err
