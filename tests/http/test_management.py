"""The conformance checklist of the HTTP API, for the routes that are served."""

from __future__ import annotations

import asyncio
import json

import pytest

from dfcli.model import history as h
from dfcli.model import payload
from dfcli.model.failure import FailureDetails
from tests.http.asgi_client import BASE, HOST, AsgiClient
from tests.http.fake_host import FakeHost

STATES = ("Pending", "Running", "ContinuedAsNew", "Suspended", "Completed", "Failed", "Terminated", "Canceled")
LIVE = STATES[:4]


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def client(host: FakeHost) -> AsgiClient:
    return AsgiClient(host)


def test_a_start_answers_202_with_every_address(client: AsgiClient, host: FakeHost) -> None:
    answer = client.post(f"{BASE}/orchestrators/hello/order-1", '{ "a": 1 }')
    links = answer.json
    assert answer.status == 202
    assert list(links) == [
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    ]
    assert links["id"] == "order-1"
    assert links["statusQueryGetUri"] == f"http://{HOST}{BASE}/instances/order-1?taskHub=default&connection=Storage"
    assert "/raiseEvent/{eventName}?" in links["sendEventPostUri"]
    assert "/terminate?reason={text}&taskHub=" in links["terminatePostUri"]
    assert answer.headers["location"] == links["statusQueryGetUri"]
    assert answer.headers["retry-after"] == "10"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert host.told == [("start", "hello", '{"a":1}', "order-1", None, None)]


def test_a_start_without_an_id_gets_one_of_32_hex_digits(client: AsgiClient) -> None:
    assert len(client.post(f"{BASE}/orchestrators/hello").json["id"]) == 32


def test_an_empty_body_is_no_input_and_a_version_is_handed_on(client: AsgiClient, host: FakeHost) -> None:
    client.post(f"{BASE}/orchestrators/hello/a?version=2.0")
    assert host.told == [("start", "hello", None, "a", "2.0", None)]


def test_an_idempotency_key_becomes_the_request_id(client: AsgiClient, host: FakeHost) -> None:
    client.post(f"{BASE}/orchestrators/hello", headers={"Idempotency-Key": "key-1"})
    assert host.told[0][-1] == "key-1"
    assert client.post(f"{BASE}/orchestrators/hello", headers={"Idempotency-Key": "k" * 257}).status == 400


@pytest.mark.parametrize("body", ["not json", '{"a":1', '{"a":1,"a":2}', "NaN", "[" * 100, '"\\ud800"'])
def test_a_body_that_is_not_strict_json_is_refused_with_the_vendors_words(client: AsgiClient, body: str) -> None:
    answer = client.post(f"{BASE}/orchestrators/hello", body)
    assert answer.status == 400
    assert answer.json["Message"] == "Invalid JSON content"
    assert answer.json["ExceptionMessage"]
    assert answer.json["ExceptionType"] == "Newtonsoft.Json.JsonReaderException"
    assert answer.json["error"]["code"] == "invalid_json"


def test_an_unknown_function_names_those_that_are_known(client: AsgiClient) -> None:
    answer = client.post(f"{BASE}/orchestrators/nope")
    assert answer.status == 400
    assert answer.json["Message"] == "One or more of the arguments submitted is incorrect"
    assert answer.json["ExceptionMessage"] == (
        "The function 'nope' doesn't exist, is disabled, or is not an orchestrator function. "
        "Additional info: The following are the known orchestrator functions: 'hello', 'other'."
    )
    assert answer.json["ExceptionType"] == "System.ArgumentException"


@pytest.mark.parametrize(
    "instance_id",
    [
        "@x",
        "a%2Fb",
        "a%5Cb",
        "a%23b",
        "a%3Fb",
        "a%00b",
        "a%0Ab",
        "x" * 257,
        "%ff",
        "%C2%85",
        "..%2f..%2fetc",
        "%ed%a0%80",
    ],
)
def test_an_id_that_is_not_allowed_is_refused_with_400(client: AsgiClient, host: FakeHost, instance_id: str) -> None:
    answer = client.post(f"{BASE}/orchestrators/hello/{instance_id}")
    assert answer.status == 400
    assert answer.json["ExceptionMessage"]
    assert host.told == []


@pytest.mark.parametrize(
    "instance_id", ["a%252Fb", "..", ".", "CON", "a b", "a%20b", "ü%F0%9F%98%80", "x" * 256, "a:b,c;d"]
)
def test_an_id_is_decoded_exactly_once_and_may_hold_anything_else(
    client: AsgiClient, host: FakeHost, instance_id: str
) -> None:
    answer = client.post(f"{BASE}/orchestrators/hello/{instance_id}")
    assert answer.status == 202
    again = answer.json["statusQueryGetUri"].removeprefix(f"http://{HOST}")
    assert client.get(again).json["instanceId"] == answer.json["id"]


@pytest.mark.parametrize("status", STATES)
def test_a_live_id_cannot_be_started_again_and_an_ended_one_can(
    client: AsgiClient, host: FakeHost, status: str
) -> None:
    host.put("a", status)
    answer = client.post(f"{BASE}/orchestrators/hello/a")
    if status in LIVE:
        assert answer.status == 409
        sentence = f"An Orchestration instance with the status {status} already exists."
        assert answer.json["Message"] == answer.json["ExceptionMessage"] == sentence
    else:
        assert answer.status == 202


@pytest.mark.parametrize("status", STATES)
def test_the_status_code_tells_whether_the_instance_lives(client: AsgiClient, host: FakeHost, status: str) -> None:
    host.put("a", status)
    target = f"{BASE}/instances/a?showInput=false"
    answer = client.get(target)
    assert answer.json["runtimeStatus"] == status
    if status in LIVE:
        assert answer.status == 202
        assert answer.headers["location"] == f"http://{HOST}{target}"
        assert answer.headers["retry-after"] == "5"
    else:
        assert answer.status == 200
        assert "location" not in answer.headers


def test_a_failed_instance_is_500_only_when_asked_for(client: AsgiClient, host: FakeHost) -> None:
    failure = FailureDetails(error_type="ValueError", error_message="boom")
    host.put("a", "Failed", output=payload.encode("it failed: boom"), failure=failure)
    assert client.get(f"{BASE}/instances/a").status == 200
    answer = client.get(f"{BASE}/instances/a?RETURNInternalServerErrorOnFailure=True")
    assert answer.status == 500
    assert answer.json["output"] == "it failed: boom"
    assert answer.json["failureDetails"] == {
        "errorType": "ValueError",
        "errorMessage": "boom",
        "stackTrace": None,
        "innerFailure": None,
        "isNonRetriable": False,
    }


def test_an_unknown_instance_is_404_without_a_body(client: AsgiClient) -> None:
    for method, target in (
        ("GET", "instances/x"),
        ("DELETE", "instances/x"),
        ("POST", "instances/x/terminate"),
        ("POST", "instances/x/suspend"),
        ("POST", "instances/x/resume"),
        ("POST", "instances/x/raiseEvent/go"),
        ("GET", "instances/@counter@a"),
    ):
        answer = client.ask(method, f"{BASE}/{target}")
        assert (answer.status, answer.body) == (404, b"")
        assert "content-type" not in answer.headers


def test_the_status_object_has_its_members_in_order(client: AsgiClient, host: FakeHost) -> None:
    host.put("a", "Completed", input=payload.encode({"n": [1, 2.5]}), output=payload.encode("Hi"))
    answer = client.get(f"{BASE}/instances/a")
    assert answer.body == (
        b'{"name":"hello","instanceId":"a","runtimeStatus":"Completed","input":{"n":[1,2.5]},"customStatus":null,'
        b'"output":"Hi","createdTime":"2026-01-05T10:00:00Z","lastUpdatedTime":"2026-01-05T10:00:00Z"}'
    )
    assert client.get(f"{BASE}/instances/a?showInput=false").json["input"] is None


def test_the_history_is_shown_when_asked_for_and_never_of_a_pending_instance(
    client: AsgiClient, host: FakeHost
) -> None:
    host.put("a", "Running")
    host.put("p", "Pending")
    started = h.ExecutionStarted(seq=1, event_id=-1, timestamp="t1", name="hello", execution_id="e1")
    host.histories["a"] = host.histories["p"] = [
        started,
        h.OrchestratorStarted(seq=2, event_id=-1, timestamp="t2", consumed=1),
        h.OrchestratorCompleted(seq=3, event_id=-1, timestamp="t3"),
    ]
    assert "historyEvents" not in client.get(f"{BASE}/instances/a").json
    shown = client.get(f"{BASE}/instances/a?showHistory=true").json["historyEvents"]
    assert [event["EventType"] for event in shown] == ["ExecutionStarted"]
    assert "historyEvents" not in client.get(f"{BASE}/instances/p?showHistory=true").json


@pytest.mark.parametrize("status", STATES)
def test_only_an_ended_instance_is_purged(client: AsgiClient, host: FakeHost, status: str) -> None:
    host.put("a", status)
    answer = client.delete(f"{BASE}/instances/a")
    if status in LIVE:
        assert answer.status == 412
        assert answer.json == (
            "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID a "
            f"has status {status}"
        )
    else:
        assert (answer.status, answer.json) == (200, {"instancesDeleted": 1})
        assert client.get(f"{BASE}/instances/a").status == 404


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("operation", ["terminate", "suspend", "resume", "raiseEvent/go"])
def test_operations_answer_by_state(client: AsgiClient, host: FakeHost, status: str, operation: str) -> None:
    host.put("a", status)
    answer = client.post(
        f"{BASE}/instances/a/{operation}?reason=be%20cause", "{}", headers={"Content-Type": "application/json"}
    )
    conflict = (operation == "suspend" and status == "Suspended") or (
        operation == "resume" and status in LIVE and status != "Suspended"
    )
    if status not in LIVE:
        assert (answer.status, answer.body) == (410, b"")
    elif conflict:
        assert answer.status == 409
        sentence = f"Cannot {operation} the orchestration instance a because instance is in the {status} state."
        assert answer.json["ExceptionMessage"] == sentence
    else:
        assert (answer.status, answer.body) == (202, b"")
        if operation in ("suspend", "resume"):
            assert host.told == [(operation, "a", "be cause")]


def test_raise_event_checks_state_then_media_type_then_body(client: AsgiClient, host: FakeHost) -> None:
    host.put("ended", "Completed")
    host.put("a", "Running")
    target = f"{BASE}/instances/a/raiseEvent/Approval"
    assert (
        client.post(f"{BASE}/instances/nobody/raiseEvent/x", "x", headers={"Content-Type": "text/plain"}).status == 404
    )
    assert (
        client.post(f"{BASE}/instances/ended/raiseEvent/x", "x", headers={"Content-Type": "text/plain"}).status == 410
    )
    answer = client.post(target, "true", headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.json["Message"]) == (400, "Only application/json request content is supported")
    answer = client.post(target, "{", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["Message"]) == (400, "Invalid JSON content")
    assert host.told == []
    answer = client.post(target, " true ", headers={"Content-Type": "APPLICATION/json; charset=utf-8"})
    assert (answer.status, answer.body) == (202, b"")
    client.post(target, "", headers={"Content-Type": "application/json", "Idempotency-Key": "k"})
    assert host.told == [("raise", "a", "Approval", "true", None), ("raise", "a", "Approval", None, "k")]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_a_wrong_method_is_404_everywhere(client: AsgiClient, host: FakeHost, method: str) -> None:
    host.put("a", "Running")
    for path in (
        "orchestrators/hello",
        "instances",
        "instances/a",
        "instances/a/terminate",
        "instances/a/raiseEvent/x",
    ):
        answer = client.ask(method, f"{BASE}/{path}")
        assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize(
    "path", ["", "instances/a/xyz", "instances/a/b/c/d", "entities/a/b/c", "nothing", "orchestrators"]
)
def test_an_unknown_path_is_404_without_a_body(client: AsgiClient, host: FakeHost, path: str) -> None:
    host.put("a", "Running")
    assert client.post(f"{BASE}/{path}").status == 404
    assert client.get(f"{BASE}/{path}").body == b""


def test_case_slashes_and_both_base_addresses(client: AsgiClient, host: FakeHost) -> None:
    host.put("Order", "Running")
    for base in (
        BASE,
        "/Runtime/WebHooks/DurableTask",
        "/admin/extensions/DurableTaskExtension",
        f"/rpc/{host.rpc_token}/durabletask",
    ):
        assert client.get(f"{base}/Instances/Order/").status == 202
        assert client.get(f"{base}/instances/order").status == 404
        assert client.post(f"{base}/instances/Order/TERMINATE/").status == 202
        host.put("Order", "Running")
    assert client.get("/rpc/another-token/durabletask/instances").status == 404
    assert client.get("/rpc//durabletask/instances").status == 404
    assert client.ask("PUT", f"{BASE}/makePrimary").status == 200


def test_the_task_hub_must_be_the_own_one(client: AsgiClient, host: FakeHost) -> None:
    host.put("a", "Running")
    assert client.get(f"{BASE}/instances/a?taskHub=DEFAULT&connection=Storage&code=x").status == 202
    assert client.get(f"{BASE}/instances/a?taskHub=%20").status == 202
    for method, path in (
        ("GET", "instances/a"),
        ("GET", "instances"),
        ("POST", "orchestrators/hello"),
        ("DELETE", "instances"),
    ):
        assert client.ask(method, f"{BASE}/{path}?TASKHUB=other").status == 404


def test_a_start_that_waits_answers_with_the_bare_output(host: FakeHost) -> None:
    client = AsgiClient(host)

    async def scenario() -> None:
        asking = asyncio.ensure_future(client.ask_async("POST", f"{BASE}/orchestrators/hello/a?timeout=60"))
        while "a" not in host.instances:
            await asyncio.sleep(0)
        host.end("a", payload.encode(["Hello", "World"]))
        answer = await asking
        assert (answer.status, answer.body) == (200, b'["Hello","World"]')

    asyncio.run(scenario())


def test_a_start_that_waits_in_vain_answers_with_the_addresses(client: AsgiClient) -> None:
    answer = client.post(f"{BASE}/orchestrators/hello?timeout=0.01&pollingInterval=0.001")
    assert answer.status == 202
    assert answer.json["statusQueryGetUri"]
    answer = client.post(f"{BASE}/orchestrators/hello?timeout=1&pollingInterval=2")
    assert answer.status == 400
    assert answer.json["ExceptionMessage"] == "Total timeout 1 should be bigger than retry timeout 2"
    for not_given in ("timeout=abc", "timeout=nan", "timeout=-1", "timeout=inf"):
        assert client.post(f"{BASE}/orchestrators/hello?{not_given}").status == 202


@pytest.mark.parametrize(("status", "code"), [("Terminated", 200), ("Failed", 200), ("Failed!", 500)])
def test_a_start_that_waits_for_another_end_answers_with_the_status(host: FakeHost, status: str, code: int) -> None:
    client = AsgiClient(host)
    flag = "&returnInternalServerErrorOnFailure=true" if "!" in status else ""

    async def scenario() -> None:
        asking = asyncio.ensure_future(client.ask_async("POST", f"{BASE}/orchestrators/hello/a?timeout=60{flag}"))
        while "a" not in host.instances:
            await asyncio.sleep(0)
        host.end("a", payload.encode("why"), status.strip("!"))
        answer = await asking
        assert answer.status == code
        assert json.loads(answer.body)["output"] == "why"

    asyncio.run(scenario())


def test_who_waits_when_the_host_stops_gets_the_addresses(host: FakeHost) -> None:
    client = AsgiClient(host)

    async def scenario() -> None:
        asking = asyncio.ensure_future(client.ask_async("POST", f"{BASE}/orchestrators/hello/a?timeout=60"))
        while "a" not in host.instances:
            await asyncio.sleep(0)
        client.service.stopping.set()
        assert (await asking).status == 202

    asyncio.run(scenario())
