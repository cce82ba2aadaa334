"""Entities in the campaign: ledgers that note each operation by a number of its own, so that each counts once.

Steps of plans call, signal and lock them; clients signal them. What a ledger answers shows whether somebody came
between two operations of a critical section.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from random import Random
from typing import Any

from msgspec import Raw

import dfcli as df
from dfcli.errors import NoSpace
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model.payload import decode, encode
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.invariants import check_execution
from tests.simulation.twin import Violation

Step = list[Any]
KEYS = ("a", "b", "c")
ledgers = df.Blueprint()

seen: Callable[[str, int], object] = max
"""Told of each operation that is run; the campaign replaces it."""


@ledgers.entity_trigger()
async def ledger(context: df.DurableEntityContext, number: int) -> Any:
    """Notes `number`; answers how often it has been noted, and how many notes there are."""
    seen(str(context.entity_id), number)
    noted = context.get_state(dict)
    noted[str(number)] = noted.get(str(number), 0) + 1
    if number % 5 == 0:
        await asyncio.sleep(number % 7)
    context.set_state(noted)
    if context.operation_name == "fail":
        context.signal_entity(context.entity_id, "note", -number)
        raise ValueError("as planned")
    if context.operation_name == "pass on":
        context.signal_entity(df.EntityId("ledger", KEYS[number % len(KEYS)]), "note", -number)
    return [noted[str(number)], len(noted)]


def play_step(context: df.DurableOrchestrationContext, step: Step) -> Generator[Any, Any, Any]:
    """Play one step about ledgers; what it gives stands in the output of the plan."""
    match step:
        case ["call", key, number]:
            return (yield context.call_entity(df.EntityId("ledger", key), "note", number))[0]
        case ["tell", key, number]:
            context.signal_entity(df.EntityId("ledger", key), "pass on", number)
            return "told"
        case ["failing call", key, number]:
            try:
                yield context.call_entity(df.EntityId("ledger", key), "fail", number)
            except df.TaskFailedError as error:
                return str(error)
        case ["section", keys, number]:
            entities = [df.EntityId("ledger", key) for key in keys]
            with (yield context.lock_entities(entities)):
                first = yield context.call_entity(entities[0], "note", number)
                yield context.call_activity("double_slowly", number)
                second = yield context.call_entity(entities[0], "note", number + 1)
            return second[1] - first[1]
    raise AssertionError(step)


def make_step(random: Random) -> Step:
    number = 10 * random.getrandbits(40) + random.randint(1, 8)
    match random.choice(("call", "tell", "failing call", "section")):
        case "section":
            return ["section", random.sample(KEYS, random.randint(1, 3)), number]
        case kind:
            return [kind, random.choice(KEYS), number]


def is_step(step: Step) -> bool:
    return step[0] in EXPECTED


EXPECTED = {"call": 1, "tell": "told", "failing call": "as planned", "section": 1}
"""What each kind of step gives: each number is noted once; nobody comes between two notes of a critical section."""


def noted_by(step: Step) -> list[int]:
    """The numbers that must have been noted once the step is over."""
    match step:
        case ["call", _, number]:
            return [number]
        case ["tell", _, number]:
            return [number, -number]
        case ["section", _, number]:
            return [number, number + 1]
        case _:
            return []


class LedgerClient:
    """Signals ledgers; knows which signals were acknowledged."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.acknowledged: set[int] = set()
        self.sent: set[int] = set()
        self.is_waiting = False

    async def step(self, host: Host) -> None:
        """One signal, some of them twice, some delayed; one whose outcome is unknown is sent again."""
        random = self._random
        unknown = sorted(self.sent - self.acknowledged)
        number = random.choice(unknown) if unknown and random.random() < 0.6 else random.getrandbits(40) * 10
        due = None
        if number % 3 == 0:
            due = timestamp_from_epoch(host.env.clock.time() + number % 1_000)
        self.sent.add(number)
        try:
            for _ in range(random.choice((1, 1, 2))):
                key = KEYS[number % len(KEYS)]
                await host.signal_entity("ledger", key, "note", encode(number), due=due, request_id=f"signal {number}")
        except NoSpace:
            if number not in unknown:
                self.sent.discard(number)
            raise
        self.acknowledged.add(number)


def notes(host: Host) -> dict[int, int]:
    """How often each number has been noted, by the committed states of all ledgers."""
    found: dict[int, int] = {}
    for view in host.list_entities("ledger", top=100).items:
        for number, times in decode(*view.state).items():
            found[int(number)] = found.get(int(number), 0) + times
    return found


def check_operation(host: Host, entity_id: str, number: int) -> None:
    """I7: the line of an operation that runs is committed."""
    text = str(number).encode()
    for event in reversed(host.history(entity_id)):
        if isinstance(event, h.EntityOperationReceived) and event.payload.raw == Raw(text):
            return
    raise Violation(f"I7: the operation {number} of {entity_id} ran and no committed line asks for it")


def check(host: Host, sent: set[int]) -> None:
    """Holds at any time: nothing counts twice, and lines and summary of each ledger agree."""
    for number, times in notes(host).items():
        if times != 1:
            raise Violation(f"the operation {number} counted {times} times")
        if number > 0 and number % 10 == 0 and number not in sent:
            raise Violation(f"the operation {number} was never sent")
    for view in host.list_entities("ledger", include_empty=True, top=100).items:
        for number in host.hub.executions(view.instance_id):
            wrong = check_execution(host.history(view.instance_id, number))
            if wrong:
                raise Violation(f"{view.instance_id}, execution {number}: {wrong[0]}")


def check_end(host: Host, must_be_noted: set[int]) -> None:
    """Holds once nothing is under way: everything acknowledged has counted, and no lock or operation is left."""
    missing = must_be_noted - notes(host).keys()
    if missing:
        raise Violation(f"{len(missing)} operations never counted: {sorted(missing)[:5]}")
    for view in host.list_entities(include_empty=True, top=100).items:
        if view.locked_by is not None or view.waiting:
            raise Violation(f"{view.instance_id} is locked by {view.locked_by}, {view.waiting} operations wait")
    if host.entities.delivery.owners:
        raise Violation(f"owners are left: {host.entities.delivery.owners}")
