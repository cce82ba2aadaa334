"""Each construct of Azure's SDK in an app of its style, behind a real host and driven over HTTP.

What the executor decides is compared with the vendor's own in `tests/conformance`: here is what a whole host shows.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.hosting import hosted
from tests.sample_apps.served import Served

APP = """
import json
from datetime import timedelta

from azure.durable_functions.models.Task import TaskState
from models import Order


@app.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext):
    value = context.get_input()
    for _ in range(3):
        value = yield context.call_activity("double", value)
    return value


@app.orchestration_trigger(context_name="context")
def fan(context):
    tasks = [context.call_activity(double, n) for n in range(100)]
    return sum((yield context.task_all(tasks)))


@app.orchestration_trigger(context_name="context")
def retried(context):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=10, max_number_of_attempts=3)
    found = yield context.call_activity_with_retry("flaky", options, context.instance_id)
    try:
        yield context.call_activity_with_retry("fails", options, "always")
    except Exception as error:
        reason, _, details = str(error).partition(" \\n ")
        return [found, reason, json.loads(details)]


@app.orchestration_trigger(context_name="context", orchestration="Parent")
def parent(context):
    named = yield context.call_sub_orchestrator("child", {"n": 1}, f"{context.instance_id}-child")
    by_object = yield context.call_sub_orchestrator(child, {"n": 2})
    try:
        yield context.call_sub_orchestrator("failing", "deep")
    except Exception as error:
        failed = str(error).partition(" \\n ")[0]
    return [named, by_object, failed]


@app.orchestration_trigger(context_name="context")
def child(context):
    return [context.get_input(), context.parent_instance_id, (yield context.call_activity("double", 4))]


@app.orchestration_trigger(context_name="context")
def failing(context):
    yield context.call_activity("fails", context.get_input())


@app.orchestration_trigger(context_name="context")
def with_entities(context):
    cart = df.EntityId("Cart", context.instance_id)
    context.signal_entity(cart, "add", 5)
    total = yield context.call_entity(cart, "add", 7)
    nothing = yield context.call_entity(cart, "nothing")
    try:
        yield context.call_entity(cart, "fail")
    except Exception as error:
        failed = str(error)
    after = yield context.call_entity(cart, "get")
    yield context.call_entity(cart, "clear")
    return [total, nothing, failed, after]


@app.orchestration_trigger(context_name="context")
def timers(context):
    deadline = context.current_utc_datetime + timedelta(milliseconds=30)
    naive = context.create_timer(deadline.replace(tzinfo=None))
    never = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([never, naive])
    never.cancel()
    assert naive.state is TaskState.SUCCEEDED and context.task_all([naive]).state == TaskState.SUCCEEDED
    return [winner is naive, naive.is_completed, never.is_cancelled, naive.state.name, never.state.name]


@app.orchestration_trigger(context_name="context")
def events(context):
    first = yield context.wait_for_external_event("Item")
    second = yield context.wait_for_external_event("Item")
    late = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    last = context.wait_for_external_event("Done")
    winner = yield context.task_any([late, last])
    late.cancel()
    return [first, second, winner.result]


@app.orchestration_trigger(context_name="context")
def again(context):
    state = context.get_input()
    context.set_custom_status({"round": state["n"]})
    item = yield context.wait_for_external_event("Item")
    state["items"].append(item)
    if len(state["items"]) < 3:
        context.continue_as_new({"n": state["n"] + 1, "items": state["items"]})
        return
    return state


@app.orchestration_trigger(context_name="context")
def too_much_status(context):
    context.set_custom_status("x" * 9000)
    yield context.call_activity("double", 1)


@app.orchestration_trigger(context_name="context")
def calls_http(context):
    url = context.get_input()
    plain = yield context.call_http("GET", url + "/plain")
    posted = yield context.call_http("POST", url + "/echo", {"a": 1}, headers={"X-Kind": "test"})
    raw = yield context.call_http("POST", url + "/echo", "as it is", is_raw_str=True)
    polled = yield context.call_http("GET", url + "/accepted")
    missing = yield context.call_http("GET", url + "/missing")
    answers = [json.loads(posted["content"]), raw["content"], polled["content"], missing["statusCode"]]
    return [type(plain) is dict, plain["content"], *answers]


@app.orchestration_trigger(context_name="context")
def calls_nobody(context):
    try:
        yield context.call_http("GET", "http://127.0.0.1:9/")
    except Exception as error:
        return str(error)[:300]


@app.orchestration_trigger(context_name="context", input_type=Order)
def classes(context):
    order = context.get_input()
    more = yield context.call_activity("add_one", order)
    stored = yield context.call_entity(df.EntityId("Cart", "orders"), "keep", more)
    context.set_custom_status(stored)
    return [type(order).__name__, type(more).__name__, more.count, type(stored).__name__, stored.count]


@app.orchestration_trigger(context_name="context")
def unwritable(context):
    yield context.call_activity("double", 1)
    return {1, 2}


@app.orchestration_trigger(context_name="context")
def exits(context):
    try:
        yield context.call_activity("leaves", 1)
    except Exception as error:
        return str(error).partition(" \\n ")[0]


@app.orchestration_trigger(context_name="context")
def unknown(context):
    yield context.call_activity("nobody", 1)


@app.orchestration_trigger(context_name="context")
def about(context):
    first = [context.version, context.current_utc_datetime.utcoffset().total_seconds(), context.is_replaying]
    yield context.call_activity("double", 1)
    nothing = yield context.task_all([])
    return [*first, nothing, context.new_uuid() == context.new_uuid(), context.will_continue_as_new]


@app.activity_trigger(input_name="value")
def double(value: int) -> int:
    return value * 2


@app.activity_trigger(input_name="order")
async def add_one(order: Order) -> Order:
    order.count += 1
    return order


@app.activity_trigger(input_name="key")
def flaky(key: str) -> str:
    CALLS[key] = CALLS.get(key, 0) + 1
    if CALLS[key] < 3:
        raise ValueError(f"call {CALLS[key]}")
    return f"call {CALLS[key]}"


@app.activity_trigger(input_name="value")
def fails(value: str):
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise ValueError(f"no: {value}") from error


@app.activity_trigger(input_name="value")
def leaves(value):
    raise SystemExit(3)


CALLS = {}


@app.entity_trigger(context_name="context", entity_name="Cart")
def cart(context: df.DurableEntityContext):
    state = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            state += context.get_input()
            context.set_state(state)
            context.set_result(state)
        case "get":
            context.set_result(state)
        case "nothing":
            context.set_result(context.get_input())
        case "keep":
            context.set_state(context.get_input())
            context.set_result(context.get_state())
        case "clear":
            context.destruct_on_exit()
        case "fail":
            context.set_state(999)
            raise RuntimeError("the cart said no")
"""
MODELS = """
    class Order:
        def __init__(self, count):
            self.count = count

        @staticmethod
        def to_json(order):
            return {"count": order.count}

        @staticmethod
        def from_json(data):
            return Order(data["count"])
"""


class Server(http.server.ThreadingHTTPServer):
    """What durable HTTP calls reach."""

    asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/accepted" and self.server.asked < 2:
            self.server.asked += 1
            self._answer(202, b"", Location="/accepted", **{"Retry-After": "0"})
        elif self.path == "/missing":
            self._answer(404, b"")
        else:
            self._answer(200, b"plain")

    def do_POST(self) -> None:
        self._answer(200, self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with hosted(tmp_path_factory.mktemp("app"), APP, {"models.py": MODELS}) as host:
        yield host


def run(host: Served, name: str, payload: Any = None, *events: tuple[str, Any]) -> dict[str, Any]:
    """Start, raise the events, and the status at the end."""
    links = host.start(name, payload)
    for event, value in events:
        host.request("POST", links["sendEventPostUri"].replace("{eventName}", event), value)
    status = ended(host, links)
    assert isinstance(status, dict)
    return status


def ended(host: Served, links: dict[str, str]) -> Any:
    while (status := host.request("GET", links["statusQueryGetUri"]))["runtimeStatus"] in ("Pending", "Running"):
        pass
    return status


def test_calls_one_after_the_other_and_a_hundred_at_once(host: Served) -> None:
    assert run(host, "chain", 5)["output"] == 40
    assert run(host, "fan")["output"] == 9900


def test_retries_end_with_the_vendors_text_and_details_that_can_be_parsed(host: Served) -> None:
    found, reason, details = run(host, "retried")["output"]
    assert found == "call 3"
    assert reason == "Activity function 'fails' failed:  ValueError: no: always"
    assert (details["ClassName"], details["Message"]) == ("ValueError", "no: always")
    assert "function_app.py" in details["StackTrace"]
    assert details["InnerException"]["ClassName"] == "ZeroDivisionError"
    assert details["InnerException"]["InnerException"] is None


def test_sub_orchestrations_by_name_by_object_and_failing(host: Served) -> None:
    status = run(host, "parent")
    named, by_object, failed = status["output"]
    assert named == [{"n": 1}, status["instanceId"], 8]
    assert by_object == [{"n": 2}, status["instanceId"], 8]
    assert failed.startswith(
        "Orchestrator function 'failing' failed: Activity function 'fails' failed:  ValueError: no: deep"
    )
    theirs = f"{host.url}/runtime/webhooks/durabletask/instances/{status['instanceId']}-child"
    assert host.request("GET", theirs)["output"] == named


def test_entities_are_called_and_signalled_and_a_failed_operation_changes_nothing(host: Served) -> None:
    assert run(host, "with_entities")["output"] == [12, None, "the cart said no", 12]


def test_timers_and_the_attributes_of_their_tasks(host: Served) -> None:
    assert run(host, "timers")["output"] == [True, True, True, "SUCCEEDED", "FAILED"]


def test_events_arrive_in_order_in_any_case_with_their_values(host: Served) -> None:
    status = run(host, "events", None, ("item", {"n": 1}), ("ITEM", [2]), ("done", None))
    assert status["output"] == [{"n": 1}, [2], None]


def test_continue_as_new_loses_no_event_and_keeps_the_custom_status(host: Served) -> None:
    status = run(host, "again", {"n": 0, "items": []}, *(("Item", n) for n in range(3)))
    assert status["output"] == {"n": 2, "items": [0, 1, 2]}
    assert status["customStatus"] == {"round": 2}


def test_a_custom_status_beyond_its_limit_fails_the_instance_in_the_vendors_words(host: Served) -> None:
    status = run(host, "too_much_status")
    assert status["runtimeStatus"] == "Failed"
    assert "UTF-16 size of the JSON-serialized payload must not exceed 16 KB" in status["output"]


def test_durable_http_calls_give_dicts_and_follow_what_was_accepted(host: Served, server: str) -> None:
    assert run(host, "calls_http", server)["output"] == [True, "plain", {"a": 1}, "as it is", "plain", 404]
    assert "the request could not be sent: ConnectionRefused" in run(host, "calls_nobody")["output"]


def test_classes_of_the_app_travel_as_themselves(host: Served) -> None:
    order = {"__class__": "Order", "__module__": "models", "__data__": {"count": 1}}
    status = run(host, "classes", order)
    assert status["output"] == ["Order", "Order", 2, "Order", 2]
    assert status["customStatus"] == order | {"__data__": {"count": 2}}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("unwritable", "Orchestrator function 'unwritable' failed: "),
        ("failing", "Orchestrator function 'failing' failed: Activity function 'fails' failed:  ValueError: no: None"),
        ("unknown", "The function 'nobody' doesn't exist, is disabled, or is not an activity function."),
    ],
)
def test_a_failed_instance_says_why(host: Served, name: str, told: str) -> None:
    status = run(host, name)
    assert status["runtimeStatus"] == "Failed"
    assert told in status["output"]


def test_an_activity_that_leaves_the_process_fails_alone(host: Served) -> None:
    assert run(host, "exits")["output"] == "Activity function 'leaves' failed:  SystemExit: 3"
    assert run(host, "chain", 1)["output"] == 8


def test_what_the_context_tells_of_itself(host: Served) -> None:
    assert run(host, "about")["output"] == [None, 0.0, False, None, False, False]


def test_an_unknown_orchestrator_is_refused_with_those_that_are_known(host: Served) -> None:
    import urllib.error

    with pytest.raises(urllib.error.HTTPError) as refused:
        host.request("POST", f"{host.url}/runtime/webhooks/durabletask/orchestrators/nobody", 1)
    with refused.value as answer:
        assert answer.code == 400
        assert "'chain'" in json.loads(answer.read())["ExceptionMessage"]
