"""What a live instance waits for when no host runs that could be asked.

Its history is replayed on the app's code, which changes nothing, and the suspended code says where it waits. When the
app cannot be loaded, or no longer agrees with the history, the history alone must do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dfcli.cli import apps, terminal
from dfcli.cli.options import Place
from dfcli.errors import DfError
from dfcli.host.control import Control, InstanceStatus
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import Wait


def explained(where: Place, control: Control, found: InstanceStatus) -> InstanceStatus:
    """The status with what the instance waits for."""
    summary = found.summary
    try:
        events = control.history(summary.instance_id)
    except DfError as error:  # damaged: what the index knew is shown, and why there is no more
        terminal.say(f"its history cannot be read: {error.what}")
        return found
    try:
        waits = _replayed(where, ExecutionKey(summary.instance_id, summary.exec), events)
    except DfError as error:
        terminal.say(f"the code could not be asked what it waits for: {error.what}")
        if error.why:
            terminal.say(f"  why: {terminal.visible(error.why)}")
        terminal.say("shown is what the history alone tells")
        waits = folded(events)
    return msgspec.structs.replace(found, waits=waits)


def _replayed(where: Place, key: ExecutionKey, events: Sequence[h.Event]) -> list[Wait]:
    from dfcli.engine.execution import Execution

    app = apps.load(where)
    with apps.user_code_talks():
        execution = Execution.replay(app.registry.lookup, events, key)
        waits = execution.waits()
        arrived = len(execution.unconsumed)
        execution.close()
    return [*waits, *_arrived(arrived, bool(waits))]


def folded(events: Sequence[h.Event]) -> list[Wait]:
    """What is open by the history: everything but waits for events, which no line records."""
    waits: dict[int, Wait] = {}
    suspended: Wait | None = None
    consumed = 0
    for event in events:
        match event:
            case h.TaskScheduled():
                waits[event.event_id] = _opened(event, "activity", event.name, event.attempt)
            case h.SubOrchestrationInstanceCreated():
                wait = _opened(event, "sub-orchestration", event.name, event.attempt)
                waits[event.event_id] = msgspec.structs.replace(wait, instance_id=event.child_instance_id)
            case h.TimerCreated():
                wait = _opened(event, "timer" if event.call is None else "retry", "")
                waits[event.event_id] = msgspec.structs.replace(wait, due=event.fire_at)
            case (
                h.TaskCompleted()
                | h.TaskFailed()
                | h.SubOrchestrationInstanceCompleted()
                | h.SubOrchestrationInstanceFailed()
            ):
                waits.pop(event.task_scheduled_id, None)
            case h.TimerFired():
                waits.pop(event.timer_id, None)
            case h.ExecutionSuspended():
                suspended = Wait(kind="resume", since=event.timestamp, detail=event.reason)
            case h.ExecutionResumed():
                suspended = None
            case h.OrchestratorStarted():
                consumed = event.consumed
            case _:
                pass
    arrived = sum(1 for event in events if event.seq > consumed and h.is_inbound(event))
    found = [*([suspended] if suspended else []), *waits.values()]
    if not found and not arrived:
        found.append(Wait(kind="event", detail="which one only the code can tell"))
    return [*found, *_arrived(arrived, bool(consumed))]


def _opened(event: h.Event, kind: str, name: str, attempt: int = 1) -> Wait:
    return Wait(kind=kind, name=name, event_id=event.event_id, since=event.timestamp, attempt=attempt)


def _arrived(count: int, has_begun: bool) -> list[Wait]:
    """Lines that no episode has seen: a host acts on them as soon as it runs."""
    if not count or not has_begun:
        return []
    return [Wait(kind="code", detail=f"{count} arrived {'line' if count == 1 else 'lines'} to be handed to it")]
