"""`dfcli trigger`, and the address of Azure's that does the same: functions of absent services, run by hand."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.real import App, Running

NATIVE = """
import dfcli as df

app = df.DFApp()


@app.queue_trigger(arg_name="msg", queue_name="q", connection="Q")
@app.queue_output(arg_name="out", queue_name="p", connection="Q")
@app.durable_client_input(client_name="client")
async def on_queue(msg, out: df.Out, client) -> None:
    out.set(msg.get_body().decode().upper())
    await client.start_new("keep", msg.get_json()["id"], msg.get_json())


@app.blob_trigger(arg_name="blob", path="in/{name}", connection="Q")
@app.blob_input(arg_name="other", path="in/other", connection="Q")
def on_blob(blob, other: str, context: df.Context):
    return [blob.read().decode("latin-1"), other, blob.length, context.function_name, blob.name]


@app.cosmos_db_trigger(arg_name="documents", connection="Q")
def on_documents(documents):
    return len(documents)


@app.generic_trigger(arg_name="text", type="somethingTrigger")
def on_text(text: str):
    return text


@app.service_bus_queue_trigger(arg_name="body", queue_name="q", connection="Q")
def on_bytes(body: bytes):
    return body


@app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="Q", cardinality="many")
def on_batch(events):
    return [[event.get_body().decode(), event.partition_key] for event in events]


@app.event_grid_trigger(arg_name="event")
def on_event(event):
    return [event.get_json(), event.subject, event.event_type, event.event_time and event.event_time.year]


@app.service_bus_queue_trigger(arg_name="message", queue_name="q", connection="Q")
def on_message(message):
    return [message.message_id, message.delivery_count, message.correlation_id, message.enqueued_time_utc is None]


@app.route(route="lacking")
@app.blob_input(arg_name="other", path="in/other", connection="Q")
def lacking(req, other: bytes) -> df.HttpResponse:
    return df.HttpResponse(req.get_body() + other, status_code=201)


@app.queue_output(arg_name="never", queue_name="p", connection="Q")
@app.queue_trigger(arg_name="msg", queue_name="q", connection="Q")
def on_quiet(msg, never: df.Out):
    return msg.id


@app.event_hub_message_trigger(arg_name="event", event_hub_name="h", connection="Q")
def fails(event):
    raise ValueError(f"no: {event.get_body().decode()}")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: df.TimerRequest):
    return timer.past_due


@app.route(route="asked")
def asked(req):
    return "yes"


@app.orchestration_trigger(context_name="context")
def keep(context):
    return context.get_input()
"""
AZURE = (
    NATIVE.replace("import dfcli as df\n", "import azure.durable_functions as df\nimport azure.functions as func\n")
    .replace("df.Out", "func.Out[str]")
    .replace("df.Context", "func.Context")
    .replace("df.TimerRequest", "func.TimerRequest")
    .replace('documents", connection', 'documents", container_name="c", database_name="d", connection')
    .replace("req, other", "req: func.HttpRequest, other")
    .replace("df.HttpResponse", "func.HttpResponse")
    .replace("msg, out", "msg: func.QueueMessage, out")
    .replace("on_blob(blob,", "on_blob(blob: func.InputStream,")
    .replace("on_documents(documents)", "on_documents(documents: func.DocumentList)")
)


@pytest.fixture(scope="module", params=[NATIVE, AZURE], ids=["dfcli", "azure"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    app = App(str(tmp_path_factory.mktemp("app")), request.param)
    with app.running("--no-watch") as host:
        yield host


def test_a_queue_function_takes_its_message_and_its_outputs_are_told(served: Running) -> None:
    said = served.app("trigger", "on_queue", "--data", '{"id": "by-hand"}', "-o", "json")
    assert said.code == 0
    assert said.json()["outputs"] == {"out": '{"ID":"BY-HAND"}'}
    done = served.app("status", "by-hand", "--wait", "-o", "json").json()
    assert done["output"] == {"id": "by-hand"}
    shown = served.app("trigger", "ON_QUEUE", "--data", '{"id": "again"}')
    assert shown.out == 'out         "{\\"ID\\":\\"AGAIN\\"}"\n'
    assert "outputs go nowhere here" in shown.err


def test_a_blob_function_takes_a_file_and_wants_its_other_inputs(served: Running) -> None:
    Path(served.app.folder, "blob.bin").write_bytes(b"\xffblob")
    wanted = served.app("trigger", "on_blob", "--data", "@blob.bin")
    assert wanted.code == 2
    assert "the input 'other' is missing" in wanted.err
    assert "other (blob)" in wanted.err
    said = served.app("trigger", "on_blob", "--data", "@blob.bin", "--binding", 'other="more"', "-o", "json")
    assert said.json()["returned"] == ["ÿblob", "more", 5, "on_blob", "in/blob.bin"]
    wrong = served.app("trigger", "on_text", "--binding", "nobody=1")
    assert (wrong.code, "there is no input binding 'nobody'" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "data", "returned"),
    [
        ("on_documents", '[{"id": "1"}, {"id": "2"}]', 2),
        ("on_text", '"text"', "text"),
        ("on_text", '{"a": 1}', '{"a":1}'),
        ("on_bytes", '"ü"', "ü"),
        ("yearly", None, False),
        ("on_batch", '["a", {"b": 1}]', [["a", None], ['{"b": 1}', None]]),
        ("on_batch", '"one"', [["one", None]]),
        ("on_event", '{"n": 1}', [{"n": 1}, "", "", None]),
        (
            "on_event",
            '{"subject": "s", "eventType": "t", "eventTime": "2026-01-05T00:00:00Z", "data": {"n": 1}, "more": 1}',
            [{"n": 1}, "s", "t", 2026],
        ),
        ("on_message", None, ["by-hand", 1, None, True]),
    ],
)
def test_a_function_takes_what_its_code_expects(served: Running, name: str, data: str | None, returned: object) -> None:
    said = served.app("trigger", name, *(["--data", data] if data else []), "-o", "jsonl")
    assert (said.code, said.json()["returned"]) == (0, returned)


def test_members_of_a_message_may_be_given(served: Running) -> None:
    members = ("--metadata", 'message_id="m1"', "--metadata", "delivery_count=3", "--metadata", 'correlation_id="c"')
    said = served.app("trigger", "on_message", *members, "--metadata", 'enqueued_time_utc="2026-01-05T00:00:00Z"')
    assert said.out == 'returned    ["m1", 3, "c", false]\n'
    wrong = served.app("trigger", "on_message", "--metadata", "subjekt=1")
    assert (wrong.code, "no message has a member 'subjekt'" in wrong.err) == (2, True)
    assert "is no point in time" in served.app("trigger", "on_event", "--metadata", 'event_time="noon"').err


def test_an_output_that_was_not_given_is_not_told(served: Running) -> None:
    said = served.app("trigger", "on_quiet", "-o", "json").json()
    assert (said["returned"], said["outputs"]) == ("by-hand", {})


def test_an_http_function_that_lacks_an_input_is_run_with_its_body(served: Running) -> None:
    said = served.app("trigger", "lacking", "--data", '"a"', "--binding", 'other="b"', "-o", "json")
    assert said.json()["returned"] == {"statusCode": 201, "body": "ab"}


def test_a_failure_is_told_with_exit_code_1(served: Running) -> None:
    said = served.app("trigger", "fails", "--data", '"reason"')
    assert said.code == 1
    assert "ValueError: no: reason" in said.out
    assert "http_functions.py" not in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("keep",), 2, "dfcli start keep --input JSON"),
        (("asked",), 2, "/api/asked"),
        (("on_documents", "--data", '"[1"'), 2, "the data are not what 'on_documents' takes"),
        (("nobody",), 3, "there is no function 'nobody'"),
        (("on_text", "--data", "word"), 2, "text needs double quotes"),
        (("on_text", "--data", "@gone"), 3, "there is no file 'gone'"),
        (("on_text", "--binding", "x"), 2, "--binding NAME=JSON"),
    ],
)
def test_what_cannot_be_run_is_refused(served: Running, arguments: tuple[str, ...], code: int, told: str) -> None:
    said = served.app("trigger", *arguments)
    assert (said.code, said.out) == (code, "")
    assert told in said.err


def test_azures_address_begins_a_run_and_answers_at_once(served: Running) -> None:
    body = json.dumps({"input": '{"id": "by-admin"}'}).encode()
    url = f"{served.facts[0]['url']}/admin/functions/on_queue"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 202
    served.wait_for("completed", instanceId="by-admin")


def test_a_host_that_asks_for_keys_is_shown_the_master_key(tmp_path: Path) -> None:
    app = App(str(tmp_path), NATIVE)
    with app.running("--no-watch", "--auth") as host:
        assert app("trigger", "on_text", "--data", '"a"').out == 'returned    "a"\n'
        keys = {key["scope"]: key["value"] for key in app("keys", "list", "--show", "-o", "json").json()}
        url = f"{host.facts[0]['url']}/dfcli/v1/functions/on_text/run"
        headers = {"Content-Type": "application/json", "x-functions-key": keys["system"]}
        request = urllib.request.Request(url, b"{}", headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)


def test_without_a_host_nothing_is_run(tmp_path: Path) -> None:
    said = App(str(tmp_path), NATIVE)("trigger", "on_text")
    assert (said.code, "no host runs" in said.err, "hint: dfcli run" in said.err) == (4, True, True)
