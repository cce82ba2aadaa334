"""The code of one execution and what becomes of it: started, advanced from task to task, ended, dropped."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar, TypeAlias

from dfcli.authoring.context import OrchestrationContext
from dfcli.authoring.interrupts import is_interrupt
from dfcli.authoring.running import current
from dfcli.authoring.tasks import FAILED, RUNNING, Task, fail, schedule
from dfcli.engine import frames, outcome
from dfcli.engine.code import Code, OrchestratorFunction, Returned, not_a_task
from dfcli.engine.decisions import Decisions
from dfcli.engine.nondeterminism import UnknownOrchestrator
from dfcli.model import history as h
from dfcli.model.payload import Payload, encode
from dfcli.model.query import CodeLocation

Lookup: TypeAlias = Callable[[str], OrchestratorFunction | None]
"""The orchestrator of a name, in any case; None when the app has none."""


def _context(function: OrchestratorFunction, decisions: Decisions) -> OrchestrationContext:
    """The context that an orchestrator is handed; its definition may have one of its own."""
    definition = getattr(function, "__dfcli__", None)
    if definition is None:
        return OrchestrationContext(decisions)
    context: OrchestrationContext = (definition.context_type or OrchestrationContext)(decisions, definition.input_type)
    return context


def _scheduled(waited: Task) -> Task:
    """A task that the code waits for, once what of it was not scheduled is; a failed one when it cannot be."""
    try:
        schedule(waited)
    except Exception as error:
        waited = Task(-1)
        fail(waited, error)
    return waited


class Run:
    """The run of an orchestrator, from its first line to its end."""

    __slots__ = (
        "_code",
        "_encode",
        "_is_starting",
        "_lookup",
        "_raised_at",
        "_waits_schedule",
        "awaiting",
        "decisions",
        "is_finished",
        "name",
    )

    kind: ClassVar[str] = "orchestrator"
    attempt: ClassVar[int] = 0

    def __init__(self, lookup: Lookup, name: str, decisions: Decisions) -> None:
        self._lookup = lookup
        self.name = name
        self.decisions = decisions
        self.awaiting: Task | None = None
        """The running task on which the code is suspended."""
        self.is_finished = False
        self._code: Code | None = None
        self._is_starting = False
        self._raised_at: CodeLocation | None = None
        self._waits_schedule = decisions.rules.waits_schedule
        self._encode: Callable[[Any], Payload] = encode

    @property
    def is_due(self) -> bool:
        """Whether the code has yet to be started."""
        return self._code is None and not self.decisions.is_closed

    def start(self) -> None:
        """Call the orchestrator and run it to its first running task. Raises UnknownOrchestrator."""
        function = self._lookup(self.name)
        if function is None:
            raise UnknownOrchestrator(self.name)
        self._is_starting = True
        definition = getattr(function, "__dfcli__", None)
        if definition is not None:
            self._encode = definition.encode
            self.decisions.notice = definition.notice
        try:
            code = Code(function, _context(function, self.decisions))
        except Returned as returned:
            self._is_starting = False
            self._return(returned.value)
        except BaseException as error:
            if is_interrupt(error):
                raise
            self._is_starting = False
            self._raise(error)
        else:
            self._is_starting = False
            self._code = code
            if self.decisions.cursor is not None:
                code.remember_frame()
            self.advance(None)

    def advance(self, task: Task | None) -> None:
        """Run the code from a completed task (None: from its beginning) to the next one that is not completed."""
        code, decisions = self._code, self.decisions
        assert code is not None
        self.awaiting = None
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
            except BaseException as error:
                if is_interrupt(error):
                    raise
                self._raise(error)
                return
            if decisions.is_muted:
                self._stop()
                return
            if isinstance(waited, Task):
                if self._waits_schedule:
                    waited = _scheduled(waited)
                if waited._state == RUNNING:
                    self.awaiting = waited
                    return
                task = waited
            else:
                task = Task(-1)
                fail(task, not_a_task(waited))

    def terminate(self, reason: str) -> None:
        """End it where it stands."""
        decisions = self.decisions
        self._end(outcome.terminated(decisions.next_seq, decisions.next_event_id, decisions.timestamp, reason))

    def drop(self) -> None:
        """Unwind the code. The context refuses every call meanwhile, and nothing reaches the history."""
        code, self._code = self._code, None
        self.awaiting = None
        self.decisions.is_closed = self.decisions.is_muted = True
        if code is not None:
            token = current.set(self)
            try:
                code.drop()
            finally:
                current.reset(token)

    # -- what its own log lines are told ---------------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        return self.decisions.instance_id

    @property
    def is_replaying(self) -> bool:
        return self.decisions.is_replaying

    @property
    def is_unwinding(self) -> bool:
        return self.decisions.is_closed

    # -- where it stands -----------------------------------------------------------------------------------------

    @property
    def holds_cleanup(self) -> bool:
        return self._code is not None and self._code.holds_cleanup

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

    def end_replay(self) -> None:
        """From here on the code runs for the first time."""
        self.decisions.cursor = None
        self.decisions.is_replaying = False
        if self._code is not None:
            self._code.forget_frame()

    # -- how it ends ---------------------------------------------------------------------------------------------

    def _return(self, value: object) -> None:
        decisions = self.decisions
        if decisions.is_muted:
            self._stop()
            return
        try:
            result = outcome.output(value, self._encode)
        except BaseException as error:  # `to_json` is user code
            if is_interrupt(error):
                raise
            self._raise(error)
            return
        if decisions.notice is not None:
            decisions.note_open()
        self._end(outcome.completed(decisions.next_seq, decisions.next_event_id, decisions.timestamp, result))

    def _raise(self, error: BaseException) -> None:
        """The code has ended with an exception: the instance fails, even on sys.exit()."""
        decisions = self.decisions
        if decisions.has_diverged:
            return
        self._raised_at = frames.raising_location(error.__traceback__)
        if decisions.notice is not None:
            decisions.note_open()
        wordless = str(type(error)) if decisions.rules.wordless_errors_show_classes else ""
        seq, event_id, now = decisions.next_seq, decisions.next_event_id, decisions.timestamp
        self._end(outcome.failed(seq, event_id, now, self.name, error, wordless))

    def _stop(self) -> None:
        """The code has come to rest after it asked to continue as new, or while it no longer agrees with history."""
        decisions = self.decisions
        if decisions.has_diverged:
            return
        if decisions.notice is not None:
            decisions.note_open()
            decisions.note_carried()
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

    def _end(self, last: h.ExecutionCompleted | h.ContinueAsNew) -> None:
        """Record the end. Whatever is open is dropped with it."""
        self.decisions.record(last)
        self.is_finished = True
        self.decisions.drop_open()
        self.drop()
