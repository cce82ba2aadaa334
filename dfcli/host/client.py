"""The durable client that functions are handed, under Durable Functions' names.

It talks to the host in its own process directly. Its coroutines may be awaited on the host's loop or on any other,
such as the one that user code runs on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from dfcli.authoring.http import HttpRequest, HttpResponse
from dfcli.errors import InvalidArgument, NotFound, TimedOut
from dfcli.host.entity_client import EntityClient
from dfcli.host.life_cycle_client import LifeCycleClient
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.model.links import MANAGEMENT_PATH, management_links
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary, OrchestrationRuntimeStatus
from dfcli.model.time import to_datetime, to_timestamp

if TYPE_CHECKING:
    from dfcli.host.host import Host

R = TypeVar("R")


class DurableOrchestrationStatus:
    """What `get_status` tells. False when there is no such instance."""

    def __init__(self, summary: InstanceSummary | None, history: list[h.Event] | None = None) -> None:
        self.instance_id = summary.instance_id if summary else None
        self.name = summary.name if summary else None
        self.created_time = to_datetime(summary.created) if summary else None
        self.last_updated_time = to_datetime(summary.updated) if summary else None
        self.input_ = payloads.decode(*summary.input) if summary else None
        self.output = payloads.decode(*summary.output) if summary else None
        self.custom_status = payloads.decode(*summary.custom_status) if summary else None
        self.runtime_status = OrchestrationRuntimeStatus(summary.status) if summary else None
        self.failure_details = summary.failure if summary else None
        self.history = history

    def __bool__(self) -> bool:
        return self.instance_id is not None

    def __repr__(self) -> str:
        return f"<{self.name} {self.instance_id}: {self.runtime_status}>"

    def to_json(self) -> dict[str, Any]:
        """The members that are known, with Durable Functions' names."""
        known = {
            "name": self.name,
            "instanceId": self.instance_id,
            "createdTime": _vendor_time(self.created_time),
            "lastUpdatedTime": _vendor_time(self.last_updated_time),
            "output": self.output,
            "input": self.input_,
            "runtimeStatus": self.runtime_status.value if self.runtime_status else None,
            "customStatus": self.custom_status,
        }
        return {name: value for name, value in known.items() if value is not None}


class PurgeHistoryResult:
    """How many instances a purge removed."""

    def __init__(self, instances_deleted: int) -> None:
        self.instances_deleted = instances_deleted


class DurableOrchestrationClient(EntityClient, LifeCycleClient):
    """Start, ask, raise events, stop and purge. Errors are `DfError`s."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def task_hub_name(self) -> str:
        return self._host.hub_name

    async def start_new(
        self,
        orchestration_function_name: str | Callable[..., Any],
        instance_id: str | None = None,
        client_input: Any = None,
        version: str | None = None,
        *,
        start_at: datetime | None = None,
    ) -> str:
        """The id of the new instance, durable when this returns. InstanceExists when a live one holds the id.

        Before `start_at` no code runs; a time without a zone is UTC.
        """
        name = _function_name(orchestration_function_name)
        payload = payloads.encode(client_input)
        due = to_timestamp(start_at) if start_at is not None else None
        return await self._run(
            lambda: self._host.start_instance(name, payload, instance_id=instance_id, version=version, start_at=due)
        )

    async def get_status(
        self,
        instance_id: str,
        show_history: bool = False,
        show_history_output: bool = False,
        show_input: bool = True,
    ) -> DurableOrchestrationStatus:
        """The status; false for an unknown id. `history` holds the events when asked for."""
        del show_history_output, show_input  # both are always at hand here

        async def read() -> DurableOrchestrationStatus:
            summary = self._host.summary(instance_id)
            history = self._host.history(instance_id) if summary is not None and show_history else None
            return DurableOrchestrationStatus(summary, history)

        return await self._run(read)

    async def get_status_all(self) -> list[DurableOrchestrationStatus]:
        return await self.get_status_by()

    async def get_status_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: list[OrchestrationRuntimeStatus] | None = None,
        instance_id_prefix: str | None = None,
    ) -> list[DurableOrchestrationStatus]:
        """Every instance that matches, not just a first page."""
        which = _filter(created_time_from, created_time_to, runtime_status, instance_id_prefix or "")

        async def read() -> list[DurableOrchestrationStatus]:
            found: list[DurableOrchestrationStatus] = []
            continuation = ""
            while True:
                page = self._host.query(which, top=1000, continuation=continuation)
                found += [DurableOrchestrationStatus(summary) for summary in page.items]
                continuation = page.continuation
                if not continuation:
                    return found
                await asyncio.sleep(0)

        return await self._run(read)

    async def raise_event(
        self,
        instance_id: str,
        event_name: str,
        event_data: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Durable when this returns. NotFound, InstanceGone."""
        del connection_name
        if not event_name:
            raise ValueError("event_name must be a non-empty string.")
        if task_hub_name and task_hub_name.casefold() != self._host.hub_name.casefold():
            await self._host.other_hubs.client(task_hub_name).raise_event(instance_id, event_name, event_data)
            return
        payload = payloads.encode(event_data)
        await self._run(lambda: self._host.raise_event(instance_id, event_name, payload))

    async def terminate(self, instance_id: str, reason: str = "", *, recursive: bool = False) -> None:
        """`recursive`: with the sub-orchestrations that live below it."""
        await self._run(lambda: self._host.terminate(instance_id, reason, recursive=recursive))

    async def suspend(self, instance_id: str, reason: str = "") -> None:
        await self._run(lambda: self._host.suspend(instance_id, reason))

    async def resume(self, instance_id: str, reason: str = "") -> None:
        await self._run(lambda: self._host.resume(instance_id, reason))

    async def purge_instance_history(self, instance_id: str, *, recursive: bool = False) -> PurgeHistoryResult:
        """Remove one ended instance, `recursive`: and the sub-orchestrations below it; an unknown id removes none.
        WrongState for a live one."""
        try:
            return PurgeHistoryResult(await self._run(lambda: self._host.purge(instance_id, recursive=recursive)))
        except NotFound:
            return PurgeHistoryResult(0)

    async def purge_instance_history_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: list[OrchestrationRuntimeStatus] | None = None,
    ) -> PurgeHistoryResult:
        """Remove the ended instances that match."""
        which = _filter(created_time_from, created_time_to, runtime_status, "")
        return PurgeHistoryResult(await self._run(lambda: self._host.purge_by(which)))

    async def wait(self, instance_id: str, timeout: float | None = None) -> DurableOrchestrationStatus:
        """The status once the instance has ended, without polling. TimedOut after `timeout` seconds."""
        return DurableOrchestrationStatus(await self._run(lambda: self._host.wait(instance_id, timeout)))

    async def wait_for_completion_or_create_check_status_response(
        self,
        request: HttpRequest,
        instance_id: str,
        timeout_in_milliseconds: int = 10_000,
        retry_interval_in_milliseconds: int = 1_000,
    ) -> HttpResponse:
        """The output as the answer when the instance ends in time, otherwise the check-status answer."""
        if retry_interval_in_milliseconds > timeout_in_milliseconds:
            raise InvalidArgument(
                f"Total timeout {timeout_in_milliseconds / 1000:g} (in seconds) should be bigger than "
                f"retry timeout {retry_interval_in_milliseconds / 1000:g} (in seconds)"
            )
        try:
            status = await self.wait(instance_id, timeout_in_milliseconds / 1000)
        except (TimedOut, NotFound):
            return self.create_check_status_response(request, instance_id)
        if status.runtime_status is OrchestrationRuntimeStatus.Completed:
            return _json_response(status.output)
        failed = status.runtime_status is OrchestrationRuntimeStatus.Failed
        return _json_response(status.to_json(), 500 if failed else 200)

    def create_check_status_response(self, request: HttpRequest, instance_id: str) -> HttpResponse:
        """202 with the links to ask for and steer the instance, on the request's own origin."""
        links = self.get_client_response_links(request, instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return _json_response(links, 202, headers)

    def create_http_management_payload(self, instance_id: str) -> dict[str, str]:
        """The links, on the address the host serves. RuntimeError when it serves none."""
        if not self._host.base_url:
            raise RuntimeError("this host serves no HTTP: there are no management links to give")
        return management_links(self._host.base_url, instance_id, self._host.hub_name, code=self._host.link_code())

    def get_client_response_links(self, request: HttpRequest, instance_id: str) -> dict[str, str]:
        """The links, on the origin that the request came to."""
        origin = urlsplit(request.url)
        base = f"{origin.scheme}://{origin.netloc}{MANAGEMENT_PATH}"
        return management_links(base, instance_id, self._host.hub_name, code=self._host.link_code())

    def _check_hub(self, task_hub_name: str | None) -> None:
        if task_hub_name and task_hub_name.casefold() != self._host.hub_name.casefold():
            raise InvalidArgument(
                f"the task hub {task_hub_name!r} is not the one this host runs",
                why=f"this host runs the task hub {self._host.hub_name!r}",
            )

    async def _run(self, act: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Await on the host's loop, whichever loop the caller is on."""
        if asyncio.get_running_loop() is self._host.loop:
            return await act()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act(), self._host.loop))

    def run_blocking(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Await from a thread that runs no loop. RuntimeError on the host's own, which would wait for itself."""
        if asyncio._get_running_loop() is self._host.loop:
            coroutine.close()
            raise RuntimeError("this client blocks, and must not on the host's own thread: use an `async def` function")
        return asyncio.run_coroutine_threadsafe(coroutine, self._host.loop).result()


class SyncDurableOrchestrationClient:
    """The same client for plain `def` functions: every coroutine method blocks and returns its result."""

    def __init__(self, client: DurableOrchestrationClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if not inspect.iscoroutinefunction(member):
            return member

        def call(*arguments: Any, **named: Any) -> Any:
            return self._client.run_blocking(member(*arguments, **named))

        return call


def _json_response(value: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    body = payloads.encode(value).json_text or "null"
    return HttpResponse(body, status_code=status_code, headers=headers, mimetype="application/json")


def _function_name(function: str | Callable[..., Any]) -> str:
    if isinstance(function, str):
        return function
    definition = getattr(function, "__dfcli__", None)
    if definition is None:
        raise TypeError(f"{function!r} is not a function of the app: decorate it, or give its name")
    return str(definition.name)


def _filter(
    created_from: datetime | None,
    created_to: datetime | None,
    statuses: list[OrchestrationRuntimeStatus] | None,
    prefix: str,
) -> InstanceFilter:
    return InstanceFilter(
        statuses=frozenset(str(getattr(status, "value", status)) for status in statuses or ()),
        prefix=prefix,
        created_from=to_timestamp(created_from) if created_from is not None else None,
        created_to=to_timestamp(created_to) if created_to is not None else None,
    )


def _vendor_time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment is not None else None
