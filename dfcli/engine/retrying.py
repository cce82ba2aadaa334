"""A call with a retry policy: attempt, delay, attempt, as one task for the code that made it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import Task, fail
from dfcli.engine.rules import Rules
from dfcli.model.history import SubOrchestrationInstanceCompleted, TaskCompleted, TimerCreated
from dfcli.model.time import to_datetime


class Delays(Protocol):
    """Who makes the timers between attempts."""

    timestamp: str

    next_event_id: int
    rules: Rules

    def delay_retry(self, call: RetryingCall, delay: timedelta, first: int) -> TimerCreated: ...

    def delay_poll(self, call: RetryingCall, delay: timedelta) -> TimerCreated: ...


class RetryingCall:
    """Takes the answers to all attempts. Each attempt has an event id of its own."""

    __slots__ = ("_attempt", "_delays", "_first", "_last_failure", "_options", "_started", "attempts", "delay", "task")

    def __init__(
        self,
        task: Task,
        options: RetryOptions,
        attempt: Callable[[RetryingCall, int | None, int], None],
        delays: Delays,
    ) -> None:
        self.task = task
        """What the code waits for; its id is the first attempt's."""
        self.attempts = 1
        self.delay: TimerCreated | None = None
        """The timer while it waits for the next attempt."""
        self._options = options
        self._attempt = attempt
        self._delays = delays
        self._started = delays.timestamp
        self._first: int = task.id
        """Event id of the first attempt."""
        self._last_failure: TaskFailedError | None = None
        """What the timer after the last attempt holds back."""

    def begin(self) -> None:
        """Make the first attempt."""
        self._attempt(self, None, 1)

    def restart(self) -> None:
        """Make the first attempt of what comes next."""
        self.attempts = 1
        self._started = self._delays.timestamp
        self._first = self._delays.next_event_id
        self.begin()

    def completed(self, event: TaskCompleted | SubOrchestrationInstanceCompleted) -> Task | None:
        """The task that an answer completes; None when it goes on by itself."""
        del event
        return self.task

    def attempt_failed(self, error: TaskFailedError) -> None:
        elapsed = to_datetime(self._delays.timestamp) - to_datetime(self._started)
        delay = self._options.next_delay(error, self.attempts, elapsed)
        if delay is None and not self._delays.rules.delays_after_last:
            fail(self.task, error)
        elif delay is None:
            self._last_failure = error
            self.delay = self._delays.delay_retry(self, timedelta(0), self._first)
        else:
            self.delay = self._delays.delay_retry(self, delay, self._first)

    def delay_over(self) -> None:
        self.delay = None
        if self._last_failure is not None:
            fail(self.task, self._last_failure)
            return
        self.attempts += 1
        self._attempt(self, self._first, self.attempts)
