"""Rewinds a driver's instance as the host does: plan, line, replay, go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dfcli.engine.execution import Execution
from dfcli.engine.rewind import RewindPlan, plan
from dfcli.model import history as h
from dfcli.model.voids import effective
from tests.engine.driver import Driver


def rewind(
    driver: Driver,
    activities: Mapping[str, Callable[[Any], Any]] | None = None,
    orchestrators: Mapping[str, Callable[..., Any]] | None = None,
    *,
    cut: int | None = None,
    lost: tuple[int, ...] = (),
) -> RewindPlan:
    """Fix what failed, rewind, and run the episode that sees the rewind."""
    planned = plan(driver.history, cut=cut, lost=lost)
    driver.activities = activities if activities is not None else driver.activities
    driver.orchestrators = orchestrators if orchestrators is not None else driver.orchestrators
    driver.seq += 1
    generation = sum(isinstance(event, h.ExecutionRewound) for event in driver.history)
    line = planned.line(seq=driver.seq, timestamp=driver.now, reason="fixed", execution_id=f"{generation:032x}")
    driver.history.append(line)
    driver.execution.close()
    driver.execution = Execution.replay(driver.lookup, driver.history, driver.key)
    driver.inbox = list(driver.execution.unconsumed)
    assert driver.inbox == [line]
    if not driver.execution.is_finished:
        assert {t: e.seq for t, e in driver.execution.open_tasks.items()} == line.open_tasks
        assert {t: e.child_instance_id for t, e in driver.execution.open_children.items()} == line.open_children
    assert set(driver.execution.open_timers) <= set(line.open_timers), "cancelled timers are known to the code alone"
    driver.episode()
    return planned


def shape(events: list[h.Event]) -> list[str]:
    """Types with the numbers of decisions and answers."""
    found = []
    for event in events:
        number = event.event_id if event.event_id >= 0 else getattr(event, "task_scheduled_id", None)
        found.append(type(event).__name__ + (f"({number})" if number is not None else ""))
    return found


def effective_shape(driver: Driver) -> list[str]:
    return shape(effective(driver.history))
