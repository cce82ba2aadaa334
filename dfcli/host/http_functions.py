"""Calling an HTTP function of the app, so that nothing it raises reaches further than its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from dfcli.authoring.http import HttpRequest
from dfcli.authoring.running import FunctionCall, current
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.env.environment import Env
from dfcli.host.client import DurableOrchestrationClient, SyncDurableOrchestrationClient
from dfcli.host.user_loop import UserLoop

if TYPE_CHECKING:
    from dfcli.host.host import Host

_NOT_CARRIED = (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, asyncio.CancelledError)
"""What a future refuses to carry, or what would end the loop that awaits it."""


class HttpFunctions:
    """The part of the host that runs HTTP functions; `Host` gives it what it names here."""

    env: Env
    loop: asyncio.AbstractEventLoop
    user_loop: UserLoop
    _client: DurableOrchestrationClient | None = None

    @property
    def client(self) -> DurableOrchestrationClient:
        """The client of Durable Functions' programming model, wired to this host."""
        if self._client is None:
            self._client = DurableOrchestrationClient(cast("Host", self))
        return self._client

    async def run_http_function(self, definition: FunctionDefinition, request: HttpRequest) -> Any:
        """What an HTTP function of the app returns for a request; an Exception that it raises is raised."""
        headers = request.headers
        token = current.set(
            FunctionCall(
                kind="http",
                name=definition.name,
                trace_parent=headers.get("traceparent", ""),
                trace_state=headers.get("tracestate", ""),
            )
        )
        try:
            return await self._run_http_function(definition, request)
        finally:
            current.reset(token)

    async def _run_http_function(self, definition: FunctionDefinition, request: HttpRequest) -> Any:
        arguments: dict[str, Any] = {}
        if definition.parameter is not None:
            arguments[definition.parameter] = request
        if definition.is_async:
            if definition.client_parameter is not None:
                arguments[definition.client_parameter] = self.client
            user_loop = self.user_loop.get()
            if user_loop is self.loop:
                return await call_async(definition.function, arguments)
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(call_async(definition.function, arguments), user_loop)
            )
        if definition.client_parameter is not None:
            arguments[definition.client_parameter] = SyncDurableOrchestrationClient(self.client)
        if self.env.spawn is None:
            return call(definition.function, arguments)
        return await self.loop.run_in_executor(None, copy_context().run, call, definition.function, arguments)


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What a plain function returns. Raises Exceptions only."""
    try:
        return function(**arguments)
    except _NOT_CARRIED as error:
        raise _told(error) from error


async def call_async(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What an `async def` function returns. Raises Exceptions only, unless this very call is cancelled."""
    try:
        return await function(**arguments)
    except _NOT_CARRIED as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise _told(error) from error


def _told(error: BaseException) -> RuntimeError:
    return RuntimeError(f"the function raised {type(error).__name__}: {error}")
