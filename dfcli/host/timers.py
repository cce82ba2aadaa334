"""Durable timers: one heap, one wake-up for the next due time.

Due times are wall-clock times. The wall clock may jump (a laptop sleeps, somebody sets it), so no wait is longer than
the clock's `recheck_seconds`. A timer never fires early: the line that records it is not older than its due time.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dfcli.env.clock import Clock
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import epoch_from_timestamp, timestamp_from_epoch

WAKE = -1
"""Event id of an entry that stands for all timers of an instance that has not been loaded yet."""

START = -2
"""Event id of an entry for the time at which a scheduled instance begins."""

SWEEP_MIN = 4_096
"""A heap smaller than this is never swept."""


class DueTimer(NamedTuple):
    """Ordered by due time; `fire_at` is a timestamp."""

    fire_at: str
    number: int
    key: ExecutionKey
    event_id: int


class Timers:
    """Owned by the loop's thread. Cancelled timers stay in the heap until it has grown to twice what it held when it
    was last swept, or until due; `fire` must ignore them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        fire: Callable[[Sequence[DueTimer]], None],
        is_armed: Callable[[DueTimer], bool],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._fire = fire
        self._is_armed = is_armed
        self._sweep_at = SWEEP_MIN
        self._heap: list[DueTimer] = []
        self._number = 0
        self._handle: asyncio.TimerHandle | None = None
        self._wake_for = ""

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, key: ExecutionKey, event_id: int, fire_at: str) -> None:
        """Fire at or after `fire_at`; one that is overdue fires as soon as the loop turns."""
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        self._number += 1
        heapq.heappush(self._heap, DueTimer(fire_at, self._number, key, event_id))
        if self._handle is None or fire_at < self._wake_for:
            self._schedule()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._heap.clear()

    def _schedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if not self._heap:
            return
        self._wake_for = self._heap[0].fire_at
        # A microsecond more: a float cannot tell neighbouring microseconds apart, and early must be tried again.
        delay = max(0.0, epoch_from_timestamp(self._wake_for) - self._clock.time()) + 0.000_001
        if self._clock.recheck_seconds is not None:
            delay = min(delay, self._clock.recheck_seconds)
        self._handle = self._loop.call_later(delay, self._wake)

    def _wake(self) -> None:
        self._handle = None
        now = timestamp_from_epoch(self._clock.time())
        due: list[DueTimer] = []
        while self._heap and self._heap[0].fire_at <= now:
            due.append(heapq.heappop(self._heap))
        try:
            if due:
                self._fire(due)
        finally:
            self._schedule()

    def _sweep(self) -> None:
        """Drop what was cancelled: races against a distant deadline would fill the memory with them."""
        self._heap = [timer for timer in self._heap if self._is_armed(timer)]
        heapq.heapify(self._heap)
        self._sweep_at = max(SWEEP_MIN, 2 * len(self._heap))
