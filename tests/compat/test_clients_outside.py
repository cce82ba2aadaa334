"""Durable clients outside the host's process: made from what `dfcli functions --client-payload` prints."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.hosting import hosted
from tests.sample_apps.served import Served

NPM = Path(__file__).parent / "npm"
APP = """
@app.orchestration_trigger(context_name="context")
def approval(context):
    given = yield context.wait_for_external_event("Approval")
    return [context.get_input(), given]


@app.entity_trigger(context_name="context")
def counter(context):
    context.set_state((context.get_state() or 0) + (context.get_input() or 1))
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Served]:
    with hosted(tmp_path, APP) as host:
        yield host


def payload(host: Served, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "functions", "--client-payload", *arguments],
        cwd=host.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_python_client_is_made_from_it_outside_the_host(host: Served) -> None:
    from azure.durable_functions import DurableOrchestrationClient
    from azure.durable_functions.models.utils import http_utils

    async def use() -> Any:
        http_utils._session_lock, http_utils._client_session = asyncio.Lock(), None  # it belongs to one loop
        try:
            client = DurableOrchestrationClient(json.dumps(payload(host, "--sdk", "python1")))
            await client.start_new("approval", "outside", {"n": 1})
            await client.raise_event("outside", "Approval", [True])
            while (status := await client.get_status("outside")).runtime_status.name in ("Pending", "Running"):
                pass
            return status.output
        finally:
            await http_utils._close_session()

    assert asyncio.run(use()) == [{"n": 1}, "[true]"]


def test_the_payload_of_other_clients_names_an_address_that_changes_nothing(host: Served) -> None:
    found = payload(host)
    assert "/python1/" not in found["rpcBaseUrl"]
    assert found["taskHubName"] == "default"
    host.request("POST", f"{found['rpcBaseUrl']}orchestrators/approval/plain", '{"a": 1}')
    host.request("POST", f"{found['rpcBaseUrl']}instances/plain/raiseEvent/Approval", {"yes": 1})
    status = host.outcome(
        {"statusQueryGetUri": found["managementUrls"]["statusQueryGetUri"].replace("INSTANCEID", "plain")}
    )
    assert status["output"] == ['{"a": 1}', {"yes": 1}]


def test_no_payload_without_a_host(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import dfcli as df\napp = df.DFApp()\n")
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "functions", "--client-payload"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "no host runs" in done.stderr
    assert "hint: dfcli run" in done.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.skipif(not (NPM / "node_modules").is_dir(), reason="`make npm-client` installs the package")
def test_the_npm_package_does_every_call(host: Served) -> None:
    made = payload(host)
    environ = {**os.environ, "CLIENT_PAYLOAD": json.dumps(made), "WEBSITE_HOSTNAME": host.url.removeprefix("http://")}
    done = subprocess.run(
        ["node", "use_client.js"], cwd=NPM, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["id"] == "from-npm"
    assert told["suspended"] == "Suspended"
    assert told["output"] == [{"a": [1, "ü"]}, {"ok": True}]
    assert told["input"] == {"a": [1, "ü"]}
    assert told["again"] is None  # a 410 is no error to it
    assert "doesn't exist" in told["unknown"]
    assert told["terminated"] == "no need"
    assert told["all"] == ["from-npm", "to-end"]
    assert told["purged"] == 1
    assert told["entity"] == 5
    assert told["statusQueryGetUri"].startswith(f"{host.url}/runtime/webhooks/durabletask/instances/from-npm?")
