"""A resident execution: its orchestrator suspended in memory, one step per arriving event, never a re-run.

Two rules a reader must keep. Live and replayed episodes go through `_deliver` alike; the only difference is the cursor
that hands recorded decisions back. And an answer counts only while its decision is open, so that late and duplicate
lines change nothing, in the same way on every replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TypeAlias, assert_never

from dfcli.authoring.running import current
from dfcli.authoring.tasks import RUNNING, succeed
from dfcli.engine.answers import fail_with, succeed_with
from dfcli.engine.code import OrchestratorFunction
from dfcli.engine.cursor import CodeStopped, Cursor, Difference, RewoundCursor
from dfcli.engine.decisions import Decisions
from dfcli.engine.nondeterminism import NonDeterminismError, UnknownOrchestrator, UnknownRules
from dfcli.engine.outcome import Episode
from dfcli.engine.retrying import RetryingCall
from dfcli.engine.rules import KNOWN, rules_named
from dfcli.engine.run import Lookup, Run
from dfcli.engine.waits import doing, waits_of
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import CodeLocation, Wait
from dfcli.model.voids import Voids

__all__ = ["Episode", "Execution", "Lookup", "NonDeterminismError", "OrchestratorFunction", "UnknownOrchestrator"]

Observer: TypeAlias = Callable[[h.Event, "Execution"], None]
"""Told of each line during a replay: of what arrived right after the code has seen it (of the start, before), of a
decision while the code asks for it, of an episode's end once the code waits."""


class Execution:
    """One execution in memory. Belongs to one thread; `close` it when it is no longer wanted."""

    __slots__ = (
        "_answered_early",
        "_decisions",
        "_held",
        "_lookup",
        "_observer",
        "_run",
        "_started",
        "_suspended",
        "differences",
        "key",
        "unconsumed",
    )

    _decisions: Decisions
    _run: Run

    def __init__(self, lookup: Lookup, key: ExecutionKey) -> None:
        """An execution to which nothing has been delivered."""
        self._lookup = lookup
        self.key = key
        self.unconsumed: list[h.Inbound] = []
        """After `replay`: what arrived and no recorded episode has seen, to be delivered next."""
        self.differences: list[Difference] = []
        """What `replay` found to differ without being another decision: inputs, due times, child ids, the output."""
        self._started: h.ExecutionStarted | None = None
        self._suspended: h.ExecutionSuspended | None = None
        self._held: list[h.Inbound] = []
        """What arrived since it was suspended."""
        self._answered_early: set[int] = set()
        """Seqs of unconsumed answers, whose tasks are not shown as open though the code has not seen them."""
        self._observer: Observer | None = None

    # -- a recorded history --------------------------------------------------------------------------------------

    @classmethod
    def replay(
        cls, lookup: Lookup, history: Sequence[h.Event], key: ExecutionKey, *, observer: Observer | None = None
    ) -> Execution:
        """The execution as its history left it, made by running every recorded episode again.

        `history` holds its committed lines from seq 1, payloads resolved; an empty one gives a new execution. Lines
        that arrived after the last episode are not delivered but left in `unconsumed`. Raises NonDeterminismError at
        the first decision that differs, UnknownOrchestrator, UnknownRules.
        """
        execution = cls(lookup, key)
        execution._observer = observer
        try:
            execution._replay(history)
        except BaseException:
            execution.close()
            raise
        execution._observer = None
        return execution

    def _replay(self, history: Sequence[h.Event]) -> None:
        arrived: deque[h.Inbound] = deque()
        started: h.OrchestratorStarted | None = None
        decisions: list[h.Event] = []
        voids = Voids.of(history)
        for event in history:
            if isinstance(event, h.INBOUND_TYPES):
                if voids is None or event.seq not in voids:
                    arrived.append(event)
            elif isinstance(event, h.OrchestratorStarted):
                started = event
                decisions = []
            elif not isinstance(event, h.OrchestratorCompleted):
                decisions.append(event)
            elif started is not None:
                inbound: list[h.Inbound] = []
                while arrived and arrived[0].seq <= started.consumed:
                    inbound.append(arrived.popleft())
                self._deliver(inbound, started, self._cursor(decisions, started, event, voids))
        self.unconsumed = list(arrived)
        if self._started is not None:
            self._run.end_replay()
            self._answered_early = {line.seq for line in arrived if self._counts(line)}

    def _cursor(
        self,
        decisions: list[h.Event],
        started: h.OrchestratorStarted,
        closing: h.OrchestratorCompleted,
        voids: Voids | None,
    ) -> Cursor:
        if voids is None:
            return Cursor(decisions, closing, self, self.differences)
        opened_by = voids.opened_by(started, closing.seq)
        return RewoundCursor(decisions, closing, self, self.differences, voids=voids, opened_by=opened_by)

    # -- what happens now ----------------------------------------------------------------------------------------

    def deliver(self, inbound: Sequence[h.Inbound], started: h.OrchestratorStarted) -> Episode:
        """Hand over what arrived, in order of arrival, and run the code as far as it gets. Costs O(new events).

        `started` opens the episode; its decisions are numbered from `started.seq + 1` and bear its timestamp. The first
        delivery of a new execution begins with its ExecutionStarted. Raises UnknownOrchestrator and UnknownRules, after
        which this execution is of no further use; no code has been run.
        """
        return self._deliver(inbound, started, None)

    def _deliver(self, inbound: Sequence[h.Inbound], started: h.OrchestratorStarted, cursor: Cursor | None) -> Episode:
        if self._started is None:
            self._open(inbound)
        run = self._run
        if self._decisions.is_closed and not self._decisions.deferred:  # else its end is still to be recorded
            raise RuntimeError(f"execution {self.key} has ended or was closed: it takes no events")
        self._decisions.begin(started, cursor)
        self.observe(started)
        token = current.set(run)
        try:
            termination = _termination(inbound)
            if termination is not None:
                self._terminate(inbound, termination)
            else:
                for event in inbound:
                    self._arrive(event)
                if self._suspended is None and run.is_due:
                    run.start()
        except CodeStopped:
            pass  # a replay has diverged in a decision that a retry policy took
        finally:
            current.reset(token)
        if cursor is not None:
            cursor.finish()
            if cursor.error is not None:
                raise cursor.error
            if isinstance(cursor, RewoundCursor) and cursor.opened_by and run.decisions.new_custom_status is not None:
                run.decisions.status_is_due = True
        return self._close_episode(started)

    def _open(self, inbound: Sequence[h.Inbound]) -> None:
        first = inbound[0] if inbound else None
        if not isinstance(first, h.ExecutionStarted):
            raise ValueError(f"the first event of execution {self.key} must be ExecutionStarted, not {first!r}")
        rules = rules_named(first.rules)
        if rules is None:
            raise UnknownRules(first.rules, KNOWN)
        self._decisions = Decisions(self.key, first, rules)
        self._run = Run(self._lookup, first.name, self._decisions)
        self._started = first

    def _close_episode(self, started: h.OrchestratorStarted) -> Episode:
        decisions = self._decisions
        seq, now, status = decisions.next_seq, started.timestamp, decisions.new_custom_status
        if status is None:
            closing = h.OrchestratorCompleted(seq=seq, event_id=-1, timestamp=now)
        else:
            closing = h.OrchestratorCompleted(
                seq=seq, event_id=-1, timestamp=now, custom_status=status.raw, custom_status_text=status.text
            )
        decisions.events.append(closing)
        self.observe(closing)
        assert self._started is not None
        episode = Episode(decisions.events, self._started, decisions.custom_status, self._run.is_finished)
        decisions.events = []  # the host's now; a resident execution that waits keeps none of them
        if decisions.cancelled_timers:
            episode.cancelled_timers = decisions.cancelled_timers
        if self._run.is_finished:
            episode.carried = list(decisions.mailbox.unread.values())
            episode.suspension = self._suspended
        return episode

    def _arrive(self, event: h.Inbound) -> None:
        """Take one event: at once, or, while the instance is suspended, for later."""
        if self._run.is_finished:
            self._leave(event)
        elif type(event) is h.ExecutionSuspended:
            self._suspended = self._suspended or event
        elif type(event) is h.ExecutionResumed:
            self._resume()
        elif self._counts(event):
            if self._suspended is None:
                self._apply(event)
            else:
                self._held.append(event)
        elif type(event) is h.ExecutionRewound:
            self._decisions.rewound(event)
        self.observe(event)

    def _resume(self) -> None:
        """Let the code see what was held."""
        self._suspended = None
        held, self._held = self._held, []
        for event in held:
            if self._run.is_finished:
                self._leave(event)
            else:
                self._apply(event)

    def _leave(self, event: h.Inbound) -> None:
        """The run ended earlier in this batch: what arrives is for the execution that continues it, or for nobody."""
        match event:
            case h.EventRaised():
                if not self._decisions.is_answer(event):
                    self._decisions.mailbox.receive(event)
            case h.ExecutionSuspended():
                self._suspended = event
            case h.ExecutionResumed():
                self._suspended = None
            case h.ExecutionRewound():
                self._decisions.rewound(event)
            case _:
                pass

    def _counts(self, event: h.Inbound) -> bool:
        """Whether the event is anything but an answer to what is not open: a duplicate, or too late."""
        decisions = self._decisions
        match event:
            case h.TaskCompleted() | h.TaskFailed():
                opened: object = decisions.open_tasks.pop(event.task_scheduled_id, None)
            case h.TimerFired():
                opened = decisions.open_timers.pop(event.timer_id, None)
            case h.SubOrchestrationInstanceCompleted() | h.SubOrchestrationInstanceFailed():
                opened = decisions.open_children.pop(event.task_scheduled_id, None)
            case h.ExecutionRewound():
                return False
            case _:
                return True
        return opened is not None or event.seq in self._answered_early

    def _apply(self, event: h.Inbound) -> None:
        """Let the code see an event."""
        pending = self._decisions.pending
        match event:
            case h.TaskCompleted() | h.SubOrchestrationInstanceCompleted():
                answered = pending.pop(event.task_scheduled_id, None)
                if answered is not None:
                    task = answered.completed(event) if isinstance(answered, RetryingCall) else answered
                    if task is not None:
                        succeed_with(task, event.result, event.result_text)
            case h.TimerFired():
                answered = pending.pop(event.timer_id, None)
                if isinstance(answered, RetryingCall):
                    answered.delay_over()
                elif answered is not None:
                    succeed(answered, None)
            case h.TaskFailed() | h.SubOrchestrationInstanceFailed():
                answered = pending.pop(event.task_scheduled_id, None)
                if answered is not None:
                    fail_with(answered, event)
            case h.EventRaised() if self._decisions.is_answer(event):
                if self._decisions.entities is not None:
                    self._decisions.entities.take(event)
            case h.EventRaised():
                waiting = self._decisions.mailbox.receive(event)
                if waiting is not None:
                    succeed_with(waiting, event.input, event.input_text)
                    if self._decisions.notice is not None:
                        self._decisions.note_taken(event, waiting.name)
            case (
                h.ExecutionStarted()
                | h.ExecutionSuspended()
                | h.ExecutionResumed()
                | h.ExecutionTerminated()
                | h.ExecutionRewound()
            ):
                pass  # the start is due at the end of the batch; the others are handled on arrival
            case _:
                assert_never(event)
        awaiting = self._run.awaiting
        if awaiting is not None and awaiting._state != RUNNING:
            self._run.advance(awaiting)

    def _terminate(self, inbound: Sequence[h.Inbound], termination: h.ExecutionTerminated) -> None:
        """End at once: the code sees nothing of a batch that holds a termination, and a pending one never runs."""
        self._decisions.deferred = []
        self._run.terminate(termination.reason)
        for event in inbound:
            self._leave(event)
            self.observe(event)

    def close(self) -> None:
        """Drop the code. Python unwinds its `finally` and `with`: the context refuses every call meanwhile, nothing
        reaches the history, exceptions are swallowed. The execution is of no further use.
        """
        if self._started is not None:
            self._run.drop()

    # -- what it looks like --------------------------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        return self.key.instance_id

    @property
    def name(self) -> str:
        """The orchestrator, as the history names it; empty before the start."""
        return self._started.name if self._started is not None else ""

    @property
    def started(self) -> h.ExecutionStarted | None:
        """The first line, once it has been delivered."""
        return self._started

    @property
    def is_finished(self) -> bool:
        return self._started is not None and self._run.is_finished

    @property
    def is_suspended(self) -> bool:
        return self._suspended is not None

    @property
    def next_event_id(self) -> int:
        """The event id of its next decision."""
        return self._decisions.next_event_id if self._started is not None else 0

    @property
    def open_tasks(self) -> dict[int, h.TaskScheduled]:
        """Scheduled activities, by event id, to which no answer has arrived, `unconsumed` ones included."""
        return self._decisions.open_tasks if self._started is not None else {}

    @property
    def open_timers(self) -> dict[int, h.TimerCreated]:
        """Timers, by event id, that have neither fired nor been cancelled."""
        return self._decisions.open_timers if self._started is not None else {}

    @property
    def open_children(self) -> dict[int, h.SubOrchestrationInstanceCreated]:
        """Sub-orchestrations, by event id, to which no answer has arrived."""
        return self._decisions.open_children if self._started is not None else {}

    @property
    def unread(self) -> list[h.EventRaised]:
        """Events that no wait has taken, in order of arrival."""
        return list(self._decisions.mailbox.unread.values()) if self._started is not None else []

    def waits_beside(self, event: h.EventRaised) -> list[str] | None:
        """For an event that no wait has taken: the names of those there are. None when one has."""
        if self._started is None or event.seq not in self._decisions.mailbox.unread:
            return None
        return self._decisions.mailbox.waited_for

    @property
    def holds_cleanup(self) -> bool:
        """Whether the code stands inside `try` or `with`, so that dropping it runs some of it."""
        return self._started is not None and self._run.holds_cleanup

    def waits(self) -> list[Wait]:
        """What it waits for, and where in the code. Empty once it has ended."""
        if self._started is None or self._run.is_finished:
            return []
        return waits_of(self._run, self._suspended, len(self._held))

    def frames(self) -> list[FrameType]:
        """The suspended functions of the app, outermost first."""
        return self._run.frames() if self._started is not None else []

    def location(self) -> CodeLocation | None:
        """The line of the app that runs, waits, raised or returned last; the latter two only during a replay."""
        return self._run.location() if self._started is not None else None

    def doing(self) -> str:
        """What the code does between episodes, as the end of a sentence that begins with "the code now"."""
        return doing(self._run, self._suspended is not None)

    def observe(self, event: h.Event) -> None:
        """Tell whoever watches a replay."""
        if self._observer is not None:
            self._observer(event, self)


def _termination(inbound: Sequence[h.Inbound]) -> h.ExecutionTerminated | None:
    for event in inbound:
        if type(event) is h.ExecutionTerminated:
            return event
    return None
