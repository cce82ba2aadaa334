"""`dfcli run --debug`, with a stand-in for debugpy that says what it was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfcli.cli.main import DEBUG_PORT
from dfcli.project.scaffold import list_templates, scaffold
from tests.cli.dap import DebugClient
from tests.cli.real import APP, APPROVAL_LINE, App, Running, environment

STAND_IN = """
import sys


def listen(address):
    print("listens at", *address, file=sys.stderr)
    if address[1] == 1:
        raise OSError("it is taken")
    return address


def wait_for_client():
    print("waits", "function_app" in sys.modules, file=sys.stderr)
"""


def run(folder: Path, *arguments: str, debugpy: str = STAND_IN) -> subprocess.CompletedProcess[str]:
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "debugpy.py").write_text(debugpy)
    App(str(folder), APP)
    path = os.pathsep.join([str(modules), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "dfcli", "run", "--port", "0", "--exit-when-idle", *arguments],
        cwd=folder,
        env={**environment(), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "port"), [(("--debug",), 5678), (("--debug", "5700"), 5700), (("--debug", "--no-watch"), 5678)]
)
def test_it_waits_for_a_debugger_on_loopback_before_the_app_is_loaded(
    tmp_path: Path, arguments: tuple[str, ...], port: int
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert f"listens at 127.0.0.1 {port}\n" in done.stderr
    assert f"waiting for a debugger at 127.0.0.1:{port}" in done.stderr
    assert "waits False" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "debugpy", "code", "told"),
    [
        (("--debug",), "raise ImportError", 4, "-m pip install debugpy"),
        (("--debug", "1"), STAND_IN, 4, "port 1 cannot be listened at"),
        (("--debug", "99999"), STAND_IN, 2, "is no port"),
        (("--debug", "--workers", "2"), STAND_IN, 2, "do not go together"),
    ],
)
def test_what_keeps_it_from_that_is_said(
    tmp_path: Path, arguments: tuple[str, ...], debugpy: str, code: int, told: str
) -> None:
    done = run(tmp_path, *arguments, debugpy=debugpy)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize(("line", "function"), [(APPROVAL_LINE, "approval"), ('return f"Hello {name}"', "say")])
def test_a_debugger_stops_in_orchestrators_and_activities(tmp_path: Path, line: str, function: str) -> None:
    app = App(str(tmp_path), APP)
    host = Running(app, ("--no-watch", "--debug", "0"))
    try:
        said = host.wait_for_talk("waiting for a debugger at 127.0.0.1:")
        client = DebugClient(int(said.split("127.0.0.1:")[1].split()[0]))
        client.attach(app.file, app.line_of(line))
        host.wait_for("ready")
        started = app.begin("start", "approval" if function == "approval" else "hello", "--id", "a", "--input", '"Bo"')
        thread = client.event("stopped")["threadId"]
        top = client.ask("stackTrace", threadId=thread)["stackFrames"][0]
        assert (top["name"], top["line"]) == (function, app.line_of(line))
        client.ask("setBreakpoints", source={"path": app.file}, breakpoints=[])
        client.ask("continue", threadId=thread)
        started.communicate()
        assert started.returncode == 0
        client.ask("disconnect", terminateDebuggee=False)
        client.close()
        assert app("status", "a", "-o", "json").json()["runtimeStatus"] in ("Running", "Completed")
        assert host.stop().code == 0
    finally:
        host.end()


@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_a_new_app_has_what_an_editor_attaches_with(template: str, tmp_path: Path) -> None:
    folder = Path(scaffold(template, str(tmp_path / "app")).folder)
    launch, attach = json.loads((folder / ".vscode" / "launch.json").read_text())["configurations"]
    assert (launch["module"], launch["args"]) == ("dfcli", ["run"])
    assert (attach["request"], attach["connect"]["port"]) == ("attach", int(DEBUG_PORT))
