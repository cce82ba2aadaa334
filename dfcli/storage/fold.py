"""Lines back into events, and events into the summary of an instance: what reading, recovery and rebuilding share."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dfcli.errors import HubUnreadable
from dfcli.model.history import Event, decode_line
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary, next_execution
from dfcli.storage.blobs import Blobs, references_of

NEEDS_NEWER_VERSION = "NeedsNewerVersion"


class UnknownEvent(HubUnreadable):
    """A sealed line that this version does not understand: the instance can be read as text, not run."""


def event_of(line: bytes, key: ExecutionKey, blobs: Blobs) -> Event:
    """The event of a sealed line with its long payloads back in place. Raises UnknownEvent, BlobDamaged."""
    try:
        event = decode_line(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnknownEvent(
            f"a line of instance {key.instance_id!r} cannot be understood",
            why=f"{NEEDS_NEWER_VERSION}: {error}",
            hint="read it with the version of dfcli that wrote it",
        ) from error
    references = references_of(line)
    return blobs.attach(event, key, references) if references else event


def events_of(lines: Sequence[bytes], key: ExecutionKey, blobs: Blobs) -> list[Event]:
    """The events of an execution's lines. Raises UnknownEvent, BlobDamaged."""
    return [event_of(line, key, blobs) for line in lines]


def summarise(
    key: ExecutionKey, lines: Sequence[bytes], events: Sequence[Event], *, previous: InstanceSummary | None = None
) -> InstanceSummary:
    """The summary of an execution; `previous` is the one of the execution before, when it is known."""
    summary = next_execution(previous, key.instance_id, key.exec)
    for line, event in zip(lines, events, strict=True):
        summary.apply(event, len(line) + 1)
    return summary
