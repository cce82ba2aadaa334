"""Whether somebody still waits for an answer: one place decides, for activities, children, entities and locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from dfcli.engine.rewind import answered_by
from dfcli.host.lane import Lane
from dfcli.model import history as h
from dfcli.model.voids import Voids


class Sender(Protocol):
    """The line that asked: a `Caller`, a child's `Parent`, or a call of an activity."""

    @property
    def execution_id(self) -> str: ...

    @property
    def seq(self) -> int: ...


def still_waits(lane: Lane | None, sender: Sender) -> bool:
    """Whether the execution that sent a message goes on. `lane` is that of its instance, if it is live."""
    if lane is None or lane.finished:
        return False
    if lane.execution_id == sender.execution_id:
        return True
    return lane.rewound is not None and lane.rewound.stands(sender.execution_id, sender.seq)


def has_answer(history: Sequence[h.Event], inbox: Iterable[h.Event], parent: h.Parent) -> bool:
    """Whether the parent has the line that a child's end gives: one that is rewound by itself ends more than once."""
    voids = Voids.of(history)
    known = {event.seq: event for event in (*history, *inbox)}
    return any(
        event.seq > parent.seq and answered_by(event) == parent.task_scheduled_id and not (voids and event.seq in voids)
        for event in known.values()
        if isinstance(event, h.SubOrchestrationInstanceCompleted | h.SubOrchestrationInstanceFailed)
    )
