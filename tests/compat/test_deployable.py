"""`dfcli doctor --azure`: whether an app would run on Azure as it is, item by item."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dfcli.project.scaffold import Sdk, list_templates, scaffold
from tests.compat.hosting import HEAD, hosted, write_app


def doctor(folder: Path, *arguments: str) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "doctor", "--azure", "-o", "json", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def errors(told: Any) -> list[str]:
    return [f"{item['code']}: {item['what']}" for item in told["items"] if item["level"] == "error"]


@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_every_template_for_azure_would_run_there(template: str, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "app"), Sdk.azure)
    code, told = doctor(Path(made.folder))
    assert errors(told) == []
    assert (code, told["deployable"]) == (0, True)
    assert {item["code"] for item in told["items"]} >= {
        "sdk",
        "requirements",
        "host.json",
        "local.settings.json",
        "python",
    }


def test_an_app_of_dfclis_own_is_told_which_lines_to_change(tmp_path: Path) -> None:
    code, told = doctor(Path(scaffold("sequence", str(tmp_path / "app")).folder))
    assert code == 5
    assert errors(told) == ["sdk: the app is written for dfcli"]
    assert "import azure.durable_functions as df" in told["items"][0]["hint"]


def app(folder: Path) -> Path:
    """One that would run."""
    write_app(folder, "")
    (folder / "host.json").write_text('{"version": "2.0", "extensionBundle": {"version": "[4.*, 5.0.0)"}}')
    (folder / "requirements.txt").write_text("azure-functions\nazure_functions_durable>=1.2,<2  # the first line\n")
    (folder / "local.settings.json").write_text('{"Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}')
    assert doctor(folder)[0] == 0
    return folder


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "requirements.txt",
            "azure-functions\n",
            "requirements: requirements.txt does not name azure-functions-durable",
        ),
        ("requirements.txt", None, "requirements: there is no requirements.txt"),
        ("host.json", "{}", "host.json: host.json has no version 2.0"),
        ("host.json", '{"version": "2.0"}', "host.json: host.json names no extension bundle"),
        (
            "host.json",
            '{"version": "2.0", "extensionBundle": {"version": "[1.*, 2.0.0)"}}',
            "host.json: the extension bundle [1.*, 2.0.0) is out of support",
        ),
        (
            "function_app.py",
            HEAD + "import msgspec\n",
            "requirements: the app imports msgspec, and requirements.txt does not name msgspec",
        ),
        (
            "function_app.py",
            HEAD + "from datetime import datetime\nimport random\n\n"
            '@app.orchestration_trigger(context_name="context")\ndef o(context):\n'
            "    if datetime.now() and random.random():\n        yield\n",
            "determinism: orchestrator o reads the clock (datetime.datetime.now)",
        ),
        (
            "function_app.py",
            HEAD
            + "from uuid import uuid4 as new\n\ndef steps(context):\n    yield context.call_activity('x', new())\n\n"
            '@app.orchestration_trigger(context_name="context")\ndef o(context):\n    yield from steps(context)\n',
            "determinism: orchestrator o asks for something random (uuid.uuid4)",
        ),
        (
            "function_app.py",
            HEAD + "import os\n\n"
            '@app.orchestration_trigger(context_name="context")\ndef o(context):\n    return os.environ["CITY"]\n',
            "determinism: orchestrator o reads or writes outside of itself (os.environ)",
        ),
        (
            "function_app.py",
            HEAD + "def f():\n    import azure.storage.blob\n",
            "requirements: the app imports azure.storage.blob, and requirements.txt does not name azure-storage-blob",
        ),
        (
            "requirements.txt",
            "azure-functions\nazure-functions-durable>=2\n",
            "requirements: requirements.txt asks for azure-functions-durable>=2",
        ),
        (
            "requirements.txt",
            "azure-functions==1.11.0\nazure-functions-durable<2\n",
            "requirements: azure-functions 1.11.0 cannot be installed beside azure-functions-durable",
        ),
        (
            "host.json",
            '{"version": "2.0", "extensionBundle": {"version": "4.2.1"}}',
            "host.json: the extension bundle 4.2.1 is no range of versions",
        ),
        (
            "host.json",
            '{"version": "2.0", "extensionBundle": {"id": "Mine", "version": "[4.*, 5.0.0)"}}',
            "host.json: there is no extension bundle Mine",
        ),
        (
            "function_app.py",
            "import azure.functions\n",
            "app: the app has no DFApp",
        ),
        (
            "function_app.py",
            HEAD + '@app.orchestration_trigger(context_name="ctx")\ndef o(ctx):\n    yield\n',
            "DFA102: o has a context parameter that is not called `context`; on Azure it must be (ctx)",
        ),
    ],
)
def test_what_would_not_run_there_is_named(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    folder = app(tmp_path)
    if text is None:
        os.unlink(folder / name)
    else:
        (folder / name).write_text(text)
    code, found = doctor(folder)
    assert code == 5
    assert told in errors(found)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "requirements.txt",
            "azure-functions\nazure-functions-durable\n",
            "does not keep azure-functions-durable below 2",
        ),
        ("requirements.txt", "azure-functions\nazure-functions-durable<2\ndfcli\n", "requirements.txt names dfcli"),
        ("local.settings.json", "{}", "FUNCTIONS_WORKER_RUNTIME is not python"),
        ("local.settings.json", '{"Values": {"WEBSITE_TIME_ZONE": "Europe/Rome"}}', "WEBSITE_TIME_ZONE is set"),
        (
            "function_app.py",
            HEAD + '@app.queue_trigger(arg_name="m", queue_name="%QUEUE%", connection="Orders")\ndef f(m): pass\n',
            "a trigger names the setting Orders",
        ),
        (
            "function_app.py",
            HEAD + '@app.queue_trigger(arg_name="m", queue_name="%QUEUE%", connection="Orders")\ndef f(m): pass\n',
            "a trigger names the setting QUEUE",
        ),
        ("dfcli.toml", '[app]\nCITY = "Rome"\n', "dfcli.toml sets CITY for the app"),
        (".python-version", "3.10.4\n", ".python-version says 3.10"),
        (
            "requirements.txt",
            "azure-functions\nazure-functions-durable==1.2.10\n",
            "Azure would run azure-functions-durable 1.2.10",
        ),
        (
            "host.json",
            '{"version": "2.0", "hubName": "x", "extensionBundle": {"version": "[4.*, 5.0.0)"}}',
            "hubName counts for nothing there",
        ),
        (
            "host.json",
            '{"version": "2.0", "extensionBundle": {"version": "[3.*, 4.0.0)"}}',
            "the extension bundle [3.*, 4.0.0) is an old one",
        ),
    ],
)
def test_what_might_not_be_meant_is_a_warning(tmp_path: Path, name: str, text: str, told: str) -> None:
    folder = app(tmp_path)
    (folder / name).write_text(text)
    code, found = doctor(folder)
    assert code == 0
    assert any(told in item["what"] for item in found["items"] if item["level"] == "warning")


def test_what_a_run_on_this_machine_has_told_fails_it(tmp_path: Path) -> None:
    source = """
        from datetime import timedelta

        @app.orchestration_trigger(context_name="context")
        def short(context):
            yield context.create_timer(timedelta(milliseconds=1))
    """
    with hosted(tmp_path, source) as host:
        host.outcome(host.start("short", None))
    code, found = doctor(tmp_path)
    assert code == 5
    assert any(text.startswith("DFA109: short at ") for text in errors(found))


def test_what_a_run_told_before_the_code_was_changed_is_not_held_against_it(tmp_path: Path) -> None:
    source = """
        from datetime import timedelta

        @app.orchestration_trigger(context_name="context")
        def short(context):
            yield context.create_timer(timedelta(milliseconds=1))
    """
    with hosted(app(tmp_path), source) as host:
        host.outcome(host.start("short", None))
    app(tmp_path)
    (tmp_path / "function_app.py").write_text(
        (tmp_path / "function_app.py").read_text()
        + "from datetime import timedelta\n\n"
        + '@app.orchestration_trigger(context_name="context")\ndef short(context):\n'
        + "    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=1))\n"
    )
    code, found = doctor(tmp_path)
    assert errors(found) == []
    assert code == 0


def test_requirements_may_stand_in_files_that_it_includes(tmp_path: Path) -> None:
    folder = app(tmp_path)
    (folder / "azure.txt").write_text("azure-functions\nazure-functions-durable<2\n")
    (folder / "requirements.txt").write_text("-r azure.txt\n")
    assert doctor(folder)[0] == 0


def test_functions_without_the_durable_package_need_not_ask_for_it(tmp_path: Path) -> None:
    folder = app(tmp_path)
    (folder / "function_app.py").write_text("import azure.functions as func\n\napp = func.FunctionApp()\n")
    (folder / "requirements.txt").write_text("azure-functions\n")
    assert doctor(folder)[0] == 0


def test_settings_that_a_connection_is_made_of_count_as_it(tmp_path: Path) -> None:
    folder = app(tmp_path)
    (folder / "function_app.py").write_text(
        HEAD + '@app.queue_trigger(arg_name="m", queue_name="q", connection="Orders")\ndef f(m): pass\n'
    )
    values = '{"Values": {"FUNCTIONS_WORKER_RUNTIME": "python", "Orders__queueServiceUri": "x"}}'
    (folder / "local.settings.json").write_text(values)
    _, found = doctor(folder)
    assert not [item for item in found["items"] if item["code"] == "settings"]


def test_it_reads_well_in_a_terminal_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "doctor", "--azure"],
        cwd=app(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.endswith("it would run on Azure\n")
