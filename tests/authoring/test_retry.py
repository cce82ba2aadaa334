"""The arithmetic of retry policies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.model.failure import FailureDetails

SECOND = timedelta(seconds=1)
NOW = timedelta()
BOOM = TaskFailedError("boom", failure_details=FailureDetails(error_type="ValueError", error_message="boom"))


def delays(options: RetryOptions) -> list[float | None]:
    """Seconds before each further attempt, None for the end."""
    found: list[float | None] = []
    for failures in range(1, 12):
        delay = options.next_delay(BOOM, failures, NOW)
        found.append(None if delay is None else delay.total_seconds())
        if delay is None:
            break
    return found


def test_attempts_count_the_first() -> None:
    assert delays(RetryOptions(1_000, 1)) == [None]
    assert delays(RetryOptions(1_000, 3)) == [1, 1, None]


def test_the_delay_grows_by_the_coefficient_up_to_the_longest() -> None:
    assert delays(RetryOptions(1_000, 5, backoff_coefficient=2)) == [1, 2, 4, 8, None]
    capped = RetryOptions(1_000, 5, backoff_coefficient=2, max_retry_interval_in_milliseconds=3_000)
    assert delays(capped) == [1, 2, 3, 3, None]
    assert delays(RetryOptions(1_000, 4, backoff_coefficient=0.5)) == [1, 0.5, 0.25, None]


def test_a_delay_is_six_days_at_most_unless_told_otherwise() -> None:
    assert RetryOptions(1_000, 9_999, backoff_coefficient=10).delay(5_000) == timedelta(days=6)
    longer = RetryOptions(1_000, 99, backoff_coefficient=10, max_retry_interval_in_milliseconds=864_000_000)
    assert longer.delay(50) == timedelta(days=10)


def test_a_delay_of_nothing_ends_it() -> None:
    assert delays(RetryOptions(0.0001, 3)) == [None]


def test_no_attempt_begins_after_the_timeout() -> None:
    options = RetryOptions(1_000, 9, retry_timeout_in_milliseconds=5_000)
    assert options.next_delay(BOOM, 1, 4.999 * SECOND) == SECOND
    assert options.next_delay(BOOM, 1, 5 * SECOND) is None


def test_the_predicate_sees_the_failure_and_one_that_raises_means_no() -> None:
    assert delays(RetryOptions(1_000, 2, handle=lambda error: error.error_type == "ValueError")) == [1, None]
    assert delays(RetryOptions(1_000, 9, handle=lambda error: error.error_type == "KeyError")) == [None]
    assert delays(RetryOptions(1_000, 9, handle=lambda _: 1 / 0 > 1)) == [None]

    def leaves(error: TaskFailedError) -> bool:
        raise SystemExit(1)

    assert delays(RetryOptions(1_000, 9, handle=leaves)) == [None]


def test_a_failure_marked_as_final_is_not_tried_again() -> None:
    final = FailureDetails(error_type="ValueError", error_message="x", is_non_retriable=True)
    assert RetryOptions(1_000, 9).next_delay(TaskFailedError("x", failure_details=final), 1, NOW) is None


@pytest.mark.parametrize(
    ("arguments", "keywords", "text"),
    [
        ((0, 3), {}, "first_retry_interval_in_milliseconds valuemust be greater than 0."),
        ((-1, 3), {}, "valuemust be greater"),
        ((float("nan"), 3), {}, "valuemust be greater"),
        ((1, 0), {}, "counts the first attempt"),
        ((1, 1), {"backoff_coefficient": 0}, "backoff_coefficient must be greater than 0"),
        ((1, 1), {"max_retry_interval_in_milliseconds": 0}, "max_retry_interval_in_milliseconds must be"),
        ((1, 1), {"retry_timeout_in_milliseconds": -5}, "retry_timeout_in_milliseconds must be"),
    ],
)
def test_wrong_numbers_are_refused(arguments: Any, keywords: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        RetryOptions(*arguments, **keywords)


def test_a_predicate_must_be_callable() -> None:
    with pytest.raises(TypeError, match="handle must be a function"):
        RetryOptions(1, 1, handle="ValueError")  # type: ignore[arg-type]


def test_the_policy_shows_its_numbers() -> None:
    assert "max_number_of_attempts=3" in repr(RetryOptions(1_000, 3))
