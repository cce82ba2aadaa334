"""A step costs the same however long the history is. Bounds are wide: machines are shared."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from msgspec import Raw

from dfcli.engine.execution import Execution
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from tests.engine.driver import START

Gen = Generator[Any, Any, Any]
MICROSECONDS_MAX = 40
"""Several times what a step takes; what it must never be is proportional to the history."""


def sequence(context: Any) -> Gen:
    for n in range(context.get_input()):
        yield context.call_activity("say", n)
    return "done"


def fan_out(context: Any) -> Gen:
    return len((yield context.task_all([context.call_activity("say", n) for n in range(context.get_input())])))


def answers(orchestrator: Any, steps: int) -> tuple[list[float], Execution, list[h.Event]]:
    """CPU seconds of each delivery of one answer, all answers given one by one."""
    execution = Execution(lambda _: orchestrator, ExecutionKey("i", 1))
    inbound: h.Inbound = h.ExecutionStarted(
        seq=1, event_id=-1, timestamp=START, name="o", execution_id="e", input=Raw(str(steps).encode())
    )
    history: list[h.Event] = []
    spent: list[float] = []
    result = Raw(b'"Hello"')
    for step in range(steps + 1):
        seq = inbound.seq + 1
        started = h.OrchestratorStarted(seq=seq, event_id=-1, timestamp=START, consumed=inbound.seq)
        before = time.process_time()
        episode = execution.deliver([inbound], started)
        spent.append(time.process_time() - before)
        history += [inbound, *episode.events]
        inbound = h.TaskCompleted(
            seq=history[-1].seq + 1, event_id=-1, timestamp=START, task_scheduled_id=step, result=result
        )
    return spent[1:], execution, history


def test_step_100_000_of_a_sequence_costs_what_step_100_does() -> None:
    spent, execution, history = answers(sequence, 100_000)
    assert execution.is_finished
    first, last = sum(spent[100:10_100]), sum(spent[-10_000:])
    assert last < 3 * first
    assert sum(spent) / len(spent) * 1e6 < MICROSECONDS_MAX
    before = time.process_time()
    assert Execution.replay(lambda _: sequence, history, ExecutionKey("i", 1)).is_finished
    assert (time.process_time() - before) / len(history) * 1e6 < MICROSECONDS_MAX


def test_each_answer_to_a_fan_out_of_10_000_costs_the_same() -> None:
    spent, execution, _ = answers(fan_out, 10_000)
    assert execution.is_finished
    assert sum(spent[-1_000:-1]) < 5 * sum(spent[:1_000])
    assert sum(spent) / len(spent) * 1e6 < MICROSECONDS_MAX
