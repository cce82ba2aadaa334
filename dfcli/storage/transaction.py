"""What the host hands to storage: lines that become durable together, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey


class Append(NamedTuple):
    """Events for one execution's history, numbered on from its last line."""

    key: ExecutionKey
    events: Sequence[Event]


class Purge(NamedTuple):
    """Remove an instance's executions up to and including `upto_exec`, with their blobs."""

    instance_id: str
    upto_exec: int


class Dispatch(NamedTuple):
    """An activity is about to run. Only the crash-loop count needs it, so it rides along and is never waited for."""

    key: ExecutionKey
    task_id: int
    seq: int
    attempt: int


@dataclass(slots=True)
class Transaction:
    """All lines of one episode, one inbound event or one purge, for every instance concerned.

    `effects` is the host's own value: what may happen once the transaction is committed. Storage hands it back.
    """

    appends: Sequence[Append] = ()
    purges: Sequence[Purge] = ()
    dispatches: Sequence[Dispatch] = ()
    effects: Any = None
