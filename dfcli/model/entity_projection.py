"""An entity's lines in the form of Durable Functions, whose entities are instances that receive events named `op`.

What it has no event for, batches and granted locks, appears as a `GenericEvent` that says so.
"""

from __future__ import annotations

from typing import NamedTuple

from dfcli.model import history as h
from dfcli.model.entity_messages import OPERATION, RELEASE, Message, encode
from dfcli.model.payload import Payload


class VendorEvent(NamedTuple):
    """Type and members of the event that stands for a line."""

    kind: str
    members: dict[str, object]


def vendor_event(event: h.EntityEvent) -> VendorEvent:
    """The event of Durable Functions that says the same."""
    match event:
        case h.EntityOperationReceived():
            name = OPERATION if event.due is None else f"{OPERATION}@{event.due}"
            return VendorEvent("EventRaised", {"Name": name, "Input": encode(message(event)).decode()})
        case h.EntityLockReleased():
            text = encode(Message(id=event.request_id, parent=event.owner.instance_id)).decode()
            return VendorEvent("EventRaised", {"Name": RELEASE, "Input": text})
        case h.EntityBatchCompleted():
            failed = sum(result.failure is not None for result in event.results)
            state = "deleted" if event.deleted else Payload(event.state, event.state_text).json_text or "unchanged"
            return VendorEvent(
                "GenericEvent", {"Data": f"{len(event.results)} operations, {failed} failed, state {state}"}
            )
        case h.EntityLockGranted():
            return VendorEvent(
                "GenericEvent", {"Data": f"lock {event.request_id} granted to {event.owner.instance_id}"}
            )


def message(event: h.EntityOperationReceived) -> Message:
    """What was received, as its sender wrote it."""
    caller = event.caller
    is_lock = event.lock_set is not None
    return Message(
        op=None if is_lock else event.operation,
        signal=event.signal,
        input=event.payload.json_text,
        id=event.request_id,
        parent="" if caller is None else caller.instance_id,
        parent_execution="" if caller is None else caller.execution_id,
        due=event.due,
        lockset=event.lock_set,
        pos=event.position if is_lock else None,
    )
