"""The clients of the campaign: what they asked for, what they were told, and what must therefore be true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dfcli.errors import InstanceExists, InstanceGone, NoSpace, NotFound, WrongState
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.model.payload import encode
from dfcli.model.status import InstanceSummary
from tests.simulation.host.plans import Plan, Wrong, check_output, make_plan
from tests.simulation.twin import Violation


@dataclass
class Run:
    """One start of an id and what was done to it since. Lists named `acknowledged` hold what must never be lost."""

    number: int
    plan: Plan
    request_id: str
    is_acknowledged: bool = False
    raised: dict[str, list[int]] = field(default_factory=lambda: {"tick": [], "Tock": []})
    acknowledged: dict[str, list[int]] = field(default_factory=lambda: {"tick": [], "Tock": []})
    termination_asked: bool = False
    termination_acknowledged: bool = False
    ended: tuple[str, Any] | None = None
    """Status and output, once seen: they never change."""

    def unknown(self) -> list[tuple[str, int]]:
        """Events whose sender has no answer yet."""
        return [(n, e) for n, sent in self.raised.items() for e in sent if e not in self.acknowledged[n]]


@dataclass
class Client:
    """Owns one id. At most one request that changes the id's state is under way; events may overlap."""

    instance_id: str
    random: Random
    runs: list[Run] = field(default_factory=list)
    run: Run | None = None
    """The run that must be there; None: there must be no instance."""
    asked: Run | str | None = ""
    """While the outcome of a start or purge is unknown: what `run` may be instead. Empty: nothing is unknown."""
    seen: tuple[int, int] = (0, 0)
    """Highest execution and line that a reader was shown."""
    has_purged: bool = False
    """Whether it ever asked for a purge: from then on executions may be missing."""
    is_waiting: bool = False
    acknowledgements: int = 0

    # -- requests ------------------------------------------------------------------------------------------------

    async def step(self, host: Host) -> None:
        """One request, or some at once. Refusals are checked; what stays unanswered is settled after the crash."""
        if self.asked != "":  # it was called unknown; it may still become durable
            if self.asked is None and host.summary(self.instance_id) is None:
                self._settle_on(None)
            self.look(host)
            return
        random = self.random
        kind = random.random()
        run = self.run
        if run is None or run.ended or kind < 0.04:
            await (self._purge(host) if run is not None and random.random() < 0.4 else self._start(host))
        elif kind < 0.5:
            await self.raise_events(host, random.choice(("tick", "Tock")), random.choice((1, 1, 1, 3)))
        elif kind < 0.58:
            await self._suspend(host)
        elif kind < 0.68:
            await self._resume(host)
        elif kind < 0.72:
            await self._terminate(host)
        elif kind < 0.74:
            await self._purge(host)
        else:
            self.look(host)

    async def _start(self, host: Host) -> None:
        run = Run(len(self.runs) + 1, make_plan(self.random), f"start {self.instance_id} {len(self.runs) + 1}")
        self.runs.append(run)
        before = self.run
        self.asked = run
        try:
            await host.start_instance(
                "play",
                encode({"run": run.number, "plan": run.plan, "done": []}),
                instance_id=self.instance_id,
                request_id=run.request_id,
            )
        except NoSpace:
            self.asked = ""
            raise
        except InstanceExists:
            if before is None or before.ended:
                raise Violation(f"{self.instance_id}: refused though the instance has ended") from None
            self.asked = ""
            return
        if before is not None and not before.ended:  # it ended unseen
            self._look_back(host, before)
        self._settle_on(run)
        run.is_acknowledged = True
        self.acknowledgements += 1
        if await host.start_instance("play", instance_id=self.instance_id, request_id=run.request_id) != (
            self.instance_id
        ):
            raise Violation("a repeated start answers with another id")
        self.look(host)

    async def _purge(self, host: Host) -> None:
        before = self.run
        self.asked = None
        self.has_purged = True
        try:
            await host.purge(self.instance_id)
        except NoSpace:
            self.asked = ""
            raise
        except NotFound:
            self._must_not_be_there(before)
        except WrongState:
            if before is None or before.ended:
                raise Violation(f"{self.instance_id}: not purged though it has ended") from None
            self.asked = ""
            return
        self._settle_on(None)
        self.acknowledgements += 1
        if host.summary(self.instance_id) is not None:
            raise Violation(f"I24: {self.instance_id} is there though its purge was acknowledged")

    async def raise_events(self, host: Host, name: str, count: int) -> None:
        """Ask again for what had no answer, in order and before anything new; then new events, some of them twice."""
        run = self.run
        assert run is not None
        for old, number in run.unknown():
            await self._raise_one(host, run, old, number)
        last = max(run.raised[name], default=0)
        numbers = list(range(last + 1, last + 1 + count))
        requests = []
        for number in numbers:
            run.raised[name].append(number)
            requests += [(number, True), (number, False)] if self.random.random() < 0.3 else [(number, True)]
        done = await asyncio.gather(
            *(self._raise_one(host, run, name, number, is_new=is_new) for number, is_new in requests),
            return_exceptions=True,
        )
        for error in done:
            if error is not None:
                raise error

    async def _raise_one(self, host: Host, run: Run, name: str, number: int, *, is_new: bool = False) -> None:
        key = f"{run.number} {name} {number}"
        try:
            await host.raise_event(self.instance_id, name, encode(number), request_id=key)
        except InstanceGone:
            self.look(host)
            if self.run is run and not run.ended:
                raise Violation(f"{self.instance_id}: called gone though it has not ended") from None
        except NotFound:
            self._must_not_be_there(run)
        except NoSpace:
            if is_new and number not in run.acknowledged[name]:
                run.raised[name].remove(number)  # refused before it was taken
            raise
        else:
            if number not in run.acknowledged[name]:
                run.acknowledged[name].append(number)
                self.acknowledgements += 1

    async def _suspend(self, host: Host) -> None:
        try:
            await host.suspend(self.instance_id, "a while")
            self.acknowledgements += 1
        except (WrongState, NotFound):
            self.look(host)

    async def _resume(self, host: Host) -> None:
        try:
            await host.resume(self.instance_id, "go on")
            self.acknowledgements += 1
        except (WrongState, NotFound):
            self.look(host)

    async def _terminate(self, host: Host) -> None:
        run = self.run
        assert run is not None
        run.termination_asked = True
        try:
            await host.terminate(self.instance_id, "enough")
        except (InstanceGone, NotFound):
            self.look(host)
            return
        run.termination_acknowledged = True
        self.acknowledgements += 1

    # -- what must be true ---------------------------------------------------------------------------------------

    def look(self, host: Host) -> None:
        """Read the instance: nothing acknowledged is missing, nothing seen before goes back."""
        summary = host.summary(self.instance_id)
        if summary is None:
            self._must_not_be_there(self.run)
            return
        if summary.quarantined:
            raise Violation(f"I18: {self.instance_id} is quarantined: {summary.quarantined}")
        here = (summary.exec, summary.last_seq)
        if here < self.seen:
            raise Violation(f"I8: {self.instance_id} went back from {self.seen} to {here}")
        self.seen = here
        number = payloads.decode(*summary.input)["run"]
        if isinstance(self.asked, Run) and number == self.asked.number:
            if self.run is not None and not self.run.ended:
                self._look_back(host, self.run)
            self._settle_on(self.asked)
        if self.run is None or number != self.run.number:
            raise Violation(f"I1: {self.instance_id} is run {number} instead of {self.run and self.run.number}")
        if not summary.is_live:
            self._check_end(self.run, summary)
        elif self.run.ended:
            raise Violation(f"{self.instance_id} lives again after {self.run.ended}")

    def after_crash(self, host: Host) -> None:
        """The outcome of every unanswered request is decided now."""
        summary = host.summary(self.instance_id)
        if self.asked is None and summary is None:
            self._settle_on(None)
        self.look(host)
        self.asked = ""

    def _settle_on(self, run: Run | None) -> None:
        self.run = run
        self.asked = ""
        if run is None:
            self.seen = (0, 0)

    def _must_not_be_there(self, run: Run | None) -> None:
        if run is not None and self.asked is not None:
            raise Violation(f"I1: {self.instance_id} is not there, though its start was acknowledged")

    def _look_back(self, host: Host, run: Run) -> None:
        """The end of a run that another has followed, which nobody saw when it was the newest."""
        for number in reversed(host.hub.executions(self.instance_id)):
            events = host.history(self.instance_id, number)
            first = events[0]
            assert isinstance(first, h.ExecutionStarted)
            if payloads.decode(first.input, first.input_text)["run"] == run.number:
                end = next((event for event in events if isinstance(event, h.ExecutionCompleted)), None)
                if end is None:
                    raise Violation(f"{self.instance_id}: run {run.number} was followed by another before it ended")
                self._check(run, end.orchestration_status, payloads.decode(end.result, end.result_text))
                return
        raise Violation(f"{self.instance_id}: nothing is left of run {run.number}, which was never purged")

    def _check_end(self, run: Run, summary: InstanceSummary) -> None:
        self._check(run, summary.status, payloads.decode(*summary.output))

    def _check(self, run: Run, status: str, output: Any) -> None:
        if run.ended is not None:
            if run.ended != (status, output):
                raise Violation(f"{self.instance_id}: its end {run.ended} became {(status, output)}")
            return
        run.ended = (status, output)
        if status == "Terminated" and run.termination_asked:
            return
        if run.termination_acknowledged:
            raise Violation(f"{self.instance_id}: {status} though its termination was acknowledged")
        should_fail = any(step[0] == "fail" for step in run.plan)
        if status != ("Failed" if should_fail else "Completed"):
            raise Violation(f"{self.instance_id}: {status}: {str(output)[:300]}")
        try:
            check_output(run.plan, output, run.acknowledged, run.raised)
        except Wrong as wrong:
            raise Violation(f"{self.instance_id}: {wrong}") from None
