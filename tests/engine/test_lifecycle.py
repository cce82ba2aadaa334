"""Custom status, continue-as-new, suspension and termination."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from dfcli.model import history as h
from tests.engine.driver import Driver, decisions, members, names, value_of
from tests.engine.outcomes import failure_of, output_of, started

Gen = Generator[Any, Any, Any]

# -- custom status ---------------------------------------------------------------------------------------------------


def test_the_custom_status_is_recorded_at_the_end_of_the_episode_that_set_it() -> None:
    def status(context: Any) -> Gen:
        context.set_custom_status("first")
        context.set_custom_status(0)
        yield context.call_activity("echo")
        yield context.call_activity("echo")
        assert context.custom_status == 0
        context.set_custom_status(None)

    driver = started(status).run()
    assert [members(episode.events[-1]).get("CustomStatus", "absent") for episode in driver.episodes] == [
        0,
        "absent",
        None,
    ]
    assert value_of(driver.episodes[1].custom_status) == 0


def test_a_custom_status_beyond_16_kb_fails_the_instance() -> None:
    assert "must not exceed 16 KB" in failure_of(lambda c: c.set_custom_status("x" * 8192))
    assert output_of(lambda c: c.set_custom_status("x" * 8000)) is None


# -- continue as new -------------------------------------------------------------------------------------------------


def test_continue_as_new_ends_the_execution_and_drops_what_is_called_later() -> None:
    def goes_on(context: Any) -> Gen:
        context.call_activity("before")
        context.continue_as_new({"n": 1})
        assert context.will_continue_as_new
        yield context.call_activity("after")
        raise AssertionError("not reached")

    driver = started(goes_on)
    assert names(driver.episodes[0]) == ["TaskScheduled(0) before", "ContinueAsNew(1)"]
    assert members(driver.last)["Input"] == {"n": 1}
    assert driver.status == "ContinuedAsNew"
    driver.replayed()


def test_unread_events_are_carried_over_in_order_of_arrival() -> None:
    def reads_one(context: Any) -> Gen:
        context.wait_for_external_event("idle")
        yield context.wait_for_external_event("go")
        context.continue_as_new(None)

    driver = started(reads_one)
    for name in ("b", "a", "go", "GO", "idle", "b"):
        driver.raise_event(name)
    driver.arrive(h.ExecutionSuspended, reason="hold")
    episode = driver.episode()
    assert [(event.name, event.seq) for event in episode.carried] == [
        ("b", 4),
        ("a", 5),
        ("GO", 7),
        ("idle", 8),
        ("b", 9),
    ]
    assert episode.suspension is not None
    driver.replayed()


def test_an_exception_after_continue_as_new_fails_the_instance() -> None:
    def stumbles(context: Any) -> None:
        context.continue_as_new(1)
        raise ValueError("after all")

    assert "after all" in failure_of(stumbles)


# -- suspend, resume, terminate --------------------------------------------------------------------------------------


def test_a_suspended_instance_holds_what_arrives_until_it_is_resumed() -> None:
    def two(context: Any) -> Gen:
        yield context.call_activity("a")
        yield context.call_activity("b")

    driver = started(two)
    driver.arrive(h.ExecutionSuspended, reason="hold")
    driver.episode()
    driver.arrive(h.ExecutionSuspended, reason="twice")
    driver.complete(0, 1)
    driver.complete(0, 2)
    assert decisions(driver.episode()) == []
    assert driver.execution.open_tasks == {}, "its answer is here: it must not run again"
    waits = driver.execution.waits()
    assert [wait.kind for wait in waits] == ["resume", "activity"]
    assert waits[0].detail == "hold; 1 events held"
    driver.execution = driver.replayed()
    assert driver.execution.is_suspended
    driver.arrive(h.ExecutionResumed, reason="go")
    assert names(driver.episode()) == ["TaskScheduled(1) b"]
    driver.replayed().close()


def test_an_instance_suspended_before_it_ran_starts_when_it_is_resumed() -> None:
    driver = Driver({"o": lambda _: "ran"}).start("o")
    driver.arrive(h.ExecutionSuspended, reason="not yet")
    assert decisions(driver.episode()) == []
    assert [wait.kind for wait in driver.execution.waits()] == ["resume"]
    driver.arrive(h.ExecutionResumed)
    driver.episode()
    assert driver.output == "ran"
    driver.replayed()


@pytest.mark.parametrize("suspended", [False, True])
def test_termination_acts_at_once_and_the_code_sees_nothing_of_its_batch(suspended: bool) -> None:
    driver = started(lambda c: (yield c.call_activity("a")))
    if suspended:
        driver.arrive(h.ExecutionSuspended)
        driver.episode()
    driver.complete(0, 1)
    driver.raise_event("left over")
    driver.arrive(h.ExecutionTerminated, reason="no longer needed")
    driver.episode()
    assert (driver.status, driver.output, driver.last.event_id) == ("Terminated", "no longer needed", 1)
    driver.replayed()


def test_a_pending_instance_that_is_terminated_never_runs() -> None:
    driver = Driver({}).start("whatever")
    driver.arrive(h.ExecutionTerminated, reason="changed my mind")
    driver.episode()
    assert driver.shape() == [
        "ExecutionStarted",
        "ExecutionTerminated",
        "OrchestratorStarted",
        "ExecutionCompleted(0)",
        "OrchestratorCompleted",
    ]
