"""What a rewind makes of a history, and what the code sees and decides afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.engine.rewind import plan
from dfcli.model import history as h
from tests.engine.driver import Driver
from tests.engine.rewinding import effective_shape, rewind, shape

Steps = Generator[Any, Any, Any]


class Activities(dict[str, Callable[[Any], Any]]):
    """Names to functions that count their calls; those in `broken` fail."""

    def __init__(self, *names: str, broken: tuple[str, ...] = ()) -> None:
        self.broken = set(broken)
        self.succeeded: Counter[str] = Counter()
        super().__init__({name: self._make(name) for name in (*names, *broken)})

    def _make(self, name: str) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            if name in self.broken:
                raise ValueError(f"{name} is broken")
            self.succeeded[name] += 1
            return f"{name} {value}" if value is not None else name

        return run

    def fix(self) -> None:
        self.broken.clear()


def failed(function: Any, activities: Activities, **more: Any) -> Driver:
    driver = Driver({"o": function, **more}, activities).start("o").run()
    assert driver.status == "Failed", driver.status
    return driver


def replays(driver: Driver) -> None:
    """The whole history, cut at any episode since the rewind: the code may have been another one before."""
    rewound = max(event.seq for event in driver.history if isinstance(event, h.ExecutionRewound))
    for position, event in enumerate(driver.history):
        if isinstance(event, h.OrchestratorCompleted) and event.seq > rewound:
            again = Driver(driver.orchestrators, history=driver.history[: position + 1]).replayed()
            again.close()
    assert driver.replayed().differences == []


def test_the_failed_activity_alone_runs_again() -> None:
    def o(context: Any) -> Steps:
        first = yield context.call_activity("a", 1)
        second = yield context.call_activity("b", 2)
        return [first, second]

    activities = Activities("a", broken=("b",))
    driver = failed(o, activities)
    activities.fix()
    planned = rewind(driver)
    assert shape(planned.voided) == ["TaskScheduled(1)", "TaskFailed(1)", "ExecutionCompleted(2)"]
    assert [type(e).__name__ for e in driver.episodes[-1].events] == [
        "OrchestratorStarted",
        "TaskScheduled",
        "OrchestratorCompleted",
    ]
    driver.run()
    assert driver.output == ["a 1", "b 2"]
    assert activities.succeeded == {"a": 1, "b": 1}
    assert effective_shape(driver) == [
        *["ExecutionStarted", "OrchestratorStarted", "TaskScheduled(0)", "OrchestratorCompleted"],
        *["TaskCompleted(0)", "OrchestratorStarted", "OrchestratorCompleted"],
        *["OrchestratorStarted", "OrchestratorCompleted"],
        *["ExecutionRewound", "OrchestratorStarted", "TaskScheduled(1)", "OrchestratorCompleted"],
        *["TaskCompleted(1)", "OrchestratorStarted", "ExecutionCompleted(2)", "OrchestratorCompleted"],
    ]
    replays(driver)


def test_what_failed_again_is_rewound_again() -> None:
    def o(context: Any) -> Steps:
        return [(yield context.call_activity("a")), (yield context.call_activity("b"))]

    activities = Activities("a", broken=("b",))
    driver = failed(o, activities)
    for _ in range(3):
        rewind(driver)
        driver.run()
        assert driver.status == "Failed"
        replays(driver)
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.output == ["a", "b"]
    assert activities.succeeded == {"a": 1, "b": 1}
    replays(driver)


def test_a_retried_call_begins_again_with_its_first_attempt() -> None:
    def o(context: Any) -> Steps:
        done = yield context.call_activity("a")
        return [done, (yield context.call_activity_with_retry("b", RetryOptions(1000, 3)))]

    activities = Activities("a", broken=("b",))
    driver = failed(o, activities)
    activities.fix()
    planned = rewind(driver)
    assert [cause.task_scheduled_id for cause in planned.causes] == [1, 3, 5]
    driver.run()
    assert driver.output == ["a", "b"]
    scheduled = [e for e in driver.history if isinstance(e, h.TaskScheduled)][-1]
    assert (scheduled.event_id, scheduled.attempt) == (1, 1)
    replays(driver)


def test_what_a_handler_did_is_undone_and_what_finally_did_too() -> None:
    def o(context: Any) -> Steps:
        try:
            done = yield context.call_activity("b")
        except TaskFailedError:
            yield context.call_activity("clean")
            raise
        finally:
            yield context.call_activity("tidy")
        return done

    activities = Activities("clean", "tidy", broken=("b",))
    driver = failed(o, activities)
    assert activities.succeeded == {"clean": 1, "tidy": 1}
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.output == "b"
    assert activities.succeeded == {"clean": 1, "tidy": 2, "b": 1}
    replays(driver)


def test_every_failure_of_a_fan_out_runs_again_and_no_success() -> None:
    def o(context: Any) -> Steps:
        names = ["a", "b", "a", "c"]
        return (yield context.task_all([context.call_activity(name, n) for n, name in enumerate(names)]))

    activities = Activities("a", broken=("b", "c"))
    driver = failed(o, activities)
    activities.fix()
    planned = rewind(driver)
    assert [cause.task_scheduled_id for cause in planned.causes] == [1, 3]
    assert [e.event_id for e in driver.episodes[-1].events[1:-1]] == [1, 3]
    driver.run()
    assert driver.output == ["a 0", "b 1", "a 2", "c 3"]
    assert activities.succeeded == {"a": 2, "b": 1, "c": 1}
    replays(driver)


def test_a_failure_that_was_caught_long_before_stays_caught() -> None:
    def o(context: Any) -> Steps:
        try:
            first = yield context.call_activity("b")
        except TaskFailedError:
            first = yield context.call_activity("instead")
        return [first, (yield context.call_activity("c"))]

    activities = Activities("instead", broken=("b", "c"))
    driver = failed(o, activities)
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.output == ["instead", "c"]
    replays(driver)


def test_a_task_that_failed_before_anybody_looked_at_it_runs_again_with_the_one_that_ended_the_run() -> None:
    def o(context: Any) -> Steps:
        tasks = [context.call_activity("b"), context.call_activity("c")]
        return [(yield tasks[0]), (yield tasks[1])]

    activities = Activities(broken=("b", "c"))
    driver = Driver({"o": o}, activities).start("o")
    driver.episode()
    driver.answer(1)
    driver.episode()
    driver.answer(0)
    driver.episode()
    assert driver.status == "Failed"
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.output == ["b", "c"]
    replays(driver)


def test_another_exception_raised_because_of_a_failure_leads_to_the_failure() -> None:
    def o(context: Any) -> Steps:
        problem = ""
        try:
            return (yield context.call_activity("b"))
        except TaskFailedError as error:
            problem = str(error)
        raise RuntimeError(problem)

    activities = Activities(broken=("b",))
    driver = failed(o, activities)
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.output == "b"


def test_a_fault_of_the_code_itself_voids_the_end_alone() -> None:
    def o(context: Any) -> Steps:
        done = yield context.call_activity("a")
        raise KeyError(done)

    def repaired(context: Any) -> Steps:
        done = yield context.call_activity("a")
        return [done, (yield context.call_activity("a", "more"))]

    activities = Activities("a")
    driver = failed(o, activities)
    planned = rewind(driver, orchestrators={"o": repaired})
    assert shape(planned.voided) == ["ExecutionCompleted(1)"]
    assert [e.event_id for e in driver.episodes[-1].events[1:-1]] == [1]
    driver.run()
    assert driver.output == ["a", "a more"]
    replays(driver)


def test_a_fault_that_is_not_repaired_ends_the_run_again_at_once() -> None:
    def o(context: Any) -> Steps:
        yield context.call_activity("a")
        raise KeyError("bug")

    driver = failed(o, Activities("a"))
    rewind(driver)
    assert driver.status == "Failed"
    replays(driver)
    rewind(driver)
    assert driver.status == "Failed"
    replays(driver)


def test_open_work_of_before_the_failure_is_open_again() -> None:
    def o(context: Any) -> Steps:
        slow, child = context.call_activity("slow"), context.call_sub_orchestrator("child")
        timer = context.create_timer(timedelta(hours=1))
        event = context.wait_for_external_event("go")
        first = yield context.call_activity("b")
        yield timer
        return [first, (yield slow), (yield child), (yield event)]

    def child(context: Any) -> str:
        return "grown"

    activities = Activities("slow", broken=("b",))
    driver = Driver({"o": o, "child": child}, activities).start("o")
    driver.episode()
    driver.raise_event("go", "now")
    driver.answer(3)
    driver.episode()
    assert driver.status == "Failed"
    activities.fix()
    planned = rewind(driver)
    assert (list(planned.open_tasks), list(planned.open_timers), list(planned.open_children)) == ([0], [2], [1])
    driver.run(lambda work: len(work) - 1)
    assert driver.output == ["b", "slow", "grown", "now"]
    replays(driver)


def test_a_failed_child_stays_scheduled_and_its_answer_is_awaited_again() -> None:
    def o(context: Any) -> Steps:
        return (yield context.call_sub_orchestrator("child"))

    driver = Driver({"o": o, "child": o}).start("o")
    driver.episode()
    driver.fail_child(0, ValueError("child"))
    driver.episode()
    assert driver.status == "Failed"
    planned = rewind(driver)
    assert shape(planned.voided) == ["SubOrchestrationInstanceFailed(0)", "ExecutionCompleted(1)"]
    assert driver.status == "Running"
    assert list(driver.execution.open_children) == [0]
    driver.complete_child(0, "grown")
    driver.episode()
    assert driver.output == "grown"
    replays(driver)


def test_a_lost_child_is_scheduled_anew_under_its_number() -> None:
    def o(context: Any) -> Steps:
        return (yield context.call_sub_orchestrator("child"))

    driver = Driver({"o": o, "child": o}).start("o")
    driver.episode()
    created = driver.execution.open_children[0]
    driver.fail_child(0, ValueError("child"))
    driver.episode()
    planned = rewind(driver, lost=(created.seq,))
    assert planned.failed_children == []
    assert planned.dropped_children == [created]
    again = driver.execution.open_children[0]
    assert again.seq > created.seq
    assert again.child_instance_id == created.child_instance_id
    replays(driver)


def test_a_cut_by_hand_voids_all_that_was_decided_from_there() -> None:
    def o(context: Any) -> Steps:
        done = []
        for n in range(4):
            done.append((yield context.call_activity("a", n)))
        return [*done, (yield context.call_activity("b"))]

    activities = Activities("a", broken=("b",))
    driver = failed(o, activities)
    second = next(e for e in driver.history if isinstance(e, h.TaskCompleted) and e.task_scheduled_id == 1)
    activities.fix()
    rewind(driver, cut=second.seq)
    driver.run()
    assert driver.output == ["a 0", "a 1", "a 2", "a 3", "b"]
    assert activities.succeeded == {"a": 6, "b": 1}
    replays(driver)


def test_a_cut_at_a_decision_in_the_middle_of_an_episode_keeps_those_before_it() -> None:
    def o(context: Any) -> Steps:
        return (yield context.task_all([context.call_activity(name) for name in ("a", "a", "b")]))

    activities = Activities("a", broken=("b",))
    driver = failed(o, activities)
    second = [e for e in driver.history if isinstance(e, h.TaskScheduled)][1]
    activities.fix()
    rewind(driver, cut=second.seq)
    assert [e.event_id for e in driver.episodes[-1].events[1:-1]] == [1, 2]
    driver.run()
    assert activities.succeeded == {"a": 3, "b": 1}
    replays(driver)


def test_code_that_no_longer_asks_for_what_stays_is_refused() -> None:
    def o(context: Any) -> Steps:
        yield context.call_activity("a")
        yield context.call_activity("b")

    def other(context: Any) -> Steps:
        yield context.call_activity("z")
        yield context.call_activity("b")

    driver = failed(o, Activities("a", broken=("b",)))
    with pytest.raises(NonDeterminismError, match="activity `a`, the code now asks for activity `z`"):
        rewind(driver, orchestrators={"o": other})


def test_a_timer_cancelled_before_the_failure_is_not_awaited_again() -> None:
    def o(context: Any) -> Steps:
        timer = context.create_timer(timedelta(days=1))
        yield context.task_any([context.wait_for_external_event("go"), timer])
        timer.cancel()
        return (yield context.call_activity("b"))

    activities = Activities(broken=("b",))
    driver = Driver({"o": o}, activities).start("o")
    driver.episode()
    driver.raise_event("go")
    driver.episode()
    driver.run(lambda work: len(work) - 1)
    activities.fix()
    rewind(driver)
    assert not driver.execution.open_timers
    driver.run()
    assert driver.output == "b"
    replays(driver)


def test_code_that_now_returns_before_the_failure_ends_with_the_rewind() -> None:
    def o(context: Any) -> Steps:
        yield context.call_activity("a")
        yield context.call_activity("b")
        yield context.call_activity("c")

    def shorter(context: Any) -> Steps:
        yield context.call_activity("a")
        return "enough"

    activities = Activities("a", "b", broken=("c",))
    driver = failed(o, activities)
    done = next(e for e in driver.history if isinstance(e, h.TaskCompleted))
    rewind(driver, orchestrators={"o": shorter}, cut=done.seq)
    assert (driver.status, driver.output) == ("Completed", "enough")
    replays(driver)


def test_a_custom_status_set_anew_shows_with_the_rewind() -> None:
    def o(context: Any) -> Steps:
        yield context.call_activity("a")
        context.set_custom_status("failing soon")
        raise ValueError("bug")

    def repaired(context: Any) -> Steps:
        yield context.call_activity("a")
        context.set_custom_status("better")
        yield context.call_activity("a")

    driver = failed(o, Activities("a"))
    rewind(driver, orchestrators={"o": repaired})
    closing = driver.episodes[-1].events[-1]
    assert isinstance(closing, h.OrchestratorCompleted)
    assert bytes(closing.custom_status) == b'"better"'
    replays(driver)


def test_a_suspension_in_the_batch_of_the_failure_holds_after_the_rewind() -> None:
    def o(context: Any) -> Steps:
        return (yield context.call_activity("b"))

    activities = Activities(broken=("b",))
    driver = Driver({"o": o}, activities).start("o")
    driver.episode()
    driver.answer(0)
    driver.arrive(h.ExecutionSuspended, reason="hold")
    driver.episode()
    assert driver.status == "Failed"
    activities.fix()
    planned = rewind(driver)
    assert planned.suspended
    assert driver.execution.is_suspended
    driver.answer(0)
    driver.episode()
    assert driver.status == "Running"
    driver.arrive(h.ExecutionResumed)
    driver.episode()
    assert driver.output == "b"
    replays(driver)


def test_a_rewound_run_can_be_terminated_before_it_has_gone_on() -> None:
    def o(context: Any) -> Steps:
        return (yield context.call_activity("b"))

    driver = failed(o, Activities(broken=("b",)))
    planned = plan(driver.history)
    driver.seq += 1
    driver.history.append(planned.line(seq=driver.seq, timestamp=driver.now, reason="", execution_id="0" * 32))
    driver.execution = driver.replayed()
    driver.inbox = list(driver.execution.unconsumed)
    driver.arrive(h.ExecutionTerminated, reason="no")
    driver.episode()
    assert driver.status == "Terminated"
    replays(driver)


def test_code_that_continues_as_new_after_a_rewind_carries_its_unread_events() -> None:
    def o(context: Any) -> Steps:
        yield context.call_activity("b")
        context.continue_as_new("next")

    activities = Activities(broken=("b",))
    driver = Driver({"o": o}, activities).start("o")
    driver.episode()
    driver.raise_event("later", 1)
    driver.answer(0)
    driver.episode()
    activities.fix()
    rewind(driver)
    driver.run()
    assert driver.status == "ContinuedAsNew"
    assert [event.name for event in driver.episodes[-1].carried] == ["later"]
