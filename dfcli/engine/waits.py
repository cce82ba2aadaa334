"""What a resident execution waits for, in words for the person who finds it stuck."""

from __future__ import annotations

from dfcli.authoring.tasks import EventTask, Task, waiting_parts
from dfcli.engine.decisions import Decisions
from dfcli.engine.retrying import RetryingCall
from dfcli.model.query import CodeLocation, Wait

_NEAR_MISSES_MAX = 5


def waits_of(awaiting: Task, decisions: Decisions, location: CodeLocation | None) -> list[Wait]:
    """One entry for each running task that `awaiting` depends on."""
    entries: dict[Task, tuple[int, RetryingCall | None]] = {}
    for event_id, answered in decisions.pending.items():
        if isinstance(answered, RetryingCall):
            entries[answered.task] = event_id, answered
        else:
            entries[answered] = event_id, None
    return [_wait(task, *entries.get(task, (-1, None)), decisions, location) for task in waiting_parts(awaiting)]


def doing(awaiting: Task | None, is_suspended: bool, is_finished: bool) -> str:
    """What the code does once an episode is over, as the end of a sentence that begins with "the code now"."""
    if is_suspended:
        return "is suspended"
    if is_finished or awaiting is None:
        return "has ended"
    parts = waiting_parts(awaiting)
    first = parts[0] if parts else awaiting
    name = f" `{first.name}`" if first.name else ""
    return f"waits for {first.kind}{name}" + (f" and {len(parts) - 1} more" if len(parts) > 1 else "")


def _wait(
    task: Task, event_id: int, retrying: RetryingCall | None, decisions: Decisions, location: CodeLocation | None
) -> Wait:
    if isinstance(task, EventTask):
        detail = _near_misses(decisions)
        return Wait(kind="event", name=task.name, since=task.since, location=location, detail=detail)
    if retrying is not None and retrying.delay is not None:
        return Wait(
            kind="retry",
            name=task.name,
            event_id=event_id,
            since=retrying.delay.timestamp,
            due=retrying.delay.fire_at,
            attempt=retrying.attempts + 1,
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
