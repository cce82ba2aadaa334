"""Bringing an execution into memory: which code it runs on, the replay, what it has open; or why it cannot be had."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dfcli.engine.execution import Execution
from dfcli.engine.nondeterminism import NonDeterminismError, UnknownOrchestrator
from dfcli.errors import AppLoadError, DfError
from dfcli.host import endings, versioning
from dfcli.host.activities import ActivityCall
from dfcli.host.codes import Codes
from dfcli.host.committer import Committer
from dfcli.host.crash_loops import CrashLoops
from dfcli.host.draft import Draft
from dfcli.host.lane import NO_CODE, Lane, request_ids_of
from dfcli.host.recording import Recorder
from dfcli.host.residency import Residency
from dfcli.host.settings import HostSettings
from dfcli.model import history as h
from dfcli.model.history import Event
from dfcli.storage.taskhub import TaskHub

log = logging.getLogger("dfcli.host")


class Loading:
    """The part of the scheduler that loads; `Scheduler` gives it what it names here."""

    codes: Codes
    residency: Residency
    recorder: Recorder
    quarantined: Mapping[str, str]
    replays: int
    replayed_events: int
    _hub: TaskHub
    _settings: HostSettings
    _committer: Committer
    _crash_loops: CrashLoops
    _runs_code: bool

    if TYPE_CHECKING:  # the scheduler's own

        def now(self) -> str: ...

        def _shut_out(self, lane: Lane) -> None: ...

    def refused(self, lane: Lane) -> str:
        """Why this host does not run the lane's version; empty when it does."""
        return versioning.refusal(lane.version, self._settings)

    def whole_history(self, lane: Lane) -> list[Event]:
        """What is recorded of the lane's execution and what is about to be, for one that is not in memory."""
        if lane.uncommitted:
            self._committer.commit_now()
        known = self._hub.history(lane.key.instance_id, lane.key.exec) if lane.last_seq > len(lane.unsent) else []
        return [*known, *lane.unsent]

    def _load(self, lane: Lane, draft: Draft, *, may_end: bool = True) -> Execution | None:
        """The lane's execution, by replay unless it is new. None when it cannot be had: the lane is parked or ended.

        With `may_end` False code that disagrees with the history parks it, unless the settings say that it fails.
        """
        if not self._runs_code:
            lane.parked = NO_CODE
            return None
        if refused := self.refused(lane):
            self._refuse_version(lane, refused, draft)
            return None
        self.residency.make_room()
        if lane.inbox and isinstance(lane.inbox[0], h.ExecutionStarted):
            try:
                registry = self.codes.registry_of(lane.inbox[0].code_id)
            except DfError as error:
                self._park(lane, _code_is_lost(error))
                return None
            execution = Execution(registry.lookup, lane.key)
        else:
            try:
                history = self._hub.history(lane.key.instance_id, lane.key.exec)
                if lane.inbox and type(lane.inbox[0]) is h.ExecutionRewound:
                    history += lane.inbox[max(0, len(history) + 1 - lane.inbox[0].seq) :]  # what it voids must be known
            except DfError as error:
                if lane.key.instance_id in self.quarantined:
                    self._shut_out(lane)
                else:
                    self._park(lane, f"its history cannot be read: {error}")
                return None
            try:
                registry = self.codes.registry_of(endings.code_of(history))
                execution = Execution.replay(registry.lookup, history, lane.key)
            except NonDeterminismError as error:
                self._disagree(lane, error, history, draft, may_end)
                return None
            except UnknownOrchestrator as error:
                self._park(lane, f"the app has no orchestrator {error.name!r} any more")
                return None
            except AppLoadError as error:
                self._park(lane, _code_is_lost(error))
                return None
            except DfError as error:  # recorded under rules this version does not know
                self._park(lane, f"{error.what} ({error.why})")
                return None
            except Exception as error:
                # Ours, not the user's: replay catches what user code raises. Retrying in a loop would help nobody.
                log.exception("%s: the replay failed", lane.key.instance_id)
                self._park(lane, f"the replay failed: {type(error).__name__}: {error}")
                return None
            self.replays += 1
            self.replayed_events += len(history)
            self._take_over(lane, execution, history, draft)
        self.residency.keep(lane, execution)
        return execution

    def _take_over(self, lane: Lane, execution: Execution, history: Sequence[Event], draft: Draft) -> None:
        """What a replayed execution has open goes on: lines no episode saw, activities, timers."""
        known = history[-1].seq
        lane.inbox = [*execution.unconsumed, *(event for event in lane.inbox if event.seq > known)]
        if lane.request_ids is None:
            lane.request_ids = request_ids_of(history)
        lane.code_id = endings.code_of(history)
        if lane.loaded_once:
            return
        lane.loaded_once = True
        for scheduled in execution.open_tasks.values():
            if scheduled.event_id not in lane.in_flight:
                lane.in_flight.add(scheduled.event_id)
                execution_id = lane.execution_id if lane.rewound is None else lane.rewound.id_at(scheduled.seq)
                call = ActivityCall(lane.key, execution_id, scheduled, lane.code_id)
                draft.calls.append(call)
                if not self._crash_loops.is_suspect(call):  # a suspect is recorded when its turn comes
                    draft.dispatches.append(call.dispatch())
        for timer in execution.open_timers.values():
            lane.armed[timer.event_id] = timer.fire_at
            draft.timers.append((lane.key, timer.event_id, timer.fire_at))

    # -- executions that cannot be had -------------------------------------------------------------------------------

    def _disagree(
        self, lane: Lane, error: NonDeterminismError, history: Sequence[Event], draft: Draft, may_end: bool
    ) -> None:
        first = history[0]
        fails = self._settings.on_nondeterminism == "fail"
        if self._settings.on_nondeterminism == "auto" and may_end:
            fails = isinstance(first, h.ExecutionStarted) and first.rules == h.AZURE_RULES
        if not fails:
            self._park(lane, str(error))
            return
        log.error("%s fails: %s", lane.key.instance_id, error)
        events = lane.take_unsent()
        lane.inbox = []
        episode = endings.nondeterministic(endings.opening(lane, self.now()), error, history)
        self.recorder.record(lane, events, episode, draft)

    def _refuse_version(self, lane: Lane, why: str, draft: Draft) -> None:
        if self._settings.version_failure == "reject":
            self._park(lane, why)
            return
        log.error("%s fails: %s", lane.key.instance_id, why)
        history = self.whole_history(lane)
        events = lane.take_unsent()
        lane.inbox = []
        self.recorder.record(
            lane, events, endings.of_another_version(endings.opening(lane, self.now()), history), draft
        )

    def _park(self, lane: Lane, reason: str) -> None:
        lane.parked = reason
        log.error("%s is parked: %s", lane.key.instance_id, reason)


def _code_is_lost(error: DfError) -> str:
    return f"the code it began with cannot be loaded: {error.what}: {error.why}"
