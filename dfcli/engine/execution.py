"""A resident execution: its orchestrator suspended in memory, one step per arriving event, never a re-run.

Two rules a reader must keep. Live and replayed episodes go through `deliver` alike; the only difference is the cursor
that hands recorded decisions back. And an answer counts only while its decision is open, so that late and duplicate
lines change nothing, in the same way on every replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TypeAlias, assert_never

from dfcli.authoring.context import OrchestrationContext
from dfcli.authoring.tasks import FAILED, RUNNING, Task, fail, succeed
from dfcli.engine import frames, outcome
from dfcli.engine.answers import fail_with, succeed_with
from dfcli.engine.code import Code, OrchestratorFunction, Returned, not_a_task
from dfcli.engine.cursor import CodeStopped, Cursor
from dfcli.engine.decisions import Decisions
from dfcli.engine.nondeterminism import NonDeterminismError, UnknownOrchestrator
from dfcli.engine.outcome import Episode
from dfcli.engine.retrying import RetryingCall
from dfcli.engine.waits import doing, waits_of
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import encode
from dfcli.model.query import CodeLocation, Wait

__all__ = ["Episode", "Execution", "Lookup", "NonDeterminismError", "OrchestratorFunction", "UnknownOrchestrator"]

Lookup: TypeAlias = Callable[[str], OrchestratorFunction | None]
"""The orchestrator of a name, in any case; None when the app has none."""

Observer: TypeAlias = Callable[[h.Event, "Execution"], None]
"""Told of each line during a replay: of what arrived right after the code has seen it (of the start, before), of a
decision while the code asks for it, of an episode's end once the code waits."""


class Execution:
    """One execution in memory. Belongs to one thread; `close` it when it is no longer wanted."""

    __slots__ = (
        "_answered_early",
        "_awaiting",
        "_code",
        "_decisions",
        "_decisions",
        "_differences",
        "_held",
        "_is_starting",
        "_lookup",
        "_observer",
        "_raised_at",
        "_started",
        "_suspended",
        "is_finished",
        "key",
        "name",
        "unconsumed",
    )

    _decisions: Decisions
    _started: h.ExecutionStarted

    def __init__(self, lookup: Lookup, key: ExecutionKey) -> None:
        """An execution to which nothing has been delivered."""
        self._lookup = lookup
        self.key = key
        self.name = ""
        """The orchestrator, as the history names it."""
        self.is_finished = False
        self.unconsumed: list[h.Inbound] = []
        """After `replay`: the arrived events that no recorded episode has seen, to be delivered next."""
        self._code: Code | None = None
        self._awaiting: Task | None = None
        self._suspended: h.ExecutionSuspended | None = None
        self._held: deque[h.Inbound] = deque()
        """What arrived since it was suspended."""
        self._answered_early: set[int] = set()
        """Seqs of unconsumed answers, whose tasks are not shown as open though the code has not seen them."""
        self._is_starting = False
        self._raised_at: CodeLocation | None = None
        self._observer: Observer | None = None
        self._differences: list[str] = []

    # -- a recorded history --------------------------------------------------------------------------------------

    @classmethod
    def replay(
        cls, lookup: Lookup, history: Sequence[h.Event], key: ExecutionKey, *, observer: Observer | None = None
    ) -> Execution:
        """The execution as its history left it, made by running every recorded episode again.

        `history` holds its committed lines from seq 1, payloads resolved; an empty one gives a new execution. Lines
        that arrived after the last episode are not delivered but left in `unconsumed`. Raises NonDeterminismError at
        the first decision that differs, UnknownOrchestrator.
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
        for event in history:
            if isinstance(event, h.INBOUND_TYPES):
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
                self._deliver(inbound, started, Cursor(decisions, event, self, self._differences))
        self.unconsumed = list(arrived)
        if self._code is not None:
            self._code.forget_frame()
        if self.name:
            self._decisions.cursor = None
            self._decisions.is_replaying = False
            for line in self.unconsumed:
                if self._counts(line):
                    self._answered_early.add(line.seq)

    @property
    def differences(self) -> list[str]:
        """What a replay found that differs without being another decision: inputs, due times, child ids, the output."""
        return self._differences

    # -- what happens now ----------------------------------------------------------------------------------------

    def deliver(self, inbound: Sequence[h.Inbound], started: h.OrchestratorStarted) -> Episode:
        """Hand over what arrived, in order of arrival, and run the code as far as it gets. Costs O(new events).

        `started` opens the episode; its decisions are numbered from `started.seq + 1` and bear its timestamp. The first
        delivery of a new execution begins with its ExecutionStarted. Raises UnknownOrchestrator, after which this
        execution is of no further use; nothing has been run.
        """
        return self._deliver(inbound, started, None)

    def _deliver(self, inbound: Sequence[h.Inbound], started: h.OrchestratorStarted, cursor: Cursor | None) -> Episode:
        if self.is_finished:
            raise RuntimeError(f"execution {self.key} has ended and takes no events")
        if not self.name:
            self._open(inbound)
        decisions = self._decisions
        decisions.begin(started, cursor)
        self.observe(started)
        try:
            termination = _termination(inbound)
            if termination is not None:
                self._terminate(inbound, termination)
            else:
                for event in inbound:
                    self._arrive(event)
                if self._code is None and self._suspended is None and not self.is_finished:
                    self._start()
        except CodeStopped:
            pass  # a replay has diverged in a decision that a retry policy took
        if cursor is not None:
            cursor.finish()
            if cursor.error is not None:
                raise cursor.error
        return self._close_episode(started)

    def _open(self, inbound: Sequence[h.Inbound]) -> None:
        first = inbound[0] if inbound else None
        if not isinstance(first, h.ExecutionStarted):
            raise ValueError(f"the first event of execution {self.key} must be ExecutionStarted, not {first!r}")
        self.name = first.name
        self._started = first
        self._decisions = Decisions(self.key, first)

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
        episode = Episode(decisions.events, self._started, decisions.custom_status, self.is_finished)
        if decisions.cancelled_timers:
            episode.cancelled_timers = decisions.cancelled_timers
        if self.is_finished:
            episode.carried = list(decisions.mailbox.unread.values())
            episode.suspension = self._suspended
        return episode

    def _arrive(self, event: h.Inbound) -> None:
        """Take one event: at once, or, while the instance is suspended, for later."""
        if self.is_finished:
            self._leave(event)
        elif type(event) is h.ExecutionResumed:
            self._suspended = None
            while self._held and self._suspended is None and not self.is_finished:
                self._apply(self._held.popleft())
        elif self._counts(event):
            if self._suspended is None:
                self._apply(event)
            else:
                self._held.append(event)
        self.observe(event)

    def _leave(self, event: h.Inbound) -> None:
        """The run ended earlier in this batch: what arrives is for the execution that continues it, or for nobody."""
        match event:
            case h.EventRaised():
                self._decisions.mailbox.receive(event)
            case h.ExecutionSuspended():
                self._suspended = event
            case h.ExecutionResumed():
                self._suspended = None
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
            case _:
                return True
        return opened is not None or event.seq in self._answered_early

    def _apply(self, event: h.Inbound) -> None:
        """Let the code see an event."""
        decisions = self._decisions
        match event:
            case h.TaskCompleted() | h.SubOrchestrationInstanceCompleted():
                answered = decisions.pending.pop(event.task_scheduled_id, None)
                if answered is not None:
                    task = answered.task if isinstance(answered, RetryingCall) else answered
                    succeed_with(task, event.result, event.result_text)
            case h.TimerFired():
                answered = decisions.pending.pop(event.timer_id, None)
                if isinstance(answered, RetryingCall):
                    answered.delay_over()
                elif answered is not None:
                    succeed(answered, None)
            case h.TaskFailed() | h.SubOrchestrationInstanceFailed():
                answered = decisions.pending.pop(event.task_scheduled_id, None)
                if answered is not None:
                    fail_with(answered, event)
            case h.EventRaised():
                waiting = decisions.mailbox.receive(event)
                if waiting is not None:
                    succeed_with(waiting, event.input, event.input_text)
            case h.ExecutionSuspended():
                self._suspended = event
            case h.ExecutionStarted() | h.ExecutionResumed() | h.ExecutionTerminated():
                pass  # the start is due at the end of the batch; the others are handled on arrival
            case _:
                assert_never(event)
        awaiting = self._awaiting
        if awaiting is not None and awaiting._state != RUNNING:
            self._advance(awaiting)

    # -- the code ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        function = self._lookup(self.name)
        if function is None:
            raise UnknownOrchestrator(self.name)
        decisions = self._decisions
        self._is_starting = True
        try:
            code = Code(function, OrchestrationContext(decisions))
        except Returned as returned:
            self._is_starting = False
            self._return(returned.value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._is_starting = False
            self._raise(error)
        else:
            self._is_starting = False
            self._code = code
            if decisions.cursor is not None:
                code.remember_frame()
            self._advance(None)

    def _advance(self, task: Task | None) -> None:
        """Run the code from a completed task (None: from its beginning) to the next that is not completed."""
        code, decisions = self._code, self._decisions
        assert code is not None
        self._awaiting = None
        while True:
            try:
                if task is None:
                    waited = code.send(None)
                elif task._state == FAILED:
                    waited = code.throw(task._outcome)
                else:
                    waited = code.send(task._outcome)
            except StopIteration as stop:
                self._return(stop.value)
                return
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._raise(error)
                return
            if decisions.is_muted:
                self._stop()
                return
            if isinstance(waited, Task):
                if waited._state == RUNNING:
                    self._awaiting = waited
                    return
                task = waited
            else:
                task = Task(-1)
                fail(task, not_a_task(waited))

    def _return(self, value: object) -> None:
        """The code has ended well."""
        decisions = self._decisions
        if decisions.will_continue_as_new or decisions.has_diverged:
            self._stop()
            return
        try:
            result = outcome.output(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # `to_json` is user code
            self._raise(error)
            return
        self._end(outcome.completed(decisions.next_seq, decisions.next_event_id, decisions.timestamp, result))

    def _raise(self, error: BaseException) -> None:
        """The code has ended with an exception: the instance fails, even on sys.exit()."""
        decisions = self._decisions
        self._raised_at = frames.raising_location(error.__traceback__)
        if decisions.has_diverged:
            self._awaiting = None
            return
        self._end(outcome.failed(decisions.next_seq, decisions.next_event_id, decisions.timestamp, self.name, error))

    def _stop(self) -> None:
        """The code has come to rest after it asked to continue as new, or while it no longer agrees with history."""
        decisions = self._decisions
        if decisions.has_diverged:
            return
        payload = decisions.continuing_with
        self._end(
            h.ContinueAsNew(
                seq=decisions.next_seq,
                event_id=decisions.next_event_id,
                timestamp=decisions.timestamp,
                input=payload.raw,
                input_text=payload.text,
            )
        )

    def _terminate(self, inbound: Sequence[h.Inbound], last: h.ExecutionTerminated) -> None:
        """End at once: the code sees nothing of a batch that holds a termination, and a pending one never runs."""
        decisions = self._decisions
        result = encode(last.reason)
        self._end(
            h.ExecutionCompleted(
                seq=decisions.next_seq,
                event_id=decisions.next_event_id,
                timestamp=decisions.timestamp,
                orchestration_status="Terminated",
                result=result.raw,
                result_text=result.text,
            )
        )
        for event in inbound:
            self._leave(event)
            self.observe(event)

    def _end(self, last: h.Event) -> None:
        """Record the end of the run. Whatever is open is dropped with it."""
        self._decisions.record(last)
        self.is_finished = True
        self._suspended = None
        self._awaiting = None
        self._decisions.drop_open()
        self.close()

    def close(self) -> None:
        """Drop the code. Python unwinds its `finally` and `with`: the context refuses every call meanwhile, nothing
        reaches the history, exceptions are swallowed. The execution is of no further use.
        """
        code, self._code = self._code, None
        if code is not None:
            self._decisions.is_closed = self._decisions.is_muted = True
            code.drop()

    def observe(self, event: h.Event) -> None:
        """Tell whoever watches a replay."""
        if self._observer is not None:
            self._observer(event, self)

    # -- what it looks like --------------------------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        return self.key.instance_id

    @property
    def next_event_id(self) -> int:
        """The event id of its next decision."""
        return self._decisions.next_event_id if self.name else 0

    @property
    def open_tasks(self) -> dict[int, h.TaskScheduled]:
        """Scheduled activities, by event id, to which no answer has arrived, `unconsumed` ones included."""
        return self._decisions.open_tasks if self.name else {}

    @property
    def open_timers(self) -> dict[int, h.TimerCreated]:
        """Timers, by event id, that have neither fired nor been cancelled."""
        return self._decisions.open_timers if self.name else {}

    @property
    def open_children(self) -> dict[int, h.SubOrchestrationInstanceCreated]:
        """Sub-orchestrations, by event id, to which no answer has arrived."""
        return self._decisions.open_children if self.name else {}

    @property
    def is_suspended(self) -> bool:
        return self._suspended is not None

    @property
    def holds_cleanup(self) -> bool:
        """Whether the code stands inside `try` or `with`, so that dropping it runs some of it."""
        return self._code is not None and self._code.holds_cleanup

    def waits(self) -> list[Wait]:
        """What it waits for, and where in the code. Empty once it has ended."""
        if self.is_finished:
            return []
        where = self._code.location() if self._code is not None else None
        found: list[Wait] = []
        if self._suspended is not None:
            held = f"{len(self._held)} events held" if self._held else ""
            detail = "; ".join(part for part in (self._suspended.reason, held) if part)
            found.append(Wait(kind="resume", since=self._suspended.timestamp, location=where, detail=detail))
        if self._awaiting is not None:
            found += waits_of(self._awaiting, self._decisions, where)
        elif self._code is None and self._suspended is None:
            found.append(Wait(kind="start", name=self.name))
        return found

    def doing(self) -> str:
        """What the code does between episodes, as the end of a sentence that begins with "the code now"."""
        return doing(self._awaiting, self._suspended is not None, self.is_finished)

    def frames(self) -> list[FrameType]:
        """The suspended functions of the app, outermost first."""
        return self._code.frames() if self._code is not None else []

    def location(self) -> CodeLocation | None:
        """The line of the app that runs, waits, raised or returned last; the latter two only during a replay."""
        if self._raised_at is not None:
            return self._raised_at
        if self._is_starting or (self._code is not None and self._code.is_running):
            return frames.running_location()
        return self._code.location() if self._code is not None else None


def _termination(inbound: Sequence[h.Inbound]) -> h.ExecutionTerminated | None:
    for event in inbound:
        if type(event) is h.ExecutionTerminated:
            return event
    return None
