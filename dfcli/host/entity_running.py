"""Running batches of entity operations: plain functions in threads, `async def` ones on the loop for user code.

Their threads are not those of activities, which may all wait for entities.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from dfcli.authoring.running import FunctionCall, current
from dfcli.engine.entity_batch import Batch, run
from dfcli.host.entity_lane import EntityLane
from dfcli.host.threads import Threads

Done = tuple[EntityLane, Batch]


class EntityRunner:
    """Owned by the loop's thread; `finish` may be called from any."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        threads: Threads,
        user_loop: Callable[[], asyncio.AbstractEventLoop],
        take: Callable[[Sequence[Done]], None],
    ) -> None:
        self._loop = loop
        self._threads = threads
        self._user_loop = user_loop
        self._take = take
        self._done: deque[Done] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_taking = False
        self._closed = False

    def start(self, lane: EntityLane, batch: Batch) -> None:
        """Begin a batch, whose lines are durable."""
        if batch.definition.is_async:
            self._user_loop().call_soon_threadsafe(self._begin_async, lane, batch)
        else:
            self._threads.run([partial(self._run, lane, batch)])

    def close(self) -> None:
        """What ends from now on is dropped, and runs again at the next start."""
        self._closed = True
        self._threads.close()

    def _run(self, lane: EntityLane, batch: Batch) -> None:
        token = current.set(_call(lane, batch))
        try:
            run(batch)
        finally:
            current.reset(token)
        self._finish(lane, batch)

    def _begin_async(self, lane: EntityLane, batch: Batch) -> None:
        if not self._closed:
            task = asyncio.get_running_loop().create_task(self._run_async(lane, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run_async(self, lane: EntityLane, batch: Batch) -> None:
        current.set(_call(lane, batch))
        while (operation := batch.next) is not None:
            try:
                value = batch.call(operation)
                if inspect.isawaitable(value):
                    value = await value
                batch.succeed(operation, value)
            except BaseException as error:
                task = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise  # the loop is closing
                batch.fail(operation, error)
        self._finish(lane, batch)

    def _finish(self, lane: EntityLane, batch: Batch) -> None:
        """One wake-up of the loop takes all that have ended by then."""
        self._done.append((lane, batch))
        if not self._is_taking and not self._closed:
            self._is_taking = True
            try:
                self._loop.call_soon_threadsafe(self._hand_over)
            except RuntimeError:  # the loop has ended: the batch runs again at the next start
                self._closed = True

    def _hand_over(self) -> None:
        self._is_taking = False
        done = [self._done.popleft() for _ in range(len(self._done))]
        if done and not self._closed:
            self._take(done)


def _call(lane: EntityLane, batch: Batch) -> FunctionCall:
    return FunctionCall(kind="entity", name=batch.definition.name, instance_id=lane.key.instance_id)
