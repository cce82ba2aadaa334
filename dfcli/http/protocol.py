"""uvicorn's protocol on top of httptools, with the limits and refusals it leaves open.

The parser itself bounds nothing, so a head that never ends would fill the memory; and a request target in absolute
form would lose the host it names before the guard could see it.
"""

from __future__ import annotations

import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dfcli.http.guard import HEADER_BYTES_MAX, REQUEST_TARGET_BYTES_MAX, SECURITY_HEADERS, TARGET

HEAD_BYTES_MAX = 2 * (HEADER_BYTES_MAX + REQUEST_TARGET_BYTES_MAX)
"""Where reading stops; the guard's own limits are below and answer in full."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(431, "Request Header Fields Too Large", "too_large", "the headers are too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if not self.url.startswith(b"/"):
            self.scope["state"] = {TARGET: bytes(self.url)}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "Bad Request", "bad_request", msg)

    def _refuse(self, status: int, phrase: str, code: str, message: str) -> None:
        """Answer without the application, which never saw a request, and close."""
        body = json.dumps({"Message": message, "error": {"code": code, "what": message}}).encode()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *SECURITY_HEADERS,
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, phrase.encode(), head, body))
        self.transport.close()
