"""The context handed to an orchestrator, with the names Durable Functions gives its members.

It turns calls into wishes and performs none: whatever drives the orchestrator stands behind `Wishes`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from dfcli.authoring.entity_id import EntityId, entity_id_text
from dfcli.authoring.entity_tasks import EntityCallTask, EntityLockTask, EntitySignalTask
from dfcli.authoring.http import DurableHttpResponse, ManagedIdentityTokenSource
from dfcli.authoring.http_wish import http_request
from dfcli.authoring.replay_safe_logger import ReplaySafeLogger
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import EventTask, Task, TimerTask, WhenAllTask, WhenAnyTask
from dfcli.authoring.typed import value_of
from dfcli.errors import PayloadTooLarge
from dfcli.model.ids import (
    CALLED_NAME_LENGTH_MAX,
    INSTANCE_ID_LENGTH_MAX,
    check_called_name,
    check_event_name,
    check_text,
)
from dfcli.model.payload import PAYLOAD_BYTES_MAX, Payload, decode, encode
from dfcli.model.time import shifted, to_datetime, to_timestamp

CUSTOM_STATUS_BYTES_MAX = 16 * 1024
"""Of its JSON text as UTF-16, as Durable Functions counts."""

_UUID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "9e952958-5e33-4daf-827f-2fa12937b875")
_UNCHECKED_CHARACTERS_MAX = 100_000
"""Text this short cannot exceed the payload limit, whatever its characters."""


class Wishes(Protocol):
    """Who takes an orchestrator's wishes. Every method may raise a signal (a BaseException) to stop the code."""

    instance_id: str
    parent_instance_id: str | None
    version: str | None
    is_replaying: bool
    timestamp: str
    input: Payload
    custom_status: Payload
    will_continue_as_new: bool
    all_fails_fast: bool

    def call_activity(self, name: str, input: Payload, retry: RetryOptions | None, expected_type: Any) -> Task: ...

    def call_sub_orchestrator(
        self,
        name: str,
        input: Payload,
        instance_id: str | None,
        version: str | None,
        retry: RetryOptions | None,
        expected_type: Any,
    ) -> Task: ...

    def call_http(self, request: Payload, retry: RetryOptions | None, expected_type: Any) -> Task: ...

    def create_timer(self, fire_at: str) -> TimerTask: ...

    def wait_for_event(self, name: str, expected_type: Any) -> EventTask: ...

    def continue_as_new(self, input: Payload) -> None: ...

    def set_custom_status(self, status: Payload) -> None: ...

    def call_entity(self, entity_id: str, operation: str, input: Payload, expected_type: Any) -> EntityCallTask: ...

    def signal_entity(self, entity_id: str, operation: str, input: Payload, due: str | None) -> EntitySignalTask: ...

    def lock_entities(self, entity_ids: list[str]) -> EntityLockTask: ...

    def next_guid(self) -> int:
        """How many deterministic ids the code has asked for before."""
        ...


class OrchestrationContext:
    """What an orchestrator may touch. Everything it gives is the same on every replay."""

    __slots__ = ("_input_type", "_wishes")

    # What differs for apps written with another library; see `compat`.
    _encode: Callable[[Any], Payload] = staticmethod(encode)
    _response_type: Any = DurableHttpResponse
    _typed = staticmethod(lambda expected_type: expected_type)

    def __init__(self, wishes: Wishes, input_type: Any = None) -> None:
        self._wishes = wishes
        self._input_type = input_type
        """What the orchestrator's decorator says of its input."""

    @property
    def instance_id(self) -> str:
        return self._wishes.instance_id

    @property
    def parent_instance_id(self) -> str | None:
        """The instance that called this one as a sub-orchestration."""
        return self._wishes.parent_instance_id

    @property
    def is_replaying(self) -> bool:
        """Whether the code is going again through what the history already holds."""
        return self._wishes.is_replaying

    @property
    def current_utc_datetime(self) -> datetime:
        """The aware UTC time at which the current episode began; moves on only where the code waits."""
        return to_datetime(self._wishes.timestamp)

    @property
    def version(self) -> str | None:
        """The version the instance was started with."""
        return self._wishes.version

    @property
    def custom_status(self) -> Any:
        """The last value set, also by the execution that continued as new."""
        return decode(*self._wishes.custom_status)

    @property
    def will_continue_as_new(self) -> bool:
        return self._wishes.will_continue_as_new

    def set_custom_status(self, status: Any) -> None:
        """Show any JSON value to whoever asks for the instance's status, from the end of this episode on.

        None clears it. Raises ValueError beyond 16 KB of UTF-16 text.
        """
        payload = self._encode(status)
        text = payload.json_text or ""
        size = len(text.encode("utf-16-le", "surrogatepass"))
        if size > CUSTOM_STATUS_BYTES_MAX:
            raise ValueError(
                "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. "
                f"The current payload size is {size / 1024:.1f} KB."
            )
        self._wishes.set_custom_status(payload)

    def get_input(self, expected_type: Any = None) -> Any:
        """The input the instance was started with, None for none; a new copy on each call."""
        return value_of(*self._wishes.input, self._typed(expected_type or self._input_type))

    def call_activity(self, name: str | Callable[..., Any], input_: Any = None, expected_type: Any = None) -> Task:
        """Schedule an activity now; its task completes with what the activity returned."""
        if type(name) is not str:
            expected_type = expected_type or self._return_type(name)
            name = self._name_of(name, "activity")
        check_called_name(name)
        return self._wishes.call_activity(name, self._payload(input_), None, self._typed(expected_type))

    def call_activity_with_retry(
        self,
        name: str | Callable[..., Any],
        retry_options: RetryOptions,
        input_: Any = None,
        expected_type: Any = None,
    ) -> Task:
        """The same, tried again as `retry_options` say; the task fails with the last attempt's failure."""
        if type(name) is not str:
            expected_type = expected_type or self._return_type(name)
            name = self._name_of(name, "activity")
        check_called_name(name)
        return self._wishes.call_activity(
            name, self._payload(input_), self._policy(retry_options), self._typed(expected_type)
        )

    def call_sub_orchestrator(
        self,
        name: str | Callable[..., Any],
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: Any = None,
    ) -> Task:
        """Start another orchestrator as an instance of its own; the task completes with its output."""
        if type(name) is not str:
            name = self._name_of(name, "orchestrator")
        _check_child(name, instance_id, version)
        return self._wishes.call_sub_orchestrator(
            name, self._payload(input_), instance_id, version, None, self._typed(expected_type)
        )

    def call_sub_orchestrator_with_retry(
        self,
        name: str | Callable[..., Any],
        retry_options: RetryOptions,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: Any = None,
    ) -> Task:
        """The same, tried again as `retry_options` say, each attempt under a new id unless one is given."""
        if type(name) is not str:
            name = self._name_of(name, "orchestrator")
        _check_child(name, instance_id, version)
        policy = self._policy(retry_options)
        return self._wishes.call_sub_orchestrator(
            name, self._payload(input_), instance_id, version, policy, self._typed(expected_type)
        )

    def call_http(
        self,
        method: str,
        uri: str,
        content: Any = None,
        headers: Mapping[str, Any] | None = None,
        token_source: ManagedIdentityTokenSource | None = None,
        is_raw_str: bool = False,
        *,
        retry_options: RetryOptions | None = None,
        retry_status_codes: Iterable[int] = (),
        timeout: float | timedelta | None = None,
        polling_timeout: float | timedelta | None = None,
        asynchronous_pattern_enabled: bool = True,
    ) -> Task:
        """Send an HTTP request from the host; its task completes with a `DurableHttpResponse`, whatever its status.

        `content` becomes JSON unless `is_raw_str`. A header may be `{"secret": "NAME"}`, an app setting that is looked
        up when the request is sent. An answer of 202 with a `Location` is polled with durable timers, for at most
        `polling_timeout`, by default 30 days. With `retry_options` a request that cannot be sent, or is answered with
        one of `retry_status_codes` (by default all of 400 and above), is repeated, and the task fails after the last
        attempt. One exchange takes at most `timeout`, by default 100 seconds.
        """
        request = http_request(
            method,
            uri,
            content,
            headers,
            token_source,
            is_raw_str,
            retried_statuses=None if retry_options is None else retry_status_codes,
            timeout=timeout,
            polling_timeout=polling_timeout,
            asynchronous_pattern_enabled=asynchronous_pattern_enabled,
        )
        check_size(request)
        policy = None if retry_options is None else self._policy(retry_options)
        return self._wishes.call_http(request, policy, self._response_type)

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        """A durable timer: due at a time (a naive one is UTC), or a duration after `current_utc_datetime`."""
        if isinstance(fire_at, timedelta):
            due = shifted(self._wishes.timestamp, fire_at)
        elif isinstance(fire_at, datetime):
            due = timestamp_of(fire_at)
        else:
            raise TypeError(f"create_timer takes a datetime or a timedelta, not {type(fire_at).__name__}")
        return self._wishes.create_timer(due)

    def wait_for_external_event(self, name: str, expected_type: Any = None) -> EventTask:
        """A task that takes the next event of that name (in any case) which no earlier wait has taken."""
        if not isinstance(name, str):
            raise TypeError(f"an event name is text, not {type(name).__name__}")
        return self._wishes.wait_for_event(check_event_name(name), self._typed(expected_type))

    def call_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  the name in Durable Functions
        operationName: str,  # noqa: N803
        operationInput: Any = None,  # noqa: N803
        expected_type: Any = None,
    ) -> EntityCallTask:
        """Have an entity do something; the task completes with the operation's result, or fails with its error."""
        check_called_name(check_event_name(operationName))
        return self._wishes.call_entity(
            entity_id_text(entityId), operationName, self._payload(operationInput), self._typed(expected_type)
        )

    def signal_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  the name in Durable Functions
        operationName: str,  # noqa: N803
        operationInput: Any = None,  # noqa: N803
        signal_time: datetime | None = None,
    ) -> EntitySignalTask:
        """Have an entity do something and wait for nothing; not before `signal_time` (a naive one is UTC)."""
        check_called_name(check_event_name(operationName))
        due = timestamp_of(signal_time) if signal_time is not None else None
        return self._wishes.signal_entity(entity_id_text(entityId), operationName, self._payload(operationInput), due)

    def lock_entities(self, entities: Iterable[EntityId | str]) -> EntityLockTask:
        """A task whose result is the critical section in which these entities serve this orchestrator alone.

        `with (yield context.lock_entities([a, b])):`. They are locked one after the other in the order of their ids,
        so two orchestrators cannot block each other. Raises ValueError when none is given.
        """
        return self._wishes.lock_entities(sorted({entity_id_text(entity) for entity in entities}))

    def continue_as_new(self, input_: Any = None) -> None:
        """Begin again with a new input and an empty history. Return right after; what is called later is dropped."""
        self._wishes.continue_as_new(self._payload(input_))

    def task_all(self, activities: Iterable[Task]) -> WhenAllTask:
        """A task that waits for all of them: their results in order, or the failure that arrived first."""
        return WhenAllTask(activities, fails_fast=self._wishes.all_fails_fast)

    def task_any(self, activities: Iterable[Task]) -> WhenAnyTask:
        """A task that completes with the first of them to complete: the task itself, failed or not."""
        return WhenAnyTask(activities)

    def new_uuid(self) -> str:
        """A UUID as text, the same on every replay."""
        wishes = self._wishes
        return str(uuid.uuid5(_UUID_NAMESPACE, f"{wishes.instance_id}_{wishes.timestamp}_{wishes.next_guid()}"))

    def new_guid(self) -> uuid.UUID:
        """A UUID, the same on every replay."""
        wishes = self._wishes
        now = self.current_utc_datetime
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{wishes.instance_id}_{now!s}_{wishes.next_guid()}")

    def create_replay_safe_logger(self, logger: Any) -> ReplaySafeLogger:
        """A logger that says nothing while the code is replayed. `dfcli run` hides those lines of every logger."""
        return ReplaySafeLogger(logger, self._wishes)

    def __repr__(self) -> str:
        return f"<context of {self._wishes.instance_id!r}>"

    def _payload(self, value: Any) -> Payload:
        payload = self._encode(value)
        kind = type(value)
        if (kind is str and len(value) <= _UNCHECKED_CHARACTERS_MAX) or value is None or kind is int:
            return payload
        return check_size(payload)

    def _name_of(self, target: Any, kind: str) -> str:
        """The registered name of what a call names instead of a text."""
        return function_name(target, kind)

    def _return_type(self, target: Any) -> Any:
        """What a decorated activity says it returns, when that is a type of the app's."""
        return getattr(getattr(target, "__dfcli__", None), "return_type", None)

    def _policy(self, retry_options: Any) -> RetryOptions:
        if not isinstance(retry_options, RetryOptions):
            raise TypeError(f"retry_options must be df.RetryOptions, not {type(retry_options).__name__}")
        return retry_options


DurableOrchestrationContext = OrchestrationContext
"""The name that type hints of Durable Functions apps use."""


def function_name(target: Any, kind: str) -> str:
    """The registered name of a decorated function. Raises ValueError when it is none, or of another kind."""
    definition = getattr(target, "__dfcli__", None)
    article = "an activity" if kind == "activity" else "an orchestrator"
    if definition is None:
        if isinstance(target, str):  # a subclass of str, such as a member of a StrEnum
            return str(target)
        if not callable(target):
            raise TypeError(f"{article} is called by its name or its decorated function, not {type(target).__name__}")
        named = getattr(target, "__name__", type(target).__name__)
        trigger = "activity_trigger" if kind == "activity" else "orchestration_trigger"
        raise ValueError(
            f"{named!r} is not a function of the app: decorate it with @app.{trigger}(), or call it by its name"
        )
    if definition.kind != kind:
        has = definition.kind or "no trigger"
        raise ValueError(f"{definition.name!r} is not {article}: its trigger is of kind {has!r}")
    name = definition.name
    assert isinstance(name, str)
    return name


def _check_child(name: str, instance_id: object, version: object) -> None:
    check_called_name(name)
    check_text("instance id", instance_id, INSTANCE_ID_LENGTH_MAX)
    check_text("version", version, CALLED_NAME_LENGTH_MAX)


def check_size(payload: Payload) -> Payload:
    if payload.size > PAYLOAD_BYTES_MAX:
        raise PayloadTooLarge(
            f"a payload of {payload.size} bytes is too large",
            why=f"at most {PAYLOAD_BYTES_MAX} bytes are allowed",
            hint="pass a reference, such as the name of a file, instead of the content",
        )
    return payload


def timestamp_of(moment: datetime) -> str:
    """The timestamp of a time that code names; the ends of the calendar are kept."""
    try:
        return to_timestamp(moment)
    except OverflowError:  # beyond the calendar once moved to UTC
        return to_timestamp(datetime.max if moment.year > 1 else datetime.min)
