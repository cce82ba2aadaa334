"""The named schemas of the OpenAPI document. Those of structs are derived from the structs that are encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from dfcli.host.by_hand import FunctionRun
from dfcli.http import wire
from dfcli.http.admin import AdminFunction, HostStatus
from dfcli.http.contract import TEXT, Schema
from dfcli.http.entities import ShownEntity
from dfcli.http.ports import Functions
from dfcli.model.projection import STATUS_NUMBERS
from dfcli.model.rewound import RewindReport
from dfcli.model.status_object import StatusObject

_FORBIDDEN = "/\\\\#?\\u0000-\\u001f\\u007f-\\u009f"
_LINKS = (
    "statusQueryGetUri",
    "sendEventPostUri",
    "terminatePostUri",
    "rewindPostUri",
    "purgeHistoryDeleteUri",
    "restartPostUri",
    "suspendPostUri",
    "resumePostUri",
)
_REFUSED: Schema = {
    "type": "object",
    "description": "A refusal for machines; `requestId` is in the host's log, too.",
    "required": ["code", "requestId"],
    "properties": {"code": TEXT, "requestId": TEXT, "what": TEXT, "why": TEXT, "hint": TEXT},
}
_BY_HAND: dict[str, Schema] = {
    "InstanceId": {
        "type": "string",
        "description": "Of an orchestration: 1 to 256 characters, none of / \\ # ? and no control characters.",
        "pattern": f"^[^@{_FORBIDDEN}][^{_FORBIDDEN}]{{0,255}}$",
    },
    "AnyId": {
        "type": "string",
        "description": "Of an orchestration, or of an entity: `@name@key`.",
        "pattern": f"^[^{_FORBIDDEN}]{{1,256}}$",
    },
    "Name": {"type": "string", "minLength": 1, "maxLength": 128},
    "Key": {"type": "string", "pattern": f"^[^{_FORBIDDEN}]{{1,100}}$"},
    "EventName": {"type": "string", "pattern": "^[^\\u0000-\\u001f]{1,256}$"},
    "CheckStatus": {
        "type": "object",
        "description": "`{eventName}` and `{text}` are for the caller to fill in.",
        "required": ["id", *_LINKS],
        "properties": {"id": TEXT, **{name: {"type": "string"} for name in _LINKS}},
    },
    "Purged": {
        "type": "object",
        "required": ["instancesDeleted"],
        "properties": {"instancesDeleted": {"type": "integer", "minimum": 0}},
    },
    "Started": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
    "Health": {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": ["ok", "degraded", "no space", "stopped", "stopping"]}},
    },
    "DurableError": {
        "type": "object",
        "description": "A refusal as clients of Durable Functions read it.",
        "required": ["Message"],
        "properties": {"Message": TEXT, "ExceptionMessage": TEXT, "ExceptionType": TEXT, "error": _REFUSED},
    },
    "Refusal": {
        "type": "object",
        "description": "A refusal in the house's own words.",
        "required": ["Message", "error"],
        "properties": {"Message": TEXT, "error": _REFUSED},
    },
}
_STRUCTS = {
    "Status": StatusObject,
    "Entity": ShownEntity,
    "RewindReport": RewindReport,
    "WireStatus": wire.WireStatus,
    "WirePage": wire.WirePage,
    "HubInfo": wire.HubInfo,
    "Proof": wire.Proof,
    "FunctionInfo": wire.FunctionInfo,
    "FunctionRun": FunctionRun,
    "HostStatus": HostStatus,
    "AdminFunction": AdminFunction,
}

PATH_PARAMETERS = {"id": "AnyId", "name": "Name", "key": "Key", "event": "EventName"}
"""What stands in a path, by the name of the parameter."""


def named_schemas(functions: Functions) -> dict[str, Schema]:
    """All of them, by name; names of functions that can be started or signalled are those of the app."""
    _, derived = msgspec.json.schema_components(
        tuple(_STRUCTS.values()), schema_hook=_anything, ref_template="#/components/schemas/{name}"
    )
    for schema in derived.values():  # docstrings are for readers of the code
        schema.pop("description", None)
        schema.pop("title", None)
    schemas: dict[str, Schema] = {**derived, **_BY_HAND}
    for name, struct in _STRUCTS.items():
        if name != struct.__name__:
            schemas[name] = schemas.pop(struct.__name__)
    schemas["Status"]["properties"]["runtimeStatus"] = {"enum": list(STATUS_NUMBERS)}
    schemas["Orchestrator"] = _one_of(functions.known("orchestrator"))
    schemas["EntityName"] = _one_of(functions.known("entity"))
    return schemas


def _one_of(names: Sequence[str]) -> Schema:
    return {**_BY_HAND["Name"], "description": "In any case.", **({"enum": list(names)} if names else {})}


def _anything(kind: type) -> dict[str, Any]:
    """Members that hold any JSON value, which is only passed on."""
    if kind in (object, Raw):
        return {"description": "Any JSON value."}
    raise NotImplementedError
