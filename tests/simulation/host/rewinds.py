"""Lives of hosts whose instances fail and are rewound, under the same crashes as all others.

Run by hand: `python -m tests.simulation.host.rewinds --seed 1 --lives 10`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from dfcli.engine.execution import Execution
from dfcli.errors import InstanceExists, InstanceGone, NoSpace, NotFound, Unavailable, WrongState
from dfcli.host.host import Host
from dfcli.host.lane import Rewound
from dfcli.host.rewinding import Rewinding
from dfcli.model import payload as payloads
from dfcli.model.history import ExecutionRewound
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary
from dfcli.model.voids import Voids
from tests.simulation.host import fragile
from tests.simulation.host.campaign import Life
from tests.simulation.host.checks import Figures
from tests.simulation.twin import Violation

FAILED = InstanceFilter(statuses=frozenset({"Failed"}))
CRASHES_PER_LIFE = 15


@dataclass
class Journey:
    """One instance, and what its client was told."""

    plan: fragile.Plan
    is_started: bool = False
    rewinds: int = 0
    """Acknowledged."""
    terminated: bool = False
    is_over: bool = False


@dataclass
class Traveller:
    """Starts journeys, mends what broke, and rewinds what failed."""

    random: Random
    journeys: dict[str, Journey] = field(default_factory=dict)
    is_waiting: bool = False
    acknowledgements: int = 0
    rewound: int = 0
    sent: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)

    async def step(self, host: Host) -> None:
        random = self.random
        self.look(host)
        fragile.broken ^= {f"link {random.randint(1, 12)}"}
        kind = random.random()
        if kind < 0.3 or not self.journeys:
            await self._start(host)
        elif kind < 0.85:
            await self._rewind(host)
        elif kind < 0.9:
            await self._terminate(host)

    async def _start(self, host: Host) -> None:
        unknown = [name for name, each in self.journeys.items() if not each.is_started]
        name = self.random.choice(unknown) if unknown else f"journey {len(self.journeys) + 1}"
        made = self.journeys.setdefault(name, Journey(fragile.make_plan(self.random)))
        try:
            await host.start_instance(
                "journey", payloads.encode(made.plan), instance_id=name, request_id=f"start {name}"
            )
        except (NoSpace, InstanceExists):
            return
        made.is_started = True
        self.acknowledgements += 1

    async def _rewind(self, host: Host) -> None:
        """Mostly whole families; now and then a sub-orchestration by itself, whose parent is not told."""
        failed = host.query(FAILED, top=100).items
        if not failed:
            return
        alone = self.random.random() < 0.15
        chosen: InstanceSummary = self.random.choice(
            [item for item in failed if alone or item.parent is None] or failed
        )
        made = self.journeys.get(chosen.instance_id)
        try:
            await host.rewind(chosen.instance_id, "mended")
        except (WrongState, NoSpace):
            return
        except NotFound:
            raise Violation(f"I1: {chosen.instance_id} is gone") from None
        self.rewound += 1
        self.acknowledgements += 1
        if made is not None:
            made.rewinds += 1
        self.look(host)

    async def _terminate(self, host: Host) -> None:
        name = self.random.choice(sorted(self.journeys))
        self.journeys[name].terminated = True
        try:
            await host.terminate(name, "enough", recursive=self.random.random() < 0.5)
        except (InstanceGone, NotFound, WrongState, NoSpace, Unavailable):
            return

    def look(self, host: Host) -> None:
        """Nothing acknowledged is missing, and what was completed stays so."""
        for name, made in self.journeys.items():
            summary = host.summary(name)
            if summary is None:
                if made.is_started:
                    raise Violation(f"I1: {name} is not there, though its start was acknowledged")
                continue
            if summary.quarantined:
                raise Violation(f"I18: {name} is quarantined: {summary.quarantined}")
            if summary.rewinds < made.rewinds:
                raise Violation(f"I1: {name} has {summary.rewinds} rewinds, {made.rewinds} were acknowledged")
            if summary.status == "Completed":
                made.is_over = True
                output = payloads.decode(*summary.output)
                if output != fragile.expected(made.plan):
                    raise Violation(f"{name}: {output} of {made.plan}")
            elif made.is_over:
                raise Violation(f"{name}: was completed and is {summary.status}")
            elif summary.status == "Terminated" and not made.terminated:
                raise Violation(f"{name}: terminated though nobody asked for it")


class RewindLife(Life):
    """One hub and many lives of its host, with travellers in place of the usual clients."""

    def __init__(self, seed: int, figures: Figures) -> None:
        super().__init__(seed, figures)
        fragile.broken.clear()
        self.clients = []
        self.traveller = Traveller(Random(seed + 2))
        self.ledger_client = self.traveller  # type: ignore[assignment]  # used in its place

    def _run(self, crashes: int) -> None:
        fragile.seen = self.saw_activity
        super()._run(crashes)
        self.figures.acknowledgements += self.traveller.acknowledgements
        self.figures.runs += len(self.traveller.journeys)

    def check_all(self, host: Host) -> None:
        self.traveller.look(host)
        super().check_all(host)

    async def _let_all_end(self, host: Host) -> None:
        """With everything mended and every failure rewound, each journey ends as if nothing had ever broken."""
        fragile.broken.clear()
        for _ in range(10):
            await super()._let_all_end(host)
            self.traveller.look(host)
            failed = [item for item in host.query(FAILED, top=1_000).items if item.parent is None]
            if not failed:
                break
            for item in failed:
                await host.rewind(item.instance_id)
        else:
            raise Violation(f"rewound again and again: {[item.instance_id for item in failed]}")
        for name, made in self.traveller.journeys.items():
            summary = host.summary(name)
            if summary is not None and summary.status != "Completed" and not made.terminated:
                raise Violation(f"{name} has ended as {summary.status}")


def run_life(seed: int, figures: Figures, crashes: int = CRASHES_PER_LIFE) -> RewindLife:
    life = RewindLife(seed, figures)
    try:
        life.run(crashes)
    except BaseException as error:
        error.add_note(f"seed {seed}: python -m tests.simulation.host.rewinds --seed {seed}")
        raise
    return life


def answers_count_under_the_newest_id_alone() -> Any:
    return patch.object(Rewound, "stands", lambda *_: False)


def children_are_left_as_they_are() -> Any:
    gather = Rewinding.gather

    def alone(
        self: Rewinding, instance_id: str, cut: int | None = None, parent_execution_id: str | None = None
    ) -> None:
        if parent_execution_id is None:
            gather(self, instance_id, cut)

    return patch.object(Rewinding, "gather", alone)


def what_is_voided_is_replayed_before_it_is_durable() -> Any:
    """The lines that were not committed yet, a rewind's own among them, are not looked at when code is loaded."""
    voids = Voids.of

    def without_the_last(history: Any) -> Any:
        lines = list(history)
        return voids(lines[:-1] if lines and type(lines[-1]) is ExecutionRewound else lines)

    return patch.object(Voids, "of", without_the_last)


def open_activities_are_forgotten() -> Any:
    return patch.object(Execution, "open_tasks", property(lambda _: {}))


MUTANTS = (
    answers_count_under_the_newest_id_alone,
    children_are_left_as_they_are,
    what_is_voided_is_replayed_before_it_is_durable,
    open_activities_are_forgotten,
)


def hunt(mutant: Any, seed: int, lives: int = 40) -> int:
    """How many lives it takes until the campaign notices."""
    with mutant():
        for number in range(lives):
            try:
                run_life(seed + number, Figures())
            except Exception:
                return number + 1
    raise AssertionError(f"{mutant.__name__}: {lives} lives from seed {seed} noticed nothing")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lives", type=int, default=1)
    parser.add_argument("--mutant", choices=[mutant.__name__ for mutant in MUTANTS])
    arguments = parser.parse_args()
    if arguments.mutant:
        mutant = next(mutant for mutant in MUTANTS if mutant.__name__ == arguments.mutant)
        print(f"{arguments.mutant} was noticed after {hunt(mutant, arguments.seed)} lives")
        return
    figures = Figures()
    rewound: Any = 0
    for seed in range(arguments.seed, arguments.seed + arguments.lives):
        rewound += run_life(seed, figures).traveller.rewound
    print(f"{figures}; {rewound} rewinds")


if __name__ == "__main__":
    main()
