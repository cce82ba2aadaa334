"""Turning a transaction into the bytes of its lines: numbers checked, clocks that step back evened out, long payloads
moved to blobs. Runs on the loop thread only; a step of an execution passes here, so it is kept short. HOT."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from dfcli.errors import PayloadTooLarge
from dfcli.model.history import Event, ExecutionStarted
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import PendingBlob, detach
from dfcli.storage.codec import LINE_BYTES_MAX, envelope_of, seal, seal_event, seal_events
from dfcli.storage.journal import Operation, operation_line
from dfcli.storage.transaction import Dispatch, Transaction

PURGED = -1


class SealedAppend(NamedTuple):
    """One execution's new lines: `lines[start:stop]` of the transaction, event by event."""

    key: ExecutionKey
    events: Sequence[Event]
    start: int
    stop: int


class Sealed(NamedTuple):
    """A transaction with its finished lines, as it waits for its commit."""

    transaction: Transaction
    lines: list[bytes]
    appends: list[SealedAppend]
    blobs: list[PendingBlob]
    size: int


class _Writer:
    """How far an execution's lines go, including those still queued."""

    __slots__ = ("created", "envelope", "last_seq", "last_timestamp")

    def __init__(self, key: ExecutionKey, last_seq: int, last_timestamp: str, created: str) -> None:
        self.envelope = envelope_of(key)
        self.last_seq = last_seq
        self.last_timestamp = last_timestamp
        self.created = created


class Sealer:
    """Knows for each execution that is being written its last number and time, and the bytes of its envelope."""

    def __init__(self, inline_bytes_max: int, load: Callable[[str], InstanceSummary | None]) -> None:
        self._inline_bytes_max = inline_bytes_max
        self._load = load
        self._writers: dict[ExecutionKey, _Writer] = {}
        self._newest: dict[str, int] = {}
        self.finished: deque[tuple[ExecutionKey, int]] = deque()
        """Executions whose last line has been published, with its number; with PURGED, those up to one that are
        gone. Filled by the committing thread."""

    def seal(self, transaction: Transaction) -> Sealed:
        """Raises PayloadTooLarge, Quarantined and AssertionError (a number out of order), with nothing changed."""
        while self.finished:
            self._forget(*self.finished.popleft())
        lines: list[bytes] = []
        appends: list[SealedAppend] = []
        blobs: list[PendingBlob] = []
        before: list[tuple[_Writer, int, str]] = []
        try:
            for key, events in transaction.appends:
                if not events:
                    continue
                writer = self._writers.get(key)
                if writer is None:
                    writer, events = self._open(key, events)
                before.append((writer, writer.last_seq, writer.last_timestamp))
                events = _in_order(key, events, writer)
                start = len(lines)
                sealed = seal_events(events, writer.envelope, self._inline_bytes_max, lines)
                if sealed < len(events):
                    self._seal_long(key, events[sealed:], writer.envelope, lines, blobs)
                writer.last_seq = events[-1].seq
                writer.last_timestamp = events[-1].timestamp
                appends.append(SealedAppend(key, events, start, len(lines)))
        except BaseException:
            for writer, last_seq, last_timestamp in reversed(before):
                writer.last_seq, writer.last_timestamp = last_seq, last_timestamp
            for key, _ in transaction.appends:
                self._forget(key, 0)
            raise
        for instance_id, upto in transaction.purges:
            lines.append(operation_line(Operation("Purge", instance_id=instance_id, upto_exec=upto)))
        if transaction.dispatches:
            lines.extend(map(self.dispatch_line, transaction.dispatches))
        return Sealed(transaction, lines, appends, blobs, sum(map(len, lines)))

    def dispatch_line(self, dispatch: Dispatch) -> bytes:
        key, task_id, seq, attempt = dispatch
        writer = self._writers.get(key)
        envelope = writer.envelope if writer is not None else envelope_of(key)
        return seal(b'{"Op":"Dispatch"%b,"TaskId":%d,"Seq":%d,"Attempt":%d' % (envelope, task_id, seq, attempt))

    def rest(self, key: ExecutionKey) -> None:
        """Forget an execution whose every line is published; it is loaded again for the next."""
        writer = self._writers.get(key)
        if writer is not None:
            self._forget(key, writer.last_seq)

    def last_exec(self, instance_id: str) -> int:
        """The highest execution being written, committed or not; 0 when there is none."""
        return self._newest.get(instance_id, 0)

    def _open(self, key: ExecutionKey, events: Sequence[Event]) -> tuple[_Writer, Sequence[Event]]:
        """The writer of an execution that has none yet; a later generation's first line gets the run's start time."""
        first = events[0]
        if first.seq == 1 and isinstance(first, ExecutionStarted):
            created = first.created or first.timestamp
            if first.generation and first.created is None:
                created = self._created_before(key) or first.timestamp
                events = [msgspec.structs.replace(first, created=created), *events[1:]]
            writer = _Writer(key, 0, "", created)
        else:
            summary = self._load(key.instance_id)
            if summary is None or summary.exec != key.exec:
                raise AssertionError(f"line {first.seq} of {key} has no line before it")
            writer = _Writer(key, summary.last_seq, summary.last_timestamp, summary.created)
        self._writers[key] = writer
        self._newest[key.instance_id] = key.exec
        return writer, events

    def _created_before(self, key: ExecutionKey) -> str:
        before = self._writers.get(ExecutionKey(key.instance_id, key.exec - 1))
        if before is not None:
            return before.created
        summary = self._load(key.instance_id)
        return summary.created if summary is not None else ""

    def _seal_long(
        self, key: ExecutionKey, events: Sequence[Event], envelope: bytes, lines: list[bytes], blobs: list[PendingBlob]
    ) -> None:
        for event in events:
            short, references, moved = detach(event, key, self._inline_bytes_max)
            line = seal_event(short, envelope, references)
            if len(line) > LINE_BYTES_MAX:
                raise PayloadTooLarge(
                    f"a {type(event).__name__} of instance {key.instance_id!r} is too long",
                    why=f"its line would have {len(line)} bytes; {LINE_BYTES_MAX} are allowed",
                    hint="shorten its name, tags, reason or error text",
                )
            lines.append(line)
            blobs.extend(moved)

    def _forget(self, key: ExecutionKey, last_seq: int) -> None:
        instance_id, number = key
        if last_seq == PURGED:
            # A purged execution need not have ended, and its number may be given again once the journal is cut.
            while self._writers.pop(ExecutionKey(instance_id, number), None) is not None:
                number -= 1
            if self._newest.get(instance_id, number + 1) <= key.exec:
                self._newest.pop(instance_id, None)
            return
        writer = self._writers.get(key)
        if writer is not None and writer.last_seq == last_seq:
            del self._writers[key]
            if self._newest.get(instance_id) == number:
                if ExecutionKey(instance_id, number - 1) in self._writers:
                    self._newest[instance_id] = number - 1  # its successor was refused
                else:
                    del self._newest[instance_id]


def _in_order(key: ExecutionKey, events: Sequence[Event], writer: _Writer) -> Sequence[Event]:
    """The events, whose numbers must go on without a gap and whose times must not step back."""
    seq, timestamp = writer.last_seq, writer.last_timestamp
    stepped_back = False
    for event in events:
        seq += 1
        if event.seq != seq:
            raise AssertionError(f"line {event.seq} of {key} where {seq} is due")
        if event.timestamp < timestamp:
            stepped_back = True
        else:
            timestamp = event.timestamp
    return _evened(events, writer.last_timestamp) if stepped_back else events


def _evened(events: Sequence[Event], timestamp: str) -> list[Event]:
    evened: list[Event] = []
    for event in events:
        timestamp = max(timestamp, event.timestamp)
        same = event.timestamp == timestamp
        evened.append(event if same else msgspec.structs.replace(event, timestamp=timestamp))
    return evened
