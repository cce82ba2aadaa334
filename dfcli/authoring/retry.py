"""Retry policies: how often, and how long to wait in between. All durations of `RetryOptions` are milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.interrupts import is_interrupt

RETRY_INTERVAL_DEFAULT_MAX = timedelta(days=6)


class RetryOptions:
    """A retry policy for `call_activity_with_retry` and `call_sub_orchestrator_with_retry`.

    `max_number_of_attempts` counts the first. The delay before attempt n + 1 is the first interval times
    `backoff_coefficient` to the power n - 1, at most the max interval (six days by default). No attempt begins when
    `retry_timeout_in_milliseconds` have passed since the first call. `handle` sees each failure and says whether to
    try again; one that raises means no. A failure marked as not retriable ends it at once.
    """

    __slots__ = (
        "backoff_coefficient",
        "first_retry_interval_in_milliseconds",
        "handle",
        "max_number_of_attempts",
        "max_retry_interval_in_milliseconds",
        "retry_timeout_in_milliseconds",
    )

    def __init__(
        self,
        first_retry_interval_in_milliseconds: float,
        max_number_of_attempts: int,
        *,
        backoff_coefficient: float = 1.0,
        max_retry_interval_in_milliseconds: float | None = None,
        retry_timeout_in_milliseconds: float | None = None,
        handle: Callable[[TaskFailedError], bool] | None = None,
    ) -> None:
        if not first_retry_interval_in_milliseconds > 0:
            # The vendor's text, missing blank included: apps compare it.
            raise ValueError("first_retry_interval_in_milliseconds valuemust be greater than 0.")
        if max_number_of_attempts < 1:
            raise ValueError("max_number_of_attempts must be at least 1: it counts the first attempt.")
        if not backoff_coefficient > 0:
            raise ValueError("backoff_coefficient must be greater than 0.")
        for name, value in (
            ("max_retry_interval_in_milliseconds", max_retry_interval_in_milliseconds),
            ("retry_timeout_in_milliseconds", retry_timeout_in_milliseconds),
        ):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be greater than 0.")
        if handle is not None and not callable(handle):
            raise TypeError("handle must be a function of the failure that returns whether to try again.")
        self.first_retry_interval_in_milliseconds = first_retry_interval_in_milliseconds
        self.max_number_of_attempts = max_number_of_attempts
        self.backoff_coefficient = backoff_coefficient
        self.max_retry_interval_in_milliseconds = max_retry_interval_in_milliseconds
        self.retry_timeout_in_milliseconds = retry_timeout_in_milliseconds
        self.handle = handle

    def delay(self, failures: int) -> timedelta:
        """How long to wait after the given number of failed attempts."""
        longest = (
            RETRY_INTERVAL_DEFAULT_MAX
            if self.max_retry_interval_in_milliseconds is None
            else timedelta(milliseconds=self.max_retry_interval_in_milliseconds)
        )
        try:
            wished = timedelta(
                milliseconds=self.first_retry_interval_in_milliseconds * self.backoff_coefficient ** (failures - 1)
            )
        except OverflowError:
            return longest
        return min(wished, longest)

    def next_delay(self, error: TaskFailedError, failures: int, elapsed: timedelta) -> timedelta | None:
        """How long to wait before the next attempt, None for no further one.

        `failures` attempts have failed, the last with `error`, `elapsed` after the first call.
        """
        if error.failure_details is not None and error.failure_details.is_non_retriable:
            return None
        if failures >= self.max_number_of_attempts:
            return None
        timeout = self.retry_timeout_in_milliseconds
        if timeout is not None and elapsed >= timedelta(milliseconds=timeout):
            return None
        if not self._is_handled(error):
            return None
        return self.delay(failures) or None  # zero means stop, as in Durable Functions

    def _is_handled(self, error: TaskFailedError) -> bool:
        if self.handle is None:
            return True
        try:
            return bool(self.handle(error))
        except BaseException as raised:  # a predicate that fails means "no retry", as in Durable Functions
            if is_interrupt(raised):
                raise
            return False

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"RetryOptions({members})"
