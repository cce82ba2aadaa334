"""Keeping history files, index and journal size in step with what is committed, off the path of any request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from threading import Condition

from dfcli.env.environment import Spawn
from dfcli.errors import HostStopped
from dfcli.storage.taskhub import TaskHub

log = logging.getLogger("dfcli.host")

RETRY_SECONDS_MAX = 30.0


class Filing:
    """Runs the hub's file steps in a thread of its own; in a simulation, on the loop."""

    def __init__(
        self,
        hub: TaskHub,
        loop: asyncio.AbstractEventLoop,
        spawn: Spawn | None,
        every_seconds: float,
        stopped: Callable[[BaseException], None],
    ) -> None:
        self._hub = hub
        self._loop = loop
        self._every = every_seconds
        self._stopped = stopped
        self._condition = Condition()
        self._closing = False
        self._handle: asyncio.TimerHandle | None = None
        self._thread = spawn("dfcli-files", self._run) if spawn is not None else None

    def nudge(self) -> None:
        """In a simulation, where no thread watches: see to the files soon."""
        if self._thread is None and self._handle is None and not self._closing:
            self._handle = self._loop.call_later(self._every, self._tick)

    def close(self) -> None:
        """End the thread once its step is done."""
        self._closing = True
        if self._handle is not None:
            self._handle.cancel()
        with self._condition:
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def _tick(self) -> None:
        self._handle = None
        if self._step(self._every) == 0.0:
            self.nudge()

    def _run(self) -> None:
        wait = self._every
        while True:
            with self._condition:
                if not self._closing:
                    self._condition.wait(timeout=wait)
                if self._closing:
                    return
            wait = self._step(wait)

    def _step(self, waited: float) -> float:
        """One round; how long to wait for the next. Errors of files are not fatal, since the journal has the data; a
        failed sync is."""
        try:
            is_behind = self._hub.materialise_step()
            if self._hub.compaction_due():
                self._hub.compact()
            return 0.0 if is_behind else self._every
        except HostStopped as error:
            self._closing = True
            self._report(error)
        except Exception:
            log.exception("history files could not be written; the journal has the data, trying again")
        return min(max(2 * waited, self._every), RETRY_SECONDS_MAX)

    def _report(self, error: BaseException) -> None:
        try:
            self._loop.call_soon_threadsafe(self._stopped, error)
        except RuntimeError:  # the loop has ended already
            log.error("%s", error)
