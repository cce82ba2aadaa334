"""Ends that come without the instance's code: it is unknown, it disagrees with the history, or it is not run at all."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from dfcli.engine.execution import Execution
from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.engine.outcome import Episode, ended, next_event_id
from dfcli.host import versioning
from dfcli.host.lane import Lane
from dfcli.model import history as h
from dfcli.model.failure import FailureDetails
from dfcli.model.history import Event
from dfcli.registry.registry import Registry

log = logging.getLogger("dfcli.host")

MANY_ACTIONS = 100_000
"""Decisions of one execution that are worth a warning."""


def unknown_orchestrator(started: h.OrchestratorStarted, execution: h.ExecutionStarted, registry: Registry) -> Episode:
    """A new instance of an orchestrator that is not there fails, naming those that are."""
    known = ", ".join(f"'{name}'" for name in registry.known("orchestrator")) or "none"
    reason = (
        f"The function '{execution.name}' doesn't exist, is disabled, or is not an orchestrator function. "
        f"Additional info: The following are the known orchestrator functions: {known}."
    )
    failure = FailureDetails(error_type="UnknownFunction", error_message=reason)
    return ended(started, execution, 0, "Failed", reason, failure_details=failure)


def nondeterministic(started: h.OrchestratorStarted, error: NonDeterminismError, history: Sequence[Event]) -> Episode:
    """An instance whose code disagrees with its history fails, where the settings say so."""
    execution = history[0]
    assert isinstance(execution, h.ExecutionStarted)
    reason = f"Orchestrator function '{execution.name}' failed: {error.vendor_text or error} [{error}]"
    failure = FailureDetails(error_type="NonDeterminismError", error_message=str(error), is_non_retriable=True)
    return ended(started, execution, next_event_id(history), "Failed", reason, failure_details=failure)


def of_another_version(started: h.OrchestratorStarted, history: Sequence[Event]) -> Episode:
    """An instance whose version this host does not run fails, where the settings say so."""
    execution = history[0]
    assert isinstance(execution, h.ExecutionStarted)
    failure = versioning.mismatch_failure()
    return ended(
        started,
        execution,
        next_event_id(history),
        "Failed",
        versioning.MISMATCH_REASON,
        failure_details=failure,
    )


def too_many_actions(started: h.OrchestratorStarted, episode: Episode, limit: int) -> Episode:
    """An execution that has taken more decisions than the settings allow fails, in Durable Functions' words. The
    episode that went beyond the limit is not recorded."""
    reason = (
        f"Maximum amount of orchestration actions ({limit}) has been reached. This value can be configured in "
        "host.json file as MaxOrchestrationActions."
    )
    failure = FailureDetails(error_type="TooManyActions", error_message=reason, is_non_retriable=True)
    first = episode.events[1].event_id  # there is one at least: it crossed the limit
    return ended(
        started,
        episode.started,
        first,
        "Failed",
        reason,
        failure_details=failure,
        custom_status=episode.custom_status,
    )


def warn_of_many_actions(lane: Lane, execution: Execution, episode: Episode) -> None:
    """Once, in the episode that takes the hundred thousandth decision."""
    if execution.next_event_id - (len(episode.events) - 2) < MANY_ACTIONS:
        log.warning(
            "%s: orchestrator %r has taken %d decisions in one execution; each replay goes through all of them: "
            "continue as new now and then",
            lane.key.instance_id,
            lane.name,
            execution.next_event_id,
        )


def terminated(started: h.OrchestratorStarted, request: h.ExecutionTerminated, history: Sequence[Event]) -> Episode:
    """An instance that cannot be run can still be terminated."""
    execution = history[0]
    assert isinstance(execution, h.ExecutionStarted)
    return ended(started, execution, next_event_id(history), "Terminated", request.reason)


def code_of(history: Sequence[Event]) -> str | None:
    """The code that an execution runs on, by its history: the one it began on, or was rewound to."""
    rewound = next((event for event in reversed(history) if type(event) is h.ExecutionRewound), None)
    if rewound is not None:
        return rewound.code_id
    first = history[0]
    return first.code_id if isinstance(first, h.ExecutionStarted) else None


def opening(lane: Lane, now: str) -> h.OrchestratorStarted:
    """The first line of the lane's next episode, which sees everything received so far."""
    consumed = lane.last_seq
    return h.OrchestratorStarted(seq=lane.next_seq(), event_id=-1, timestamp=lane.stamp(now), consumed=consumed)


_DEBUGGERS = frozenset({"debugpy", "pydevd"})


def warn_of_blocking(lane: Lane, execution: Execution, seconds: float) -> None:
    """Name an orchestrator that held up the whole host, and where; under a debugger that is nobody's fault."""
    if sys.gettrace() is not None or not _DEBUGGERS.isdisjoint(sys.modules):  # from Python 3.12 on they need no trace
        return
    place = next((wait.location for wait in execution.waits() if wait.location is not None), None)
    log.warning(
        "%s: orchestrator %r ran for %.1f s without yielding%s; no other instance could run meanwhile: move the work "
        "into an activity",
        lane.key.instance_id,
        lane.name,
        seconds,
        f" before {place.file}:{place.line}" if place is not None else "",
    )
