"""Each operation under three histories: not started, waiting, answered."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from tests.engine.driver import Driver, decisions, members, names

Gen = Generator[Any, Any, Any]


def one_activity(context: Any) -> Gen:
    return (yield context.call_activity("say", "Tokyo"))


async def one_activity_async(context: Any) -> Any:
    return await context.call_activity("say", "Tokyo")


def one_retried(context: Any) -> Gen:
    return (yield context.call_activity_with_retry("say", RetryOptions(5_000, 3), "Tokyo"))


def one_child(context: Any) -> Gen:
    return (yield context.call_sub_orchestrator("child", {"n": 1}))


def one_timer(context: Any) -> Gen:
    yield context.create_timer(timedelta(minutes=5))
    return "rang"


def one_event(context: Any) -> Gen:
    return (yield context.wait_for_external_event("Approval"))


def all_of_three(context: Any) -> Gen:
    return (yield context.task_all([context.call_activity("say", n) for n in range(3)]))


def race(context: Any) -> Gen:
    event, timer = context.wait_for_external_event("go"), context.create_timer(timedelta(minutes=5))
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
        return event.result
    return "late"


OPERATIONS = [one_activity, one_activity_async, one_retried, one_child, one_timer, one_event, all_of_three, race]


def started(function: Any, input: Any = None) -> Driver:
    driver = Driver({"o": function}).start("o", input)
    driver.episode()
    return driver


@pytest.mark.parametrize("function", OPERATIONS)
def test_before_its_first_episode_an_instance_waits_for_its_start_and_has_run_nothing(function: Any) -> None:
    driver = Driver({"o": function}).start("o")
    replayed = Execution.replay(driver.lookup, driver.history, driver.key)
    assert replayed.unconsumed == driver.history
    assert replayed.open_tasks == {}
    assert replayed.waits() == []


@pytest.mark.parametrize("function", OPERATIONS)
def test_a_waiting_instance_replays_to_the_same_open_work_and_the_same_waits(function: Any) -> None:
    driver = started(function)
    replayed = driver.replayed()
    assert not replayed.is_finished
    assert replayed.waits() == driver.execution.waits() != []
    assert replayed.open_tasks == driver.execution.open_tasks
    assert replayed.open_timers == driver.execution.open_timers
    assert replayed.open_children == driver.execution.open_children
    assert replayed.next_event_id == driver.execution.next_event_id
    replayed.close()


@pytest.mark.parametrize("function", OPERATIONS)
def test_the_wait_names_the_line_that_waits(function: Any) -> None:
    for wait in started(function).execution.waits():
        assert wait.location is not None
        assert wait.location.file == __file__
        assert wait.location.function == function.__name__
        first = function.__code__.co_firstlineno
        assert first < wait.location.line <= first + 4


def test_an_activity_is_scheduled_when_it_is_called_and_its_result_is_the_value_of_the_yield() -> None:
    for function in (one_activity, one_activity_async):
        driver = started(function)
        assert names(driver.episodes[0]) == ["TaskScheduled(0) say"]
        assert members(driver.last)["Input"] == "Tokyo"
        (wait,) = driver.execution.waits()
        assert (wait.kind, wait.name, wait.event_id, wait.since) == ("activity", "say", 0, driver.last.timestamp)
        driver.complete(0, "Hello Tokyo")
        driver.episode()
        assert (driver.status, driver.output) == ("Completed", "Hello Tokyo")
        assert driver.last.event_id == 1
        assert driver.replayed().is_finished


def test_a_call_that_is_never_yielded_is_scheduled_all_the_same() -> None:
    def forget(context: Any) -> Gen:
        context.call_activity("notify", 1)
        return (yield context.call_activity("say", 2))

    driver = started(forget)
    assert names(driver.episodes[0]) == ["TaskScheduled(0) notify", "TaskScheduled(1) say"]
    driver.complete(1, "done")
    driver.episode()
    assert driver.output == "done"
    driver.replayed()


def test_a_failed_activity_raises_its_failure_at_the_yield() -> None:
    seen: list[TaskFailedError] = []

    def careful(context: Any) -> Gen:
        try:
            yield context.call_activity("say", 1)
        except TaskFailedError as error:
            seen.append(error)
            return "caught"

    driver = started(careful)
    driver.fail(0, ValueError("boom"))
    driver.episode()
    assert driver.output == "caught"
    assert str(seen[0]) == "Activity function 'F' failed:  ValueError: boom"
    assert (seen[0].error_type, seen[0].error_message, seen[0].task_name) == ("ValueError", "boom", "say")
    assert seen[0].is_caused_by(ValueError)
    assert seen[0].is_caused_by(Exception)
    assert not seen[0].is_caused_by(KeyError)


def test_a_sub_orchestration_gets_an_id_of_the_parent_its_execution_and_its_number() -> None:
    driver = started(one_child)
    created = driver.execution.open_children[0]
    assert (created.child_instance_id, created.name, members(created)["Input"]) == ("i1:1:0", "child", {"n": 1})
    (wait,) = driver.execution.waits()
    assert (wait.kind, wait.name, wait.instance_id) == ("sub-orchestration", "child", "i1:1:0")
    driver.complete_child(0, 42)
    driver.episode()
    assert driver.output == 42
    driver.replayed()


def test_a_failed_sub_orchestration_raises_and_the_end_names_the_line_that_caused_it() -> None:
    driver = started(one_child)
    driver.fail_child(0, RuntimeError("inner"))
    failure = driver.history[-1]
    driver.episode()
    assert driver.status == "Failed"
    assert driver.last.caused_by == failure.seq
    details = driver.last.failure_details
    assert details.error_type.endswith("TaskFailedError")
    assert (details.inner_failure.error_type, details.inner_failure.error_message) == ("RuntimeError", "inner")


@pytest.mark.parametrize(
    ("given", "text"), [("i1", "this instance"), ("parent", "its parent"), ("@x", "entities"), ("a/b", "not allowed")]
)
def test_a_sub_orchestration_cannot_take_an_id_that_is_taken_or_forbidden(given: str, text: str) -> None:
    def parent(context: Any) -> Gen:
        yield context.call_sub_orchestrator("child", instance_id=given)

    link = h.Parent(instance_id="parent", exec=1, execution_id="x", task_scheduled_id=0, seq=3)
    driver = Driver({"o": parent}).start("o", parent=link)
    driver.episode()
    assert driver.status == "Failed"
    assert given in driver.output


def test_a_timer_fires_at_its_time_and_has_no_value() -> None:
    driver = started(one_timer)
    (wait,) = driver.execution.waits()
    assert (wait.kind, wait.due) == ("timer", "2026-01-05T10:05:00.010000Z")
    driver.fire(0)
    driver.episode()
    assert driver.output == "rang"
    driver.replayed()


def test_an_event_goes_to_the_wait_whatever_its_case() -> None:
    driver = started(one_event)
    (wait,) = driver.execution.waits()
    assert (wait.kind, wait.name, wait.detail) == ("event", "Approval", "")
    driver.raise_event("APPROVAL", {"by": "me"})
    driver.episode()
    assert driver.output == {"by": "me"}


def test_an_event_with_another_name_is_kept_and_shown_to_whoever_asks_what_the_instance_waits_for() -> None:
    driver = started(one_event)
    driver.raise_event("approve")
    driver.raise_event("Approvals")
    driver.episode()
    (wait,) = driver.execution.waits()
    assert wait.detail == 'got "approve", "Approvals"'


def test_a_fan_out_gives_results_in_the_order_of_the_calls_whatever_order_they_end_in() -> None:
    driver = started(all_of_three)
    assert len(driver.execution.waits()) == 3
    driver.complete(1, "b")
    driver.episode()
    assert decisions(driver.episodes[-1]) == []
    assert [wait.event_id for wait in driver.execution.waits()] == [0, 2]
    driver.complete(2, "c")
    driver.complete(0, "a")
    driver.episode()
    assert driver.output == ["a", "b", "c"]
    assert driver.last.event_id == 3
    driver.replayed()


def test_the_event_wins_a_race_and_the_cancelled_timer_is_reported() -> None:
    driver = started(race)
    assert [wait.kind for wait in driver.execution.waits()] == ["event", "timer"]
    driver.raise_event("go", "now")
    episode = driver.episode()
    assert driver.output == "now"
    assert episode.cancelled_timers == [0]
    driver.replayed()


def test_the_timer_wins_a_race() -> None:
    driver = started(race)
    driver.fire(0)
    driver.raise_event("go", "too late")
    driver.episode()
    assert driver.output == "late"
    assert [event.name for event in driver.episodes[-1].carried] == ["go"]
    driver.replayed()


def test_each_attempt_of_a_retried_call_is_a_decision_of_its_own() -> None:
    driver = started(one_retried)
    for attempt in range(2):
        driver.fail(2 * attempt, ValueError(f"try {attempt}"))
        driver.episode()
        (wait,) = driver.execution.waits()
        assert (wait.kind, wait.name, wait.attempt, wait.event_id) == ("retry", "say", attempt + 2, 2 * attempt + 1)
        timer = driver.execution.open_timers[2 * attempt + 1]
        assert wait.due == timer.fire_at
        assert timer.call == 0
        driver.fire(2 * attempt + 1)
        driver.episode()
        scheduled = driver.execution.open_tasks[2 * attempt + 2]
        assert (scheduled.call, scheduled.attempt) == (0, attempt + 2)
        assert driver.execution.waits()[0].attempt == attempt + 2
        driver.replayed().close()
    driver.fail(4, ValueError("try 2"))
    driver.episode()
    assert driver.status == "Failed"
    assert driver.last.event_id == 5, "no timer follows the last attempt"
    assert driver.last.caused_by == driver.history[-4].seq or driver.last.caused_by is not None
    driver.replayed()


def test_a_retried_call_that_succeeds_goes_on_with_the_next_number() -> None:
    def retried(context: Any) -> Gen:
        first = yield context.call_activity_with_retry("say", RetryOptions(5_000, 3), 1)
        second = yield context.call_activity("say", 2)
        return [first, second]

    driver = started(retried)
    driver.fail(0, ValueError())
    driver.episode()
    driver.fire(1)
    driver.episode()
    driver.complete(2, "ok")
    driver.episode()
    assert names(driver.episodes[-1]) == ["TaskScheduled(3) say"]
    driver.replayed().close()


def test_a_retried_sub_orchestration_gets_a_new_id_per_attempt_unless_it_was_given_one() -> None:
    for given in (None, "mine"):

        def parent(context: Any, given: str | None = given) -> Gen:
            yield context.call_sub_orchestrator_with_retry("child", RetryOptions(1, 2), None, given)

        driver = started(parent)
        driver.fail_child(0, ValueError())
        driver.episode()
        driver.fire(1)
        driver.episode()
        created = driver.execution.open_children[2]
        assert created.child_instance_id == (given or "i1:1:2")
        assert (created.call, created.attempt) == (0, 2)
        driver.replayed().close()
