"""Wrong code changes: each is found at the first decision that differs, with the line of code that differs."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Generator
from typing import Any

import pytest

from dfcli.engine import code
from dfcli.engine.execution import NonDeterminismError
from dfcli.model import history as h
from tests.engine import wrong_changes
from tests.engine.driver import Driver
from tests.engine.wrong_changes import (
    CHANGES,
    MINUTE,
    activity_became_timer,
    chain,
    child_renamed,
    event_inserted,
    fan_out,
    loops,
    parent,
    removed_at_the_end,
    renamed,
    retries,
    timer_removed,
    waits,
)

Gen = Generator[Any, Any, Any]


def flaky(_: Any) -> Any:
    raise ConnectionError("down")


def history_of(original: Any) -> Driver:
    return Driver({"o": original, "child": lambda _: "grown"}, {"flaky": flaky}).start("o").run()


def line_of(function: Any) -> int | None:
    lines, first = inspect.getsourcelines(function)
    return next((first + offset for offset, line in enumerate(lines) if "HERE" in line), None)


def test_there_are_at_least_thirty_changes() -> None:
    assert len(CHANGES) >= 30


@pytest.mark.parametrize("original", [chain, fan_out, waits, parent, retries, loops])
def test_unchanged_code_agrees_with_its_history(original: Any) -> None:
    driver = history_of(original)
    assert driver.execution.is_finished
    driver.replayed()


@pytest.mark.parametrize("change", CHANGES, ids=lambda function: function.__name__)
def test_a_wrong_change_is_found_with_event_recorded_asked_file_and_line(change: Any) -> None:
    original, recorded, asked = CHANGES[change]
    driver = history_of(original)
    with pytest.raises(NonDeterminismError) as caught:
        driver.replayed({"o": change})
    error = caught.value
    assert error.recorded_text == recorded
    assert error.asked_text.startswith(asked)
    line = driver.history[error.seq - 1]
    assert line.seq == error.seq
    assert isinstance(line, h.OrchestratorCompleted) if error.recorded is None else line == error.recorded
    assert error.event_id == (-1 if error.recorded is None else line.event_id)
    expected = line_of(change)
    if expected is not None:
        assert error.location is not None
        assert (error.location.file, error.location.line) == (wrong_changes.__file__, expected)
        assert error.what.startswith(f"replay diverged at event {error.seq}: history recorded {recorded}, the code now")
        assert f"({wrong_changes.__file__}:{expected} in " in error.what
    assert error.exit_code == 5
    assert error.why
    assert error.hint


def test_a_change_is_found_in_code_that_catches_everything_in_a_loop() -> None:
    enough: list[str] = []

    def deaf(context: Any) -> Gen:
        while not enough:
            with contextlib.suppress(BaseException):
                yield context.call_activity("bill")

    driver = Driver({"o": chain}).start("o")
    driver.episode()
    with pytest.raises(NonDeterminismError, match="the code now asks for activity `bill`"):
        driver.replayed({"o": deaf})
    enough.append("enough")
    while code._stubborn:
        code._stubborn.pop().close()


def test_a_change_is_found_in_a_live_history_before_anything_new_is_decided() -> None:
    driver = Driver({"o": chain}).start("o")
    driver.episode()
    driver.complete(0, 1)
    driver.episode()
    driver.complete(1, 1)
    with pytest.raises(NonDeterminismError, match="`charge`, the code now asks for activity `bill`"):
        driver.replayed({"o": renamed})


def harmless_inputs(c: Any) -> Gen:
    a = yield c.call_activity("RESERVE", "another input")
    b = yield c.call_activity("charge", a)
    yield c.call_activity("ship", b)
    return "done"


def harmless_delay(c: Any) -> Gen:
    timer, event = c.create_timer(2 * MINUTE), c.wait_for_external_event("approval")
    winner = yield c.task_any([timer, event])
    yield c.call_activity("late" if winner is timer else "approved")
    return "done"


def test_inputs_due_times_and_the_case_of_names_may_change_and_are_only_noted() -> None:
    execution = history_of(chain).replayed({"o": harmless_inputs})
    assert [text for _, text in execution.differences] == [
        'the input of `RESERVE` was recorded as 1, the code now passes "another input"'.replace("RESERVE", "reserve")
    ]
    (difference,) = history_of(waits).replayed({"o": harmless_delay}).differences
    assert "the code now asks for 2026-01-05T10:02:00.010000Z" in difference.text


def test_a_recorded_timer_keeps_its_recorded_time() -> None:
    driver = Driver({"o": waits}).start("o")
    driver.episode()
    execution = driver.replayed({"o": harmless_delay})
    assert execution.open_timers[0].fire_at == "2026-01-05T10:01:00.010000Z"
    execution.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (renamed, "scheduled an activity task with sequence number 1 named 'charge', but the current orchestration "
                  "replay instead scheduled an activity task named 'bill' with this sequence number. Was a change"),
        (activity_became_timer, "named 'charge', but the current orchestration replay instead produced a "
                                "CreateTimerOrchestratorAction action with this sequence number."),
        (event_inserted, "scheduled an activity task with sequence ID 1 and name 'charge' (version ''), but the "
                         "current replay execution hasn't (yet?) scheduled this task."),
        (timer_removed, "scheduled a timer task with sequence number 0 but the current replay execution hasn't (yet?)"),
        (child_renamed, "scheduled a sub-orchestration task with sequence number 0 named 'child', but the current"),
        (removed_at_the_end, "instead produced a OrchestrationCompleteOrchestratorAction action"),
    ],
)  # fmt: skip
def test_the_text_of_durable_functions_is_at_hand(change: Any, text: str) -> None:
    with pytest.raises(NonDeterminismError) as caught:
        history_of(CHANGES[change][0]).replayed({"o": change})
    assert caught.value.vendor_text.startswith("Non-Deterministic workflow detected: A previous execution of this ")
    assert text in caught.value.vendor_text
