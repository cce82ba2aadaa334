"""The context of orchestrators written for Azure's SDK: its names and forms over our engine's wishes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from dfcli.authoring.context import OrchestrationContext, function_name
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import Task
from dfcli.authoring.typed import Decoder
from dfcli.compat.builders import is_builder, user_function
from dfcli.compat.serialization import dumps, loaded
from dfcli.compat.tasks import with_azures_states
from dfcli.model.payload import Payload, decode
from dfcli.model.time import to_datetime


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

    __slots__ = ()

    _encode: Callable[[Any], Payload] = staticmethod(dumps)
    _typed = staticmethod(loaded)
    _response_type = HttpResult()

    def task_any(self, activities: Iterable[Task]) -> Any:
        """The same; without tasks it is over at once, as in Azure's SDK."""
        tasks = list(activities)
        return super().task_any(tasks) if tasks else self.task_all(tasks)

    def new_uuid(self) -> str:
        wishes = self._wishes
        now = to_datetime(wishes.timestamp).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return str(uuid.uuid5(_UUIDS, f"{wishes.instance_id}_{now}_{wishes.next_guid()}"))

    def _name_of(self, target: Any, kind: str) -> str:
        """The registered name also of a decorated object, where Azure's SDK takes the Python function's name."""
        return function_name(user_function(target) if is_builder(target) else target, kind)

    def _return_type(self, target: Any) -> Any:
        return super()._return_type(user_function(target)) if is_builder(target) else None

    def _policy(self, retry_options: Any) -> RetryOptions:
        if isinstance(retry_options, RetryOptions):
            return retry_options
        first = getattr(retry_options, "first_retry_interval_in_milliseconds", None)
        attempts = getattr(retry_options, "max_number_of_attempts", None)
        if first is None or attempts is None:
            raise TypeError(f"retry_options must be df.RetryOptions, not {type(retry_options).__name__}")
        return RetryOptions(first, attempts)


_UUIDS = uuid.uuid5(uuid.NAMESPACE_OID, "9e952958-5e33-4daf-827f-2fa12937b875")
