"""Rewinds of executions under the rules of Azure's 1.x SDK: a retry policy's last failure surfaces with a timer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.model import history as h
from tests.engine.driver import Driver, names
from tests.engine.rewinding import rewind

Steps = Generator[Any, Any, Any]
TWICE = RetryOptions(1000, 2)
ONCE = RetryOptions(1000, 1)
both_rules = pytest.mark.parametrize("rules", [h.REPLAY_RULES, h.AZURE_RULES])


class World:
    """Activities that fail until it is fixed."""

    def __init__(self, body: Callable[[Any], Steps], rules: str) -> None:
        self.is_broken = True
        self.calls: Counter[str] = Counter()
        self.driver = Driver({"o": body}, {name: self._activity(name) for name in "abc"})
        self.driver.start("o", rules=rules)

    def _activity(self, name: str) -> Callable[[Any], Any]:
        def run(_: Any) -> str:
            self.calls[name] += 1
            if self.is_broken and name != "c":
                raise ValueError(f"{name} is broken")
            return name

        return run

    def repair(self) -> Driver:
        """One rewind, and on to the end."""
        assert self.driver.status == "Failed"
        self.is_broken = False
        self.calls.clear()
        rewind(self.driver)
        self.driver.run()
        assert self.driver.replayed().differences == []
        return self.driver


@both_rules
def test_every_retried_call_that_had_failed_for_good_begins_again_with_its_first_attempt(rules: str) -> None:
    def body(context: Any) -> Steps:
        calls = [context.call_activity_with_retry(name, TWICE) for name in "ab"]
        return (yield context.task_all(calls))

    world = World(body, rules)
    world.driver.run()
    assert world.repair().output == ["a", "b"]
    assert world.calls == {"a": 1, "b": 1}
    attempts = [e.attempt for e in world.driver.history if isinstance(e, h.TaskScheduled)][-2:]
    assert attempts == [1, 1]


@both_rules
def test_an_exception_that_hides_a_retried_failure_still_leads_to_it(rules: str) -> None:
    def body(context: Any) -> Steps:
        task = context.call_activity_with_retry("a", TWICE)
        with suppress(TaskFailedError):
            yield task
        if task.is_faulted:
            raise RuntimeError("no")
        return "yes"

    world = World(body, rules)
    world.driver.run()
    assert world.repair().output == "yes"


@both_rules
def test_a_retried_call_that_had_failed_before_anybody_looked_begins_again_too(rules: str) -> None:
    def body(context: Any) -> Steps:
        calls = [context.call_activity_with_retry(name, ONCE) for name in "ab"]
        winner = yield context.task_any(calls)
        first = yield winner
        return [first, (yield calls[0]), (yield calls[1])]

    world = World(body, rules)
    world.driver.episode()
    world.driver.answer(1)
    world.driver.answer(0)
    world.driver.episode()
    world.driver.run()
    assert world.repair().status == "Completed"
    assert world.calls == {"a": 1, "b": 1}


def test_a_failure_whose_timer_had_not_fired_when_the_run_ended_is_not_left_to_end_it_again() -> None:
    def body(context: Any) -> Steps:
        calls = [context.call_activity_with_retry("a", ONCE), context.call_activity("b")]
        return (yield context.task_all(calls))

    world = World(body, h.AZURE_RULES)
    world.driver.episode()
    world.driver.answer(0)
    world.driver.episode()
    world.driver.answer(1)
    world.driver.episode()
    assert world.repair().output == ["a", "b"]


@both_rules
def test_the_delay_of_another_call_in_the_same_batch_does_not_hide_a_failure(rules: str) -> None:
    def body(context: Any) -> Steps:
        failing, retried = context.call_activity("a"), context.call_activity_with_retry("b", TWICE)
        fine = context.call_activity("c")
        yield context.task_any([failing, retried, fine])
        yield fine
        return [(yield retried), (yield failing)]

    world = World(body, rules)
    world.driver.episode()
    world.driver.answer(0)
    world.driver.answer(1)
    world.driver.episode()
    world.driver.run()
    assert world.repair().output == ["b", "a"]


def test_what_the_code_had_not_waited_for_is_no_work_after_a_rewind() -> None:
    def body(context: Any) -> Steps:
        later = context.call_activity("b")
        context.call_activity("never")
        first = yield context.call_activity("a")
        return [first, (yield later)]

    world = World(body, h.AZURE_RULES)
    world.driver.run()
    driver = world.driver
    world.is_broken = False
    rewind(driver)
    assert names(driver.episodes[-1]) == ["TaskScheduled(0) a"]
    driver.run()
    assert driver.output == ["a", "b"]


def test_calls_that_ran_when_task_all_failed_are_open_again() -> None:
    def body(context: Any) -> Steps:
        return (yield context.task_all([context.call_activity("a"), context.call_activity("c")]))

    world = World(body, h.AZURE_RULES)
    world.driver.episode()
    world.driver.answer(0)
    world.driver.episode()
    assert world.driver.status == "Failed"
    world.is_broken = False
    planned = rewind(world.driver)
    assert list(planned.open_tasks) == [1]
    assert world.driver.run().output == ["a", "c"]
    assert world.calls["c"] == 1
