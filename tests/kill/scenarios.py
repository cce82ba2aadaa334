"""What is asked of the host, and what must come of it, computed here and not by the app.

Each scenario draws its input from a seed, plays it against the host, and judges the final status by input alone.
"""

# ruff: noqa: ARG005  what each scenario gives is called alike, used or not

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.kill.client import Pause, Play, Reply, Request

DURABLE = "/runtime/webhooks/durabletask"
OWN = "/dfcli/v1"
ENDED = ("Completed", "Failed", "Terminated")


class Case(NamedTuple):
    """One instance to be."""

    scenario: str
    orchestrator: str
    instance: str
    input: dict[str, Any]
    plan: dict[str, Any]
    """What the client does beside starting it."""


Tell = Callable[..., None]


def draw(random: Random, number: int) -> Case:
    """The case with that number."""
    scenario = random.choice(sorted(SCENARIOS))
    return SCENARIOS[scenario].make(random, scenario, f"{scenario}-{number}")


def play(case: Case, seed: int, tell: Tell) -> Play:
    """The client of one case, from the start to the result."""
    random = Random(seed)
    key = f"start {case.instance}" if random.random() < 0.9 else ""
    start = Request(
        "start",
        case.instance,
        "POST",
        f"{DURABLE}/orchestrators/{case.orchestrator}/{case.instance}",
        case.input,
        key,
        {"scenario": case.scenario, "input": case.input, "plan": case.plan},
        once=not key or random.random() < 0.1,  # without a key a second try could be a second start
    )
    reply: Reply = yield start
    if reply.answer is None:
        return
    assert reply.answer.status == 202, f"the start of {case.instance} was answered with {reply.answer.status}"
    if key and random.random() < 0.15:
        reply = yield start._replace(verb="start again", once=False)
        assert reply.answer is not None
        assert reply.answer.status == 202, f"repeated start of {case.instance}: {reply.answer.status}"
    yield from SCENARIOS[case.scenario].act(case, random)
    yield from _follow(case, random, tell)
    if case.plan.get("purge"):
        yield from _purge(case)


def _follow(case: Case, random: Random, tell: Tell) -> Play:
    """Ask until the instance has ended. What was seen to be done must never be done again, so it is told to the log."""
    is_watched = case.scenario == "watched"
    known: set[str] = set()
    while True:
        if is_watched or random.random() < 0.3:
            reply: Reply = yield Request("read", case.instance, "GET", f"{OWN}/instances/{case.instance}/events")
            assert reply.answer is not None
            assert reply.answer.status == 200, f"history of {case.instance}: {reply.answer.status}"
            new = [key for key in finished_calls(reply.answer.body) if key not in known]
            known.update(new)
            if new:
                tell("observed", instance=case.instance, keys=new)
        status = yield from read_status(case.instance)
        tell_if_ended(tell, case.instance, status)
        assert status is not None, f"{case.instance} was acknowledged and is unknown"
        if status["runtimeStatus"] in ENDED:
            return
        yield Pause(0.003 if is_watched else random.uniform(0.02, 0.1))


def look_again(case: Case, tell: Tell) -> Play:
    """At the end: what is it now, and which events does its history hold?"""
    status = yield from read_status(case.instance)
    tell_if_ended(tell, case.instance, status)
    if status is None:
        return
    if status["runtimeStatus"] not in ENDED:
        tell("alive", instance=case.instance, status=status["runtimeStatus"])
    if case.scenario in ("race", "endless"):
        reply: Reply = yield Request("read", case.instance, "GET", f"{OWN}/instances/{case.instance}/events")
        assert reply.answer is not None
        events = map(json.loads, reply.answer.body.splitlines())
        raised = [event["Input"] for event in events if event["EventType"] == "EventRaised"]
        tell("received", instance=case.instance, events=[[event["sender"], event["number"]] for event in raised])


def read_status(instance: str) -> Any:
    """The status object; None when there is no such instance."""
    reply: Reply = yield Request("read", instance, "GET", f"{DURABLE}/instances/{instance}?showInput=false")
    assert reply.answer is not None
    if reply.answer.status == 404:
        return None
    assert reply.answer.status in (200, 202), f"status of {instance}: {reply.answer.status} {reply.answer.body!r}"
    return reply.answer.json()


def tell_if_ended(tell: Tell, instance: str, status: Any) -> None:
    if status is None:
        tell("missing", instance=instance)
    elif status["runtimeStatus"] in ENDED:
        tell("ended", instance=instance, status=status["runtimeStatus"], output=status["output"])


def finished_calls(lines: bytes) -> list[str]:
    """The keys of the activities whose result a history holds."""
    events = map(json.loads, lines.splitlines())
    return [
        event["Result"]["key"]
        for event in events
        if event["EventType"] == "TaskCompleted" and isinstance(event.get("Result"), dict)
    ]


# -- what clients do beside starting ---------------------------------------------------------------------------------


def _nothing(case: Case, random: Random) -> Play:
    yield from ()


def _send(case: Case, random: Random, sender: str, numbers: range, *, once: bool = False, name: str = "note") -> Play:
    """One sender's events, each acknowledged before the next is sent."""
    for number in numbers:
        request = Request(
            "raise",
            case.instance,
            "POST",
            f"{DURABLE}/instances/{case.instance}/raiseEvent/{name if random.random() < 0.5 else name.upper()}",
            {"sender": sender, "number": number},
            f"{case.instance} {sender} {number}",
            {"sender": sender, "number": number},
            once=once,
        )
        for _ in range(1 + (random.random() < 0.15)):
            reply: Reply = yield request
            if reply.answer is not None and reply.answer.status != 202:
                # Only a race may end without its event; a repeated one is acknowledged even when it has been read.
                is_late = reply.answer.status == 410 and case.scenario == "race"
                assert is_late, f"event {number} of {sender} for {case.instance} had answer {reply.answer.status}"
        if random.random() < 0.3:
            yield Pause(random.uniform(0.0, 0.1))


def _send_all(case: Case, random: Random) -> Play:
    for sender, count in case.plan["senders"].items():
        yield _send(case, Random(random.random()), sender, range(count))


def _hurry(case: Case, random: Random) -> Play:
    if case.plan["hurry"]:
        yield Pause(random.uniform(0, 0.2))
        yield from _send(case, random, "a", range(1), once=random.random() < 0.5, name="hurry")


def _change(case: Case, verb: str, done: tuple[int, ...], query: str = "") -> Play:
    """A verb that has no key: after a try without an answer, `done` says that it was that try which did it."""
    target = f"{DURABLE}/instances/{case.instance}/{verb}{query}"
    reply: Reply = yield Request(verb, case.instance, "POST", target)
    assert reply.answer is not None
    status = reply.answer.status
    assert status == 202 or (reply.unsure and status in done), f"{verb} of {case.instance} was answered with {status}"


def _hold(case: Case, random: Random) -> Play:
    """While it is suspended, all its events arrive; nothing may come of them before it is resumed."""
    yield from _change(case, "suspend", (409,))
    yield from _send(case, random, "a", range(case.input["count"]))
    yield Pause(random.uniform(0, 0.1))
    status = yield from read_status(case.instance)
    assert status is not None, f"{case.instance} was acknowledged and is unknown"
    assert status["runtimeStatus"] == "Suspended", f"{case.instance} is {status['runtimeStatus']}, was suspended"
    yield from _change(case, "resume", (409, 410))


def _terminate(case: Case, random: Random) -> Play:
    yield from _send(case, random, "a", range(case.plan["events"]))
    yield from _change(case, "terminate", (410,), f"?reason={case.plan['reason']}")


def _purge(case: Case) -> Play:
    reply: Reply = yield Request("purge", case.instance, "DELETE", f"{DURABLE}/instances/{case.instance}")
    assert reply.answer is not None
    status = reply.answer.status
    assert status == 200 or (reply.unsure and status == 404), f"purge of {case.instance} was answered with {status}"
    found = yield from read_status(case.instance)
    assert found is None, f"{case.instance} was purged and is there"


# -- what is drawn, and what must come of it -------------------------------------------------------------------------


def _milliseconds(random: Random, low: int, high: int, longest: int) -> list[int]:
    return [random.choice((0, 0, random.randint(0, longest))) for _ in range(random.randint(low, high))]


def sequence_of(value: int, steps: int) -> list[int]:
    values = []
    for _ in range(steps):
        value = 2 * value + 1
        values.append(value)
    return values


def _in_order(case: Case, output: Any) -> bool:
    """Each sender's events once, in the order of sending."""
    senders = case.plan["senders"]
    seen = {sender: [event["number"] for event in output if event["sender"] == sender] for sender in senders}
    return seen == {sender: list(range(count)) for sender, count in senders.items()} and len(output) == sum(
        senders.values()
    )


def _family_of(children: list[dict[str, Any]]) -> list[Any]:
    return [
        sum(2 * wait for wait in child["milliseconds"])
        if number % 3 == 2
        else sequence_of(number, len(child["milliseconds"]))
        for number, child in enumerate(children)
    ]


def _retried(case: Case, status: str, output: Any) -> bool:
    if case.input["failures"] < case.input["attempts"]:
        return status == "Completed" and output == case.input["failures"] + 1
    return status == "Failed" and f"attempt {case.input['attempts']} of step 0" in str(output)


Judge = Callable[[Case, str, Any], bool]


class Scenario(NamedTuple):
    make: Callable[[Random, str, str], Case]
    act: Callable[[Case, Random], Play]
    is_right: Judge
    steps: Callable[[Case], dict[str, int]]
    """Each step of the instance itself, and by how many calls it is done."""


def _completed(expected: Callable[[Case], Any]) -> Judge:
    return lambda case, status, output: status == "Completed" and output == expected(case)


def _each(count: Callable[[Case], int]) -> Callable[[Case], dict[str, int]]:
    return lambda case: {str(step): 1 for step in range(count(case))}


def _case(orchestrator: str, draw_input: Callable[[Random], dict[str, Any]], draw_plan: Any = None) -> Any:
    def make(random: Random, scenario: str, instance: str) -> Case:
        given = draw_input(random)
        plan = draw_plan(random, given) if draw_plan is not None else {}
        return Case(scenario, orchestrator, instance, given, plan)

    return make


def _senders(random: Random, input: dict[str, Any]) -> dict[str, Any]:
    first = random.randint(1, input["count"])
    return {"senders": {"a": first, "b": input["count"] - first}}


def _generations(random: Random) -> dict[str, Any]:
    """A key is remembered for three executions. Two senders could, while one of them waits for a host, make more, so
    they get three at most; a sender that is alone makes none while it waits."""
    count = random.randint(2, 20)
    is_alone = random.random() < 0.5
    fewest = 1 if is_alone else -(-count // 3)
    return {"seen": [], "count": count, "per_generation": random.randint(fewest, max(fewest, 4)), "alone": is_alone}


def _generation_senders(random: Random, given: dict[str, Any]) -> dict[str, Any]:
    return {"senders": {"a": given["count"]}} if given["alone"] else _senders(random, given)


def _saga_steps(case: Case) -> dict[str, int]:
    steps = range(case.input["steps"])
    return {**{str(n): 1 for n in steps}, **{f"undo {n}": 1 for n in steps}, "last": 1}


def _generation_steps(case: Case) -> dict[str, int]:
    count, each = case.input["count"], case.input["per_generation"]
    return {str(min(seen, count)): 1 for seen in range(each, count + each, each)}


SCENARIOS: dict[str, Scenario] = {
    "sequence": Scenario(
        _case("sequence", lambda r: {"value": r.randint(0, 9), "milliseconds": _milliseconds(r, 1, 12, 40)}),
        _nothing,
        _completed(lambda case: sequence_of(case.input["value"], len(case.input["milliseconds"]))),
        _each(lambda case: len(case.input["milliseconds"])),
    ),
    # Its client reads the history all the time, so that results are seen as soon as they can be.
    "watched": Scenario(
        _case("sequence", lambda r: {"value": 3, "milliseconds": _milliseconds(r, 8, 20, 25)}),
        _nothing,
        _completed(lambda case: sequence_of(3, len(case.input["milliseconds"]))),
        _each(lambda case: len(case.input["milliseconds"])),
    ),
    "purged": Scenario(
        _case("sequence", lambda r: {"value": 1, "milliseconds": [0, 1]}, lambda r, _: {"purge": True}),
        _nothing,
        _completed(lambda case: sequence_of(1, 2)),
        _each(lambda case: 2),
    ),
    "fan-out": Scenario(
        _case("fan_out", lambda r: {"milliseconds": _milliseconds(r, 5, 60, 30), "is_async": r.random() < 0.5}),
        _nothing,
        _completed(lambda case: sum(2 * n for n in range(len(case.input["milliseconds"])))),
        _each(lambda case: len(case.input["milliseconds"])),
    ),
    "timers": Scenario(
        _case("timers", lambda r: {"milliseconds": [r.randint(1, 400) for _ in range(r.randint(1, 5))]}),
        _nothing,
        _completed(lambda case: sum(2 * wait for wait in case.input["milliseconds"])),
        _each(lambda case: len(case.input["milliseconds"])),
    ),
    "events": Scenario(
        _case("events", lambda r: {"count": r.randint(2, 24)}, _senders),
        _send_all,
        lambda case, status, output: status == "Completed" and _in_order(case, output),
        lambda case: {str(step): 1 for step in range(case.input["count"]) if step % 4 == 3},
    ),
    "held": Scenario(
        _case("events", lambda r: {"count": r.randint(1, 6)}, lambda r, i: {"senders": {"a": i["count"]}}),
        _hold,
        lambda case, status, output: status == "Completed" and _in_order(case, output),
        lambda case: {str(step): 1 for step in range(case.input["count"]) if step % 4 == 3},
    ),
    "race": Scenario(
        _case("race", lambda r: {"milliseconds": r.randint(1, 600)}, lambda r, _: {"hurry": r.random() < 0.8}),
        _hurry,
        lambda case, status, output: (
            status == "Completed" and output in ([[0, 42]] * case.plan["hurry"] + [["late", 42]])
        ),
        _each(lambda case: 1),
    ),
    "family": Scenario(
        _case(
            "family",
            lambda r: {
                "children": [
                    {"named": r.random() < 0.5, "milliseconds": _milliseconds(r, 1, 4, 30)}
                    for _ in range(r.randint(1, 8))
                ]
            },
        ),
        _nothing,
        _completed(lambda case: _family_of(case.input["children"])),
        lambda case: {},
    ),
    "retries": Scenario(
        _case("retries", lambda r: {"interval": r.randint(1, 120), "attempts": 4, "failures": r.randint(0, 5)}),
        _nothing,
        _retried,
        lambda case: {"0": min(case.input["failures"] + 1, case.input["attempts"])},
    ),
    "saga": Scenario(
        _case("saga", lambda r: {"steps": r.randint(1, 6)}),
        _nothing,
        _completed(
            lambda case: {"undone": list(range(case.input["steps"]))[::-1], "why": "attempt 1 of step last"},
        ),
        _saga_steps,
    ),
    "generations": Scenario(
        _case("generations", _generations, _generation_senders),
        _send_all,
        lambda case, status, output: status == "Completed" and _in_order(case, output),
        _generation_steps,
    ),
    "endless": Scenario(
        _case(
            "endless", lambda r: {}, lambda r, _: {"events": r.randint(0, 5), "reason": f"enough-{r.randint(0, 99)}"}
        ),
        _terminate,
        lambda case, status, output: status == "Terminated" and output == case.plan["reason"],
        lambda case: {},
    ),
}
