"""The built-in activity behind durable HTTP calls: its name, what it is handed and what it answers.

An exchange that the server accepts for later (202 with a `Location`) answers with the `poll` that is to follow; the
engine waits with a durable timer and hands that request to the next run of the activity. So everything about HTTP is
decided where the request is sent, and is recorded.
"""

from __future__ import annotations

import msgspec

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
"""Durable Functions' name for it. No app can have or call a function of that name."""
BUILT_IN_PREFIXES = ("builtin::", "builtin__")

Headers = dict[str, str | dict[str, str]]
"""Name → value, or `{"secret": NAME}`, which is looked up when the request is sent and is never recorded."""


class TokenSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a bearer token comes from."""

    resource: str
    kind: str = "AzureManagedIdentity"


class HttpCallRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The input of the activity. Times are seconds."""

    method: str
    uri: str
    headers: Headers = {}
    content: str | None = None
    token_source: TokenSource | None = None
    timeout: float = 100.0
    """For the whole exchange, redirects included."""
    asynchronous_pattern_enabled: bool = True
    retried_statuses: list[int] | None = None
    """Status codes that count as a failure for the retry policy; an empty list: all of 400 and above."""
    poll_until: str | None = None
    """On a poll: the timestamp after which there is no other."""
    polling_timeout: float = 30 * 24 * 3600.0


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """What follows an answer of 202."""

    seconds: float
    request: HttpCallRequest


class HttpCallResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The result of the activity; without `poll` it is what the orchestrator gets."""

    status_code: int
    headers: dict[str, str]
    content: str
    poll: Poll | None = None


class _Polled(msgspec.Struct, frozen=True):
    poll: Poll | None = None


_polls = msgspec.json.Decoder(_Polled)


def poll_of(result: bytes) -> Poll | None:
    """The poll that an answer asks for. Raises msgspec.MsgspecError for what the activity never answers."""
    return _polls.decode(result).poll
