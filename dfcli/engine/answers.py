"""Hands an answer to the task that waits for it: its value, or its failure."""

from __future__ import annotations

from msgspec import Raw, UnsetType

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.interrupts import is_interrupt
from dfcli.authoring.tasks import Task, fail, succeed
from dfcli.authoring.typed import value_of
from dfcli.engine.retrying import RetryingCall
from dfcli.model.history import SubOrchestrationInstanceFailed, TaskFailed


def succeed_with(task: Task, raw: Raw | UnsetType, text: str | UnsetType) -> None:
    """Complete a task with a payload's value; a payload that cannot become the wished type fails the task."""
    try:
        value = value_of(raw, text, task.expected_type)
    except BaseException as error:  # `from_json` is user code; nothing it does may reach the host
        if is_interrupt(error):
            raise
        fail(task, error)
    else:
        succeed(task, value)


def fail_with(answered: Task | RetryingCall, event: TaskFailed | SubOrchestrationInstanceFailed) -> None:
    """Fail a task, or the attempt of one, with what a failure line says."""
    task = answered.task if isinstance(answered, RetryingCall) else answered
    error = TaskFailedError(
        event.reason, event.details, task_name=task.name, failure_details=event.failure_details, seq=event.seq
    )
    if isinstance(answered, RetryingCall):
        answered.attempt_failed(error)
    else:
        fail(answered, error)
