"""An Azure app written into a folder of the test's own: hosted by a real `dfcli run`, or loaded into this process."""

from __future__ import annotations

import contextlib
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.sample_apps.served import Served, served

HEAD = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client):
    body = req.get_json() if req.get_body() else None
    instance_id = await client.start_new(req.route_params["functionName"], client_input=body)
    return client.create_check_status_response(req, instance_id)

"""
"""What most apps begin with: the app, and an HTTP function that starts any orchestrator with the body as its input."""


def write_app(folder: Path, source: str, files: Mapping[str, str] | None = None, *, head: str = HEAD) -> Path:
    """Write `function_app.py`, host.json and further files; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(head + textwrap.dedent(source))
    (folder / "host.json").write_text(json.dumps({"version": "2.0"}))
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


@contextlib.contextmanager
def hosted(folder: Path, source: str, files: Mapping[str, str] | None = None, *, head: str = HEAD) -> Iterator[Served]:
    """The app behind a real host; it must end with exit code 0."""
    with served(write_app(folder, source, files, head=head)) as host:
        yield host
