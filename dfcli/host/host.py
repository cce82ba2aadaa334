"""The host: one process that runs the instances of one task hub.

Everything here runs on one event loop, the one `start` is called on. The verbs are coroutines that return once what
they did is durable. Reading shows committed facts only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from dfcli.authoring.app import Blueprint
from dfcli.compat.app import functions_of
from dfcli.env.environment import Env
from dfcli.errors import OutcomeUnknown, Unavailable
from dfcli.host.activities import Activities, ActivityCall
from dfcli.host.codes import Codes, OlderCode
from dfcli.host.committer import NO_SPACE_RETRY_SECONDS, Committer
from dfcli.host.crash_loops import CrashLoops
from dfcli.host.draft import Draft
from dfcli.host.entities import Entities
from dfcli.host.filing import Filing
from dfcli.host.firing import Firing
from dfcli.host.function_extras import Extras
from dfcli.host.gate import Gate
from dfcli.host.http_calls import HTTP_CALLS_MAX, Outgoing, http_activity, outgoing_settings
from dfcli.host.http_functions import HttpFunctions
from dfcli.host.life_cycle import LifeCycle
from dfcli.host.near_calls import NearCalls
from dfcli.host.onlookers import Onlookers
from dfcli.host.other_hubs import OtherHubs, Reach
from dfcli.host.performing import Performing
from dfcli.host.reading import Reading
from dfcli.host.scheduler import Scheduler
from dfcli.host.settings import HostSettings
from dfcli.host.threads import Threads
from dfcli.host.timer_triggers import TimerTriggers, plan
from dfcli.host.timers import WAKE, Timers
from dfcli.host.traces import Traces
from dfcli.host.tracing import tracing_of
from dfcli.host.transitions import Rules, Transition
from dfcli.host.user_loop import UserLoop
from dfcli.host.workers import Performer
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.registry.registry import Registry
from dfcli.storage.schedule_records import ScheduleRecords
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub

log = logging.getLogger("dfcli.host")

VERSION = "0.1.0"
MEMORY = ":memory:"
"""A hub that is kept in memory: the real storage on a file system that ends with the process."""


class Host(Reading, LifeCycle, Performing, Firing, HttpFunctions):
    """`async with Host(app, hub=PATH) as host:` runs instances until the block ends; no port is opened.

    `app` is one of this library or of Azure's packages. Raises HubLocked when another process holds the hub,
    HubUnreadable when its folder cannot be used.
    """

    def __init__(
        self,
        app: Blueprint | Registry | Any,
        *,
        hub: str,
        env: Env | None = None,
        settings: HostSettings | None = None,
        hub_settings: HubSettings | None = None,
        hub_name: str = "default",
        code_id: str | None = None,
        holder: dict[str, object] | None = None,
        runs_code: bool = True,
        performer: Callable[[Host], Performer] | None = None,
        older_code: OlderCode | None = None,
        outgoing: Outgoing | None = None,
        on_transition: Callable[[Transition], None] | None = None,
        tracer_provider: Any = None,
    ) -> None:
        self.registry = app if isinstance(app, Registry) else functions_of(app)
        self.hub_path = hub
        self.hub_name = hub_name
        self.env = env or (_memory_env() if hub == MEMORY else Env())
        self.settings = settings or HostSettings()
        self.code_id = code_id
        self.base_url = ""
        """Where the management API is served, once it is: `http://127.0.0.1:7071/runtime/webhooks/durabletask`."""
        self.reach: Reach | None = None
        """How other hosts are reached, for clients of their hubs; None: other hubs are worked on as files."""
        self.link_code: Callable[[], str] = lambda: ""
        """The key that links to the management API carry; empty when none is asked for."""
        self.rpc_token = self.env.ids.token()
        self._on_transition = on_transition
        self._tracing = tracing_of(tracer_provider) if tracer_provider is not None else None
        self._runs_code = runs_code
        """False for a command that changes an instance while no host runs: lines are recorded, no user code runs."""
        self.stopped: BaseException | None = None
        """Why the host ended itself; None while it runs."""
        self.started_at = ""
        self._by_hand = set()
        self._timer_plan = plan(self.registry, self.settings.time_zone, self.settings.app_values) if runs_code else []
        self._hub_settings = hub_settings or HubSettings()
        self._holder = holder or {}
        self._make_performer = performer
        self._outgoing = outgoing
        """How durable HTTP calls are sent; None: as the settings say."""
        self._older_code = older_code
        """Given: each instance finishes on the code it began with."""

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the hub, recover, and go on with what was under way."""
        loop = self.loop = asyncio.get_running_loop()
        spawn = self.env.spawn
        self.hub = TaskHub.open(
            "/hub" if self.hub_path == MEMORY else self.hub_path, self.env, self._hub_settings, holder=self._holder
        )
        self.stopping = self.is_closed = False
        self.outstanding = set()
        self._stop_asked = asyncio.Event()
        self._calls_under_way = 0
        self.waiters = {}
        self._wakes: set[str] = set()
        self.committer = Committer(
            self.hub,
            loop,
            spawn,
            inline_lines=self.settings.inline_commit_lines,
            committed=self._committed,
            stopped=self._die,
        )
        self._crash_loops = CrashLoops(self.hub.recovery.suspects, self._hub_settings.crash_limit)
        limit = self.settings.max_concurrent_activities
        self._gate = Gate(limit) if limit else None
        self.scheduler = Scheduler(
            self.hub,
            self.env,
            loop,
            self.settings,
            Codes(self.registry, self.code_id, self._older_code),
            self.committer,
            self._runs_code,
            self._crash_loops,
        )
        self._make_room_for_code()
        self._timers = Timers(loop, self.env.clock, self._fire, self._is_armed)
        self.filing = Filing(self.hub, loop, spawn, self.settings.materialise_seconds, self._die)
        self.timer_triggers = TimerTriggers(
            loop,
            self.env.clock,
            ScheduleRecords(self.hub.path, self.env),
            self.settings.time_zone,
            self.run_timer_function,
            self.in_thread,
        )
        self.started_at = self.scheduler.now()
        self._onlookers = self._watched()
        self._traces = Traces(self._tracing, self.hub) if self._tracing is not None else None
        self.scheduler.traces = self._traces is not None
        try:
            if self._runs_code:
                self.hub.host_started(self.env.ids.new_id(), VERSION)
            for summary in self.hub.with_work(only_entities=not self._runs_code):
                if self._runs_code or (summary.entity is not None and summary.entity.locked_by is not None):
                    self._take_up(summary)  # without code, for the locks of instances that are to be ended
            self.entities.sweep()
            self.timer_triggers.begin(self._timer_plan)
        except Exception as error:
            self.stopped = error
            self._close()
            raise

    def _make_room_for_code(self) -> None:
        """Everything in which code of the app runs, apart from orchestrators: threads, the loop of its own, workers."""
        spawn = self.env.spawn
        self.user_loop = UserLoop(self.loop, spawn)
        self.entities = Entities(
            self.hub,
            self.env,
            self.loop,
            self.settings,
            self.scheduler,
            self.committer,
            self.user_loop.get,
            runs_code=self._runs_code,
        )
        self.scheduler.delivery = self.entities.delivery
        self.entities.on_batch_end = self._work_ended
        self._threads = Threads(self.loop, spawn, self.settings.activity_threads)
        self._function_threads = Threads(self.loop, spawn, self.settings.activity_threads, "dfcli-functions")
        turns = self.settings.max_http_requests
        self._turns = asyncio.Semaphore(turns) if turns else None
        self.other_hubs = OtherHubs(self)
        self.extras = Extras(self.env.ids, self.client_for)
        self._activities: Performer = Activities(
            self.loop,
            self._threads,
            self.user_loop.get,
            self.take_outcomes,
            self.settings.async_activities_max,
            self.extras,
        )
        self._http_threads = Threads(self.loop, spawn, HTTP_CALLS_MAX, "dfcli-http-calls")
        self._http_calls = Activities(
            self.loop, self._http_threads, self.user_loop.get, self.take_outcomes, HTTP_CALLS_MAX, self.extras
        )
        self._http_activity = http_activity(
            self._outgoing
            or outgoing_settings(
                self.settings, self.env.clock.time, self.loop.time, lambda: urlsplit(self.base_url).port
            )
        )
        if self._make_performer is not None:
            self._activities = NearCalls(self._activities, self._make_performer(self))

    def _watched(self) -> Onlookers | None:
        if self._on_transition is None:
            return None
        settings = self.settings
        rules = Rules(self.hub_name, settings.log_payloads, settings.log_details)
        return Onlookers(self._on_transition, rules)

    @property
    def failures(self) -> int:
        """Orchestrators that failed since the start; counted while somebody is told of transitions."""
        return self._onlookers.failures if self._onlookers is not None else 0

    async def stop(self, *, drain_seconds: float | None = None) -> None:
        """End in order: take nothing new, wait for running activities, commit, close. Loses nothing.

        Activities that are not done after `drain_seconds` are left and run again at the next start.
        """
        if self.stopping:
            return
        self.stopping = self.entities.stopping = True
        limit = self.settings.drain_seconds if drain_seconds is None else drain_seconds
        patience = limit if self.stopped is None else 0
        timers = self.loop.create_task(self.timer_triggers.drain(patience))
        by_hand = self.loop.create_task(self.drain_by_hand(patience))
        if self.stopped is None and (self._calls_under_way or self.entities.under_way) and limit > 0:
            try:
                await asyncio.wait_for(self._stop_asked.wait(), limit)
            except TimeoutError:
                running = self._calls_under_way + self.entities.under_way
                log.warning("%d activities are still running; they run again at the next start", running)
        await timers
        await by_hand
        if self.stopped is None:
            await self.entities.round()
            await self.scheduler.round()
            await self.entities.round()
            last = self.committer.barrier()
            while not last.done() and not self.committer.no_space:
                await asyncio.wait((last,), timeout=NO_SPACE_RETRY_SECONDS)
            if last.done() and last.exception() is not None:
                log.error("the last lines could not be made durable; recovery decides at the next start")
        self._close()

    def _close(self) -> None:
        self._timers.close()
        self.timer_triggers.close()
        self._activities.close()
        if self._traces is not None:
            self._traces.close()
        self._threads.close()
        self._http_calls.close()
        self._http_threads.close()
        self.entities.close()
        self._function_threads.close()
        self.other_hubs.close()
        self.user_loop.close()
        self.scheduler.paused = True
        for lane in self.scheduler.residents():
            self.scheduler.drop(lane)
        self.is_closed = True
        self.fail_outstanding(OutcomeUnknown("the host stopped before the request was durable"))
        self.fail_waiters(Unavailable("the host stopped"))
        self.committer.close()
        self.filing.close()
        self.hub.close(clean=self.stopped is None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        if self.stopped is not None:
            raise self.stopped

    def _die(self, error: BaseException) -> None:
        """A sync failed: acknowledge nothing more. Whoever serves this host ends the process."""
        if self.stopped is None:
            self.stopped = error
            log.critical("%s", error)
            self.scheduler.paused = True
            self.fail_outstanding(OutcomeUnknown("the host stopped itself after a failed sync", why=str(error)))
            self.fail_waiters(Unavailable("the host stopped itself", why=str(error)))
            self._stop_asked.set()
            if self.on_death is not None:
                self.on_death(error)

    on_death: Callable[[BaseException], None] | None = None
    """Called once on the loop when the host stops itself."""

    # -- running -------------------------------------------------------------------------------------------------

    async def reload(self, registry: Registry, code_id: str | None = None) -> list[str]:
        """Go on with other code, at once: every resident execution is replayed on it.

        Returns the ids of instances whose history the new code does not repeat; they are parked. Raises AppLoadError
        for a schedule that cannot be used; then nothing has changed.
        """
        timer_plan = plan(registry, self.settings.time_zone, self.settings.app_values)
        self.scheduler.paused = True
        try:
            await self.committer.barrier()
            self.registry, self.code_id = registry, code_id
            self._activities.renew()
            self.timer_triggers.begin(timer_plan)
            return self.scheduler.change_code(registry, code_id)
        finally:
            self.scheduler.resume()
            self.entities.change_code()
            self.committer.kick()

    @property
    def is_idle(self) -> bool:
        """No task, timer or queued line. Instances that wait for an event count as idle, and so do schedules."""
        return (
            self.scheduler.is_quiet
            and self.entities.is_quiet
            and not self.timer_triggers.is_running
            and not self._by_hand
            and not self._calls_under_way
            and self.committer.submitted == self.committer.durable
            and not any(self._is_asleep(instance_id) for instance_id in self._wakes)
            and not any(lane.armed for lane in self.scheduler.lanes.values())
        )

    # -- what comes back -----------------------------------------------------------------------------------------

    def _take_up(self, summary: InstanceSummary) -> None:
        """Go on with an instance found at the start."""
        if summary.entity is not None:
            self.entities.take_up(summary)
        elif summary.has_work:
            lane = self.scheduler.lane(summary.instance_id)
            if lane is not None:
                self.scheduler.ready(lane)
        elif summary.next_timer is not None:
            self._wakes.add(summary.instance_id)
            self._timers.arm(ExecutionKey(summary.instance_id, summary.exec), WAKE, summary.next_timer)

    def _committed(self, transactions: Sequence[Any]) -> None:
        """Transactions are durable: what they promised may happen now. HOT."""
        lanes = self.scheduler.lanes
        calls: list[ActivityCall] = []
        for transaction in transactions:
            draft: Draft = transaction.effects
            for lane in draft.lanes:
                lane.uncommitted -= 1
            for future in draft.acknowledgements:
                if not future.done():
                    future.set_result(None)
            calls += draft.calls
            for timer in draft.timers:
                self._timers.arm(*timer)
            if draft.entities:
                self.entities.committed(draft.entities)
            for lane in draft.finished:
                if lane.finished and lanes.get(lane.key.instance_id) is lane:
                    del lanes[lane.key.instance_id]
                self._wakes.discard(lane.key.instance_id)
                for future in self.waiters.pop(lane.key.instance_id, ()):
                    if not future.done():
                        future.set_result(None)
        if self._traces is not None:
            self._traces.committed(transactions)
        if calls:
            self._start(calls)
        self.filing.nudge()
        if self._onlookers is not None:
            self._onlookers.committed(transactions)


def _memory_env() -> Env:
    from dfcli.env.memory import MemoryFiles

    return Env(files=MemoryFiles())
