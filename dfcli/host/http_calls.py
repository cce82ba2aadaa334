"""The built-in activity of durable HTTP calls: one request with its redirects, and what is to follow an answer of 202.

What a server may not do with it: reach another address than allowed through a redirect or a poll, get the credentials
of another server, fill the memory, or hold a thread longer than the call's time.
"""

from __future__ import annotations

import email.utils
import http.client
import logging
import os
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.host.addresses import AddressPolicy, AddressRefused
from dfcli.host.http_transport import Exchange, ResponseTooLarge, exchange
from dfcli.host.settings import HostSettings
from dfcli.model.durable_http import HTTP_ACTIVITY, Headers, HttpCallRequest, HttpCallResult, Poll
from dfcli.model.time import shifted, timestamp_from_epoch, to_datetime

log = logging.getLogger("dfcli.host")

HTTP_CALLS_MAX = 64
"""Under way at a time."""
REDIRECTS_MAX = 5
POLL_SECONDS_MIN = 1.0
POLL_SECONDS_MAX = 24 * 3600.0
TOKEN_SETTING = "DFCLI_MANAGED_IDENTITY_TOKEN"
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "x-functions-key"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9._-]+)", re.IGNORECASE)


class HttpCallFailed(Exception):
    """The request could not be made, or its answer counts as a failure."""


class HttpTimeout(HttpCallFailed):
    """The exchange, or the polling, took longer than it may."""


class HttpStatusError(HttpCallFailed):
    """An answer that the call's retry options count as a failure."""


class NotAllowed(HttpCallFailed):
    """The address is one that is not called from here."""


class Outgoing(NamedTuple):
    """What the host gives."""

    policy: AddressPolicy
    poll_seconds: float
    """Between polls, when the answer names no time."""
    clock: Callable[[], float]
    """Wall clock."""
    ticks: Callable[[], float]
    """Of a clock that never steps, for deadlines."""
    secret: Callable[[str], str | None]
    """The value of an app setting."""
    exchange: Callable[..., Exchange] = exchange


def outgoing_settings(
    settings: HostSettings,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    own_port: Callable[[], int | None],
) -> Outgoing:
    """As the host's settings say; secrets are looked up in the environment, where the app's values stand."""
    policy = AddressPolicy(
        strict=settings.http_strict, allow=settings.http_allow, deny=settings.http_deny, own_port=own_port
    )
    return Outgoing(policy, settings.http_poll_seconds, clock, ticks, os.environ.get)


def http_activity(settings: Outgoing) -> FunctionDefinition:
    """The activity, as the host runs it for `context.call_http`."""

    warned = False

    def call(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal warned
        wanted = msgspec.convert(request, HttpCallRequest)
        if not warned and any(
            _is_credential(name) and isinstance(value, str) for name, value in wanted.headers.items()
        ):
            warned = True
            log.warning(
                "a durable HTTP call carries a credential in plain text, which its history keeps: name an app setting "
                'instead, {"Authorization": {"secret": "NAME"}}'
            )
        result = perform(wanted, settings)
        built: dict[str, Any] = msgspec.to_builtins(result)
        return built

    return FunctionDefinition(HTTP_ACTIVITY, "activity", call, is_async=False, parameter="request")


def perform(request: HttpCallRequest, settings: Outgoing) -> HttpCallResult:
    """Send the request, follow redirects. Raises HttpCallFailed."""
    deadline = settings.ticks() + request.timeout
    try:
        at, answer = _follow(request, settings, deadline)
    except AddressRefused as error:
        raise NotAllowed(f"the call is not allowed: {error}") from None
    except TimeoutError:
        raise HttpTimeout(f"no answer within {request.timeout:g} seconds") from None
    except ssl.SSLError as error:
        raise HttpCallFailed(f"the TLS connection failed: {error.reason or error}") from None
    except ResponseTooLarge as error:
        raise HttpCallFailed(str(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise HttpCallFailed(f"the request could not be sent: {type(error).__name__}: {error}") from None
    _check_status(request, answer)
    return HttpCallResult(
        status_code=answer.status,
        headers=answer.headers,
        content=_text(answer),
        poll=_poll_after(request, answer, at, settings),
    )


class _Hop(NamedTuple):
    """Where a request goes, and with what."""

    uri: str
    method: str
    headers: Headers
    content: str | None


def _follow(request: HttpCallRequest, settings: Outgoing, deadline: float) -> tuple[_Hop, Exchange]:
    """The last hop and its answer."""
    hop = _Hop(request.uri, request.method, _with_token(request, settings), request.content)
    for _ in range(REDIRECTS_MAX + 1):
        answer = _send(hop, settings, deadline)
        location = _header(answer.headers, "location")
        if answer.status not in _REDIRECTS or not location:
            return hop, answer
        hop = _redirected(hop, answer.status, urljoin(hop.uri, location))
    raise HttpCallFailed(f"the server redirected more than {REDIRECTS_MAX} times")


def _send(hop: _Hop, settings: Outgoing, deadline: float) -> Exchange:
    parts = _parts(hop.uri)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = settings.policy.addresses(host, port, parts.path)
    headers = {name: _value(name, value, settings) for name, value in hop.headers.items()}
    given = {name.lower() for name in headers}
    if "accept-encoding" not in given:
        headers["Accept-Encoding"] = "identity"  # nothing is unpacked here, so nothing can be a bomb
    body = None if hop.content is None else hop.content.encode()
    if body is not None and "content-type" not in given:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return settings.exchange(
        parts.scheme,
        host,
        port,
        addresses,
        hop.method,
        _quoted(target),
        headers,
        body,
        deadline=deadline,
        now=settings.ticks,
    )


def _redirected(hop: _Hop, status: int, uri: str) -> _Hop:
    before, after = _parts(hop.uri), _parts(uri)
    if before.scheme == "https" and after.scheme == "http":
        raise HttpCallFailed("the server redirected from https to http, which is not followed")
    headers = hop.headers if _origin(before) == _origin(after) else without_credentials(hop.headers)
    if (status == 303 and hop.method != "HEAD") or (status in (301, 302) and hop.method == "POST"):
        bodiless = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return _Hop(uri, "GET", bodiless, None)
    return hop._replace(uri=uri, headers=headers)


def _is_credential(name: str) -> bool:
    return name.lower() in _CREDENTIALS


def without_credentials(headers: Headers) -> Headers:
    """What another server may see: neither tokens, cookies and keys nor any header with a secret."""
    return {
        name: value for name, value in headers.items() if not _is_credential(name) and not isinstance(value, Mapping)
    }


def _poll_after(request: HttpCallRequest, answer: Exchange, at: _Hop, settings: Outgoing) -> Poll | None:
    """The request that follows an answer of 202; None when this answer is the call's."""
    location = _header(answer.headers, "location")
    if answer.status != 202 or not request.asynchronous_pattern_enabled or not location:
        return None
    now = timestamp_from_epoch(settings.clock())
    until = request.poll_until or shifted(now, timedelta(seconds=request.polling_timeout))
    seconds = _retry_after(_header(answer.headers, "retry-after"), now)
    seconds = settings.poll_seconds if seconds is None else seconds
    seconds = min(max(seconds, POLL_SECONDS_MIN), POLL_SECONDS_MAX)
    if shifted(now, timedelta(seconds=seconds)) > until:
        raise HttpTimeout(f"the server has not finished by {until}")
    uri = urljoin(at.uri, location)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "x-functions-key"}
    token = request.token_source
    if _origin(_parts(uri)) != _origin(_parts(request.uri)):
        headers, token = without_credentials(headers), None
    headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    poll = msgspec.structs.replace(
        request, method="GET", uri=uri, headers=headers, content=None, token_source=token, poll_until=until
    )
    return Poll(seconds=seconds, request=poll)


def _retry_after(text: str, now: str) -> float | None:
    """Seconds, or the time until an HTTP date; None for neither."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return (moment - to_datetime(now)).total_seconds()
    except (ValueError, TypeError):  # no date, or one without its zone
        return None


def _check_status(request: HttpCallRequest, answer: Exchange) -> None:
    if request.retried_statuses is None:
        return
    if answer.status in request.retried_statuses or (not request.retried_statuses and answer.status >= 400):
        raise HttpStatusError(f"the server answered {answer.status}: {_text(answer)[:1000]}")


def _with_token(request: HttpCallRequest, settings: Outgoing) -> Headers:
    source = request.token_source
    if source is None:
        return request.headers
    if not settings.secret(TOKEN_SETTING):
        raise HttpCallFailed(
            f"there is no managed identity on this machine to ask for a token for {source.resource}: set the app "
            f"setting {TOKEN_SETTING} to a token to use instead"
        )
    return {**request.headers, "Authorization": {"secret": TOKEN_SETTING}}


def _value(name: str, value: str | dict[str, str], settings: Outgoing) -> str:
    if isinstance(value, str):
        return value
    secret = settings.secret(value["secret"])
    if secret is None:
        raise HttpCallFailed(f"the header {name!r} names the app setting {value['secret']!r}, which is not set")
    if any(character in secret for character in "\r\n\0"):
        raise HttpCallFailed(f"the app setting {value['secret']!r} holds a line break and cannot be a header")
    return f"Bearer {secret}" if value["secret"] == TOKEN_SETTING else secret


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise HttpCallFailed(f"the address {uri[:200]!r} cannot be used: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise HttpCallFailed(f"the address {uri[:200]!r} cannot be used: only http and https are")
    if parts.username is not None or parts.password is not None:
        raise HttpCallFailed("an address with a user name in it is not used")
    return parts


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for known, value in headers.items() if known.lower() == name), "")


def _text(answer: Exchange) -> str:
    match = _CHARSET.search(_header(answer.headers, "content-type"))
    try:
        return answer.body.decode(match[1] if match else "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _quoted(target: str) -> str:
    """Blanks and letters beyond ASCII percent-encoded; what is encoded already stays."""
    return "".join(
        character if "!" <= character <= "~" else "".join(f"%{byte:02X}" for byte in character.encode())
        for character in target
    )
