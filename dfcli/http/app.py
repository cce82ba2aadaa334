"""The ASGI application over a running host: guard, then areas, then the app's own functions.

Starlette's router is not used: Durable Functions' paths match without regard to case, a wrong method is 404, and
segments are decoded after they are split. Its responses and types are.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dfcli.authoring.triggers import AuthLevel, FunctionDefinition
from dfcli.env.ids import Ids, RandomIds
from dfcli.errors import DfError, OutcomeUnknown
from dfcli.host.tracing import callers_trace
from dfcli.http import admin, entities, listing, management, own_routes
from dfcli.http import own_contract as o
from dfcli.http.answers import Refusal, answer, broken, encode, nothing, refused, refused_as_durable
from dfcli.http.call import Call, ClientGone, Service
from dfcli.http.cors import RESERVED, Cors
from dfcli.http.guard import LOOPBACK_NAMES, Guard
from dfcli.http.openapi import Served, openapi_document
from dfcli.http.ports import SERVING as TAKES_WORK
from dfcli.http.ports import HostPort
from dfcli.http.routing import Access, RouteTable, parameters, path_segments
from dfcli.http.strict_query import refuse_unknown
from dfcli.http.triggers import USER_BODY_MAX, TriggerTable, no_route, run_trigger
from dfcli.model.trace import TraceContext, context_of
from dfcli.storage.keys import KeyScope

log = logging.getLogger("dfcli.http")

root_routes = RouteTable()
"""Routes of no area; anything else may be the app's."""


@root_routes.add("GET", "", access=Access.OPEN, promises=o.ROOT)
@root_routes.add("HEAD", "", access=Access.OPEN, promises=replace(o.ROOT, id="rootHead"))
async def root_page(call: Call) -> Response:  # noqa: ARG001 - it tells strangers nothing of the host
    return Response("dfcli is running.\n", media_type="text/plain")


@root_routes.add("GET", "healthz", access=Access.OPEN, promises=o.HEALTHZ)
@root_routes.add("HEAD", "healthz", access=Access.OPEN, promises=replace(o.HEALTHZ, id="healthzHead"))
async def healthz(call: Call) -> Response:
    """For service supervisors: 503 while the host takes no new work."""
    word = call.service.health
    return Response(f"{word}\n", 200 if word in TAKES_WORK else 503, media_type="text/plain")


@dataclass(frozen=True, slots=True)
class Area:
    """A base address, the routes below it, and how it words a refusal."""

    base: tuple[str, ...]
    table: RouteTable
    refuse: Callable[[DfError, Ids], Response]
    is_worker: bool = False
    is_python_1: bool = False
    """Whether callers are the 1.x SDK for Python, which encodes inputs twice."""
    is_strict: bool = False
    """Whether query parameters that the route does not promise are refused."""
    has_hubs: bool = True
    """Whether the parameter `taskHub` chooses among the app's task hubs."""
    access: Access = Access.SYSTEM
    """What must be shown to learn that there is no such route."""

    def unknown(self, allowed: Sequence[str], ids: Ids) -> Response:
        """No such route. On durable paths a wrong method is 404 as well, as Durable Functions has it."""
        if not self.is_strict:
            return nothing(404)
        return refused(_unknown(allowed), ids)


def _unknown(allowed: Sequence[str]) -> DfError:
    """Nothing is there; or it is, for the methods that are allowed."""
    if not allowed:
        return no_route()
    headers = {"allow": ", ".join(sorted(allowed))}
    return Refusal(405, "method_not_allowed", "the method does not fit here", headers=headers)


SCOPES: dict[Access | AuthLevel, frozenset[KeyScope] | None] = {
    Access.OPEN: None,
    Access.SYSTEM: frozenset({KeyScope.SYSTEM, KeyScope.MASTER}),
    Access.ADMIN: frozenset({KeyScope.MASTER}),
    Access.FUNCTION: frozenset({KeyScope.FUNCTION, KeyScope.MASTER}),
    AuthLevel.ANONYMOUS: None,
    AuthLevel.FUNCTION: frozenset({KeyScope.FUNCTION, KeyScope.MASTER}),
    AuthLevel.ADMIN: frozenset({KeyScope.MASTER}),
}
"""Which keys open what; None: no key is asked for."""
document_routes = RouteTable()


@document_routes.add("GET", "openapi.json", access=Access.SYSTEM, promises=o.DOCUMENT)
async def document(call: Call) -> Response:
    service = call.service
    functions = service.host.registry
    made = openapi_document(
        SERVED, functions, version=service.version, url=call.origin, with_keys=service.gate is not None
    )
    return answer(encode(made))


durable_routes = RouteTable(management.routes, listing.routes, entities.routes, document_routes)
WORKER = "{token}"
HUB = "{hub}"
AREAS = (
    Area(("runtime", "webhooks", "durabletask"), durable_routes, refused_as_durable),
    Area(("admin", "extensions", "durabletaskextension"), durable_routes, refused_as_durable),
    Area(("admin",), admin.routes, refused_as_durable, has_hubs=False, access=Access.ADMIN),
    Area(("dfcli", "v1"), own_routes.routes, refused, is_strict=True, has_hubs=False),
    Area(("rpc", WORKER, "durabletask"), durable_routes, refused_as_durable, is_worker=True),
    Area(("rpc", WORKER, "hubs", HUB, "durabletask"), durable_routes, refused_as_durable, is_worker=True),
    Area(
        ("rpc", WORKER, "python1", "hubs", HUB, "durabletask"),
        durable_routes,
        refused_as_durable,
        is_worker=True,
        is_python_1=True,
    ),
    Area(
        ("rpc", WORKER, "python1", "durabletask"), durable_routes, refused_as_durable, is_worker=True, is_python_1=True
    ),
)
SERVED = (
    Served("/runtime/webhooks/durabletask", durable_routes),
    Served("/admin", admin.routes),
    Served("/dfcli/v1", own_routes.routes),
    Served("", root_routes),
)
"""What the OpenAPI document tells of; the other addresses are the same again."""


class Application:
    """The ASGI callable behind the guard."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._triggers = TriggerTable(service.host.registry, service.route_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = callers_trace.set(_trace_of(scope))
        try:
            response = await self._respond(scope, receive)
        except ClientGone:
            return
        finally:
            callers_trace.reset(token)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        refuse: Callable[[DfError, Ids], Response] = refused
        try:
            segments = path_segments(scope["raw_path"])
            area = self._area(segments)
            if area is not None:
                refuse = area.refuse
                hub = segments[area.base.index(HUB)] if HUB in area.base else ""
                return await self._in_area(area, scope, receive, segments[len(area.base) :], hub)
            return await self._elsewhere(scope, receive, segments)
        except DfError as error:
            return refuse(error, self.service.ids)
        except ClientGone:
            raise
        except asyncio.CancelledError:
            if not self.service.stopping.is_set():
                raise
            # The server's patience is over: the caller hears that, and that it must look before it repeats.
            return refuse(OutcomeUnknown("the host stopped before the request was done"), self.service.ids)
        except Exception:
            request_id = self.service.ids.new_id()
            log.exception("a request failed, id %s", request_id)
            return broken(request_id)

    def _area(self, segments: Sequence[str]) -> Area | None:
        for area in AREAS:
            given = segments[: len(area.base)]
            if len(given) == len(area.base) and all(map(self._is_base, area.base, given)):
                return area
        return None

    def _is_base(self, wanted: str, given: str) -> bool:
        if wanted == WORKER:
            return hmac.compare_digest(given.encode("latin-1"), self.service.host.rpc_token.encode("latin-1"))
        return wanted == HUB or wanted == given.lower()

    async def _in_area(
        self, area: Area, scope: Scope, receive: Receive, segments: Sequence[str], hub: str = ""
    ) -> Response:
        route, allowed = area.table.find(scope["method"], segments)
        if route is None:
            self._admit(Call(scope, self.service, {}, is_worker=area.is_worker), area.access)
            return area.unknown(allowed, self.service.ids)
        call = Call(
            scope,
            self.service,
            parameters(route, segments),
            is_worker=area.is_worker,
            is_python_1=area.is_python_1,
        )
        self._admit(call, route.access)
        if hub:
            call.choose_hub(hub, creating=True)  # a function of the app has named it
        if scope["query_string"]:
            if area.is_strict:
                refuse_unknown(route, call.query)
            elif area.has_hubs:
                call.choose_hub(call.query.text("taskhub"))
        await call.read_body(receive, route.body_max)
        return await route.handler(call)

    async def _elsewhere(self, scope: Scope, receive: Receive, segments: Sequence[str]) -> Response:
        method = scope["method"]
        route, allowed = root_routes.find(method, segments)
        if route is not None:
            call = Call(scope, self.service, {})
            self._admit(call, route.access)
            return await route.handler(call)
        if segments and segments[0].lower() in RESERVED:
            return refused(no_route(), self.service.ids)
        if self._triggers.registry is not self.service.host.registry:
            self._triggers = TriggerTable(self.service.host.registry, self.service.route_prefix)
        found = self._triggers.find(method, segments)
        if found is None:
            return refused(_unknown(allowed), self.service.ids)
        function, values = found
        call = Call(scope, self.service, values)
        try:
            self._admit(call, Access.FUNCTION, function)
        except Refusal as refusal:
            if refusal.status == 429:
                raise
            return nothing(refusal.status, refusal.headers)  # as Azure has it: no body
        await call.read_body(receive, USER_BODY_MAX)
        return await run_trigger(call, function)

    def _admit(self, call: Call, access: Access, function: FunctionDefinition | None = None) -> None:
        """The one place where keys are asked for: before a body is read, before anything is done. Raises Refusal.

        The workers' address is a secret of its own, and asks for no other.
        """
        gate = self.service.gate
        if gate is None or call.is_worker:
            return
        allowed = SCOPES[function.auth_level if function is not None else access]
        if allowed is not None:
            gate.check(call, allowed)


def _trace_of(scope: Scope) -> TraceContext | None:
    """The trace that the request belongs to, for instances that it starts."""
    headers = dict(scope["headers"])
    given = headers.get(b"traceparent")
    if given is None:
        return None
    return context_of(given.decode("latin-1"), headers.get(b"tracestate", b"").decode("latin-1"))


def build_app(
    host: HostPort,
    *,
    version: str = "",
    ids: Ids | None = None,
    route_prefix: str = "api",
    allowed_hosts: frozenset[str] = LOOPBACK_NAMES,
    cors: Cors | None = None,
) -> tuple[ASGIApp, Service]:
    """The whole application, and the value that stops its waiting requests."""
    service = Service(host=host, ids=ids or RandomIds(), route_prefix=route_prefix, version=version)
    return Guard(Application(service), ids=service.ids, allowed_hosts=allowed_hosts, cors=cors), service
