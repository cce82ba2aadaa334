"""The part of the durable client that takes instances back or starts them again, and the names that the second line of
Durable Functions' SDK for Python gives to what the client can do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from dfcli.model.status import OrchestrationRuntimeStatus

if TYPE_CHECKING:
    from dfcli.host.client import DurableOrchestrationStatus, PurgeHistoryResult
    from dfcli.host.host import Host

R = TypeVar("R")


class LifeCycleClient:
    """Rewind and restart. Errors are `DfError`s."""

    _host: Host

    if TYPE_CHECKING:  # the client's own

        async def _run(self, act: Callable[[], Coroutine[Any, Any, R]]) -> R: ...

        async def start_new(
            self,
            orchestration_function_name: str | Callable[..., Any],
            instance_id: str | None = None,
            client_input: Any = None,
            version: str | None = None,
            *,
            start_at: datetime | None = None,
        ) -> str: ...

        async def get_status(self, instance_id: str) -> DurableOrchestrationStatus: ...

        async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None: ...

        async def terminate(self, instance_id: str, reason: str = "", *, recursive: bool = False) -> None: ...

        async def suspend(self, instance_id: str, reason: str = "") -> None: ...

        async def resume(self, instance_id: str, reason: str = "") -> None: ...

        async def purge_instance_history(self, instance_id: str, *, recursive: bool = False) -> PurgeHistoryResult: ...

        async def purge_instance_history_by(
            self,
            created_time_from: datetime | None = None,
            created_time_to: datetime | None = None,
            runtime_status: list[OrchestrationRuntimeStatus] | None = None,
        ) -> PurgeHistoryResult: ...

        async def wait(self, instance_id: str, timeout: float | None = None) -> DurableOrchestrationStatus: ...

    async def rewind(
        self,
        instance_id: str,
        reason: str = "",
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Take a failed instance back to before its failure, with the sub-orchestrations that failed below it, and let
        it go on. NotFound, WrongState, NonDeterminismError when the code does not repeat what would be left."""
        del connection_name
        if task_hub_name and task_hub_name.casefold() != self._host.hub_name.casefold():
            await self._host.other_hubs.client(task_hub_name).rewind(instance_id, reason)
            return
        await self._run(lambda: self._host.rewind(instance_id, reason))

    async def restart(self, instance_id: str, restart_with_new_instance_id: bool = True) -> str:
        """The id of a new instance with the name and the input of this one. NotFound; InstanceExists when it is to have
        the same id and this one lives."""
        return await self._run(lambda: self._host.restart(instance_id, new_id=restart_with_new_instance_id))

    # -- other names ---------------------------------------------------------------------------------------------

    async def schedule_new_orchestration(
        self,
        orchestrator: str | Callable[..., Any],
        *,
        input: Any = None,
        instance_id: str | None = None,
        start_at: datetime | None = None,
        version: str | None = None,
    ) -> str:
        """`start_new`."""
        return await self.start_new(orchestrator, instance_id, input, version, start_at=start_at)

    async def get_orchestration_state(
        self, instance_id: str, *, fetch_payloads: bool = True
    ) -> DurableOrchestrationStatus | None:
        """`get_status`, but None for an unknown id."""
        del fetch_payloads  # they are at hand
        return await self.get_status(instance_id) or None

    async def wait_for_orchestration_completion(
        self, instance_id: str, *, fetch_payloads: bool = True, timeout: float | None = 60
    ) -> DurableOrchestrationStatus:
        """`wait`. TimedOut after `timeout` seconds."""
        del fetch_payloads
        return await self.wait(instance_id, timeout or None)

    async def raise_orchestration_event(self, instance_id: str, event_name: str, *, data: Any = None) -> None:
        """`raise_event`."""
        await self.raise_event(instance_id, event_name, data)

    async def terminate_orchestration(self, instance_id: str, *, output: Any = None, recursive: bool = True) -> None:
        """`terminate`, by default with the sub-orchestrations that live below."""
        await self.terminate(instance_id, "" if output is None else str(output), recursive=recursive)

    async def suspend_orchestration(self, instance_id: str) -> None:
        """`suspend`."""
        await self.suspend(instance_id)

    async def resume_orchestration(self, instance_id: str) -> None:
        """`resume`."""
        await self.resume(instance_id)

    async def rewind_orchestration(self, instance_id: str, *, reason: str = "") -> None:
        """`rewind`."""
        await self.rewind(instance_id, reason)

    async def restart_orchestration(self, instance_id: str, *, restart_with_new_instance_id: bool = False) -> str:
        """`restart`, by default under the same id."""
        return await self.restart(instance_id, restart_with_new_instance_id)

    async def purge_orchestration(self, instance_id: str, recursive: bool = True) -> PurgeHistoryResult:
        """`purge_instance_history`, by default with the sub-orchestrations below."""
        return await self.purge_instance_history(instance_id, recursive=recursive)

    async def purge_orchestrations_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: list[OrchestrationRuntimeStatus] | None = None,
    ) -> PurgeHistoryResult:
        """`purge_instance_history_by`."""
        return await self.purge_instance_history_by(created_time_from, created_time_to, runtime_status)
