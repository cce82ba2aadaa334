"""Which other web pages may call the app's own functions: `Host.CORS` of local.settings.json, for `/api` alone.

The management API is never opened: a page that may start what an HTTP function starts may not, for that, purge
instances. An origin counts exactly as written; `*` stands for any, and never goes with credentials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from dfcli.http.routing import path_segments

RESERVED = frozenset({"runtime", "admin", "rpc", "dfcli"})
"""First segments that are never the app's."""
PREFLIGHT_SECONDS = "600"
_ANY = "*"


class Cors:
    """What was allowed. Nothing, when there are no origins."""

    def __init__(self, origins: Sequence[str], *, credentials: bool = False, route_prefix: str = "api") -> None:
        self._origins = frozenset(origin.strip().rstrip("/").lower() for origin in origins)
        self._credentials = credentials and _ANY not in self._origins
        self._prefix = [part.lower() for part in route_prefix.split("/") if part]

    def allows(self, raw_path: bytes, origin: bytes | None) -> bool:
        """Whether a page of that origin may ask for that path. No origin: the request is no page's."""
        if origin is None or not self._origins:
            return False
        segments = [segment.lower() for segment in path_segments(raw_path)]
        if not segments or segments[0] in RESERVED or segments[: len(self._prefix)] != self._prefix:
            return False
        text = origin.decode("latin-1").lower()
        return text in self._origins or (_ANY in self._origins and text != "null" and "://" in text)

    def headers(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """What an answer to an allowed origin carries."""
        allowed = b"*" if _ANY in self._origins else origin
        headers = [(b"access-control-allow-origin", allowed), (b"vary", b"Origin")]
        if self._credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def preflight(self, method: str, headers: Mapping[bytes, bytes]) -> Response | None:
        """The answer to a browser that asks before it sends; None for a request of any other kind."""
        wanted = headers.get(b"access-control-request-method")
        if method != "OPTIONS" or wanted is None:
            return None
        given = {
            "access-control-allow-methods": wanted.decode("latin-1"),
            "access-control-max-age": PREFLIGHT_SECONDS,
        }
        asked = headers.get(b"access-control-request-headers")
        if asked is not None:
            given["access-control-allow-headers"] = asked.decode("latin-1")
        return Response(None, 204, given)
