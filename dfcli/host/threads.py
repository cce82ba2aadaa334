"""Threads for plain `def` user code, fed in batches.

One hand-over between threads per activity would cost more than the activity. So a batch of calls wakes a single
thread, which works through it; only when calls still wait a millisecond later are the other threads woken. Short calls
thus cost no hand-over, and long ones run side by side.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition

from dfcli.env.environment import Spawn

Call = Callable[[], None]

PATIENCE_SECONDS = 0.001


class Threads:
    """At most `limit` threads, started when needed. Calls must not raise."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, spawn: Spawn | None, limit: int, name: str = "dfcli-activities"
    ) -> None:
        self._loop = loop
        self._name = name
        self._spawn = spawn
        self._limit = limit
        self._calls: deque[Call] = deque()
        self._condition = Condition()
        self._idle = 0
        self._started = 0
        self._watching = False
        self._closed = False

    def run(self, calls: Iterable[Call]) -> None:
        """Queue calls, in order; from the loop's thread."""
        if self._spawn is None:
            for call in calls:
                self._loop.call_soon(call)
            return
        self._calls.extend(calls)
        if self._calls and not self._closed:
            self._wake(1)
            self._watch()

    def close(self) -> None:
        """Drop what has not begun; threads in a call end after it, and never delay the exit of the process."""
        self._closed = True
        self._calls.clear()
        with self._condition:
            self._condition.notify_all()

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._loop.call_later(PATIENCE_SECONDS, self._look, len(self._calls))

    def _look(self, waiting_before: int) -> None:
        """Calls that still wait after a millisecond wait behind something slow: wake as many threads as there are."""
        self._watching = False
        waiting = len(self._calls)
        if waiting and not self._closed:
            if waiting >= waiting_before // 2:
                self._wake(waiting)
            self._watch()

    def _wake(self, wanted: int) -> None:
        with self._condition:
            awake = min(wanted, self._idle)
            if awake:
                self._idle -= awake
                self._condition.notify(awake)
            missing = min(wanted - awake, self._limit - self._started)
            self._started += max(0, missing)
        if self._spawn is not None:
            for _ in range(missing):
                self._spawn(self._name, self._work)

    def _work(self) -> None:
        calls = self._calls
        process = os.getpid()
        while not self._closed:
            try:
                call = calls.popleft()
            except IndexError:
                with self._condition:
                    if calls or self._closed:
                        continue
                    self._idle += 1
                    self._condition.wait()
                continue
            call()
            if os.getpid() != process:
                os._exit(0)  # a child that user code forked and let return: the calls that wait are its parent's
