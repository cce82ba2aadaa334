"""What the host tells of its instances: committed facts only, and what a live one waits for."""

from __future__ import annotations

import asyncio

from dfcli.errors import NotFound, TimedOut, Unavailable
from dfcli.host.committer import Committer
from dfcli.host.scheduler import Scheduler
from dfcli.model.history import Event
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.status import InstanceSummary
from dfcli.storage.taskhub import TaskHub


class Reading:
    """The part of the host that answers questions; `Host` gives it what it names here."""

    hub: TaskHub
    loop: asyncio.AbstractEventLoop
    scheduler: Scheduler
    committer: Committer
    waiters: dict[str, list[asyncio.Future[None]]]
    """Who waits for the end of an instance."""
    stopped: BaseException | None
    is_closed: bool

    @property
    def health(self) -> str:
        """`ok`; `degraded`: instances are in quarantine; `no space`: new work is refused; `stopped`: a sync failed."""
        if self.stopped is not None or self.is_closed:
            return "stopped"
        if self.committer.no_space or self.hub.is_short_of_space:
            return "no space"
        return "degraded" if self.hub.quarantined else "ok"

    def summary(self, instance_id: str) -> InstanceSummary | None:
        """What the committed lines of the newest execution tell; not the caller's to change."""
        return self.hub.summary(instance_id)

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        return self.hub.history(instance_id, exec)

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return self.hub.lines(instance_id, exec)

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        return self.hub.query(which, top=top, continuation=continuation)

    def waits(self, instance_id: str) -> list[Wait]:
        """What a live instance waits for, with the line of code. An evicted execution comes back for it."""
        return self.scheduler.waits(instance_id)

    def parked(self, instance_id: str) -> str:
        """Why the instance is not run though it is live; empty when it is."""
        lane = self.scheduler.lanes.get(instance_id)
        return lane.parked if lane is not None else ""

    async def wait(self, instance_id: str, timeout: float | None = None) -> InstanceSummary:
        """The summary once the instance has ended. NotFound, Unavailable when the host stops first, TimedOut after
        `timeout` seconds. An id that is started again before its waiters are told is waited for anew."""
        summary = self.hub.summary(instance_id)
        if summary is None:
            raise NotFound(f"there is no instance {instance_id!r}", hint="dfcli list")
        try:
            async with asyncio.timeout(timeout):
                while summary.is_live:
                    await self._end_of(instance_id)
                    summary = self.hub.summary(instance_id)
                    if summary is None:
                        raise NotFound(f"instance {instance_id!r} was purged")
        except TimeoutError:
            raise TimedOut(f"instance {instance_id!r} has not ended after {timeout:g} s") from None
        return summary

    async def _end_of(self, instance_id: str) -> None:
        if self.stopped is not None or self.is_closed:
            raise Unavailable("the host has stopped", hint="ask again once it runs")
        future: asyncio.Future[None] = self.loop.create_future()
        waiting = self.waiters.setdefault(instance_id, [])
        waiting.append(future)
        try:
            await future
        finally:
            if not future.done() or future.cancelled():
                waiting.remove(future)
                if not waiting and self.waiters.get(instance_id) is waiting:
                    del self.waiters[instance_id]

    def fail_waiters(self, error: BaseException) -> None:
        """Tell whoever waits for an end that this host will not see it."""
        for waiting in self.waiters.values():
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
