"""From the arguments of `context.call_http` to the request that is recorded. Refuses what no request can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from dfcli.authoring.http import ManagedIdentityTokenSource
from dfcli.model.durable_http import Headers, HttpCallRequest, TokenSource
from dfcli.model.payload import Payload

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_encode = msgspec.json.Encoder().encode


def http_request(
    method: str,
    uri: str,
    content: Any,
    headers: Mapping[str, Any] | None,
    token_source: Any,
    is_raw_str: bool,
    *,
    retried_statuses: Iterable[int] | None,
    timeout: float | timedelta | None,
    polling_timeout: float | timedelta | None,
    asynchronous_pattern_enabled: bool,
) -> Payload:
    """Raises TypeError and ValueError in words for the orchestrator's author."""
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is no HTTP method")
    _check_uri(uri)
    defaults = HttpCallRequest(method="", uri="")
    request = HttpCallRequest(
        method=method.upper(),
        uri=uri,
        headers=_headers(headers or {}),
        content=_content(content, is_raw_str),
        token_source=_token_source(token_source),
        timeout=_seconds("timeout", timeout, defaults.timeout),
        polling_timeout=_seconds("polling_timeout", polling_timeout, defaults.polling_timeout),
        asynchronous_pattern_enabled=bool(asynchronous_pattern_enabled),
        retried_statuses=None if retried_statuses is None else sorted(int(code) for code in retried_statuses),
    )
    return Payload(Raw(_encode(request)))


def _check_uri(uri: Any) -> None:
    if not isinstance(uri, str):
        raise TypeError(f"the uri of an HTTP call is text, not {type(uri).__name__}")
    try:
        parts = urlsplit(uri)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"the uri {uri[:200]!r} cannot be used: {error}") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not port_is_right:
        raise ValueError(f"the uri {uri[:200]!r} cannot be used: it begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the uri of an HTTP call holds a user name: it would be recorded; use an Authorization header")


def _headers(headers: Mapping[str, Any]) -> Headers:
    checked: Headers = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an HTTP header")
        if isinstance(value, Mapping):
            if set(value) != {"secret"} or not isinstance(value["secret"], str) or not value["secret"]:
                raise ValueError(f'the header {name!r} is text, or {{"secret": "NAME"}} for an app setting')
            checked[name] = {"secret": value["secret"]}
            continue
        text = str(value)
        if any(character in text for character in "\r\n\0"):
            raise ValueError(f"the header {name!r} holds a line break")
        checked[name] = text
    return checked


def _content(content: Any, is_raw_str: bool) -> str | None:
    if content is None and not is_raw_str:
        return None
    if not is_raw_str:
        return json.dumps(content)
    if not isinstance(content, str):
        raise TypeError(
            "Invalid use of 'is_raw_str' parameter: 'is_raw_str' is set to 'True' but 'content' is not an instance of "
            "type 'str'. Either set 'is_raw_str' to 'False', or ensure your 'content' is of type 'str'."
        )
    return content


def _token_source(source: Any) -> TokenSource | None:
    if source is None:
        return None
    if not isinstance(source, ManagedIdentityTokenSource) and not hasattr(source, "resource"):
        raise TypeError(f"token_source is a df.ManagedIdentityTokenSource, not {type(source).__name__}")
    return TokenSource(resource=str(source.resource))


def _seconds(name: str, value: float | timedelta | None, default: float) -> float:
    if value is None:
        return default
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not 0 < seconds < 1e9:
        raise ValueError(f"{name} is a duration above zero, not {value!r}")
    return seconds
