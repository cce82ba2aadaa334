"""Tasks by themselves, and the failures they carry."""

from __future__ import annotations

import pytest

from dfcli.authoring.failures import TaskCancelledError, TaskFailedError
from dfcli.authoring.tasks import (
    ActivityTask,
    EventTask,
    Task,
    TaskState,
    TimerTask,
    WhenAllTask,
    WhenAnyTask,
    fail,
    succeed,
    waiting_parts,
)
from dfcli.model.failure import FailureDetails


def test_a_task_has_the_attributes_of_durable_functions_for_python() -> None:
    task = ActivityTask(3, "say")
    assert (task.id, task.is_completed, task.result, task.state) == (3, False, None, TaskState.RUNNING)
    with pytest.raises(ValueError, match="has not completed"):
        task.get_result()
    succeed(task, 42)
    assert (task.is_completed, task.is_failed, task.result, task.get_result()) == (True, False, 42, 42)
    assert (task.state.name, task.get_exception()) == ("SUCCEEDED", None)
    assert repr(task) == "<activity 'say', succeeded>"


def test_a_failed_task_holds_its_exception_and_raises_it_only_when_asked() -> None:
    task, error = Task(0), TaskFailedError("boom")
    fail(task, error)
    assert (task.result, task.get_exception(), task.state.name, task.is_faulted) == (error, error, "FAILED", True)
    with pytest.raises(TaskFailedError):
        task.get_result()


def test_completing_one_of_many_touches_no_other() -> None:
    tasks = [Task(n) for n in range(1000)]
    both = WhenAllTask(tasks)
    for task in tasks[:-1]:
        succeed(task, task.id)
    assert not both.is_completed
    assert both.completed_children == 999
    succeed(tasks[-1], 999)
    assert both.result == list(range(1000))
    assert both.id == list(range(1000))


def test_the_first_to_complete_wins_and_later_ones_change_nothing() -> None:
    a, b = Task(0), Task(1)
    first = WhenAnyTask([a, b])
    fail(b, ValueError())
    assert first.result is b
    succeed(a, 1)
    assert first.result is b


def test_a_compound_of_compounds_completes_from_the_inside() -> None:
    a, b, c = Task(0), Task(1), Task(2)
    outer = WhenAnyTask([WhenAllTask([a, WhenAnyTask([b, c])]), c])
    succeed(a, "a")
    assert waiting_parts(outer) == [b, c]
    succeed(b, "b")
    assert outer.result.result == ["a", b]
    succeed(c, "c")
    assert outer.result.result == ["a", b]


def test_a_cancelled_timer_fails_with_its_own_error_and_tells_once() -> None:
    told: list[TimerTask] = []
    timer = TimerTask(0, told.append)
    timer.cancel()
    timer.cancel()
    assert told == [timer]
    assert timer.is_cancelled
    assert isinstance(timer.get_exception(), TaskCancelledError)


def test_waiting_parts_names_each_running_leaf_once() -> None:
    event = EventTask("go", None, "")
    assert waiting_parts(WhenAllTask([event, WhenAnyTask([event])])) == [event]


def test_a_failure_says_what_failed_in_the_words_of_durable_functions() -> None:
    inner = FailureDetails(error_type="json.decoder.JSONDecodeError", error_message="bad")
    details = FailureDetails(error_type="app.Refused", error_message="no", stack_trace="Traceback", inner_failure=inner)
    error = TaskFailedError("Activity function 'F' failed", "{}", task_name="F", failure_details=details, seq=7)
    assert str(error) == "Activity function 'F' failed \n {}"
    assert (error.error_type, error.error_message, error.stack_trace) == ("app.Refused", "no", "Traceback")
    assert error.is_caused_by("Refused")
    assert error.is_caused_by("app.Refused")
    assert error.is_caused_by("JSONDecodeError")
    assert not error.is_caused_by(KeyError)


def test_a_failure_without_details_has_its_reason() -> None:
    error = TaskFailedError("terminated by hand")
    assert (str(error), error.error_type, error.error_message, error.stack_trace) == (
        "terminated by hand",
        "",
        "terminated by hand",
        None,
    )
    assert not error.is_caused_by(Exception)
