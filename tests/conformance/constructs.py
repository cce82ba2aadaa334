"""Orchestrators that differ in structure: constructs times outcomes, in the vendor's style.

Each is started once. What happens to it from outside is its script; everything else follows from its activities: `ok`
answers with its input, `slow` after that many seconds, `fails` raises, `flaky` fails so often and then succeeds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from tests.conformance.programs import Step

Gen = Generator[Any, Any, Any]
RETRY = df.RetryOptions(1_000, 3)


@dataclass(frozen=True)
class Construct:
    """An orchestrator, what it is started with, and what a client does meanwhile."""

    orchestrator: Callable[[Any], Any]
    input: Any = None
    script: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        return self.orchestrator.__name__


TABLE: list[Construct] = []
CALLED: dict[str, Callable[[Any], Any]] = {}
"""Orchestrators that others call."""


def construct(*script: Step, input: Any = None) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def add(orchestrator: Callable[[Any], Any]) -> Callable[[Any], Any]:
        TABLE.append(Construct(orchestrator, input, script))
        return orchestrator

    return add


def called(orchestrator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CALLED[orchestrator.__name__] = orchestrator
    return orchestrator


class Point:
    """A class of the app's own, as Durable Functions' documentation writes them."""

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y

    @staticmethod
    def to_json(point: Point) -> dict[str, int]:
        return {"x": point.x, "y": point.y}

    @staticmethod
    def from_json(data: dict[str, int]) -> Point:
        return Point(data["x"], data["y"])


def activities() -> dict[str, Callable[..., Any]]:
    """New for each run: `flaky` counts its calls by its input's key."""
    calls: Counter[str] = Counter()

    async def slow(value: Any) -> Any:
        await asyncio.sleep(value)
        return value

    async def slowly_fails(value: Any) -> Any:
        await asyncio.sleep(value)
        raise KeyError(value)

    def ok(value: Any) -> Any:
        return value

    def fails(value: Any) -> Any:
        raise ValueError(f"no: {value}")

    def fails_with_a_cause(value: Any) -> Any:
        try:
            return 1 // 0
        except ZeroDivisionError as error:
            raise RuntimeError(f"could not: {value}") from error

    def flaky(value: dict[str, Any]) -> Any:
        calls[value["key"]] += 1
        if calls[value["key"]] <= value["failures"]:
            raise ValueError(f"failure {calls[value['key']]}")
        return f"succeeded at call {calls[value['key']]}"

    def moved(value: Point) -> Point:
        return Point(value.x + 1, value.y + 1)

    def unwritable(value: Any) -> Any:
        return {1, 2, 3}

    return {
        function.__name__: function
        for function in (slow, slowly_fails, ok, fails, fails_with_a_cause, flaky, moved, unwritable)
    }


def entities() -> dict[str, Callable[[Any], None]]:
    def counter(context: Any) -> None:
        total = context.get_state(lambda: 0)
        if context.operation_name == "add":
            total += context.get_input()
            context.set_state(total)
        elif context.operation_name == "fail":
            raise ValueError("the entity said no")
        context.set_result(total)

    return {"counter": counter}


COUNTER = df.EntityId("counter", "a")


def text(error: BaseException) -> str:
    """The first line of a failure: what follows are details."""
    return str(error).split("\n")[0]


@called
def child(context: Any) -> Gen:
    return (yield context.call_activity("ok", {"child of": context.parent_instance_id is not None}))


@called
def failing_child(context: Any) -> Gen:
    yield context.call_activity("fails", context.get_input())


@called
def flaky_child(context: Any) -> Gen:
    return (yield context.call_activity("flaky", context.get_input()))


@called
def plain_child(context: Any) -> Any:
    return context.get_input()


@called
def waiting_child(context: Any) -> Gen:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    return "waited"


# -- one after the other -----------------------------------------------------------------------------------------------


@construct(input={"list": [1, None, "ü", 1.5, True]})
def plain_function(context: Any) -> Any:
    return context.get_input()


@construct()
def returns_nothing(context: Any) -> Gen:
    yield context.call_activity("ok", 1)


@construct(input=[1, 2, 3])
def chain(context: Any) -> Gen:
    found = []
    for value in context.get_input():
        found.append((yield context.call_activity("ok", value)))
    return found


@construct()
def passes_results_on(context: Any) -> Gen:
    first = yield context.call_activity("ok", {"a": 1})
    second = yield context.call_activity("ok", [first, first])
    return (yield context.call_activity("ok", second[0]["a"]))


@construct()
def inputs_of_every_kind(context: Any) -> Gen:
    found = []
    for value in (None, 0, "", "text", '{"a": 1}', [], {}, 1.25, True, {"n": {"e": ["s", "t"]}}, "ü😀"):
        found.append((yield context.call_activity("ok", value)))
    return found


@construct()
def without_an_input(context: Any) -> Gen:
    return (yield context.call_activity("ok"))


@construct()
def helper_generators(context: Any) -> Gen:
    def twice(value: int) -> Gen:
        first = yield context.call_activity("ok", value)
        second = yield context.call_activity("ok", value + 1)
        return first + second

    return [(yield from twice(1)), (yield from twice(10))]


@construct()
def loops_until(context: Any) -> Gen:
    total = 0
    while total < 10:
        total += yield context.call_activity("ok", 3)
    return total


# -- when a call is scheduled ------------------------------------------------------------------------------------------


@construct()
def yields_in_another_order(context: Any) -> Gen:
    a = context.call_activity("ok", "a")
    b = context.call_activity("ok", "b")
    second = yield b
    first = yield a
    return [first, second]


@construct()
def never_yields_some(context: Any) -> Gen:
    context.call_activity("fails", "never run")
    context.create_timer(context.current_utc_datetime + timedelta(days=1))
    context.call_sub_orchestrator("failing_child", 1)
    return (yield context.call_activity("ok", 1))


@construct()
def yields_a_task_twice(context: Any) -> Gen:
    task = context.call_activity("ok", 1)
    first = yield task
    second = yield task
    return [first, second, (yield context.call_activity("ok", 2))]


@construct()
def yields_a_failed_task_twice(context: Any) -> Gen:
    task = context.call_activity("fails", 1)
    seen = []
    for _ in range(2):
        try:
            yield task
        except Exception as error:
            seen.append(text(error))
    return seen


@construct()
def starts_before_and_joins_after(context: Any) -> Gen:
    both = context.task_all([context.call_activity("slow", 2), context.call_activity("slow", 1)])
    first = yield context.call_activity("ok", "first")
    return [first, (yield both)]


@construct()
def task_attributes(context: Any) -> Gen:
    good, bad = context.call_activity("ok", 1), context.call_activity("fails", 2)
    seen: list[Any] = [good.is_completed, good.state.name]
    yield good
    with suppress(Exception):
        yield bad
    seen += [good.is_completed, good.state.name, good.result, bad.is_completed, bad.state.name, text(bad.result)]
    return [seen, good.id, bad.id]


# -- all ---------------------------------------------------------------------------------------------------------------


@construct()
def all_succeed(context: Any) -> Gen:
    return (yield context.task_all([context.call_activity("ok", n) for n in range(7)]))


@construct()
def all_of_none(context: Any) -> Gen:
    return [(yield context.task_all([])), (yield context.call_activity("ok", 1))]


@construct()
def any_of_none(context: Any) -> Gen:
    return [(yield context.task_any([])), (yield context.call_activity("ok", 1))]


@construct()
def all_of_one(context: Any) -> Gen:
    return (yield context.task_all([context.call_activity("ok", 1)]))


@construct()
def all_in_other_order_of_completion(context: Any) -> Gen:
    return (yield context.task_all([context.call_activity("slow", n) for n in (3, 1, 2)]))


@construct()
def all_and_one_fails_first(context: Any) -> Gen:
    try:
        yield context.task_all([context.call_activity("fails", "x"), context.call_activity("slow", 5)])
    except Exception as error:
        return text(error)


@construct()
def all_and_one_fails_last(context: Any) -> Gen:
    try:
        yield context.task_all([context.call_activity("slow", 1), context.call_activity("slowly_fails", 5)])
    except Exception as error:
        return text(error)


@construct()
def all_fail_and_it_goes_on(context: Any) -> Gen:
    tasks = [context.call_activity("slowly_fails", n) for n in (2, 1)]
    try:
        yield context.task_all(tasks)
    except Exception as error:
        caught = text(error)
    yield context.call_activity("slow", 5)
    return [caught, [task.state.name for task in tasks]]


@construct()
def all_fails_uncaught(context: Any) -> Gen:
    yield context.task_all([context.call_activity("ok", 1), context.call_activity("fails", "uncaught")])


@construct()
def all_of_kinds(context: Any) -> Gen:
    return (
        yield context.task_all(
            [
                context.call_activity("ok", 1),
                context.call_sub_orchestrator("child"),
                context.create_timer(context.current_utc_datetime + timedelta(seconds=3)),
                context.call_activity_with_retry("flaky", RETRY, {"key": "kinds", "failures": 1}),
                context.call_entity(COUNTER, "add", 2),
            ]
        )
    )


@construct()
def all_of_completed(context: Any) -> Gen:
    tasks = [context.call_activity("ok", n) for n in range(3)]
    yield from tasks
    return (yield context.task_all(tasks))


@construct()
def alls_within_an_all(context: Any) -> Gen:
    inner = [context.task_all([context.call_activity("ok", [n, m]) for m in range(2)]) for n in range(3)]
    return (yield context.task_all(inner))


@construct()
def all_within_all_fails(context: Any) -> Gen:
    inner = context.task_all([context.call_activity("slow", 1), context.call_activity("fails", "inner")])
    try:
        yield context.task_all([context.call_activity("slow", 3), inner])
    except Exception as error:
        return text(error)


# -- any ---------------------------------------------------------------------------------------------------------------


@construct()
def any_of_three(context: Any) -> Gen:
    tasks = [context.call_activity("slow", n) for n in (3, 1, 2)]
    winner = yield context.task_any(tasks)
    return [winner.result, tasks.index(winner)]


@construct()
def any_with_a_failure(context: Any) -> Gen:
    winner = yield context.task_any([context.call_activity("slow", 2), context.call_activity("slowly_fails", 1)])
    return [winner.state.name, text(winner.result)]


@construct()
def any_failed_winner_is_yielded(context: Any) -> Gen:
    winner = yield context.task_any([context.call_activity("fails", 1), context.call_activity("slow", 2)])
    try:
        yield winner
    except Exception as error:
        return text(error)


@construct()
def one_after_another_as_they_come(context: Any) -> Gen:
    tasks = [context.call_activity("slow", n) for n in (3, 1, 2)]
    order = []
    while tasks:
        winner = yield context.task_any(tasks)
        tasks.remove(winner)
        order.append(winner.result)
    return order


@construct()
def any_of_completed(context: Any) -> Gen:
    done = context.call_activity("ok", 1)
    yield done
    winner = yield context.task_any([done, context.call_activity("slow", 1)])
    return [winner is done, (yield context.call_activity("ok", 2))]


@construct()
def any_of_alls(context: Any) -> Gen:
    fast = context.task_all([context.call_activity("slow", 1), context.call_activity("slow", 2)])
    slow = context.task_all([context.call_activity("slow", 4), context.call_activity("slow", 5)])
    winner = yield context.task_any([slow, fast])
    return [winner is fast, winner.result]


@construct()
def all_of_anys(context: Any) -> Gen:
    races = [context.task_any([context.call_activity("slow", n), context.call_activity("slow", n + 5)]) for n in (1, 2)]
    winners = yield context.task_all(races)
    return [winner.result for winner in winners]


@construct()
def three_levels_deep(context: Any) -> Gen:
    deepest = context.task_any([context.call_activity("slow", 3), context.call_activity("slow", 1)])
    middle = context.task_all([deepest, context.call_activity("slow", 2)])
    winner = yield context.task_any([middle, context.call_activity("slow", 9)])
    return [winner is middle, winner.result[1]]


# -- timers ------------------------------------------------------------------------------------------------------------


@construct()
def waits_a_while(context: Any) -> Gen:
    began = context.current_utc_datetime
    yield context.create_timer(began + timedelta(minutes=5))
    return context.current_utc_datetime - began >= timedelta(minutes=5)


@construct()
def timer_in_the_past(context: Any) -> Gen:
    yield context.create_timer(context.current_utc_datetime - timedelta(hours=1))
    return "at once"


@construct()
def several_timers(context: Any) -> Gen:
    now = context.current_utc_datetime
    timers = [context.create_timer(now + timedelta(seconds=n)) for n in (30, 10, 20)]
    winner = yield context.task_any(timers)
    yield context.task_all(timers)
    return timers.index(winner)


@construct()
def timer_loses_and_is_cancelled(context: Any) -> Gen:
    timeout = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    work = context.call_activity("slow", 2)
    winner = yield context.task_any([work, timeout])
    if winner == work:
        timeout.cancel()
    return [work.result, timeout.is_cancelled]


@construct()
def timer_wins(context: Any) -> Gen:
    timeout = context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    winner = yield context.task_any([context.call_activity("slow", 60), timeout])
    return winner == timeout


@construct()
def polls_with_timers(context: Any) -> Gen:
    for attempt in range(4):
        if (yield context.call_activity("ok", attempt)) == 2:
            return attempt
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=30))


# -- external events ---------------------------------------------------------------------------------------------------


@construct(Step(5, "raise", "Go", {"now": [1]}))
def an_event(context: Any) -> Gen:
    return (yield context.wait_for_external_event("Go"))


@construct(Step(5, "raise", "Go"))
def an_event_without_data(context: Any) -> Gen:
    return [(yield context.wait_for_external_event("Go")), 1]


@construct(*(Step(n, "raise", "Item", n) for n in (1, 2, 3)))
def events_in_a_loop(context: Any) -> Gen:
    items = []
    while len(items) < 3:
        items.append((yield context.wait_for_external_event("Item")))
    return items


@construct(Step(1, "raise", "B", 2), Step(2, "raise", "A", 1))
def events_of_several_names(context: Any) -> Gen:
    names = ("A", "B")
    return (yield context.task_all([context.wait_for_external_event(name) for name in names]))


@construct(Step(3, "raise", "Yes", True))
def first_event_of_two_names(context: Any) -> Gen:
    yes, no = context.wait_for_external_event("Yes"), context.wait_for_external_event("No")
    winner = yield context.task_any([yes, no])
    return [winner == yes, winner.result]


@construct(Step(60, "raise", "Approval", True))
def approval_in_time(context: Any) -> Gen:
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    approval = context.wait_for_external_event("Approval")
    winner = yield context.task_any([approval, timer])
    timer.cancel()
    return winner == approval and approval.result


@construct()
def approval_too_late(context: Any) -> Gen:
    timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    winner = yield context.task_any([context.wait_for_external_event("Approval"), timer])
    return winner == timer


@construct(Step(1, "raise", "Go", "early"))
def an_event_before_its_wait(context: Any) -> Gen:
    yield context.call_activity("slow", 5)
    return (yield context.wait_for_external_event("Go"))


@construct(Step(2, "raise", "Nobody", 1), Step(5, "raise", "Go", 2))
def an_event_that_nobody_waits_for(context: Any) -> Gen:
    return (yield context.wait_for_external_event("Go"))


@construct(Step(1, "raise", "Item", 1), Step(2, "raise", "Item", 2))
def several_waits_for_one_name(context: Any) -> Gen:
    return (yield context.task_all([context.wait_for_external_event("Item") for _ in range(2)]))


@construct(Step(25, "raise", "Go", "late"))
def waits_anew_in_a_loop(context: Any) -> Gen:
    """Each round gives up the wait of the round before."""
    for attempt in range(5):
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
        wait = context.wait_for_external_event("Go")
        winner = yield context.task_any([wait, timer])
        if winner == wait:
            timer.cancel()
            return [attempt, wait.result]
    return None


@construct(*(Step(n, "raise", "Answer", n) for n in (10, 20, 30)))
def attempts_against_one_timer(context: Any) -> Gen:
    """The vendor's phone verification."""
    expires = context.create_timer(context.current_utc_datetime + timedelta(seconds=90))
    for attempt in range(3):
        answer = context.wait_for_external_event("Answer")
        winner = yield context.task_any([answer, expires])
        if winner == answer and answer.result == 30:
            expires.cancel()
            return attempt
    return None


# -- retries -----------------------------------------------------------------------------------------------------------


@construct()
def retry_at_the_first(context: Any) -> Gen:
    first = yield context.call_activity_with_retry("flaky", RETRY, {"key": "r", "failures": 0})
    return [first, (yield context.call_activity("ok", 1))]


@construct()
def retry_at_the_last(context: Any) -> Gen:
    first = yield context.call_activity_with_retry("flaky", RETRY, {"key": "r", "failures": 2})
    return [first, (yield context.call_activity("ok", 1))]


@construct()
def retry_exhausted(context: Any) -> Gen:
    yield context.call_activity_with_retry("fails", RETRY, "always")


@construct()
def retry_exhausted_and_caught(context: Any) -> Gen:
    try:
        yield context.call_activity_with_retry("fails", RETRY, "always")
    except Exception as error:
        return [text(error), (yield context.call_activity("ok", "undone"))]


@construct()
def retry_of_one_attempt(context: Any) -> Gen:
    try:
        yield context.call_activity_with_retry("fails", df.RetryOptions(1, 1), "once")
    except Exception as error:
        return [text(error), (yield context.call_activity("ok", 1))]


@construct()
def retries_side_by_side(context: Any) -> Gen:
    calls = [context.call_activity_with_retry("flaky", RETRY, {"key": f"s{n}", "failures": n}) for n in (2, 0, 1)]
    return [(yield context.task_all(calls)), (yield context.call_activity("ok", 1))]


@construct()
def retry_against_a_timer(context: Any) -> Gen:
    timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
    call = context.call_activity_with_retry("flaky", RETRY, {"key": "t", "failures": 1})
    winner = yield context.task_any([call, timer])
    timer.cancel()
    return [winner == call, winner.result, (yield context.call_activity("ok", 1))]


@construct()
def retried_child(context: Any) -> Gen:
    found = yield context.call_sub_orchestrator_with_retry("flaky_child", RETRY, {"key": "c", "failures": 1})
    return [found, (yield context.call_activity("ok", 1))]


@construct()
def retried_child_exhausted(context: Any) -> Gen:
    try:
        yield context.call_sub_orchestrator_with_retry("failing_child", df.RetryOptions(10, 2), "c")
    except Exception as error:
        return [text(error), (yield context.call_activity("ok", 1))]


# -- failures ----------------------------------------------------------------------------------------------------------


@construct()
def activity_fails(context: Any) -> Gen:
    yield context.call_activity("fails", "uncaught")


@construct()
def activity_fails_and_is_compensated(context: Any) -> Gen:
    done = []
    try:
        for value in ("a", "b"):
            yield context.call_activity("ok", value)
            done.append(value)
        yield context.call_activity("fails", "c")
    except Exception as error:
        for value in reversed(done):
            yield context.call_activity("ok", {"undo": value})
        return text(error)


@construct()
def the_whole_failure_text(context: Any) -> Gen:
    try:
        yield context.call_activity("fails_with_a_cause", 1)
    except Exception as error:
        return str(error)


@construct()
def another_error_instead(context: Any) -> Gen:
    try:
        yield context.call_activity("fails", 1)
    except Exception:
        raise RuntimeError("in other words") from None


@construct()
def code_raises_at_once(context: Any) -> Gen:
    raise LookupError("before anything")
    yield


@construct()
def code_raises_between(context: Any) -> Gen:
    value = yield context.call_activity("ok", {"a": 1})
    return value["b"]


@construct()
def an_error_without_words(context: Any) -> Gen:
    yield context.call_activity("ok", 1)
    raise ValueError


@construct()
def finally_runs_calls(context: Any) -> Gen:
    try:
        with suppress(Exception):
            yield context.call_activity("fails", 1)
    finally:
        yield context.call_activity("ok", "clean")
    return "cleaned"


@construct()
def an_unwritable_result_of_an_activity(context: Any) -> Gen:
    try:
        yield context.call_activity("unwritable", 1)
    except Exception as error:
        return text(error)


# -- sub-orchestrations ------------------------------------------------------------------------------------------------


@construct()
def a_child(context: Any) -> Gen:
    return (yield context.call_sub_orchestrator("child"))


@construct()
def a_child_with_an_id(context: Any) -> Gen:
    return (yield context.call_sub_orchestrator("plain_child", {"a": 1}, "the-child"))


@construct()
def children_side_by_side(context: Any) -> Gen:
    return (yield context.task_all([context.call_sub_orchestrator("plain_child", n) for n in range(4)]))


@construct()
def a_child_fails(context: Any) -> Gen:
    try:
        yield context.call_sub_orchestrator("failing_child", "deep down")
    except Exception as error:
        return text(error)


@construct()
def a_child_fails_uncaught(context: Any) -> Gen:
    yield context.call_sub_orchestrator("failing_child", "deep down")


@construct()
def a_child_against_a_timer(context: Any) -> Gen:
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=5))
    winner = yield context.task_any([context.call_sub_orchestrator("waiting_child", 60), timer])
    return winner == timer


# -- entities ----------------------------------------------------------------------------------------------------------


@construct()
def entity_called(context: Any) -> Gen:
    yield context.call_entity(COUNTER, "add", 5)
    return (yield context.call_entity(COUNTER, "get"))


@construct()
def entity_signalled_then_called(context: Any) -> Gen:
    for value in (1, 2, 3):
        context.signal_entity(COUNTER, "add", value)
    return (yield context.call_entity(COUNTER, "get"))


@construct()
def entity_signalled_between(context: Any) -> Gen:
    first = context.call_activity("ok", 1)
    context.signal_entity(COUNTER, "add", 1)
    yield first
    context.signal_entity(COUNTER, "add", 1)
    return (yield context.call_entity(COUNTER, "get"))


@construct()
def entity_operation_fails(context: Any) -> Gen:
    try:
        yield context.call_entity(COUNTER, "fail")
    except Exception as error:
        return [str(error), (yield context.call_entity(COUNTER, "get"))]


@construct()
def entities_side_by_side(context: Any) -> Gen:
    keys = ("a", "b", "c")
    return (yield context.task_all([context.call_entity(df.EntityId("counter", key), "add", 2) for key in keys]))


# -- generations, status, ids ------------------------------------------------------------------------------------------


@construct(input=0)
def continues_as_new(context: Any) -> Gen:
    count = context.get_input()
    yield context.call_activity("ok", count)
    if count < 3:
        context.continue_as_new(count + 1)
        return None
    return count


@construct(input={"n": 0})
def continues_without_a_yield(context: Any) -> Gen:
    state = context.get_input()
    if state["n"] < 2:
        context.continue_as_new({"n": state["n"] + 1})
        return None
    return (yield context.call_activity("ok", state))


@construct(input=0)
def status_kept_over_generations(context: Any) -> Gen:
    count = context.get_input()
    if count == 0:
        context.set_custom_status({"from": "the first"})
    yield context.call_activity("ok", count)
    if count < 1:
        context.continue_as_new(count + 1)


@construct()
def status_of_every_kind(context: Any) -> Gen:
    for status in ("text", {"done": [1, 2]}, [1], 7):
        context.set_custom_status(status)
        yield context.call_activity("ok", 1)
    return context.custom_status


@construct(Step(5, "raise", "Go"))
def status_while_it_waits(context: Any) -> Gen:
    context.set_custom_status("before")
    context.set_custom_status("waiting")
    yield context.wait_for_external_event("Go")
    return "over"


@construct()
def ids_that_repeat(context: Any) -> Gen:
    first = [context.new_uuid(), context.new_guid().hex]
    yield context.call_activity("ok", first)
    return [*first, context.new_uuid()]


@construct()
def times_that_repeat(context: Any) -> Gen:
    first = context.current_utc_datetime.isoformat()
    yield context.call_activity("slow", 2)
    return [first, context.current_utc_datetime.isoformat(), context.instance_id, context.parent_instance_id]


@construct()
def classes_of_the_app(context: Any) -> Gen:
    point = yield context.call_activity("moved", Point(1, 2))
    again = yield context.call_activity("moved", point)
    return [again.x, again.y, type(again).__name__]


@construct()
def an_http_call(context: Any) -> Gen:
    answer = yield context.call_http("GET", "http://server.test/greeting")
    return [answer["statusCode"], answer["content"]]


@construct()
def http_calls_side_by_side(context: Any) -> Gen:
    calls = [context.call_http("POST", "http://server.test/orders", {"order": 7}) for _ in range(2)]
    answers = yield context.task_all(calls)
    return [answer["statusCode"] for answer in answers]
