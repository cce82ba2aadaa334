"""The house's own routes: what Durable Functions' API cannot say, so that commands are as rich with the host up.

Every refusal carries what, why and hint. Bodies must be JSON (415), other methods of a path are named (405).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from dfcli.errors import InvalidArgument, NotFound
from dfcli.http import wire
from dfcli.http.answers import Refusal, answer, encode
from dfcli.http.call import Call
from dfcli.http.check_status import WAIT_SECONDS_MAX, ended
from dfcli.http.exchange import authority_of
from dfcli.http.key_proof import NONCE_CHARACTERS
from dfcli.http.listing import PAGE_DEFAULT, PAGE_MAX, statuses
from dfcli.http.routing import DURABLE_BODY_MAX, Access, RouteTable
from dfcli.model.entity_ids import is_entity_id, parse_entity_id
from dfcli.model.ids import check_event_name, check_instance_id
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary

routes = RouteTable()
LINES = "application/x-ndjson"


@routes.add("GET", "health", access=Access.OPEN)
async def health(call: Call) -> Response:
    return answer(encode({"status": "stopping" if call.service.stopping.is_set() else "ok"}))


@routes.add("GET", "challenge", access=Access.OPEN)
async def challenge(call: Call) -> Response:
    """Proves to whoever knows the hub's key that this host knows it too; see `key_proof`."""
    nonce = call.query.text("nonce")
    if len(nonce) not in NONCE_CHARACTERS or not nonce.isascii() or not nonce.isprintable():
        raise InvalidArgument("the nonce cannot be used", why="it has 16 to 128 printable characters")
    gate = call.service.gate
    proof = gate.ring.proof(nonce, authority_of(*call.scope["server"])) if gate is not None else ""
    return answer(encode({"proof": proof}))


@routes.add("GET", "hub", access=Access.SYSTEM)
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


@routes.add("GET", "functions", access=Access.SYSTEM)
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


@routes.add("GET", "instances", access=Access.SYSTEM)
async def list_instances(call: Call) -> Response:
    query = call.query
    which = InstanceFilter(
        statuses=statuses(query.words("status")),
        names=frozenset(query.words("name")),
        prefix=query.text("prefix"),
        created_from=_moment(call, "createdFrom"),
        created_to=_moment(call, "createdTo"),
        parent_id=query.text("parentid") or None,
        newest_first=query.flag("newestfirst", False),
    )
    top = query.integer("top", PAGE_DEFAULT)
    if not 1 <= top <= PAGE_MAX:
        raise InvalidArgument(f"a page of {top} cannot be had", why=f"`top` is 1 to {PAGE_MAX}")
    page = await asyncio.to_thread(call.host.query, which, top=top, continuation=query.text("continuation"))
    return answer(wire.encode_page(page))


@routes.add("GET", "instances/{id}", access=Access.SYSTEM)
async def status(call: Call) -> Response:
    return _status(call, _summary(call))


@routes.add("GET", "instances/{id}/wait", access=Access.SYSTEM)
async def wait(call: Call) -> Response:
    """The status when the instance has ended or `timeout` is over; the caller looks which."""
    seconds = min(call.query.seconds("timeout") or 0.0, WAIT_SECONDS_MAX)
    return _status(call, await ended(call, _instance_id(call), seconds))


@routes.add("GET", "instances/{id}/events", access=Access.SYSTEM)
async def events(call: Call) -> Response:
    found = await asyncio.to_thread(call.host.history, _instance_id(call), _exec(call))
    return Response(wire.encode_events(found), media_type=LINES)


@routes.add("GET", "instances/{id}/lines", access=Access.SYSTEM)
async def lines(call: Call) -> Response:
    """The lines as they stand on the disk, envelope and checksum included."""
    found = await asyncio.to_thread(call.host.lines, _instance_id(call), _exec(call))
    return Response(b"".join(line if line.endswith(b"\n") else line + b"\n" for line in found), media_type=LINES)


@routes.add("POST", "orchestrators/{name}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX)
async def start(call: Call) -> Response:
    _demand_json(call)
    wanted = call.query.text("instanceid")
    instance_id = await call.host.start_instance(
        call.params["name"],
        call.payload(),
        instance_id=check_instance_id(wanted) if wanted else None,
        version=call.query.text("version") or None,
        request_id=call.request_id,
        start_at=_moment(call, "startAt"),
        replace=call.query.flag("replace", False) if call.query.text("replace") else None,
    )
    return answer(encode({"id": instance_id}), 201)


@routes.add("POST", "instances/{id}/events/{event}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX)
async def raise_event(call: Call) -> Response:
    _demand_json(call)
    name = check_event_name(call.params["event"])
    await call.host.raise_event(_instance_id(call), name, call.payload(), request_id=call.request_id)
    return answer(b"{}", 202)


@routes.add("POST", "entities/{name}/{key}/signals", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX)
async def signal_entity(call: Call) -> Response:
    """The operation is `op`, not before `due`; the body is its input."""
    _demand_json(call)
    await call.host.signal_entity(
        call.params["name"],
        call.params["key"],
        call.query.text("op"),
        call.payload(),
        due=_moment(call, "due"),
        request_id=call.request_id,
    )
    return answer(b"{}", 202)


@routes.add("POST", "instances/{id}/terminate", access=Access.SYSTEM)
async def terminate(call: Call) -> Response:
    recursive = call.query.flag("recursive", False)
    await call.host.terminate(_instance_id(call), call.query.text("reason"), recursive=recursive)
    return answer(b"{}", 202)


@routes.add("POST", "instances/{id}/suspend", access=Access.SYSTEM)
async def suspend(call: Call) -> Response:
    return await _with_reason(call, call.host.suspend)


@routes.add("POST", "instances/{id}/resume", access=Access.SYSTEM)
async def resume(call: Call) -> Response:
    return await _with_reason(call, call.host.resume)


@routes.add("DELETE", "instances/{id}", access=Access.SYSTEM)
async def purge(call: Call) -> Response:
    deleted = await call.host.purge(_instance_id(call), recursive=call.query.flag("recursive", False))
    return answer(encode({"instancesDeleted": deleted}))


@routes.add("POST", "instances/{id}/rewind", access=Access.SYSTEM)
async def rewind(call: Call) -> Response:
    """What is voided and what runs again; with `dryRun` nothing is done. `from` is the cut, chosen by hand."""
    query = call.query
    dry_run = query.flag("dryrun", False)
    report = await call.host.rewind(
        _instance_id(call),
        query.text("reason"),
        cut=query.integer("from", 0) or None,
        dry_run=dry_run,
        verify=query.flag("verify", True),
    )
    return answer(wire.encode(report), 200 if dry_run else 202)


@routes.add("POST", "instances/{id}/restart", access=Access.SYSTEM)
async def restart(call: Call) -> Response:
    instance_id = await call.host.restart(_instance_id(call), new_id=call.query.flag("newid", True))
    return answer(encode({"id": instance_id}), 201)


async def _with_reason(call: Call, verb: Callable[[str, str], Awaitable[None]]) -> Response:
    await verb(_instance_id(call), call.query.text("reason"))
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
    return call.query.integer("exec", 0) or None


def _moment(call: Call, name: str) -> str | None:
    text = call.query.text(name.lower())
    moment = call.query.moment(name.lower())
    if text and moment is None:
        raise InvalidArgument(f"{name}={text[:40]!r} is no time", why="times are written 2026-01-02T03:04:05Z")
    return moment


def _demand_json(call: Call) -> None:
    if call.body and not call.is_json:
        raise Refusal(415, "unsupported_media_type", "the body must be application/json")
