"""The durable API on many instances: list and purge by filter."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from dfcli.http import durable_contract as d
from dfcli.http.answers import answer, encode, nothing, text
from dfcli.http.call import Call
from dfcli.http.routing import Access, RouteTable
from dfcli.model.projection import STATUS_NUMBERS
from dfcli.model.query import InstanceFilter
from dfcli.model.status import TERMINAL_STATUSES, InstanceSummary
from dfcli.model.status_object import status_object

routes = RouteTable()
"""Below any of the durable API's base addresses."""

PAGE_DEFAULT = 100
PAGE_MAX = 1000
CONTINUATION = "x-ms-continuation-token"

_STATUS_NAMES = {name.lower(): name for name in STATUS_NUMBERS}
_STATUS_NAMES |= {str(number): name for name, number in STATUS_NUMBERS.items()}


def statuses(words: list[str]) -> frozenset[str]:
    """The runtime statuses meant by words or numbers; unknown ones are skipped, as Durable Functions does."""
    return frozenset(_STATUS_NAMES[word.lower()] for word in words if word.lower() in _STATUS_NAMES)


@routes.add("GET", "instances", access=Access.SYSTEM, promises=d.LIST)
async def list_instances(call: Call) -> Response:
    which = InstanceFilter(
        statuses=statuses(call.query.words("runtimestatus")),
        prefix=call.query.text("instanceidprefix"),
        created_from=call.query.moment("createdtimefrom"),
        created_to=call.query.moment("createdtimeto"),
    )
    top, everything = page_size(call)
    items: list[InstanceSummary] = []
    continuation = continuation_of(call)
    while True:
        page = await asyncio.to_thread(call.host.query, which, top=top, continuation=continuation)
        items += page.items
        continuation = page.continuation
        if not (everything and continuation):
            break
    show_input = call.query.flag("showinput", True)
    body = encode([status_object(summary, show_input=show_input) for summary in items])
    return answer(body, 200, {CONTINUATION: continuation})


@routes.add("DELETE", "instances", access=Access.SYSTEM, promises=d.PURGE_MANY)
async def purge_instances(call: Call) -> Response:
    created_from = call.query.moment("createdtimefrom")
    if created_from is None:
        return text("Please provide value for 'createdTimeFrom' parameter.", 400)
    wanted = statuses(call.query.words("runtimestatus")) & TERMINAL_STATUSES
    which = InstanceFilter(
        statuses=wanted or TERMINAL_STATUSES,
        created_from=created_from,
        created_to=call.query.moment("createdtimeto"),
    )
    deleted = await call.host.purge_by(which)
    return answer(encode({"instancesDeleted": deleted})) if deleted else nothing(404)


def page_size(call: Call) -> tuple[int, bool]:
    """How many a page holds, and whether the answer is to hold every page.

    The vendor's client never asks for a second page, so on the workers' address the first one holds everything.
    """
    top = call.query.integer("top", 0)
    if top > 0:
        return min(top, PAGE_MAX), False
    return (PAGE_MAX, True) if call.is_worker else (PAGE_DEFAULT, False)


def continuation_of(call: Call) -> str:
    """Where the page begins, as the page before said; empty: at the first."""
    return call.headers.get(CONTINUATION.encode(), b"").decode("latin-1")
