"""Summaries, pages and waits as the house's own routes carry them: everything the files would tell, nothing lost.

Payloads stay raw bytes. An event travels as its line without the envelope, blobs put back in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model import history as h
from dfcli.model.entity_status import EntityFacts
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.status import InstanceSummary

OWN_BASE = "/dfcli/v1"


class WireSummary(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """An `InstanceSummary`; each payload stands in one of two members."""

    instance_id: str
    exec: int
    name: str = ""
    version: str | None = None
    execution_id: str = ""
    status: str = "Pending"
    created: str = ""
    updated: str = ""
    last_seq: int = 0
    last_timestamp: str = ""
    consumed: int = 0
    last_inbound: int = 0
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    output: Raw | UnsetType = UNSET
    output_text: str | UnsetType = UNSET
    custom_status: Raw | UnsetType = UNSET
    custom_status_text: str | UnsetType = UNSET
    failure: FailureDetails | None = None
    parent: h.Parent | None = None
    tags: dict[str, str] | None = None
    bytes: int = 0
    generation: int = 0
    open_tasks: dict[int, int] = {}
    open_timers: dict[int, str] = {}
    open_children: dict[int, str] = {}
    open_activities: int = 0
    next_timer: str | None = None
    suspended: bool = False
    complete: bool = True
    quarantined: str = ""
    request_id: str | None = None
    entity: EntityFacts | None = None
    rewinds: int = 0
    scheduled_start: str | None = None


class WireStatus(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One instance with what it waits for."""

    summary: WireSummary
    waits: list[Wait] = []
    parked: str = ""


class WirePage(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    items: list[WireSummary]
    continuation: str = ""


class HubInfo(msgspec.Struct, kw_only=True, rename="camel"):
    """Which host this is; a command checks that it serves the hub it means."""

    hub_name: str
    hub_path: str
    process_id: int
    started_at: str
    version: str


class Proof(msgspec.Struct):
    """The answer to a challenge; empty when keys are off."""

    proof: str = ""


class RunRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What a function that is run by hand is given instead of what its trigger would bring."""

    input: str = ""
    base64: bool = False
    """Whether `input` and `bindings` are base64, for contents that are no text."""
    file_name: str = ""
    metadata: dict[str, Any] = {}
    bindings: dict[str, str] = {}


class FunctionInfo(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One function of the app as it runs now."""

    name: str
    kind: str
    file: str
    line: int
    route: str | None = None
    methods: list[str] | None = None


class ErrorMember(msgspec.Struct, rename="camel"):
    """The machine's half of a refusal."""

    code: str = ""
    what: str = ""
    why: str = ""
    hint: str = ""


class ErrorBody(msgspec.Struct):
    error: ErrorMember = msgspec.field(default_factory=ErrorMember)


_PAYLOADS = ("input", "output", "custom_status")
_SHARED = tuple(
    name
    for name in InstanceSummary.__struct_fields__
    if name not in _PAYLOADS and name in WireSummary.__struct_fields__
)

encode = msgspec.json.Encoder().encode


def to_wire(summary: InstanceSummary) -> WireSummary:
    """The summary as it travels."""
    return WireSummary(
        **{name: getattr(summary, name) for name in _SHARED},
        input=summary.input.raw,
        input_text=summary.input.text,
        output=summary.output.raw,
        output_text=summary.output.text,
        custom_status=summary.custom_status.raw,
        custom_status_text=summary.custom_status.text,
    )


def from_wire(wire: WireSummary) -> InstanceSummary:
    """The summary that travelled."""
    return InstanceSummary(
        **{name: getattr(wire, name) for name in _SHARED},
        input=Payload(wire.input, wire.input_text),
        output=Payload(wire.output, wire.output_text),
        custom_status=Payload(wire.custom_status, wire.custom_status_text),
    )


def encode_page(page: Page) -> bytes:
    return encode(WirePage(items=[to_wire(summary) for summary in page.items], continuation=page.continuation))


def decode_page(body: bytes) -> Page:
    page = msgspec.json.decode(body, type=WirePage)
    return Page([from_wire(item) for item in page.items], page.continuation)


def encode_events(events: Iterable[h.Event]) -> bytes:
    """One event per line."""
    return b"".join(h.encode_members(event) + b"\n" for event in events)


def decode_events(body: bytes) -> list[h.Event]:
    return [h.decode_line(line) for line in split_lines(body)]


def split_lines(body: bytes) -> list[bytes]:
    """Lines end with a newline byte and with nothing else."""
    return body.split(b"\n")[:-1]


def filter_query(which: InstanceFilter) -> dict[str, str]:
    """A filter as query parameters; what is not asked for is left out."""
    wanted = {
        "status": ",".join(sorted(which.statuses)),
        "name": ",".join(sorted(which.names)),
        "prefix": which.prefix,
        "createdFrom": which.created_from or "",
        "createdTo": which.created_to or "",
        "parentId": which.parent_id or "",
        "newestFirst": "true" if which.newest_first else "",
    }
    return {name: value for name, value in wanted.items() if value}
