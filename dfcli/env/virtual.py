"""An event loop on virtual time: when nothing is ready it does not wait, it moves the clock to the next timer.

The whole host runs on it in one thread, so a 30-day timer takes microseconds and a run repeats exactly.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from dfcli.env.clock import VirtualClock

R = TypeVar("R")


class _NoWaitSelector(selectors.BaseSelector):
    """Watches nothing that could become ready; a wait moves the clock instead."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left to do: every task waits for something that no timer will bring")
        if timeout > 0:
            self._clock.advance(timeout)
        return self._real.select(0)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is the virtual clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual_clock = clock
        super().__init__(_NoWaitSelector(clock))
        # asyncio runs what is due within its clock's resolution; a nanosecond is lost in a float of this size.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual_clock.seconds


def run_virtually(main: Coroutine[Any, Any, R], clock: VirtualClock) -> R:
    """Run to the end on virtual time. RuntimeError when everything waits and nothing will come."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
