"""Reading what is committed: the lines in a history file and those still in memory, as one.

A line that is not what was written quarantines its instance at once: the next step must not build on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from dfcli.errors import NotFound, Quarantined
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import BlobDamaged
from dfcli.storage.codec import read_envelope, valid_prefix
from dfcli.storage.durable import SyncFailed
from dfcli.storage.fold import event_of, summarise
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.index_rebuild import summary_from_file
from dfcli.storage.published import Committed, Published
from dfcli.storage.recovery import HubParts


class _Read(NamedTuple):
    key: ExecutionKey
    lines: list[bytes]
    committed: Committed
    summary: InstanceSummary


class Loader:
    """Any thread."""

    def __init__(
        self,
        parts: HubParts,
        published: Published,
        index: Callable[[], Index],
        fail: Callable[[BaseException], NoReturn],
    ) -> None:
        self._fail = fail
        self._parts = parts
        self._published = published
        self._index = index

    def indexed(self, instance_id: str) -> InstanceSummary | None:
        """What the index knows; None when the instance is purged or not there."""
        if self._published.is_removed(instance_id):
            return None
        try:
            found = self._index().get(instance_id)
        except IndexUnusable:
            found = self._from_file(instance_id)
        # Between the two looks the instance may have been committed to, and the index may not know yet.
        return self._published.summaries.get(instance_id, found)

    def last_exec(self, instance_id: str) -> int:
        """The highest execution known; 0 when there is none."""
        summary = self._published.summaries.get(instance_id) or self.indexed(instance_id)
        if summary is not None:
            return summary.exec
        if not self._parts.instances.exists(ExecutionKey(instance_id, 1)):
            return 0
        return max(self._parts.instances.executions(instance_id), default=0)

    def history(self, instance_id: str, exec: int | None) -> list[Event]:
        read = self._read(instance_id, exec)
        events: list[Event] = []
        for number, line in enumerate(read.lines, start=1):
            try:
                events.append(event_of(line, read.key, self._parts.blobs))
            except BlobDamaged as error:
                self._damaged(read, f"line {number}: {error}")
                break
        is_whole = read.key.exec == read.summary.exec and len(events) == len(read.lines)
        if is_whole and read.summary.is_live and (read.summary.entity is None or read.summary.has_work):
            self._keep(read, events)
        return events

    def lines(self, instance_id: str, exec: int | None) -> list[bytes]:
        return self._read(instance_id, exec).lines

    def executions(self, instance_id: str) -> list[int]:
        summary = self._published.summaries.get(instance_id) or self.indexed(instance_id)
        if summary is None:
            raise _not_found(instance_id)
        upto = self._published.purged_upto(instance_id)
        unfiled = self._published.unfiled_executions(instance_id)  # first: they may be filed between the two looks
        found = {number for number in self._parts.instances.executions(instance_id) if number > upto}
        return sorted({*found, *unfiled, summary.exec})

    def load_for_writing(self, instance_id: str) -> InstanceSummary | None:
        """The complete summary, in memory from now on. Raises Quarantined."""
        held = self._published.pin(instance_id)
        if held is None and self.indexed(instance_id) is not None:
            self._published.pin(instance_id)
            read = self._read(instance_id, None)
            held = self._keep(read, [event_of(line, read.key, self._parts.blobs) for line in read.lines])
        if held is not None and held.quarantined:
            raise Quarantined(f"instance {instance_id!r} is quarantined", why=held.quarantined, hint="purge it")
        return held

    def quarantine(self, instance_id: str, reason: str) -> None:
        """Durable when this returns."""
        try:
            self._parts.quarantine.mark(instance_id, reason)
        except SyncFailed as error:
            self._fail(error)
        except OSError:
            pass  # no space: the damage will be met again after the next start
        self._published.mark_quarantined(instance_id, reason, self.indexed(instance_id))

    def _read(self, instance_id: str, exec: int | None) -> _Read:
        published, instances = self._published, self._parts.instances
        summary = published.summaries.get(instance_id) or self.indexed(instance_id)
        committed = published.committed(instance_id, exec, summary)
        if summary is None or committed is None:
            raise _not_found(instance_id)
        key = ExecutionKey(instance_id, committed.exec)
        in_file = committed.in_file
        tail = [line[:-1] for line in committed.tail]
        if in_file is None and tail:
            envelope = read_envelope(tail[0])
            in_file = envelope.seq - 1 if envelope is not None else 0
        if in_file == 0:
            return _Read(key, tail, committed, summary)
        data = instances.read(key)
        if data is None and in_file is None:
            raise _not_found(instance_id, committed.exec)
        prefix = valid_prefix(data or b"", key)
        read = _Read(key, prefix.lines[:in_file] + tail, committed, summary)
        if in_file is not None and len(prefix.lines) < in_file:
            fault = prefix.fault or f"it ends after line {len(prefix.lines)} of {in_file}"
            return self._damaged(read._replace(lines=prefix.lines), fault)
        if in_file is None and prefix.fault:
            return self._damaged(read, prefix.fault)
        return read

    def _damaged(self, read: _Read, fault: str) -> _Read:
        """Quarantine the instance and raise; one that already is gets its right part, to be looked at."""
        instance_id = read.key.instance_id
        if instance_id in self._published.quarantined:
            return read
        reason = f"{self._parts.instances.path(read.key)}, {fault}"
        self.quarantine(instance_id, reason)
        raise Quarantined(
            f"the history of instance {instance_id!r} is damaged; it is quarantined and will not run",
            why=reason,
            hint=f"look at what is left with `dfcli inspect {instance_id}`",
        )

    def _keep(self, read: _Read, events: Sequence[Event]) -> InstanceSummary:
        summary = summarise(read.key, read.lines, events)
        summary.quarantined = read.summary.quarantined
        if not summary.created:
            summary.created = read.summary.created
        return self._published.keep(summary, read.committed.batch)

    def _from_file(self, instance_id: str) -> InstanceSummary | None:
        """For the moments in which the index is being made again."""
        execs = self._parts.instances.executions(instance_id)
        if not execs:
            return None
        with contextlib.suppress(FileNotFoundError):
            key = ExecutionKey(instance_id, execs[-1])
            return summary_from_file(key, self._parts.instances, self._parts.blobs).summary
        return None


def _not_found(instance_id: str, exec: int | None = None) -> NotFound:
    what = f"instance {instance_id!r}" if exec is None else f"execution {exec} of instance {instance_id!r}"
    return NotFound(f"there is no {what}", hint="`dfcli list` shows the instances")
