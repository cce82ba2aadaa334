"""What a route promises to its callers: parameters, body, and every status code with what comes with it.

Each route carries one `Operation`; the OpenAPI document is made of nothing else, so that it cannot drift from the
routes. What any route may answer before it is reached at all (see `guard`) stands here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
"""A JSON schema, in the dialect of OpenAPI 3.1."""

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}

JSON_TYPE = "application/json"
LINES_TYPE = "application/x-ndjson"
TEXT_TYPE = "text/plain"


def ref(name: str) -> Schema:
    """A schema of the document, by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a request header; path parameters follow from the path."""

    name: str
    schema: Schema
    text: str
    where: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes with one status code. No schema: an empty body."""

    text: str
    schema: Schema | None = None
    media_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names of headers that always come, and what they say."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request may carry."""

    text: str
    media_types: Mapping[str, Schema]
    required: bool = False
    """Whether its media type must be declared, though it may be empty."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, described. `id` is unique in the document."""

    id: str
    summary: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    follow_ups: tuple[str, ...] = ()
    """Operations that take the `id` of this one's 202 or 201 as theirs."""
    path_schemas: Mapping[str, str] = field(default_factory=dict)
    """Names of schemas for parameters of the path that are narrower than usual."""


def refusal(text: str) -> Answer:
    """A refusal in the house's own words: code, what, why, hint."""
    return Answer(text, ref("Refusal"))


BEFORE_ANY_ROUTE: Mapping[int, Answer] = {
    400: refusal("The request is malformed: framing, encoding, or more than 32 query parameters."),
    403: refusal("The request names another host, or comes from another web page."),
    414: refusal("The address is longer than 8 KiB."),
    415: refusal("The body is compressed."),
    431: refusal("The headers are larger than 32 KiB or more than 100."),
    500: refusal("A fault of dfcli; the log tells more under the request's id."),
    503: refusal("Too many requests are waiting, or the host is stopping. Nothing was done; try again."),
}
"""What every route may answer; a route that says more about one of these codes says it itself."""

WITH_KEYS: Mapping[int, Answer] = {
    401: refusal("No valid key was shown."),
    403: refusal("The key is not for this, the request names another host, or it comes from another web page."),
    429: refusal("Too many wrong keys came from this address."),
}
"""What every route that asks for a key may answer, while keys are asked for."""

TOO_LARGE = refusal("The body is too large: 16 MiB are allowed for payloads, 1 MiB elsewhere.")
NO_SPACE = refusal("The disk of the task hub is full. Nothing was recorded, nothing is lost.")
