"""Who runs next: lanes with something to do take turns, one episode each.

A turn hands a lane's inbox to its execution, records the episode, and queues one transaction with everything that
belongs together: the inbound lines, the episode, first lines of children, a parent's result line. The next episode
does not wait for the disk; effects do (`committed`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dfcli.engine.execution import Episode, Execution
from dfcli.engine.nondeterminism import UnknownOrchestrator
from dfcli.env.environment import Env
from dfcli.host import endings
from dfcli.host.activities import Outcome
from dfcli.host.arrivals import result_line
from dfcli.host.callers import still_waits
from dfcli.host.codes import Codes
from dfcli.host.committer import Committer
from dfcli.host.crash_loops import CrashLoops
from dfcli.host.draft import Draft
from dfcli.host.lane import Lane, Rewound, in_quarantine
from dfcli.host.loading import Loading
from dfcli.host.recording import Recorder
from dfcli.host.residency import Residency
from dfcli.host.settings import HostSettings
from dfcli.host.timers import START
from dfcli.model import history as h
from dfcli.model.history import Inbound
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import Wait
from dfcli.model.time import timestamp_from_epoch
from dfcli.registry.registry import Registry
from dfcli.storage.taskhub import TaskHub

if TYPE_CHECKING:
    from dfcli.host.entity_delivery import EntityDelivery

log = logging.getLogger("dfcli.host")

TURNS_AT_ONCE = 256
"""Turns before the loop looks at its other duties: requests, timers, outcomes."""


class Scheduler(Loading):
    """Owned by the loop's thread."""

    delivery: EntityDelivery
    """To and from entities; the host gives it."""

    def __init__(
        self,
        hub: TaskHub,
        env: Env,
        loop: asyncio.AbstractEventLoop,
        settings: HostSettings,
        codes: Codes,
        committer: Committer,
        runs_code: bool,
        crash_loops: CrashLoops,
    ) -> None:
        self._hub = hub
        self._env = env
        self._loop = loop
        self._settings = settings
        self._committer = committer
        self._runs_code = runs_code
        self._crash_loops = crash_loops
        self.codes = codes
        self.quarantined = hub.quarantined
        self.lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._is_pumping = False
        self.paused = False
        self.residency = Residency(settings.resident_limit, committer.commit_now)
        self.recorder = Recorder(self)
        self.traces = False
        """Whether spans are made, so that children and later generations must know whose trace they continue."""
        self.replays = 0
        self.replayed_events = 0
        self.episodes = 0
        self._turns = 0
        self._actions_watched = settings.max_orchestration_actions or endings.MANY_ACTIONS
        self.default_version = settings.default_version or None

    # -- lanes ---------------------------------------------------------------------------------------------------

    def now(self) -> str:
        return timestamp_from_epoch(self._env.clock.time())

    def new_id(self) -> str:
        return self._env.ids.new_id()

    def next_exec(self, instance_id: str) -> int:
        return self._hub.next_exec(instance_id)

    def lane(self, instance_id: str) -> Lane | None:
        """The lane of a live instance, or of one whose end is not durable yet; None when there is none."""
        lane = self.lanes.get(instance_id)
        if lane is not None and instance_id in self.quarantined:
            self._shut_out(lane)
            return None
        if lane is None:
            summary = self._hub.summary(instance_id)
            if summary is None or not summary.is_live or summary.quarantined or summary.entity is not None:
                return None
            lane = self.lanes[instance_id] = Lane.of(summary)
            if summary.rewinds:
                lane.rewound = Rewound.of(self.whole_history(lane))
        return lane

    def open_lane(self, key: ExecutionKey, started: h.ExecutionStarted) -> Lane:
        """A lane for a new execution; its first line is received and not yet sent."""
        lane = Lane(key, name=started.name, execution_id=started.execution_id, parent=started.parent)
        lane.last_seq = started.seq
        lane.last_timestamp = started.timestamp
        lane.loaded_once = True
        lane.version = started.version
        lane.code_id = started.code_id
        lane.start_at = started.scheduled_start_time or ""
        lane.request_ids = {}
        lane.receive(started)
        self.lanes[key.instance_id] = lane
        return lane

    def ready(self, lane: Lane) -> None:
        """Give the lane a turn soon."""
        if not lane.is_ready:
            lane.is_ready = True
            self._ready.append(lane)
            if not self._is_pumping:
                self._pump_soon()

    def _pump_soon(self) -> None:
        if self._ready and not self._is_pumping and not self.paused:
            self._is_pumping = True
            self._loop.call_soon(self._pump)

    @property
    def is_quiet(self) -> bool:
        """No lane has a turn coming."""
        return not self._ready

    async def round(self) -> None:
        """Until every lane that has a turn coming has had it. One that keeps itself busy for ever gets no second."""
        last = self._turns + len(self._ready)
        while self._ready and self._turns < last and not self.paused:
            await asyncio.sleep(0)

    def resume(self) -> None:
        """Take turns again after a pause."""
        self.paused = False
        self._pump_soon()

    def submit(self, draft: Draft) -> None:
        """Queue a draft; it is committed once the loop has nothing better to do."""
        self._committer.submit(draft.transaction())

    # -- what arrives --------------------------------------------------------------------------------------------

    def take_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Record what activities answered. An answer nobody waits for is dropped and logged."""
        now = self.now()
        for outcome in outcomes:
            call = outcome.call
            lane = self.lanes.get(call.key.instance_id)
            event_id = call.scheduled.event_id
            if (
                lane is None
                or event_id not in lane.in_flight
                or (lane.execution_id != call.execution_id and not still_waits(lane, call))
            ):
                log.info("%s: dropped a late result of activity %r", call.key.instance_id, call.scheduled.name)
                continue
            lane.in_flight.discard(event_id)
            lane.receive(result_line(lane, outcome, event_id, lane.stamp(now), self.codes.registry.rules))
            self.ready(lane)

    # -- turns ---------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        ready = self._ready
        for _ in range(min(TURNS_AT_ONCE, len(ready))):
            if self.paused:
                break
            self._turns += 1
            lane = ready.popleft()
            lane.is_ready = False
            try:
                self._turn(lane)
            except Exception as error:
                # Ours, not the user's. Memory may hold half an episode now; what is durable is whole, so the host
                # ends and the next start goes on from there, rather than standing still with its lanes.
                log.exception("%s: an episode could not be recorded", lane.key.instance_id)
                self._committer.fail(error)
                return
        if self._settings.always_replay and not self.paused:
            self.residency.drop_all()  # a lane has one turn here at most, so each execution has had one episode
        if ready and not self.paused:
            self._loop.call_soon(self._pump)
        else:
            self._is_pumping = False
        self._committer.kick()

    def _turn(self, lane: Lane) -> None:
        if self.quarantined and lane.key.instance_id in self.quarantined:
            self._shut_out(lane)
            return
        draft = Draft()
        if (
            lane.finished
            or lane.parked
            or (not lane.inbox and lane.loaded_once)
            or (lane.start_at and self._is_early(lane, draft))
        ):
            self._without_code(lane, draft)
        else:
            self._run(lane, draft)
        if not draft.is_empty:
            self.submit(draft)

    def _is_early(self, lane: Lane, draft: Draft) -> bool:
        """Whether a scheduled instance has yet to begin. One that is terminated meanwhile never does."""
        if lane.start_at > self.now() and not any(isinstance(e, h.ExecutionTerminated) for e in lane.inbox):
            if START not in lane.armed:
                lane.armed[START] = lane.start_at
                draft.timers.append((lane.key, START, lane.start_at))
            return True
        lane.start_at = ""
        lane.armed.pop(START, None)
        return False

    def run_now(self, lane: Lane, draft: Draft) -> None:
        """A turn within somebody else's transaction: for ends that must be durable with their cause."""
        if lane.parked:
            self._without_code(lane, draft)
        else:
            self._run(lane, draft)

    def _run(self, lane: Lane, draft: Draft) -> None:
        """One episode, when the execution can be had and there is something to hand over."""
        execution = lane.execution or self._load(lane, draft)
        if execution is None or not lane.inbox:
            self._without_code(lane, draft)
            return
        self.residency.touch(lane)
        inbox, lane.inbox = lane.inbox, []
        events = lane.take_unsent()
        started = endings.opening(lane, self.now())
        begun = self._loop.time()
        try:
            episode = execution.deliver(inbox, started)
        except UnknownOrchestrator:
            assert execution.started is not None
            episode = endings.unknown_orchestrator(started, execution.started, self.codes.registry)
        if execution.next_event_id >= self._actions_watched:
            episode = self._watch_actions(lane, execution, episode, started)
        self.episodes += 1
        if (seconds := self._loop.time() - begun) > self._settings.block_warning_seconds:
            endings.warn_of_blocking(lane, execution, seconds)
        self.recorder.record(lane, events, episode, draft)

    def _watch_actions(
        self, lane: Lane, execution: Execution, episode: Episode, started: h.OrchestratorStarted
    ) -> Episode:
        """An execution with very many decisions fails where a limit is set, and is named once where none is."""
        limit = self._settings.max_orchestration_actions
        if not limit:
            endings.warn_of_many_actions(lane, execution, episode)
            definition = self.codes.registry_of(lane.code_id).orchestrator(lane.name)
            if definition is not None and definition.notice is not None:
                definition.notice("many actions", "")
        elif execution.next_event_id > limit and not isinstance(episode.events[-2], h.ContinueAsNew):
            return endings.too_many_actions(started, episode, limit)
        return episode

    def _without_code(self, lane: Lane, draft: Draft) -> None:
        """What arrived is recorded though nothing can run; a request to terminate is carried out all the same."""
        if not lane.finished:
            request = next((e for e in lane.inbox if isinstance(e, h.ExecutionTerminated)), None)
            if lane.parked and request is not None:
                history = self.whole_history(lane)
                events = lane.take_unsent()
                lane.inbox = []
                started = endings.opening(lane, self.now())
                lane.parked = ""
                self.recorder.record(lane, events, endings.terminated(started, request, history), draft)
                return
        draft.send(lane)

    # -- lanes that cannot run -----------------------------------------------------------------------------------

    def _shut_out(self, lane: Lane) -> None:
        """Somebody found its files damaged: it takes no more lines, lest the next build on what is not there."""
        instance_id = lane.key.instance_id
        self.drop(lane)
        lane.refuse(in_quarantine(instance_id, self.quarantined.get(instance_id, "")))
        if self.lanes.get(instance_id) is lane:
            del self.lanes[instance_id]

    def waits(self, instance_id: str) -> list[Wait]:
        """What a live instance waits for, and where in the code."""
        lane = self.lane(instance_id)
        if lane is None or lane.finished:
            return []
        is_known = lane.parked or lane.start_at or lane.execution is not None
        if not is_known and not lane.uncommitted and not lane.is_ready:
            draft = Draft()
            self._load(lane, draft, may_end=False)  # a look ends nothing
            if not draft.is_empty:
                self.submit(draft)
                self._committer.kick()
            if lane.inbox:
                self.ready(lane)
        if lane.parked:
            return [Wait(kind="code", name=lane.name, detail=lane.parked)]
        if lane.start_at:
            return [Wait(kind="start", name=lane.name, due=lane.start_at)]
        return lane.execution.waits() if lane.execution is not None else []

    def change_code(self, registry: Registry, code_id: str | None) -> list[str]:
        """Replay every resident and every parked execution on other code; the ids that it does not repeat."""
        self.codes.change(registry, code_id)
        everywhere = self._settings.always_replay  # nothing is resident then, and all is to be checked
        lanes = self.residents() + [
            lane for lane in self.lanes.values() if lane.parked or (everywhere and lane.execution is None)
        ]
        for lane in lanes:
            self.drop(lane)
        parked: list[str] = []
        for lane in lanes:
            lane.parked = ""
            is_busy = lane.finished or lane.uncommitted or lane.execution is not None
            if is_busy or self.lane(lane.key.instance_id) is not lane:
                continue
            draft = Draft()
            self._load(lane, draft, may_end=False)  # the file may have been saved half-way
            if not draft.is_empty:
                self.submit(draft)
            if lane.parked:
                parked.append(lane.key.instance_id)
            elif lane.inbox:
                self.ready(lane)
        return parked

    def drop(self, lane: Lane) -> None:
        """Forget the resident execution; it comes back by replay."""
        self.residency.drop(lane)

    def residents(self) -> list[Lane]:
        return self.residency.lanes()

    @property
    def resident(self) -> int:
        """Executions in memory, each with a suspended generator."""
        return len(self.residency)

    def receive(self, lane: Lane, event: Inbound) -> None:
        """Take an inbound event numbered by the lane, and give the lane a turn."""
        lane.receive(event)
        self.ready(lane)
