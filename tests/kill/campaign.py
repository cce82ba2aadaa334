"""Kill after kill, then one last start in which everything must come to its end, and the verdict."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from tests.kill.client import LoadClient, Play
from tests.kill.host import HostDied, KilledHost
from tests.kill.judge import Verdict, judge, read_effects, read_lines, repeated_after_orderly_end
from tests.kill.scenarios import Case, draw, look_again, play

LEVEL = 40
"""Plays under way at a time."""
END_SECONDS = 30.0
"""How long all that was started may take to end once nothing is killed any more."""
MUTANT_END_SECONDS = 6.0


ENDS: dict[str, tuple[tuple[signal.Signals, ...], tuple[int, ...]]] = {
    "kill": ((signal.SIGKILL,), (-signal.SIGKILL,)),
    "interrupt": ((signal.SIGINT,), (0,)),
    "terminate": ((signal.SIGTERM,), (0,)),
    # When there is nothing to wait for, the host may have ended before the second.
    "interrupt twice": ((signal.SIGINT, signal.SIGINT), (0, 130)),
}
"""How a host may be made to end, and the exit codes it may have then."""


class Kill(NamedTuple):
    """One kill and what it hit."""

    number: int
    end: str
    code: int
    moment: str
    acknowledged: dict[str, int]
    """Since the start of the process that was killed."""
    requests: int
    """Sent before the kill, never answered."""
    activities: int
    """Begun by that process and not ended."""

    @property
    def hit_work(self) -> bool:
        return self.requests > 0 or self.activities > 0

    def __str__(self) -> str:
        acknowledged = " ".join(f"{verb} {n}" for verb, n in sorted(self.acknowledged.items())) or "nothing"
        return (
            f"{self.end} {self.number:3} (code {self.code}) {self.moment:<26} acknowledged: {acknowledged}; "
            f"in flight: {self.requests} requests, {self.activities} activities"
        )


class Report(NamedTuple):
    kills: list[Kill]
    verdict: Verdict
    judged: list[str]
    """Of the faults, those that clients and judge found: not what the host itself complains of."""
    seconds: float

    @property
    def share_in_flight(self) -> float:
        return sum(kill.hit_work for kill in self.kills) / max(1, len(self.kills))

    @property
    def is_good(self) -> bool:
        return not self.verdict.faults

    def lines(self) -> list[str]:
        counts = ", ".join(f"{name} {n}" for name, n in self.verdict.counts.items())
        return [
            f"{len(self.kills)} kills in {self.seconds:.1f} s, {self.share_in_flight:.0%} of them hit work in flight",
            counts,
            f"faults: {len(self.verdict.faults)}",
            *[f"  {fault}" for fault in self.verdict.faults[:20]],
        ]


class Campaign:
    """One seed. The moments are drawn from it; what the machine makes of them differs from run to run."""

    def __init__(
        self,
        folder: str,
        seed: int,
        *,
        mutant: str = "",
        ends: Sequence[str] = ("kill",),
        say: Callable[[str], None] = print,
    ) -> None:
        self._random = Random(seed)
        self._ends = ends
        self._faults: list[str] = []
        self._orderly: set[int] = set()
        """Processes that ended with code 0."""
        self._seed = seed
        self._say = say
        self._host = KilledHost(folder, mutant)
        self._log = os.path.join(folder, "client.jsonl")
        self._cases: list[Case] = []
        self._client = LoadClient(self._log, LEVEL, self._next_play)
        self._start_seconds = 0.5
        self._stop_early = bool(mutant)
        self._end_seconds = MUTANT_END_SECONDS if mutant else END_SECONDS

    def run(self, kills: int) -> Report:
        begun = time.monotonic()
        done: list[Kill] = []
        try:
            for number in range(1, kills + 1):
                done.append(self._kill_once(number))
                self._say(str(done[-1]))
                if self._stop_early and (self._client.errors or self._verdict_so_far()):
                    break
            self._come_to_an_end()
        except HostDied as died:
            self._faults.append(f"the host died: {died}")
        finally:
            self._client.close()
            if not self._host.has_ended:
                self._host.end(signal.SIGKILL)
        effects = read_effects(self._host.effects)
        verdict = judge(read_lines(self._log), effects)
        again = repeated_after_orderly_end(effects, self._orderly)
        judged = [*verdict.faults, *again, *self._client.errors]
        faults = [*judged, *self._faults, *self._talk_faults()]
        return Report(done, Verdict(faults, verdict.counts), judged, time.monotonic() - begun)

    def _next_play(self) -> Play:
        number = len(self._cases)
        random = Random(f"{self._seed} {number}")
        case = draw(random, number)
        self._cases.append(case)
        return play(case, random.getrandbits(32), self._client.tell)

    # -- one kill ------------------------------------------------------------------------------------------------

    def _kill_once(self, number: int) -> Kill:
        client, host = self._client, self._host
        before = dict(client.acknowledged)
        client.lost_at.clear()
        end = self._random.choice(self._ends)
        pid = host.start()
        moment = self._until_the_moment(number, end)
        code = host.end(*ENDS[end][0])
        client.host_is_down()
        if code not in ENDS[end][1]:
            self._faults.append(f"{end} {number} ended the host with code {code}")
        if code == 0:
            self._orderly.add(pid)
        now = client.acknowledged
        acknowledged = {verb: n - before.get(verb, 0) for verb, n in now.items() if n > before.get(verb, 0)}
        client.settle()
        requests = sum(sent <= host.ended_at for sent in client.lost_at)
        return Kill(number, end, code, moment, acknowledged, requests, self._running_activities(pid))

    def _until_the_moment(self, number: int, end: str) -> str:
        """Let the host live until the drawn moment; the kill itself may have happened then, at an answer."""
        host, client, random = self._host, self._client, self._random
        kind = "time" if number == 1 else random.choices(("time", "answer", "sight", "effect"), (4, 4, 4, 3))[0]
        if number % 12 == 6 and end == "kill":  # in the middle of recovery, when nobody can ask for anything
            seconds = self._start_seconds * random.uniform(0.5, 1.1)
            host.outlives(seconds)
            return f"{1000 * seconds:.0f} ms after the start"
        begun = time.monotonic()
        port = host.ready()
        self._start_seconds = time.monotonic() - begun
        client.host_is_up(port)
        if number == 1:
            client.begin()
        if kind == "time":
            seconds = random.uniform(0.01, 0.8)
            host.outlives(seconds)
            return f"{1000 * seconds:.0f} ms after ready"
        if kind in ("answer", "sight"):
            count = random.randint(1, 150 if kind == "answer" else 30)
            reached = threading.Event()
            arm = client.on_answer_to_a_change if kind == "answer" else client.on_sight
            arm(count, host.kill if end == "kill" else reached.set)
            host.outlives_until(lambda: reached.is_set() or host.has_ended, 2.0)
            return f"at {kind} {count}"
        lines = random.randint(1, 300)
        size = os.path.getsize(host.effects) + 190 * lines
        host.outlives_until(lambda: os.path.getsize(host.effects) >= size, 2.0)
        return f"about effect {lines}"

    def _running_activities(self, pid: int) -> int:
        effects = [effect for effect in read_effects(self._host.effects) if effect.pid == pid]
        begun = {effect.key for effect in effects if effect.phase == "begin"}
        return len(begun - {effect.key for effect in effects if effect.phase == "end"})

    # -- the end -------------------------------------------------------------------------------------------------

    def _come_to_an_end(self) -> None:
        """Everything ends; then two orderly stops and starts change nothing."""
        client, host = self._client, self._host
        host.start()
        client.host_is_up(host.ready())
        unfinished = client.finish(self._end_seconds)
        if unfinished:
            self._faults.append(f"{unfinished} clients still wait for an end after {self._end_seconds:g} s")
        for _ in range(2):
            self._look_at_all()
            client.host_is_down()
            if (code := host.end(signal.SIGINT)) != 0:
                self._faults.append(f"Ctrl-C ended the host with code {code}")
            host.start()
            client.host_is_up(host.ready())
        self._look_at_all()
        client.host_is_down()
        host.end(signal.SIGINT)

    def _look_at_all(self) -> None:
        self._client.play_all([look_again(case, self._client.tell) for case in self._cases], self._end_seconds)

    def _verdict_so_far(self) -> list[str]:
        """Faults that no later line can undo."""
        verdict = judge(read_lines(self._log), read_effects(self._host.effects))
        return [fault for fault in verdict.faults if "has not ended" not in fault]

    def _talk_faults(self) -> list[str]:
        """The host must have nothing to complain about: no traceback, no quarantine, no parked instance."""
        with open(self._host.talk, errors="replace") as file:
            words = ("Traceback", "quarantine", "parked", "damaged", "CRITICAL")
            return [f"the host said: {line.strip()}" for line in file if any(word in line for word in words)]
