"""Apps of the older model: a folder with a function.json for each function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dfcli.errors import AppLoadError
from dfcli.project.load import load_app
from tests.cli.real import App
from tests.sample_apps.served import Served, served

HTTP_START = """
import azure.durable_functions as df
import azure.functions as func

from ..shared.words import GREETING  # relative to the app


async def main(req: func.HttpRequest, starter: str, answer: func.Out[func.HttpResponse]) -> None:
    assert GREETING == "Hello"
    client = df.DurableOrchestrationClient(starter)
    body = req.get_json() if req.get_body() else None
    instance_id = await client.start_new(req.route_params["functionName"], None, body)
    answer.set(client.create_check_status_response(req, instance_id))
"""
ORCHESTRATOR = """
import azure.durable_functions as df


def orchestrator_function(context: df.DurableOrchestrationContext):
    yield context.call_entity(df.EntityId("Counter", "a"), "add", 5)
    greetings = yield context.task_all([context.call_activity("Hello", city) for city in context.get_input()])
    total = yield context.call_entity(df.EntityId("Counter", "a"), "get")
    return [greetings, total]


main = df.Orchestrator.create(orchestrator_function)
"""
COUNTER = """
import azure.durable_functions as df


def entity_function(context):
    total = context.get_state(lambda: 0) + (context.get_input() or 0)
    context.set_state(total)
    context.set_result(total)


main = df.Entity.create(entity_function)
"""
HELLO = """
from __app__.shared.words import GREETING
from shared import words  # the app's root is on the path


def say(name: str) -> str:
    assert words.GREETING is GREETING
    return f"{GREETING} {name}"
"""
FUNCTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "HttpStart": (
        "__init__.py",
        HTTP_START,
        {
            "scriptFile": "__init__.py",
            "bindings": [
                {
                    "authLevel": "anonymous",
                    "name": "req",
                    "type": "httpTrigger",
                    "direction": "in",
                    "route": "orchestrators/{functionName}",
                    "methods": ["post", "get"],
                },
                {"name": "answer", "type": "http", "direction": "out"},
                {"name": "starter", "type": "durableClient", "direction": "in"},
            ],
        },
    ),
    "Greet": (
        "__init__.py",
        ORCHESTRATOR,
        {"bindings": [{"name": "context", "type": "orchestrationTrigger", "direction": "in"}]},
    ),
    "Counter": (
        "__init__.py",
        COUNTER,
        {"bindings": [{"name": "context", "type": "entityTrigger", "direction": "in"}]},
    ),
    "Hello": (
        "code.py",
        HELLO,
        {
            "scriptFile": "code.py",
            "entryPoint": "say",
            "bindings": [{"name": "name", "type": "activityTrigger", "direction": "in"}],
        },
    ),
    "Queue": (
        "__init__.py",
        "def main(msg): pass\n",
        {"bindings": [{"name": "msg", "type": "queueTrigger", "direction": "in", "queueName": "q"}]},
    ),
    "Off": ("__init__.py", "raise RuntimeError('not to be loaded')\n", {"disabled": True, "bindings": []}),
}


def write(folder: Path, functions: Mapping[str, tuple[str, str, dict[str, Any]]] = FUNCTIONS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "host.json").write_text('{"version": "2.0"}')
    (folder / "shared").mkdir()
    (folder / "shared" / "__init__.py").write_text("")
    (folder / "shared" / "words.py").write_text('GREETING = "Hello"\n')
    for name, (script, code, described) in functions.items():
        (folder / name).mkdir()
        (folder / name / script).write_text(code)
        (folder / name / "function.json").write_text(json.dumps(described))
    return folder


def greet(host: Served) -> Any:
    return host.outcome(host.start("Greet", ["Oslo", "Lima"]))["output"]


def test_an_app_of_folders_is_hosted(tmp_path: Path) -> None:
    with served(write(tmp_path / "app")) as host:
        assert greet(host) == [["Hello Oslo", "Hello Lima"], 5]
        listed = {each["name"]: each for each in host.request("GET", f"{host.url}/dfcli/v1/functions")}
    assert {name: each["kind"] for name, each in listed.items()} == {
        "HttpStart": "http",
        "Greet": "orchestrator",
        "Counter": "entity",
        "Hello": "activity",
        "Queue": "unsupported",
    }
    assert listed["Hello"]["file"].endswith("Hello/code.py")


def test_its_activities_run_in_worker_processes_too(tmp_path: Path) -> None:
    write(tmp_path / "app")
    (tmp_path / "app" / "dfcli.toml").write_text("workers = 1\n")
    with served(tmp_path / "app") as host:
        assert greet(host) == [["Hello Oslo", "Hello Lima"], 5]


def test_a_change_of_code_or_of_a_function_json_is_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path / "app")
    before = load_app(str(folder)).code_id
    described = FUNCTIONS["Hello"][2] | {"entryPoint": "shout"}
    (folder / "Hello" / "code.py").write_text(HELLO + "\n\ndef shout(name):\n    return name.upper()\n")
    (folder / "Hello" / "function.json").write_text(json.dumps(described))
    after = load_app(str(folder))
    assert after.code_id != before
    activity = after.registry.activity("hello")
    assert activity is not None
    assert activity.function("oslo") == "OSLO"


def test_pinned_instances_finish_on_the_code_they_began_with(tmp_path: Path) -> None:
    app = App(str(write(tmp_path / "app")))
    waiting = ORCHESTRATOR.replace(
        "    yield context.call_entity",
        '    yield context.wait_for_external_event("Go")\n    yield context.call_entity',
    )
    (tmp_path / "app" / "function_app.py").unlink()
    (tmp_path / "app" / "Greet" / "__init__.py").write_text(waiting)
    with app.running("--pin") as host:
        assert app("start", "Greet", "--id", "old", "--input", '["Oslo"]').code == 0
        host.wait_for("started", instanceId="old")
        (tmp_path / "app" / "shared" / "words.py").write_text('GREETING = "Bye"\n')
        (tmp_path / "app" / "Greet" / "__init__.py").write_text("\n# moved\n" + ORCHESTRATOR)
        host.wait_for("reloaded")
        assert app("raise-event", "old", "Go").code == 0
        done = app("status", "old", "--wait", "-o", "json").json()
    assert done["output"][1] == 5
    assert done["runtimeStatus"] == "Completed"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("function.json", '{"bindings": [}', "function.json:1: "),
        ("function.json", "[]", "`bindings` is no list"),
        ("function.json", '{"bindings": [{"name": "x"}]}', "has no `type`"),
        ("function.json", '{"scriptFile": "../../x.py", "bindings": []}', "no such Python file in the app"),
        ("function.json", '{"scriptFile": "gone.py", "bindings": []}', "no such Python file in the app"),
        (
            "function.json",
            '{"scriptFile": "code.py", "entryPoint": "gone", "bindings": []}',
            "defines no such function",
        ),
        (
            "function.json",
            '{"scriptFile": "code.py", "entryPoint": "say", "bindings": [{"type": "httpTrigger", "name": "name",'
            ' "authLevel": "nobody"}]}',
            "function, anonymous, admin",
        ),
        ("code.py", "def say(name:\n", "code.py:1"),
        ("code.py", "1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, name: str, text: str, why: str) -> None:
    folder = write(tmp_path / "app")
    (folder / "Hello" / name).write_text(text)
    with pytest.raises(AppLoadError) as refused:
        load_app(str(folder))
    assert why in refused.value.why
    assert "Hello" in refused.value.what + refused.value.why


def test_a_function_app_py_wins_over_folders(tmp_path: Path) -> None:
    folder = write(tmp_path / "app")
    (folder / "function_app.py").write_text("import azure.functions as func\napp = func.FunctionApp()\n")
    assert load_app(str(folder)).registry.all == []


def test_one_method_may_be_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "app")
    described = json.loads(json.dumps(FUNCTIONS["HttpStart"][2]))
    described["bindings"][0]["methods"] = "post"
    (folder / "HttpStart" / "function.json").write_text(json.dumps(described))
    (function,) = load_app(str(folder)).registry.http
    assert function.methods == {"POST"}
