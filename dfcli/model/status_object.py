"""The status object of the HTTP API: what `GET instances/{id}`, the list and `-o json` show of an instance."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.entity_status import shown_state, shown_status
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.projection import Projected, shown
from dfcli.model.status import InstanceSummary

_NULL = Raw(b"null")


class ShownFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A failure beside the status: the same facts as in the history, in the status object's spelling."""

    error_type: str
    error_message: str
    stack_trace: str | None
    inner_failure: ShownFailure | None
    is_non_retriable: bool


class StatusObject(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Members in the order Durable Functions writes them; those that are UNSET are absent."""

    name: str
    instance_id: str
    runtime_status: str
    input: Raw
    custom_status: Raw
    output: Raw
    created_time: str | None
    """Whole seconds, as Durable Functions shows them; the history has the microseconds."""
    last_updated_time: str | None
    history_events: list[Projected] | UnsetType = UNSET
    failure_details: ShownFailure | UnsetType = UNSET


def status_object(
    summary: InstanceSummary, *, show_input: bool = True, history: list[Projected] | None = None
) -> StatusObject:
    """The status of an instance, ready for `projection.encode`. `history` is left out of a pending instance."""
    failure = summary.failure if summary.status == "Failed" else None
    entity = summary.entity
    state = shown(summary.input) if entity is None else shown_state(entity)
    return StatusObject(
        name=summary.name,
        instance_id=summary.instance_id,
        runtime_status=summary.status,
        input=state if show_input else _NULL,
        custom_status=shown(summary.custom_status) if entity is None else shown_status(entity),
        output=output(summary),
        created_time=_whole_seconds(summary.created),
        last_updated_time=_whole_seconds(summary.updated),
        history_events=UNSET if history is None or summary.status == "Pending" else history,
        failure_details=UNSET if failure is None else _shown_failure(failure),
    )


def output(summary: InstanceSummary) -> Raw:
    """The output as a JSON value; of a failure without one, its message."""
    if summary.failure is not None and summary.output == Payload():
        return shown(Payload(text=str(summary.failure)))
    return shown(summary.output)


def _whole_seconds(timestamp: str) -> str | None:
    return f"{timestamp[:19]}Z" if timestamp else None


def _shown_failure(failure: FailureDetails) -> ShownFailure:
    inner = failure.inner_failure
    return ShownFailure(
        error_type=failure.error_type,
        error_message=failure.error_message,
        stack_trace=failure.stack_trace,
        inner_failure=None if inner is None else _shown_failure(inner),
        is_non_retriable=failure.is_non_retriable,
    )
