"""The loop that all `async def` user code of the process runs on, for the life of the host.

User code that blocks must not hold up the host, and clients such as HTTP sessions are tied to the loop they were
made on, so there is one loop apart from the host's. In a simulation it is the host's own.
"""

from __future__ import annotations

import asyncio
import logging
from threading import Event

from dfcli.env.environment import Spawn

log = logging.getLogger("dfcli.host")


class UserLoop:
    """Started when first asked for."""

    def __init__(self, host_loop: asyncio.AbstractEventLoop, spawn: Spawn | None) -> None:
        self._host_loop = host_loop
        self._spawn = spawn
        self._loop: asyncio.AbstractEventLoop | None = None if spawn is not None else host_loop
        self._closing = Event()

    def get(self) -> asyncio.AbstractEventLoop:
        """The loop, running. Call from the host's thread."""
        if self._loop is None:
            assert self._spawn is not None
            loop = self._loop = asyncio.new_event_loop()
            running = Event()
            loop.call_soon(running.set)
            self._spawn("dfcli-async", lambda: _run(loop, self._closing))
            running.wait()
        return self._loop

    def close(self) -> None:
        """Cancel what runs and end the loop; its thread never delays the exit of the process."""
        self._closing.set()
        loop = self._loop
        if loop is not None and loop is not self._host_loop:
            loop.call_soon_threadsafe(loop.stop)
        self._loop = None


def _run(loop: asyncio.AbstractEventLoop, closing: Event) -> None:
    asyncio.set_event_loop(loop)
    try:
        while not closing.is_set():  # sys.exit() in a task, or loop.stop(), must not end it for everybody else
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                log.error("a task of an async function raised %s: %s", type(error).__name__, error)
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
