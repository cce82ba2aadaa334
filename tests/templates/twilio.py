"""A stand-in for Twilio's REST API on loopback: keeps what it was sent, answers what the test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs


class Received(NamedTuple):
    path: str
    authorization: str
    form: dict[str, str]


class Twilio:
    """`answers` are given in turn, as status and body; the last one again and again."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[tuple[int, bytes]] = [(201, b'{"sid": "SM1", "status": "queued"}')]
        self.url = ""

    def refuse(self, status: int, message: str, code: int) -> None:
        """Refuse everything, in Twilio's form."""
        self.answers = [(status, json.dumps({"code": code, "message": message, "status": status}).encode())]


@contextmanager
def twilio() -> Iterator[Twilio]:
    """A stand-in that serves until the block ends."""
    stand_in = Twilio()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
            stand_in.received.append(Received(self.path, self.headers["Authorization"], form))
            status, answer = stand_in.answers[0] if len(stand_in.answers) == 1 else stand_in.answers.pop(0)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{stand_in.url}/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
