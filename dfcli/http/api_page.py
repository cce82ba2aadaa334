"""`python -m dfcli.http.api_page > docs/http-api.md`: the page of all routes, made of what they promise."""

from __future__ import annotations

from collections.abc import Iterator

from dfcli.http.app import SERVED
from dfcli.http.contract import BEFORE_ANY_ROUTE, WITH_KEYS, Answer, Operation
from dfcli.http.openapi import Served
from dfcli.http.routing import Route

_HEAD = """\
# The HTTP API

<!-- Made by `python -m dfcli.http.api_page > docs/http-api.md`; edit the routes, not this page. -->

What `dfcli run` serves, by default on port 7071 of this machine only. The running host has the same as an OpenAPI 3.1
document, with all schemas: `curl http://127.0.0.1:7071/runtime/webhooks/durabletask/openapi.json`.

**The durable API** is that of Durable Functions, so that its clients and links work. Paths and the names of
parameters match in any case, a slash at the end does not count, a value that cannot be read counts as not given, a
wrong method is 404, and 202, 404 and 410 have an empty body unless said otherwise. It is also served at
`/admin/extensions/DurableTaskExtension`. Every route takes `taskHub`: the host's own hub, or another one of the
app, which is reached through its host or, when nobody runs it, on its files (where an `Idempotency-Key` is
refused).

**The house's own routes** (`/dfcli/v1`) say what Durable Functions' cannot. They are strict: a parameter that is
unknown or cannot be read is refused, a body must be `application/json`, a wrong method is 405.

With `dfcli run --auth` every request shows a key, as `?code=KEY`, `x-functions-key: KEY` or `Authorization: Bearer
KEY` (`dfcli keys list`). A refusal has a `Message` and an `error` with `code`, `requestId` and, where they help,
`what`, `why` and `hint`; on the durable API also `ExceptionMessage`. Requests from other web pages, or to another
host name, are refused.

The app's own HTTP functions stand below `/api` and are not listed here.
"""
_TITLES = {
    "/runtime/webhooks/durabletask": "The durable API",
    "/admin": "The host, as Azure Functions has it",
    "/dfcli/v1": "The house's own routes",
    "": "Whether it runs",
}
_VALUES = {"id": "order-1", "name": "hello", "key": "my-key", "event": "Approval"}
_QUERY = {"purgeMany": "createdTimeFrom=2026-01-01", "challenge": "nonce=0123456789abcdef", "signalEntity": "op=add"}
_NAMES = {"adminFunction": "nightly", "runFunction": "nightly"}
_PLACE = "http://127.0.0.1:7071"


def api_page() -> str:
    """The whole page."""
    return "\n".join(_lines())


def command_of(base: str, route: Route, promises: Operation) -> str:
    """A curl line that asks for the operation."""
    values = {**_VALUES, "name": _NAMES.get(promises.id, _VALUES["name"])}
    parts = [values[part[1:-1]] if part.startswith("{") else part for part in route.path.split("/")]
    path = "/".join([base, *parts]) if route.path else "/"
    query = f"?{_QUERY[promises.id]}" if promises.id in _QUERY else ""
    method = {"GET": "", "HEAD": "-I ", "*": "-X POST "}.get(route.method, f"-X {route.method} ")
    body = ""
    if promises.body is not None and route.method == "POST":
        body = " -H 'Content-Type: application/json' -d '{\"n\":1}'"
    return f"curl {method}'{_PLACE}{path}{query}'{body}"


def _lines() -> Iterator[str]:
    yield _HEAD
    for served in SERVED:
        yield f"## {_TITLES.get(served.base, served.base)}\n"
        yield from _operations(served)
    yield "## Codes that every route may answer\n"
    yield from _table("Code", ((str(code), _words(answer)) for code, answer in sorted(BEFORE_ANY_ROUTE.items())))
    yield "With `--auth` also:\n"
    yield from _table("Code", ((str(code), _words(answer)) for code, answer in sorted(WITH_KEYS.items())))


def _operations(served: Served) -> Iterator[str]:
    for route in served.table.routes:
        promises = route.promises
        if promises is None or route.method == "HEAD":
            continue
        method = "any method" if route.method == "*" else route.method
        yield f"### {method} `{served.base}/{route.path}`\n"
        yield f"{promises.summary}\n"
        yield f"```sh\n{command_of(served.base, route, promises)}\n```\n"
        if promises.body is not None:
            types = " or ".join(f"`{media_type}`" for media_type in promises.body.media_types)
            yield f"Body ({types}): {promises.body.text}\n"
        hub = ("taskHub", "connection") if served.base.startswith("/runtime") else ()
        named = [parameter for parameter in promises.parameters if parameter.name not in hub]
        if named:
            yield from _table(
                "Parameter",
                ((f"`{each.name}`" + (" (header)" if each.where == "header" else ""), each.text) for each in named),
            )
        yield from _table("Code", ((str(code), _words(answer)) for code, answer in sorted(promises.answers.items())))


def _table(title: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    lines = [f"| {title} | |", "|---|---|"]
    lines += [f"| {left} | {right.replace('|', chr(92) + '|')} |" for left, right in rows]
    yield "\n".join(lines) + "\n"


def _words(answer: Answer) -> str:
    headers = ", ".join(f"`{name}`" for name in answer.headers)
    return f"{answer.text} Headers: {headers}." if headers else answer.text


if __name__ == "__main__":
    print(api_page(), end="")
