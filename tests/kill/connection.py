"""One kept-alive connection to the host, over a plain socket, so that the moment an answer arrives can be acted on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

ANSWER_SECONDS = 20.0


class Answer(NamedTuple):
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """OSError or ValueError from `ask` mean that the answer did not come; the connection is closed then."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._port = 0

    def ask(
        self,
        port: int,
        method: str,
        target: str,
        body: Any = None,
        *,
        key: str = "",
        on_answer: Callable[[], None] | None = None,
    ) -> Answer:
        """`on_answer` is called when the first bytes of the answer are there, before anything else."""
        if self._socket is None or self._port != port:
            self.close()
            self._socket = socket.create_connection(("127.0.0.1", port), 5)
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._port = port
        try:
            self._socket.sendall(_request(port, method, target, body, key))
            return self._answer(self._socket, on_answer)
        except (OSError, ValueError):
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _answer(self, connection: socket.socket, on_answer: Callable[[], None] | None) -> Answer:
        received = bytearray(connection.recv(65536))
        if on_answer is not None and received:
            on_answer()
        while (end := received.find(b"\r\n\r\n")) < 0:
            chunk = connection.recv(65536)
            if not chunk:
                raise ValueError("the connection ended before the answer")
            received += chunk
        first, *lines = bytes(received[:end]).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        status = int(first.split()[1])
        length = 0 if status == 204 else int(headers.get("content-length", "0"))
        while len(received) < end + 4 + length:
            chunk = connection.recv(65536)
            if not chunk:
                raise ValueError("the answer is cut off")
            received += chunk
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, bytes(received[end + 4 :]))


def _request(port: int, method: str, target: str, body: Any, key: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    content = b"" if body is None else json.dumps(body).encode()
    if method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    if key:
        lines.append(f"Idempotency-Key: {key}")
    return "\r\n".join([*lines, "", ""]).encode() + content
