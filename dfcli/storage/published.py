"""What is committed, in memory: summaries that the index does not hold yet, and lines that no file holds yet.

Changed only by publication, right after a batch's sync, and by the file steps that take work off it; both hold
`lock`, briefly. Live summaries stay in memory, ended ones only until the index has them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary, next_execution
from dfcli.storage.sealing import PURGED, Sealed, SealedAppend
from dfcli.storage.transaction import Dispatch, Purge


class Tail:
    """Committed lines, newlines included, that are still to be written to a history file at `offset`."""

    __slots__ = ("lines", "offset")

    def __init__(self, offset: int) -> None:
        self.lines: list[bytes] = []
        self.offset = offset


class TailWork(NamedTuple):
    """Some lines of a tail, taken for writing."""

    key: ExecutionKey
    tail: Tail
    line_count: int
    data: bytes
    offset: int


class IndexWork(NamedTuple):
    """Rows to write so that the index is as of `batch`."""

    rows: list[InstanceSummary]
    removed: list[str]
    batch: int


class Committed(NamedTuple):
    """One moment's answer about an instance: `tail` lines come after the file's first `in_file` lines.

    `in_file` is None when only the file itself knows.
    """

    exec: int
    tail: list[bytes]
    in_file: int | None
    batch: int


class Published:
    """Committed state that is ahead of files and index."""

    def __init__(self, keep_executions: int, on_finished: Callable[[tuple[ExecutionKey, int]], None]) -> None:
        self.lock = threading.Lock()
        self.batch = 0
        self.summaries: dict[str, InstanceSummary] = {}
        self.quarantined: dict[str, str] = {}
        self._keep_executions = keep_executions
        self._on_finished = on_finished
        self._dispatched: list[Dispatch] = []
        self._tails: dict[str, dict[int, Tail]] = {}
        self._dirty: set[str] = set()
        self._removed: set[str] = set()
        self._being_indexed: set[str] = set()
        """Dirty or removed ids whose rows are being written just now: until they are, the index is not to be asked."""
        self._purged: dict[str, tuple[int, int]] = {}
        self._removals: list[ExecutionKey | Purge] = []
        self._pinned: set[str] = set()
        self._resting: set[str] = set()
        """Live instances that nobody holds on to: they need no memory once index and files have them."""
        self._dispatches_kept = 0

    # -- publication ---------------------------------------------------------------------------------------------

    def publish(self, batch: int, committed: Iterable[Sealed]) -> None:
        """Show one durable batch to readers, all at once."""
        with self.lock:
            for item in committed:
                for append in item.appends:
                    self._append(append, item.lines)
                for purge in item.transaction.purges:
                    self._purge(purge, batch)
                if item.transaction.dispatches:
                    self._dispatched.extend(item.transaction.dispatches)
            self.batch = batch

    def note_dispatches(self, dispatches: Iterable[Dispatch]) -> None:
        """Of tasks whose scheduling lines are committed. Those that have been answered are forgotten now and then."""
        with self.lock:
            self._dispatched.extend(dispatches)
            if len(self._dispatched) > DISPATCHES_MIN + 2 * self._dispatches_kept:
                self._prune_dispatches()

    def _append(self, append: SealedAppend, lines: Sequence[bytes]) -> None:
        key, events, start, stop = append
        instance_id, number = key
        summary = self.summaries.get(instance_id)
        if summary is None or summary.exec != number:
            if events[0].seq != 1:  # a rewind of an end that was not durable yet; the next start knows better
                raise AssertionError(
                    f"line {events[0].seq} of {key} was committed and nothing is known of those before"
                )
            self._supersede(key, generation=getattr(events[0], "generation", 0))
            summary = self.summaries[instance_id] = next_execution(summary, instance_id, number)
        tails = self._tails.get(instance_id)
        if tails is None:
            tails = self._tails[instance_id] = {}
        tail = tails.get(number)
        if tail is None:
            tail = tails[number] = Tail(summary.bytes)
        new = lines[start:stop]
        tail.lines.extend(new)
        summary.apply_all(events, sum(map(len, new)))
        self._dirty.add(instance_id)
        if self._pinned:
            self._pinned.discard(instance_id)
        if summary.status not in _GOING_ON:
            self._on_finished((key, summary.last_seq))

    def _supersede(self, key: ExecutionKey, generation: int) -> None:
        """A new execution begins: of its run, only the newest generations are kept."""
        if generation >= self._keep_executions > 0:
            gone = key.exec - self._keep_executions
            # Its file is removed even when no line of it was filed: one may be on its way just now. Lines that are not
            # need not be: a fast eternal instance passes hundreds of generations between two file steps.
            self._removals.append(ExecutionKey(key.instance_id, gone))
            self._tails.get(key.instance_id, {}).pop(gone, None)

    def _purge(self, purge: Purge, batch: int) -> None:
        instance_id, upto = purge
        summary = self.summaries.get(instance_id)
        if summary is None or summary.exec <= upto:
            self.summaries.pop(instance_id, None)
            self._resting.discard(instance_id)
            self._dirty.discard(instance_id)
            self._removed.add(instance_id)
        tails = self._tails.get(instance_id)
        if tails is not None:
            for number in [number for number in tails if number <= upto]:
                del tails[number]
            if not tails:
                del self._tails[instance_id]
        self.quarantined.pop(instance_id, None)
        self._purged[instance_id] = (upto, batch)
        self._removals.append(purge)
        self._on_finished((ExecutionKey(instance_id, upto), PURGED))

    # -- reading -------------------------------------------------------------------------------------------------

    def committed(self, instance_id: str, exec: int | None, indexed: InstanceSummary | None) -> Committed | None:
        """Where the lines of an execution are now; None when there is no such instance."""
        with self.lock:
            summary = self.summaries.get(instance_id) or indexed
            if summary is None:
                return None
            number = summary.exec if exec is None else exec
            tail = self._tails.get(instance_id, {}).get(number)
            lines = list(tail.lines) if tail is not None else []
            in_file = summary.last_seq - len(lines) if number == summary.exec else None
            return Committed(number, lines, in_file, self.batch)

    def unfiled_executions(self, instance_id: str) -> list[int]:
        """Those with lines that no file holds yet: an execution may begin and end before any is written."""
        with self.lock:
            return list(self._tails.get(instance_id, ()))

    def is_removed(self, instance_id: str) -> bool:
        """Whether the instance was purged and the index may still have its row."""
        with self.lock:
            behind = instance_id in self._removed or instance_id in self._being_indexed
            return behind and instance_id not in self.summaries

    def purged_upto(self, instance_id: str) -> int:
        """The highest execution that a purge of this journal has removed; 0 when there is none."""
        return self._purged.get(instance_id, (0, 0))[0]

    def keep(self, summary: InstanceSummary, batch: int) -> InstanceSummary:
        """Hold a summary made from a file, unless batches since `batch` have said more. Returns the one held."""
        with self.lock:
            held = self.summaries.get(summary.instance_id)
            # Of a pinned one nothing was published since it was read, or it would be here; but it may be purged.
            is_same = self.batch == batch or (
                summary.instance_id in self._pinned and self._purged.get(summary.instance_id, (0, 0))[1] <= batch
            )
            if held is None and is_same:
                held = self.summaries[summary.instance_id] = summary
            return held or summary

    def hold(self, summary: InstanceSummary) -> None:
        """Take in what recovery has found and the index knows."""
        with self.lock:
            self.summaries[summary.instance_id] = summary

    def pin(self, instance_id: str) -> InstanceSummary | None:
        """The summary in memory, which stays there until the next lines of the instance are published."""
        with self.lock:
            self._pinned.add(instance_id)
            self._resting.discard(instance_id)
            return self.summaries.get(instance_id)

    def rest(self, instance_id: str) -> None:
        """Nobody will write to a live instance without pinning it first: it may leave the memory."""
        with self.lock:
            if instance_id in self.summaries:
                self._resting.add(instance_id)
                self._drop_if_ended(instance_id)

    def mark_quarantined(self, instance_id: str, reason: str, summary: InstanceSummary | None) -> None:
        with self.lock:
            self.quarantined[instance_id] = reason
            held = self.summaries.get(instance_id)
            if held is None and summary is not None:
                held = self.summaries[instance_id] = summary
            if held is not None:
                held.quarantined = reason
                self._dirty.add(instance_id)

    # -- work for the files --------------------------------------------------------------------------------------

    @property
    def has_file_work(self) -> bool:
        return bool(self._tails or self._removals)

    @property
    def has_index_work(self) -> bool:
        return bool(self._dirty or self._removed)

    def take_tails(self, most: int | None) -> list[TailWork]:
        """Copies of up to `most` tails; each stays in place until `written`."""
        work: list[TailWork] = []
        with self.lock:
            for instance_id, tails in self._tails.items():
                for number, tail in tails.items():
                    key = ExecutionKey(instance_id, number)
                    work.append(TailWork(key, tail, len(tail.lines), b"".join(tail.lines), tail.offset))
                if most is not None and len(work) >= most:
                    break
        return work

    def written(self, work: TailWork) -> None:
        """The lines are in their file; those published since stay."""
        instance_id, number = work.key
        with self.lock:
            tails = self._tails.get(instance_id)
            if tails is None or tails.get(number) is not work.tail:
                return  # purged meanwhile
            del work.tail.lines[: work.line_count]
            work.tail.offset += len(work.data)
            if not work.tail.lines:
                del tails[number]
                if not tails:
                    del self._tails[instance_id]
                    self._drop_if_ended(instance_id)

    def _drop_if_ended(self, instance_id: str) -> None:
        """An instance that has ended, or rests, needs no memory once index and files have it."""
        unindexed = instance_id in self._dirty or instance_id in self._being_indexed
        needed = unindexed or instance_id in self._pinned or instance_id in self._tails
        held = self.summaries.get(instance_id)
        if held is not None and not needed and (not held.is_live or instance_id in self._resting):
            del self.summaries[instance_id]
            self._resting.discard(instance_id)

    def take_removals(self) -> list[ExecutionKey | Purge]:
        with self.lock:
            removals, self._removals = self._removals, []
            return removals

    def return_removals(self, removals: list[ExecutionKey | Purge]) -> None:
        """They could not be done now."""
        with self.lock:
            self._removals = removals + self._removals

    def index_work(self, *, everything: bool = False) -> IndexWork:
        """Copies of the summaries that have changed since the last call, or of all that are in memory."""
        with self.lock:
            dirty, self._dirty = set(self.summaries) if everything else self._dirty, set()
            removed, self._removed = self._removed, set()
            rows = [_copy(self.summaries[instance_id]) for instance_id in dirty if instance_id in self.summaries]
            self._being_indexed = {*removed, *(row.instance_id for row in rows)}
            return IndexWork(rows, list(removed), self.batch)

    def return_index_work(self, work: IndexWork) -> None:
        """The rows could not be written."""
        with self.lock:
            self._being_indexed = set()
            self._dirty.update(row.instance_id for row in work.rows if row.instance_id in self.summaries)
            self._removed.update(work.removed)

    def indexed(self, work: IndexWork) -> None:
        """The index has the rows."""
        with self.lock:
            self._being_indexed = set()
            for row in work.rows:
                if not row.is_live or row.instance_id in self._resting:
                    self._drop_if_ended(row.instance_id)

    def take_open_dispatches(self) -> list[Dispatch]:
        """The dispatches whose task has no answer; the others are forgotten."""
        with self.lock:
            self._prune_dispatches()
            return list(self._dispatched)

    def _prune_dispatches(self) -> None:
        self._dispatched = [dispatch for dispatch in self._dispatched if self._is_open(dispatch)]
        self._dispatches_kept = len(self._dispatched)

    def _is_open(self, dispatch: Dispatch) -> bool:
        summary = self.summaries.get(dispatch.key.instance_id)
        return (
            summary is not None
            and summary.exec == dispatch.key.exec
            and summary.open_tasks.get(dispatch.task_id) == dispatch.seq
        )

    def forget_dispatches(self) -> None:
        with self.lock:
            self._dispatched.clear()

    def forget_purges(self, upto_batch: int) -> None:
        """After a compaction the files are gone for good: numbering may restart."""
        with self.lock:
            self._purged = {name: purge for name, purge in self._purged.items() if purge[1] > upto_batch}


DISPATCHES_MIN = 10_000
_GOING_ON = frozenset({"Pending", "Running", "Suspended"})


def _copy(summary: InstanceSummary) -> InstanceSummary:
    copied: InstanceSummary = msgspec.structs.replace(summary)
    return copied
