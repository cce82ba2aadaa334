"""Requests and responses as HTTP functions see them, under the names and defaults Azure Functions gives them."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dfcli.authoring.forms import Form, UploadedFile, parse_form


class HttpMethod(enum.StrEnum):
    """The methods an HTTP function may be limited to."""

    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"
    HEAD = "HEAD"
    PATCH = "PATCH"
    PUT = "PUT"
    OPTIONS = "OPTIONS"


class Headers(MutableMapping[str, str]):
    """Header names are compared without regard to case and kept as they were written."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._items: dict[str, tuple[str, str]] = {}
        for name, value in (headers or {}).items():
            self[name] = value

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._items[name.lower()] = (name, str(value))

    def __delitem__(self, name: str) -> None:
        del self._items[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def __repr__(self) -> str:
        return f"Headers({dict(self._items.values())!r})"


class HttpRequest:
    """One request. Only `method` and `url` are needed, so that a test can make one."""

    def __init__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        route_params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.headers: Mapping[str, str] = Headers(headers)
        self.params: Mapping[str, str] = (
            dict(params) if params is not None else dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        )
        """The query; of a name that is repeated the last value."""
        self.route_params: Mapping[str, str] = dict(route_params or {})
        self._body = body or b""
        self._parsed_form: Form | None = None

    def get_body(self) -> bytes:
        return self._body

    def get_json(self) -> Any:
        """The decoded body. Raises ValueError when it is not JSON."""
        try:
            return json.loads(self._body)
        except ValueError as error:
            raise ValueError("HTTP request does not contain valid JSON data") from error

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form. Raises ValueError when it is malformed."""
        return self._form().fields

    @property
    def files(self) -> dict[str, UploadedFile]:
        """The files of a form, as binary files with a `filename`. Raises ValueError when it is malformed."""
        return self._form().files

    def _form(self) -> Form:
        if self._parsed_form is None:
            self._parsed_form = parse_form(self.headers.get("content-type", ""), self._body)
        return self._parsed_form

    def __repr__(self) -> str:
        return f"HttpRequest({self.method!r}, {self.url!r})"


class HttpResponse:
    """What an HTTP function answers: text is encoded in `charset`, bytes are passed on unchanged."""

    def __init__(
        self,
        body: str | bytes | bytearray | None = None,
        *,
        status_code: int | None = None,
        headers: Mapping[str, str] | None = None,
        mimetype: str | None = None,
        charset: str | None = None,
    ) -> None:
        if body is not None and not isinstance(body, str | bytes | bytearray):
            raise TypeError(f"the body of an HttpResponse is text or bytes, not {type(body).__name__}")
        self.status_code = 200 if status_code is None else status_code
        self.mimetype = mimetype or "text/plain"
        self.charset = charset or "utf-8"
        self.headers: MutableMapping[str, str] = Headers(headers)
        self._body = b"" if body is None else body.encode(self.charset) if isinstance(body, str) else bytes(body)

    def get_body(self) -> bytes:
        return self._body

    @property
    def content_type(self) -> str:
        """The Content-Type to send: the header when one was given, else mimetype and charset."""
        return self.headers.get("Content-Type") or f"{self.mimetype}; charset={self.charset}"

    def __repr__(self) -> str:
        return f"HttpResponse({self.status_code}, {len(self._body)} bytes)"


class DurableHttpResponse(dict[str, Any]):
    """What `context.call_http` gives: `status_code`, `headers` and `content`, or the same as a dict, as Durable
    Functions' Python library gives it: `["statusCode"]`, `["headers"]`, `["content"]`."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DurableHttpResponse:
        """The response of a recorded result."""
        return cls(statusCode=data["statusCode"], headers=Headers(data.get("headers")), content=data.get("content", ""))

    @property
    def status_code(self) -> int:
        return int(self["statusCode"])

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in any case; a repeated header's values are joined with commas."""
        headers: Mapping[str, str] = self["headers"]
        return headers

    @property
    def content(self) -> str:
        return str(self["content"])

    def get_json(self) -> Any:
        """The decoded content. Raises ValueError when it is not JSON."""
        return json.loads(self.content)


class ManagedIdentityTokenSource:
    """Asks for a bearer token of Azure for a resource. On this machine there is no such identity: the app value
    `DFCLI_MANAGED_IDENTITY_TOKEN` stands in for it."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.kind = "AzureManagedIdentity"

    def to_json(self) -> dict[str, str]:
        """As Durable Functions writes it."""
        return {"resource": self.resource, "kind": self.kind}
