"""The HTTP API of Durable Functions, on a real port of this machine: start, ask, raise an event, signal an entity."""

import asyncio
import json
from urllib.request import Request, urlopen

import dfcli as df
from dfcli.http.app import build_app
from dfcli.http.server import HttpServer

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def approval(context):
    return (yield context.wait_for_external_event("Approval"))


@app.entity_trigger(context_name="context")
def counter(context):
    context.set_state((context.get_state() or 0) + context.get_input())


def ask(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}, method=method)) as answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def call_it(base):
    _, links = ask("POST", f"{base}/orchestrators/approval/order-1", {"amount": 12})
    code, status = ask("GET", links["statusQueryGetUri"])
    print(code, status["input"])
    print(*ask("POST", links["sendEventPostUri"].replace("{eventName}", "Approval"), {"by": "Ann"}))
    while (found := ask("GET", links["statusQueryGetUri"]))[0] == 202:
        pass
    print(found[0], found[1]["runtimeStatus"], found[1]["output"])
    print(*ask("DELETE", links["purgeHistoryDeleteUri"]))

    ask("POST", f"{base}/entities/counter/visits?op=add", 3)
    while not (listed := ask("GET", f"{base}/entities?fetchState=true")[1]):
        pass
    print(listed[0]["entityId"], listed[0]["state"])


async def main() -> None:
    # Your own host is served by `dfcli run`, on port 7071.
    async with df.Host(app, hub=":memory:") as host, HttpServer(*build_app(host), port=0) as server:
        await asyncio.to_thread(call_it, f"{server.url}/runtime/webhooks/durabletask")


asyncio.run(main())

# Output:
#   202 {'amount': 12}
#   202 None
#   200 Completed {'by': 'Ann'}
#   200 {'instancesDeleted': 1}
#   {'name': 'counter', 'key': 'visits'} 3
