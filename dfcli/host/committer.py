"""Moving transactions from memory to the disk, and telling the loop when they are there.

A short queue is synced by the loop itself, which beats waking a thread; a longer one by the committer thread, while
the loop gathers the next batch. In a simulation there is no thread and the loop does both.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition

from dfcli.env.environment import Spawn
from dfcli.errors import HostStopped, NoSpace
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Transaction

log = logging.getLogger("dfcli.host")

NO_SPACE_RETRY_SECONDS = 1.0
SLOW_SYNC_SECONDS = 0.003
"""A disk slower than this is never waited for on the loop."""


class Committer:
    """Owned by the loop's thread; `_run` is the committer thread."""

    def __init__(
        self,
        hub: TaskHub,
        loop: asyncio.AbstractEventLoop,
        spawn: Spawn | None,
        *,
        inline_lines: int,
        committed: Callable[[Sequence[Transaction]], None],
        stopped: Callable[[BaseException], None],
    ) -> None:
        self._hub = hub
        self._loop = loop
        self._inline_lines = inline_lines
        self._committed = committed
        self._stopped = stopped
        self._condition = Condition()
        self._wanted = False
        self._closing = False
        self._thread_busy = False
        self._sync_seconds = 0.0
        self._has_thread = spawn is not None
        self._scheduled = False
        self._done: deque[tuple[list[Transaction], float]] = deque()
        """Batches and their seconds, from the thread, not yet finished by the loop."""
        self._barriers: list[tuple[int, asyncio.Future[None]]] = []
        self.submitted = 0
        self.durable = 0
        self.no_space = False
        """The last write found the disk full; the queue is kept in order and tried again each second."""
        self._retry_is_due = False
        self.dead: BaseException | None = None
        self._thread = spawn("dfcli-committer", self._run) if spawn is not None else None

    def submit(self, transaction: Transaction) -> None:
        """Queue a transaction; it becomes durable after those before it."""
        self._hub.submit(transaction)
        self.submitted += 1

    def kick(self) -> None:
        """Have the queue committed; called by the loop once it has nothing better to do."""
        if self._thread_busy or self.submitted == self.durable or self.dead is not None:
            return
        if self._retry_is_due or self._closing:
            return
        if not self._has_thread:
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._commit_scheduled)
        elif self._hub.queued_lines <= self._inline_lines and self._sync_seconds < SLOW_SYNC_SECONDS:
            self.commit_now()
        else:
            self._thread_busy = True
            with self._condition:
                self._wanted = True
                self._condition.notify()

    def commit_now(self) -> None:
        """Commit everything that is queued before this returns, unless the disk is full."""
        while self.dead is None and not self._retry_is_due:
            begun = self._loop.time()
            transactions = self._step()
            if transactions is None:
                return
            self._sync_seconds = 0.8 * self._sync_seconds + 0.2 * (self._loop.time() - begun)
            self._take_done()
            self._finish(transactions)
            if not transactions or self.submitted == self.durable:
                return  # not at the last line: a transaction may have none

    def barrier(self) -> asyncio.Future[None]:
        """Done when everything submitted so far is durable."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self.dead is not None:
            future.set_exception(self.dead)
        elif self.submitted == self.durable:
            future.set_result(None)
        else:
            self._barriers.append((self.submitted, future))
            self.kick()
        return future

    def close(self) -> None:
        """End the thread; what is queued stays queued."""
        self._closing = True
        with self._condition:
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _commit_scheduled(self) -> None:
        self._scheduled = False
        self.commit_now()

    def _step(self) -> list[Transaction] | None:
        """One batch. None when the disk is full or the hub has failed, which has then been reported."""
        try:
            transactions = self._hub.commit_step()
        except NoSpace as error:
            self._on_no_space(error)
            return None
        except HostStopped as error:
            self.fail(error)
            return None
        self.no_space = False
        return transactions

    def _on_no_space(self, error: NoSpace) -> None:
        if not self.no_space:
            log.error("the disk is full: nothing is lost, work waits until there is space (%s)", error.why or error)
        self.no_space = True
        self._retry_is_due = True
        self._loop.call_later(NO_SPACE_RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._retry_is_due = False
        self.kick()

    def fail(self, error: BaseException) -> None:
        """Commit nothing more: what is queued is not to be trusted, or cannot become durable. The host ends."""
        if self.dead is not None:
            return
        self.dead = error
        for _, future in self._barriers:
            if not future.done():
                future.set_exception(error)
        self._barriers.clear()
        self._stopped(error)

    def _finish(self, transactions: Sequence[Transaction]) -> None:
        """On the loop's thread: effects of transactions that are durable now."""
        self.durable += len(transactions)
        if self._barriers:
            passed = [future for target, future in self._barriers if target <= self.durable]
            self._barriers = [entry for entry in self._barriers if entry[0] > self.durable]
            for future in passed:
                if not future.done():
                    future.set_result(None)
        self._committed(transactions)

    def _take_done(self) -> None:
        while self._done:
            transactions, seconds = self._done.popleft()
            self._sync_seconds = 0.8 * self._sync_seconds + 0.2 * seconds
            self._finish(transactions)

    def _finish_from_thread(self) -> None:
        self._thread_busy = False
        self.no_space = False
        self._take_done()
        self.kick()

    def _fail_from_thread(self, error: BaseException) -> None:
        self._thread_busy = False
        if isinstance(error, NoSpace):
            self._on_no_space(error)
        else:
            self.fail(error)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._wanted and not self._closing:
                    self._condition.wait()
                if self._closing:
                    return
                self._wanted = False
            begun = self._loop.time()
            try:
                transactions = self._hub.commit_step()
            except BaseException as error:
                self._post(self._fail_from_thread, error)
                if not isinstance(error, NoSpace):
                    return
                continue
            self._done.append((transactions, self._loop.time() - begun))
            self._post(self._finish_from_thread)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop has ended; recovery decides at the next start
            self._closing = True
