"""What every request passes before anything looks at its path: host, origin, limits. Nothing is exempt.

Loopback is no boundary: any web page the user opens can send requests to it. So a request must name this host in
its Host header (which defeats DNS rebinding) and must not come from another origin (which defeats the rest).
"""

from __future__ import annotations

import re

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dfcli.env.ids import Ids
from dfcli.http.answers import Refusal, refused
from dfcli.http.cors import Cors

REQUEST_TARGET_BYTES_MAX = 8 * 1024
HEADER_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
PENDING_MAX = 1024
ACCEPTED_HOSTS_MAX = 64
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
TARGET = "dfcli.target"
"""Where the protocol leaves a request target that is no plain path (in `scope["state"]`)."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?\Z")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)([^?#]*)")
_CLOSE = {"connection": "close"}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ids: Ids,
        allowed_hosts: frozenset[str] = LOOPBACK_NAMES,
        cors: Cors | None = None,
    ) -> None:
        self._app = app
        self._cors = cors or Cors(())
        self._ids = ids
        self._pending = 0
        self._allowed_hosts = allowed_hosts
        self._accepted: set[bytes] = set()
        """Host headers found good: a client sends the same one each time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"nothing here speaks {scope['type']}")

        page: list[tuple[bytes, bytes]] = []  # what lets an allowed page of another origin read the answer

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                given = {name for name, _ in headers}
                headers.extend(header for header in (*SECURITY_HEADERS, *page) if header[0] not in given)
            await send(message)

        answer = self._refusal(scope, page)
        if answer is not None:
            await answer(scope, receive, send_secured)
            return
        self._pending += 1
        try:
            await self._app(scope, receive, send_secured)
        finally:
            self._pending -= 1

    def _refusal(self, scope: Scope, page: list[tuple[bytes, bytes]]) -> Response | None:
        """The answer when the request goes no further; `page` gets the headers for an allowed page."""
        try:
            headers = self._check(scope)
        except Refusal as refusal:
            return refused(refusal, self._ids)
        origin = headers.get(b"origin")
        if origin is None or not self._cors.allows(scope["raw_path"], origin):
            return None
        page.extend(self._cors.headers(origin))
        return self._cors.preflight(scope["method"], headers)

    def _check(self, scope: Scope) -> dict[bytes, bytes]:
        """The headers. Raises the first Refusal, in the order host, origin, limits."""
        single: dict[bytes, bytes] = {}
        size = 0
        twice = None
        for name, value in scope["headers"]:
            size += len(name) + len(value) + 4
            if name in single and name in _ONCE:
                twice = name
            single[name] = value
        if twice == b"host" or b"host" not in single:
            raise _bad_request("exactly one Host header is needed")
        self._check_host(single[b"host"])
        self._check_target(scope)
        if twice == b"origin" or not self._cors.allows(scope["raw_path"], single.get(b"origin")):
            check_origin(scope["method"], scope["scheme"], single)
        if twice is not None or (b"content-length" in single and b"transfer-encoding" in single):
            raise _bad_request("the length of the body is stated twice")
        check_limits(scope, single, size)
        if self._pending >= PENDING_MAX:
            raise Refusal(503, "backpressure", "too many requests are waiting", headers={"retry-after": "1"})
        return single

    def _check_host(self, host: bytes) -> None:
        if host in self._accepted:
            return
        refusal = host_refusal(host, self._allowed_hosts)
        if refusal is not None:
            raise refusal
        if len(self._accepted) < ACCEPTED_HOSTS_MAX:
            self._accepted.add(host)

    def _check_target(self, scope: Scope) -> None:
        """A target in absolute form names a host as well, and is checked alike."""
        raw_path: bytes = scope["raw_path"]
        target = scope.get("state", {}).get(TARGET) or (b"" if raw_path.startswith(b"/") else raw_path)
        if not target:
            return
        match = _ABSOLUTE.match(target)
        if match is None:
            raise _bad_request("the request target is no path")
        self._check_host(match[1])
        scope["raw_path"] = match[2] or b"/"


_ONCE = frozenset({b"host", b"origin", b"sec-fetch-site", b"content-length", b"transfer-encoding", b"content-encoding"})


def host_refusal(host: bytes, allowed: frozenset[str]) -> Refusal | None:
    """Why a Host header is refused; None: it names this host. An allow-list, since deny-lists are always too short."""
    match = _HOST.match(host)
    if match is None or (match[2] is not None and int(match[2]) > 65535):
        return _bad_request("the Host header is malformed")
    if match[1].decode("ascii").lower() not in allowed:
        return Refusal(403, "host_not_allowed", "this host does not answer to that name")
    return None


def check_origin(method: str, scheme: str, headers: dict[bytes, bytes]) -> None:
    """Refuses what another web page sent. Programs send neither header and are not concerned."""
    origin = headers.get(b"origin")
    if origin is not None and origin.lower() != scheme.encode() + b"://" + headers[b"host"].lower():
        raise Refusal(403, "origin_not_allowed", "requests from other web pages are refused")
    site = headers.get(b"sec-fetch-site")
    if site is not None and site != b"same-origin" and not (site == b"none" and method in ("GET", "HEAD")):
        raise Refusal(403, "origin_not_allowed", "requests from other web pages are refused")


def check_limits(scope: Scope, headers: dict[bytes, bytes], size: int) -> None:
    """Refuses what is too large or in a form nobody should have to unpack."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > REQUEST_TARGET_BYTES_MAX:
        raise Refusal(414, "too_large", "the address is too long", headers=_CLOSE)
    if size > HEADER_BYTES_MAX or len(scope["headers"]) > HEADERS_MAX:
        raise Refusal(431, "too_large", "the headers are too large", headers=_CLOSE)
    length = headers.get(b"content-length")
    if length is not None and not (length.isdigit() and len(length) <= 18):
        raise _bad_request("the Content-Length is no number")
    if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
        raise Refusal(415, "unsupported_media_type", "compressed bodies are not accepted", headers=_CLOSE)


def _bad_request(what: str) -> Refusal:
    return Refusal(400, "bad_request", what, headers=_CLOSE)
