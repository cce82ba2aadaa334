"""Functions that are no durable ones, and what any function is handed, behind a real host."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.hosting import hosted
from tests.sample_apps.served import Served

APP = """
import json
import logging
import os
import threading


@app.route(route="echo/{word:alpha}/{number:int?}", methods=["GET", func.HttpMethod.POST])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    told = {
        "method": req.method,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "header": req.headers.get("X-KIND"),
        "body": req.get_body().decode(),
        "function": context.function_name,
        "has id": bool(context.invocation_id),
        "directory": context.function_directory,
        "type": isinstance(req, func.HttpRequest),
        "here": os.path.exists("host.json"),
        "environment": [os.environ[name] for name in ("AZURE_FUNCTIONS_ENVIRONMENT", "FUNCTIONS_WORKER_RUNTIME")],
        "hostname": os.environ["WEBSITE_HOSTNAME"],
    }
    return func.HttpResponse(json.dumps(told), status_code=201, headers={"X-Told": "yes"}, mimetype="application/json")


@app.route(route="json")
async def takes_json(req: func.HttpRequest):
    try:
        return json.dumps(req.get_json())
    except ValueError as error:
        return func.HttpResponse(str(error), status_code=400)


@app.route(route="text")
def gives_text(req) -> str:
    return "plain"


@app.route(route="bytes")
def gives_bytes(req):
    return func.HttpResponse(b"\\x00\\xff", mimetype="application/octet-stream")


@app.route(route="raises")
def raises(req):
    raise RuntimeError("no")


@app.route(route="status/{id}")
@app.durable_client_input(client_name="client")
async def status_of(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    status = await client.get_status(req.route_params["id"], show_input=True)
    return func.HttpResponse(json.dumps(status.to_json() if status else None), mimetype="application/json")


@app.queue_trigger(arg_name="msg", queue_name="q", connection="Q")
@app.queue_output(arg_name="out", queue_name="p", connection="Q")
def on_queue(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set("never")


@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")
@app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def at_startup(timer: func.TimerRequest, client) -> None:
    await client.start_new("remember", "at-startup", {"past due": timer.past_due})


@app.orchestration_trigger(context_name="context")
def remember(context):
    return (yield context.call_activity("with_context", context.get_input()))


@app.activity_trigger(input_name="value")
async def with_context(value, context: func.Context):
    return [value, context.function_name]
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with hosted(tmp_path_factory.mktemp("app"), APP) as host:
        yield host


def ask(host: Served, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Kept())
    with opener.open(urllib.request.Request(f"{host.url}/api/{path}", body, headers), timeout=30) as answer:
        return answer.status, dict(answer.headers), answer.read()


class Kept(urllib.request.HTTPErrorProcessor):
    """Answers of every status are answers."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


def test_a_request_and_its_context_are_azures(host: Served) -> None:
    status, headers, body = ask(host, "echo/hello/7?a=1&b=", b"posted", **{"X-Kind": "test"})
    told = json.loads(body)
    assert (status, headers["x-told"], headers["content-type"]) == (201, "yes", "application/json; charset=utf-8")
    assert told["method"] == "POST"
    assert told["params"] == {"a": "1", "b": ""}
    assert told["route"] == {"word": "hello", "number": "7"}
    assert (told["header"], told["body"], told["function"]) == ("test", "posted", "echo")
    assert told["has id"] is told["type"] is told["here"] is True
    assert told["directory"] == str(host.folder)
    assert told["environment"] == ["Development", "python"]
    assert told["hostname"] == f"localhost:{host.url.rpartition(':')[2]}"


def test_answers_of_every_kind(host: Served) -> None:
    assert ask(host, "json", b'{"a": [1]}')[2] == b'{"a": [1]}'
    assert ask(host, "json", b"no")[0] == 400
    status, headers, body = ask(host, "text")
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", b"plain")
    assert ask(host, "bytes")[2] == b"\x00\xff"
    assert ask(host, "raises")[0] == 500
    assert ask(host, "echo/123")[0] == 404


def test_a_timer_has_its_request_and_the_client(host: Served) -> None:
    status = host.outcome({"statusQueryGetUri": f"{host.url}/api/status/at-startup"})
    assert status["output"] == [{"past due": False}, "with_context"]
    assert status["input"] == {"past due": False}


def test_what_only_a_cloud_service_triggers_is_listed(host: Served) -> None:
    listed = {each["name"]: each for each in host.request("GET", f"{host.url}/dfcli/v1/functions")}
    assert listed["on_queue"]["kind"] == "unsupported"


def test_web_frameworks_are_served_by_their_apps(tmp_path: Path) -> None:
    head = """
import azure.functions as func
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def everything(request):
    return PlainTextResponse(f"{request.method} {request.url.path} {(await request.body()).decode()}", 202)


asgi = Starlette(routes=[Route("/{path:path}", everything, methods=["PUT"])])
app = func.AsgiFunctionApp(app=asgi, http_auth_level=func.AuthLevel.ANONYMOUS)
"""
    with hosted(
        tmp_path, "", {"host.json": '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}'}, head=head
    ) as host:
        request = urllib.request.Request(f"{host.url}/any/path", b"body", method="PUT")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            assert (answer.status, answer.read()) == (202, b"PUT /any/path body")
