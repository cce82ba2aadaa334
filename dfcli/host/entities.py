"""Entities of the host: their lanes, whose turn it is, the batches that run, and the memory that idle ones do not need.

An operation runs once its line is durable, a batch once the one before it is: user code never builds on what a crash
could take back. A lock is granted as soon as its request has its turn, since that runs no code.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from dfcli.authoring.entity_id import EntityId
from dfcli.engine.entity import Entity
from dfcli.engine.entity_batch import Batch
from dfcli.env.environment import Env
from dfcli.errors import DfError
from dfcli.host.committer import Committer
from dfcli.host.draft import Draft
from dfcli.host.entity_delivery import EntityDelivery
from dfcli.host.entity_lane import EntityLane, line_bytes
from dfcli.host.entity_recording import is_due_to_roll_over, record_batch, roll_over
from dfcli.host.entity_running import Done, EntityRunner
from dfcli.host.lane import NO_CODE, in_quarantine
from dfcli.host.scheduler import Scheduler
from dfcli.host.settings import HostSettings
from dfcli.host.threads import Threads
from dfcli.host.timers import DueTimer, Timers
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.storage.taskhub import TaskHub

log = logging.getLogger("dfcli.host")

TURNS_AT_ONCE = 256
IDLE_LANES_MAX = 1_000
"""Entities without work that stay in memory, the most recently used."""
IDLE_BYTES_MAX = 64 * 1024 * 1024
"""Of their states together."""
BATCH_SECONDS = 0.25
"""A batch that takes longer ends after the operation it is at, so that callers get their answers."""
SWEEP_SECONDS = 30.0
"""How often locks are looked at whose owner may have gone without a word."""


class Entities:
    """Owned by the loop's thread."""

    def __init__(
        self,
        hub: TaskHub,
        env: Env,
        loop: asyncio.AbstractEventLoop,
        settings: HostSettings,
        scheduler: Scheduler,
        committer: Committer,
        user_loop: Callable[[], asyncio.AbstractEventLoop],
        *,
        runs_code: bool,
    ) -> None:
        self._hub = hub
        self._env = env
        self._loop = loop
        self._settings = settings
        self._scheduler = scheduler
        self._committer = committer
        self._runs_code = runs_code
        self.delivery = EntityDelivery(self, scheduler)
        self.lanes: dict[str, EntityLane] = {}
        self.under_way = 0
        """Batches that run."""
        self.stopping = False
        self.on_batch_end: Callable[[], None] = lambda: None
        self._idle: OrderedDict[str, EntityLane] = OrderedDict()
        self._idle_bytes = 0
        self._ready: deque[EntityLane] = deque()
        self._is_pumping = False
        self._purging: dict[str, int] = {}
        """Entities whose purge is not durable yet: up to which execution they are gone."""
        self._held_back: dict[str, EntityLane] = {}
        """Those with operations for which no batch is allowed now, in the order in which they came."""
        self._at_most = settings.max_concurrent_entities or 1_000_000
        self._sweep_handle: asyncio.TimerHandle | None = None
        self._timers = Timers(loop, env.clock, self._fire, self._is_armed)
        threads = Threads(loop, env.spawn, settings.activity_threads)
        self._runner = EntityRunner(loop, threads, user_loop, self._take)

    # -- lanes ---------------------------------------------------------------------------------------------------

    def lane(self, entity_id: str) -> EntityLane | None:
        """The lane of an entity, made when there is none; None for one in quarantine."""
        lane = self.existing(entity_id)
        if lane is None and entity_id not in self._scheduler.quarantined:
            lane = self._create(entity_id)
        return lane

    def existing(self, entity_id: str) -> EntityLane | None:
        """The lane of an entity that has a file; None for one that has none, or is in quarantine."""
        lane = self.lanes.get(entity_id)
        if entity_id in self._scheduler.quarantined:
            if lane is not None:
                self._forget(lane)
                lane.refuse(in_quarantine(entity_id, self._scheduler.quarantined.get(entity_id, "")))
            return None
        if lane is not None:
            return lane
        summary = self._hub.summary(entity_id)
        if summary is None or summary.entity is None or summary.exec <= self._purging.get(entity_id, 0):
            return None
        return self._load(summary)

    def _load(self, summary: InstanceSummary) -> EntityLane | None:
        entity_id = summary.instance_id
        try:
            history = self._hub.history(entity_id, summary.exec)
        except DfError as error:
            log.error("%s cannot be used: %s", entity_id, error)
            return None
        lane = EntityLane(
            ExecutionKey(entity_id, summary.exec), Entity.of(entity_id, history), execution_id=summary.execution_id
        )
        lane.last_seq = lane.durable = summary.last_seq
        lane.last_timestamp = summary.last_timestamp
        lane.generation = summary.generation
        lane.bytes = summary.bytes
        lane.waiting_bytes = sum(map(line_bytes, lane.entity.operations_waiting()))
        self.lanes[entity_id] = lane
        self.delivery.note_owners(lane)
        return lane

    def _create(self, entity_id: str) -> EntityLane:
        scheduler = self._scheduler
        key = ExecutionKey(entity_id, scheduler.next_exec(entity_id))
        lane = EntityLane(key, Entity(entity_id), execution_id=scheduler.new_id())
        lane.receive(
            h.ExecutionStarted(
                seq=lane.next_seq(),
                event_id=-1,
                timestamp=lane.stamp(scheduler.now()),
                name=lane.name,
                execution_id=lane.execution_id,
                origin="entity",
                rules=h.ENTITY_RULES,
            )
        )
        self.lanes[entity_id] = lane
        return lane

    def append(self, lane: EntityLane, event: h.Event, draft: Draft) -> None:
        """Take a line numbered by the lane into a transaction."""
        self._is_used(lane)
        lane.receive(event)
        self.send(lane, draft)
        self.ready(lane)

    def receive(self, lane: EntityLane, event: h.Event) -> None:
        """Take a line numbered by the lane; it is sent in its next turn."""
        self._is_used(lane)
        lane.receive(event)
        self.ready(lane)

    def send(self, lane: EntityLane, draft: Draft) -> None:
        """Put what the lane has received and not sent into a transaction."""
        if lane.unsent:
            draft.send(lane)
            draft.entities.append((lane, lane.key.exec, lane.last_seq))

    def take_up(self, summary: InstanceSummary) -> None:
        """Go on with an entity found at the start."""
        lane = self.existing(summary.instance_id)
        if lane is not None:
            self.ready(lane)

    def forget(self, lane: EntityLane) -> None:
        """The entity is being purged: what still runs for it is dropped. Call `purged` once that is durable."""
        self._purging[lane.key.instance_id] = lane.key.exec
        self._forget(lane)

    def purged(self, executions: Sequence[tuple[str, int]]) -> None:
        """The purge of these is durable."""
        for entity_id, number in executions:
            if self._purging.get(entity_id) == number:
                del self._purging[entity_id]

    def _forget(self, lane: EntityLane) -> None:
        entity_id = lane.key.instance_id
        del self.lanes[entity_id]
        self._is_used(lane)
        lane.finished = True

    # -- turns ---------------------------------------------------------------------------------------------------

    def ready(self, lane: EntityLane) -> None:
        """Give the lane a turn soon."""
        if not lane.is_ready:
            lane.is_ready = True
            self._ready.append(lane)
            self.pump_soon()

    def pump_soon(self) -> None:
        if self._ready and not self._is_pumping and not self._scheduler.paused:
            self._is_pumping = True
            self._loop.call_soon(self._pump)

    def change_code(self) -> None:
        """The app has been loaded anew: entities whose function was missing are tried again."""
        for lane in self.lanes.values():
            if lane.parked:
                lane.parked = ""
                self.ready(lane)
        self.pump_soon()

    @property
    def is_quiet(self) -> bool:
        """Whether no operation waits, not even a delayed one, but of entities that cannot be run."""
        waiting = any(lane.entity.waiting and not lane.parked for lane in self.lanes.values())
        return not (self._ready or self.under_way or waiting)

    async def round(self) -> None:
        """Until every lane that has a turn coming has had it."""
        while self._ready and not self._scheduler.paused:
            await asyncio.sleep(0)

    def _pump(self) -> None:
        ready = self._ready
        for _ in range(min(TURNS_AT_ONCE, len(ready))):
            if self._scheduler.paused:
                break
            lane = ready.popleft()
            lane.is_ready = False
            try:
                if not lane.finished:
                    self._turn(lane)
                self._let_go()
            except Exception as error:  # ours: see Scheduler._pump
                log.exception("%s: lines of an entity could not be recorded", lane.key.instance_id)
                self._committer.fail(error)
                return
        if ready and not self._scheduler.paused:
            self._loop.call_soon(self._pump)
        else:
            self._is_pumping = False
        self._committer.kick()

    def _turn(self, lane: EntityLane) -> None:
        if self.existing(lane.key.instance_id) is not lane:
            return  # in quarantine
        self._is_used(lane)
        draft = Draft()
        lane.entity.wake(self._scheduler.now())
        self.send(lane, draft)
        while lane.batch is None and (request := lane.entity.next_lock()) is not None:
            self.delivery.grant(lane, request, draft)
        if not draft.is_empty:
            self._scheduler.submit(draft)
        if lane.batch is None and lane.last_batch <= lane.durable and not self.stopping and not lane.parked:
            self._begin(lane)
        due = lane.entity.next_due
        if due is not None and due != lane.timer:
            lane.timer = due
            self._timers.arm(lane.key, 0, due)
        if lane.is_idle and not lane.is_ready:
            self._rest(lane)
        self._watch_owners()

    def committed(self, marks: Sequence[tuple[EntityLane, int, int]]) -> None:
        """Lines of entities are durable: their operations may run."""
        for lane, number, seq in marks:
            if lane.key.exec == number:
                lane.durable = max(lane.durable, seq)
            self.ready(lane)

    # -- batches -------------------------------------------------------------------------------------------------

    def _begin(self, lane: EntityLane) -> None:
        operations = lane.entity.next_batch(self._settings.max_entity_batch, lane.durable)
        if not operations:
            return
        if self.under_way >= self._at_most:
            self._held_back[lane.key.instance_id] = lane
            return
        name, key = lane.entity.id
        definition = self._scheduler.codes.registry.entity(name) if self._runs_code else None
        if definition is None:
            lane.parked = f"the app has no entity {name!r} any more" if self._runs_code else NO_CODE
            if self._runs_code:
                log.error("%s is parked: %s", lane.key.instance_id, lane.parked)
            return
        late = self._loop.time() + BATCH_SECONDS
        lane.batch = Batch(
            definition,
            EntityId(name, key),
            lane.entity.state,
            operations,
            rollback=self._settings.rollback_entity_operations,
            new_id=self._scheduler.new_id,
            is_late=lambda: self._loop.time() > late,
        )
        self.under_way += 1
        self._runner.start(lane, lane.batch)

    def _take(self, done: Sequence[Done]) -> None:
        """Batches have been run, on whichever thread."""
        for lane, batch in done:
            self.under_way -= 1
            lane.batch = None
            if lane.finished:
                continue  # purged meanwhile
            draft = Draft()
            try:
                record_batch(lane, batch, self.delivery, self._scheduler, draft)
                if is_due_to_roll_over(lane):
                    roll_over(lane, self._scheduler, draft)
                self.send(lane, draft)
                self._scheduler.submit(draft)
            except Exception as error:
                log.exception("%s: a batch could not be recorded", lane.key.instance_id)
                self._committer.fail(error)
                return
            self.ready(lane)
        self._let_go()
        self._committer.kick()
        self.on_batch_end()

    def _let_go(self) -> None:
        """Give the next of those held back a turn. One that does not need it any more lets go of the one after it."""
        if self._held_back and self.under_way < self._at_most:
            self.ready(self._held_back.pop(next(iter(self._held_back))))

    # -- time ----------------------------------------------------------------------------------------------------

    def _fire(self, due: Sequence[DueTimer]) -> None:
        for timer in due:
            lane = self.lanes.get(timer.key.instance_id)
            if lane is not None and not self.stopping:
                lane.timer = ""
                self.ready(lane)

    def _is_armed(self, timer: DueTimer) -> bool:
        lane = self.lanes.get(timer.key.instance_id)
        return lane is not None and lane.timer == timer.fire_at

    def sweep(self) -> int:
        """Give up the locks and lock requests of instances that are not there any more, or have ended; how many."""
        draft = Draft()
        released = 0
        for owner in list(self.delivery.owners):
            if owner not in self._scheduler.quarantined:  # it may be mended, and go on inside its critical section
                released += self.delivery.owner_ended(owner, "its owner has ended", draft, only_orphans=True)
        if released:
            log.warning("released %d locks or lock requests whose owners are gone", released)
            self._scheduler.submit(draft)
            self._committer.kick()
        return released

    def _sweep_now_and_then(self) -> None:
        self._sweep_handle = None
        if not self.stopping:
            self.sweep()
            self._watch_owners()

    def _watch_owners(self) -> None:
        if self.delivery.owners and self._sweep_handle is None and self._runs_code:
            self._sweep_handle = self._loop.call_later(SWEEP_SECONDS, self._sweep_now_and_then)

    # -- memory --------------------------------------------------------------------------------------------------

    def _rest(self, lane: EntityLane) -> None:
        """Nothing is left to do for the entity: it stays in memory while there is room."""
        self._idle[lane.key.instance_id] = lane
        self._idle_bytes += lane.entity.state.size
        while len(self._idle) > IDLE_LANES_MAX or (self._idle_bytes > IDLE_BYTES_MAX and len(self._idle) > 1):
            entity_id, oldest = self._idle.popitem(last=False)
            self._idle_bytes -= oldest.entity.state.size
            del self.lanes[entity_id]
            self._hub.rest(oldest.key)

    def _is_used(self, lane: EntityLane) -> None:
        if self._idle.pop(lane.key.instance_id, None) is not None:
            self._idle_bytes -= lane.entity.state.size

    def close(self) -> None:
        """Begin and take nothing more."""
        self._timers.close()
        if self._sweep_handle is not None:
            self._sweep_handle.cancel()
        self._runner.close()
