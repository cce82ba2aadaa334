"""The OpenAPI 3.1 document, made of the route tables: what a route promises there is what the document says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dfcli.http.contract import BEFORE_ANY_ROUTE, WITH_KEYS, Answer, Operation, Parameter, Schema, ref
from dfcli.http.ports import Functions
from dfcli.http.routing import Access, Route, RouteTable
from dfcli.http.schemas import PATH_PARAMETERS, named_schemas

_ABOUT = """\
What a running dfcli host serves. The durable API (`/runtime/webhooks/durabletask`, also under
`/admin/extensions/DurableTaskExtension`) is that of Durable Functions: paths match in any case, a slash at the end does
not count, names of query parameters match in any case, values that cannot be read count as not given, and a wrong
method is 404. The house's own routes (`/dfcli/v1`) are strict instead. The app's own HTTP functions are not listed.
"""
_TAGS = {
    "runtime": "The durable API",
    "admin": "The host, as Azure Functions has it",
    "dfcli": "The house's own routes",
    "": "Whether it runs",
}


_KEYS = {
    "code": {"type": "apiKey", "in": "query", "name": "code"},
    "header": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


class Served(NamedTuple):
    """Routes and the address they stand below, such as `/dfcli/v1`; empty for the root."""

    base: str
    table: RouteTable


def openapi_document(
    served: Sequence[Served], functions: Functions, *, version: str, url: str = "/", with_keys: bool = False
) -> dict[str, Any]:
    """The document. Routes that promise nothing are left out; a test allows for none."""
    described = [
        (base, route, route.promises) for base, table in served for route in table.routes if route.promises is not None
    ]
    known = {promises.id for _, _, promises in described}
    before = {**BEFORE_ANY_ROUTE, **(WITH_KEYS if with_keys else {})}
    paths: dict[str, dict[str, Any]] = {}
    for base, route, promises in described:
        method = "post" if route.method == "*" else route.method.lower()
        operation = _operation(base, route, promises)
        is_open = route.access is Access.OPEN
        operation["responses"] = {
            str(code): response
            for code, response in _responses(route, promises, known, before)
            if not (is_open and code in WITH_KEYS and code not in BEFORE_ANY_ROUTE)
        }
        if is_open and with_keys:
            operation["security"] = []
        paths.setdefault(f"{base}/{route.path}", {})[method] = operation
    document = {
        "openapi": "3.1.0",
        "info": {"title": "dfcli", "version": version, "description": _ABOUT},
        "servers": [{"url": url}],
        "tags": [{"name": name} for name in _TAGS.values()],
        "paths": paths,
        "components": {
            "schemas": named_schemas(functions),
            "responses": {_shared(code): _answer(answer) for code, answer in before.items()},
        },
    }
    if with_keys:
        document["components"]["securitySchemes"] = _KEYS  # type: ignore[index]  # a dict, as built above
        document["security"] = [{name: []} for name in _KEYS]
    return document


def _operation(base: str, route: Route, promises: Operation) -> dict[str, Any]:
    in_path = [part[1:-1] for part in route.segments if part.startswith("{")]
    described: dict[str, Any] = {
        "operationId": promises.id,
        "summary": promises.summary,
        "tags": [_TAGS[base.split("/")[1] if base else ""]],
        "parameters": [
            *(_in_path(name, promises) for name in in_path),
            *(_parameter(parameter) for parameter in promises.parameters),
        ],
    }
    if promises.body is not None:
        content = {media_type: {"schema": schema} for media_type, schema in promises.body.media_types.items()}
        described["requestBody"] = {
            "description": promises.body.text,
            "required": promises.body.required,
            "content": content,
        }
    return described


def _responses(
    route: Route, promises: Operation, known: set[str], before: Mapping[int, Answer]
) -> Iterable[tuple[int, dict[str, Any]]]:
    for code in sorted({*promises.answers, *before}):
        answer = promises.answers.get(code)
        if answer is None:
            yield code, {"$ref": f"#/components/responses/{_shared(code)}"}
            continue
        response = _answer(answer, before.get(code), has_body=route.method != "HEAD")
        follow_ups = [name for name in promises.follow_ups if name in known] if code in (201, 202) else []
        if follow_ups:
            response["links"] = {
                name: {"operationId": name, "parameters": {"id": "$response.body#/id"}} for name in follow_ups
            }
        yield code, response


def _answer(answer: Answer, before: Answer | None = None, *, has_body: bool = True) -> dict[str, Any]:
    """`before`: what the same code means when the route was not reached; then either may come."""
    text = answer.text if before is None else f"{answer.text} Or: {before.text}"
    contents: dict[str, list[Schema]] = {}
    for each in (answer, before):
        if each is not None and each.schema is not None and each.schema not in contents.get(each.media_type, []):
            contents.setdefault(each.media_type, []).append(each.schema)
    described: dict[str, Any] = {"description": text}
    if contents and has_body:
        described["content"] = {name: {"schema": _any_of(schemas)} for name, schemas in contents.items()}
    if answer.headers and before is None:
        described["headers"] = {
            name: {"description": words, "required": True, "schema": {"type": "string"}}
            for name, words in answer.headers.items()
        }
    return described


def _any_of(schemas: Sequence[Schema]) -> Schema:
    """One that allows anything allows all."""
    if {} in schemas:
        return {}
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.text,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _in_path(name: str, promises: Operation) -> dict[str, Any]:
    schema: Schema = ref(promises.path_schemas.get(name, PATH_PARAMETERS[name]))
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _shared(code: int) -> str:
    return f"BeforeAnyRoute{code}"
