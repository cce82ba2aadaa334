"""What instances do in the campaign: plans, lists of steps that one orchestrator plays, and what must come of them.

A step is `[kind, argument, ...]`. `play` runs a plan through the product; `matches` says, without any of the product,
whether an output can come of it, given the events that were raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import dfcli as df
from tests.simulation.host import fragile, ledgers

Plan = list[list[Any]]
SHARED = "shared "
"""Ids that several parents give their children begin so."""

app = df.DFApp()
app.register_functions(ledgers.ledgers)
app.register_functions(fragile.fragile)

seen: Callable[[df.ActivityInfo], object] = str
"""Told of each run of an activity; the campaign replaces it."""


@app.activity_trigger()
def double(number: int) -> int:
    seen(df.activity_info())
    return 2 * number


@app.activity_trigger()
async def double_slowly(number: int) -> int:
    seen(df.activity_info())
    await asyncio.sleep(number % 7)
    return 2 * number


@app.activity_trigger()
def flaky(attempts: int) -> int:
    """Fails until the attempt of that number."""
    seen(df.activity_info())
    if df.activity_info().attempt < attempts:
        raise OSError("not yet")
    return attempts


@app.orchestration_trigger()
def play(context: df.DurableOrchestrationContext) -> Any:
    done = list(context.get_input()["done"])
    plan = context.get_input()["plan"]
    for position, step in enumerate(plan):
        match step:
            case ["double", number]:
                done.append((yield context.call_activity("double", number)))
            case ["slowly", number]:
                try:  # so that some executions are dropped while they stand inside a `try`
                    done.append((yield context.call_activity("double_slowly", number)))
                finally:
                    context.set_custom_status(position)
            case ["flaky", attempts]:
                policy = df.RetryOptions(5_000, attempts)
                done.append((yield context.call_activity_with_retry("flaky", policy, attempts)))
            case ["fan", numbers]:
                done.append((yield context.task_all([context.call_activity("double", n) for n in numbers])))
            case ["child", name, part]:
                done.append((yield context.call_sub_orchestrator(name, {"plan": part, "done": []})))
            case ["children", parts]:
                calls = [context.call_sub_orchestrator("play", {"plan": part, "done": []}) for part in parts]
                done.append((yield context.task_all(calls)))
            case ["named child", instance_id, part]:
                try:
                    call = context.call_sub_orchestrator("play", {"plan": part, "done": []}, instance_id)
                    done.append((yield call))
                except df.TaskFailedError as error:
                    done.append(error.error_type)
            case ["timer", seconds]:
                due = context.current_utc_datetime + timedelta(seconds=seconds)
                yield context.create_timer(due)
                done.append("on time" if context.current_utc_datetime >= due else "early")
            case ["event", name]:
                done.append((yield context.wait_for_external_event(name)))
            case ["race", name, seconds]:
                deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
                event = context.wait_for_external_event(name)
                winner = yield context.task_any([event, deadline])
                if winner is event:
                    deadline.cancel()
                done.append(event.result if winner is event else "late")
            case ["as new"]:
                context.continue_as_new({**context.get_input(), "plan": plan[position + 1 :], "done": done})
                return None
            case ["fail"]:
                raise ValueError("as planned")
            case _ if ledgers.is_step(step):
                done.append((yield from ledgers.play_step(context, step)))
            case _:
                raise AssertionError(f"no such step: {step}")
    return done


@app.orchestration_trigger()
async def play_async(context: df.DurableOrchestrationContext) -> Any:
    """A short plan as a coroutine."""
    done = []
    for kind, number in context.get_input()["plan"]:
        done.append(await context.call_activity(kind, number))
    return done


def make_plan(random: Random, depth: int = 0) -> Plan:
    """Up to eight steps; children have no events to wait for, since nobody knows their ids."""
    plan: Plan = []
    for _ in range(random.randint(0 if depth else 1, 3 if depth else 8)):
        plan.append(_make_step(random, depth))
    if sum(step[0] == "as new" for step in plan) > 2:  # a repeated request is known for three generations
        plan = [step for step in plan if step[0] != "as new"]
    if random.random() < 0.1 and depth == 0:
        plan.append(["fail"])
    return plan


def _make_step(random: Random, depth: int) -> list[Any]:
    number = random.randint(0, 99)
    kinds = ["double", "double", "slowly", "flaky", "fan", "timer", "as new", "ledger", "ledger"]
    if depth < 2:
        kinds += ["child", "children"]
    if depth == 0:
        kinds += ["event", "event", "event", "race", "named child"]
    match random.choice(kinds):
        case "flaky":
            return ["flaky", random.randint(1, 3)]
        case "fan":
            return ["fan", [random.randint(0, 99) for _ in range(random.choice((0, 2, 5, 20)))]]
        case "timer":
            return ["timer", random.choice((0, 1, 60, 86_400))]
        case "as new":
            return ["as new"]
        case "ledger":
            return ledgers.make_step(random)
        case "event":
            return ["event", random.choice(("tick", "Tock"))]
        case "race":
            return ["race", "tick", random.choice((1, 30))]
        case "child":
            if random.random() < 0.3:
                return ["child", "play_async", [["double", number], ["double_slowly", number]]]
            return ["child", "play", make_plan(random, depth + 1)]
        case "children":
            return ["children", [make_plan(random, depth + 1) for _ in range(random.randint(1, 3))]]
        case "named child":
            return ["named child", f"{SHARED}{random.randint(1, 3)}", make_plan(random, depth + 1)]
        case kind:
            return [kind, number]


def events_wanted(plan: Plan) -> dict[str, int]:
    """How many events of each name end every wait of a plan, whoever wins its races."""
    wanted = {"tick": 0, "Tock": 0}
    for step in plan:
        if step[0] in ("event", "race"):
            wanted[step[1]] += 1
    return wanted


class Wrong(Exception):
    """An output that cannot come of its plan."""


def check_output(plan: Plan, output: Any, acknowledged: dict[str, list[int]], raised: dict[str, list[int]]) -> None:
    """Raises Wrong. Events are numbers that rise per name: those taken must rise too, be among the raised ones, and
    skip none that was acknowledged, but one that a lost race's wait may have swallowed."""
    if any(step[0] == "fail" for step in plan):
        if output != "Orchestrator function 'play' failed: as planned":
            raise Wrong(f"{output!r} instead of the planned failure")
        return
    last = {"tick": 0, "Tock": 0}
    swallowed = 0
    position = 0
    for step in plan:
        if step[0] == "as new":
            continue
        got = output[position]
        position += 1
        if step[0] == "race" and got == "late":
            swallowed += 1
        elif step[0] in ("event", "race"):
            name = step[1]
            skipped = [number for number in acknowledged[name] if last[name] < number < got]
            if got not in raised[name] or got <= last[name]:
                raise Wrong(f"event {name} {got} after {last[name]}, of {raised[name]}")
            if len(skipped) > (swallowed if name == "tick" else 0):
                raise Wrong(f"event {name} {got} after {last[name]} though {skipped} were acknowledged")
            if name == "tick":
                swallowed -= len(skipped)
            last[name] = got
        else:
            _check_step(step, got)
    if position != len(output):
        raise Wrong(f"{len(output)} results for {position} steps")


def _check_step(step: list[Any], got: Any) -> None:
    match step:
        case ["double" | "slowly", number]:
            expected: Any = 2 * number
        case ["flaky", attempts]:
            expected = attempts
        case ["fan", numbers]:
            expected = [2 * number for number in numbers]
        case _ if ledgers.is_step(step):
            expected = ledgers.EXPECTED[step[0]]
        case ["timer", _]:
            expected = "on time"
        case ["child", "play_async", part]:
            expected = [2 * number for _, number in part]
        case ["child", _, part]:
            _check_part(part, got)
            return
        case ["children", parts]:
            if len(got) != len(parts):
                raise Wrong(f"{len(got)} outputs of {len(parts)} children")
            for part, output in zip(parts, got, strict=True):
                _check_part(part, output)
            return
        case ["named child", _, part]:
            if got != "InstanceExists" and got != "Terminated":
                _check_part(part, got)
            return
        case _:
            raise AssertionError(step)
    if got != expected:
        raise Wrong(f"{got!r} of {step}")


def _check_part(plan: Plan, output: Any) -> None:
    nobody: dict[str, list[int]] = {"tick": [], "Tock": []}
    check_output(plan, output, nobody, nobody)
