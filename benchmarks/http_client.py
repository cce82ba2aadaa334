"""A client process for the HTTP workloads: `python -m benchmarks.http_client URL WORKLOAD SIZE`.

Standard library only; one keep-alive connection for each request in flight. Knows of HTTP/1.1 what this needs.
Prints seconds, its own CPU and a latency for each unit, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from benchmarks.workloads import IN_FLIGHT

DURABLE = "/runtime/webhooks/durabletask"
OWN = "/dfcli/v1"
WAIT_SECONDS = 120


class Connection:
    """One request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    async def open(cls, url: str) -> Connection:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        return cls(reader, writer, address.netloc)

    async def request(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status code and body."""
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        lines = answer.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        return int(answer[9:12]), await self._reader.readexactly(length) if length else b""

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


One = Callable[[Connection, int], Awaitable[None]]


async def in_flight(url: str, count: int, most: int, one: One) -> list[float]:
    """Call `one` with 0 to count - 1, at most `most` at a time, a connection each; the seconds that each took."""
    numbers = iter(range(count))
    times: list[float] = []

    async def worker() -> None:
        connection = await Connection.open(url)
        for number in numbers:
            begun = time.perf_counter()
            await one(connection, number)
            times.append(time.perf_counter() - begun)
        await connection.close()

    await asyncio.gather(*(worker() for _ in range(min(most, count))))
    return times


def run_to_end(name: str, body: bytes, expected: bytes) -> One:
    """Start an instance and wait for its output, in one request."""
    target = f"{DURABLE}/orchestrators/{name}?timeout={WAIT_SECONDS}"

    async def one(connection: Connection, _: int) -> None:
        status, output = await connection.request("POST", target, body)
        assert (status, output) == (200, expected), (status, output)

    return one


class Approvals:
    """Instances that wait for an event, to which each gets one."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def begin(self, connection: Connection, _: int) -> None:
        status, body = await connection.request("POST", f"{DURABLE}/orchestrators/approval")
        assert status == 202, (status, body)
        self.ids.append(json.loads(body)["id"])

    async def finish(self, connection: Connection, number: int) -> None:
        """Two requests: raise the event, wait for the end."""
        instance = self.ids[number]
        status, body = await connection.request("POST", f"{DURABLE}/instances/{instance}/raiseEvent/go", b"1")
        assert status == 202, (status, body)
        status, body = await connection.request("GET", f"{OWN}/instances/{instance}/wait?timeout={WAIT_SECONDS}")
        assert status == 200, (status, body)
        assert b"Completed" in body, body


async def run(url: str, workload: str, size: int) -> dict[str, Any]:
    most = 1 if workload == "latency" else size if workload == "timers" else IN_FLIGHT
    one: One
    if workload == "events":
        approvals = Approvals()
        await in_flight(url, size, most, approvals.begin)
        one, count = approvals.finish, size
    elif workload in ("fan-out", "fan-out-large"):
        one, count = run_to_end("fan_out", b"%d" % size, b"%d" % size), 1
    elif workload == "long":
        one, count = run_to_end("long", b'{"steps":%d,"marks":[]}' % size, b"%d" % size), 1
    elif workload == "timers":
        one, count = run_to_end("sleep", b"1.0", b"0.0"), size
    else:
        one, count = run_to_end("sequence", b"", b"10"), size
    print("ready", flush=True)
    sys.stdin.readline()
    cpu, begun = time.process_time(), time.perf_counter()
    times = await in_flight(url, count, most, one)
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu, "times": times}


def main() -> None:
    url, workload, size = sys.argv[1:]
    print(json.dumps(asyncio.run(run(url, workload, int(size)))))


if __name__ == "__main__":
    main()
