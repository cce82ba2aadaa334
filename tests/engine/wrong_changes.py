"""Orchestrators, and wrong changes of them.

The line of a change that is to be named bears the comment `# HERE`; for code that is missing, it is the line where the
code waits or ends instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions

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
