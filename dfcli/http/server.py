"""Serves an application on the loop that is running, on a loopback socket of our own.

uvicorn binds nothing and handles no signal here: a busy port must be an error that says how to go on, and Ctrl-C
belongs to the command that runs the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable, Generator

import uvicorn
from starlette.types import ASGIApp

from dfcli.errors import Unavailable
from dfcli.http.call import Service
from dfcli.http.guard import HEADER_BYTES_MAX, REQUEST_TARGET_BYTES_MAX

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS = 5

_listening: set[socket.socket] = set()


class HttpServer:
    """One listening socket and the server behind it."""

    def __init__(self, app: ASGIApp, service: Service, *, port: int, address: str = LOOPBACK) -> None:
        """Binds at once, so that a busy port is known before anything else starts. Raises Unavailable.

        Port 0 takes a free one; `port` tells which.
        """
        self._service = service
        self._socket = _bound(address, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{address}:{self.port}"
        config = uvicorn.Config(
            app,
            lifespan="off",
            http=_protocol(),
            ws="none",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX + REQUEST_TARGET_BYTES_MAX,
            backlog=BACKLOG,
        )
        # A stranger's garbage is answered with 400 and needs no line on the user's terminal.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on; returns once connections are answered."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        ready = asyncio.ensure_future(self._server.ready.wait())
        try:
            await asyncio.wait((ready, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._task.done():
            await self._task
            raise Unavailable("the HTTP server ended while it started")

    async def stop(self) -> None:
        """Take no new connection, let requests under way finish, tell those that wait to come back.

        Stop the server before the host: requests under way still need it.
        """
        self._service.stopping.set()
        _listening.discard(self._socket)
        if self._task is None:
            self._socket.close()
            return
        self._server.should_exit = True
        await self._task

    async def __aenter__(self) -> HttpServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop there is here, for `asyncio.Runner`; None: the standard one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


def _protocol() -> type[asyncio.Protocol]:
    try:
        from dfcli.http.protocol import BoundedHttpProtocol
    except ImportError:  # no httptools here: h11 is slower and bounds the head by itself
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol
    return BoundedHttpProtocol


def _bound(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Only so that a host can start again at once; two listeners on one port it does not allow.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _cannot_bind(address, port, error) from None
    listener.setblocking(False)
    _listening.add(listener)
    return listener


def _cannot_bind(address: str, port: int, error: OSError | OverflowError) -> Unavailable:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return Unavailable(
            f"port {port} is in use",
            why=f"another process listens on {address}:{port}",
            hint="take a free port with `--port 0`, or another one with `--port N`",
        )
    if number == errno.EACCES:
        why = "ports below 1024 are for the administrator"
        return Unavailable(f"port {port} may not be used", why=why, hint="take another one with `--port N`")
    return Unavailable(f"cannot listen on {address}:{port}", why=str(error), hint="try `--port 0`")


def _close_in_child() -> None:
    """A process that user code forks must not keep the port."""
    for listener in _listening:
        with contextlib.suppress(OSError):
            os.close(listener.fileno())
    _listening.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
