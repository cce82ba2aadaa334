"""What every history event has, and the small facts that several of them hold. Types: `history`, `entity_events`."""

from __future__ import annotations

import msgspec

NO_EVENT_ID = -1


class HistoryEvent(
    msgspec.Struct, frozen=True, kw_only=True, rename="pascal", tag_field="EventType", omit_defaults=True, gc=False
):
    """What every event has. The three members stand first on its line."""

    seq: int
    event_id: int
    timestamp: str


class Parent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", gc=False):
    """Who waits for a sub-orchestration: the parent's execution and the line that scheduled the child."""

    instance_id: str
    exec: int
    execution_id: str
    task_scheduled_id: int
    seq: int
    name: str = ""


class CarriedFrom(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", gc=False):
    """Where a line carried over to a new execution was first recorded."""

    exec: int
    seq: int
