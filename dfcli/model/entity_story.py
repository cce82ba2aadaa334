"""An entity's lines as sentences, and what it answers to those who call it."""

from __future__ import annotations

from dfcli.model import history as h
from dfcli.model.entity_messages import RELEASE, message_of, response_of
from dfcli.model.payload import Payload

TEXT_CHARACTERS_MAX = 80


def sentence(event: h.EntityEvent) -> str:
    """One sentence without a full stop."""
    match event:
        case h.EntityOperationReceived():
            sender = "a client" if event.caller is None else event.caller.instance_id
            if event.lock_set is not None:
                return f"{sender} asks for the lock of {', '.join(event.lock_set)}"
            due = f", due {event.due}" if event.due is not None else ""
            verb = "signals" if event.signal else "calls"
            return f"{sender} {verb} `{event.operation}` with {cut(event.payload.json_text or 'nothing')}{due}"
        case h.EntityBatchCompleted():
            failed = sum(result.failure is not None for result in event.results)
            done = f"{len(event.results)} operations are done" + (f", {failed} of them failed" if failed else "")
            if event.deleted:
                return f"{done}; the state is deleted"
            state = Payload(event.state, event.state_text).json_text
            return f"{done}; the state is {cut(state) if state is not None else 'unchanged'}"
        case h.EntityLockGranted():
            return f"{event.owner.instance_id} holds the lock"
        case h.EntityLockReleased():
            return f"{event.owner.instance_id} gives up the lock" + (f": {event.reason}" if event.reason else "")


def sent(event: h.EventSent) -> str:
    """What an orchestrator asks of an entity; empty when the event goes to an instance."""
    message = message_of(event)
    if event.name == RELEASE:
        return f"releases the lock of {event.target_instance_id}"
    if message.lockset is not None:
        return f"asks for the lock of {', '.join(message.lockset)}"
    if message.op is None:
        return ""
    due = f" at {message.due}" if message.due else ""
    verb = "signals" if message.signal else "calls"
    return f"{verb} `{message.op}` of {event.target_instance_id} with {cut(message.input or 'nothing')}{due}"


def answered(event: h.EventRaised) -> str:
    """What an entity answered."""
    response = response_of(event)
    if response.exception_type is not None:
        return f"{event.sender} failed: {response.exception_type}: {cut(response.result or '')}"
    return f"{event.sender} answered {cut(response.result or 'nothing')}"


def cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 3] + "..."
