"""Compounds, timers, external events, and the orchestrator's time."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskCancelledError
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from tests.engine.driver import Driver
from tests.engine.outcomes import failure_of, output_of, started

Gen = Generator[Any, Any, Any]

# -- compounds -------------------------------------------------------------------------------------------------------


def test_task_all_waits_for_every_task_and_then_raises_the_failure_that_arrived_first() -> None:
    def three(context: Any) -> Gen:
        yield context.task_all([context.call_activity("echo", n) for n in range(3)])

    driver = started(three)
    driver.fail(2, ValueError("two"))
    driver.episode()
    assert driver.status == "Running"
    driver.fail(0, ValueError("zero"))
    driver.complete(1, None)
    driver.episode()
    assert driver.last.failure_details.inner_failure.error_message == "two"


def test_task_all_of_tasks_that_have_failed_already_raises_the_failure_that_arrived_first() -> None:
    def late(context: Any) -> Gen:
        tasks = [context.call_activity("echo", n) for n in range(2)]
        yield context.wait_for_external_event("go")
        yield context.task_all(tasks)

    driver = started(late)
    driver.fail(1, ValueError("one"))
    driver.fail(0, ValueError("zero"))
    driver.raise_event("go")
    driver.episode()
    assert driver.last.failure_details.inner_failure.error_message == "one"


def test_empty_compounds() -> None:
    assert output_of(lambda c: (yield c.task_all([]))) == []
    assert "at least one task" in failure_of(lambda c: (yield c.task_any([])))
    assert "item 1 is int" in failure_of(lambda c: (yield c.task_all([c.call_activity("x"), 2])))
    assert "takes a list of tasks, not int" in failure_of(lambda c: (yield c.task_any(3)))


def test_the_winner_of_task_any_may_have_failed_and_says_so_only_when_asked() -> None:
    def looks(context: Any) -> Gen:
        winner = yield context.task_any([context.call_activity("echo"), context.create_timer(timedelta(1))])
        return [winner.state.name, winner.is_failed, type(winner.result).__name__]

    driver = started(looks)
    driver.fail(0, ValueError())
    driver.episode()
    assert driver.output == ["FAILED", True, "TaskFailedError"]


def test_compounds_nest_to_any_depth_and_complete_once() -> None:
    def nested(context: Any) -> Gen:
        first = context.call_activity("echo", 1)
        task = first
        for _ in range(5_000):
            task = context.task_all([task])
        shared = context.task_any([task, first])
        both = yield context.task_all([shared, first, first, context.call_activity("echo", 2)])
        return [both[0] is first, *both[1:]]

    assert output_of(nested) == [True, 1, 1, 2]


def test_of_several_tasks_that_are_done_already_the_first_in_the_list_wins() -> None:
    def done(context: Any) -> Gen:
        a, b = context.call_activity("echo", "a"), context.call_activity("echo", "b")
        yield b
        yield a
        winner = yield context.task_any([a, b])
        return winner.result

    assert output_of(done) == "a"


# -- timers ----------------------------------------------------------------------------------------------------------


def test_timers_take_a_time_with_or_without_a_zone_or_a_duration() -> None:
    def four(context: Any) -> Gen:
        yield context.task_all(
            [
                context.create_timer(datetime(2026, 1, 5, 12, tzinfo=UTC).replace(tzinfo=None)),
                context.create_timer(datetime.fromisoformat("2026-01-05T13:00:00+02:00")),
                context.create_timer(timedelta(days=40)),
                context.create_timer(datetime.max),
                context.create_timer(timedelta.max),
            ]
        )

    assert [timer.fire_at for timer in started(four).execution.open_timers.values()] == [
        "2026-01-05T12:00:00.000000Z",
        "2026-01-05T11:00:00.000000Z",
        "2026-02-14T10:00:00.010000Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    assert "a datetime or a timedelta, not int" in failure_of(lambda c: (yield c.create_timer(5)))


def test_a_cancelled_timer_never_fires_and_waiting_for_it_raises() -> None:
    def cancels(context: Any) -> Gen:
        timer = context.create_timer(timedelta(1))
        timer.cancel()
        timer.cancel()
        try:
            yield timer
        except TaskCancelledError:
            return timer.is_cancelled

    driver = started(cancels)
    assert (driver.output, driver.episodes[0].cancelled_timers) == (True, [0])


def test_a_cancelled_timer_is_no_longer_open_also_after_a_replay() -> None:
    def cancels(context: Any) -> Gen:
        context.create_timer(timedelta(1)).cancel()
        yield context.call_activity("echo")

    driver = started(cancels)
    assert driver.execution.open_timers == {}
    assert driver.replayed().open_timers == {}


def test_a_fired_timer_cannot_be_cancelled() -> None:
    def cancels(context: Any) -> Gen:
        timer = context.create_timer(timedelta(1))
        yield timer
        timer.cancel()

    assert "Cannot cancel a completed task" in failure_of(cancels)


# -- time, ids, replaying --------------------------------------------------------------------------------------------


def test_time_stands_still_between_waits_and_is_the_same_on_replay() -> None:
    seen: list[list[Any]] = []

    def clock(context: Any) -> Gen:
        times = [context.current_utc_datetime, context.current_utc_datetime]
        yield context.create_timer(timedelta(hours=2))
        times.append(context.current_utc_datetime)
        seen.append(times)

    driver = started(clock).run()
    assert seen[0][0] == seen[0][1] == datetime(2026, 1, 5, 10, 0, 0, 10_000, tzinfo=UTC)
    assert seen[0][2] >= seen[0][0] + timedelta(hours=2)
    driver.replayed()
    assert seen[1] == seen[0]


@pytest.mark.resident
def test_code_is_replaying_until_it_gets_beyond_the_history() -> None:
    seen: list[bool] = []

    def notes(context: Any) -> Gen:
        seen.append(context.is_replaying)
        yield context.call_activity("echo")
        seen.append(context.is_replaying)

    driver = started(notes)
    assert seen == [False]
    driver.execution = driver.replayed()
    driver.run()
    assert seen == [False, True, False]


def test_ids_are_the_same_on_every_replay_and_never_repeat() -> None:
    def makes(context: Any) -> Gen:
        made = [context.new_uuid(), str(context.new_guid()), context.new_uuid()]
        yield context.call_activity("echo")
        return [*made, context.new_uuid()]

    driver = started(makes)
    driver.execution = driver.replayed()
    driver.run()
    assert len(set(driver.output)) == 4
    driver.replayed()


def test_the_context_tells_who_it_is() -> None:
    def tells(context: Any) -> Any:
        return [context.instance_id, context.parent_instance_id, context.version, context.get_input()]

    link = h.Parent(instance_id="p", exec=1, execution_id="x", task_scheduled_id=0, seq=3)
    driver = Driver({"O": tells}).start("o", {"a": 1}, parent=link, version="2.0")
    driver.episode()
    assert driver.output == ["i1", "p", "2.0", {"a": 1}]


# -- events ----------------------------------------------------------------------------------------------------------


def test_events_are_first_in_first_out_and_each_goes_to_one_wait() -> None:
    def three(context: Any) -> Gen:
        first = context.wait_for_external_event("e")
        second = context.wait_for_external_event("E")
        yield context.call_activity("echo")
        return [(yield second), (yield first), (yield context.wait_for_external_event("e"))]

    driver = started(three)
    for n in range(3):
        driver.raise_event("e", n)
    driver.complete(0, None)
    driver.episode()
    assert driver.output == [1, 0, 2]
    driver.replayed()


def test_buffered_events_are_read_in_order_of_arrival() -> None:
    def reads(context: Any) -> Gen:
        yield context.call_activity("echo")
        read = []
        for _ in range(3):
            read.append((yield context.wait_for_external_event("e")))
        return read

    driver = started(reads)
    for n in range(3):
        driver.raise_event("e", n)
    driver.episode()
    assert [event.seq for event in driver.execution.unread] == [5, 6, 7]
    driver.complete(0, None)
    driver.episode()
    assert driver.output == [0, 1, 2]
    assert driver.episodes[-1].carried == []
    driver.replayed()


def test_an_event_that_arrives_before_the_start_is_there_when_the_code_waits() -> None:
    driver = Driver({"o": lambda c: (yield c.wait_for_external_event("go"))}).start("o")
    driver.raise_event("go", "early")
    driver.episode()
    assert driver.output == "early"


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    @staticmethod
    def from_json(data: Any) -> Money:
        if data == "exit":
            raise SystemExit(1)
        return Money(data)


def test_a_wished_type_is_made_by_its_from_json_and_its_failure_is_the_tasks() -> None:
    def pays(context: Any) -> Gen:
        paid = yield context.call_activity("pay", expected_type=Money)
        try:
            yield context.wait_for_external_event("money", expected_type=Money)
        except SystemExit:
            return paid.cents

    driver = started(pays)
    driver.complete(0, {"__class__": "Money", "__module__": "x", "__data__": 5})
    driver.raise_event("money", "exit")
    driver.episode()
    assert driver.output == 5
    driver.replayed()


def test_an_empty_history_replays_to_a_new_execution() -> None:
    driver = Driver({"o": lambda _: 1})
    driver.execution = Execution.replay(driver.lookup, [], driver.key)
    driver.start("o").episode()
    assert driver.output == 1


def test_a_first_event_that_is_no_start_is_our_own_bug_and_says_so() -> None:
    driver = Driver({})
    driver.raise_event("x")
    with pytest.raises(ValueError, match="must be ExecutionStarted"):
        driver.episode()
