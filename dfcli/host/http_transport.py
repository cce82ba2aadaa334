"""One HTTP exchange with an address that has been judged, within a time and a size.

The standard library's client, with two things of ours: it connects to the address that was judged instead of asking
for the name again, and every wait for the network ends at the deadline, however slowly the other side drips.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

RESPONSE_BYTES_MAX = 16 * 1024 * 1024
_READ_BYTES = 64 * 1024


class ResponseTooLarge(Exception):
    """The other side sent more than is taken."""


class Exchange(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """Repeated ones joined with commas."""
    body: bytes


def exchange(
    scheme: str,
    host: str,
    port: int,
    addresses: Sequence[str],
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | None,
    *,
    deadline: float,
    now: Callable[[], float],
) -> Exchange:
    """Send a request and read the whole answer. Raises TimeoutError, ResponseTooLarge, OSError, HTTPException."""
    connection = _Connection(scheme, host, port, addresses, deadline, now)
    try:
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_READ_BYTES):
            size += len(part)
            if size > RESPONSE_BYTES_MAX:
                raise ResponseTooLarge(f"the answer is longer than {RESPONSE_BYTES_MAX} bytes")
            parts.append(part)
        joined: dict[str, str] = {}
        for name, value in response.getheaders():
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return Exchange(response.status, joined, b"".join(parts))
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """To one of the judged addresses, under the name that the request is for."""

    def __init__(
        self,
        scheme: str,
        host: str,
        port: int,
        addresses: Sequence[str],
        deadline: float,
        now: Callable[[], float],
    ) -> None:
        super().__init__(host, port)
        self._addresses = addresses
        self._deadline = deadline
        self._now = now
        self._tls = ssl.create_default_context() if scheme == "https" else None
        if self._tls is not None:
            self.default_port = 443  # so that the Host header leaves it out

    def connect(self) -> None:
        failure: OSError | None = None
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), timeout=_left(self._deadline, self._now))
            except OSError as error:
                failure = error
                continue
            try:
                connected = plain
                if self._tls is not None:
                    connected = self._tls.wrap_socket(plain, server_hostname=self.host)
            except BaseException:
                plain.close()
                raise
            self.sock: Any = _TimedSocket(connected, self._deadline, self._now)
            return
        raise failure or OSError("there is no address to connect to")


class _TimedSocket:
    """As much of a socket as the client uses; nothing it does goes on after the deadline."""

    def __init__(self, sock: socket.socket, deadline: float, now: Callable[[], float]) -> None:
        self._sock = sock
        self._deadline = deadline
        self._now = now

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._deadline, self._now))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode  # the client reads only
        return io.BufferedReader(_TimedReader(self._sock, self._deadline, self._now))

    def close(self) -> None:
        self._sock.close()


class _TimedReader(io.RawIOBase):
    """Holds the socket open until it is closed itself: the client lets go of the connection before it reads."""

    def __init__(self, sock: socket.socket, deadline: float, now: Callable[[], float]) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline
        self._now = now

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._deadline, self._now))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: float, now: Callable[[], float]) -> float:
    left = deadline - now()
    if left <= 0:
        raise TimeoutError("the time for the exchange is over")
    return left
