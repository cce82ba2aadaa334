"""Calling HTTP and timer functions of the app, so that nothing they raise reaches further than their caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import msgspec

from dfcli.authoring.cloud_bindings import HTTP_OUTPUT
from dfcli.authoring.http import HttpRequest
from dfcli.authoring.invocation import TraceContext
from dfcli.authoring.running import FunctionCall, current
from dfcli.authoring.timer import TimerRequest
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.env.environment import Env
from dfcli.errors import DfError, NotFound, TimedOut, Unavailable
from dfcli.host.by_hand import FunctionRun, TriggerInput, check_can_run, run_by_hand
from dfcli.host.client import DurableOrchestrationClient, SyncDurableOrchestrationClient
from dfcli.host.client_payload import ADDRESSES, ClientSdk, client_payload
from dfcli.host.function_extras import Extras
from dfcli.host.settings import HostSettings
from dfcli.host.threads import Threads
from dfcli.host.user_loop import UserLoop
from dfcli.registry.registry import Registry
from dfcli.registry.schedules import filled_in

if TYPE_CHECKING:
    from dfcli.host.host import Host
    from dfcli.host.hub_elsewhere import HubElsewhere
    from dfcli.host.other_hubs import OtherHubs
    from dfcli.host.timer_triggers import TimerTriggers

log = logging.getLogger("dfcli.host")

_NOT_CARRIED = (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, asyncio.CancelledError)
"""What a future refuses to carry, or what would end the loop that awaits it."""


class HttpFunctions:
    """The part of the host that runs HTTP and timer functions; `Host` gives it what it names here."""

    env: Env
    loop: asyncio.AbstractEventLoop
    user_loop: UserLoop
    registry: Registry
    extras: Extras
    other_hubs: OtherHubs
    timer_triggers: TimerTriggers
    settings: HostSettings
    _function_threads: Threads
    _turns: asyncio.Semaphore | None
    """Bounds the HTTP functions that run at a time; None: nothing does."""
    _client: DurableOrchestrationClient | None = None
    _by_hand: set[asyncio.Task[None]]
    """Runs that nobody waits for."""
    base_url: str
    hub_name: str
    rpc_token: str
    link_code: Callable[[], str]

    @property
    def client(self) -> DurableOrchestrationClient:
        """The client of Durable Functions' programming model, wired to this host."""
        if self._client is None:
            self._client = DurableOrchestrationClient(cast("Host", self))
        return self._client

    def client_for(self, definition: FunctionDefinition) -> object:
        """The client that a function asks for; a plain one gets the client whose methods block."""
        name = definition.client_task_hub
        if definition.make_client is not None:
            return definition.make_client(
                self.client_payload(filled_in(name, self.settings.app_values) if name else None)
            )
        client = self.client if not name else self.other_hubs.client(filled_in(name, self.settings.app_values))
        return client if definition.is_async else SyncDurableOrchestrationClient(client)

    def client_payload(self, task_hub: str | None, sdk: ClientSdk = ClientSdk.python1) -> str:
        """The text that makes a durable client of another library, for this host's hub or for another of the app.
        Unavailable while nothing serves the management API."""
        if not self.base_url:
            raise Unavailable(
                "the durable client of Azure's SDK needs the HTTP API of this host, which is not served",
                why="that client speaks HTTP only",
                hint="host the app with `dfcli run`, or serve the API of the embedded host",
            )
        origin = self.base_url.removesuffix("/runtime/webhooks/durabletask")
        rpc = f"{origin}/rpc/{self.rpc_token}/{ADDRESSES[sdk]}/"
        if task_hub and task_hub.lower() != self.hub_name.lower():  # clients name no hub when they start or ask
            rpc = rpc.replace("/durabletask/", f"/hubs/{quote(task_hub, safe='')}/durabletask/")
        payload = client_payload(self.base_url, rpc, task_hub or self.hub_name, code=self.link_code())
        return msgspec.json.encode(payload).decode()

    def other_hub(self, name: str, *, creating: bool = False) -> HubElsewhere | None:
        """A task hub beside this one, for requests that name it; None when there is none of that name."""
        return self.other_hubs.elsewhere(name, creating=creating)

    def run_timer_now(self, name: str) -> None:
        """Begin one run of a timer function beside its schedule. NotFound; WrongState while it runs."""
        self.timer_triggers.run_now(name)

    async def run_http_function(self, definition: FunctionDefinition, request: HttpRequest) -> Any:
        """What an HTTP function of the app returns for a request; an Exception that it raises is raised."""
        headers = request.headers
        trace = TraceContext(headers.get("traceparent", ""), headers.get("tracestate", ""))
        arguments = self.extras(definition, trace=trace)
        async with self._turns or contextlib.nullcontext():
            result = await self.run_function(definition, request, arguments)
        if result is None and definition.outputs:
            for name, service in definition.outputs.items():
                if service == HTTP_OUTPUT:
                    return arguments[name].get()
        return result

    async def run_by_hand(self, name: str, given: TriggerInput) -> FunctionRun:
        """Run a function that is no durable one once, whatever triggers it. NotFound, InvalidArgument, WrongState."""
        definition = self._named(name)
        if definition.kind != "timer":
            return await run_by_hand(self, definition, given)
        request = self.timer_triggers.begin_by_hand(definition.name)
        try:
            return await run_by_hand(self, definition, given, request)
        finally:
            self.timer_triggers.end_by_hand(definition.name)

    def begin_by_hand(self, name: str, data: bytes) -> None:
        """Begin such a run; how it ends is told in the log. NotFound, InvalidArgument, WrongState."""
        definition = self._named(name)
        check_can_run(definition)
        if definition.kind == "timer":
            self.timer_triggers.run_now(definition.name)
            return

        async def run() -> None:
            try:
                done = await run_by_hand(self, definition, TriggerInput(data=data))
            except DfError as error:
                log.error("function %s, run by hand, failed: %s", definition.name, error)
            else:
                if done.failure is not None:
                    log.error("function %s, run by hand, failed: %s", definition.name, done.failure)

        task = self.loop.create_task(run())
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)

    async def drain_by_hand(self, seconds: float) -> None:
        """Wait for the runs that nobody waits for; those that are not done by then are cut off."""
        if self._by_hand:
            _, left = await asyncio.wait(self._by_hand, timeout=seconds)
            for task in left:
                task.cancel()
            if left:
                log.warning("%d functions that run by hand are cut off", len(left))

    def _named(self, name: str) -> FunctionDefinition:
        wanted = name.casefold()
        for definition in self.registry.all:
            if definition.name.casefold() == wanted:
                return definition
        raise NotFound(f"there is no function {name[:80]!r}", hint="dfcli functions")

    async def run_timer_function(self, definition: FunctionDefinition, request: TimerRequest) -> None:
        """One run of a timer function; an Exception that it raises is raised."""
        await self.run_function(definition, request, self.extras(definition))

    async def run_function(self, definition: FunctionDefinition, value: object, arguments: dict[str, Any]) -> Any:
        """What the function returns, given `arguments` beside the trigger's value. Raises what it raises, TimedOut."""
        if definition.parameter is not None:
            arguments[definition.parameter] = value if definition.adapt is None else definition.adapt(value)
        token = current.set(FunctionCall(kind=definition.kind or "", name=definition.name))
        try:
            async with asyncio.timeout(self.settings.function_timeout or None) as patience:
                return await self._perform(definition, arguments)
        except TimeoutError:
            if not patience.expired():
                raise  # the function's own
            raise TimedOut(
                f"function {definition.name!r} was given up after {self.settings.function_timeout:g} s",
                why="the setting function_timeout allows no more; a plain function goes on in its thread, unheard",
            ) from None
        finally:
            current.reset(token)

    async def _perform(self, definition: FunctionDefinition, arguments: dict[str, Any]) -> Any:
        if not definition.is_async:
            return await self.in_thread(lambda: call(definition.function, arguments))
        user_loop = self.user_loop.get()
        if user_loop is self.loop:
            return await call_async(definition.function, arguments)
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(call_async(definition.function, arguments), user_loop)
        )

    def in_thread(self, act: Callable[[], Any], threads: Threads | None = None) -> asyncio.Future[Any]:
        """What `act` returns or raises, an Exception at most, run in a thread that never delays the exit; by default
        one of those for plain functions.

        In a simulation it runs on the loop's own thread.
        """
        future: asyncio.Future[Any] = self.loop.create_future()
        context = copy_context()

        def work() -> None:
            try:
                result, error = context.run(act), None
            except Exception as raised:
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
                self.loop.call_soon_threadsafe(_settle, future, result, error)

        (threads or self._function_threads).run([work])
        return future


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():  # whoever asked has gone
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


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
