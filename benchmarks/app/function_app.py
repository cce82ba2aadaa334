"""Orchestrators and plain `def` activities of the workloads. Activities do nothing: what is measured is the rest."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import dfcli as df

app = df.DFApp()

Steps = Generator[Any, Any, Any]

marks: dict[int, tuple[float, float]] = {}
"""CPU and wall-clock seconds at the steps of `long` that its input asks for; read by a benchmark in this process."""


@app.activity_trigger()
def echo(value: int) -> int:
    return value


@app.activity_trigger()
def mark(step: int) -> int:
    marks[step] = (time.process_time(), time.perf_counter())
    return step


@app.orchestration_trigger()
def sequence(context: df.DurableOrchestrationContext) -> Steps:
    """Five activities, one after another."""
    total = 0
    for step in range(5):
        total += yield context.call_activity(echo, step)
    return total


@app.orchestration_trigger()
def fan_out(context: df.DurableOrchestrationContext) -> Steps:
    """As many activities at once as the input says."""
    values = yield context.task_all([context.call_activity(echo, number) for number in range(context.get_input())])
    return len(values)


@app.orchestration_trigger()
def long(context: df.DurableOrchestrationContext) -> Steps:
    """`steps` activities, one after another; those in `marks` take the time."""
    wanted = context.get_input()
    marked = frozenset(wanted["marks"])
    for step in range(wanted["steps"]):
        yield context.call_activity(mark if step in marked else echo, step)
    return wanted["steps"]


@app.orchestration_trigger()
def approval(context: df.DurableOrchestrationContext) -> Steps:
    """Waits for one event."""
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger()
def sleep(context: df.DurableOrchestrationContext) -> Steps:
    """Waits as many seconds as the input says; returns by how much it woke too early, in seconds, if it did."""
    due = context.current_utc_datetime + timedelta(seconds=context.get_input())
    yield context.create_timer(due)
    return max(0.0, (due - context.current_utc_datetime).total_seconds())


@app.orchestration_trigger()
def eternal(context: df.DurableOrchestrationContext) -> Steps:
    """One activity for each generation; input: its number, the last one, and which take the time."""
    number, last, marked = context.get_input()
    yield context.call_activity(mark if number in marked else echo, number)
    if number < last:
        context.continue_as_new([number + 1, last, marked])
        return None
    return number


@app.orchestration_trigger()
def parent(context: df.DurableOrchestrationContext) -> Steps:
    """As many sub-orchestrations at once as the input says."""
    values = yield context.task_all([context.call_sub_orchestrator(child, n) for n in range(context.get_input())])
    return len(values)


@app.orchestration_trigger()
def child(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_activity(echo, context.get_input()))


@app.orchestration_trigger()
def alarm(context: df.DurableOrchestrationContext) -> Steps:
    """One timer; returns when it was due, in seconds since 1970."""
    due = context.current_utc_datetime + timedelta(seconds=context.get_input())
    yield context.create_timer(due)
    return due.timestamp()
