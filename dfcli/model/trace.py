"""W3C trace contexts in histories, and the ids that an execution's spans have.

Ids derive from the execution and the event, so that a span has the same id before and after a restart, wherever it is
asked for, and nothing about traces needs to be remembered.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
TRACE_STATE_CHARACTERS_MAX = 512
SAMPLED = 1


class TraceContext(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True, gc=False):
    """The span that an execution continues, as its `traceparent` and `tracestate` headers say."""

    trace_parent: str
    trace_state: str = ""

    @property
    def trace_id(self) -> int:
        return int(self.trace_parent[3:35], 16)

    @property
    def span_id(self) -> int:
        return int(self.trace_parent[36:52], 16)

    @property
    def flags(self) -> int:
        return int(self.trace_parent[53:55], 16)


def context_of(trace_parent: str, trace_state: str = "") -> TraceContext | None:
    """What a caller's headers say; None for headers that say nothing valid, as the specification asks."""
    match = _TRACE_PARENT.fullmatch(trace_parent.strip())
    if match is None or trace_parent.strip().startswith("ff"):
        return None
    trace_id, span_id, flags = match.groups()
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    if len(trace_state) > TRACE_STATE_CHARACTERS_MAX or not trace_state.isascii() or not trace_state.isprintable():
        trace_state = ""
    return TraceContext(trace_parent=f"00-{trace_id}-{span_id}-{flags}", trace_state=trace_state)


def made(trace_id: int, span_id: int, flags: int, trace_state: str = "") -> TraceContext:
    """The context whose parent is that span."""
    return TraceContext(trace_parent=f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}", trace_state=trace_state)


def trace_id_of(execution_id: str) -> int:
    """The trace of an execution that continues nobody's: its own id, where that can be one."""
    try:
        number = int(execution_id, 16) if len(execution_id) == 32 else 0
    except ValueError:
        number = 0
    return number or _hashed(execution_id, 16)


def span_id_of(execution_id: str, event_id: int | None = None) -> int:
    """The span of an execution, or of one of its tasks."""
    return _hashed(execution_id if event_id is None else f"{execution_id}:{event_id}", 8)


def within(
    execution_id: str, given: TraceContext | None, event_id: int | None = None, *, first_id: str = ""
) -> TraceContext:
    """The context whose parent is an execution's span, or that of one of its tasks. `given` is what it continues;
    `first_id` is the id before all rewinds, whose trace it is otherwise."""
    if given is None:
        return made(trace_id_of(first_id or execution_id), span_id_of(execution_id, event_id), SAMPLED)
    return made(given.trace_id, span_id_of(execution_id, event_id), given.flags, given.trace_state)


def _hashed(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1
