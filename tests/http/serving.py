"""A real server on a loopback port, on a loop in a thread of its own, and raw sockets to talk to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dfcli.http.app import build_app
from dfcli.http.call import Service
from dfcli.http.server import HttpServer, loop_factory


class Serving:
    """Where the server is, and how to get at its loop."""

    def __init__(self, host: Any, server: HttpServer, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.server = server
        self.service = service
        self.loop = loop
        self.url = server.url
        self.port = server.port

    def on_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def raw(self, request: bytes) -> bytes:
        """Everything the server sends back until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.settimeout(10)
            connection.sendall(request)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
            return received


@contextmanager
def serving(make_host: Any) -> Iterator[Serving]:
    """`make_host` is called on the loop; what it returns may be an async context manager."""
    started = threading.Event()
    found: list[Serving] = []
    failed: list[BaseException] = []
    stop = asyncio.Event()

    async def run() -> None:
        host = make_host()
        if hasattr(host, "__aenter__"):
            async with host:
                await serve(host)
        else:
            await serve(host)

    async def serve(host: Any) -> None:
        app, service = build_app(host, version="1.2.3")
        async with HttpServer(app, service, port=0) as server:
            host.base_url = f"{server.url}/runtime/webhooks/durabletask"
            found.append(Serving(host, server, service, asyncio.get_running_loop()))
            started.set()
            await stop.wait()

    def thread() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(run())
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    runner_thread = threading.Thread(target=thread)
    runner_thread.start()
    started.wait(30)
    try:
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        if found:
            found[0].loop.call_soon_threadsafe(stop.set)
        runner_thread.join(30)
    if failed:
        raise failed[0]
