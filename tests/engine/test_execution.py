"""Shapes of orchestrators, the ends of a run, and answers that come late."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.engine.execution import UnknownOrchestrator
from dfcli.engine.nondeterminism import UnknownRules
from dfcli.engine.outcome import ended, next_event_id
from dfcli.model import history as h
from tests.engine.driver import Driver, members, names
from tests.engine.outcomes import failure_of, output_of, started

Gen = Generator[Any, Any, Any]

# -- shapes of orchestrators -----------------------------------------------------------------------------------------


def test_a_plain_function_returns_the_output_at_once() -> None:
    assert output_of(lambda context: context.get_input() + 1, 41) == 42


def test_helpers_may_be_generators_and_coroutines_at_any_depth() -> None:
    def inner(context: Any, n: int) -> Gen:
        if n == 0:
            return (yield context.call_activity("echo", "deep"))
        return (yield from inner(context, n - 1))

    async def coroutine(context: Any, n: int) -> Any:
        return await (coroutine(context, n - 1) if n else context.call_activity("echo", "deep"))

    assert output_of(lambda context: inner(context, 50)) == "deep"
    assert output_of(lambda context: coroutine(context, 50)) == "deep"


def test_something_that_is_not_a_task_raises_a_clear_type_error_inside_the_orchestrator() -> None:
    def catches(context: Any) -> Gen:
        try:
            yield 42
        except TypeError as error:
            return str(error)

    assert "not for int: yield or await what context.call_activity" in output_of(catches)
    assert "context.task_all([...])" in failure_of(lambda c: (yield [c.call_activity("echo")]))
    assert "`yield from`" in failure_of(lambda _: (yield (x for x in [1])))


def test_awaiting_the_event_loop_is_refused() -> None:
    async def sleeps(context: Any) -> None:
        await asyncio.sleep(0)

    assert "not for NoneType" in failure_of(sleeps)


def test_an_async_generator_is_refused_and_so_is_a_returned_task() -> None:
    async def both(context: Any) -> Any:
        yield context.call_activity("echo")

    assert "async generator" in failure_of(both)
    assert "yield or await the task" in failure_of(lambda context: context.call_activity("echo"))


def test_a_finished_task_can_be_waited_for_again_without_any_new_history() -> None:
    def twice(context: Any) -> Gen:
        task = context.call_activity("echo", 1)
        first = yield task
        return [first, (yield task), task.result, task.get_result(), task.is_completed]

    assert output_of(twice) == [1, 1, 1, 1, True]


# -- ends ------------------------------------------------------------------------------------------------------------


def test_an_uncaught_exception_fails_the_instance_with_type_message_and_the_users_traceback() -> None:
    def breaks(context: Any) -> Gen:
        yield context.call_activity("echo")
        raise KeyError("missing")

    driver = started(breaks).run()
    assert driver.output == "Orchestrator function 'o' failed: 'missing'"
    details = driver.last.failure_details
    assert (details.error_type, details.error_message) == ("KeyError", "'missing'")
    assert "in breaks" in details.stack_trace
    assert "dfcli/engine" not in details.stack_trace
    assert driver.last.caused_by is None


def test_an_exception_without_text_is_named_by_its_type() -> None:
    def breaks(context: Any) -> None:
        raise ValueError

    assert failure_of(breaks) == "Orchestrator function 'o' failed: ValueError"


def test_the_line_that_caused_the_end_is_found_through_exceptions_raised_in_its_place() -> None:
    def rewords(context: Any) -> Gen:
        try:
            yield context.call_activity("echo")
        except TaskFailedError:
            raise RuntimeError("could not") from None

    driver = started(rewords)
    driver.fail(0, ValueError())
    driver.episode()
    assert driver.last.caused_by == 5


def test_of_a_chain_of_failures_the_first_is_the_cause() -> None:
    def compensates(context: Any) -> Gen:
        try:
            yield context.call_activity("charge")
        except TaskFailedError:
            yield context.call_activity("refund")

    driver = started(compensates)
    driver.fail(0, ValueError("charge"))
    first = driver.history[-1].seq
    driver.episode()
    driver.fail(1, ValueError("refund"))
    driver.episode()
    assert driver.last.caused_by == first
    assert "refund" in driver.last.failure_details.error_message


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), BaseException("odd"), asyncio.CancelledError()])
def test_nothing_that_user_code_raises_reaches_the_host(error: BaseException) -> None:
    def exits(context: Any) -> Gen:
        yield context.call_activity("echo")
        raise error

    assert "Orchestrator function 'o' failed" in failure_of(exits)


def test_control_c_is_let_through() -> None:
    def interrupted(context: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        started(interrupted)


def test_an_output_that_is_no_json_fails_the_instance_with_the_path_to_it() -> None:
    assert "$.rows[1]" in failure_of(lambda _: {"rows": [1, object()]})


def test_an_input_that_is_no_json_raises_at_the_call() -> None:
    assert "not JSON serializable" in failure_of(lambda context: context.call_activity("echo", {1, 2}))


def test_an_instance_ends_when_its_code_returns_whatever_is_still_open() -> None:
    def leaves(context: Any) -> Gen:
        context.create_timer(timedelta(days=1))
        context.call_activity("slow")
        context.wait_for_external_event("never")
        yield context.call_activity("echo")
        return "done"

    driver = started(leaves)
    driver.complete(2, None)
    driver.raise_event("never")
    episode = driver.episode()
    assert (driver.status, episode.finished) == ("Completed", True)
    assert driver.execution.open_tasks == driver.execution.open_timers == {}
    assert driver.execution.waits() == []
    assert [event.name for event in episode.carried] == ["never"], "it arrived after the end"


def test_an_ended_execution_takes_no_more_events() -> None:
    driver = started(lambda _: 1)
    driver.raise_event("x")
    with pytest.raises(RuntimeError, match="has ended"):
        driver.episode()


def test_an_unknown_orchestrator_is_named_and_nothing_has_run() -> None:
    with pytest.raises(UnknownOrchestrator) as caught:
        Driver({}).start("gone").episode()
    assert caught.value.name == "gone"


def test_an_instance_can_be_ended_without_its_code() -> None:
    driver = started(lambda c: (yield c.call_activity("echo")))
    begin = h.OrchestratorStarted(seq=6, event_id=-1, timestamp=driver.now, consumed=5)
    first = driver.history[0]
    assert isinstance(first, h.ExecutionStarted)
    episode = ended(begin, first, next_event_id(driver.history), "Terminated", "no longer needed")
    assert [type(event).__name__ for event in episode.events] == [
        "OrchestratorStarted",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    last = episode.events[1]
    assert (last.seq, last.event_id, members(last)["Result"]) == (7, 1, "no longer needed")


# -- late and duplicate answers --------------------------------------------------------------------------------------


def test_answers_to_nothing_and_second_answers_change_nothing() -> None:
    def two(context: Any) -> Gen:
        timer = context.create_timer(timedelta(hours=1))
        first = yield context.call_activity("echo")
        timer.cancel()
        return [first, (yield context.call_activity("echo"))]

    driver = started(two)
    driver.complete(7, "stray")
    driver.complete(0, "a timer's number")
    driver.arrive(h.TimerFired, timer_id=1, fire_at=driver.now)
    driver.complete(1, "one")
    driver.complete(1, "again")
    driver.arrive(h.TimerFired, timer_id=0, fire_at=driver.now)
    driver.fail(1, ValueError())
    driver.episode()
    assert names(driver.episodes[-1]) == ["TaskScheduled(2) echo"]
    driver.complete(2, "two")
    driver.episode()
    assert driver.output == ["one", "two"]
    driver.replayed()


def test_answers_that_no_episode_has_seen_are_not_shown_as_open_work_and_count_once() -> None:
    def two(context: Any) -> Gen:
        return (yield context.task_all([context.call_activity("echo"), context.call_activity("echo")]))

    driver = started(two)
    driver.complete(0, "first")
    driver.complete(0, "second")
    replayed = driver.replayed()
    assert list(replayed.open_tasks) == [1]
    driver.execution, driver.inbox = replayed, list(replayed.unconsumed)
    driver.complete(1, "other")
    driver.episode()
    assert driver.output == ["first", "other"]


def test_a_history_of_other_replay_rules_is_refused_before_any_code_runs() -> None:
    driver = Driver({"o": lambda _: 1}).start("o", rules="native/2")
    with pytest.raises(UnknownRules, match="'native/2'"):
        driver.episode()
