"""The commit step: queued transactions become one batch of the journal, durable together, then visible together.

One lock, no thread of its own: called by a committer thread, by the loop for a short queue, or by a simulator.
After any failure that leaves in doubt what is on the disk the committer is dead: it acknowledges nothing more, and
the next start decides (`HostStopped`). A full disk is no such failure: the queue waits in order (`NoSpace`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from dfcli.errors import HostStopped, NoSpace
from dfcli.storage.blobs import Blobs, PendingBlob
from dfcli.storage.durable import is_full
from dfcli.storage.journal import Operation, operation_line
from dfcli.storage.journal_writer import JournalWriter, Rotation, no_space
from dfcli.storage.published import Published
from dfcli.storage.sealing import Sealed
from dfcli.storage.transaction import Transaction


class Committer:
    """The queue between the loop thread, which submits, and whoever runs the commit step."""

    def __init__(
        self,
        journal: JournalWriter,
        blobs: Blobs,
        published: Published,
        *,
        batch_bytes: int,
        batch_lines: int,
        check_place: Callable[[], None] | None = None,
    ) -> None:
        self.journal = journal
        self.lock = threading.Lock()
        self.failure: BaseException | None = None
        self._blobs = blobs
        self._published = published
        self._batch_bytes = batch_bytes
        self._batch_lines = batch_lines
        self._check_place = check_place
        """Raises when the journal just written to can no longer be found by anybody."""
        self._queue: deque[Sealed] = deque()
        self._head: list[Sealed] = []
        """Taken off the queue for a batch that is not durable yet."""
        self._riders: deque[bytes] = deque()
        # Two counters, each changed by one thread only: their difference needs no lock.
        self._lines_in = self._bytes_in = 0
        self._lines_out = self._bytes_out = 0

    @property
    def queued_lines(self) -> int:
        return self._lines_in - self._lines_out

    @property
    def queued_bytes(self) -> int:
        return self._bytes_in - self._bytes_out

    def submit(self, sealed: Sealed) -> None:
        """Queue a transaction. Loop thread only."""
        self._queue.append(sealed)
        self._lines_in += len(sealed.lines)
        self._bytes_in += sealed.size

    def ride_along(self, line: bytes) -> None:
        """Have an operation line written with the next batch; nobody waits for it."""
        self._riders.append(line)

    def commit_step(self) -> list[Transaction]:
        """Make the queue's head durable and visible; the transactions of the batch, or none when nothing is queued.

        Raises NoSpace (nothing happened, call again later) and HostStopped (from then on, always).
        """
        with self.lock:
            self.check_alive()
            taken = self._take()
            if not taken:
                return []
            try:
                self._write(taken)
                if self._check_place is not None:
                    self._check_place()
                self._published.publish(self.journal.chain.batch, taken)
            except NoSpace:
                raise
            except BaseException as error:
                self.fail(error)
            self._head = []
            for item in taken:
                self._lines_out += len(item.lines)
                self._bytes_out += item.size
            return [item.transaction for item in taken]

    def write_operation(self, operation: Operation) -> None:
        """Commit one operation line in a batch of its own. Raises as `commit_step` does."""
        with self.lock:
            self.check_alive()
            try:
                self.journal.append([operation_line(operation)])
                self._published.publish(self.journal.chain.batch, [])
            except NoSpace:
                raise
            except BaseException as error:
                self.fail(error)

    def rotate(self) -> Rotation:
        """Begin a new segment. Raises as `commit_step` does."""
        with self.lock:
            self.check_alive()
            try:
                return self.journal.rotate()
            except NoSpace:
                raise
            except BaseException as error:
                self.fail(error)

    def check_in_place(self) -> None:
        """Raises HostStopped when the hub's folder was removed or replaced."""
        if self._check_place is not None:
            try:
                self._check_place()
            except HostStopped as error:
                self.fail(error)

    def check_alive(self) -> None:
        if self.failure is not None:
            raise _stopped(self.failure)

    def fail(self, error: BaseException) -> NoReturn:
        """Stop for good. Always raises: HostStopped, or an error that is no Exception as it is."""
        if self.failure is None:
            self.failure = error
        if not isinstance(error, Exception):
            raise error
        stopped = _stopped(error)
        raise stopped from (error if error is not stopped else None)

    def _take(self) -> list[Sealed]:
        """The head of the queue, as much as one batch holds, at least one; with what there was no space for before.

        The loop's thread appends meanwhile, so the queue is looked at and taken from one item at a time: going through
        it would fail.
        """
        head = self._head
        lines = sum(len(item.lines) for item in head)
        size = sum(item.size for item in head)
        while self._queue:
            item = self._queue[0]
            lines += len(item.lines)
            size += item.size
            if head and (lines > self._batch_lines or size > self._batch_bytes):
                break
            head.append(self._queue.popleft())
        return head

    def _write(self, taken: list[Sealed]) -> None:
        for item in taken:
            for blob in item.blobs:
                _write_blob(self._blobs.write, blob)
        lines: list[bytes] = []
        for item in taken:
            lines += item.lines
        riders = len(self._riders)
        lines += [self._riders[number] for number in range(riders)]  # more may be appended meanwhile
        self.journal.append(lines)
        for _ in range(riders):
            self._riders.popleft()


def _write_blob(write: Callable[[PendingBlob], None], blob: PendingBlob) -> None:
    try:
        write(blob)
    except OSError as error:
        if is_full(error):
            raise no_space(error) from error
        raise


def _stopped(error: BaseException) -> HostStopped:
    if isinstance(error, HostStopped):
        return error
    return HostStopped(
        "the hub stopped: its files can no longer be trusted to reach the disk",
        why=str(error) or type(error).__name__,
        hint="check the disk, then start again; everything acknowledged is kept",
    )
