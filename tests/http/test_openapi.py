"""The OpenAPI document: made of the routes, whole, and true of the running host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from dfcli.http.app import SERVED
from dfcli.http.openapi import Served, openapi_document
from dfcli.http.routing import Access, RouteTable
from tests.http.asgi_client import BASE, HOST, AsgiClient
from tests.http.fake_host import FakeHost, FakeRegistry

REFUSING = {(method, path) for method in ("POST", "DELETE") for path in ("entities", "entities/{name}")}
"""Addresses that mean nobody: they are routes only to be refused in Durable Functions' words."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = AsgiClient(FakeHost()).get(f"{BASE}/OpenAPI.json/").json
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_says_what_it_promises() -> None:
    silent = {(route.method, route.path) for _, table in SERVED for route in table.routes if route.promises is None}
    assert silent == REFUSING


def test_a_route_that_says_nothing_is_noticed() -> None:
    table = RouteTable()
    table.add("GET", "new", access=Access.SYSTEM)(None)  # type: ignore[arg-type]
    assert [route.path for route in table.routes if route.promises is None] == ["new"]
    assert openapi_document([Served("", table)], FakeRegistry(), version="1")["paths"] == {}


def test_the_document_names_every_path_as_it_is_written(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": f"http://{HOST}"}]
    assert f"{BASE}/instances/{{id}}/raiseEvent/{{event}}" in document["paths"]
    assert "/dfcli/v1/instances/{id}/events" in document["paths"]
    assert "/healthz" in document["paths"]
    described = {(method.upper(), path) for path, method, _ in operations(document)}
    routes = {
        ("POST" if route.method == "*" else route.method, f"{base}/{route.path}")
        for base, table in SERVED
        for route in table.routes
        if (route.method, route.path) not in REFUSING
    }
    assert described == routes


def test_ids_are_unique_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    references = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                references.add(node["$ref"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found is not None
    used = {reference.rsplit("/", 1)[1] for reference in references}
    assert set(document["components"]["schemas"]) <= used, "a schema that nothing uses"
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                assert link["operationId"] in ids


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for name in document["components"]["schemas"]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema)


def test_names_of_functions_are_those_of_the_app(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["Orchestrator"]["enum"] == ["hello", "other"]
    assert "enum" not in document["components"]["schemas"]["EntityName"]


def test_keys_are_described_while_they_are_asked_for() -> None:
    without = openapi_document(SERVED, FakeRegistry(), version="1")
    document = openapi_document(SERVED, FakeRegistry(), version="1", with_keys=True)
    assert "security" not in without
    assert "401" not in json.dumps(sorted(without["components"]["responses"]))
    assert {next(iter(each)) for each in document["security"]} == {"code", "header", "bearer"}
    for path, _, operation in operations(document):
        is_open = path in ("/", "/healthz", "/dfcli/v1/health", "/dfcli/v1/challenge")
        assert ("401" in operation["responses"]) == (not is_open), path
        assert operation.get("security") == ([] if is_open else None)


def test_a_body_whose_media_type_must_be_declared_is_required(document: dict[str, Any]) -> None:
    required = {op["operationId"] for _, _, op in operations(document) if op.get("requestBody", {}).get("required")}
    assert required == {"raiseEvent"}
