"""HTTP-trigger functions: the app's own routes, below `/api` unless host.json says otherwise.

The more particular route wins, segment by segment; a method that no matching route lists is 404, as in Azure.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import cast
from urllib.parse import parse_qsl

from starlette.responses import Response

from dfcli.authoring.http import HttpRequest
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError, DfError, InvalidArgument, NotFound
from dfcli.http.answers import nothing
from dfcli.http.call import QUERY_PARAMETERS_MAX, Call
from dfcli.http.ports import Functions
from dfcli.http.routing import decoded
from dfcli.http.templates import Template

USER_BODY_MAX = 100 * 1024 * 1024
# The server frames the answer itself; a function that sets these would break it.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "date"})

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

log = logging.getLogger("dfcli.http")


class TriggerTable:
    """The HTTP functions of one registry, in order of precedence."""

    def __init__(self, registry: Functions, prefix: str) -> None:
        """Raises AppLoadError naming the function whose route means nothing."""
        self.registry = registry
        self._prefix = [part.lower() for part in prefix.strip("/").split("/") if part]
        self._by_rank = sorted(
            ((_template(function), function) for function in registry.http),
            key=lambda pair: pair[0].rank,
        )

    def find(self, method: str, segments: Sequence[str]) -> tuple[FunctionDefinition, dict[str, str]] | None:
        """The function that answers and its route parameters. `segments` are undecoded."""
        prefix = self._prefix
        if [segment.lower() for segment in segments[: len(prefix)]] != prefix:
            return None
        given = [decoded(segment) for segment in segments[len(prefix) :]]
        for template, function in self._by_rank:
            if function.methods is not None and method not in function.methods:
                continue
            values = template.match(given)
            if values is not None:
                return function, values
        return None


def _template(function: FunctionDefinition) -> Template:
    route = function.route if function.route is not None else function.name
    try:
        return Template(route)
    except (ValueError, re.error) as error:
        raise AppLoadError(
            f"the route {route!r} of function {function.name!r} cannot be used",
            why=f"{error}; it stands at {function.where}",
            hint="constraints are int, long, bool, guid, decimal, double, datetime, alpha, length(n), range(a,b), …",
        ) from None


async def run_trigger(call: Call, function: FunctionDefinition) -> Response:
    """Runs a user's function and maps what it answers. `call.params` are its route parameters."""
    request = HttpRequest(
        call.method,
        call.url,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in call.scope["headers"]},
        params=_params(call.scope["query_string"]),
        route_params=call.params,
        body=call.body,
    )
    try:
        result = await call.host.run_http_function(function, request)
    except DfError as error:
        log.error("function %s failed: %s", function.name, error)
        return nothing(500)
    except Exception:
        log.exception("function %s failed", function.name)
        return nothing(500)
    return as_response(function, result)


def as_response(function: FunctionDefinition, result: object) -> Response:
    """The answer of what a function returned: a response, text, or None for none."""
    if result is None:
        return nothing(204)
    if isinstance(result, str):
        return Response(result, 200, media_type="text/plain; charset=utf-8")
    if not all(hasattr(result, name) for name in ("get_body", "status_code", "headers")):
        log.error("function %s returned %s, which is no response", function.name, type(result).__name__)
        return nothing(500)
    try:
        return _response(result)
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        log.error("function %s returned a response that cannot be sent: %s", function.name, error)
        return nothing(500)


def _response(result: object) -> Response:
    """Works for our HttpResponse and for Azure's, which have the same members."""
    status = int(result.status_code)  # type: ignore[attr-defined]
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of a final answer")
    headers = {name: value for name, value in result.headers.items() if name.lower() not in _FRAMING}  # type: ignore[attr-defined]
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"the header {name!r} cannot be sent")
    body = cast(bytes, result.get_body())  # type: ignore[attr-defined]
    response = Response(body, status, headers)
    if "content-type" not in response.headers and status not in (204, 304):
        mimetype = getattr(result, "mimetype", None) or "text/plain"
        response.headers["content-type"] = f"{mimetype}; charset={getattr(result, 'charset', None) or 'utf-8'}"
    if status in (204, 304):
        response.body = b""
    return response


def _params(query_string: bytes) -> dict[str, str]:
    """The query as functions see it: of a repeated name the last value."""
    try:
        text = query_string.decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX))
    except ValueError:
        raise InvalidArgument(f"the query has more than {QUERY_PARAMETERS_MAX} parameters") from None


def no_route() -> NotFound:
    return NotFound("nothing is served at this address", hint="dfcli functions")
