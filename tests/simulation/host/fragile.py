"""Journeys for the campaign of rewinds: plans whose links break and are mended, so that instances fail and go back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from random import Random
from typing import Any

import dfcli as df

Plan = list[list[Any]]
fragile = df.Blueprint()
broken: set[str] = set()
"""Names of links that fail. The world outside: it survives every crash."""
seen: Callable[[df.ActivityInfo], object] = str
"""Told of each run of an activity; the campaign replaces it."""


@fragile.activity_trigger()
def link(name: str) -> str:
    seen(df.activity_info())
    if name in broken:
        raise ConnectionError(f"{name} is broken")
    return f"{name} crossed"


@fragile.activity_trigger()
def turn_back(name: str) -> str:
    return f"turned back at {name}"


@fragile.orchestration_trigger()
def journey(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    done: list[Any] = []
    beside: list[df.Task] = []
    for step in context.get_input():
        match step:
            case ["link", name]:
                done.append((yield context.call_activity("link", name)))
            case ["fan", names]:
                done.append((yield context.task_all([context.call_activity("link", name) for name in names])))
            case ["retried", name]:
                done.append((yield context.call_activity_with_retry("link", df.RetryOptions(1_000, 3), name)))
            case ["careful", name]:
                try:
                    done.append((yield context.call_activity("link", name)))
                except df.TaskFailedError:
                    yield context.call_activity("turn_back", name)
                    raise
            case ["beside", name]:
                beside.append(context.call_activity("link", name))
            case ["rest", seconds]:
                yield context.create_timer(timedelta(seconds=seconds))
            case ["journey", plan]:
                done.append((yield context.call_sub_orchestrator("journey", plan)))
            case ["journeys", plans]:
                parts = [context.call_sub_orchestrator("journey", plan) for plan in plans]
                done.append((yield context.task_all(parts)))
            case _:
                raise AssertionError(step)
    for task in beside:
        done.append((yield task))
    return done


def make_plan(random: Random, depth: int = 0) -> Plan:
    return [_make_step(random, depth) for _ in range(random.randint(1, 2 if depth else 5))]


def _make_step(random: Random, depth: int) -> list[Any]:
    name = f"link {random.randint(1, 12)}"
    kinds = ["link", "fan", "retried", "careful", "beside", "rest"] + ["journey", "journeys"] * (depth < 2)
    match random.choice(kinds):
        case "fan":
            return ["fan", [f"link {random.randint(1, 12)}" for _ in range(random.randint(0, 5))]]
        case "rest":
            return ["rest", random.choice((0, 1, 60, 3_600))]
        case "journey":
            return ["journey", make_plan(random, depth + 1)]
        case "journeys":
            return ["journeys", [make_plan(random, depth + 1) for _ in range(random.randint(1, 3))]]
        case kind:
            return [kind, name]


def expected(plan: Plan) -> list[Any]:
    """What a journey gives on which nothing ever broke."""
    done: list[Any] = []
    beside: list[str] = []
    for kind, argument in plan:
        match kind:
            case "link" | "retried" | "careful":
                done.append(f"{argument} crossed")
            case "fan":
                done.append([f"{name} crossed" for name in argument])
            case "beside":
                beside.append(f"{argument} crossed")
            case "journey":
                done.append(expected(argument))
            case "journeys":
                done.append([expected(part) for part in argument])
    return done + beside
