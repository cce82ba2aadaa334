"""Pages of instances in order of creation time, then id: continuation tokens, and paging of what is in memory."""

from __future__ import annotations

import binascii
import heapq
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from dfcli.errors import InvalidArgument
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.status import InstanceSummary

TOKEN_VERSION = 1


class Place(NamedTuple):
    """Where a page ended: the last instance on it."""

    created: str
    instance_id: str


def token_after(item: InstanceSummary, which: InstanceFilter) -> str:
    """The continuation token for what follows `item`. Opaque to clients, valid for the same order only."""
    body = msgspec.json.encode([TOKEN_VERSION, which.newest_first, item.created, item.instance_id])
    return urlsafe_b64encode(zlib.crc32(body).to_bytes(4, "big") + body).decode().rstrip("=")


def place_of(token: str, which: InstanceFilter) -> Place | None:
    """What a token says; None for the empty one. Raises InvalidArgument for anything not made by `token_after`."""
    if not token:
        return None
    try:
        sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        if zlib.crc32(sealed[4:]).to_bytes(4, "big") != sealed[:4]:
            raise ValueError("checksum")
        version, newest_first, created, instance_id = msgspec.json.decode(
            sealed[4:], type=tuple[int, bool, str, str], strict=True
        )
        if version != TOKEN_VERSION:
            raise ValueError("version")
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise InvalidArgument(
            "the continuation token is not valid",
            why="it was not handed out by this version of dfcli, or was cut",
            hint="ask for the first page again, without a token",
        ) from None
    if newest_first != which.newest_first:
        raise InvalidArgument(
            "the continuation token belongs to a list in the other order",
            hint="keep the order while turning pages, or ask for the first page again",
        )
    return Place(created, instance_id)


def check_top(top: int) -> int:
    """The page size itself. Raises InvalidArgument below 1."""
    if top < 1:
        raise InvalidArgument(f"a page of {top} instances cannot be made", hint="ask for at least 1")
    return top


def page_of(items: Iterable[InstanceSummary], which: InstanceFilter, top: int, continuation: str = "") -> Page:
    """One page of those `items` that the filter means, whatever order they come in."""
    after = place_of(continuation, which)
    chosen = [item for item in items if which.matches(item) and (after is None or _follows(item, after, which))]
    pick = heapq.nlargest if which.newest_first else heapq.nsmallest
    return page_from(pick(check_top(top) + 1, chosen, key=_order), which, top)


def page_from(found: list[InstanceSummary], which: InstanceFilter, top: int) -> Page:
    """The page of ordered instances of which one more than `top` was looked for."""
    items = found[:top]
    return Page(items, token_after(items[-1], which) if len(found) > top else "")


def in_order(items: Iterable[InstanceSummary], which: InstanceFilter) -> list[InstanceSummary]:
    """Sorted as pages are."""
    return sorted(items, key=_order, reverse=which.newest_first)


def _order(item: InstanceSummary) -> tuple[str, str]:
    return item.created, item.instance_id


def _follows(item: InstanceSummary, place: Place, which: InstanceFilter) -> bool:
    here = (item.created, item.instance_id)
    return here < place if which.newest_first else here > place
