"""What a run does that its app's own library would do otherwise, for whoever asks: the host of an Azure app does.

The part of `Decisions` that looks; none of it is called while nobody asks, and nothing is told of a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.triggers import Notice
from dfcli.engine.mailbox import Mailbox
from dfcli.model import history as h


class Noticing:
    """`Decisions` gives it what it names here."""

    __slots__ = ()

    notice: Callable[[Notice, str], None] | None
    is_replaying: bool
    timestamp: str
    opened: int
    early: set[str]
    mailbox: Mailbox
    pending: dict[int, Any]
    open_timers: dict[int, h.TimerCreated]

    def note(self, notice: Notice, name: str = "") -> None:
        """Tell of something, unless it is a repetition."""
        if self.notice is not None and not self.is_replaying:
            self.notice(notice, name)

    def note_open(self) -> None:
        """The run ends with this open."""
        if any(timer.fire_at > self.timestamp for timer in self.open_timers.values()):
            self.note("left a timer open")
        if self.pending.keys() - self.open_timers.keys():
            self.note("left a call open")

    def note_carried(self) -> None:
        """The next execution begins with these events."""
        for event in self.mailbox.unread.values():
            self.note("events carried over", event.name)

    def note_taken(self, event: h.EventRaised, wanted: str) -> None:
        """A wait for `wanted` took the event."""
        if event.name != wanted:
            self.note("event in another case", event.name)

    def note_wait(self, name: str, event: h.EventRaised | None) -> None:
        """A wait has begun. Of a name that came before its wait, further events and further waits are another matter
        elsewhere; what came together with the start has not come before."""
        key = name.casefold()
        if key in self.early:
            self.note("early event", name)
        elif event is not None and event.seq > self.opened:
            self.early.add(key)
            if self.mailbox.holds(name):
                self.note("early event", name)
        if event is not None:
            self.note_taken(event, name)
