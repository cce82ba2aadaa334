"""The answer to a start: where to ask for the instance, or what it became when the caller waits for it."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from dfcli.errors import InvalidArgument, NotFound, TimedOut, Unavailable
from dfcli.http.answers import JSON, answer, encode
from dfcli.http.call import Call
from dfcli.model.links import MANAGEMENT_PATH, management_links
from dfcli.model.status import TERMINAL_STATUSES, InstanceSummary
from dfcli.model.status_object import output, status_object

RETRY_AFTER_SECONDS = "10"
WAIT_SECONDS_MAX = 86_400.0


def check_status(call: Call, instance_id: str) -> Response:
    """202 with the addresses."""
    fail_loudly = call.query.flag("returninternalservererroronfailure", False)
    flags = "&returnInternalServerErrorOnFailure=true" if fail_loudly else ""
    code = call.service.link_code
    uris = management_links(call.origin + MANAGEMENT_PATH, instance_id, call.host.hub_name, flags=flags, code=code)
    headers = {"location": uris["statusQueryGetUri"], "retry-after": RETRY_AFTER_SECONDS}
    return Response(encode(uris), 202, headers, JSON)


def wait_seconds(call: Call) -> float | None:
    """How long the caller wants to wait; None: not at all. Raises InvalidArgument."""
    timeout = call.query.seconds("timeout")
    interval = call.query.seconds("pollinginterval")
    if timeout is None:
        return None
    if interval is not None and interval > timeout:
        raise InvalidArgument(f"Total timeout {timeout:g} should be bigger than retry timeout {interval:g}")
    return min(timeout, WAIT_SECONDS_MAX)


async def wait_for_completion(call: Call, instance_id: str, seconds: float) -> Response:
    """The output of a run that completes in time, the status of one that ends otherwise, else the addresses."""
    try:
        summary = await ended(call, instance_id, seconds)
    except (Unavailable, NotFound):
        return check_status(call, instance_id)  # the start is durable: say so, whatever became of the wait
    if summary.status not in TERMINAL_STATUSES:
        return check_status(call, instance_id)
    if summary.status == "Completed":
        return answer(bytes(output(summary)))
    failed = summary.status == "Failed" and call.query.flag("returninternalservererroronfailure", False)
    return answer(encode(status_object(summary)), 500 if failed else 200)


async def ended(call: Call, instance_id: str, seconds: float | None) -> InstanceSummary:
    """The summary when the instance has ended or time is up. NotFound; Unavailable when the host stops meanwhile."""
    wait = asyncio.ensure_future(call.host.wait(instance_id, seconds))
    stop = asyncio.ensure_future(call.service.stopping.wait())
    try:
        await asyncio.wait((wait, stop), return_when=asyncio.FIRST_COMPLETED)
        if not wait.done():
            raise Unavailable("the host is stopping", why="the instance goes on when it runs again")
        return wait.result()
    except TimedOut:
        summary = await call.summary(instance_id)
        if summary is None:
            raise NotFound(f"instance {instance_id!r} was purged") from None
        return summary
    finally:
        wait.cancel()
        stop.cancel()
