"""What a resident execution waits for, in words for the person who finds it stuck."""

from __future__ import annotations

from dfcli.authoring.entity_tasks import EntityCallTask
from dfcli.authoring.tasks import EventTask, Task, waiting_parts
from dfcli.engine.decisions import Decisions
from dfcli.engine.retrying import RetryingCall
from dfcli.engine.run import Run
from dfcli.model.history import ExecutionSuspended
from dfcli.model.query import CodeLocation, Wait

_NEAR_MISSES_MAX = 5


def waits_of(run: Run, suspended: ExecutionSuspended | None, held: int) -> list[Wait]:
    """One entry for each running task that the code depends on, after one for the suspension, if there is one."""
    location = run.location()
    found: list[Wait] = []
    if suspended is not None:
        detail = "; ".join(part for part in (suspended.reason, f"{held} events held" if held else "") if part)
        found.append(Wait(kind="resume", since=suspended.timestamp, location=location, detail=detail))
    if run.is_due and suspended is None:
        found.append(Wait(kind="start", name=run.name))
    if run.awaiting is None:
        return found
    entries: dict[Task, tuple[int, RetryingCall | None]] = {}
    for event_id, answered in run.decisions.pending.items():
        if isinstance(answered, RetryingCall):
            entries[answered.task] = event_id, answered
        else:
            entries[answered] = event_id, None
    for task in waiting_parts(run.awaiting):
        event_id, retrying = entries.get(task, (-1, None))
        found.append(_wait(task, event_id, retrying, run.decisions, location))
    return found


def doing(run: Run, is_suspended: bool) -> str:
    """What the code does once an episode is over, as the end of a sentence that begins with "the code now"."""
    if is_suspended:
        return "is suspended"
    if run.awaiting is None:
        return "has ended"
    parts = waiting_parts(run.awaiting)
    first = parts[0] if parts else run.awaiting
    name = f" `{first.name}`" if first.name else ""
    return f"waits for {first.kind}{name}" + (f" and {len(parts) - 1} more" if len(parts) > 1 else "")


def _wait(
    task: Task, event_id: int, retrying: RetryingCall | None, decisions: Decisions, location: CodeLocation | None
) -> Wait:
    if isinstance(task, EventTask):
        detail = _near_misses(decisions)
        return Wait(kind="event", name=task.name, since=task.since, location=location, detail=detail)
    if isinstance(task, EntityCallTask):
        who = task.entity_id
        return Wait(
            kind=task.kind, name=task.name, event_id=event_id, since=task.since, instance_id=who, location=location
        )
    if retrying is not None and retrying.delay is not None:
        return Wait(
            kind="retry" if retrying.delay.call is not None else "poll",
            name=task.name,
            event_id=event_id,
            since=retrying.delay.timestamp,
            due=retrying.delay.fire_at,
            attempt=retrying.attempts + (not retrying.delay.follows_last_attempt),
            location=location,
        )
    timer = decisions.open_timers.get(event_id)
    child = decisions.open_children.get(event_id)
    scheduled = timer or child or decisions.open_tasks.get(event_id)
    return Wait(
        kind=task.kind,
        name=task.name,
        event_id=event_id,
        since=scheduled.timestamp if scheduled else None,
        due=timer.fire_at if timer else None,
        instance_id=child.child_instance_id if child else None,
        attempt=retrying.attempts if retrying else None,
        location=location,
    )


def _near_misses(decisions: Decisions) -> str:
    """The unread events, whose names were not those the code waits for."""
    names = list(dict.fromkeys(event.name for event in decisions.mailbox.unread.values()))
    if not names:
        return ""
    shown = ", ".join(f'"{name}"' for name in names[:_NEAR_MISSES_MAX])
    return f"got {shown}" + (f" and {len(names) - _NEAR_MISSES_MAX} more" if len(names) > _NEAR_MISSES_MAX else "")
