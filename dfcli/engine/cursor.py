"""Matches what the code asks for during a replay against what the history recorded, decision by decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec import UNSET

from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.model import history as h
from dfcli.model.ids import is_stand_in
from dfcli.model.payload import Payload
from dfcli.model.query import CodeLocation
from dfcli.model.voids import Voids

E = TypeVar("E", bound=h.HistoryEvent)


class CodeStopped(BaseException):
    """Ends user code that may not go on, past its `except Exception`. Never leaves the engine."""


class Difference(NamedTuple):
    """Something that differs between history and code though the decision is the same."""

    recorded: Any
    """The decision's line in the history."""
    text: str


class Replayed(Protocol):
    """The execution that is replayed."""

    def location(self) -> CodeLocation | None: ...

    def doing(self) -> str:
        """What it does once the episode is over."""
        ...

    def observe(self, event: Any) -> None: ...


class Cursor:
    """The recorded decisions of one episode, and how far the code has come in them."""

    __slots__ = ("_closing", "_position", "_recorded", "_replayed", "differences", "error", "put_off_until")

    def __init__(
        self,
        recorded: Sequence[h.Event],
        closing: h.Event,
        replayed: Replayed,
        differences: list[Difference],
    ) -> None:
        self._recorded = recorded
        self._closing = closing
        self._replayed = replayed
        self._position = 0
        self.differences = differences
        """What differs without being another decision; shared by the cursors of one replay."""
        self.error: NonDeterminismError | None = None
        """The first mismatch."""
        self.put_off_until = 0
        """After a `match` that gave None: the seq of the rewind with which the decision is recorded."""

    def match(self, asked: E) -> E | None:
        """The recorded form of the decision the code takes now, None to take it later (`RewoundCursor`).

        Raises CodeStopped, with `error` set, if it differs.
        """
        if self._position >= len(self._recorded):
            self.error = self.error or NonDeterminismError(self._closing.seq, None, asked, self._replayed.location())  # type: ignore[arg-type]
            raise CodeStopped
        recorded = self._recorded[self._position]
        if not same_decision(recorded, asked):
            self.error = self.error or NonDeterminismError(recorded.seq, recorded, asked, self._replayed.location())  # type: ignore[arg-type]
            raise CodeStopped
        self._position += 1
        differs = difference(recorded, asked)
        if differs:
            self.differences.append(Difference(recorded, differs))
        self._replayed.observe(recorded)
        return recorded  # type: ignore[return-value]

    def finish(self) -> None:
        """The episode is over: the code has asked for all it will."""
        if self.error is None and self._position < len(self._recorded):
            missing = self._recorded[self._position]
            where, instead = self._replayed.location(), self._replayed.doing()
            self.error = NonDeterminismError(missing.seq, missing, None, where, instead=instead)


class RewoundCursor(Cursor):
    """The recorded decisions of an episode that a rewind concerns: some are voided, and in an open episode the code
    may decide anew. What it decides anew is taken when the execution was rewound."""

    __slots__ = ("_voided", "opened_by")

    def __init__(
        self,
        recorded: Sequence[h.Event],
        closing: h.Event,
        replayed: Replayed,
        differences: list[Difference],
        *,
        voids: Voids,
        opened_by: int,
    ) -> None:
        super().__init__([event for event in recorded if event.seq not in voids], closing, replayed, differences)
        self._voided = {event.event_id: voids.voided_by(event.seq) for event in recorded if event.seq in voids}
        self.opened_by = opened_by
        """The seq of the rewind that opened the episode; 0 for none."""

    def match(self, asked: E) -> E | None:
        recorded = self._recorded[self._position] if self._position < len(self._recorded) else None
        if recorded is None or recorded.event_id != asked.event_id:
            self.put_off_until = self._voided.get(asked.event_id) or self.opened_by
            if self.put_off_until:
                return None
        return super().match(asked)


def same_decision(recorded: h.HistoryEvent, asked: h.HistoryEvent) -> bool:
    """Whether both are the same wish: kind, number and name. Inputs, due times and child ids are not compared.

    Nor is the number of an end: one that came without the code, after a rewind, cannot know it.
    """
    if isinstance(recorded, h.ExecutionCompleted) and isinstance(asked, h.ExecutionCompleted):
        return recorded.orchestration_status == asked.orchestration_status
    if type(recorded) is not type(asked) or recorded.event_id != asked.event_id:
        return False
    if isinstance(recorded, h.EventSent) and isinstance(asked, h.EventSent):
        return _same_name(recorded.name, asked.name) and recorded.target_instance_id == asked.target_instance_id
    return _same_name(getattr(recorded, "name", ""), getattr(asked, "name", ""))


def _same_name(recorded: str, asked: str) -> bool:
    return recorded == asked or recorded.casefold() == asked.casefold()


def difference(recorded: h.HistoryEvent, asked: h.HistoryEvent) -> str:
    """What differs between two forms of the same decision, in words; empty for nothing."""
    if isinstance(recorded, h.TimerCreated) and isinstance(asked, h.TimerCreated):
        if recorded.fire_at == asked.fire_at:
            return ""
        return f"the timer was recorded as due {recorded.fire_at}, the code now asks for {asked.fire_at}"
    before_id, now_id = getattr(recorded, "child_instance_id", ""), getattr(asked, "child_instance_id", "")
    if before_id != now_id and not is_stand_in(before_id, recorded.event_id):
        name = getattr(recorded, "name", "")
        return f"sub-orchestration `{name}` was recorded with id {before_id!r}, the code now gives {now_id!r}"
    before, now = _text(recorded), _text(asked)
    if before == now:
        return ""
    if isinstance(recorded, h.ExecutionCompleted):
        return f"the output was recorded as {_short(before)}, the code now gives {_short(now)}"
    name = getattr(recorded, "name", "")
    what = f"the input of `{name}`" if name else "the input to continue with"
    return f"{what} was recorded as {_short(before)}, the code now passes {_short(now)}"


def _text(event: h.HistoryEvent) -> str | None:
    """The payload that goes out with a decision."""
    raw = getattr(event, "result", UNSET) if isinstance(event, h.ExecutionCompleted) else getattr(event, "input", UNSET)
    text = getattr(event, "result_text" if isinstance(event, h.ExecutionCompleted) else "input_text", UNSET)
    return Payload(raw, text).json_text


def _short(text: str | None) -> str:
    shown = text or "nothing"
    return shown if len(shown) <= 80 else shown[:77] + "..."
