"""Re-runs a recorded history against code, one step per event."""

from __future__ import annotations

import linecache
from collections.abc import Sequence

import msgspec

from dfcli.engine import frames
from dfcli.engine.execution import Execution, Lookup, NonDeterminismError
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import CodeLocation
from dfcli.replay import divergence
from dfcli.replay.timeline import Narrator
from dfcli.replay.variables import variables_of
from dfcli.replay.view import Divergence, Frame, Replay, Step


def run(history: Sequence[h.Event], lookup: Lookup, *, key: ExecutionKey, variables: bool = True) -> Replay:
    """The replay of `history` (all lines of the execution `key` from seq 1, payloads resolved) against the code that
    `lookup` finds. Raises UnknownOrchestrator when it finds none.

    `variables` False leaves the frames out, which is faster for long histories.
    """
    stepper = _Stepper(history, variables)
    found: Divergence | None = None
    execution: Execution | None = None
    try:
        execution = Execution.replay(lookup, history, key, observer=stepper.observe)
    except NonDeterminismError as error:
        found = divergence.of_mismatch(error)
        stepper.break_off()
    differences = stepper.execution.differences if stepper.execution is not None else []
    if execution is not None:
        stepper.add_unseen(execution.unconsumed)
        execution.close()
        found = divergence.of_output(differences, stepper.steps)
    first = history[0] if history else None
    return Replay(
        instance_id=key.instance_id,
        name=first.name if isinstance(first, h.ExecutionStarted) else "",
        steps=stepper.steps,
        divergence=found,
        warnings=divergence.warnings(differences),
        is_finished=any(isinstance(event, h.ExecutionCompleted | h.ContinueAsNew) for event in history),
    )


class _Stepper:
    """Watches a replay and writes down its steps."""

    def __init__(self, history: Sequence[h.Event], with_variables: bool) -> None:
        self.steps: list[Step] = []
        self.execution: Execution | None = None
        self._history = history
        self._narrator = Narrator(history)
        self._with_variables = with_variables
        self._episode = 0
        self._consumed = 0
        self._seen: set[int] = set()
        self._decisions: list[Step] = []
        """Taken since the last arrival was noted: the engine takes them while it hands the arrival over."""
        self._start: int | None = None
        """Index of the step of ExecutionStarted until the code has started, at the end of its batch."""

    def observe(self, event: h.Event, execution: Execution) -> None:
        self.execution = execution
        if isinstance(event, h.OrchestratorStarted):
            self._episode += 1
            self._consumed = event.consumed
            self.steps.append(self._step(event))
        elif isinstance(event, h.OrchestratorCompleted):
            self._note_start(execution)
            self._flush()
            self.steps.append(self._step(self._recorded(event)))
        elif h.is_inbound(event):
            self._seen.add(event.seq)
            step = self._step(event, execution)
            if isinstance(event, h.ExecutionStarted):
                self._start = len(self.steps)
            if isinstance(event, h.EventRaised) and any(left.seq == event.seq for left in execution.unread):
                step = msgspec.structs.replace(step, what=step.what + ", and no wait takes it yet")
            self.steps.append(step)
            self._flush()
        else:
            self._decisions.append(
                msgspec.structs.replace(self._step(event), is_decision=True, location=execution.location())
            )

    def break_off(self) -> None:
        """The replay ended at a mismatch: add the arrival that led to it, and what was decided before it."""
        for event in self._history:
            if h.is_inbound(event) and event.seq <= self._consumed and event.seq not in self._seen:
                self.steps.append(self._step(event))
                break
        self._flush()

    def add_unseen(self, events: Sequence[h.Event]) -> None:
        for event in events:
            step = self._step(event)
            self.steps.append(msgspec.structs.replace(step, episode=0, what=step.what + "; no episode has seen it yet"))

    def _note_start(self, execution: Execution) -> None:
        """Where the code waits after its start."""
        if self._start is not None and not execution.is_suspended:
            step = self.steps[self._start]
            self.steps[self._start] = msgspec.structs.replace(
                step, location=_waiting(execution), frames=self._frames(execution)
            )
            self._start = None

    def _flush(self) -> None:
        self.steps += self._decisions
        self._decisions = []

    def _recorded(self, event: h.OrchestratorCompleted) -> h.OrchestratorCompleted:
        """The line as it stands in the history: the replayed one has the replay's own custom status."""
        index = event.seq - 1
        line = self._history[index] if 0 <= index < len(self._history) else event
        return line if isinstance(line, h.OrchestratorCompleted) else event

    def _step(self, event: h.Event, execution: Execution | None = None) -> Step:
        return Step(
            seq=event.seq,
            episode=self._episode,
            event_type=type(event).__name__,
            event_id=event.event_id,
            timestamp=event.timestamp,
            what=self._narrator.what(event),
            location=_waiting(execution) if execution is not None else None,
            frames=self._frames(execution) if execution is not None else [],
        )

    def _frames(self, execution: Execution) -> list[Frame]:
        if not self._with_variables:
            return []
        return [
            Frame(
                location=frames.location(frame),
                source=linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip(),
                variables=variables_of(frame),
            )
            for frame in execution.frames()
        ]


def _waiting(execution: Execution) -> CodeLocation | None:
    """The line where suspended code waits; None once it has ended."""
    return None if execution.is_finished else execution.location()
