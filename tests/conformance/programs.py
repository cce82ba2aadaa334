"""Orchestrations that mean the same to Durable Functions' SDK and to ours, with what happens to them from outside.

Each is written against a module `df`, either `azure.durable_functions` or `dfcli`, and yields each call at once: both
then schedule alike. Nothing here imports either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

Gen = Generator[Any, Any, Any]
INSTANCE = "i1"


@dataclass(frozen=True)
class Step:
    """What a client does to the instance, `at` seconds after the start: raise, suspend, resume or terminate."""

    at: float
    verb: str
    text: str = ""
    """The event's name, or the reason."""
    value: Any = None


@dataclass(frozen=True)
class Scenario:
    """The orchestrator `start` is started with `input`; all functions of this module are there for it to call."""

    name: str
    start: str
    input: Any = None
    script: tuple[Step, ...] = ()
    version: str | None = None


class Activities:
    """The activities, new for each run because some of them count their calls."""

    def __init__(self) -> None:
        self.calls = 0

    def say(self, city: str) -> str:
        return f"Hello {city}"

    def square(self, number: int) -> int:
        return number * number

    def flaky(self, failures: int) -> str:
        self.calls += 1
        if self.calls <= failures:
            raise ValueError(f"failure {self.calls}")
        return f"succeeded at call {self.calls}"

    def boom(self, text: str) -> None:
        raise ValueError(text)

    def undo(self, what: Any) -> Any:
        return {"undone": what}

    def functions(self) -> dict[str, Callable[[Any], Any]]:
        return {name: getattr(self, name) for name in ("say", "square", "flaky", "boom", "undo")}


def orchestrators(df: Any) -> dict[str, Callable[[Any], Any]]:
    """Name → orchestrator, written with the names of the SDK that is handed in."""

    def chaining(context: Any) -> Gen:
        greetings = []
        for city in context.get_input():
            greetings.append((yield context.call_activity("say", city)))
        return greetings

    def plain(context: Any) -> Any:
        return {"input": context.get_input()}

    def fan_out(context: Any) -> Gen:
        squares = yield context.task_all([context.call_activity("square", n) for n in range(context.get_input())])
        return sum(squares)

    def first_of_three(context: Any) -> Gen:
        tasks = [context.call_activity("say", city) for city in ("Tokyo", "Seattle", "Paris")]
        winner = yield context.task_any(tasks)
        return winner.result

    def race(context: Any) -> Gen:
        timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
        approval = context.wait_for_external_event("Approval")
        winner = yield context.task_any([timer, approval])
        if winner == timer:
            return "too late"
        timer.cancel()
        return {"approved": approval.result}

    def retries(context: Any) -> Gen:
        result = yield context.call_activity_with_retry("flaky", df.RetryOptions(5_000, 3), context.get_input())
        greeting = yield context.call_activity("say", "after")
        return [result, greeting]

    def gives_up(context: Any) -> Gen:
        try:
            yield context.call_activity_with_retry("flaky", df.RetryOptions(5_000, 3), context.get_input())
        except Exception:
            return (yield context.call_activity("undo", "all of it"))

    def parent(context: Any) -> Gen:
        first = yield context.call_sub_orchestrator("child", context.get_input())
        second = yield context.call_sub_orchestrator("child", context.get_input() + 1, "named-child")
        return [first, second]

    def child(context: Any) -> Gen:
        return (yield context.call_activity("square", context.get_input()))

    def wide(context: Any) -> Gen:
        return (yield context.task_all([context.call_sub_orchestrator("child", n) for n in range(3)]))

    def parent_of_failing(context: Any) -> Gen:
        try:
            yield context.call_sub_orchestrator("failing", "the child")
        except Exception:
            return (yield context.call_activity("undo", "the child"))

    def failing(context: Any) -> Gen:
        yield context.call_activity("boom", context.get_input())

    def retried_child(context: Any) -> Gen:
        options = df.RetryOptions(1_000, 2)
        return (yield context.call_sub_orchestrator_with_retry("flaky_child", options, context.get_input()))

    def flaky_child(context: Any) -> Gen:
        return (yield context.call_activity("flaky", context.get_input()))

    def timers(context: Any) -> Gen:
        began = context.current_utc_datetime
        yield context.create_timer(began + timedelta(days=30))
        yield context.create_timer(began)
        return (context.current_utc_datetime - began).days

    def three_events(context: Any) -> Gen:
        items = []
        for _ in range(3):
            items.append((yield context.wait_for_external_event("Item")))
        return items

    def event_before_wait(context: Any) -> Gen:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
        return (yield context.wait_for_external_event("Go"))

    def counts(context: Any) -> Gen:
        count = context.get_input()
        context.set_custom_status({"count": count})
        yield context.call_activity("square", count)
        if count < 2:
            context.continue_as_new(count + 1)
            return None
        return count

    def shows_status(context: Any) -> Gen:
        context.set_custom_status({"done": 0})
        yield context.call_activity("say", "Tokyo")
        context.set_custom_status({"done": 1})
        return (yield context.wait_for_external_event("Go"))

    def waits(context: Any) -> Gen:
        word = yield context.wait_for_external_event("Word")
        return (yield context.call_activity("say", word))

    def http_calls(context: Any) -> Gen:
        greeting = yield context.call_http("GET", "http://server.test/greeting")
        order = yield context.call_http("POST", "http://server.test/orders", {"order": 7}, {"X-Kind": "test"})
        return [greeting["statusCode"], greeting["content"], order["statusCode"], order["headers"]["X-Method"]]

    def versioned(context: Any) -> Gen:
        theirs = yield context.call_sub_orchestrator("says_version", None, "the-child", "3.1")
        return [context.version, theirs]

    def says_version(context: Any) -> Gen:
        yield context.call_activity("say", context.version)
        return context.version

    def signals_and_calls(context: Any) -> Gen:
        counter = df.EntityId("Counter", "a")
        context.signal_entity(counter, "add", 5)
        context.signal_entity(counter, "add", 37)
        return (yield context.call_entity(counter, "get"))

    def calls_two(context: Any) -> Gen:
        counters = [df.EntityId("counter", key) for key in ("a", "b")]
        yield context.task_all([context.call_entity(counter, "add", n) for n, counter in enumerate(counters, 1)])
        values = []
        for counter in counters:
            values.append((yield context.call_entity(counter, "get")))
        return values

    def failed_operation(context: Any) -> Gen:
        counter = df.EntityId("counter", "a")
        yield context.call_entity(counter, "add", 6)
        try:
            yield context.call_entity(counter, "divide", 0)
        except Exception:
            yield context.call_activity("undo", "the division")
        return (yield context.call_entity(counter, "get"))

    found: list[Callable[[Any], Any]] = [
        *(chaining, plain, fan_out, first_of_three, race, retries, gives_up, parent, child, wide, parent_of_failing),
        *(failing, retried_child, flaky_child, timers, three_events, event_before_wait, counts, shows_status, waits),
        *(signals_and_calls, calls_two, failed_operation, versioned, says_version, http_calls),
    ]
    return {function.__name__: function for function in found}


def respond(method: str, uri: str, content: str | None) -> dict[str, Any]:
    """The server that HTTP calls reach."""
    if uri.endswith("/greeting"):
        return {"statusCode": 200, "headers": {"X-Method": method}, "content": "hello"}
    assert json.loads(content or "") == {"order": 7}
    return {"statusCode": 404, "headers": {"X-Method": method}, "content": ""}


def entities() -> dict[str, Callable[[Any], None]]:
    """Name → entity, in the function style that both have."""

    def counter(context: Any) -> None:
        value = context.get_state(lambda: 0)
        match context.operation_name:
            case "add":
                value += context.get_input()
                context.set_state(value)
                context.set_result(None)
            case "get":
                context.set_result(value)
            case _:
                context.set_result(value // context.get_input())

    return {"counter": counter}


SCENARIOS = [
    Scenario("chaining", "chaining", ["Tokyo", "Seattle", "Paris"]),
    Scenario("no_yield", "plain", {"a": [1, None, "ü"]}),
    Scenario("fan_out", "fan_out", 4),
    Scenario("any_of_three", "first_of_three"),
    Scenario("race_event_wins", "race", script=(Step(60, "raise", "Approval", True),)),
    Scenario("race_timer_wins", "race"),
    Scenario("retry_succeeds", "retries", 2),
    Scenario("retry_exhausted", "retries", 9),
    Scenario("retry_exhausted_and_caught", "gives_up", 9),
    Scenario("sub_orchestrations", "parent", 3),
    Scenario("sub_orchestrations_at_once", "wide"),
    Scenario("sub_orchestration_fails", "parent_of_failing"),
    Scenario("sub_orchestration_retried", "retried_child", 1),
    Scenario("activity_fails", "failing", "no luck"),
    Scenario("timers", "timers"),
    Scenario("events_in_order", "three_events", script=tuple(Step(n, "raise", "Item", n) for n in (1, 2, 3))),
    Scenario("event_before_wait", "event_before_wait", script=(Step(5, "raise", "Go", {"now": True}),)),
    Scenario("continue_as_new", "counts", 0),
    Scenario("custom_status", "shows_status", script=(Step(5, "raise", "Go"),)),
    Scenario(
        "suspended",
        "waits",
        script=(Step(1, "suspend", "hold"), Step(2, "raise", "Word", "Tokyo"), Step(3, "resume", "go on")),
    ),
    Scenario("http_calls", "http_calls"),
    Scenario("versions", "versioned", version="2.0"),
    Scenario("entity_signals_and_call", "signals_and_calls"),
    Scenario("entity_calls_at_once", "calls_two"),
    Scenario("entity_operation_fails", "failed_operation"),
    Scenario("terminated", "waits", script=(Step(1, "terminate", "no longer needed"),)),
]
