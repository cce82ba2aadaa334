"""External events of one execution: first in, first out, one per wait, names in any case.

Of several waits for one name the oldest is served first, or, by the rules of Azure's SDK, the newest: code that waits
anew in a loop has given up the wait before.
"""

from __future__ import annotations

from collections import deque

from dfcli.authoring.tasks import EventTask
from dfcli.model.history import EventRaised


class Mailbox:
    """Events that no wait has taken, and waits that no event has reached. Never both for one name."""

    __slots__ = ("_buffered", "_newest_first", "_waiting", "unread")

    def __init__(self, *, newest_first: bool = False) -> None:
        self._newest_first = newest_first
        self.unread: dict[int, EventRaised] = {}
        """By seq, in order of arrival."""
        self._buffered: dict[str, deque[EventRaised]] = {}
        self._waiting: dict[str, list[EventTask]] = {}
        """Lists, since a deque takes 600 bytes and 100,000 instances may wait for one event each."""

    def receive(self, event: EventRaised) -> EventTask | None:
        """The wait that takes the event; None: it is kept for a later one."""
        name = event.name.casefold()
        waiting = self._waiting.get(name)
        if waiting:
            task = waiting.pop() if self._newest_first else waiting.pop(0)
            if not waiting:
                del self._waiting[name]
            return task
        self.unread[event.seq] = event
        self._buffered.setdefault(name, deque()).append(event)
        return None

    def take(self, name: str) -> EventRaised | None:
        """The oldest unread event of that name."""
        if not self.unread:
            return None
        key = name.casefold()
        buffered = self._buffered.get(key)
        if not buffered:
            return None
        event = buffered.popleft()
        if not buffered:
            del self._buffered[key]
        del self.unread[event.seq]
        return event

    def holds(self, name: str) -> bool:
        """Whether an unread event has that name."""
        return name.casefold() in self._buffered

    def wait(self, task: EventTask) -> None:
        """Queue a wait behind earlier ones for the same name."""
        self._waiting.setdefault(task.name.casefold(), []).append(task)

    @property
    def waited_for(self) -> list[str]:
        """The names that waits ask for, as the code spells them."""
        return list(dict.fromkeys(task.name for waiting in self._waiting.values() for task in waiting))

    def drop_waits(self) -> None:
        """From now on every event stays unread."""
        self._waiting.clear()
