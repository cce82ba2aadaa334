"""Where a failed run goes back to: from its history alone, the lines that a rewind voids.

The run failed because of some failures, its *causes*. The earliest of them is the cut: what the code decided once it
had seen it is voided, with the answers to that, the causes themselves, what was scheduled to give them, and the end.
Answers to earlier decisions stay, also those that came later. Failures that the code had dealt with before stay too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from dfcli.engine.rules import rules_named
from dfcli.model import history as h
from dfcli.model.entity_messages import RELEASE, message_of, response_of
from dfcli.model.voids import Voids, is_open, ranges

Failure = h.TaskFailed | h.SubOrchestrationInstanceFailed | h.EventRaised
"""The last is an entity's answer that says so."""
Call = h.TaskScheduled | h.SubOrchestrationInstanceCreated | h.EventSent
WITHOUT_CODE = frozenset({"NonDeterminismError", "VersionMismatch", "TooManyActions", "UnknownFunction"})
"""Failures that the host gives to an instance whose code it does not run: no task is to blame."""
_CALLS = (h.TaskScheduled, h.SubOrchestrationInstanceCreated, h.EventSent)


class RewindPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rewind will do to one history."""

    cut: int
    """Seq of the first line that the code is to see otherwise."""
    voided: list[h.Event]
    causes: list[Failure]
    failed_children: list[h.SubOrchestrationInstanceCreated]
    """Whose failure is a cause and whose scheduling line stays: they are rewound with it."""
    dropped_children: list[h.SubOrchestrationInstanceCreated]
    """Whose scheduling line is voided: whatever lives of them is to be terminated."""
    open_tasks: dict[int, h.TaskScheduled]
    open_timers: dict[int, h.TimerCreated]
    open_children: dict[int, h.SubOrchestrationInstanceCreated]
    suspended: bool
    critical_section: h.EventSent | None = None
    """The lock request to which the cut was moved: the locks are gone with the end, so the code must ask again."""

    def line(
        self,
        *,
        seq: int,
        timestamp: str,
        reason: str,
        execution_id: str,
        parent_execution_id: str | None = None,
        code_id: str | None = None,
    ) -> h.ExecutionRewound:
        """The line that does it."""
        return h.ExecutionRewound(
            seq=seq,
            event_id=h.NO_EVENT_ID,
            timestamp=timestamp,
            reason=reason,
            execution_id=execution_id,
            cut=self.cut,
            voids=ranges(event.seq for event in self.voided),
            parent_execution_id=parent_execution_id,
            code_id=code_id,
            open_tasks={event_id: task.seq for event_id, task in self.open_tasks.items()},
            open_timers={event_id: timer.fire_at for event_id, timer in self.open_timers.items()},
            open_children={event_id: child.child_instance_id for event_id, child in self.open_children.items()},
            suspended=self.suspended,
        )


def plan(history: Sequence[h.Event], *, cut: int | None = None, lost: Collection[int] = ()) -> RewindPlan:
    """The plan for the history of a failed execution, from seq 1.

    `cut` chooses the line by hand. `lost` are seqs of scheduling lines of sub-orchestrations that failed and cannot be
    rewound, or that are gone: they are to be scheduled anew.
    """
    return _Planner(history).plan(cut, lost)


class _Episode(msgspec.Struct):
    started: h.OrchestratorStarted
    closing: int = 0
    decisions: list[h.Event] = []


class _Planner:
    """One history without what earlier rewinds have voided."""

    def __init__(self, history: Sequence[h.Event]) -> None:
        voids = Voids.of(history)
        self.lines = history if voids is None else [event for event in history if event.seq not in voids]
        self.episodes: list[_Episode] = []
        self.decisions: dict[int, h.Event] = {}
        self.failures: dict[int, Failure] = {}
        """By the event id of the call, as are `answers`."""
        self.answers: dict[int, h.Event] = {}
        self._answered: dict[int, int] = {}
        """Seq of each failure to the event id of its call."""
        self._messages: dict[str, int] = {}
        """Id of each message to an entity to its event id."""
        self._homes: dict[int, _Episode] = {}
        self._latest: dict[int, int] = {}
        """By the event id of a first attempt, the seq of the newest decision of the same call, `_held_back` aside."""
        self._held_back: dict[int, int] = {}
        """By the event id of a first attempt, that of the timer after the last: it shows the failure to the code."""
        self._delays_after_last = False
        self.end: h.ExecutionCompleted | None = None
        self.suspended = False
        for event in self.lines:
            self._take(event)

    def _take(self, event: h.Event) -> None:
        match event:
            case h.ExecutionStarted():
                rules = rules_named(event.rules)
                self._delays_after_last = rules is not None and rules.delays_after_last
            case h.OrchestratorStarted():
                self.episodes.append(_Episode(event, decisions=[]))
            case h.OrchestratorCompleted():
                self.episodes[-1].closing = event.seq
            case h.ExecutionSuspended():
                self.suspended = True
            case h.ExecutionResumed():
                self.suspended = False
            case _ if not h.is_inbound(event):
                self._decide(event)
            case _:
                answered = self._messages.get(event.name) if isinstance(event, h.EventRaised) else answered_by(event)
                if answered is not None and answered in self.decisions and answered not in self.answers:
                    self.answers[answered] = event
                    if is_failure(event):
                        self.failures[answered] = event  # type: ignore[assignment]  # narrowed by is_failure
                        self._answered[event.seq] = answered

    def _decide(self, decision: h.Event) -> None:
        episode = self.episodes[-1]
        episode.decisions.append(decision)
        self.decisions[decision.event_id] = decision
        self._homes[decision.event_id] = episode
        first = getattr(decision, "call", None)
        if self._delays_after_last and first is not None and _is_due(decision):
            self._held_back[first] = decision.event_id
        else:
            self._latest[decision.event_id if first is None else first] = decision.seq
        if isinstance(decision, h.ExecutionCompleted):
            self.end = decision
        elif isinstance(decision, h.EventSent) and decision.name != RELEASE:
            message = message_of(decision)
            if message.id and not message.signal:
                self._messages[message.id] = decision.event_id

    # -- causes --------------------------------------------------------------------------------------------------

    def plan(self, wished: int | None, lost: Collection[int]) -> RewindPlan:
        assert self.end is not None, "only what has ended is rewound"
        if wished is not None:
            dropped = self._decided_from(wished)
            causes = [f for f in self.failures.values() if f.seq >= wished and self._call(f).event_id not in dropped]
            return self._plan(wished, causes, lost)
        causes = self._causes()
        cut = min((failure.seq for failure in causes), default=self.end.seq)
        return self._plan(cut, causes, lost)

    def _causes(self) -> list[Failure]:
        """The failures that ended the run, with the earlier attempts of their calls and the unhandled ones beside."""
        chains: dict[int, list[Failure]] = {}
        for failure in self.failures.values():
            chains.setdefault(self._first(failure).event_id, []).append(failure)
        causes: dict[int, Failure] = {}
        fresh = self._roots()
        while fresh:
            for failure in fresh:
                causes |= {attempt.seq: attempt for attempt in chains[self._first(failure).event_id]}
            cut = min(causes)
            dropped = self._decided_from(cut)
            fresh = [
                failure
                for failure in self.failures.values()
                if failure.seq not in causes
                and self._is_final(failure)
                and self._first(failure).event_id not in dropped
                and (failure.seq > cut or self._is_beside(failure, causes))
            ]
        return [causes[seq] for seq in sorted(causes)]

    def _roots(self) -> list[Failure]:
        """Whose exception escaped, as recorded; or else the last failure that the final episode saw, if there is one:
        the code may have raised an exception of its own because of it."""
        assert self.end is not None
        recorded = [failure for failure in self.failures.values() if failure.seq == self.end.caused_by]
        if recorded:
            return recorded
        if self.end.failure_details is not None and self.end.failure_details.error_type in WITHOUT_CODE:
            return []
        before = self.episodes[-2].started.consumed if len(self.episodes) > 1 else 0
        now = self.episodes[-1].started.consumed
        seen = {at: f for f in self.failures.values() if (at := self._seen(f)) is not None and before < at <= now}
        return [seen[max(seen)]] if seen else []

    def _seen(self, failure: Failure) -> int | None:
        """The seq of the line that showed it to the code, or to its retry policy; None for none."""
        held_back = self._held_back.get(self._first(failure).event_id)
        if held_back is None or not self._is_final(failure):
            return failure.seq
        fired = self.answers.get(held_back)
        return fired.seq if fired is not None else None

    def _is_final(self, failure: Failure) -> bool:
        """Whether no further attempt of the call followed."""
        return self._latest[self._first(failure).event_id] < failure.seq

    def _is_beside(self, failure: Failure, causes: dict[int, Failure]) -> bool:
        """Whether it came earlier, from a call made in the same episode as a cause's, and the code did nothing about
        it: it had yet to look at it when the other one came."""
        seen = self._seen(failure)
        if seen is None:
            return True
        seen_by = next((e for e in self.episodes if seen <= e.started.consumed), None)
        if seen_by is None or any(getattr(decision, "call", None) is None for decision in seen_by.decisions):
            return False
        home = self._homes[self._first(failure).event_id]
        return any(self._homes[self._first(cause).event_id] is home for cause in causes.values())

    def _call(self, failure: Failure) -> Call:
        call = self.decisions[self._answered[failure.seq]]
        assert isinstance(call, _CALLS)
        return call

    def _first(self, failure: Failure) -> Call:
        """The first attempt of the call."""
        call = self._call(failure)
        number = None if isinstance(call, h.EventSent) else call.call
        first = call if number is None else self.decisions.get(number, call)
        assert isinstance(first, _CALLS)
        return first

    def _decided_from(self, cut: int) -> dict[int, h.Event]:
        """What the code decided once it had seen the line `cut`, by event id."""
        return {
            decision.event_id: decision
            for episode in self.episodes
            if is_open(episode.started, episode.closing, cut)
            for decision in episode.decisions
            if episode.started.consumed >= cut or decision.seq >= cut
        }

    def _dropped(self, cut: int, causes: list[Failure]) -> dict[int, h.Event]:
        """What is decided anew. Further attempts of calls that stay are the retry policy's decisions and not the
        code's: those before the first that falls keep their numbers, and stay too."""
        assert self.end is not None
        decided = self._decided_from(cut)
        failed = {self._first(failure).event_id for failure in causes}
        for event_id in sorted(decided):
            first = getattr(decided[event_id], "call", None)
            if first is None or first in failed or first in decided or cut == decided[event_id].seq:
                break
            del decided[event_id]
        return {**decided, self.end.event_id: self.end}

    # -- what follows from them ----------------------------------------------------------------------------------

    def _plan(self, cut: int, causes: list[Failure], lost: Collection[int]) -> RewindPlan:
        section = self._critical_section(cut)
        if section is not None:
            cut = section.seq
        dropped = self._dropped(cut, causes)
        failed_children: list[h.SubOrchestrationInstanceCreated] = []
        for failure in causes:
            call = self._call(failure)
            if call.event_id in dropped:
                continue
            if isinstance(call, h.SubOrchestrationInstanceCreated) and call.seq not in lost:
                failed_children.append(call)
            else:
                dropped[call.event_id] = call
        dropped |= {decision.event_id: decision for decision in self.decisions.values() if decision.seq in lost}
        # An entity drops the answer to a caller that has ended, so a call without one is made again.
        unanswered = self._messages.values() - self.answers.keys()
        dropped |= {event_id: self.decisions[event_id] for event_id in unanswered if event_id not in dropped}
        voided = {event.seq: event for event in (*dropped.values(), *causes)}
        for answered, answer in self.answers.items():
            if answered in dropped:
                voided[answer.seq] = answer
        reopened = {child.event_id for child in failed_children}
        open_ = [
            decision
            for event_id, decision in self.decisions.items()
            if event_id not in dropped and (event_id not in self.answers or event_id in reopened)
        ]
        return RewindPlan(
            cut=cut,
            voided=[voided[seq] for seq in sorted(voided)],
            causes=causes,
            failed_children=failed_children,
            dropped_children=[d for d in dropped.values() if isinstance(d, h.SubOrchestrationInstanceCreated)],
            open_tasks={d.event_id: d for d in open_ if isinstance(d, h.TaskScheduled)},
            open_timers={d.event_id: d for d in open_ if isinstance(d, h.TimerCreated)},
            open_children={d.event_id: d for d in open_ if isinstance(d, h.SubOrchestrationInstanceCreated)},
            suspended=self.suspended,
            critical_section=section,
        )

    def _critical_section(self, cut: int) -> h.EventSent | None:
        """The lock request whose critical section the code had not left at the cut."""
        asked: h.EventSent | None = None
        decided = self._decided_from(cut)
        for event_id, decision in self.decisions.items():
            if event_id in decided or not isinstance(decision, h.EventSent):
                continue
            if decision.name == RELEASE:
                asked = None
            elif message_of(decision).lockset is not None:
                asked = decision
        if asked is None:
            return None
        answer = self.answers.get(asked.event_id)
        return None if answer is not None and is_failure(answer) else asked


def _is_due(decision: h.Event) -> bool:
    """Whether it is a timer that had nothing to wait for: a retry policy's own delays are never that short."""
    return isinstance(decision, h.TimerCreated) and decision.fire_at <= decision.timestamp


def is_failure(event: h.Event) -> bool:
    """Whether an answer says that the call has failed."""
    if isinstance(event, h.EventRaised):
        return response_of(event).exception_type is not None
    return isinstance(event, h.TaskFailed | h.SubOrchestrationInstanceFailed)


def answered_by(event: h.Event) -> int | None:
    """The event id of the decision that an event answers."""
    match event:
        case (
            h.TaskCompleted()
            | h.TaskFailed()
            | h.SubOrchestrationInstanceCompleted()
            | h.SubOrchestrationInstanceFailed()
        ):
            return event.task_scheduled_id
        case h.TimerFired():
            return event.timer_id
        case _:
            return None
