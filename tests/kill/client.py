"""The load: many small plays at once, each a client that goes on until it has its answer, and the log they keep.

A play is a generator. It yields requests and gets replies; what has no answer is asked again, with the same key, once
a host is there. The log has a line before each request and one after each answer: it, not the hub, says what was
promised.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from tests.kill.connection import Answer, Connection

THREADS = 16
"""More than there are requests that wait for a commit at a time, so that results are looked for meanwhile."""
RETRY_SECONDS = 0.01


class Request(NamedTuple):
    verb: str
    instance: str
    method: str
    target: str
    body: Any = None
    key: str = ""
    facts: dict[str, Any] = {}  # noqa: RUF012  a tuple's default, never changed
    """What the judge wants to know beside the verb."""
    once: bool = False
    """Whether to give up when the outcome is unknown."""


class Reply(NamedTuple):
    answer: Answer | None
    """None: unknown, and given up."""
    unsure: int
    """How many earlier tries had no answer: the request may have been done by one of them."""


class Pause(NamedTuple):
    seconds: float


Play = Generator[Any, Any, None]
"""Yields requests, pauses, and plays, which begin to be played beside it. Is sent the reply of each request."""


class _Actor:
    def __init__(self, play: Play) -> None:
        self.play = play
        self.reply: Any = None


class Trigger:
    """Acts once, when it has been counted down; from any thread."""

    def __init__(self) -> None:
        self._armed: tuple[int, Callable[[], None]] | None = None

    def arm(self, count: int, act: Callable[[], None]) -> None:
        self._armed = (count, act)

    def count_down(self) -> None:
        armed = self._armed
        if armed is None:
            return
        count, act = armed
        if count > 1:
            self._armed = (count - 1, act)
        else:
            self._armed = None
            act()


class LoadClient:
    """Plays on `THREADS` threads. `more` gives the next new play whenever fewer than `level` are under way."""

    def __init__(self, log: str, level: int, more: Callable[[], Play]) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._level = level
        self._more = more
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, _Actor]] = []
        self._numbers = itertools.count()
        self._alive = 0
        self._is_closing = False
        self._is_finishing = True
        self._asking = 0
        """Requests that are on their way."""
        self._port = 0
        self._up = threading.Event()
        self._nothing = threading.Event()
        self._at_answer = Trigger()
        self._at_sight = Trigger()
        self.acknowledged: dict[str, int] = {}
        self.lost_at: list[int] = []
        """When requests were sent whose answer never came."""
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    # -- the campaign's side -------------------------------------------------------------------------------------

    def host_is_up(self, port: int) -> None:
        self._port = port
        self._up.set()

    def host_is_down(self) -> None:
        self._up.clear()

    def begin(self) -> None:
        """Keep the level from now on."""
        with self._condition:
            self._is_finishing = False
            while self._alive < self._level:
                self._add(self._more())

    def on_answer_to_a_change(self, count: int, act: Callable[[], None]) -> None:
        """Act, in the thread that sees it, at the first bytes of so many more answers to requests that change."""
        self._at_answer.arm(count, act)

    def on_sight(self, count: int, act: Callable[[], None]) -> None:
        """Act as soon as so many more results, of activities or instances, were read and are in the log."""
        self._at_sight.arm(count, act)

    def finish(self, seconds: float) -> int:
        """Begin nothing new, wait for all plays to end; how many have not."""
        with self._condition:
            self._is_finishing = True
        return self._wait_until_alive(0, seconds)

    def play_all(self, plays: list[Play], seconds: float) -> None:
        """Play these besides, and wait for their end."""
        with self._condition:
            stuck = self._alive
            for play in plays:
                self._add(play)
        if self._wait_until_alive(stuck, seconds) > stuck:
            self.errors.append(f"there was no answer within {seconds:g} s")

    def _wait_until_alive(self, count: int, seconds: float) -> int:
        with self._condition:
            self._condition.wait_for(lambda: self._alive <= count, seconds)
            return self._alive

    def settle(self) -> None:
        """Return when every request that the killed host had taken is known to be lost."""
        with self._condition:
            self._condition.wait_for(lambda: self._asking == 0, 5)

    def close(self) -> None:
        with self._condition:
            self._is_closing = True
            self._condition.notify_all()
        self._up.set()
        for thread in self._threads:
            thread.join(30)
        os.close(self._log)

    # -- the plays' side -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        connection = Connection()
        while (actor := self._next()) is not None:
            try:
                self._advance(actor, connection)
            except StopIteration:
                self._end()
            except Exception as error:
                self.errors.append(f"a play failed: {type(error).__name__}: {error}")
                self._end()
        connection.close()

    def _next(self) -> _Actor | None:
        with self._condition:
            while not self._is_closing:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2]
                self._condition.wait(self._due[0][0] - now if self._due else None)
            return None

    def _advance(self, actor: _Actor, connection: Connection) -> None:
        wish = actor.play.send(actor.reply)
        seconds = 0.0
        if isinstance(wish, Request):
            actor.reply = self._ask(wish, connection)
        elif isinstance(wish, Pause):
            actor.reply, seconds = None, wish.seconds
        else:
            with self._condition:
                self._add(wish)
        with self._condition:
            self._put(actor, seconds)

    def _add(self, play: Play) -> None:
        self._alive += 1
        self._put(_Actor(play), 0.0)

    def _put(self, actor: _Actor, seconds: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), actor))
        self._condition.notify()

    def _end(self) -> None:
        with self._condition:
            self._alive -= 1
            while self._alive < self._level and not self._is_finishing:
                self._add(self._more())
            self._condition.notify_all()

    # -- one request ---------------------------------------------------------------------------------------------

    def tell(self, phase: str, **facts: Any) -> None:
        os.write(self._log, json.dumps({"phase": phase, "at": time.monotonic_ns(), **facts}).encode() + b"\n")
        if phase in ("observed", "ended"):
            self._at_sight.count_down()

    def _ask(self, request: Request, connection: Connection) -> Reply:
        changes = request.method != "GET"
        facts = {"verb": request.verb, "instance": request.instance, **request.facts}
        if changes:
            self.tell("intent", **facts, key=request.key)
        unsure = 0
        while True:
            self._up.wait()
            if self._is_closing:
                raise StopIteration
            try:
                answer: Answer | None = self._exchange(request, connection)
                is_unknown = answer is not None and answer.status == 503  # it stops, or stopped before it knew
            except (OSError, ValueError) as error:
                answer = None
                is_unknown = not isinstance(error, ConnectionRefusedError)
            if answer is not None and not is_unknown:
                break
            if is_unknown:
                unsure += 1
                if changes:
                    self.tell("unknown", **facts)
                if changes and request.once:
                    return Reply(None, unsure)
            self._nothing.wait(RETRY_SECONDS)
        if changes:
            good = answer.status < 300
            self.tell("acknowledged" if good else "refused", **facts, status=answer.status, unsure=unsure)
            if good:
                self.acknowledged[request.verb] = self.acknowledged.get(request.verb, 0) + 1
        return Reply(answer, unsure)

    def _exchange(self, request: Request, connection: Connection) -> Answer:
        on_answer = self._at_answer.count_down if request.method != "GET" else None
        with self._condition:
            self._asking += 1
        sent_at = time.monotonic_ns()
        is_lost = False
        try:
            return connection.ask(
                self._port, request.method, request.target, request.body, key=request.key, on_answer=on_answer
            )
        except (OSError, ValueError) as error:
            is_lost = not isinstance(error, ConnectionRefusedError)
            raise
        finally:
            with self._condition:
                self._asking -= 1
                if is_lost:
                    self.lost_at.append(sent_at)
                if not self._asking:
                    self._condition.notify_all()
