"""Matches what the code asks for during a replay against what the history recorded, decision by decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.model import history as h
from dfcli.model.query import CodeLocation

E = TypeVar("E", bound=h.HistoryEvent)


class CodeStopped(BaseException):
    """Ends user code that may not go on, past its `except Exception`. Never leaves the engine."""


class Replayed(Protocol):
    """The execution that is replayed."""

    def location(self) -> CodeLocation | None: ...

    def doing(self) -> str:
        """What it does once the episode is over."""
        ...

    def observe(self, event: Any) -> None: ...


class Cursor:
    """The recorded decisions of one episode, and how far the code has come in them."""

    __slots__ = ("_closing", "_position", "_recorded", "_replayed", "differences", "error")

    def __init__(
        self,
        recorded: Sequence[h.Event],
        closing: h.Event,
        replayed: Replayed,
        differences: list[str],
    ) -> None:
        self._recorded = recorded
        self._closing = closing
        self._replayed = replayed
        self._position = 0
        self.differences = differences
        """What differs without being another decision; shared by the cursors of one replay."""
        self.error: NonDeterminismError | None = None
        """The first mismatch."""

    def match(self, asked: E) -> E:
        """The recorded form of the decision the code takes now. Raises CodeStopped, with `error` set, if it differs."""
        if self._position >= len(self._recorded):
            self.error = self.error or NonDeterminismError(self._closing.seq, None, asked, self._replayed.location())  # type: ignore[arg-type]
            raise CodeStopped
        recorded = self._recorded[self._position]
        if not same_decision(recorded, asked):
            self.error = self.error or NonDeterminismError(recorded.seq, recorded, asked, self._replayed.location())  # type: ignore[arg-type]
            raise CodeStopped
        self._position += 1
        difference = _difference(recorded, asked)
        if difference:
            self.differences.append(f"event {recorded.seq}: {difference}")
        self._replayed.observe(recorded)
        return recorded  # type: ignore[return-value]

    def finish(self) -> None:
        """The episode is over: the code has asked for all it will."""
        if self.error is None and self._position < len(self._recorded):
            missing = self._recorded[self._position]
            where, instead = self._replayed.location(), self._replayed.doing()
            self.error = NonDeterminismError(missing.seq, missing, None, where, instead=instead)


def same_decision(recorded: h.HistoryEvent, asked: h.HistoryEvent) -> bool:
    """Whether both are the same wish: kind, number and name. Inputs, due times and child ids are not compared."""
    if type(recorded) is not type(asked) or recorded.event_id != asked.event_id:
        return False
    match recorded, asked:
        case (h.TaskScheduled(), h.TaskScheduled()) | (
            h.SubOrchestrationInstanceCreated(),
            h.SubOrchestrationInstanceCreated(),
        ):
            return recorded.name == asked.name or recorded.name.casefold() == asked.name.casefold()
        case h.EventSent(), h.EventSent():
            return (
                recorded.name.casefold() == asked.name.casefold()
                and recorded.target_instance_id == asked.target_instance_id
            )
        case h.ExecutionCompleted(), h.ExecutionCompleted():
            return recorded.orchestration_status == asked.orchestration_status
        case _:
            return True


def _difference(recorded: h.HistoryEvent, asked: h.HistoryEvent) -> str:
    """What differs between two forms of the same decision, in words; empty for nothing."""
    match recorded, asked:
        case h.TimerCreated(), h.TimerCreated() if recorded.fire_at != asked.fire_at:
            return f"the timer was recorded as due {recorded.fire_at}, the code now asks for {asked.fire_at}"
        case (
            h.SubOrchestrationInstanceCreated(),
            h.SubOrchestrationInstanceCreated(),
        ) if recorded.child_instance_id != asked.child_instance_id:
            return (
                f"sub-orchestration `{recorded.name}` was recorded with id {recorded.child_instance_id!r}, "
                f"the code now gives {asked.child_instance_id!r}"
            )
        case (
            (h.TaskScheduled(), h.TaskScheduled())
            | (h.SubOrchestrationInstanceCreated(), h.SubOrchestrationInstanceCreated())
            | (h.EventSent(), h.EventSent())
            | (h.ContinueAsNew(), h.ContinueAsNew())
        ) if h.input_of(recorded).json_text != h.input_of(asked).json_text:  # type: ignore[arg-type]
            name = getattr(recorded, "name", "")
            return f"the input of {'`' + name + '`' if name else 'continue-as-new'} was recorded as " + (
                f"{_short(recorded)}, the code now passes {_short(asked)}"
            )
        case h.ExecutionCompleted(), h.ExecutionCompleted() if (
            h.result_of(recorded).json_text != h.result_of(asked).json_text
        ):
            return f"the output was recorded as {_short(recorded)}, the code now gives {_short(asked)}"
        case _:
            return ""


def _short(event: h.HistoryEvent) -> str:
    payload = h.result_of(event) if isinstance(event, h.ExecutionCompleted) else h.input_of(event)  # type: ignore[arg-type]
    text = payload.json_text or "nothing"
    return text if len(text) <= 80 else text[:77] + "..."
