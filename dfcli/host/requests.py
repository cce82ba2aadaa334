"""The verbs that change instances, as the host offers them to its client, to HTTP and to commands.

A verb checks, appends one inbound line, and returns once that line is durable. A refusal that rests on a line which
is not durable yet waits for it first, so that no caller is told what a crash could take back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dfcli.env.environment import Env
from dfcli.errors import (
    InstanceGone,
    InvalidArgument,
    NoSpace,
    NotFound,
    OutcomeUnknown,
    PayloadTooLarge,
    Unavailable,
    WrongState,
)
from dfcli.host.committer import Committer
from dfcli.host.draft import Draft
from dfcli.host.lane import Lane, in_quarantine, request_ids_of
from dfcli.host.scheduler import Scheduler
from dfcli.host.settings import HostSettings
from dfcli.host.traces import Traces
from dfcli.model import history as h
from dfcli.model.entity_ids import is_entity_id
from dfcli.model.history import Inbound
from dfcli.model.ids import (
    REQUEST_ID_LENGTH_MAX,
    check_event_name,
    check_text,
)
from dfcli.model.payload import NOTHING, PAYLOAD_BYTES_MAX, Payload
from dfcli.model.query import InstanceFilter
from dfcli.model.status import TERMINAL_STATUSES, InstanceSummary
from dfcli.registry.registry import Registry
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Purge

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

PURGES_AT_ONCE = 1000


class Requests:
    """The part of the host that takes requests; `Host` gives it what it names here."""

    hub: TaskHub
    env: Env
    loop: AbstractEventLoop
    registry: Registry
    settings: HostSettings
    scheduler: Scheduler
    committer: Committer
    stopping: bool
    stopped: BaseException | None
    is_closed: bool
    code_id: str | None
    _traces: Traces | None
    outstanding: set[asyncio.Future[None]]
    """What callers of verbs wait for."""

    async def raise_event(
        self, instance_id: str, name: str, payload: Payload = NOTHING, *, request_id: str | None = None
    ) -> None:
        """Hand an event to a live instance; it waits there until the code asks for it. NotFound, InstanceGone.

        Repeating a call with the same `request_id` raises nothing more, also when the instance has ended since or
        continued as new since: a run remembers its newest 256 requests.
        """
        self._check_can_accept(payload)
        check_event_name(name)
        check_text("request id", request_id, REQUEST_ID_LENGTH_MAX)
        try:
            lane = await self._live(instance_id)
        except (InstanceGone, NotFound) as error:
            is_gone = isinstance(error, InstanceGone)
            if is_gone and request_id is not None and request_id in self._recorded_request_ids(instance_id):
                return
            if not self.settings.raise_event_strict:
                return  # dropped, as the settings say
            raise
        if request_id is not None:
            if lane.request_ids is None:
                lane.request_ids = self._recorded_request_ids(instance_id)
            if request_id in lane.request_ids:
                await self._caught_up(lane)
                return
            lane.request_ids[request_id] = None
        seq, timestamp = self._line(lane)
        event = h.EventRaised(
            seq=seq,
            event_id=-1,
            timestamp=timestamp,
            name=name,
            input=payload.raw,
            input_text=payload.text,
            request_id=request_id,
        )
        await self._receive(lane, event)

    async def terminate(self, instance_id: str, reason: str = "") -> None:
        """End a live instance without running its code again. NotFound, InstanceGone."""
        self._check_can_accept()
        check_text("reason", reason)
        lane = await self._live(instance_id)
        seq, timestamp = self._line(lane)
        await self._receive(lane, h.ExecutionTerminated(seq=seq, event_id=-1, timestamp=timestamp, reason=reason))

    async def suspend(self, instance_id: str, reason: str = "") -> None:
        """Hold a live instance: what arrives is kept, no code runs. NotFound, InstanceGone, WrongState."""
        self._check_can_accept()
        check_text("reason", reason)
        lane = await self._live(instance_id)
        if lane.suspended:
            await self._caught_up(lane)
            raise WrongState(
                f"Cannot suspend the orchestration instance {instance_id} because instance is in the Suspended state.",
                hint=f"dfcli resume {instance_id}",
            )
        lane.suspended = True
        seq, timestamp = self._line(lane)
        await self._receive(lane, h.ExecutionSuspended(seq=seq, event_id=-1, timestamp=timestamp, reason=reason))

    async def resume(self, instance_id: str, reason: str = "") -> None:
        """Let a suspended instance go on. NotFound, InstanceGone, WrongState."""
        self._check_can_accept()
        check_text("reason", reason)
        lane = await self._live(instance_id)
        if not lane.suspended:
            await self._caught_up(lane)
            summary = self.hub.summary(instance_id)
            status = summary.status if summary is not None else "Running"
            raise WrongState(
                f"Cannot resume the orchestration instance {instance_id} because instance is in the {status} state."
            )
        lane.suspended = False
        seq, timestamp = self._line(lane)
        await self._receive(lane, h.ExecutionResumed(seq=seq, event_id=-1, timestamp=timestamp, reason=reason))

    async def purge(self, instance_id: str) -> int:
        """Remove an ended instance with all its executions, or an entity: 1. NotFound, WrongState for a live one."""
        if is_entity_id(instance_id):
            return await self.purge_entity(instance_id)
        self._check_can_accept()
        summary = await self._settled(instance_id)
        if summary is None:
            raise not_found(instance_id)
        if summary.is_live and not summary.quarantined:
            raise WrongState(
                f"Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {summary.status}",
                hint=f"dfcli terminate {instance_id}",
            )
        self.scheduler.lane(instance_id)  # of one in quarantine nothing stays
        await self._purge([summary])
        return 1

    async def purge_by(self, which: InstanceFilter) -> int:
        """Remove every ended instance that the filter means; how many. Live ones are left alone."""
        self._check_can_accept()
        statuses = (which.statuses & TERMINAL_STATUSES) if which.statuses else TERMINAL_STATUSES
        which = InstanceFilter(
            statuses=frozenset(statuses),
            names=which.names,
            prefix=which.prefix,
            created_from=which.created_from,
            created_to=which.created_to,
            parent_id=which.parent_id,
        )
        if not statuses:
            return 0
        purged = 0
        while True:
            page = self.hub.query(which, top=PURGES_AT_ONCE)
            if not page.items:
                return purged
            await self._purge(page.items)
            purged += len(page.items)

    async def purge_entity(self, entity_id: str) -> int:
        """See `EntityRequests`."""
        raise NotImplementedError

    # -- how a request becomes durable ---------------------------------------------------------------------------

    async def _purge(self, summaries: list[InstanceSummary]) -> None:
        draft = Draft()
        draft.purges += [Purge(summary.instance_id, summary.exec) for summary in summaries]
        await self._committed_draft(draft)

    async def _committed_draft(self, draft: Draft) -> None:
        future = self._outstanding_future()
        draft.acknowledgements.append(future)
        self.scheduler.submit(draft)
        self.committer.kick()
        await self._until_durable(future)

    def _line(self, lane: Lane) -> tuple[int, str]:
        """Number and timestamp of an inbound line, which must be received at once."""
        return lane.next_seq(), lane.stamp(self.scheduler.now())

    async def _receive(self, lane: Lane, event: Inbound) -> None:
        self.scheduler.receive(lane, event)
        await self._durable(lane)

    async def _durable(self, lane: Lane) -> None:
        future = self._outstanding_future()
        lane.acknowledgements.append(future)
        await self._until_durable(future)

    async def _caught_up(self, lane: Lane) -> None:
        """Until all that the lane has received so far is durable: an answer may rest on it then."""
        if lane.unsent:
            await self._durable(lane)  # not submitted yet, so that no barrier covers it
        else:
            await self.committer.barrier()

    def _outstanding_future(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.loop.create_future()
        self.outstanding.add(future)
        return future

    async def _until_durable(self, future: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(self.settings.no_space_patience_seconds):
                await future
        except TimeoutError:
            raise OutcomeUnknown(
                "the request is queued and not durable yet",
                why="the disk is full or very slow" if self.committer.no_space else "the disk is very slow",
                hint="ask for the status before you repeat it",
            ) from None
        finally:
            self.outstanding.discard(future)

    def fail_outstanding(self, error: BaseException) -> None:
        """Tell every waiting caller that the host stopped before it could tell the outcome."""
        for future in self.outstanding:
            if not future.done():
                future.set_exception(error)

    # -- checks --------------------------------------------------------------------------------------------------

    def _check_can_accept(self, payload: Payload = NOTHING) -> None:
        if self.stopped is not None or self.stopping:
            raise Unavailable("the host is stopping", hint="try again once it runs")
        if self.committer.no_space or self.hub.is_short_of_space:
            raise NoSpace(
                "there is no space left on the disk of the task hub",
                why="nothing was recorded, nothing is lost; running work waits",
                hint="free some space; the host goes on by itself",
            )
        if payload.size > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(f"the payload has {payload.size} bytes", why="16 MiB are allowed")

    async def _settled(self, instance_id: str) -> InstanceSummary | None:
        """The instance's committed summary, once nothing of it is on its way to the disk."""
        while True:
            lane = self.scheduler.lanes.get(instance_id)
            if lane is None or not (lane.uncommitted or lane.unsent):
                return self.hub.summary(instance_id)
            if self.stopped is not None or self.is_closed:
                raise OutcomeUnknown("the host stopped before the request was durable")
            await self.committer.barrier()
            await asyncio.sleep(0)

    async def _live(self, instance_id: str) -> Lane:
        """The lane of a live instance. NotFound, InstanceGone once its end is durable, InvalidArgument for entities."""
        if is_entity_id(instance_id):
            raise InvalidArgument(
                f"{instance_id!r} is an entity",
                why="entities take signals and calls",
                hint="dfcli entity signal --help",
            )
        lane = self.scheduler.lane(instance_id)
        if lane is not None and not lane.finished:
            return lane
        summary = await self._settled(instance_id)
        if summary is None:
            raise not_found(instance_id)
        if summary.quarantined:
            raise in_quarantine(instance_id, summary.quarantined)
        lane = self.scheduler.lane(instance_id)  # it may have been started again meanwhile
        if lane is not None and not lane.finished:
            return lane
        raise InstanceGone(
            f"instance {instance_id!r} has ended", why=f"its status is {summary.status}", hint="dfcli list --running"
        )

    def _recorded_request_ids(self, instance_id: str) -> dict[str, None]:
        """As committed. A lane that was found at the start asks once, before it takes its first request with an id, so
        none that it holds can be uncommitted; a lane of a new run has nothing to ask for.
        """
        return request_ids_of(self.hub.history(instance_id))


def not_found(instance_id: str) -> NotFound:
    return NotFound(f"there is no instance {instance_id!r}", hint="dfcli list")
