"""Which of Azure's packages are taken: the 1.x line of the durable SDK; apps that do not use it need none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from dfcli.compat import sdk
from dfcli.errors import AppLoadError
from dfcli.project.load import load_app
from tests.compat.hosting import HEAD, write_app

PACKAGE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@pytest.mark.parametrize(
    ("version", "what"), [("2.0.0b2", "does not run yet"), ("2.0.0", "does not run yet"), ("1.1.6", "too old")]
)
def test_another_line_of_the_sdk_is_refused_before_it_is_imported(version: str, what: str) -> None:
    with mock.patch.object(sdk.metadata, "version", return_value=version), pytest.raises(AppLoadError) as refused:
        sdk.check_versions()
    assert what in refused.value.what
    assert version in refused.value.what
    assert "pip install 'azure-functions-durable" in refused.value.hint


def test_an_sdk_2_in_the_apps_environment_is_refused_by_the_command(tmp_path: Path) -> None:
    write_app(tmp_path, "")
    packages = tmp_path / ".venv" / PACKAGE
    (packages / "azure_functions_durable-2.0.0.dist-info").mkdir(parents=True)
    (packages / "azure_functions_durable-2.0.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: azure-functions-durable\nVersion: 2.0.0\n"
    )
    version = ".".join(map(str, sys.version_info[:3]))
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"version = {version}\n")
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "functions"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 8
    assert "azure-functions-durable is 2.0.0, which dfcli does not run yet" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "uses"),
    [
        ("import azure.durable_functions as df", True),
        ("from azure.durable_functions import DFApp", True),
        ("from azure import durable_functions", True),
        ("    from azure import functions, durable_functions", True),
        ("import azure.functions as func", False),
        ("# import azure.durable_functions", False),
    ],
)
def test_only_apps_that_import_the_sdk_are_asked_for_it(tmp_path: Path, line: str, uses: bool) -> None:
    (tmp_path / "a.py").write_text(f"x = 1\n{line}\n")
    assert sdk.uses_durable([str(tmp_path / "a.py"), str(tmp_path / "gone.py")]) is uses


def test_functions_without_the_durable_package_are_loaded(tmp_path: Path) -> None:
    head = "import azure.functions as func\napp = func.FunctionApp()\n"
    source = """
        @app.route(route="hello", auth_level=func.AuthLevel.ANONYMOUS)
        def hello(req: func.HttpRequest) -> str:
            return "hi"
    """
    assert [f.name for f in load_app(str(write_app(tmp_path, source, head=head))).registry.all] == ["hello"]


def test_a_broken_host_json_is_named_before_the_sdk_reads_it(tmp_path: Path) -> None:
    write_app(tmp_path, "")
    (tmp_path / "host.json").write_text('{"version": "2.0",}')
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "functions"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 8
    assert "host.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_byte_order_mark_is_named_since_azure_cannot_read_it_either(tmp_path: Path) -> None:
    write_app(tmp_path, "")
    (tmp_path / "host.json").write_bytes(b'\xef\xbb\xbf{"version": "2.0"}')
    with pytest.raises(AppLoadError, match="byte order mark"):
        load_app(str(tmp_path))


def test_what_the_sdk_warns_of_at_its_import_is_not_shown(tmp_path: Path) -> None:
    write_app(tmp_path, "")
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensionBundle": {"version": "[1.*, 2.0.0)"}}')
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "functions", "-o", "id"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert (done.returncode, done.stdout) == (0, "start\n"), done.stderr
    assert "Warning" not in done.stderr


def test_the_file_that_holds_the_app_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_app(tmp_path, "")
    (tmp_path / "function_app.py").rename(tmp_path / "main_of_mine.py")
    monkeypatch.setenv("PYTHON_SCRIPT_FILE_NAME", "main_of_mine.py")
    assert [f.name for f in load_app(str(tmp_path)).registry.all] == ["start"]


@pytest.mark.parametrize(
    ("kind", "source", "told"),
    [
        (
            "df.DFApp",
            '@app.orchestration_trigger(context_name="context")\n@app.function_name("x")\ndef o(context): yield\n',
            "nearest to the function",
        ),
        (
            "func.FunctionApp",
            '@app.durable_client_input(client_name="client")\n@app.route(route="x")\nasync def h(req, client): pass\n',
            "stands below the trigger's",
        ),
    ],
)
def test_decorators_in_an_order_that_azure_cannot_take_are_named(
    tmp_path: Path, kind: str, source: str, told: str
) -> None:
    with pytest.raises(AppLoadError) as refused:
        load_app(str(write_app(tmp_path, source, head=HEAD.replace("df.DFApp", kind))))
    assert told in refused.value.hint
    assert "function_app.py:" in refused.value.why
