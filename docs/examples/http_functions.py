"""HTTP functions: routes with typed and optional parameters, methods, status, headers, text, JSON and bytes."""

import asyncio
import json
import urllib.error
import urllib.request

import dfcli as df
from dfcli.http.app import build_app
from dfcli.http.server import HttpServer

app = df.DFApp(http_auth_level=df.AuthLevel.ANONYMOUS)


@app.route(route="orders/{number:int}/{format=text}", methods=["GET"])
def order(req: df.HttpRequest) -> df.HttpResponse:
    found = {"number": int(req.route_params["number"]), "shown": req.params.get("shown", "all")}
    if req.route_params["format"] == "json":
        return df.HttpResponse(json.dumps(found), mimetype="application/json", headers={"X-Orders": "1"})
    return df.HttpResponse(f"order {found['number']}, {found['shown']}")


@app.route(route="files/{*path}", methods=[df.HttpMethod.PUT])
async def store(req: df.HttpRequest) -> df.HttpResponse:
    return df.HttpResponse(req.route_params["path"].encode() + b" stored", status_code=201)


@app.route(methods=["DELETE"])
def forget(_request: df.HttpRequest) -> None: ...


def ask(method: str, url: str) -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return f"{answer.status} {answer.read().decode()}".strip()
    except urllib.error.HTTPError as error:
        return str(error.code)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host, HttpServer(*build_app(host), port=0) as server:
        asking = ["GET orders/7", "GET orders/7/json?shown=open", "GET orders/x", "PUT files/a/b.txt", "DELETE forget"]
        for asked in asking:
            method, path = asked.split()
            print(asked, "→", await asyncio.to_thread(ask, method, f"{server.url}/api/{path}"))


asyncio.run(main())

# Output:
#   GET orders/7 → 200 order 7, all
#   GET orders/7/json?shown=open → 200 {"number": 7, "shown": "open"}
#   GET orders/x → 404
#   PUT files/a/b.txt → 201 a/b.txt stored
#   DELETE forget → 204
