"""dfcli: Durable Functions on one machine. The public names for app authors; all else is internal.

    import dfcli as df

    app = df.DFApp()

A name's module is imported when the name is first used, so that `import dfcli` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfcli.authoring.activity import ActivityInfo, activity_info
    from dfcli.authoring.app import Blueprint, DFApp
    from dfcli.authoring.cloud_bindings import Out
    from dfcli.authoring.context import DurableOrchestrationContext
    from dfcli.authoring.entity import DurableEntity, DurableEntityContext
    from dfcli.authoring.entity_id import EntityId
    from dfcli.authoring.failures import TaskCancelledError, TaskFailedError
    from dfcli.authoring.http import (
        DurableHttpResponse,
        HttpMethod,
        HttpRequest,
        HttpResponse,
        ManagedIdentityTokenSource,
    )
    from dfcli.authoring.invocation import Context
    from dfcli.authoring.retry import RetryOptions
    from dfcli.authoring.tasks import Task, TaskState
    from dfcli.authoring.timer import TimerRequest
    from dfcli.authoring.triggers import AuthLevel
    from dfcli.errors import DfError
    from dfcli.host.client import DurableOrchestrationClient, DurableOrchestrationStatus, PurgeHistoryResult
    from dfcli.host.entity_client import EntityMetadata, EntityStateResponse
    from dfcli.host.host import Host
    from dfcli.host.log_context import LogContext
    from dfcli.host.settings import HostSettings
    from dfcli.model.failure import FailureDetails
    from dfcli.model.status import OrchestrationRuntimeStatus

__all__ = [
    "ActivityInfo",
    "AuthLevel",
    "Blueprint",
    "Context",
    "DFApp",
    "DfError",
    "DurableEntity",
    "DurableEntityContext",
    "DurableHttpResponse",
    "DurableOrchestrationClient",
    "DurableOrchestrationContext",
    "DurableOrchestrationStatus",
    "EntityId",
    "EntityMetadata",
    "EntityStateResponse",
    "FailureDetails",
    "Host",
    "HostSettings",
    "HttpMethod",
    "HttpRequest",
    "HttpResponse",
    "LogContext",
    "ManagedIdentityTokenSource",
    "OrchestrationRuntimeStatus",
    "Out",
    "PurgeHistoryResult",
    "RetryOptions",
    "Task",
    "TaskCancelledError",
    "TaskFailedError",
    "TaskState",
    "TimerRequest",
    "activity_info",
]

_HOMES = {
    "ActivityInfo": "dfcli.authoring.activity",
    "AuthLevel": "dfcli.authoring.triggers",
    "Blueprint": "dfcli.authoring.app",
    "Context": "dfcli.authoring.invocation",
    "DFApp": "dfcli.authoring.app",
    "DurableEntity": "dfcli.authoring.entity",
    "DurableEntityContext": "dfcli.authoring.entity",
    "DfError": "dfcli.errors",
    "DurableHttpResponse": "dfcli.authoring.http",
    "DurableOrchestrationClient": "dfcli.host.client",
    "DurableOrchestrationContext": "dfcli.authoring.context",
    "EntityId": "dfcli.authoring.entity_id",
    "DurableOrchestrationStatus": "dfcli.host.client",
    "EntityMetadata": "dfcli.host.entity_client",
    "EntityStateResponse": "dfcli.host.entity_client",
    "FailureDetails": "dfcli.model.failure",
    "Host": "dfcli.host.host",
    "HostSettings": "dfcli.host.settings",
    "HttpMethod": "dfcli.authoring.http",
    "HttpRequest": "dfcli.authoring.http",
    "HttpResponse": "dfcli.authoring.http",
    "LogContext": "dfcli.host.log_context",
    "ManagedIdentityTokenSource": "dfcli.authoring.http",
    "OrchestrationRuntimeStatus": "dfcli.model.status",
    "Out": "dfcli.authoring.cloud_bindings",
    "PurgeHistoryResult": "dfcli.host.client",
    "RetryOptions": "dfcli.authoring.retry",
    "Task": "dfcli.authoring.tasks",
    "TaskCancelledError": "dfcli.authoring.failures",
    "TaskFailedError": "dfcli.authoring.failures",
    "TaskState": "dfcli.authoring.tasks",
    "TimerRequest": "dfcli.authoring.timer",
    "activity_info": "dfcli.authoring.activity",
}
"""Name → the module that holds it. A test keeps this, `__all__` and the imports above equal."""


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dfcli' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
