"""What stands in the caller's history of a message to an entity, and of the entity's answer.

Both have the members of Durable Functions: an EventSent named `op`, `op@{time}` or `release` whose input is a message,
and an EventRaised named by the message's id whose input is a response. Payloads inside are JSON text.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from dfcli.model.failure import FailureDetails
from dfcli.model.history import EventRaised, EventSent
from dfcli.model.payload import NOTHING, Payload

OPERATION = "op"
RELEASE = "release"
LOCK_GRANTED = "Lock Acquisition Completed"


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An operation, a lock request (`lockset`, no `op`), or a release (neither)."""

    op: str | None = None
    signal: bool = False
    input: str | None = None
    id: str = ""
    parent: str = ""
    parent_execution: str = msgspec.field(default="", name="parentExecution")
    due: str | None = None
    lockset: list[str] | None = None
    pos: int | None = None

    @property
    def payload(self) -> Payload:
        """The operation's input as a line of the entity's file holds it."""
        return payload_of(self.input)


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a call: a result, or a failure when `exception_type` is there."""

    result: str | None = None
    exception_type: str | None = msgspec.field(default=None, name="exceptionType")
    failure_details: FailureDetails | None = msgspec.field(default=None, name="failureDetails")


encode = msgspec.json.Encoder().encode
_decode_message = msgspec.json.Decoder(Message).decode
_decode_response = msgspec.json.Decoder(Response).decode


def message_of(event: EventSent) -> Message:
    """What an EventSent to an entity says; an empty message for one that nothing can be made of."""
    return _decoded(_decode_message, event.input, event.input_text) or Message()


def response_of(event: EventRaised) -> Response:
    """What an entity answered."""
    found = _decoded(_decode_response, event.input, event.input_text)
    return found or Response(exception_type="InvalidResponse", result='"the answer cannot be understood"')


def payload_of(text: str | None) -> Payload:
    """The payload of JSON text, in the form a line can hold."""
    if text is None:
        return NOTHING
    data = text.encode()
    try:
        msgspec.json.decode(data)  # refuses NaN, and numbers that a line cannot hold
    except msgspec.MsgspecError:
        return Payload(text=text)
    return Payload(Raw(data))


def result_response(result: Payload) -> Raw:
    """The input of the EventRaised that brings a result."""
    return Raw(encode(Response(result=result.json_text)))


def failure_response(failure: FailureDetails) -> Raw:
    """The input of the EventRaised that brings a failure."""
    message = msgspec.json.encode(failure.error_message).decode()
    return Raw(encode(Response(result=message, exception_type=failure.error_type, failure_details=failure)))


def _decoded(decoder: Any, raw: Any, text: Any) -> Any:
    if raw is UNSET and text is UNSET:
        return None
    try:
        return decoder(bytes(raw) if raw is not UNSET else str(text).encode())
    except msgspec.MsgspecError:
        return None
