"""One HTTP exchange with the host on this machine, over a plain socket.

`http.client` would cost every command 20 ms of imports (email, ssl) for nothing: the other end is our own server,
each answer states its length, and the connection is closed after it.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from dfcli.errors import InvalidArgument, OutcomeUnknown, Unavailable

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
HEAD_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 1024 * 1024 * 1024
_CHUNK = 1024 * 1024


class Answer(NamedTuple):
    """Status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Address(NamedTuple):
    """Where a host listens."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        return authority_of(self.host, self.port)


def authority_of(host: str, port: int) -> str:
    """`127.0.0.1:7071`, `[::1]:7071`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_of(url: str) -> Address:
    """The address in `http://127.0.0.1:7071`. Raises InvalidArgument for anything but that form."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rstrip("/").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if scheme != "http" or not host or not port.isdigit() or "/" in host:
        raise InvalidArgument(f"{url[:80]!r} is not the address of a host", why="it looks like http://127.0.0.1:7071")
    return Address(host, int(port))


def exchange(
    address: Address,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    key: str = "",
    changes: bool = False,
    answer_seconds: float | None = ANSWER_SECONDS,
) -> Answer:
    """Send one request and read its answer. `key` is shown to the host, which must have proved itself. With
    `answer_seconds` of None the answer may take for ever; a host that ends ends the connection.

    Raises Unavailable when nobody answers; OutcomeUnknown when the connection ends after a request that `changes`
    something was sent.
    """
    try:
        connection = socket.create_connection(address, CONNECT_SECONDS)
    except OSError as error:
        raise Unavailable("the host does not answer", why=f"{address.authority}: {error}", hint="dfcli run") from None
    with connection:
        connection.settimeout(answer_seconds)
        try:
            connection.sendall(_request(address, method, target, body, key))
            return _read_answer(connection)
        except (OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            if changes:
                raise OutcomeUnknown(
                    "the host ended the connection before it answered",
                    why=f"it may or may not have done what was asked ({why})",
                    hint="look with `dfcli status` before you repeat the command",
                ) from None
            raise Unavailable("the host ended the connection before it answered", why=why) from None


def _request(address: Address, method: str, target: str, body: bytes | None, key: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {address.authority}", "Connection: close"]
    if key:
        lines.append(f"x-functions-key: {key}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")


def _read_answer(connection: socket.socket) -> Answer:
    """Raises ValueError for what our server would not send."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        chunk = connection.recv(65536)
        if not chunk or len(received) > HEAD_BYTES_MAX:
            raise ValueError("no HTTP answer came")
        received += chunk
    first, *lines = bytes(received[:end]).decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError("the answer is not HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= ANSWER_BYTES_MAX or "transfer-encoding" in headers:
        raise ValueError("the answer does not state its length")
    body = received[end + 4 :]
    while len(body) < length:
        chunk = connection.recv(min(_CHUNK, length - len(body)))
        if not chunk:
            raise ValueError("the answer is cut off")
        body += chunk
    return Answer(int(rest[:3]), headers, bytes(body[:length]))
