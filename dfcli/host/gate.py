"""A limit on how many activities are under way at a time, whoever runs them; the rest waits in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from dfcli.host.activities import ActivityCall, Outcome


class Gate:
    """Owned by the loop's thread. Of no use without a limit: whoever has none does without a gate."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[ActivityCall] = deque()
        self._inside: set[tuple[str, int, int]] = set()

    def admit(self, calls: Sequence[ActivityCall]) -> list[ActivityCall]:
        """Those that may begin now; the others wait."""
        self._waiting.extend(calls)
        return self._next()

    def ended(self, outcomes: Sequence[Outcome]) -> list[ActivityCall]:
        """Calls came back: those that may begin in their place."""
        for outcome in outcomes:
            place = _place(outcome.call)
            if place in self._inside:
                self._inside.discard(place)
                self._free += 1
        return self._next()

    def close(self) -> int:
        """Let nobody in any more. Returns how many were waiting."""
        waiting = len(self._waiting)
        self._waiting.clear()
        return waiting

    def _next(self) -> list[ActivityCall]:
        admitted: list[ActivityCall] = []
        while self._waiting and self._free > 0:
            call = self._waiting.popleft()
            self._free -= 1
            self._inside.add(_place(call))
            admitted.append(call)
        return admitted


def _place(call: ActivityCall) -> tuple[str, int, int]:
    return call.key.instance_id, call.key.exec, call.scheduled.seq
