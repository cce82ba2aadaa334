"""The context of orchestrators written for Azure's SDK: its names and forms over our engine's wishes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Sized
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

from dfcli.authoring.context import OrchestrationContext, Wishes, function_name
from dfcli.authoring.entity_tasks import EntityCallTask
from dfcli.authoring.replay_safe_logger import ReplaySafeLogger
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import RUNNING, Task, TimerTask, WhenAllTask
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.authoring.typed import Decoder
from dfcli.compat.builders import is_builder, misnamed, user_function
from dfcli.compat.leniency import tell_here
from dfcli.compat.serialization import dumps, loaded
from dfcli.compat.tasks import will_be_part, with_azures_states
from dfcli.model.payload import Payload, decode
from dfcli.model.time import to_datetime

_NOTHING: Any = object()
LONG_TIMER = timedelta(days=6)
"""Azure makes several timers of a longer one."""


class HttpResult(Decoder):
    """The answer of a durable HTTP call as the 1.x SDK gives it: a plain dict."""

    __slots__ = ()

    def __call__(self, raw: Any, text: Any) -> dict[str, Any]:
        answer: dict[str, Any] = decode(raw, text)
        return {
            "statusCode": answer["statusCode"],
            "headers": dict(answer.get("headers") or {}),
            "content": answer.get("content", ""),
        }


@with_azures_states(
    (
        *("call_activity", "call_activity_with_retry", "call_sub_orchestrator", "call_sub_orchestrator_with_retry"),
        *("call_http", "call_entity", "create_timer", "wait_for_external_event", "task_all", "task_any"),
    )
)
class AzureOrchestrationContext(OrchestrationContext):
    """What an orchestrator of an Azure app is handed."""

    __slots__ = ("_definition",)

    _encode: Callable[[Any], Payload] = staticmethod(dumps)
    _typed = staticmethod(loaded)
    _response_type = HttpResult()

    def __init__(self, wishes: Wishes, input_type: Any, definition: FunctionDefinition) -> None:
        super().__init__(wishes, input_type)
        self._definition = definition

    def set_custom_status(self, status: Any) -> None:
        if not status and status is not None:
            self._tell("DFA108")
        super().set_custom_status(status)

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        task = super().create_timer(fire_at)
        if isinstance(fire_at, timedelta):
            self._tell("DFA109")
        elif fire_at.tzinfo is None:
            self._tell("DFA124")
        elif fire_at > self.current_utc_datetime + LONG_TIMER:
            task._on_cancel = partial(_cancel_long, task._on_cancel, self._wishes, self._definition)
        return task

    def call_http(self, *args: Any, **kwargs: Any) -> Task:
        if kwargs.keys() & _OWN_HTTP_OPTIONS:
            self._tell("DFA111")
        return super().call_http(*args, **kwargs)

    def call_entity(self, entityId: Any, *args: Any, **kwargs: Any) -> EntityCallTask:  # noqa: N803  as in the SDK
        if isinstance(entityId, str):
            self._tell("DFA133", entityId)
        return super().call_entity(entityId, *args, **kwargs)

    def signal_entity(self, *args: Any, **kwargs: Any) -> Any:
        entity = args[0] if args else kwargs.get("entityId")
        if isinstance(entity, str):
            self._tell("DFA133", entity)
        if len(args) > _ARGUMENTS_OF_A_SIGNAL or "signal_time" in kwargs:
            self._tell("DFA111")
        return super().signal_entity(*args, **kwargs)

    def lock_entities(self, entities: Any) -> Any:
        self._tell("DFA111")
        return super().lock_entities(entities)

    def create_replay_safe_logger(self, logger: Any) -> ReplaySafeLogger:
        self._tell("DFA111")
        return super().create_replay_safe_logger(logger)

    @property
    def function_context(self) -> SimpleNamespace:
        """What is known of the function beside the instance."""
        folder = os.path.dirname(self._definition.file)
        return SimpleNamespace(function_name=self._definition.name, function_directory=folder)

    @property
    def histories(self) -> Any:
        """Not kept: an execution stays in memory without its history."""
        raise NotImplementedError(
            "context.histories is not there: dfcli keeps no history in memory; `dfcli inspect` shows it"
        )

    def continue_as_new(self, input_: Any = _NOTHING) -> None:
        if input_ is _NOTHING:
            self._tell("DFA134")
        super().continue_as_new(None if input_ is _NOTHING else input_)

    def task_all(self, activities: Iterable[Task]) -> Any:
        return super().task_all(self._parts(activities))

    def task_any(self, activities: Iterable[Task]) -> Any:
        """The same; without tasks it is over at once, as in Azure's SDK."""
        tasks = self._parts(activities)
        return super().task_any(tasks) if tasks else super().task_all(tasks)

    def _parts(self, activities: Iterable[Task]) -> list[Task]:
        """The tasks of a compound, once it is known what Azure's SDK would make of them."""
        if not isinstance(activities, Sized):
            self._tell("DFA130")
        tasks = list(activities)
        special: list[Task] = []
        with suppress(AttributeError):  # what is no task is refused by whoever gets them
            special = [task for task in tasks if task._watchers is not None or isinstance(task, WhenAllTask)]
        for task in special:
            if any(compound._state == RUNNING for compound in task._watchers or ()):
                self._tell("DFA131")
            if isinstance(task, WhenAllTask):
                will_be_part(task)
        return tasks

    def new_uuid(self) -> str:
        wishes = self._wishes
        now = to_datetime(wishes.timestamp).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return str(uuid.uuid5(_UUIDS, f"{wishes.instance_id}_{now}_{wishes.next_guid()}"))

    def _name_of(self, target: Any, kind: str) -> str:
        """The registered name also of a decorated object, where Azure's SDK takes the Python function's name."""
        if not is_builder(target):
            return function_name(target, kind)
        if other := misnamed(target):
            self._tell("DFA104", other)
        return function_name(user_function(target), kind)

    def _return_type(self, target: Any) -> Any:
        return super()._return_type(user_function(target)) if is_builder(target) else None

    def _policy(self, retry_options: Any) -> RetryOptions:
        if isinstance(retry_options, RetryOptions):
            self._tell("DFA110")
            return retry_options
        first = getattr(retry_options, "first_retry_interval_in_milliseconds", None)
        attempts = getattr(retry_options, "max_number_of_attempts", None)
        if first is None or attempts is None:
            raise TypeError(f"retry_options must be df.RetryOptions, not {type(retry_options).__name__}")
        return RetryOptions(first, attempts)

    def _tell(self, code: str, detail: str = "") -> None:
        if not self.is_replaying:
            tell_here(code, self._definition, detail)


def _cancel_long(
    cancel: Callable[[TimerTask], None], wishes: Wishes, definition: FunctionDefinition, task: TimerTask
) -> None:
    if not wishes.is_replaying:
        tell_here("DFA129", definition)
    cancel(task)


_OWN_HTTP_OPTIONS = frozenset(
    ("retry_options", "retry_status_codes", "timeout", "polling_timeout", "asynchronous_pattern_enabled")
)
_ARGUMENTS_OF_A_SIGNAL = 3
_UUIDS = uuid.uuid5(uuid.NAMESPACE_OID, "9e952958-5e33-4daf-827f-2fa12937b875")
