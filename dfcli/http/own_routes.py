"""The house's own routes: what Durable Functions' API cannot say, so that commands are as rich with the host up.

Every refusal carries what, why and hint. Bodies must be JSON (415), other methods of a path are named (405).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from dfcli.errors import InvalidArgument, NotFound
from dfcli.host.client_payload import ClientSdk
from dfcli.http import own_contract as o
from dfcli.http import wire
from dfcli.http.answers import Refusal, answer, encode
from dfcli.http.by_hand import function_to_run, trigger_input
from dfcli.http.call import Call
from dfcli.http.check_status import WAIT_SECONDS_MAX, ended
from dfcli.http.exchange import authority_of
from dfcli.http.key_proof import NONCE_CHARACTERS
from dfcli.http.listing import PAGE_DEFAULT, PAGE_MAX
from dfcli.http.routing import DURABLE_BODY_MAX, Access, RouteTable
from dfcli.http.strict_query import StrictQuery
from dfcli.model.entity_ids import is_entity_id, parse_entity_id
from dfcli.model.ids import check_event_name, check_instance_id
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary

routes = RouteTable()
LINES = "application/x-ndjson"


@routes.add("GET", "health", access=Access.OPEN, promises=o.HEALTH)
async def health(call: Call) -> Response:
    return answer(encode({"status": call.service.health}))


@routes.add("GET", "challenge", access=Access.OPEN, promises=o.CHALLENGE)
async def challenge(call: Call) -> Response:
    """Proves to whoever knows the hub's key that this host knows it too; see `key_proof`."""
    nonce = call.query.text("nonce")
    if len(nonce) not in NONCE_CHARACTERS or not nonce.isascii() or not nonce.isprintable():
        raise InvalidArgument("the nonce cannot be used", why="it has 16 to 128 printable characters")
    gate = call.service.gate
    proof = gate.ring.proof(nonce, authority_of(*call.scope["server"])) if gate is not None else ""
    return answer(encode({"proof": proof}))


@routes.add("GET", "hub", access=Access.SYSTEM, promises=o.HUB)
async def hub(call: Call) -> Response:
    host = call.host
    info = wire.HubInfo(
        hub_name=host.hub_name,
        hub_path=host.hub_path,
        process_id=os.getpid(),
        started_at=host.started_at,
        version=call.service.version,
    )
    return answer(encode(info))


@routes.add("GET", "functions", access=Access.SYSTEM, promises=o.FUNCTIONS)
async def functions(call: Call) -> Response:
    known = [
        wire.FunctionInfo(
            name=function.name,
            kind=function.kind,
            file=function.file,
            line=function.line,
            route=function.route,
            methods=None if function.methods is None else sorted(function.methods),
        )
        for function in call.host.registry.all
    ]
    return answer(encode(known))


@routes.add("POST", "functions/{name}/run", access=Access.ADMIN, body_max=DURABLE_BODY_MAX, promises=o.RUN)
async def run_function(call: Call) -> Response:
    _demand_json(call)
    name, given = function_to_run(call).name, trigger_input(call.body)
    return answer(encode(await call.host.run_by_hand(name, given)))


@routes.add("GET", "client-payload", access=Access.SYSTEM, promises=o.CLIENT)
async def client_payload(call: Call) -> Response:
    wanted = call.query.text("sdk") or ClientSdk.plain
    if wanted not in list(ClientSdk):
        raise InvalidArgument(f"there is no client of the kind {wanted[:40]!r}", why=f"sdk is {' or '.join(ClientSdk)}")
    return answer(call.host.client_payload(None, ClientSdk(wanted)).encode())


@routes.add("GET", "instances", access=Access.SYSTEM, promises=o.LIST)
async def list_instances(call: Call) -> Response:
    query = StrictQuery(call.query)
    which = InstanceFilter(
        statuses=query.statuses("status"),
        names=frozenset(query.words("name")),
        prefix=query.text("prefix") or "",
        created_from=query.moment("createdFrom"),
        created_to=query.moment("createdTo"),
        parent_id=query.text("parentId"),
        newest_first=query.flag("newestFirst", False),
    )
    top = query.integer("top", PAGE_DEFAULT, 1, PAGE_MAX)
    place = query.text("continuation") or ""
    page = await asyncio.to_thread(call.host.query, which, top=top, continuation=place)
    return answer(wire.encode_page(page))


@routes.add("GET", "instances/{id}", access=Access.SYSTEM, promises=o.STATUS)
async def status(call: Call) -> Response:
    return _status(call, _summary(call))


@routes.add("GET", "instances/{id}/wait", access=Access.SYSTEM, promises=o.WAIT)
async def wait(call: Call) -> Response:
    """The status when the instance has ended or `timeout` is over; the caller looks which."""
    seconds = min(StrictQuery(call.query).seconds("timeout") or 0.0, WAIT_SECONDS_MAX)
    return _status(call, await ended(call, _instance_id(call), seconds))


@routes.add("GET", "instances/{id}/events", access=Access.SYSTEM, promises=o.EVENTS)
async def events(call: Call) -> Response:
    found = await asyncio.to_thread(call.host.history, _instance_id(call), _exec(call))
    return Response(wire.encode_events(found), media_type=LINES)


@routes.add("GET", "instances/{id}/lines", access=Access.SYSTEM, promises=o.LINES)
async def lines(call: Call) -> Response:
    """The lines as they stand on the disk, envelope and checksum included."""
    found = await asyncio.to_thread(call.host.lines, _instance_id(call), _exec(call))
    return Response(b"".join(line if line.endswith(b"\n") else line + b"\n" for line in found), media_type=LINES)


@routes.add("POST", "orchestrators/{name}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=o.START)
async def start(call: Call) -> Response:
    _demand_json(call)
    query = StrictQuery(call.query)
    wanted = query.text("instanceId")
    instance_id = await call.host.start_instance(
        call.params["name"],
        call.payload(),
        instance_id=check_instance_id(wanted) if wanted else None,
        version=query.text("version"),
        request_id=call.request_id,
        start_at=query.moment("startAt"),
        replace=query.flag("replace", False) if query.text("replace") else None,
    )
    return answer(encode({"id": instance_id}), 201)


@routes.add(
    "POST", "instances/{id}/events/{event}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=o.RAISE_EVENT
)
async def raise_event(call: Call) -> Response:
    _demand_json(call)
    name = check_event_name(call.params["event"])
    await call.host.raise_event(_instance_id(call), name, call.payload(), request_id=call.request_id)
    return answer(b"{}", 202)


@routes.add(
    "POST",
    "entities/{name}/{key}/signals",
    access=Access.SYSTEM,
    body_max=DURABLE_BODY_MAX,
    promises=o.SIGNAL,
)
async def signal_entity(call: Call) -> Response:
    """The operation is `op`, not before `due`; the body is its input."""
    _demand_json(call)
    query = StrictQuery(call.query)
    await call.host.signal_entity(
        call.params["name"],
        call.params["key"],
        query.text("op") or "",
        call.payload(),
        due=query.moment("due"),
        request_id=call.request_id,
    )
    return answer(b"{}", 202)


@routes.add("POST", "instances/{id}/terminate", access=Access.SYSTEM, promises=o.TERMINATE)
async def terminate(call: Call) -> Response:
    query = StrictQuery(call.query)
    recursive = query.flag("recursive", False)
    await call.host.terminate(_instance_id(call), query.text("reason") or "", recursive=recursive)
    return answer(b"{}", 202)


@routes.add("POST", "instances/{id}/suspend", access=Access.SYSTEM, promises=o.SUSPEND)
async def suspend(call: Call) -> Response:
    return await _with_reason(call, call.host.suspend)


@routes.add("POST", "instances/{id}/resume", access=Access.SYSTEM, promises=o.RESUME)
async def resume(call: Call) -> Response:
    return await _with_reason(call, call.host.resume)


@routes.add("DELETE", "instances/{id}", access=Access.SYSTEM, promises=o.PURGE)
async def purge(call: Call) -> Response:
    recursive = StrictQuery(call.query).flag("recursive", False)
    deleted = await call.host.purge(_instance_id(call), recursive=recursive)
    return answer(encode({"instancesDeleted": deleted}))


@routes.add("POST", "instances/{id}/rewind", access=Access.SYSTEM, promises=o.REWIND)
async def rewind(call: Call) -> Response:
    """What is voided and what runs again; with `dryRun` nothing is done. `from` is the cut, chosen by hand."""
    query = StrictQuery(call.query)
    dry_run = query.flag("dryRun", False)
    report = await call.host.rewind(
        _instance_id(call),
        query.text("reason") or "",
        cut=query.integer("from", 0, 1) or None,
        dry_run=dry_run,
        verify=query.flag("verify", True),
    )
    return answer(wire.encode(report), 200 if dry_run else 202)


@routes.add("POST", "instances/{id}/restart", access=Access.SYSTEM, promises=o.RESTART)
async def restart(call: Call) -> Response:
    instance_id = await call.host.restart(_instance_id(call), new_id=StrictQuery(call.query).flag("newId", True))
    return answer(encode({"id": instance_id}), 201)


async def _with_reason(call: Call, verb: Callable[[str, str], Awaitable[None]]) -> Response:
    await verb(_instance_id(call), StrictQuery(call.query).text("reason") or "")
    return answer(b"{}", 202)


def _status(call: Call, summary: InstanceSummary) -> Response:
    live = summary.is_live and not summary.quarantined
    found = wire.WireStatus(
        summary=wire.to_wire(summary),
        waits=call.host.waits(summary.instance_id) if live else [],
        parked=call.host.parked(summary.instance_id) if live else "",
    )
    return answer(encode(found))


def _instance_id(call: Call) -> str:
    """The id of an instance, or of an entity: the host says what cannot be done to one."""
    instance_id = call.params["id"]
    if is_entity_id(instance_id):
        parse_entity_id(instance_id)
        return instance_id
    return check_instance_id(instance_id)


def _summary(call: Call) -> InstanceSummary:
    summary = call.host.summary(_instance_id(call))
    if summary is None:
        raise NotFound(f"no instance {call.params['id']!r}", hint="dfcli list")
    return summary


def _exec(call: Call) -> int | None:
    return StrictQuery(call.query).integer("exec", 0, 1) or None


def _demand_json(call: Call) -> None:
    if call.body and not call.is_json:
        raise Refusal(415, "unsupported_media_type", "the body must be application/json")
