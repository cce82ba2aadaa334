"""The route table. A route cannot be added without the level of access it demands.

Paths are split into segments before anything is decoded, so an encoded slash never separates. Literal segments match
without regard to case; parameters are decoded exactly once.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from dfcli.errors import InvalidArgument

if TYPE_CHECKING:
    from dfcli.http.call import Call
    from dfcli.http.contract import Operation

Handler = Callable[["Call"], Awaitable[Response]]

CONTROL_BODY_MAX = 1024 * 1024
DURABLE_BODY_MAX = 16 * 1024 * 1024


class Access(enum.Enum):
    """What a caller must show once keys are turned on. Host and origin are checked whatever the level."""

    OPEN = "open"
    """Nothing: health and the root page tell nothing."""
    SYSTEM = "system"
    """The durable API's key."""
    ADMIN = "admin"
    """The master key."""
    FUNCTION = "function"
    """As the user's function says."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path; `method` is `*` for all."""

    method: str
    segments: tuple[str, ...]
    access: Access
    handler: Handler
    body_max: int
    path: str
    """As it is written: the literal parts of `segments` are in lower case."""
    promises: Operation | None

    def match(self, segments: Sequence[str]) -> bool:
        """Whether the path is meant; the method is not looked at."""
        return all(
            wanted.startswith("{") or wanted == given.lower()
            for wanted, given in zip(self.segments, segments, strict=True)
        )


class RouteTable:
    """Routes below one base address."""

    def __init__(self, *parts: RouteTable) -> None:
        """A table of its own, or all routes of other tables."""
        self.routes: list[Route] = []
        self._by_length: dict[int, list[Route]] = {}
        for route in (route for part in parts for route in part.routes):
            self._put(route)

    def _put(self, route: Route) -> None:
        self.routes.append(route)
        self._by_length.setdefault(len(route.segments), []).append(route)

    def add(
        self,
        method: str,
        path: str,
        *,
        access: Access,
        body_max: int = CONTROL_BODY_MAX,
        promises: Operation | None = None,
    ) -> Callable[[Handler], Handler]:
        """Registers a handler. `promises` is what the OpenAPI document says of the route; a test demands it."""
        if not isinstance(access, Access):
            raise TypeError(f"the route {path!r} must state its access level")

        def register(handler: Handler) -> Handler:
            parts = path.split("/") if path else []
            segments = tuple(part if part.startswith("{") else part.lower() for part in parts)
            self._put(Route(method, segments, access, handler, body_max, path, promises))
            return handler

        return register

    def find(self, method: str, segments: Sequence[str]) -> tuple[Route | None, list[str]]:
        """The route of a request, and the methods that its path knows."""
        allowed = []
        for route in self._by_length.get(len(segments), ()):
            if route.match(segments):
                if route.method in (method, "*"):
                    return route, []
                allowed.append(route.method)
        return None, allowed


def path_segments(raw_path: bytes) -> list[str]:
    """The undecoded segments of a path; slashes at the end do not count."""
    path = raw_path.decode("latin-1").strip("/")
    return path.split("/") if path else []


def decoded(segment: str) -> str:
    """A segment with its percent escapes undone, once. Raises InvalidArgument when they are not UTF-8."""
    if "%" not in segment and segment.isascii():
        return segment
    try:
        return unquote_to_bytes(segment.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument("the path is not UTF-8", why=f"the segment {segment[:80]!r} does not decode") from None


def parameters(route: Route, segments: Sequence[str]) -> dict[str, str]:
    """The values of a route's parameters."""
    return {
        wanted[1:-1]: decoded(given)
        for wanted, given in zip(route.segments, segments, strict=True)
        if wanted.startswith("{")
    }
