"""Answers and refusals: the one place where an error becomes a status code and a body.

Durable routes speak as Durable Functions does (empty 404 and 410, `Message` and `ExceptionMessage`); all others use
the house's own body. Both carry the stable word of the error and an id that is also in the log.
"""

from __future__ import annotations

import http
from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from dfcli import errors
from dfcli.env.ids import Ids
from dfcli.errors import DfError

JSON = "application/json; charset=utf-8"
RETRY_SECONDS = "1"

encode = msgspec.json.Encoder().encode

# The first that fits counts, so families stand behind their members.
_STATUS: tuple[tuple[type[DfError], int], ...] = (
    (errors.PayloadTooLarge, 413),
    (errors.InvalidArgument, 400),
    (errors.NotFound, 404),
    (errors.InstanceGone, 410),
    (errors.WrongState, 409),
    (errors.Disagreement, 409),
    (errors.NoSpace, 507),
    (errors.Unavailable, 503),
    (errors.HostStopped, 503),
    (errors.AppLoadError, 503),
    (errors.TimedOut, 504),
)
INCORRECT_ARGUMENTS = "One or more of the arguments submitted is incorrect"
SOMETHING_WRONG = "Something went wrong while processing your request"
_EXCEPTION_TYPES: tuple[tuple[type[DfError], str], ...] = (
    (errors.InvalidJson, "Newtonsoft.Json.JsonReaderException"),
    (errors.InvalidArgument, "System.ArgumentException"),
    (errors.InstanceExists, "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException"),
    (errors.DfError, "System.InvalidOperationException"),
)


class Refusal(DfError):
    """A refusal that only HTTP knows: framing, host, origin, media type."""

    def __init__(self, status: int, code: str, what: str, *, why: str = "", headers: Mapping[str, str] | None = None):
        super().__init__(what, why=why)
        self.status = status
        self.code = code
        self.headers = headers or {}


def status_of(error: DfError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Refusal):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON bytes."""
    return Response(body, status, headers, JSON)


def nothing(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """No body, no content type."""
    return Response(None, status, headers)


def text(sentence: str, status: int) -> Response:
    """A bare JSON string, as Durable Functions answers in a few places."""
    return answer(encode(sentence), status)


def refused(error: DfError, ids: Ids) -> Response:
    """The house's own body, for everything but the durable routes."""
    body = {"Message": http_text(error), "error": _error_member(error, ids)}
    return answer(encode(body), status_of(error), _headers(error))


def refused_as_durable(error: DfError, ids: Ids) -> Response:
    """The body Durable Functions' clients read. A 400 always has an ExceptionMessage: the Python SDK needs it."""
    status = status_of(error)
    if status in (404, 410):
        return nothing(status)
    if status >= 500 or status == 413 or (isinstance(error, Refusal) and status != 400):
        return refused(error, ids)
    message, exception_message = error.what, http_text(error)
    if isinstance(error, errors.InvalidJson):
        message = "Invalid JSON content"
    elif isinstance(error, errors.UnknownFunction):
        # The host words this as Durable Functions does; the Python SDK shows it to its user.
        message, exception_message = INCORRECT_ARGUMENTS, f"{error.what} {error.why}".strip()
    elif isinstance(error, errors.InvalidArgument):
        message = INCORRECT_ARGUMENTS
    elif isinstance(error, errors.WrongState):
        exception_message = error.what
    body = {
        "Message": message,
        "ExceptionMessage": exception_message,
        "ExceptionType": _exception_type(error),
        "error": _error_member(error, ids),
    }
    return answer(encode(body), status, _headers(error))


def _exception_type(error: DfError) -> str:
    kind = errors.InvalidArgument if isinstance(error, Refusal) else type(error)
    return next(name for known, name in _EXCEPTION_TYPES if issubclass(kind, known))


def broken(request_id: str) -> Response:
    """A bug of ours: details are in the log under the id."""
    body = {"Message": SOMETHING_WRONG, "error": {"code": "internal", "requestId": request_id}}
    return answer(encode(body), 500)


def http_text(error: DfError) -> str:
    """What and why in one sentence."""
    return f"{error.what}: {error.why}" if error.why else error.what


def _error_member(error: DfError, ids: Ids) -> dict[str, str]:
    member = {"code": error.code, "requestId": ids.new_id(), "what": error.what}
    if error.why:
        member["why"] = error.why
    if error.hint:
        member["hint"] = error.hint
    return member


def _headers(error: DfError) -> Mapping[str, str]:
    if isinstance(error, Refusal):
        return error.headers
    status = status_of(error)
    if status in (http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.INSUFFICIENT_STORAGE):
        return {"retry-after": RETRY_SECONDS}
    return {"connection": "close"} if status == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE else {}
