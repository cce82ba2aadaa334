"""The rules of Azure's 1.x SDK, `azure/1`: when a call is scheduled, how compounds complete, how retries end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.model import history as h
from tests.engine.driver import Driver, names

Body = Callable[[Any], Generator[Any, Any, Any]]


def azure(body: Body, **activities: Callable[[Any], Any]) -> Driver:
    """An instance under these rules, after its first episode."""
    driver = Driver({"o": body, "child": lambda context: context.get_input()}, activities)
    driver.start("o", rules=h.AZURE_RULES).episode()
    return driver


@pytest.mark.resident
def test_a_call_is_scheduled_when_the_code_first_waits_for_it() -> None:
    seen: list[Any] = []

    def body(context: Any) -> Any:
        a = context.call_activity("a")
        b = context.call_activity("b")
        seen.append((a.id, b.id))
        first = yield b
        second = yield a
        seen.append((a.id, b.id))
        return [second, first]

    driver = azure(body, a=lambda _: "a", b=lambda _: "b")
    assert names(driver.episodes[0]) == ["TaskScheduled(0) b"]
    driver.run()
    assert names(driver.episodes[1]) == ["TaskScheduled(1) a"]
    assert driver.output == ["a", "b"]
    assert seen == [(None, None), (1, 0)]


def test_what_is_never_waited_for_never_runs_and_leaves_no_line() -> None:
    def body(context: Any) -> Any:
        context.call_activity("a")
        context.call_sub_orchestrator("child")
        context.create_timer(timedelta(seconds=5))
        context.call_activity_with_retry("a", RetryOptions(1, 2))
        context.call_entity("@counter@a", "add", 1)
        context.call_http("GET", "http://127.0.0.1/")
        context.task_all([context.call_activity("a")])
        return "done"
        yield

    driver = azure(body)
    assert driver.shape() == [
        "ExecutionStarted",
        "OrchestratorStarted",
        "ExecutionCompleted(0)",
        "OrchestratorCompleted",
    ]


def test_parts_of_compounds_are_scheduled_depth_first_in_order_and_once() -> None:
    def body(context: Any) -> Any:
        early = context.call_activity("early")
        inner = context.task_all([context.call_activity("b"), context.create_timer(timedelta(seconds=1))])
        outer = context.task_any([context.call_activity("a"), inner, early])
        yield outer
        yield context.task_all([outer, early])

    driver = azure(body)
    assert names(driver.episodes[0]) == [
        "TaskScheduled(0) a",
        "TaskScheduled(1) b",
        "TimerCreated(2)",
        "TaskScheduled(3) early",
    ]
    driver.answer(0)
    assert names(driver.episode()) == []


def test_a_compound_that_is_complete_already_still_schedules_its_parts() -> None:
    def body(context: Any) -> Any:
        done = context.call_activity("done")
        yield done
        winner = yield context.task_any([done, context.call_activity("late")])
        yield context.create_timer(timedelta(seconds=1))
        return winner is done

    driver = azure(body)
    driver.answer(0)
    assert names(driver.episode()) == ["TaskScheduled(1) late", "TimerCreated(2)"]


def test_signals_and_continue_as_new_act_at_once() -> None:
    def body(context: Any) -> Any:
        late = context.call_activity("late")
        context.signal_entity("@counter@a", "add", 1)
        yield late
        context.continue_as_new(1)
        yield context.call_activity("dropped")

    driver = azure(body)
    assert names(driver.episodes[0]) == ["EventSent(0) op", "TaskScheduled(1) late"]
    driver.answer(1)
    assert names(driver.episode()) == ["ContinueAsNew(2)"]


def test_a_wait_for_an_event_takes_its_place_when_the_code_waits() -> None:
    def body(context: Any) -> Any:
        first_made = context.wait_for_external_event("go")
        second_made = context.wait_for_external_event("GO")
        second = yield second_made
        first = yield first_made
        return [first, second]

    driver = azure(body)
    driver.raise_event("Go", 1)
    driver.raise_event("gO", 2)
    driver.episode()
    assert driver.output == [2, 1]


def test_of_several_waits_for_one_name_the_newest_is_served_first() -> None:
    def body(context: Any) -> Any:
        given_up = context.wait_for_external_event("go")
        yield context.task_any([given_up, context.call_activity("ok")])
        found = yield context.wait_for_external_event("Go")
        return [found, given_up.is_completed]

    driver = azure(body).run()
    driver.raise_event("GO", 7)
    driver.episode()
    assert driver.output == [7, False]


def test_task_all_fails_with_the_first_failure_while_others_run() -> None:
    def body(context: Any) -> Any:
        tasks = [context.call_activity("slow"), context.call_activity("bad"), context.call_activity("worse")]
        try:
            yield context.task_all(tasks)
        except TaskFailedError as error:
            return [str(error), [task.is_completed for task in tasks]]

    driver = azure(body)
    driver.fail(1, ValueError("first"))
    driver.fail(2, ValueError("second"))
    driver.episode()
    text, completed = driver.output
    assert "first" in text
    assert completed == [False, True, False]


def test_of_failures_that_came_before_task_all_the_first_in_order_counts() -> None:
    def body(context: Any) -> Any:
        tasks = [context.call_activity("a"), context.call_activity("b")]
        for task in (tasks[1], tasks[0]):
            with pytest.raises(TaskFailedError):
                yield task
        try:
            yield context.task_all(tasks)
        except TaskFailedError as error:
            return error.task_name

    driver = azure(body)
    driver.fail(0, ValueError("b came first"))
    driver.episode()
    driver.fail(1, ValueError("a"))
    driver.episode()
    assert driver.output == "a"


def test_a_compound_completes_once_whatever_its_parts_do_later() -> None:
    def body(context: Any) -> Any:
        inner = context.task_any([context.call_activity("a"), context.call_activity("b")])
        outer = context.task_all([inner, context.call_activity("c")])
        winner, c = yield outer
        return [winner.result, c]

    driver = azure(body, a=lambda _: "a", b=lambda _: "b", c=lambda _: "c")
    for event_id in (1, 0, 2):
        driver.answer(event_id)
        driver.episode()
    assert driver.output == ["b", "c"]


@pytest.mark.parametrize("attempts", [1, 3])
def test_the_last_failure_of_a_retry_policy_surfaces_after_one_more_timer_due_at_once(attempts: int) -> None:
    def body(context: Any) -> Any:
        try:
            yield context.call_activity_with_retry("bad", RetryOptions(1000, attempts))
        except TaskFailedError as error:
            return str(error)

    def bad(_: Any) -> None:
        raise ValueError("no")

    driver = azure(body, bad=bad).run()
    timers = [event for event in driver.history if isinstance(event, h.TimerCreated)]
    assert len(timers) == attempts
    assert timers[-1].fire_at == timers[-1].timestamp
    assert "ValueError: no" in driver.output
    assert driver.replayed().is_finished


def test_children_without_an_id_are_named_after_the_execution() -> None:
    def body(context: Any) -> Any:
        yield context.call_activity("a")
        yield context.call_sub_orchestrator("child", 7)

    driver = azure(body)
    driver.answer(0)
    (created,) = driver.episode().events[1:-1]
    assert isinstance(created, h.SubOrchestrationInstanceCreated)
    assert created.child_instance_id == f"{'e' * 32}:1"


def test_a_timer_cancelled_before_it_was_waited_for_leaves_no_line() -> None:
    def body(context: Any) -> Any:
        timer = context.create_timer(timedelta(seconds=5))
        timer.cancel()
        yield context.call_activity("a")
        return timer.is_cancelled

    driver = azure(body).run()
    assert driver.output is True
    assert not any(isinstance(event, h.TimerCreated) for event in driver.history)


def test_only_what_was_scheduled_is_waited_for() -> None:
    def body(context: Any) -> Any:
        context.call_activity("never")
        yield context.task_any([context.call_activity("a"), context.wait_for_external_event("go")])

    driver = azure(body)
    assert [(wait.kind, wait.name, wait.event_id) for wait in driver.execution.waits()] == [
        ("activity", "a", 0),
        ("event", "go", None),
    ]


def test_a_history_is_replayed_by_the_rules_it_began_with() -> None:
    def body(context: Any) -> Any:
        b = context.call_activity("b")
        yield context.call_activity("a")
        yield b

    driver = azure(body).run()
    assert [event.name for event in driver.history if isinstance(event, h.TaskScheduled)] == ["a", "b"]
    assert driver.replayed().is_finished
    native = Driver({"o": body}).start("o").run()
    assert [event.name for event in native.history if isinstance(event, h.TaskScheduled)] == ["b", "a"]
    assert native.replayed().is_finished
