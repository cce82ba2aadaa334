"""Calls an ASGI application in this process: one request in, one answer out, no socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dfcli.env.ids import SeededIds
from dfcli.http.app import build_app

HOST = "127.0.0.1:7071"
BASE = "/runtime/webhooks/durabletask"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class AsgiClient:
    """Headers given as None leave out a default one."""

    def __init__(self, host: Any, **options: Any) -> None:
        self.host = host
        self.app, self.service = build_app(host, version="0", ids=SeededIds(1), **options)

    def get(self, target: str, **given: Any) -> Answer:
        return self.ask("GET", target, **given)

    def post(self, target: str, body: bytes | str = b"", **given: Any) -> Answer:
        return self.ask("POST", target, body, **given)

    def delete(self, target: str, **given: Any) -> Answer:
        return self.ask("DELETE", target, **given)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | str = b"",
        *,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        parts: list[bytes] | None = None,
        hangs_up: bool = False,
    ) -> Answer:
        asked = self.ask_async(method, target, body, headers=headers, parts=parts, hangs_up=hangs_up)
        return asyncio.run(asked)

    async def ask_async(
        self,
        method: str,
        target: str,
        body: bytes | str = b"",
        *,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        parts: list[bytes] | None = None,
        hangs_up: bool = False,
    ) -> Answer:
        """`parts`: the body in chunks; `hangs_up`: the connection ends before the last of them."""
        content = body.encode() if isinstance(body, str) else body
        pieces = parts if parts is not None else [content]
        given = list(headers.items() if isinstance(headers, Mapping) else headers or [])
        names = {name.lower() for name, _ in given}
        if "host" not in names:
            given.insert(0, ("Host", HOST))
        if parts is not None:
            given.append(("Transfer-Encoding", "chunked"))
        elif content and "content-length" not in names:
            given.append(("Content-Length", str(len(content))))
        path, _, query = target.encode().partition(b"?")
        scope = {
            "type": "http",
            "server": ("127.0.0.1", 7071),
            "client": ("127.0.0.1", 50_000),
            "method": method,
            "scheme": "http",
            "raw_path": path,
            "path": path.decode(),
            "query_string": query,
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in given if v is not None],
            "state": {},
        }
        messages = [
            {"type": "http.request", "body": piece, "more_body": hangs_up or position < len(pieces) - 1}
            for position, piece in enumerate(pieces)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"")
        answered = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))
