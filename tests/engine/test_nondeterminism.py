"""Wrong code changes: each is found at the first decision that differs, with the line of code that differs.

Every change is a function whose line to be named bears the comment `# HERE`; its original is run first, and the
history replayed on the change.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.execution import NonDeterminismError
from dfcli.model import history as h
from tests.engine.driver import Driver

Gen = Generator[Any, Any, Any]
MINUTE = timedelta(minutes=1)
CHANGES: dict[Any, tuple[Any, str, str]] = {}
_clock = itertools.count()


def changed(original: Any, recorded: str, asked: str) -> Any:
    """The decorated function is a wrong change of `original`."""

    def note(function: Any) -> Any:
        CHANGES[function] = (original, recorded, asked)
        return function

    return note


# -- the originals, and what goes wrong with them ----------------------------------------------------------------------


def chain(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    b = yield c.call_activity("charge", a)
    yield c.call_activity("ship", b)
    return "done"


@changed(chain, "activity `charge`", "asks for activity `bill`")
def renamed(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    b = yield c.call_activity("bill", a)  # HERE
    yield c.call_activity("ship", b)
    return "done"


@changed(chain, "activity `reserve`", "asks for activity `charge`")
def swapped(c: Any) -> Gen:
    a = yield c.call_activity("charge", 1)  # HERE
    b = yield c.call_activity("reserve", a)
    yield c.call_activity("ship", b)
    return "done"


@changed(chain, "activity `charge`", "asks for activity `ship`")
def removed_in_the_middle(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    yield c.call_activity("ship", a)  # HERE
    return "done"


@changed(chain, "activity `ship`", "returns")
def removed_at_the_end(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    yield c.call_activity("charge", a)
    return "done"  # HERE


@changed(chain, "activity `reserve`", "returns")
def removed_altogether(c: Any) -> Any:
    return "done"


@changed(chain, "activity `charge`", "asks for activity `check`")
def inserted(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    yield c.call_activity("check", a)  # HERE
    b = yield c.call_activity("charge", a)
    yield c.call_activity("ship", b)


@changed(chain, "nothing more in this episode", "asks for activity `notify`")
def one_more_beside(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    charge = c.call_activity("charge", a)
    c.call_activity("notify")  # HERE
    b = yield charge
    yield c.call_activity("ship", b)


@changed(chain, "the end of the instance as Completed", "asks for activity `thank`")
def one_more_at_the_end(c: Any) -> Gen:
    yield from chain(c)
    yield c.call_activity("thank")  # HERE


@changed(chain, "activity `charge`", "asks for sub-orchestration `charge`")
def activity_became_child(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    yield c.call_sub_orchestrator("charge", a)  # HERE


@changed(chain, "activity `charge`", "asks for a timer due")
def activity_became_timer(c: Any) -> Gen:
    yield c.call_activity("reserve", 1)
    yield c.create_timer(MINUTE)  # HERE


@changed(chain, "activity `charge`", "waits for event `approval`")
def event_inserted(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    yield c.wait_for_external_event("approval")  # HERE
    yield c.call_activity("charge", a)


@changed(chain, "activity `charge`", "fails with ValueError: no stock")
def raises_now(c: Any) -> Gen:
    yield c.call_activity("reserve", 1)
    raise ValueError("no stock")  # HERE


@changed(chain, "the end of the instance as Completed", "fails with KeyError: 'total'")
def fails_at_the_end(c: Any) -> Gen:
    yield from chain(c)
    return {}["total"]  # HERE


@changed(chain, "the end of the instance as Completed", "continues as new")
def goes_on_for_ever(c: Any) -> Gen:
    yield from chain(c)
    c.continue_as_new(1)  # the decision takes effect where the code comes to rest: HERE


@changed(chain, "activity `charge`", "asks for activity `charge-b`")
def random_choice(c: Any) -> Gen:
    yield c.call_activity("reserve", 1)
    yield c.call_activity("charge-" + ("a" if next(_clock) < 0 else "b"))  # HERE


@changed(chain, "activity `charge`", "asks for activity `ship`")
def environment_read(c: Any) -> Gen:
    a = yield c.call_activity("reserve", 1)
    if c.get_input() == "an environment variable":
        a = yield c.call_activity("charge", a)
    yield c.call_activity("ship", a)  # HERE


@changed(chain, "activity `charge`", "asks for activity `later`")
def in_a_helper(c: Any) -> Gen:
    def helper(context: Any) -> Gen:
        yield context.call_activity("later")  # HERE

    yield c.call_activity("reserve", 1)
    yield from helper(c)


@changed(chain, "activity `charge`", "asks for activity `swallowed`")
def swallows_everything(c: Any) -> Gen:
    yield c.call_activity("reserve", 1)
    try:
        yield c.call_activity("swallowed")  # HERE
    except BaseException:
        yield c.call_activity("charge")


@changed(chain, "activity `charge`", "asks for activity `async`")
async def became_async(c: Any) -> None:
    await c.call_activity("reserve", 1)
    await c.call_activity("async")  # HERE


@changed(chain, "activity `reserve`", "fails with RuntimeError: config is missing")
def fails_before_the_first_call(c: Any) -> Gen:
    if c.get_input() is None:
        raise RuntimeError("config is missing")  # HERE
    yield c.call_activity("reserve")


def fan_out(c: Any) -> Gen:
    return (yield c.task_all([c.call_activity("part", n) for n in range(3)]))


@changed(fan_out, "activity `part`", "waits for activity `part` and 1 more")
def fewer_parts(c: Any) -> Gen:
    parts = [c.call_activity("part", n) for n in range(2)]
    return (yield c.task_all(parts))  # HERE


@changed(fan_out, "nothing more in this episode", "asks for activity `part`")
def more_parts(c: Any) -> Gen:
    parts = []
    for n in range(4):
        parts.append(c.call_activity("part", n))
    return (yield c.task_all(parts))


@changed(fan_out, "activity `part`", "waits for activity `part`")
def one_after_the_other(c: Any) -> Gen:
    for n in range(3):
        yield c.call_activity("part", n)  # HERE


@changed(fan_out, "nothing more in this episode", "asks for activity `join`")
def any_instead_of_all(c: Any) -> Gen:
    yield c.task_any([c.call_activity("part", n) for n in range(3)])
    yield c.call_activity("join")  # HERE


def waits(c: Any) -> Gen:
    timer, event = c.create_timer(MINUTE), c.wait_for_external_event("approval")
    winner = yield c.task_any([timer, event])
    yield c.call_activity("late" if winner is timer else "approved")
    return "done"


@changed(waits, "a timer due 2026-01-05T10:01:00.010000Z", "asks for activity `remind`")
def timer_became_activity(c: Any) -> Gen:
    yield c.call_activity("remind")  # HERE


@changed(waits, "a timer due 2026-01-05T10:01:00.010000Z", "waits for event `approval`")
def timer_removed(c: Any) -> Gen:
    yield c.wait_for_external_event("approval")  # HERE


@changed(waits, "nothing more in this episode", "asks for a timer due")
def second_timer(c: Any) -> Gen:
    first = c.create_timer(MINUTE)
    second = c.create_timer(2 * MINUTE)  # HERE
    yield c.task_any([first, second])


@changed(waits, "activity `late`", "asks for activity `approved`")
def branch_turned_round(c: Any) -> Gen:
    timer, event = c.create_timer(MINUTE), c.wait_for_external_event("approval")
    winner = yield c.task_any([timer, event])
    name = "approved" if winner is timer else "late"
    yield c.call_activity(name)  # HERE


@changed(waits, "activity `late`", "waits for event `approval`")
def waits_for_both(c: Any) -> Gen:
    both = [c.create_timer(MINUTE), c.wait_for_external_event("approval")]
    yield c.task_all(both)  # HERE


def parent(c: Any) -> Gen:
    first = yield c.call_sub_orchestrator("child", 1)
    yield c.call_activity("echo", first)


@changed(parent, "sub-orchestration `child`", "asks for sub-orchestration `kid`")
def child_renamed(c: Any) -> Gen:
    yield c.call_sub_orchestrator("kid", 1)  # HERE


@changed(parent, "sub-orchestration `child`", "asks for activity `child`")
def child_became_activity(c: Any) -> Gen:
    yield c.call_activity("child", 1)  # HERE


@changed(parent, "activity `echo`", "asks for sub-orchestration `child`")
def child_called_twice(c: Any) -> Gen:
    yield c.call_sub_orchestrator("child", 1)
    yield c.call_sub_orchestrator("child", 2)  # HERE


def retries(c: Any) -> Gen:
    try:
        yield c.call_activity_with_retry("flaky", RetryOptions(1000, 3))
    except TaskFailedError:
        yield c.call_activity("undo")


@changed(retries, "a retry's delay until 2026-01-05T10:00:01.020000Z", "asks for activity `undo`")
def retry_dropped(c: Any) -> Gen:
    try:
        yield c.call_activity("flaky")
    except TaskFailedError:
        yield c.call_activity("undo")  # HERE


@changed(retries, "a retry's delay until 2026-01-05T10:00:02.040000Z", "asks for activity `undo`")
def fewer_attempts(c: Any) -> Gen:
    try:
        yield c.call_activity_with_retry("flaky", RetryOptions(1000, 2))
    except TaskFailedError:
        yield c.call_activity("undo")  # HERE


@changed(retries, "activity `undo`", "asks for a retry's delay until")
def more_attempts(c: Any) -> Gen:
    try:
        yield c.call_activity_with_retry("flaky", RetryOptions(1000, 5))  # HERE
    except TaskFailedError:
        yield c.call_activity("undo")


@changed(retries, "activity `undo`", "fails with")
def failure_not_caught(c: Any) -> Gen:
    yield c.call_activity_with_retry("flaky", RetryOptions(1000, 3))  # HERE


def loops(c: Any) -> Gen:
    yield c.call_activity("tick")
    c.continue_as_new((c.get_input() or 0) + 1)


@changed(loops, "continue-as-new", "returns")
def loop_ended(c: Any) -> Gen:
    yield c.call_activity("tick")
    return None  # HERE


@changed(loops, "continue-as-new", "asks for activity `tock`")
def loop_longer(c: Any) -> Gen:
    yield c.call_activity("tick")
    yield c.call_activity("tock")  # HERE
    c.continue_as_new(1)


# ----------------------------------------------------------------------------------------------------------------------


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
        assert (error.location.file, error.location.line) == (__file__, expected)
        assert error.what.startswith(f"replay diverged at event {error.seq}: history recorded {recorded}, the code now")
        assert f"({__file__}:{expected} in " in error.what
    assert error.exit_code == 5
    assert error.why
    assert error.hint


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
