"""What docs/azure.md says of Azure is what its own SDK does, as far as the SDK decides it.

What the host decides (DFA106, DFA107, DFA127, DFA128, DFA136) or the worker that loads functions (DFA115, DFA116,
DFA117, DFA121) is not installed here.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions.models.DurableEntityContext import DurableEntityContext

from dfcli.compat.leniency import LENIENCIES

Event = dict[str, Any]
COUNTER = df.EntityId("counter", "a")
START = "2026-01-05T10:00:00.000000Z"


def event(kind: int, **members: Any) -> Event:
    return {"EventType": kind, "EventId": -1, "IsPlayed": False, "Timestamp": START, **members}


def raised(name: str, value: str) -> Event:
    return event(15, Name=name, Input=json.dumps(value))


STARTED = [event(12), event(0, Name="o", Version=None, Input=None)]
NEXT = [event(13), event(12)]
DONE = [*NEXT, event(5, TaskScheduledId=0, Result="1")]


def decided(orchestrator: Callable[[Any], Any], events: list[Event] = [], client_input: Any = None) -> dict[str, Any]:  # noqa: B006
    """What the SDK answers for a history: actions, output, whether it is done; `error` when it raised."""
    body = {
        "history": [*STARTED, *events],
        "input": client_input,
        "instanceId": "a",
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "maximumShortTimerDuration": "6.00:00:00",
        "longRunningTimerIntervalDuration": "3.00:00:00",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer: dict[str, Any] = json.loads(df.Orchestrator.create(orchestrator)(json.dumps(body)))
        except Exception as error:
            return {"error": str(error).partition("\n\n$OutOfProcData$")[0], "isDone": False, "actions": [[]]}
    return answer


def entity_did(entity: Callable[[Any], Any], *operations: Event, state: str | None = None) -> dict[str, Any]:
    body = {"self": {"name": "counter", "key": "a"}, "exists": state is not None, "state": state, "batch": operations}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's advice on types, once in a process
        answer: dict[str, Any] = json.loads(df.Entity.create(entity)(json.dumps(body)))
    return answer


def operation(name: str, value: Any = None) -> Event:
    return {"name": name, "input": json.dumps(json.dumps(value)) if value is not None else None, "isSignal": False}


def of_one_yield(what: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def orchestrator(context: Any) -> Any:
        return (yield what(context))

    return orchestrator


def error_of(orchestrator: Callable[[Any], Any], events: list[Event] = [], client_input: Any = None) -> str:  # noqa: B006
    return str(decided(orchestrator, events, client_input).get("error", ""))


class Thing:
    @staticmethod
    def to_json(_: Thing) -> int:
        return 1


def plain_client() -> str:
    app = df.DFApp()

    @app.route(route="x")
    @app.durable_client_input(client_name="client")
    def start(req: Any, client: Any) -> str:
        return "x"

    binding = json.dumps({"taskHubName": "h", "creationUrls": {}, "managementUrls": {}, "rpcBaseUrl": "http://x/"})
    with pytest.raises(TypeError) as failed:
        asyncio.run(start._function._func(req=None, client=binding))
    return str(failed.value)


def test_dfa101_what_a_plain_client_function_returns_is_awaited() -> None:
    assert "can't be used in 'await' expression" in plain_client()


def test_dfa102_the_wrappers_have_a_parameter_named_context_alone() -> None:
    for wrapper in (df.Orchestrator.create(lambda _: 1), df.Entity.create(lambda _: None)):
        assert list(inspect.signature(wrapper).parameters) == ["context"]


def test_dfa103_what_an_async_function_returns_is_no_output() -> None:
    async def orchestrator(context: Any) -> int:
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "coroutine is not JSON serializable" in error_of(orchestrator)
        gc.collect()  # the coroutine that was never awaited says so here, and not in another test

    async def entity(context: Any) -> None:
        context.set_state(1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert entity_did(entity, operation("x"))["entityExists"] is False
        gc.collect()


def test_dfa104_a_decorated_object_is_called_by_the_name_in_python() -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="city", activity="Greet")
    def hello(city: str) -> str:
        return city

    (action,) = decided(of_one_yield(lambda c: c.call_activity(hello, "x")))["actions"][0]
    assert action["functionName"] == "hello"


def test_dfa105_an_object_is_no_output() -> None:
    assert "not JSON serializable" in error_of(lambda _: Thing())


@pytest.mark.parametrize("status", [0, "", False, [], {}])
def test_dfa108_a_falsy_status_is_not_sent(status: Any) -> None:
    assert "customStatus" not in decided(lambda context: context.set_custom_status(status))
    assert "customStatus" in decided(lambda context: context.set_custom_status("x"))


def test_dfa109_a_timedelta_is_refused() -> None:
    assert "'>' not supported" in error_of(of_one_yield(lambda c: c.create_timer(timedelta(1))))


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.lock_entities([COUNTER]),
        lambda c: c.create_replay_safe_logger(None),
        lambda c: c.signal_entity(COUNTER, "x", 1, signal_time=None),
        lambda c: c.call_http("GET", "http://x", timeout=1),
        lambda c: c.call_http("GET", "http://x", retry_options=None),
    ],
)
def test_dfa111_what_the_context_does_not_have(ask: Callable[[Any], Any]) -> None:
    error = error_of(of_one_yield(ask))
    assert "has no attribute" in error or "unexpected keyword argument" in error


def test_dfa112_an_operation_without_an_input_has_none_to_get() -> None:
    (result,) = entity_did(lambda context: context.get_input(), operation("x"))["results"]
    assert result["isError"] is True
    assert "must be str" in result["result"]


def test_dfa113_a_failed_operation_leaves_its_state() -> None:
    def entity(context: Any) -> None:
        context.set_state(7)
        raise ValueError("after it was set")

    answer = entity_did(entity, operation("x"), state="1")
    assert answer["results"][0]["isError"] is True
    assert answer["entityState"] == "7"


def test_dfa114_the_last_wait_is_served_first() -> None:
    def orchestrator(context: Any) -> Any:
        first, second = context.wait_for_external_event("x"), context.wait_for_external_event("x")
        yield context.task_any([first, second])
        return [first.result, second.result]

    assert decided(orchestrator, [raised("x", "the only one")])["output"] == [None, "the only one"]


@pytest.mark.parametrize("member", ["get_result", "get_exception", "is_complete", "is_failed", "is_faulted"])
def test_dfa118_what_tasks_do_not_have(member: str) -> None:
    assert "has no attribute" in error_of(lambda context: getattr(context.call_activity("x"), member))


@pytest.mark.parametrize("member", ["error_type", "error_message", "stack_trace", "task_name", "failure_details"])
def test_dfa119_what_failures_do_not_have(member: str) -> None:
    def orchestrator(context: Any) -> Any:
        try:
            yield context.call_activity("x")
        except Exception as error:
            return hasattr(error, member)

    failed = event(6, TaskScheduledId=0, Reason="no", Details="none")
    assert decided(orchestrator, [*NEXT, failed])["output"] is False


@pytest.mark.parametrize(
    "member", ["signal_entity", "start_new", "schedule_new_orchestration", "state_as", "entity_id", "operation"]
)
def test_dfa120_what_the_context_of_entities_does_not_have(member: str) -> None:
    assert not hasattr(DurableEntityContext("counter", "a", False, None), member)


def test_dfa122_what_an_entity_returns_is_ignored() -> None:
    (result,) = entity_did(lambda _: 7, operation("x", 1))["results"]
    assert result["result"] == "null"


def test_dfa124_a_naive_time_is_refused() -> None:
    timer = of_one_yield(lambda c: c.create_timer(datetime(2030, 1, 1)))  # noqa: DTZ001
    assert "offset-naive and offset-aware" in error_of(timer)


def test_dfa125_the_last_early_event_goes_to_every_later_wait() -> None:
    def orchestrator(context: Any) -> Any:
        yield context.call_activity("x")
        got = []
        for _ in range(3):
            got.append((yield context.wait_for_external_event("x")))
        return got

    early = [*NEXT, raised("x", "first"), raised("x", "last")]
    answer = decided(orchestrator, [*early, event(5, TaskScheduledId=0, Result="1")])
    assert answer["output"] == ["last", "last", "last"]


def test_dfa126_an_event_in_another_case_is_not_found() -> None:
    waits = of_one_yield(lambda c: c.wait_for_external_event("Approval"))
    assert decided(waits, [raised("approval", "yes")])["isDone"] is False
    assert decided(waits, [raised("Approval", "yes")])["output"] == "yes"


def test_dfa129_a_part_of_a_long_timer_stays_when_it_is_cancelled() -> None:
    def orchestrator(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(days=10))
        yield context.task_any([timer, context.call_activity("x")])
        timer.cancel()

    answer = decided(orchestrator, [*NEXT, event(5, TaskScheduledId=1, Result="1")])
    assert answer["isDone"] is True
    assert '"isCanceled": false' in json.dumps(answer["actions"])
    assert '"isCanceled": true' not in json.dumps(answer["actions"])


def test_dfa130_an_iterator_is_refused() -> None:
    assert "has no len()" in error_of(of_one_yield(lambda c: c.task_all(c.call_activity("x") for _ in range(2))))


def test_dfa131_the_first_of_two_compounds_never_completes() -> None:
    def orchestrator(context: Any) -> Any:
        calls = [context.call_activity("x"), context.call_activity("x")]
        first, both = context.task_any(calls), context.task_all(calls)
        yield first
        return (yield both)

    answers = [event(5, TaskScheduledId=n, Result="1") for n in range(2)]
    assert decided(orchestrator, [*NEXT, *answers])["isDone"] is False


def test_dfa132_a_failed_all_within_another_completes_twice() -> None:
    def orchestrator(context: Any) -> Any:
        parts = context.task_all([context.call_activity("x"), context.call_activity("y")])
        try:
            yield context.task_all([parts, context.call_activity("z")])
        except Exception:
            yield context.call_activity("cleanup")

    failed = event(6, TaskScheduledId=0, Reason="no", Details="none")
    assert "completed twice" in error_of(orchestrator, [*NEXT, failed, event(5, TaskScheduledId=1, Result="1")])


def test_dfa133_an_entity_is_not_named_by_text() -> None:
    assert "has no attribute 'name'" in error_of(of_one_yield(lambda c: c.call_entity("@counter@a", "get")))
    assert "has no attribute 'name'" in error_of(lambda c: c.signal_entity("@counter@a", "get"))


def test_dfa134_continue_as_new_asks_for_an_input() -> None:
    assert "missing 1 required positional argument" in error_of(lambda context: context.continue_as_new())


@pytest.mark.parametrize("given", [[1], 3, True, "Rome"])
def test_dfa135_an_input_from_elsewhere_is_an_object(given: Any) -> None:
    assert error_of(lambda context: context.get_input(), client_input=given)


def test_dfa135_text_is_read_as_json() -> None:
    assert decided(lambda context: context.get_input(), client_input="[1]")["output"] == [1]
    assert decided(lambda context: context.get_input(), client_input={"a": 1})["output"] == {"a": 1}


def test_dfa137_a_signal_that_is_yielded_is_sent_twice_and_never_over() -> None:
    signals = of_one_yield(lambda c: c.signal_entity(COUNTER, "add", 1))
    answer = decided(signals, [event(14, EventId=0, Name="op", Input="{}", InstanceId="@counter@a"), *NEXT])
    assert [action["operation"] for action in answer["actions"][0]] == ["add", "add"]
    assert answer["isDone"] is False


def test_dfa138_what_a_new_entity_begins_with_is_made_by_a_function() -> None:
    def entity(context: Any) -> None:
        context.set_result(context.get_state({"n": 0} if context.operation_name == "raises" else 0))

    raises, gives = entity_did(entity, operation("raises"), operation("gives"))["results"]
    assert raises["isError"] is True
    assert gives["result"] == "null"


def test_what_is_not_shown_here_is_said() -> None:
    shown = {name.split("_")[1].upper() for name in globals() if name.startswith("test_dfa")}
    missing = {code for code in LENIENCIES if code not in shown and code not in (__doc__ or "")}
    assert missing == {"DFA110", "DFA123"}  # dfcli is not there
