"""The journal read without the lock, while a host may be adding to it and cutting it: what the files do not show yet.

Judges nothing and repairs nothing: right batches count, an unfinished or damaged one is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import read_envelope
from dfcli.storage.compaction import read_cut
from dfcli.storage.journal import Batch, read_operation, scan, segment_file_name, segment_number

ATTEMPTS = 20


class ExecutionTail:
    """One execution's lines in the journal, without newlines, from seq `first` on without a gap."""

    __slots__ = ("first", "lines")

    def __init__(self, first: int) -> None:
        self.first = first
        self.lines: list[bytes] = []

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass
class JournalTail:
    """What the journal holds of each instance since the last cut."""

    executions: dict[str, dict[int, ExecutionTail]] = field(default_factory=dict)
    purged_upto: dict[str, int] = field(default_factory=dict)
    last_named: dict[str, int] = field(default_factory=dict)
    """The last batch that names an instance."""

    def take(self, batch: Batch) -> None:
        for line in batch.lines:
            operation = read_operation(line)
            if operation is None:
                self._take_line(line, batch.number)
            elif operation.op == "Purge":
                self._take_purge(operation.instance_id, operation.upto_exec, batch.number)

    def newest(self, instance_id: str) -> int:
        """The newest execution that the journal names; 0 for none."""
        return max(self.executions.get(instance_id, {}), default=0)

    def keys(self) -> list[ExecutionKey]:
        return [ExecutionKey(instance_id, self.newest(instance_id)) for instance_id in self.executions]

    def _take_line(self, line: bytes, batch: int) -> None:
        envelope = read_envelope(line)
        if envelope is None:
            return
        tails = self.executions.setdefault(envelope.instance_id, {})
        tail = tails.get(envelope.exec)
        if tail is None or envelope.seq == 1:  # numbering may restart after a purge
            tail = tails[envelope.exec] = ExecutionTail(envelope.seq)
        if envelope.seq == tail.last + 1:
            tail.lines.append(line)
        self.last_named[envelope.instance_id] = batch

    def _take_purge(self, instance_id: str, upto: int, batch: int) -> None:
        self.purged_upto[instance_id] = max(self.purged_upto.get(instance_id, 0), upto)
        tails = self.executions.get(instance_id, {})
        for number in [number for number in tails if number <= upto]:
            del tails[number]
        if not tails:
            self.executions.pop(instance_id, None)
        self.last_named[instance_id] = batch


class JournalFiles:
    """Reads the segments of a hub; remembers those that can no longer change."""

    def __init__(self, hub_path: str, env: Env) -> None:
        self._directory = f"{hub_path}/journal"
        self._hub_path = hub_path
        self._env = env
        self._finished: dict[int, tuple[int, list[Batch]]] = {}

    def read(self, only: str | None = None) -> JournalTail:
        """Everything since the cut; with `only`, what concerns one instance.

        A segment that vanishes on the way was cut off by the host, whose files now hold its lines: list again.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._read(only)
            except FileNotFoundError:
                continue
        return JournalTail()

    def _read(self, only: str | None) -> JournalTail:
        cut = read_cut(self._hub_path, self._env)
        first = cut.first_segment if cut is not None else 1
        mark = msgspec.json.encode(only) if only is not None else b""
        tail = JournalTail()
        for number in sorted(filter(None, map(segment_number, self._env.files.list(self._directory)))):
            if number >= first:
                for batch in self._batches(number, mark):
                    tail.take(batch)
        if only is not None:
            tail.executions = {only: tail.executions[only]} if only in tail.executions else {}
        return tail

    def _batches(self, number: int, mark: bytes) -> list[Batch]:
        file = self._env.files.open(f"{self._directory}/{segment_file_name(number)}")
        try:
            size = file.size()
            held = self._finished.get(number)
            if held is not None and held[0] == size:
                return held[1]
            data = file.pread(size, 0)
        finally:
            file.close()
        if mark and mark not in data:
            return []  # finding bytes is a hundred times faster than taking lines apart
        batches = scan(data).batches
        self._finished[number] = (size, batches)
        return batches
