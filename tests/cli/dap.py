"""A client of debugpy that speaks as much of the Debug Adapter Protocol as a test needs."""

from __future__ import annotations

import json
import socket
from typing import Any


class DebugClient:
    """Attached to a process that waits for it."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), 60)
        self._stream = self._connection.makefile("rb")
        self._seq = 0
        self._kept: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="test", linesStartAt1=True, pathFormat="path")

    def attach(self, file: str, line: int) -> None:
        """Attach with one breakpoint; the process goes on then."""
        attaching = self.send("attach", justMyCode=True)
        self.event("initialized")
        self.ask("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
        self.ask("configurationDone")
        self._answer(attaching)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(self.send(command, **arguments))

    def send(self, command: str, **arguments: Any) -> int:
        """Its number, by which its answer is known."""
        self._seq += 1
        request = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._seq

    def event(self, name: str) -> dict[str, Any]:
        """The next one of this name."""
        body: dict[str, Any] = self._next(lambda m: m["type"] == "event" and m["event"] == name).get("body", {})
        return body

    def _answer(self, number: int) -> dict[str, Any]:
        answer = self._next(lambda m: m["type"] == "response" and m["request_seq"] == number)
        assert answer["success"], answer
        body: dict[str, Any] = answer.get("body", {})
        return body

    def _next(self, is_wanted: Any) -> dict[str, Any]:
        for place, message in enumerate(self._kept):
            if is_wanted(message):
                return self._kept.pop(place)
        while True:
            message = self._read()
            if is_wanted(message):
                return message
            self._kept.append(message)

    def _read(self) -> dict[str, Any]:
        length = 0
        while (header := self._stream.readline().strip()) or not length:
            assert header or length, "the debugger hung up"
            length = int(header.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._stream.read(length))
        return message

    def close(self) -> None:
        self._stream.close()
        self._connection.close()
