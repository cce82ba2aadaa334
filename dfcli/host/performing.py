"""Activities under way: begun after the commit that scheduled them, their outcomes handed to the scheduler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from dfcli.host.activities import Activities, ActivityCall, Outcome, unknown_activity
from dfcli.host.committer import Committer
from dfcli.host.crash_loops import CrashLoops
from dfcli.host.draft import Draft
from dfcli.host.entities import Entities
from dfcli.host.gate import Gate
from dfcli.host.scheduler import Scheduler
from dfcli.host.traces import Traces
from dfcli.host.workers import Performer
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.registry.registry import FunctionDefinition, Registry

log = logging.getLogger("dfcli.host")


class Performing:
    """The part of the host that runs activities; `Host` gives it what it names here."""

    loop: asyncio.AbstractEventLoop
    registry: Registry
    scheduler: Scheduler
    committer: Committer
    entities: Entities
    stopping: bool
    stopped: BaseException | None
    _activities: Performer
    _crash_loops: CrashLoops
    _http_calls: Activities
    """Run in threads of their own: they wait for the network, and must not keep the app's activities waiting."""
    _http_activity: FunctionDefinition
    _gate: Gate | None
    _traces: Traces | None
    _calls_under_way: int
    _stop_asked: asyncio.Event

    def _start(self, calls: Sequence[ActivityCall]) -> None:
        """Begin activities, all that one commit scheduled at once: each hand-over to a thread costs."""
        if self.stopping:
            return  # a stopping host begins nothing: what is scheduled runs at the next start
        self._calls_under_way += len(calls)
        if self._crash_loops.is_watching:
            calls, failures = self._crash_loops.admit(calls)
            if failures:
                self.loop.call_soon(self.take_outcomes, failures)
        self._begin(calls)

    def _begin(self, calls: Sequence[ActivityCall]) -> None:
        if self._gate is not None:
            calls = self._gate.admit(calls)
        self._hand_over(calls)

    def _hand_over(self, calls: Sequence[ActivityCall]) -> None:
        codes = self.scheduler.codes
        if self._traces is not None:
            calls = self._traces.marked(calls)
        found: list[tuple[ActivityCall, FunctionDefinition]] = []
        for call in calls:
            definition = codes.activity(call.scheduled.name, call.code_id)
            if call.scheduled.name == HTTP_ACTIVITY:
                self._http_calls.start([(call, self._http_activity)])
            elif definition is None:
                self.loop.call_soon(self.take_outcomes, [unknown_activity(call, self.registry)])
            elif self._crash_loops.is_suspect(call):
                self._begin_alone(call, definition)
            else:
                found.append((call, definition))
        if found:
            self._activities.start(found)

    def _begin_alone(self, call: ActivityCall, definition: FunctionDefinition) -> None:
        """Record that a suspect runs before it does: if it ends the host again, that must be known."""
        log.warning(
            "%s: activity %r was running at several crashes; it runs alone now",
            call.key.instance_id,
            call.scheduled.name,
        )
        draft = Draft()
        draft.dispatches.append(call.dispatch())
        recorded: asyncio.Future[None] = self.loop.create_future()
        recorded.add_done_callback(lambda _: self._activities.start([(call, definition)]))
        draft.acknowledgements.append(recorded)
        self.scheduler.submit(draft)
        self.committer.kick()

    def take_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """What activities answered, from whoever runs them."""
        self._calls_under_way -= len(outcomes)
        if self._gate is not None:
            if self.stopping:
                self._calls_under_way -= self._gate.close()
            self._hand_over(self._gate.ended(outcomes))
        if self._crash_loops.is_watching:
            for outcome in outcomes:
                self._begin(self._crash_loops.ended(outcome.call))
        if self.stopped is None:
            self.scheduler.take_outcomes(outcomes)
        self._work_ended()

    def _work_ended(self) -> None:
        """A stop waits for the last activity and the last batch of an entity."""
        if self.stopping and not self._calls_under_way and not self.entities.under_way:
            self._stop_asked.set()
