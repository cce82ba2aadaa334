"""Durable HTTP: a request that the server accepts for later is polled with durable timers until it is done."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def order(context):
    response = yield context.call_http("POST", context.get_input(), content={"item": "lamp"})
    return [response.status_code, response.content]


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(202, b"", Location="/orders/7")

    def do_GET(self) -> None:
        self.answer(200, b"lamp shipped")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        print(self.command, self.path, flush=True)


async def main(url: str) -> None:
    settings = df.HostSettings(http_poll_seconds=1)
    async with df.Host(app, hub=":memory:", settings=settings) as host:
        instance_id = await host.client.start_new(order, client_input=url)
        status = await host.client.wait(instance_id, timeout=10)
        print(status.output)


shop = HTTPServer(("127.0.0.1", 0), Shop)
threading.Thread(target=shop.serve_forever, daemon=True).start()
asyncio.run(main(f"http://127.0.0.1:{shop.server_port}/orders"))

# Output:
#   POST /orders
#   GET /orders/7
#   [200, 'lamp shipped']
