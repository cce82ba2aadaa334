"""Lines for what arrives from the host's own machinery: answers of activities, timers that are due."""

from __future__ import annotations

from dfcli.host.activities import Outcome, failure_reason
from dfcli.host.lane import Lane
from dfcli.host.timers import DueTimer
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.model.failure import FailureDetails, details_text
from dfcli.model.history import Inbound
from dfcli.model.payload import Payload


def result_line(lane: Lane, outcome: Outcome, event_id: int, timestamp: str, rules: str) -> Inbound:
    """The answer of an activity; the caller has stamped it. `rules` are those of the app's code."""
    failure = outcome.failure
    if failure is None:
        return h.TaskCompleted(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=timestamp,
            task_scheduled_id=event_id,
            result=outcome.result.raw,
            result_text=outcome.result.text,
        )
    return h.TaskFailed(
        seq=lane.next_seq(),
        event_id=-1,
        timestamp=timestamp,
        task_scheduled_id=event_id,
        reason=failure_reason(outcome.call.scheduled.name, failure),
        details=details_text(failure) if rules == h.AZURE_RULES else "",
        failure_details=failure,
    )


def timer_fired(lane: Lane, timer: DueTimer, now: str) -> h.TimerFired:
    """The line of a timer that is due."""
    return h.TimerFired(
        seq=lane.next_seq(),
        event_id=-1,
        timestamp=lane.stamp(now),
        timer_id=timer.event_id,
        fire_at=timer.fire_at,
    )


def child_ended(
    lane: Lane, task: int, status: str, output: Payload, failure: FailureDetails | None, now: str, rules: str
) -> Inbound:
    """A parent's line about the end of the sub-orchestration that it scheduled as `task`."""
    seq, timestamp = lane.next_seq(), lane.stamp(now)
    if status == "Completed":
        return h.SubOrchestrationInstanceCompleted(
            seq=seq,
            event_id=-1,
            timestamp=timestamp,
            task_scheduled_id=task,
            result=output.raw,
            result_text=output.text,
        )
    reason = str(payloads.decode(*output) or "")
    failure = failure or FailureDetails(error_type=status, error_message=reason)
    return h.SubOrchestrationInstanceFailed(
        seq=seq,
        event_id=-1,
        timestamp=timestamp,
        task_scheduled_id=task,
        reason=reason,
        details=details_text(failure) if rules == h.AZURE_RULES else "",
        failure_details=failure,
    )
