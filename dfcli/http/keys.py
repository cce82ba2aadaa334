"""Authentication: which keys a request shows, what they open, and how many wrong ones an address may try.

One gate stands before every handler and before a body is read. All candidates are compared each time, digests of the
same length in constant time, so that neither answer nor time tells a wrong key from an unknown one.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Iterator
from hashlib import sha256

from dfcli.env.clock import Clock
from dfcli.errors import DfError
from dfcli.http.answers import Refusal
from dfcli.http.call import Call
from dfcli.http.key_proof import proof_of
from dfcli.storage.keys import Key, KeyFile, KeyScope

log = logging.getLogger("dfcli.http")

FAILURES_MAX = 20
WINDOW_SECONDS = 10.0
ADDRESSES_MAX = 4096
_HEADER = b"x-functions-key"
_BEARER = "bearer "


class KeyRing:
    """The keys of the hub as they stand in its file now: a changed file counts from the next request on."""

    def __init__(self, file: KeyFile, clock: Clock) -> None:
        """Raises HubUnreadable, NotFound."""
        self._file = file
        self._clock = clock
        self._stamp = _stamp(file.path)
        self._keys: list[tuple[Key, bytes]] = []
        self._take(file.read())

    def scopes(self, presented: list[str]) -> frozenset[KeyScope]:
        """What the presented keys open; nothing when none of them is valid."""
        self._refresh()
        now = self._clock.time()
        opened: set[KeyScope] = set()
        for text in presented or [""]:
            digest = sha256(text.encode("utf-8", "replace")).digest()
            for key, expected in self._keys:
                if hmac.compare_digest(digest, expected) and key.is_valid(now):
                    opened.add(key.scope)
        return frozenset(opened)

    @property
    def link_code(self) -> str:
        """The key that links to the management API carry; empty when there is none."""
        self._refresh()
        return next((key.value for key, _ in self._keys if key.scope is KeyScope.SYSTEM and key.ends is None), "")

    def proof(self, nonce: str, address: str) -> str:
        """See `key_proof`; empty when there is no key."""
        code = self.link_code
        return proof_of(code, nonce, address) if code else ""

    def _take(self, keys: list[Key]) -> None:
        self._keys = [(key, sha256(key.value.encode()).digest()) for key in keys]

    def _refresh(self) -> None:
        stamp = _stamp(self._file.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._take(self._file.read())
        except DfError as error:  # closed is safer than open on keys that somebody wanted to end
            self._keys = []
            log.error("no key is valid until this is repaired: %s: %s; %s", error.what, error.why, error.hint)


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size, found.st_mode, found.st_uid)


class Attempts:
    """Addresses that showed wrong keys: after so many within the window none of theirs is looked at for as long."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._closed_until: dict[str, float] = {}

    def check(self, address: str, now: float) -> None:
        """Raises Refusal with status 429 while an address must wait."""
        until = self._closed_until.get(address)
        if until is None:
            return
        if now >= until:
            del self._closed_until[address]
            return
        headers = {"retry-after": str(max(1, round(until - now)))}
        raise Refusal(429, "rate_limited", "too many wrong keys came from this address", headers=headers)

    def failed(self, address: str, now: float) -> None:
        times = self._failures.setdefault(address, deque(maxlen=FAILURES_MAX))
        self._failures.move_to_end(address)
        times.append(now)
        if len(times) == FAILURES_MAX and now - times[0] <= WINDOW_SECONDS:
            times.clear()
            self._closed_until[address] = now + WINDOW_SECONDS
        while len(self._failures) > ADDRESSES_MAX:
            oldest, _ = self._failures.popitem(last=False)
            self._closed_until.pop(oldest, None)


class KeyGate:
    """Lets a call pass when it shows a key of an allowed scope."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._attempts = Attempts()

    def check(self, call: Call, allowed: frozenset[KeyScope]) -> None:
        """Raises Refusal: 401 without a valid key, 403 when it is for something else, 429 after too many wrong ones.

        A request without any key guesses nothing and is not counted.
        """
        address = str((call.scope.get("client") or ("",))[0])
        now = _now()
        self._attempts.check(address, now)
        presented = list(_presented(call))
        opened = self.ring.scopes(presented)
        if opened & allowed:
            return
        if opened:
            raise Refusal(403, "forbidden", "the key is not for this")
        if presented:
            self._attempts.failed(address, now)
        headers = {"www-authenticate": 'Bearer realm="dfcli"'}
        raise Refusal(401, "unauthorized", "a valid key is needed", headers=headers)


def _now() -> float:
    """Seconds that only ever grow."""
    return asyncio.get_running_loop().time()


def _presented(call: Call) -> Iterator[str]:
    """The keys of a request: `?code=`, `x-functions-key`, `Authorization: Bearer`."""
    code = call.query.text("code")
    if code:
        yield code
    header = call.headers.get(_HEADER, b"").decode("latin-1").strip()
    if header:
        yield header
    authorization = call.headers.get(b"authorization", b"").decode("latin-1").strip()
    if authorization[: len(_BEARER)].lower() == _BEARER:
        yield authorization[len(_BEARER) :].strip()
