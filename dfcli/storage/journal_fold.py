"""The journal's batches sorted by whose they are: which lines, purges and operations the files must show (R5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from dfcli.model.history import ExecutionStarted, decode_line
from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import read_envelope, valid_prefix
from dfcli.storage.compaction import Cut
from dfcli.storage.journal import Operation, read_operation
from dfcli.storage.journal_reading import DamagedStretch, JournalReading
from dfcli.storage.transaction import Dispatch, Purge


class JournalLines:
    """One execution's lines in the journal, from `first` on without a gap."""

    __slots__ = ("first", "is_broken", "lines")

    def __init__(self, first: int) -> None:
        self.first = first
        self.lines: list[bytes] = []
        self.is_broken = False
        """A later line is in the journal that does not follow: what comes between was lost."""


@dataclass
class Folded:
    """What the right batches say, in order."""

    lines: dict[ExecutionKey, JournalLines] = field(default_factory=dict)
    purges: dict[str, int] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    """Every instance a line or an operation names."""
    superseded: set[ExecutionKey] = field(default_factory=set)
    """Executions that retention has removed."""
    gaps: dict[str, str] = field(default_factory=dict)
    dispatches: list[Dispatch] = field(default_factory=list)
    running: bool = False
    said_goodbye: bool = False

    @property
    def instance_ids(self) -> set[str]:
        return {key.instance_id for key in self.lines}

    def removals(self) -> list[ExecutionKey | Purge]:
        purges = [Purge(instance_id, upto) for instance_id, upto in self.purges.items()]
        return [*purges, *sorted(self.superseded)]

    def affected_by(self, damages: Iterable[DamagedStretch]) -> dict[str, str]:
        """Instance id to reason, for every instance that damage or a gap names and no later purge has removed."""
        affected: dict[str, str] = {}
        for damage in damages:
            for line in damage.lines:
                for instance_id in _named_by(line):
                    if instance_id not in self.purges or instance_id in self.instance_ids:
                        reason = f"journal segment {damage.segment} is damaged at byte {damage.start}: {damage.why}"
                        affected.setdefault(instance_id, reason)
        return {**affected, **self.gaps}

    def tail_lines(self, lines: Iterable[bytes]) -> Iterator[tuple[ExecutionKey, int]]:
        """Whose lines, and which, are in a torn tail."""
        for line in lines:
            envelope = read_envelope(line) if read_operation(line) is None else None  # a Dispatch names a Seq as well
            if envelope is not None:
                yield envelope.key, envelope.seq


def fold(reading: JournalReading, cut: Cut | None, keep_executions: int) -> Folded:
    """Go through the batches in order. `cut` says whether a host was running before the first of them."""
    folded = Folded(running=cut is not None and cut.running)
    for batch in reading.batches:
        for line in batch.lines:
            operation = read_operation(line)
            if operation is not None:
                _take_operation(folded, operation)
            else:
                _take_line(folded, line, keep_executions)
    for key in folded.superseded:
        folded.lines.pop(key, None)
    return folded


def _take_operation(folded: Folded, operation: Operation) -> None:
    match operation.op:
        case "Purge":
            folded.named.add(operation.instance_id)
            upto = max(folded.purges.get(operation.instance_id, 0), operation.upto_exec)
            folded.purges[operation.instance_id] = upto
            folded.gaps.pop(operation.instance_id, None)
            for key in [key for key in folded.lines if key.instance_id == operation.instance_id and key.exec <= upto]:
                del folded.lines[key]
        case "Dispatch":
            folded.dispatches.append(Dispatch(operation.key, operation.task_id, operation.seq, operation.attempt))
        case "HostStarted":
            folded.running, folded.said_goodbye = True, False
        case "CleanShutdown":
            folded.running, folded.said_goodbye = False, True
            folded.dispatches.clear()
        case _:
            pass  # of a newer version, which says in hub.json when ignoring it would be wrong


def _take_line(folded: Folded, line: bytes, keep_executions: int) -> None:
    envelope = read_envelope(line)
    if envelope is None:
        return
    key = envelope.key
    folded.named.add(key.instance_id)
    held = folded.lines.get(key)
    if held is None:
        held = folded.lines[key] = JournalLines(envelope.seq)
        if envelope.seq == 1:
            superseded = _superseded(line, key, keep_executions)
            if superseded is not None:
                folded.superseded.add(superseded)
    if held.is_broken:
        return
    if envelope.seq != held.first + len(held.lines):
        held.is_broken = True
        expected = held.first + len(held.lines)
        folded.gaps[key.instance_id] = f"the journal holds line {envelope.seq} of execution {key.exec}, not {expected}"
        return
    held.lines.append(line)


def _superseded(line: bytes, key: ExecutionKey, keep_executions: int) -> ExecutionKey | None:
    """The execution that goes when this one begins."""
    try:
        started = decode_line(line)
    except (msgspec.MsgspecError, ValueError):
        return None
    if isinstance(started, ExecutionStarted) and started.generation >= keep_executions > 0:
        return ExecutionKey(key.instance_id, key.exec - keep_executions)
    return None


def _named_by(line: bytes) -> list[str]:
    operation = read_operation(line)
    if operation is not None:
        return [operation.instance_id] if operation.op == "Purge" else []
    envelope = read_envelope(line)
    return [envelope.instance_id] if envelope is not None else []


class FilePlan(NamedTuple):
    """What to write to a history file, or why not to. `ahead`: it holds committed lines that the journal has lost."""

    key: ExecutionKey
    data: bytes
    offset: int
    fault: str
    ahead: bool


def plan_file(key: ExecutionKey, held: JournalLines, data: bytes, path: str) -> FilePlan:
    """Compare a file's valid prefix (lines 1 to p) with the journal's lines a to b."""
    prefix = valid_prefix(data, key)
    present, first, last = len(prefix.lines), held.first, held.first + len(held.lines) - 1
    before = first - 1
    fault, ahead = "", False
    if present < before:
        fault = f"{path}: {prefix.fault or f'it ends after line {present}'}; the journal goes on at line {first}"
    elif prefix.lines[before:last] != held.lines[: max(present - before, 0)]:
        fault = f"{path}: its lines from {first} on are not those of the journal"
    elif present > last:
        fault, ahead = f"{path} holds line {present}; the journal ends at line {last}", True
    offset = sum(len(line) + 1 for line in prefix.lines[:before])
    return FilePlan(key, b"".join(line + b"\n" for line in held.lines), offset, fault, ahead)
